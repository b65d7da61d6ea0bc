"""Bicliques by trying every set of rows, and the greedy cover by looking at all of them at every step."""

from __future__ import annotations

import itertools

import numpy as np

Pair = tuple[frozenset[int], frozenset[int]]


def maximal(matrix: np.ndarray) -> set[Pair]:
    """All maximal bicliques with two rows and two columns or more. Costs 2^rows."""
    n, m = matrix.shape
    found = set()
    for size in range(2, n + 1):
        for rows in itertools.combinations(range(n), size):
            columns = frozenset(j for j in range(m) if all(matrix[i, j] for i in rows))
            every = frozenset(i for i in range(n) if all(matrix[i, j] for j in columns))
            if len(columns) >= 2 and every == frozenset(rows):
                found.add((every, columns))
    return found


def saved_by_greedy(matrix: np.ndarray, pairs: set[Pair]) -> list[int]:
    """What each chosen biclique saves: its edges not covered before less its rows and columns, best first."""
    left = {(i, j) for i, j in zip(*(axis.tolist() for axis in np.nonzero(matrix)))}

    def order(pair: Pair) -> tuple[int, int, int]:
        new = sum((i, j) in left for i in pair[0] for j in pair[1])
        masks = (sum(1 << k for k in side) for side in pair)
        return (len(pair[0]) + len(pair[1]) - new, *masks)

    gains = []
    while pairs:
        best = min(pairs, key=order)
        if order(best)[0] >= 0:
            break
        gains.append(-order(best)[0])
        left -= set(itertools.product(*best))
    return gains
