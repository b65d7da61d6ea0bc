"""LIME for tables: which features of a row a target rests on, by a linear model of sampled rows.

Every feature falls into a quartile of the training rows. Rows are drawn by the quartiles' frequencies, each value from
a normal distribution cut to its quartile; z_k is 1 where the sampled row lies in the same quartile as the row to
explain. The target's values y are fitted by

    y ≈ b + Σ_k w_k z_k,   weighted by exp(−d² / 2 width²), d² = the number of features in another quartile,

with width = 0.75 sqrt(p): first on all features, then by a ridge of strength 1 on the `n_features` of largest |w_k|.

Ribeiro, Singh, Guestrin, "'Why Should I Trust You?': Explaining the Predictions of Any Classifier", 2016 (arXiv
1602.04938), with the defaults of the authors' program; we differ where six features or fewer are asked for: features
are chosen by |w_k| there too, not forward one by one. Another seed may give another answer: see `Dlime`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from cnnvis.compute.evaluations import Value
from cnnvis.compute.local_fit import Fit, agreement, effective, sparse_fit
from cnnvis.compute.method import Cost, Family, Takes
from cnnvis.compute.probe import Probe
from cnnvis.compute.rows import Floats, Predict, Rows, asked, must_fit, read_rows
from cnnvis.compute.score import checked
from cnnvis.errors import InvalidValue
from cnnvis.model.attribution import Vector
from cnnvis.model.dataset import Dataset
from cnnvis.model.network import Network
from cnnvis.model.target import Target
from cnnvis.progress import Progress, silent

_ALPHA = 1.0
FEWEST = 4
"""Samples of which two halves can be fitted."""


@dataclass(frozen=True, eq=False, slots=True)
class Quartiles:
    """Where the quartiles of each feature lie among training rows, and what values fill them.

    All of the form (p, 4), but `edges` (p, 3). An empty quartile, as of a feature of few values, has the frequency 0.
    """

    rows: Rows
    edges: Floats
    frequencies: Floats
    low: Floats
    high: Floats
    mean: Floats
    spread: Floats

    def places(self, values: Floats) -> NDArray[np.int64]:
        """The quartile, 0 to 3, of every value of rows (n, p); a value on an edge belongs below."""
        found: NDArray[np.int64] = (values[..., None] > self.edges).sum(-1)
        return found


@dataclass(frozen=True, slots=True)
class LimeTable:
    """How much the quartile that each feature lies in adds to the target (+) or takes from it (−); 0 where not chosen.

    `n_samples` rows are tried, drawn by `seed` from the quartiles of the training rows; `n_features` at most are
    given a weight. `width` is the kernel's, None 0.75 times the root of the number of features. `value` asks for
    the target's score or for the probability of a class. One forward pass of a row for each sample.
    """

    n_samples: int = 5000
    n_features: int = 10
    width: float | None = None
    value: Value = "score"
    seed: int = 0
    known: Quartiles | None = field(default=None, compare=False, repr=False, metadata={"state": True})

    title: ClassVar[str] = "LIME for tables"
    paper: ClassVar[str] = "Ribeiro et al., Why Should I Trust You?, 2016 (arXiv 1602.04938)"
    family: ClassVar[Family] = "perturbation"
    takes: ClassVar[Takes] = "row"

    def cost(self, network: Network) -> Cost:
        return Cost(self.n_samples)

    def prepared(
        self, probe: Probe, data: Dataset, rows: Sequence[int], target: Target, progress: Progress = silent
    ) -> LimeTable:
        return replace(self, known=quartiles(read_rows("LimeTable", probe.network, data, rows, target, progress)))

    def __call__(self, probe: Probe, inputs: Any, target: Target, progress: Progress = silent) -> Vector:
        """The weight of each feature (p,) for one row; `inputs` is a batch of one."""
        if self.known is None:
            raise InvalidValue("LimeTable must learn from a table first. Give attribute the `data`, or call prepared.")
        if self.n_samples < 2 or self.n_features < 1:
            raise InvalidValue(
                "LimeTable.n_samples must be at least 2 and n_features at least 1; "
                f"got {self.n_samples} and {self.n_features}."
            )
        checked(probe.network, target)
        row, predict = asked(probe, inputs, target, self.value, self.n_samples, progress)
        must_fit("LimeTable", self.known.rows, row)
        found, facts = explained(
            self.known, row, predict, n=self.n_samples, n_features=self.n_features, width=self.width, seed=self.seed
        )
        return Vector(found.coefficients.astype(np.float32), self.known.rows.features, facts)


def quartiles(rows: Rows) -> Quartiles:
    """The quartiles of training rows."""
    values = rows.values
    edges = np.percentile(values, (25, 50, 75), axis=0).T
    place = (values[..., None] > edges).sum(-1)
    p = values.shape[1]
    bounds = np.column_stack([values.min(0), edges, values.max(0)])
    frequencies, mean, spread = np.zeros((p, 4)), np.zeros((p, 4)), np.zeros((p, 4))
    for q in range(4):
        inside = place == q
        n = np.maximum(inside.sum(0), 1)
        frequencies[:, q] = inside.mean(0)
        mean[:, q] = np.where(inside.any(0), np.where(inside, values, 0).sum(0) / n, bounds[:, q])
        spread[:, q] = np.sqrt((np.where(inside, values - mean[:, q], 0) ** 2).sum(0) / n)
    return Quartiles(rows, edges, frequencies, bounds[:, :-1], bounds[:, 1:], mean, spread)


def explained(
    known: Quartiles,
    row: Floats,
    predict: Predict,
    *,
    n: int = 5000,
    n_features: int = 10,
    width: float | None = None,
    seed: int = 0,
) -> tuple[Fit, dict[str, Any]]:
    """The weights of a row's features by LIME, and the facts, for anything that gives a value for rows."""
    sampled, same = _sampled(known, row, n, np.random.default_rng(seed))
    p = len(row)
    width = 0.75 * np.sqrt(p) if width is None else width
    weights = np.exp(-(~same).sum(1) / (2 * width**2))
    x, y = same.astype(np.float64), predict(sampled)
    found = sparse_fit(x, y, weights, n_features, _ALPHA)
    facts = facts_of(found, weights, known.rows.features)

    def of_some(half: NDArray[np.int64]) -> Floats:
        return sparse_fit(x[half], y[half], weights[half], n_features, _ALPHA).coefficients

    if n >= FEWEST:
        facts["stability"], facts["stability_of_top"] = agreement(np.arange(n)[:, None], of_some, n_features, seed)
        if facts["stability"] < 0.6 and found.varies:
            words = f"Half of the samples agree with the other half by {facts['stability']:.2f} only. Use more samples."
            facts.setdefault("says", words)
    return found, facts


