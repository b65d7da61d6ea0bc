"""What a card says about a cluster, read once from the responses and remembered with them."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from functools import cached_property
from weakref import ReferenceType, WeakKeyDictionary, ref

import numpy as np
from numpy.typing import NDArray

from cnnvis.errors import InvalidValue
from cnnvis.layout.class_groups import ClassColumn, column_means
from cnnvis.layout.marks import Face
from cnnvis.layout.sheet import short
from cnnvis.model.activations import Activations
from cnnvis.model.dataset import Dataset
from cnnvis.model.features import importance, ranked_members
from cnnvis.model.measurements import Contributions
from cnnvis.model.network import Layer
from cnnvis.model.partition import Cluster
from cnnvis.model.subset_responses import mean_over
from cnnvis.model.subsets import Subset

REMEMBERED = 2000
"""How many faces of one layer are kept before the memory starts anew."""

Columns = tuple[ClassColumn, ...]
Effects = dict[Columns, tuple[NDArray[np.float64], float]]
"""For the columns of a matrix the contributions of all units, and the size of a strong one."""


@dataclass(eq=False)
class Reading:
    """The responses of one layer as cards need them; lives as long as the activations it was read from."""

    owner: ReferenceType[Activations]
    layer: Layer
    extent: tuple[int, int] | None
    faces: dict[Hashable, Face] = field(default_factory=dict)
    columned: dict[Columns, NDArray[np.float64]] = field(default_factory=dict)
    effects: WeakKeyDictionary[Contributions, Effects] = field(default_factory=WeakKeyDictionary)
    subsets: dict[Subset, NDArray[np.float64]] = field(default_factory=dict)

    @property
    def activations(self) -> Activations:
        found = self.owner()
        if found is None:
            raise InvalidValue(f"The reading of {self.layer.name} must be used while its activations are.")
        return found

    @cached_property
    def weights(self) -> NDArray[np.float64]:
        """The importance of each unit, (n_units,) 0–1."""
        return importance(self.activations, self.layer.name)

    @cached_property
    def dead(self) -> NDArray[np.bool_]:
        """Which units never fired, (n_units,); none where no rectifier stands behind the layer."""
        fired = self.activations[self.layer.name].fired
        sure = self.layer.rectified and self.activations.n_samples > 0
        return np.asarray((fired == 0) & sure)

    def ranked(self, cluster: Cluster) -> tuple[int, ...]:
        """The members, representatives first."""
        return ranked_members(self.activations, self.layer.name, cluster, self.weights)

    def n_dead(self, cluster: Cluster) -> int:
        """How many members never fired."""
        return int(self.dead[list(cluster.members)].sum())

    def by_class(self, cluster: Cluster) -> NDArray[np.float64]:
        """The mean response of the members to each group, (n_groups,); NaN where a group has no sample."""
        found = self.activations[self.layer.name].total[list(cluster.members)].mean(0)
        counts = self.activations.counts
        return np.asarray(np.where(counts > 0, found / np.where(counts > 0, counts, 1.0), np.nan))

    def profile(self, cluster: Cluster) -> NDArray[np.float64]:
        """`by_class` from the weakest group (0) to the strongest (1); NaN where a group has no sample.

        Differences that are small beside the response itself stay small: a cluster that answers all alike is even.
        """
        means = self.by_class(cluster)
        if np.isnan(means).all():
            return means
        low, high = float(np.nanmin(means)), float(np.nanmax(means))
        span = max(high - low, 0.1 * max(abs(low), abs(high)))
        return np.asarray((means - low) / span) if span > 0 else np.where(np.isnan(means), np.nan, 0.0)

    def strength(self, cluster: Cluster) -> float:
        """The mean weight of its neurons, 0–1."""
        return float(self.weights[list(cluster.members)].mean())

    def top_groups(self, cluster: Cluster, n: int) -> list[int]:
        """The n groups that the cluster answers most strongly; none where it answers all alike."""
        means = self.by_class(cluster)
        known = np.flatnonzero(~np.isnan(means))
        if not len(known) or float(np.ptp(means[known])) <= 0:
            return []
        return [int(i) for i in known[np.argsort(-means[known], kind="stable")][:n]]

    def by_column(self, columns: Columns) -> NDArray[np.float64]:
        """The mean response of each unit of the layer to each column, (n_units, n_columns); NaN where no sample."""
        if columns not in self.columned:
            self.columned[columns] = column_means(
                self.activations[self.layer.name].total, self.activations.counts, columns
            )
        return self.columned[columns]

    def by_subset(self, subset: Subset) -> NDArray[np.float64]:
        """The mean response of each unit to the samples of a subset, (n_units,); NaN where that cannot be told."""
        if subset not in self.subsets:
            self.subsets[subset] = self._by_subset(subset)
        return self.subsets[subset]

    def _by_subset(self, subset: Subset) -> NDArray[np.float64]:
        try:
            rows = subset.rows(self.activations.samples)
            return mean_over(self.activations, self.layer.name, rows)
        except InvalidValue:  # it needs labels, or responses of single samples, and there are none
            return np.full(self.layer.n_units, np.nan)

    def exemplar(self, unit: int, used: set[int]) -> tuple[int, tuple[int, int, int, int] | None] | None:
        """The sample and crop that show a unit best: its strongest, or one nearly as strong that is not `used`.

        A card that shows one picture five times says less than one that shows five; the next one is taken only
        where its peak is at least 0.8 of the strongest. None where nothing drives the unit.
        """
        found = self.activations[self.layer.name]
        values = found.top_values[unit]
        usable = [k for k in range(len(values)) if found.top_samples[unit, k] >= 0 and np.isfinite(values[k])]
        if not usable or (self.layer.rectified and values[usable[0]] <= 0):
            return None
        best = float(values[usable[0]])
        near = [k for k in usable if values[k] >= best - 0.2 * abs(best)]
        pick = next((k for k in near if int(found.top_samples[unit, k]) not in used), usable[0])
        row, column = (int(v) for v in found.top_places[unit, pick])
        return int(found.top_samples[unit, pick]), self.crop(row, column)

    def crop(self, row: int, column: int) -> tuple[int, int, int, int] | None:
        """The square of the input around what a place of the map sees; None for the whole picture, and for no place.

        Where the field reaches beyond the picture, the square is moved inside it, so that nothing is distorted.
        """
        seen = self.layer.field
        extent = self.extent
        if row < 0 or seen is None or extent is None or len(seen.size) != 2 or seen.covers(extent) >= 0.999:
            return None
        height, width = extent
        side = min(max(round(max(seen.size)), 1), height, width)
        sides = []
        for place, axis, n in ((row, 0, height), (column, 1, width)):
            centre = seen.start[axis] + place * seen.jump[axis] + seen.size[axis] / 2
            low = min(max(round(centre - side / 2), 0), n - side)
            sides.append((low, low + side))
        (top, bottom), (left, right) = sides
        return (top, left, bottom, right)


@dataclass(frozen=True, eq=False)
class Table:
    """The usual values of a table's columns, by which a row's unusual ones are found."""

    data: Dataset
    mean: NDArray[np.float64]
    spread: NDArray[np.float64]

    def unusual(self, sample: int, n: int) -> list[str]:
        """The n features of a row that lie farthest from the mean, as "name value"."""
        row = np.asarray(self.data.picture(sample), np.float64).ravel()
        far = np.abs(np.nan_to_num((row - self.mean) / self.spread))
        names, order = self.data.features, np.argsort(-far, kind="stable")[:n]
        return [f"{names[i] if i < len(names) else i} {short(float(row[i]))}" for i in order]


_READINGS: WeakKeyDictionary[Activations, dict[str, Reading]] = WeakKeyDictionary()
_TABLES: WeakKeyDictionary[Activations, Table] = WeakKeyDictionary()


def read(activations: Activations, layer: Layer, extent: tuple[int, int] | None) -> Reading:
    """The reading of one layer, the same object for the same activations."""
    known = _READINGS.setdefault(activations, {})
    found = known.get(layer.name)
    if found is None or found.layer != layer or found.extent != extent:
        found = known[layer.name] = Reading(ref(activations), layer, extent)
    if len(found.faces) > REMEMBERED:
        found.faces.clear()
    return found


def table(activations: Activations) -> Table | None:
    """The table behind the activations, measured over up to 500 rows; None where the samples are no table."""
    data = activations.data
    if data is None or data.kind != "table" or not len(data):
        return None
    found = _TABLES.get(activations)
    if found is None:
        rows = np.unique(np.linspace(0, len(data) - 1, min(len(data), 500)).astype(int))
        values = np.stack([np.asarray(data.picture(int(i)), np.float64).ravel() for i in rows])
        spread = values.std(0)
        found = _TABLES[activations] = Table(data, values.mean(0), np.where(spread > 0, spread, 1.0))
    return found
