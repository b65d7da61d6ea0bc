"""What a network's units answered to a set of samples: statistics that merge, and exemplars."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from cnnvis.errors import InvalidValue, UnknownName, did_you_mean
from cnnvis.model.dataset import Dataset
from cnnvis.model.nouns import IMAGE, Noun, noun_of

GroupKind = Literal["class", "prediction", "quantile", "label"]

HISTOGRAM_BINS = 32


def histogram_edges() -> NDArray[np.float64]:
    """The edges of the log bins of a response's magnitude, in decades from 1e-4 to 1e4, (HISTOGRAM_BINS − 1,).

    Bin 0 counts responses ≤ the first edge (so zero and negative ones), the last bin those above the last edge.
    """
    return np.logspace(-4, 4, HISTOGRAM_BINS - 1)


def frozen(array: NDArray[Any]) -> NDArray[Any]:
    """The same array, read-only."""
    array.flags.writeable = False
    return array


@dataclass(frozen=True, slots=True)
class Skipped:
    """A sample that could not be read, and why."""

    name: str
    reason: str


@dataclass(frozen=True, eq=False)
class Samples:
    """The table of samples: one row for each sample of the data set that was asked for, in its order.

    `indices` (n,): the index of each row in the data set. `labels` (n,) int class index (−1: none) or float
    (regression), or (n, m) 0/1. `ranked` (n, r) int32 and `scores` (n, r) float32: the r ≤ 5 strongest outputs
    and their confidences (softmax or sigmoid; the raw outputs for regression), −1 and NaN where skipped.
    `read` (n,) bool: whether the network has seen it.
    """

    names: tuple[str, ...]
    indices: NDArray[np.int64]
    labels: NDArray[Any]
    ranked: NDArray[np.int32]
    scores: NDArray[np.float32]
    read: NDArray[np.bool_]
    skipped: tuple[Skipped, ...] = ()

    def __len__(self) -> int:
        return len(self.names)

    @property
    def predictions(self) -> NDArray[np.int32]:
        """The strongest output of each sample, (n,); −1 where skipped."""
        return self.ranked[:, 0]

    @property
    def confidences(self) -> NDArray[np.float32]:
        """The score of the strongest output, (n,)."""
        return self.scores[:, 0]

    @cached_property
    def rows(self) -> dict[int, int]:
        """For each index of the data set its row in this table."""
        return {int(index): row for row, index in enumerate(self.indices)}

    @property
    def accuracy(self) -> float | None:
        """The share of labelled, read samples whose prediction is their label; None where there are none."""
        if self.labels.ndim != 1 or not np.issubdtype(self.labels.dtype, np.integer):
            return None
        known = self.read & (self.labels >= 0)
        return float(np.mean(self.predictions[known] == self.labels[known])) if known.any() else None

    def accuracy_of(self, label: int) -> float | None:
        """The accuracy on the samples of one class; None where there are none."""
        if self.labels.ndim != 1 or not np.issubdtype(self.labels.dtype, np.integer):
            return None
        known = self.read & (self.labels == label)
        return float(np.mean(self.predictions[known] == label)) if known.any() else None


@dataclass(frozen=True, eq=False)
class Responses:
    """How the units of one layer responded; sums, so that two of them merge exactly.

    total (n_units, n_groups) float64: sum of pooled responses over the samples of each group. squares
    (n_units, n_groups, or 1 beyond 100 groups) float64: sum of their squares. highest, same shape, float32: the
    largest pooled response (−inf where none). fired (n_units,) int64: samples whose map is > 0 somewhere.
    histogram (n_units, HISTOGRAM_BINS) int64 of pooled responses (see `histogram_edges`). place
    (n_units, 8, 8) float64: sum of the maps pooled to 8×8; None where the layer has no plane. top_samples
    (n_units, k) int64: indices into the data set, strongest first, −1 where fewer; top_values (n_units, k)
    float32: the peak of the map; top_places (n_units, k, 2) int32: where it is (row, column; 0 where none, −1 where
    nobody knows: of a subset that was not recorded).
    pooled (n_samples, n_units) float16, rows as in `Samples`; a memory map or None where dropped.
    """

    layer: str
    total: NDArray[np.float64]
    squares: NDArray[np.float64]
    highest: NDArray[np.float32]
    fired: NDArray[np.int64]
    histogram: NDArray[np.int64]
    place: NDArray[np.float64] | None
    top_samples: NDArray[np.int64]
    top_values: NDArray[np.float32]
    top_places: NDArray[np.int32]
    pooled: NDArray[np.float16] | None = None

    @property
    def n_units(self) -> int:
        return int(self.total.shape[0])


@dataclass(frozen=True, eq=False)
class Activations:
    """The responses of the recorded layers to a set of samples, grouped by class, prediction or quantile.

    `groups` name the columns of every per-group array; `counts` (n_groups,) float64 says how many samples stand
    behind each: always look at it beside a mean. `data` is the data set they came from, where it is connected; `noun`
    what a user calls a sample of it.
    """

    groups: tuple[str, ...]
    kind: GroupKind
    counts: NDArray[np.float64]
    layers: Mapping[str, Responses]
    samples: Samples
    data: Dataset | None = None
    seed: int = 0
    notes: tuple[str, ...] = field(default=())
    noun: Noun = IMAGE

    def __post_init__(self) -> None:
        if self.data is not None:
            object.__setattr__(self, "noun", noun_of(self.data.kind))
        if not isinstance(self.layers, MappingProxyType):  # which may be one that makes its layers when asked
            object.__setattr__(self, "layers", MappingProxyType(dict(self.layers)))
        if len(self.groups) != len(self.counts):
            raise InvalidValue(
                f"Activations.counts must be as many as its groups; got {len(self.counts)} for {len(self.groups)}."
            )

    def __getitem__(self, layer: str) -> Responses:
        if layer not in self.layers:
            raise UnknownName(f"A recorded layer must be named; got {layer!r}. {did_you_mean(layer, self.layers)}")
        return self.layers[layer]

    @property
    def n_samples(self) -> int:
        """The number of samples that the network has seen."""
        return int(self.samples.read.sum())

    @cached_property
    def present(self) -> NDArray[np.bool_]:
        """Which groups have at least one sample, (n_groups,)."""
        return frozen(self.counts > 0)

    def means(self, layer: str) -> NDArray[np.float64]:
        """The mean pooled response of each unit to each group, (n_units, n_groups); NaN where a group is empty."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(self[layer].total / np.where(self.counts > 0, self.counts, np.nan))

    def mean(self, layer: str) -> NDArray[np.float64]:
        """The mean pooled response of each unit over all groups' samples, (n_units,); 0 where there are none."""
        return np.asarray(self[layer].total.sum(1) / max(float(self.counts.sum()), 1.0))

    def spread(self, layer: str) -> NDArray[np.float64]:
        """The standard deviation of each unit's pooled response over all samples, (n_units,)."""
        n = max(float(self.counts.sum()), 1.0)
        found = self[layer]
        return np.asarray(np.sqrt(np.maximum(found.squares.sum(1) / n - (found.total.sum(1) / n) ** 2, 0.0)))

    def dead_fraction(self, layer: str) -> NDArray[np.float64]:
        """The share of samples on which each unit's map is ≤ 0 everywhere, (n_units,), 0–1."""
        return np.asarray(1.0 - self[layer].fired / max(self.n_samples, 1))
