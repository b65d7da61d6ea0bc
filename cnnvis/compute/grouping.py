"""The groups of samples behind the columns of a recording: classes, predicted classes or quantiles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from cnnvis.compute.sums import Membership
from cnnvis.errors import InvalidValue
from cnnvis.model.activations import GroupKind
from cnnvis.model.dataset import Dataset
from cnnvis.model.network import Network

LabelForm = Literal["class", "several", "value", "none"]
"""What a label is: an index, a 0/1 vector, a number, or nothing."""

QUANTILES = 5


@dataclass(frozen=True, eq=False, slots=True)
class Grouping:
    """Named groups and the rule by which a sample belongs to some of them.

    `edges`: the inner edges of quantiles, of labels or, where there are none, of the output. `waits`: the edges are
    known only after the pass; until then there is one group of all samples.
    """

    kind: GroupKind
    names: tuple[str, ...]
    edges: NDArray[np.float64] | None = None
    waits: bool = False

    def __len__(self) -> int:
        return len(self.names)

    def members(self, labels: NDArray[Any], predictions: NDArray[np.int32]) -> Membership:
        """Which of some samples belong to which groups, from their labels (as in `Samples`) and predictions."""
        if self.waits:
            return Membership(np.arange(len(labels)), np.zeros(len(labels), np.int64))
        if self.kind == "label":
            rows, groups = np.nonzero(labels > 0)
            return Membership(rows, groups)
        if self.kind == "quantile":
            return self.of_values(labels)
        found = (labels if self.kind == "class" else predictions).astype(np.int64)
        rows = np.flatnonzero((found >= 0) & (found < len(self)))
        return Membership(rows, found[rows])

    def of_values(self, values: NDArray[Any]) -> Membership:
        """Which of some samples belong to which quantiles, from the values that are cut; NaN belongs to none."""
        assert self.edges is not None
        rows = np.flatnonzero(~np.isnan(values))
        return Membership(rows, np.searchsorted(self.edges, values[rows].astype(np.float64), side="left"))


def quantiles(values: NDArray[Any]) -> Grouping:
    """Five groups of about as many samples each; a value on an edge belongs to the lower one.

    The names hold the edges: recordings whose edges differ cannot be taken for one another.
    """
    known = values[~np.isnan(values)].astype(np.float64)
    shares = np.arange(1, QUANTILES) / QUANTILES
    edges = np.quantile(known, shares) if len(known) else np.zeros(QUANTILES - 1)
    bounds = [f"to {edges[0]:.5g}", *(f"{a:.5g} to {b:.5g}" for a, b in pairwise(edges)), f"from {edges[-1]:.5g}"]
    step = 100 // QUANTILES
    names = tuple(f"{i * step}–{(i + 1) * step} %: {bound}" for i, bound in enumerate(bounds))
    return Grouping("quantile", names, edges)


def label_form(labels: Sequence[Any] | NDArray[Any]) -> LabelForm:
    """What labels are, from all of them or those of the first batch."""
    if isinstance(labels, np.ndarray) and labels.dtype != object:
        if labels.ndim == 2:
            return "several"
        if np.issubdtype(labels.dtype, np.floating):
            return "none" if np.isnan(labels).all() else "value"
        return "class" if len(labels) and bool((labels >= 0).any()) else "none"
    known = [np.asarray(x) for x in labels if x is not None]
    if not known:
        return "none"
    kinds = {"several" if x.ndim == 1 else "value" if np.issubdtype(x.dtype, np.floating) else "class" for x in known}
    if len(kinds) > 1 or any(x.ndim > 1 or x.dtype.kind not in "biuf" for x in known):
        raise InvalidValue(
            "Labels of a data set must all be class indices, all numbers, all 0/1 vectors or None; "
            f"got {labels[0]!r} among others."
        )
    form: LabelForm = kinds.pop()  # type: ignore[assignment]
    return label_form(np.stack(known)) if form == "class" else form


def grouping(network: Network, data: Dataset, form: LabelForm, labels: NDArray[Any] | None) -> Grouping:
    """The groups of a data set's samples; `labels` are those of the whole data set where they are known beforehand.

    Quantiles are cut over the whole data set, so that shards of it share their groups.
    """
    n_outputs = network[network.output].n_units
    if form == "value":
        return quantiles(labels) if labels is not None else Grouping("quantile", ("all",), waits=True)
    if form == "none" and n_outputs == 1:
        return Grouping("quantile", ("all",), waits=True)
    named = _names(network, data, max(n_outputs, 2))
    if form == "none":
        return Grouping("prediction", named)
    if form == "several":
        width = n_outputs if labels is None else labels.shape[1]
        if width != len(named):
            raise InvalidValue(
                f"A label vector must have one entry for each of the network's {len(named)} classes; got {width}."
            )
        return Grouping("label", named)
    highest = -1 if labels is None else int(labels.max(initial=-1))
    if highest >= len(named):
        raise InvalidValue(
            f"A label must be below the network's number of classes, {len(named)}; got {highest}. "
            "Give the network's own class names, in its order."
        )
    return Grouping("class", named)


def _names(network: Network, data: Dataset, n_outputs: int) -> tuple[str, ...]:
    own = _own_names(network)
    if len(own) == 1 and n_outputs == 2:
        return (f"not {own[0]}", own[0])
    if len(own) >= n_outputs:
        return own
    if len(data.classes) == n_outputs:
        return tuple(data.classes)
    return tuple(f"class {i}" for i in range(n_outputs))


def _own_names(network: Network) -> tuple[str, ...]:
    """The names that somebody gave to the network's classes, not those that a trace makes up."""
    return () if network.classes == tuple(f"class {i}" for i in range(len(network.classes))) else network.classes


def renumbering(network: Network, data: Dataset) -> NDArray[np.int64] | None:
    """For each class of the data its index among the network's, where both are named, differ, and every name is found.

    None where the data's labels already are the network's indices.
    """
    own, theirs = tuple(data.classes), _own_names(network)
    if not own or not theirs or own == theirs or len(set(theirs)) != len(theirs):
        return None
    index = {name: i for i, name in enumerate(theirs)}
    if any(name not in index for name in own):
        return None
    known = data.labels
    if known is not None and (known.ndim != 1 or known.dtype.kind == "f" or int(known.max(initial=-1)) >= len(own)):
        return None
    return np.array([index[name] for name in own], np.int64)
