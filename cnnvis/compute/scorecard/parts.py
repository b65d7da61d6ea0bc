"""The image cut into a grid, the places that a reader compares."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

GRID = 9


def grid(shape: tuple[int, ...]) -> NDArray[np.int64]:
    """The number of the part that each place belongs to: of 9 × 9 parts, or as many as there are pixels.

    Every feature of a row is a part of its own.
    """
    if len(shape) == 1:
        return np.arange(shape[0])
    h, w = shape
    rows, columns = min(GRID, h), min(GRID, w)
    row, column = np.arange(h) * rows // h, np.arange(w) * columns // w
    return np.asarray(row[:, None] * columns + column[None, :])


def sums(values: NDArray[np.float64], parts: NDArray[np.int64]) -> NDArray[np.float64]:
    """The evidence of each part."""
    return np.asarray(np.bincount(parts.ravel(), values.ravel()), np.float64)


def means(values: NDArray[np.float64], parts: NDArray[np.int64]) -> NDArray[np.float64]:
    """The mean evidence of each part."""
    return np.asarray(sums(values, parts) / np.bincount(parts.ravel()))


def rank_correlation(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Spearman's ρ; 1 between two that are flat, 0 where one is."""
    return correlation(ranks(one), ranks(other))


def ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The rank of each value, equal ones sharing the mean of theirs; scipy.stats takes a second to load."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2)[place.ravel()], np.float64)


def correlation(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Pearson's r; 1 between two that are flat, 0 where one is."""
    a, b = one.ravel() - one.mean(), other.ravel() - other.mean()
    # What is left of a flat value by rounding is no variation.
    flat = [float(np.abs(c).max()) <= 1e-12 * float(np.abs(v).max()) for c, v in ((a, one), (b, other))]
    if any(flat):
        return float(all(flat))
    return float(np.clip((a @ b) / (np.linalg.norm(a) * np.linalg.norm(b)), -1.0, 1.0))
