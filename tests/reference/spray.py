"""SpRAy's steps, slowly: pooling by pixels, neighbours by sorting, the Laplacian by its definition."""

from __future__ import annotations

import math

import numpy as np


def pooled(values: np.ndarray, grid: int) -> np.ndarray:
    """The positive part of a map whose sides are multiples of the grid, summed over its cells, with a sum of 1."""
    h, w = values.shape
    out = np.zeros((grid, grid))
    for row in range(h):
        for column in range(w):
            out[row * grid // h, column * grid // w] += max(float(values[row, column]), 0.0)
    return out / out.sum()


def affinity(flat: np.ndarray) -> np.ndarray:
    n = len(flat)
    k = math.ceil(math.sqrt(n))
    out = np.zeros((n, n))
    for i in range(n):
        away = sorted((math.dist(flat[i], flat[j]), j) for j in range(n) if j != i)
        for _, j in away[:k]:
            out[i, j] = out[j, i] = 1
    return out


def laplacian(graph: np.ndarray) -> np.ndarray:
    n = len(graph)
    degree = [sum(row) for row in graph]
    out = np.zeros((n, n))
    for i in range(n):
        for j in range(n):
            same = 1.0 if i == j else 0.0
            out[i, j] = same - graph[i, j] / math.sqrt(degree[i] * degree[j])
    return out