def facts_of(found: Fit, weights: Floats, features: tuple[str, ...]) -> dict[str, Any]:
    """What every linear explanation of a row says of itself."""
    order = np.argsort(-np.abs(found.coefficients), kind="stable")
    facts: dict[str, Any] = {
        "r2": found.r2,
        "effective_samples": effective(weights),
        "n_samples": len(weights),
        "intercept": found.intercept,
        "chosen": tuple(features[int(i)] for i in order if found.coefficients[i]),
    }
    if not found.varies:
        facts["says"] = "The target is the same for all rows that were tried."
    elif found.r2 < 0.3:
        facts["says"] = f"The linear model explains only {max(found.r2, 0):.0%} of how the target answers."
    return facts


def _sampled(known: Quartiles, row: Floats, n: int, rng: np.random.Generator) -> tuple[Floats, NDArray[np.bool_]]:
    """Rows (n, p), the first the row itself, and whether each feature lies in the row's own quartile."""
    from scipy.special import ndtr, ndtri

    p = len(row)
    ends, chance = known.frequencies.cumsum(1), rng.random((n, p))
    place = np.zeros((n, p), np.int64)
    for q in range(3):
        place += chance >= ends[:, q]  # an empty quartile is never reached
    same: NDArray[np.bool_] = place == known.places(row)
    same[0] = True
    # Where the values of a quartile are all the same there is nothing to draw.
    wide = known.spread > 1e-12 * np.maximum(np.abs(known.mean), 1e-300)
    scale = np.where(wide, known.spread, 1.0)
    below, above = (ndtr((end - known.mean) / scale) for end in (known.low, known.high))
    spot = place + 4 * np.arange(p)
    first, share = (a.ravel()[spot] for a in (below, above - below))
    shift, spread = (a.ravel()[spot] for a in (known.mean, np.where(wide, known.spread, 0.0)))
    values = shift + spread * ndtri(np.clip(first + rng.random((n, p)) * share, 1e-300, 1 - 1e-16))
    values[0] = row
    return values, same
