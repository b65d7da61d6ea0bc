"""Completeness: does the evidence add up to what the method promises, `expected_sum` of its facts?

    |Σ φ − expected| / max(|expected|, Σ|φ| / 1000)

Sundararajan, Taly, Yan, "Axiomatic Attribution for Deep Networks", 2017 (arXiv 1703.01365).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from cnnvis.compute.scorecard.case import Bill, Case, Found
from cnnvis.progress import Progress, silent


@dataclass(frozen=True, slots=True)
class Completeness:
    """The relative gap between the sum of the evidence and what the method promises; costs nothing."""

    name: ClassVar[str] = "completeness"

    def fits(self, case: Case) -> bool:
        return case.expected_sum is not None

    def bill(self, case: Case) -> Bill:
        return Bill()

    def __call__(self, case: Case, progress: Progress = silent) -> Found:
        assert case.expected_sum is not None
        total = float(case.values.sum())
        least = float(np.abs(case.values).sum()) / 1000 or 1e-300
        gap = abs(total - case.expected_sum) / max(abs(case.expected_sum), least)
        return Found({self.name: gap}, facts={"sum": total, "expected sum": case.expected_sum})
