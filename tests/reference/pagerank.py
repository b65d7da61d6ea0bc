"""Personalised PageRank from its definition: the power iteration on a dense matrix."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def pagerank(
    weights: NDArray[np.float64], starts: NDArray[np.float64], damping: float, steps: int = 2000
) -> NDArray[np.float64]:
    """Where a walker is found who follows edges by weight (n, n; from row to column) and jumps back by `starts` (n,).

    From a node without edges it always jumps. Page, Brin, Motwani, Winograd, "The PageRank Citation Ranking", 1999.
    """
    starts = starts / starts.sum()
    out = weights.sum(1, keepdims=True)
    moves = np.where(out > 0, weights / np.where(out > 0, out, 1.0), starts)
    found = starts
    for _ in range(steps):
        found = damping * found @ moves + (1 - damping) * starts
    return found
