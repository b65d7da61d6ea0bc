"""Sums per group, top lists and histograms over many units at once, in numpy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cnnvis.model.activations import HISTOGRAM_BINS, histogram_edges

SQUARES_TO = 100
"""Up to this many groups, squares and maxima are kept per group; beyond, over all groups together."""


_NOBODY = np.iinfo(np.int64).max
_LOW_BITS = 17


@dataclass(frozen=True, eq=False, slots=True)
class Membership:
    """Which rows of a batch belong to which groups: pairs (rows[i], groups[i]); a row may occur several times."""

    rows: NDArray[np.int64]
    groups: NDArray[np.int64]


class GroupSums:
    """Count, sum, sum of squares and maximum of pooled responses per group; transposed: (groups, units)."""

    def __init__(self, n_groups: int, n_units: int) -> None:
        wide = n_groups if n_groups <= SQUARES_TO else 1
        self.counts = np.zeros(n_groups)
        self.total = np.zeros((n_groups, n_units))
        self.squares = np.zeros((wide, n_units))
        self.highest = np.full((wide, n_units), -np.inf, np.float32)

    def add(self, pooled: NDArray[np.float32], members: Membership) -> None:
        """Adds the pooled responses (rows, units) of a batch to the groups of its rows."""
        if not len(members.rows):
            return
        order = np.argsort(members.groups, kind="stable")
        values = pooled[members.rows[order]]
        found, starts, counts = np.unique(members.groups[order], return_index=True, return_counts=True)
        self.counts[found] += counts
        exact = values.astype(np.float64)
        self.total[found] += np.add.reduceat(exact, starts, axis=0)
        exact *= exact
        if len(self.squares) == len(self.total):
            self.squares[found] += np.add.reduceat(exact, starts, axis=0)
            self.highest[found] = np.maximum(self.highest[found], np.maximum.reduceat(values, starts, axis=0))
        else:
            self.squares[0] += exact.sum(0)
            np.maximum(self.highest[0], values.max(0), out=self.highest[0])


class TopTable:
    """Per unit the k strongest samples, strongest first, among equals the lower sample first."""

    def __init__(self, n_units: int, k: int) -> None:
        self.samples = np.full((n_units, k), -1, np.int64)
        self.values = np.full((n_units, k), -np.inf, np.float32)
        self.places = np.zeros((n_units, k, 2), np.int32)
        self.lowest = np.full(n_units, -np.inf, np.float32)

    def add(
        self,
        units: NDArray[np.int64],
        values: NDArray[np.float32],
        samples: NDArray[np.int64],
        places: NDArray[np.integer],
    ) -> None:
        """Lets candidates in: entry i is the value of sample `samples[i]` at unit `units[i]`, found at `places[i]`."""
        if not len(units):
            return
        k = self.values.shape[1]
        order = np.argsort(units, kind="stable")
        touched, starts, counts = np.unique(units[order], return_index=True, return_counts=True)
        row = np.repeat(np.arange(len(touched)), counts)
        column = k + np.arange(len(units)) - np.repeat(starts, counts)
        shape = (len(touched), k + int(counts.max()))
        value, sample = np.full(shape, -np.inf, np.float32), np.full(shape, _NOBODY)
        place = np.zeros((*shape, 2), np.int32)
        value[:, :k], place[:, :k] = self.values[touched], self.places[touched]
        sample[:, :k] = np.where(self.samples[touched] < 0, _NOBODY, self.samples[touched])
        value[row, column], sample[row, column], place[row, column] = values[order], samples[order], places[order]
        by_sample = np.argsort(sample, axis=1, kind="stable")
        by_value = np.argsort(-np.take_along_axis(value, by_sample, 1), axis=1, kind="stable")[:, :k]
        kept = np.take_along_axis(by_sample, by_value, 1)
        found = np.take_along_axis(sample, kept, 1)
        self.values[touched] = np.take_along_axis(value, kept, 1)
        self.samples[touched] = np.where(found == _NOBODY, -1, found)
        self.places[touched] = np.take_along_axis(place, kept[:, :, None], 1)
        self.lowest[touched] = self.values[touched, -1]


class Histogram:
    """Per unit how many pooled responses fall into each of the log bins of `histogram_edges`."""

    def __init__(self, n_units: int) -> None:
        self._counts = np.zeros(n_units * HISTOGRAM_BINS, np.int64)
        self._first = np.arange(0, n_units * HISTOGRAM_BINS, HISTOGRAM_BINS)
        edges = histogram_edges()
        # The largest float32 ≤ each edge: for a float32 response the same comparison as with the edge itself.
        single = edges.astype(np.float32)
        below = np.where(single > edges, np.nextafter(single, np.float32(-np.inf)), single)
        self._edges = np.append(below, np.float32(np.inf))
        # The upper half of a float's bits leads to its bin, or to the one before where an edge lies between: the
        # edges are too far apart for two. Ten times as fast as a search.
        starts = (np.arange(1 << (31 - _LOW_BITS), dtype=np.int32) << _LOW_BITS).view(np.float32)
        self._table = np.searchsorted(below, starts, side="left")

    def add(self, pooled: NDArray[np.float32]) -> None:
        """Counts the pooled responses (rows, units), all finite."""
        bins = self._table[np.maximum(pooled.view(np.int32), 0) >> _LOW_BITS]
        bins += pooled > self._edges[bins]
        bins += self._first
        self._counts += np.bincount(bins.ravel(), minlength=len(self._counts))

    @property
    def counts(self) -> NDArray[np.int64]:
        """The counts so far, (units, bins)."""
        return self._counts.reshape(-1, HISTOGRAM_BINS)
