"""Sensitivity-n and MuFidelity: does a set of parts count as much as the target loses without it?

The image is cut into a grid of 9 × 9 parts. Of `subsets` random sets S, each a fifth of the parts, compared are

    Σ_{p ∈ S} φ(p)      and      y(x) − y(x without S),

by Pearson's correlation (sensitivity-n) and by Spearman's (MuFidelity). The controls' maps are scored with the same
sets, at no cost.

Ancona, Ceolini, Öztireli, Gross, "Towards better understanding of gradient-based attribution methods", 2018 (arXiv
1711.06104); Bhatt, Weller, Moura, "Evaluating and Aggregating Feature-based Model Explanations", 2020 (arXiv
2005.00631). We differ: one size of subsets, parts instead of pixels, each channel's mean in the place of the removed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from cnnvis.compute.evaluations import Fill
from cnnvis.compute.scorecard.case import Bill, Case, Found
from cnnvis.compute.scorecard.parts import correlation, grid, rank_correlation, sums
from cnnvis.progress import Progress, silent


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """Correlations between the evidence of `subsets` random sets of parts, each a `share` of all, and their loss."""

    subsets: int = 200
    share: float = 0.2
    fill: Fill = "mean"

    name: ClassVar[str] = "sensitivity"

    def fits(self, case: Case) -> bool:
        return case.values.size >= 3

    def bill(self, case: Case) -> Bill:
        return Bill(self.subsets + 1)

    def __call__(self, case: Case, progress: Progress = silent) -> Found:
        parts = grid(case.values.shape)
        n = int(parts.max()) + 1
        size = int(np.clip(round(self.share * n), 1, n - 1))
        chosen = np.zeros((self.subsets, n), np.bool_)
        rng = case.rng(1)
        for row in chosen:
            row[rng.choice(n, size, replace=False)] = True

        def masks() -> Iterator[NDArray[np.bool_]]:
            yield np.ones(case.values.shape, np.bool_)
            for row in chosen:
                yield ~row[parts]

        total = self.subsets + 1
        values = case.ask(masks(), case.fill(self.fill), progress, "removing random parts", total)
        loss = values[0] - values[1:]

        def told(evidence: NDArray[np.float64]) -> dict[str, float]:
            mass = chosen @ sums(evidence, parts)
            return {"sensitivity-n": correlation(mass, loss), "mufidelity": rank_correlation(mass, loss)}

        controls = {name: told(evidence) for name, evidence in case.controls.items()}
        return Found(told(case.values), controls, evaluations=total)
