"""A partition of a layer's units into clusters, and what a hand can do to it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cnnvis.errors import InvalidValue, UnknownName

_HEX = re.compile(r"#[0-9a-fA-F]{6}")


@dataclass(frozen=True, slots=True)
class Cluster:
    """Some units of a layer, under an id that survives edits.

    `members` are sorted unit indices. `dead` marks the reserved cluster of neurons that never fire. A `locked`
    cluster keeps its members when the layer is clustered again. `colour` is a hex string such as #3f938a, or "".
    `pinned` members represent the cluster before all others, in this order.
    """

    id: int
    members: tuple[int, ...]
    name: str = ""
    locked: bool = False
    dead: bool = False
    note: str = ""
    colour: str = ""
    pinned: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "members", tuple(sorted(map(int, self.members))))
        if self.colour and not _HEX.fullmatch(self.colour):
            raise InvalidValue(f"Cluster.colour must be hex such as #3f938a, or empty; got {self.colour[:40]!r}.")
        if self.pinned:
            object.__setattr__(self, "pinned", tuple(dict.fromkeys(map(int, self.pinned))))
            if not set(self.pinned) <= set(self.members):
                raise InvalidValue(f"Cluster.pinned must be units of cluster {self.id}; got {list(self.pinned)}.")

    def __len__(self) -> int:
        return len(self.members)

    @property
    def title(self) -> str:
        """Its name, or how many neurons it holds."""
        if self.name:
            return self.name
        n = len(self.members)
        return ("never fire · " if self.dead else "") + (f"{n} neuron" if n == 1 else f"{n} neurons")

    def holding(self, members: Iterable[int]) -> Cluster:
        """The same cluster with other members; those pinned that it no longer holds are forgotten."""
        held = tuple(members)
        pinned = tuple(p for p in self.pinned if p in set(held)) if self.pinned else ()
        return replace(self, members=held, pinned=pinned)


@dataclass(frozen=True)
class Partition:
    """Units 0 … n−1, each in exactly one cluster. Every edit gives a new partition.

    `partition[id]` is the cluster of that id; iteration follows the drawn order. Clusters that an edit does not
    touch stay the same objects.
    """

    clusters: tuple[Cluster, ...]

    def __post_init__(self) -> None:
        members = [m for c in self.clusters for m in c.members]
        if sorted(members) != list(range(len(members))):
            raise InvalidValue("Partition.clusters must hold the units 0 … n−1, each exactly once.")
        if len({c.id for c in self.clusters}) != len(self.clusters):
            raise InvalidValue("Partition.clusters must have different ids; one occurs twice.")
        if any(not c.members for c in self.clusters):
            raise InvalidValue("Partition.clusters must each hold at least one unit; one is empty.")

    @classmethod
    def from_labels(cls, labels: ArrayLike, dead: ArrayLike | None = None) -> Partition:
        """Clusters numbered by label: unit i joins the cluster `labels[i]`; units where `dead` form a last one."""
        found = np.asarray(labels, dtype=np.int64)
        if found.ndim != 1:
            raise InvalidValue(f"Partition.from_labels needs one label per unit; got an array of shape {found.shape}.")
        never = np.zeros(len(found), bool) if dead is None else np.asarray(dead, bool)
        if never.shape != found.shape:
            raise InvalidValue(f"Partition.from_labels needs dead for {len(found)} units; got {len(never)}.")
        clusters: list[Cluster] = []
        for label in np.unique(found[~never]):
            members = np.flatnonzero((found == label) & ~never)
            clusters.append(Cluster(len(clusters), tuple(members.tolist())))
        if never.any():
            clusters.append(Cluster(len(clusters), tuple(np.flatnonzero(never).tolist()), dead=True))
        return cls(tuple(clusters))

    @cached_property
    def n_units(self) -> int:
        return sum(len(c) for c in self.clusters)

    def __len__(self) -> int:
        return len(self.clusters)

    def __iter__(self) -> Iterator[Cluster]:
        return iter(self.clusters)

    def __getitem__(self, id: int) -> Cluster:
        for cluster in self.clusters:
            if cluster.id == id:
                return cluster
        raise UnknownName(f"A cluster id must be one of {sorted(c.id for c in self.clusters)}; got {id!r}.")

    @cached_property
    def labels(self) -> NDArray[np.int64]:
        """For every unit the index of its cluster in `clusters` (not its id), (n_units,)."""
        out = np.empty(self.n_units, np.int64)
        for index, cluster in enumerate(self.clusters):
            out[list(cluster.members)] = index
        out.flags.writeable = False
        return out

    def cluster_of(self, unit: int) -> Cluster:
        """The cluster that holds a unit."""
        if not 0 <= unit < self.n_units:
            raise UnknownName(f"A unit must be 0 … {self.n_units - 1}; got {unit}.")
        return self.clusters[int(self.labels[unit])]

    def rename(self, id: int, name: str) -> Partition:
        """The same units; the cluster is called `name`."""
        return self._with(id, lambda c: replace(c, name=name.strip()))

    def annotate(self, id: int, note: str) -> Partition:
        """The same units; the cluster carries a note."""
        return self._with(id, lambda c: replace(c, note=note))

    def lock(self, id: int, locked: bool = True) -> Partition:
        """The same units; the cluster keeps its members when the layer is clustered again."""
        return self._with(id, lambda c: replace(c, locked=locked))

    def recolour(self, id: int, colour: str) -> Partition:
        """The same units; the cluster is marked with a hex colour, or with none ("")."""
        return self._with(id, lambda c: replace(c, colour=colour))

    def pin(self, unit: int, pinned: bool = True) -> Partition:
        """The same clusters; the unit represents its own before all others, behind those pinned earlier, or no more."""
        home = self.cluster_of(unit)
        others = tuple(p for p in home.pinned if p != unit)
        return self._with(home.id, lambda c: replace(c, pinned=(*others, unit) if pinned else others))

    def _with(self, id: int, change: Callable[[Cluster], Cluster]) -> Partition:
        changed = change(self[id])
        return Partition(tuple(changed if c.id == id else c for c in self.clusters))

    def merge(self, *ids: int) -> Partition:
        """The clusters of `ids` as one, in the place and under the id, name and marks of the first."""
        if len(set(ids)) < 2:
            raise InvalidValue(f"Partition.merge needs two different clusters or more; got {ids}.")
        parts = [self[i] for i in dict.fromkeys(ids)]
        first = parts[0]
        named = next((p.name for p in parts if p.name), "")
        members = tuple(m for p in parts for m in p.members)
        pinned = tuple(u for p in parts for u in p.pinned)
        merged = replace(first, members=members, pinned=pinned, name=named, dead=all(p.dead for p in parts))
        gone = {p.id for p in parts[1:]}
        return Partition(tuple(merged if c.id == first.id else c for c in self.clusters if c.id not in gone))

    def split(self, id: int, units: Iterable[int]) -> Partition:
        """`units` leave their cluster and form a new one, right behind it, under a new id."""
        parent = self[id]
        out = {int(u) for u in units}
        if not out or not out < set(parent.members):
            raise InvalidValue(
                f"Partition.split needs some but not all of the {len(parent)} units of cluster {id}; got {sorted(out)}."
            )
        rest = parent.holding(m for m in parent.members if m not in out)
        pinned = tuple(u for u in parent.pinned if u in out)
        new = Cluster(self._free_id(), tuple(out), dead=parent.dead, pinned=pinned)
        found: list[Cluster] = []
        for c in self.clusters:
            found += [rest, new] if c.id == id else [c]
        return Partition(tuple(found))

    def move(self, units: Iterable[int], to: int) -> Partition:
        """`units` join the cluster `to`; clusters that are left empty vanish."""
        target, moved = self[to], self._some(units, "move")
        never = target.dead and all(self.cluster_of(u).dead for u in moved)
        found = []
        for c in self.clusters:
            if c.id == to:
                here = moved <= set(c.members)
                c = c if here else replace(target, members=tuple(moved | set(c.members)), dead=never)
            elif moved & set(c.members):
                c = c.holding(m for m in c.members if m not in moved)
            if c.members:
                found.append(c)
        return Partition(tuple(found))

    def gather(self, units: Iterable[int]) -> Partition:
        """`units`, of one cluster or several, form a new one under a new id; clusters that are left empty vanish.

        It stands right behind the cluster that most of them came from. Raises InvalidValue where they are a cluster
        already.
        """
        moved = self._some(units, "gather")
        homes = {id: len(moved & set(self[id].members)) for id in sorted({self.cluster_of(u).id for u in moved})}
        first = max(homes, key=lambda id: homes[id])
        if moved == set(self[first].members):
            raise InvalidValue(f"Partition.gather needs units that are no cluster yet; cluster {first} is just them.")
        dead = all(self[id].dead for id in homes)
        new = Cluster(self._free_id(), tuple(moved), dead=dead)
        found: list[Cluster] = []
        for c in self.clusters:
            rest = c.holding(m for m in c.members if m not in moved) if c.id in homes else c
            found += ([rest] if rest.members else []) + ([new] if c.id == first else [])
        return Partition(tuple(found))

    def _some(self, units: Iterable[int], verb: str) -> set[int]:
        found = {int(u) for u in units}
        if not found or min(found) < 0 or max(found) >= self.n_units:
            raise InvalidValue(f"Partition.{verb} needs units of 0 … {self.n_units - 1}; got {sorted(found)}.")
        return found

    def reorder(self, ids: Sequence[int]) -> Partition:
        """The same clusters in another drawn order."""
        if sorted(ids) != sorted(c.id for c in self.clusters):
            raise InvalidValue("Partition.reorder needs every cluster id exactly once.")
        return Partition(tuple(self[i] for i in ids))

    def _free_id(self) -> int:
        return max(c.id for c in self.clusters) + 1
