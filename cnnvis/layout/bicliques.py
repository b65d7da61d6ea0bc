"""Groups of edges in which everything on the left is joined to everything on the right.

Edges between two columns are bundled as in CNNVis (Liu, Shi, Li, Li, Zhu, Liu, "Towards better analysis of deep
convolutional neural networks", 2017): all maximal bicliques are found, and those that save most curves are taken
one after another. The neighbourhoods that belong to a maximal biclique are the intersections of rows, so that no
mining library is needed. Where there are too many of them, bicliques are grown from single rows instead.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from heapq import heapify, heappop, heapreplace

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]

MOST = 12_000
"""So many intersections are held at most: what a 48 × 48 matrix has where two of five edges are kept."""
SEEDS = 16
"""From so many rows a biclique is grown where there are too many to list them all."""
WORK = 200_000_000
"""So many multiplications growing may cost, some tenths of a second; what is not bundled then stays as it is."""
STEP = 20_000
"""What one step costs beside its multiplications, counted in them."""


@dataclass(frozen=True, slots=True)
class Biclique:
    """Rows and columns that are all joined; `edges` (row, column) are those that no earlier one stands for."""

    rows: tuple[int, ...]
    columns: tuple[int, ...]
    edges: tuple[tuple[int, int], ...]

    @property
    def saved(self) -> int:
        """How many curves fewer are drawn."""
        return len(self.edges) - len(self.rows) - len(self.columns)


def maximal(matrix: Mask) -> list[tuple[int, int]] | None:
    """All maximal bicliques of a boolean matrix with two rows and two columns or more, as bit masks (rows, columns).

    Sorted; None where more than `MOST` neighbourhoods would have to be held. Costs about 30 ms at 48 × 48 with
    35 % of the edges.
    """
    if matrix.shape[0] > matrix.shape[1]:
        turned = maximal(np.ascontiguousarray(matrix.T))
        return None if turned is None else sorted((b, a) for a, b in turned)
    rows, columns = _masks(matrix), _masks(matrix.T)
    found: set[int] = set()
    for row in sorted(rows, key=int.bit_count):  # from few edges to many: intersections stay few for longest
        found |= {shared for known in found if (shared := known & row) & (shared - 1)}
        if row & (row - 1):
            found.add(row)
        if len(found) > MOST:
            return None
    out = []
    for shared in found:
        common = -1
        for column in _bits(shared):
            common &= columns[column]
        if common & (common - 1):
            out.append((common, shared))
    return sorted(out)


def cover(matrix: Mask) -> tuple[Biclique, ...]:
    """The bicliques that stand for most edges with fewest curves, the one that saves most first.

    Greedy: the next one is that with the largest number of edges not yet covered less its rows and columns, while
    that is above 0; then rows and columns that bring nothing new are taken out of it. Remembered for the same
    matrix.
    """
    packed = np.ascontiguousarray(matrix, np.bool_)
    return _cover(packed.shape[0], packed.shape[1], packed.tobytes())


@lru_cache(maxsize=512)
def _cover(n_rows: int, n_columns: int, bits: bytes) -> tuple[Biclique, ...]:
    matrix = np.frombuffer(bits, np.bool_).reshape(n_rows, n_columns)
    open_ = _masks(matrix)
    known = maximal(matrix)
    chosen = _grown(matrix, open_) if known is None else _greedy(known, open_)
    return tuple(_trimmed(rows, new) for rows, new in chosen)


def _greedy(known: Sequence[tuple[int, int]], open_: list[int]) -> Iterator[tuple[list[int], list[int]]]:
    """The chosen bicliques: their rows, and for each the columns of its new edges as a mask.

    What a biclique saves only falls while others are chosen, so that one looked at again and still best is the
    best of all (Minoux, "Accelerated greedy algorithms for maximizing submodular set functions", 1978).
    """
    heap = [
        (a.bit_count() + c.bit_count() - a.bit_count() * c.bit_count(), a, c)
        for a, c in known
        if (a.bit_count() - 1) * (c.bit_count() - 1) > 1
    ]
    heapify(heap)
    while heap:
        stored, a, c = heap[0]
        rows = list(_bits(a))
        new = [open_[row] & c for row in rows]
        cost = len(rows) + c.bit_count() - sum(map(int.bit_count, new))
        if cost >= 0:
            heappop(heap)
        elif cost > stored:
            heapreplace(heap, (cost, a, c))
        else:
            heappop(heap)
            for row, fresh in zip(rows, new):
                open_[row] &= ~fresh
            yield rows, new


def _grown(matrix: Mask, open_: list[int]) -> Iterator[tuple[list[int], list[int]]]:
    """The same, from bicliques that grow row by row from those rows with most edges left."""
    edges = matrix.astype(np.float32)
    left = edges.copy()
    budget = WORK
    while budget > 0:
        best = (0.0, np.empty(0, np.int64), np.empty(0, np.bool_))
        for seed in np.argsort(-left.sum(1), kind="stable")[:SEEDS]:
            saved, rows, columns, steps = _grow(int(seed), edges, left)
            budget -= steps * (edges.size + STEP)
            if saved > best[0]:
                best = (saved, rows, columns)
        if best[0] <= 0:
            return
        rows_of, shared = best[1].tolist(), _masks(best[2][None])[0]
        left[np.ix_(best[1], best[2])] = 0.0
        new = [open_[row] & shared for row in rows_of]
        for row, fresh in zip(rows_of, new):
            open_[row] &= ~fresh
        yield rows_of, new


def _grow(
    seed: int, edges: NDArray[np.float32], left: NDArray[np.float32]
) -> tuple[float, NDArray[np.int64], Mask, int]:
    """The best biclique met while rows join a seed, each time the one that shares most.

    What it saves, its rows and columns, and the number of steps.
    """
    columns = edges[seed].copy()
    out = np.ones(len(edges), bool)
    best = (0.0, np.empty(0, np.int64), columns > 0)
    steps = 0
    while columns.sum() >= 2:
        steps += 1
        # All rows that have every column already: a biclique that is maximal.
        shared = edges @ columns
        rows = np.flatnonzero(shared >= columns.sum())
        out[rows] = False
        saved = float((left[rows] @ columns).sum() - len(rows) - columns.sum())
        if saved > best[0]:
            best = (saved, rows, columns > 0)
        if not out.any():
            break
        columns = columns * edges[int(np.where(out, shared, -1.0).argmax())]
    return *best, steps


def _trimmed(rows: Sequence[int], new: Sequence[int]) -> Biclique:
    """A biclique without the rows and columns in which an earlier one stands for every edge."""
    edges = tuple((row, column) for row, fresh in zip(rows, new) for column in _bits(fresh))
    return Biclique(tuple(sorted({r for r, _ in edges})), tuple(sorted({c for _, c in edges})), edges)


def _masks(matrix: Mask) -> list[int]:
    """Each row as an int whose bits are its columns."""
    packed = np.packbits(matrix, axis=1, bitorder="little")
    return [int.from_bytes(row.tobytes(), "little") for row in packed]


def _bits(mask: int) -> Iterator[int]:
    """The places of the ones of a mask, from low to high."""
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low
