"""Which output of a network is each sample's own: that of its label, or of what the network says where it has none."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from cnnvis.compute.grouping import Grouping, label_form, quantiles
from cnnvis.compute.sums import Membership
from cnnvis.compute.table import ends_in_probabilities
from cnnvis.errors import InvalidValue
from cnnvis.model.activations import Activations
from cnnvis.model.network import Layer, Network


@dataclass(frozen=True, eq=False, slots=True)
class Own:
    """The own logits of samples, as pairs: `places[i]` says whose, `groups[i]` counts it where.

    The logit is `signs[i]` times the output of unit `units[i]`. A sample has one own logit; where labels are 0/1
    vectors one for each 1, and `turns[i]` counts them.
    """

    places: NDArray[np.int64]
    groups: NDArray[np.int64]
    units: NDArray[np.int64]
    signs: NDArray[np.float32]
    turns: NDArray[np.int64]

    def part(self, chosen: NDArray[np.bool_] | NDArray[np.int64]) -> Own:
        """Some of the pairs."""
        return Own(*(getattr(self, name)[chosen] for name in ("places", "groups", "units", "signs", "turns")))

    def of(self, places: NDArray[np.int64]) -> Own:
        """The pairs of some samples, given ascending; their places are those in `places` then."""
        found = self.part(np.isin(self.places, places))
        return Own(np.searchsorted(places, found.places), found.groups, found.units, found.signs, found.turns)

    @property
    def rounds(self) -> tuple[Own, ...]:
        """The pairs in turns: no sample occurs twice in one."""
        return tuple(self.part(self.turns == turn) for turn in range(int(self.turns.max(initial=-1)) + 1))

    def values(self, logits: NDArray[np.float32]) -> NDArray[np.float64]:
        """The own logit of each pair, from the outputs of all samples (n, n_outputs)."""
        return logits[self.places, self.units].astype(np.float64) * self.signs


def own_logits(network: Network, activations: Activations) -> Own:
    """The own logits of all samples that the network has read; places are rows of the table of samples.

    The own class is the label, each of several labels, or the prediction where there is none. Where the network has
    one output for two classes, the logit of the first is its negative. For regression it is the strongest output,
    counted in the quantile of the sample.
    """
    table = activations.samples
    rows = np.flatnonzero(table.read)
    if activations.kind == "quantile":
        members = _quantiles(activations).of_values(_cut(activations)[rows])
        places, groups = rows[members.rows], members.groups
        units = np.maximum(table.predictions[places].astype(np.int64), 0)
        return Own(places, groups, units, np.ones(len(units), np.float32), np.zeros(len(units), np.int64))
    members = _classes(activations, rows)
    places, groups = rows[members.rows], members.groups.astype(np.int64)
    units, signs = _units(network, groups)
    return Own(places, groups, units, signs, _turns(places))


def _classes(activations: Activations, rows: NDArray[np.int64]) -> Membership:
    """The classes of some rows of the table."""
    table, n = activations.samples, len(activations.groups)
    said = table.predictions[rows].astype(np.int64)
    if table.labels.ndim == 2:
        labels = table.labels[rows] > 0
        bare = np.flatnonzero(~labels.any(1) & (said >= 0))
        labels[bare, said[bare]] = True
        return Membership(*np.nonzero(labels))
    known = np.issubdtype(table.labels.dtype, np.integer)
    found = np.where(table.labels[rows] >= 0, table.labels[rows], said).astype(np.int64) if known else said
    kept = np.flatnonzero((found >= 0) & (found < n))
    return Membership(kept, found[kept])


def _units(network: Network, groups: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The output and the sign that stand for each class."""
    if network[network.output].n_units > 1:
        return groups, np.ones(len(groups), np.float32)
    return np.zeros(len(groups), np.int64), np.where(groups > 0, 1.0, -1.0).astype(np.float32)


def _turns(places: NDArray[np.int64]) -> NDArray[np.int64]:
    """For each entry of an ascending list how many equal ones stand before it."""
    return np.arange(len(places)) - np.searchsorted(places, places)


def _cut(activations: Activations) -> NDArray[np.float64]:
    """The values that quantiles are cut of: the labels, or the output where there are none."""
    table = activations.samples
    floats = label_form(table.labels) == "value"
    return np.asarray(table.labels if floats else table.scores[:, 0], np.float64)


def _quantiles(activations: Activations) -> Grouping:
    """The quantiles of a recording: cut over the whole data set where its labels are known beforehand."""
    table, data = activations.samples, activations.data
    known = None if data is None or data.labels is None else np.asarray(data.labels)
    if known is not None and known.ndim == 1 and label_form(known) == "value":
        found = quantiles(known)
        if found.names == activations.groups:
            return found
    return quantiles(_cut(activations)[table.read])


def aimed(network: Network, activations: Activations, target: int) -> tuple[int, float]:
    """The output and the sign that stand for a class, or for an output of a regression.

    Raises InvalidValue where there is no such class.
    """
    of_values = activations.kind == "quantile"
    n = network[network.output].n_units if of_values else len(activations.groups)
    if not 0 <= target < n:
        what = "an output" if of_values else "a class"
        raise InvalidValue(f"The target must be {what} of {network.name}, 0 … {n - 1}; got {target}.")
    if of_values:
        return target, 1.0
    units, signs = _units(network, np.array([target], np.int64))
    return int(units[0]), float(signs[0])


def outputs(value: Tensor, layer: Layer) -> Tensor:
    """The outputs of each sample, (n, n_outputs), from the response of the network's output; differentiable.

    A map of scores is pooled by its mean.
    """
    value = value.reshape(-1, *layer.shape)  # a network may have dropped the axis of a single sample
    units = value.movedim((layer.unit_axis or 0) % len(layer.shape) + 1, 1)
    return units.flatten(2).mean(2) if units.dim() > 2 else units


def predicted(network: Network, logits: NDArray[np.float32]) -> NDArray[np.int64]:
    """The class that each row of outputs says, the lower one among equals; −1 where it holds NaN or infinities."""
    if network[network.output].n_units == 1:
        found = (logits[:, 0] > (0.5 if ends_in_probabilities(network) else 0.0)).astype(np.int64)
    else:
        found = logits.argmax(1).astype(np.int64)
    found[~np.isfinite(logits).all(1)] = -1
    return found
