"""How well the clusters of a layer are told apart: the silhouettes of its neurons.

s(i) = (b − a) / max(a, b), where a is the mean distance of neuron i to the others of its cluster and b the smallest
mean distance to those of another one; 0 for a cluster of one. Rousseeuw, "Silhouettes: a graphical aid to the
interpretation and validation of cluster analysis", 1987. Distances are Euclidean, between the neurons' profiles
(`cnnvis.model.features`); neurons that never fire are left out.

What is remembered are the summed distances of every neuron to each cluster. A cluster that differs from a known one
by some neurons costs only the distances to these, so that the figure can follow a hand that drags neurons around.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from cnnvis.model.activations import Activations
from cnnvis.model.features import comparable
from cnnvis.model.partition import Partition

MOST_ROWS = 4096
"""Of a larger layer so many neurons are rated, drawn by a fixed seed; each against all others."""
KEPT = 256
"""How many clusters' summed distances are remembered for one layer."""
CHEAP = 40_000_000
"""Multiplications that a window may wait for: about 20 ms."""
_BLOCK = 4_000_000  # distances at a time, 32 MB

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Silhouettes:
    """The silhouette of each neuron, −1 to 1, and its means.

    `units` (n_units,) is NaN for neurons that never fire and, in layers of more than 4,096, for those not drawn.
    `clusters` maps the id of a cluster to the mean of its neurons.
    """

    units: Floats
    clusters: Mapping[int, float]

    @property
    def mean(self) -> float:
        """Over all rated neurons."""
        return float(np.nanmean(self.units))


def silhouettes(activations: Activations, layer: str, partition: Partition) -> Silhouettes | None:
    """The silhouettes of a layer's neurons; None where there is nothing to compare: one cluster, or each of one neuron.

    The first time quadratic in the neurons (2,000 × 10 classes: about 50 ms), then as cheap as what has changed.
    May be called in any thread.
    """
    live = [c for c in partition if not c.dead]
    n = sum(map(len, live))
    if not 2 <= len(live) < n:
        return None
    distances = _distances(activations, layer)
    rows = distances.rows
    sums = np.stack([distances.sums(c.members) for c in live], axis=1)
    places = {c.id: i for i, c in enumerate(live)}
    own = np.array([places.get(c.id, -1) for c in partition])[partition.labels[rows]]
    sizes = np.array([len(c) for c in live], np.float64)
    rated = np.flatnonzero(own >= 0)
    own, sums = own[rated], sums[rated]
    line = np.arange(len(rated))
    a = sums[line, own] / np.maximum(sizes[own] - 1, 1)
    means = sums / sizes
    means[line, own] = np.inf
    b = means.min(1)
    top = np.maximum(a, b)
    found = np.divide(b - a, top, out=np.zeros_like(a), where=(top > 0) & (sizes[own] > 1))
    units = np.full(partition.n_units, np.nan)
    units[rows[rated]] = found
    counts = np.bincount(own, minlength=len(live))
    totals = np.bincount(own, weights=found, minlength=len(live))
    means_of = {c.id: float(totals[i] / counts[i]) for i, c in enumerate(live) if counts[i]}
    units.flags.writeable = False
    return Silhouettes(units, MappingProxyType(means_of))


def at_hand(activations: Activations, layer: str, partition: Partition) -> bool:
    """Whether `silhouettes` of a partition would answer at once, within about 20 ms."""
    if layer not in activations.layers:
        return False
    n, groups = len(activations[layer].total), max(int(activations.present.sum()), 1)
    if n * min(n, MOST_ROWS) * groups <= CHEAP:
        return True
    known = _DISTANCES.get(activations, {}).get(layer)
    return known is not None and known.cost([c.members for c in partition if not c.dead]) <= CHEAP


class _Distances:
    """The summed distances of a layer's (drawn) neurons to sets of neurons."""

    def __init__(self, points: Floats) -> None:
        n = len(points)
        self._points = points
        self._squares = np.einsum("ij,ij->i", points, points)
        drawn = np.arange(n) if n <= MOST_ROWS else np.random.default_rng(0).choice(n, MOST_ROWS, replace=False)
        self.rows = np.sort(drawn)
        self._drawn = points if len(drawn) == n else points[self.rows]
        self._known: OrderedDict[tuple[int, ...], Floats] = OrderedDict()
        self._latest: list[tuple[int, ...]] = [()] * n  # for each neuron the set that last held it
        self._lock = threading.Lock()

    def sums(self, members: tuple[int, ...]) -> Floats:
        """Σ over `members` of the distance of each drawn neuron, (n_rows,)."""
        with self._lock:
            found = self._known.get(members)
            if found is not None:
                self._known.move_to_end(members)
        if found is None:
            near = self._near(members)
            if near is None:
                found = self._measured(members)
            else:
                base, plus, minus = near
                found = self.sums(base) + self._part(plus) - self._part(minus)
                np.maximum(found, 0.0, out=found)
            self._keep(members, found)
        return found

    def cost(self, sets: Sequence[tuple[int, ...]]) -> int:
        """About how many multiplications the sums of these sets would take."""
        new = 0
        for members in sets:
            if members not in self._known:
                near = self._near(members)
                parts = [members] if near is None else [near[1], near[2]]
                new += sum(len(part) for part in parts if part not in self._known)
        return int(new * self._drawn.size)

    def _near(
        self, members: tuple[int, ...]
    ) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]] | None:
        """A known set that differs by fewer neurons than there are, what must be added to it, and what taken away."""
        met: dict[int, tuple[int, tuple[int, ...]]] = {}
        for unit in members:
            base = self._latest[unit]
            count, _ = met.get(id(base), (0, base))
            met[id(base)] = (count + 1, base)
        count, base = max(met.values(), key=lambda entry: entry[0])
        changed = len(members) + len(base) - 2 * count
        if base not in self._known or changed >= len(members):
            return None
        held = set(base)
        plus = tuple(unit for unit in members if unit not in held)
        held.difference_update(members)
        return base, plus, tuple(sorted(held))

    def _part(self, members: tuple[int, ...]) -> Floats:
        if not members:
            return np.zeros(len(self.rows))
        with self._lock:
            found = self._known.get(members)
        if found is None:
            found = self._measured(members)
            with self._lock:
                self._known[members] = found
        return found

    def _keep(self, members: tuple[int, ...], found: Floats) -> None:
        with self._lock:
            self._known[members] = found
            while len(self._known) > KEPT:
                self._known.popitem(last=False)
            for unit in members:
                self._latest[unit] = members

    def _measured(self, members: tuple[int, ...]) -> Floats:
        """Straight from the profiles, block by block."""
        chosen = np.asarray(members)
        there, squares = self._points[chosen].T, self._squares[chosen]
        found = np.empty(len(self.rows))
        step = max(_BLOCK // len(chosen), 1)
        for start in range(0, len(self.rows), step):
            rows = slice(start, start + step)
            lengths = self._squares[self.rows[rows], None] + squares
            apart = self._drawn[rows] @ there
            apart *= -2.0
            apart += lengths
            apart[apart < 1e-13 * lengths] = 0.0  # rounding, not distance
            found[rows] = np.sqrt(apart, out=apart).sum(1)
        return found


_DISTANCES: WeakKeyDictionary[Activations, dict[str, _Distances]] = WeakKeyDictionary()


def _distances(activations: Activations, layer: str) -> _Distances:
    known = _DISTANCES.setdefault(activations, {})
    found = known.get(layer)
    if found is None:
        found = known[layer] = _Distances(comparable(activations, layer))
    return found
