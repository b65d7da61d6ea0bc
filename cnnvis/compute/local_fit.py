"""A linear model of how a target answers near one sample, and how far it can be trusted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_HALVES = 10
"""How often samples are halved to see how far the halves agree."""


@dataclass(frozen=True, eq=False, slots=True)
class Fit:
    """y ≈ intercept + x · coefficients; `r2` is the share of the weighted spread of y that it explains.

    `varies` is False where y has no spread: nothing can be explained then, and `r2` is 0.
    """

    coefficients: Floats
    intercept: float
    r2: float
    varies: bool


def fit(x: Floats, y: Floats, weights: Floats, alpha: float) -> Fit:
    """Ridge regression of y (n,) on x (n, p) with weights per sample; the intercept is not held small.

    `alpha` 0 is least squares, of all solutions the smallest.
    """
    centre, middle = np.average(x, axis=0, weights=weights), np.average(y, weights=weights)
    root = np.sqrt(weights)
    a, b = (x - centre) * root[:, None], (y - middle) * root
    if alpha:  # the normal equations: scikit-learn's ridge takes ten times as long for samples so few
        found = np.linalg.solve(a.T @ a + alpha * np.eye(x.shape[1]), a.T @ b)
    else:
        found = np.linalg.lstsq(a, b)[0]
    coefficients = np.asarray(found, np.float64)
    total, spread = weights.sum(), float(b @ b)
    varies = spread > 1e-16 * max(float(np.abs(y).max()) ** 2, 1e-300) * total
    rest = float(((b - a @ coefficients) ** 2).sum())
    intercept = float(middle - centre @ coefficients)
    return Fit(coefficients, intercept, 1 - rest / spread if varies else 0.0, varies)


def sparse_fit(x: Floats, y: Floats, weights: Floats, n: int, alpha: float) -> Fit:
    """A fit on the n columns that matter most to the first row; the others have the coefficient 0.

    As LIME chooses: those of the largest |coefficient · x[0]| in a fit of all columns that is barely held small.
    """
    chosen = sorted(top(fit(x, y, weights, 0.01).coefficients * x[0], n))
    found = fit(x[:, chosen], y, weights, alpha)
    coefficients = np.zeros(x.shape[1])
    coefficients[chosen] = found.coefficients
    return Fit(coefficients, found.intercept, found.r2, found.varies)


def agreement(
    samples: NDArray[np.int64], coefficients: Callable[[NDArray[np.int64]], Floats], k: int, seed: int
) -> tuple[float, float]:
    """How far fits of two halves of the samples agree: correlation of all, and Jaccard index of the k strongest.

    `samples` (m, b) are the indices of samples, of which those of a row stay together; `coefficients` fits some of
    them. The mean over ten ways to halve them.
    """
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(_HALVES):
        mixed = rng.permutation(len(samples))
        halves = (samples[mixed[: len(samples) // 2]].ravel(), samples[mixed[len(samples) // 2 :]].ravel())
        one, other = (coefficients(half) for half in halves)
        found.append((correlation(one, other), jaccard(top(one, k), top(other, k))))
    alike, tops = np.mean(found, axis=0)
    return float(alike), float(tops)


def effective(weights: Floats) -> float:
    """How many equally weighted samples say as much as these (Kish): (Σw)² / Σw²."""
    return float(weights.sum() ** 2 / np.square(weights).sum())


def top(values: Floats, k: int) -> tuple[int, ...]:
    """The places of the k largest values by size, the largest first; ties go to the first."""
    return tuple(int(i) for i in np.argsort(-np.abs(values), kind="stable")[:k])


def jaccard(one: tuple[int, ...], other: tuple[int, ...]) -> float:
    """How far two sets agree: shared / all; 1 for two empty ones."""
    all_of_them = set(one) | set(other)
    return len(set(one) & set(other)) / len(all_of_them) if all_of_them else 1.0


def correlation(one: Floats, other: Floats) -> float:
    """Pearson's; 0 where one of them has no spread."""
    a, b = one - one.mean(), other - other.mean()
    size = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b) / size if size > 0 else 0.0
