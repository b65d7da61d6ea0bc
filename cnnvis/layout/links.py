"""Which cluster edges are worth drawing: block sums of the connections, and the rule that keeps the strongest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from cnnvis.model.connections import Connections
from cnnvis.model.network import Network
from cnnvis.model.partition import Cluster, Partition
from cnnvis.model.session import BundleKey

Matrix = NDArray[np.float64]
Blocks = tuple[Matrix, Matrix]


@dataclass(frozen=True, slots=True, eq=False)
class Lane:
    """The edges between two columns: positive and negative parts, both ≥ 0, (n_sources, n_sinks), and which to draw."""

    source: int
    sink: int
    positive: Matrix
    negative: Matrix

    @property
    def strength(self) -> Matrix:
        """|w+| + |w−| relative to the strongest edge of these two columns, 0–1."""
        total = np.nan_to_num(self.positive + self.negative, nan=0.0, posinf=0.0)
        top = float(total.max(initial=0.0))
        return np.asarray(total / top if top > 0 else total)


@dataclass(frozen=True, slots=True)
class Joint:
    """One edge that is drawn: column and card at both ends, its two parts, its strength, and the bundle it is in."""

    source: tuple[int, int]
    sink: tuple[int, int]
    positive: float
    negative: float
    strength: float
    bundle: BundleKey | None = None


_BLOCKS: WeakKeyDictionary[Connections, dict[tuple[str, str], tuple[Partition, Partition, Blocks]]] = (
    WeakKeyDictionary()
)
_SINGLE: dict[int, Partition] = {}


def blocks(connections: Connections, source: str, sink: str, sources: Partition, sinks: Partition) -> Blocks:
    """The block sums of one pair of layers; after an edit only those of the clusters that it touched are new."""
    known = _BLOCKS.setdefault(connections, {})
    found = known.get((source, sink))
    if found is not None and found[0] is sources and found[1] is sinks:
        return found[2]
    made = _edited(connections, source, sink, sources, sinks, found) if found is not None else None
    if made is None:
        made = connections.blocks(source, sink, sources, sinks)
    known[source, sink] = (sources, sinks, made)
    return made


def _edited(
    connections: Connections,
    source: str,
    sink: str,
    sources: Partition,
    sinks: Partition,
    known: tuple[Partition, Partition, Blocks],
) -> Blocks | None:
    """The blocks from known ones of an earlier state; None where most neurons are in other clusters now."""
    rows, columns = _same(known[0], sources), _same(known[1], sinks)
    above, below = [c for c in sources if c.id not in rows], [c for c in sinks if c.id not in columns]
    if 2 * sum(map(len, above)) > sources.n_units or 2 * sum(map(len, below)) > sinks.n_units:
        return None
    n, m = len(sources), len(sinks)
    new_rows = np.array([c.id not in rows for c in sources])
    new_columns = np.array([c.id not in columns for c in sinks])
    kept_rows = np.array([rows[c.id] for c in sources if c.id in rows], np.intp)
    kept_columns = np.array([columns[c.id] for c in sinks if c.id in columns], np.intp)
    upper = connections.blocks(source, sink, above, sinks) if above else None
    left = connections.blocks(source, sink, [c for c in sources if c.id in rows], below) if below else None
    made = []
    for sign in (0, 1):
        whole = np.empty((n, m))
        whole[np.ix_(~new_rows, ~new_columns)] = known[2][sign][np.ix_(kept_rows, kept_columns)]
        if upper is not None:
            whole[new_rows] = upper[sign]
        if left is not None:
            whole[np.ix_(~new_rows, new_columns)] = left[sign]
        made.append(whole)
    return made[0], made[1]


def _same(before: Partition, after: Partition) -> dict[int, int]:
    """The clusters that hold what one held before: by id, its place then."""
    places = {c.members: place for place, c in enumerate(before)}
    return {c.id: places[c.members] for c in after if c.members in places}


def singles(n_units: int) -> Partition:
    """Every unit a cluster of its own: how the classes are joined."""
    if n_units not in _SINGLE:
        _SINGLE[n_units] = Partition(tuple(Cluster(i, (i,)) for i in range(n_units)))
    return _SINGLE[n_units]


def kept(lanes: Sequence[Lane], share: float) -> list[NDArray[np.bool_]]:
    """For each lane which of its edges are drawn, (n_sources, n_sinks).

    The strongest `share` of all edges that are not zero, by strength within their two columns, and the strongest
    edge out of and into every card, whatever the share.
    """
    strengths = [lane.strength for lane in lanes]
    values = np.concatenate([s.ravel() for s in strengths]) if strengths else np.empty(0)
    values = np.sort(values[values > 0])[::-1]
    wanted = round(share * len(values))
    level = float(values[wanted - 1]) if wanted > 0 else np.inf
    masks = [(s >= level) & (s > 0) for s in strengths]
    best: dict[tuple[str, int, int], tuple[float, int, tuple[int, int]]] = {}
    for index, (lane, strength) in enumerate(zip(lanes, strengths)):
        if not strength.size:
            continue
        for i, j in enumerate(strength.argmax(1).tolist()):
            _better(best, ("out", lane.source, i), (float(strength[i, j]), index, (i, j)))
        for j, i in enumerate(strength.argmax(0).tolist()):
            _better(best, ("in", lane.sink, j), (float(strength[i, j]), index, (i, j)))
    for value, index, place in best.values():
        if value > 0:
            masks[index][place] = True
    return masks


def _better(
    best: dict[tuple[str, int, int], tuple[float, int, tuple[int, int]]],
    key: tuple[str, int, int],
    found: tuple[float, int, tuple[int, int]],
) -> None:
    if key not in best or found[0] > best[key][0]:
        best[key] = found


def drawn_pairs(
    network: Network, pairs: Sequence[tuple[str, str]], places: Mapping[str, int]
) -> list[tuple[str, str]]:
    """The pairs of connected layers that are drawn, given the column of each shown layer.

    A pair over other columns is drawn where a way in the network passes none of them (a shortcut), or where no
    chain of pairs says the same in steps.
    """
    shown = [(a, b) for a, b in pairs if a in places and b in places and places[a] < places[b]]
    out = []
    for a, b in shown:
        between = {name for name, place in places.items() if places[a] < place < places[b]}
        others = [p for p in shown if p != (a, b)]
        if not between or not _chain(others, a, b) or _bypass(network, a, b, between):
            out.append((a, b))
    return out


def _chain(pairs: Sequence[tuple[str, str]], start: str, end: str) -> bool:
    """Whether pairs lead from one layer to another."""
    met, todo = {start}, [start]
    while todo:
        here = todo.pop()
        for a, b in pairs:
            if a == here and b not in met:
                met.add(b)
                todo.append(b)
    return end in met


def _bypass(network: Network, start: str, end: str, between: set[str]) -> bool:
    """Whether values flow from one layer to another through none of those between."""
    met, todo = {start}, [start]
    while todo:
        for name in network.sinks(todo.pop()):
            host = network.hosts[name]
            if host == end:
                return True
            if name not in met and host not in between:
                met.add(name)
                todo.append(name)
    return False
