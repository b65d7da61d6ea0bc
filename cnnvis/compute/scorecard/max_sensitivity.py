"""Max-sensitivity: how much does the map change under noise that nobody sees?

    max over δ of ‖φ(x + δ) − φ(x)‖ / ‖φ(x)‖,

δ drawn uniformly within ±`radius` of the input's range, `samples` times.

Yeh, Hsieh, Suggala, Inouye, Ravikumar, "On the (In)fidelity and Sensitivity of Explanations", 2019 (arXiv 1901.09392).
We differ: the radius is a share of the input's range (its maximum less its minimum; of a row: of each feature's size),
for an absolute one means something else for each normalisation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch

from cnnvis.compute.scorecard.case import Bill, Case, Found
from cnnvis.progress import Progress, silent


@dataclass(frozen=True, slots=True)
class MaxSensitivity:
    """The largest relative change of the evidence over `samples` draws of noise of ±`radius` of the input's range."""

    radius: float = 0.02
    samples: int = 10

    name: ClassVar[str] = "max-sensitivity"

    def fits(self, case: Case) -> bool:
        return True

    def bill(self, case: Case) -> Bill:
        return Bill(runs=self.samples)

    def __call__(self, case: Case, progress: Progress = silent) -> Found:
        x = case.about.x
        reach = self.radius * (x.max() - x.min()) if case.picture else self.radius * x.abs()
        rng = case.rng(3)
        size = float(np.linalg.norm(case.values))
        worst = 0.0
        for done in range(self.samples):
            progress(done, self.samples, "adding noise that cannot be seen")
            noise = torch.from_numpy(rng.uniform(-1, 1, tuple(x.shape))).to(x) * reach
            change = float(np.linalg.norm(case.again(case.ready, x + noise) - case.values))
            worst = max(worst, change / size if size > 0 else float(change > 0))
        progress(self.samples, self.samples, "adding noise that cannot be seen")
        return Found({self.name: worst})
