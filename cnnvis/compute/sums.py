"""Sums per group and top lists over many units at once, in numpy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SQUARES_TO = 100
"""Up to this many groups, squares and maxima are kept per group; beyond, over all groups together."""


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
        touched = np.unique(units)
        owners = np.concatenate([np.repeat(touched, k), units])
        value = np.concatenate([self.values[touched].ravel(), values])
        sample = np.concatenate([self.samples[touched].ravel(), samples])
        place = np.concatenate([self.places[touched].reshape(-1, 2), places])
        order = np.lexsort((sample, -value, owners))
        starts = np.searchsorted(owners[order], touched)
        kept = order[starts[:, None] + np.arange(k)]
        self.values[touched], self.samples[touched] = value[kept], sample[kept]
        self.places[touched] = place[kept]
        self.lowest[touched] = self.values[touched, -1]
