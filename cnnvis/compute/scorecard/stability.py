"""Run-to-run stability: does another seed find the same?

The mean over all pairs of runs of Jaccard's index |A ∩ B| / |A ∪ B| of the strongest tenth of a grid's parts (of a row:
a third of the features, five at most), and of Spearman's correlation of all values. A method without a seed is
repeated by nobody: both are 1 by construction, and it is not run. One that learns from the network learns anew.

Zafar, Khan, "DLIME: A Deterministic Local Interpretable Model-Agnostic Explanations Approach", 2019 (arXiv 1906.10263)
measures LIME so. We differ: pairs of a run with itself are left out, and images are compared part by part.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass
from itertools import combinations
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from cnnvis.compute.method import Method
from cnnvis.compute.scorecard.case import Bill, Case, Found, seeded
from cnnvis.compute.scorecard.parts import grid, means, rank_correlation
from cnnvis.progress import Progress, silent


@dataclass(frozen=True, slots=True)
class Stability:
    """Agreement of `runs` runs with different seeds, the one at hand being the first."""

    runs: int = 5

    name: ClassVar[str] = "stability"

    def fits(self, case: Case) -> bool:
        return True

    def bill(self, case: Case) -> Bill:
        if not has_seed(case.ready):
            return Bill()
        return Bill(runs=self.runs - 1) if case.prepare is None else Bill(networks=self.runs - 1)

    def __call__(self, case: Case, progress: Progress = silent) -> Found:
        if not has_seed(case.ready):
            return Found({"jaccard": 1.0, "rank correlation": 1.0}, facts={"repeats": "always the same"})
        found = [case.values]
        first = int(getattr(case.ready, "seed", 0) or 0)
        for done in range(self.runs - 1):
            progress(done, self.runs - 1, "running the method again with another seed")
            found.append(case.again(_seeded(case, first + 1 + done)))
        progress(self.runs - 1, self.runs - 1, "running the method again with another seed")
        pairs = list(combinations(found, 2))
        tops = [strongest(values) for values in found]
        shared = [len(a & b) / len(a | b) for a, b in combinations(tops, 2)]
        ranks = [rank_correlation(a, b) for a, b in pairs]
        return Found(
            {"jaccard": float(np.mean(shared)), "rank correlation": float(np.mean(ranks))}, facts={"repeats": self.runs}
        )


def _seeded(case: Case, seed: int) -> Method:
    if case.prepare is None:
        return seeded(case.ready, seed)
    found: Method = case.prepare(seeded(case.method, seed), case.probe)
    return found


def has_seed(method: Method) -> bool:
    """Whether a method depends on chance."""
    return is_dataclass(method) and any(f.name == "seed" for f in fields(method))


def strongest(values: NDArray[np.float64]) -> frozenset[int]:
    """The parts of the strongest evidence: a tenth of a grid's, of a row a third of the features and five at most."""
    found = means(values, grid(values.shape))
    n = max(round(0.1 * len(found)), 1) if values.ndim == 2 else int(np.clip(len(found) // 3, 1, 5))
    return frozenset(np.argsort(-found, kind="stable")[:n].tolist())
