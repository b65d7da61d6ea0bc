"""Infidelity: how wrong is the evidence of a patch as a forecast of what the target loses without it?

Over `patches` squares I at random places, each taken out of the whole image (they do not add up),

    E_I [ (β Σ_{p ∈ I} φ(p) − (y(x) − y(x without I)))² ],

with β = 1, and with the β that fits best, then as a share of E_I[(y(x) − y(x without I))²]: 0 is exact, 1 is no better
than evidence of zero. The second can be compared between methods, whose evidence has different units.

Yeh, Hsieh, Suggala, Inouye, Ravikumar, "On the (In)fidelity and Sensitivity of Explanations", 2019 (arXiv 1901.09392).
We differ: evidence stands for what a place adds, so it counts which places went and not by how far they changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from cnnvis.compute.evaluations import Fill
from cnnvis.compute.scorecard.case import Bill, Case, Found
from cnnvis.progress import Progress, silent


@dataclass(frozen=True, slots=True)
class Infidelity:
    """The squared error over `patches` squares as wide as `share` of the image's shorter side; of a row, features."""

    patches: int = 64
    share: float = 0.125
    fill: Fill = "mean"

    name: ClassVar[str] = "infidelity"

    def fits(self, case: Case) -> bool:
        return case.values.size >= 3

    def bill(self, case: Case) -> Bill:
        return Bill(self._n(case) + 1)

    def _n(self, case: Case) -> int:
        return self.patches if case.picture else min(self.patches, case.values.size)

    def holes(self, case: Case) -> NDArray[np.bool_]:
        """What is taken out each time, (n, *shape)."""
        n, rng = self._n(case), case.rng(2)
        if not case.picture:
            return np.eye(case.values.size, dtype=np.bool_)[rng.permutation(case.values.size)[:n]]
        h, w = case.values.shape
        side = int(np.clip(round(self.share * min(h, w)), 1, min(h, w)))
        top, left = rng.integers(0, h - side + 1, n), rng.integers(0, w - side + 1, n)
        rows, columns = np.arange(h), np.arange(w)
        tall = (rows >= top[:, None]) & (rows < top[:, None] + side)
        wide = (columns >= left[:, None]) & (columns < left[:, None] + side)
        return np.asarray(tall[:, :, None] & wide[:, None, :])

    def __call__(self, case: Case, progress: Progress = silent) -> Found:
        holes = self.holes(case)

        def masks() -> Iterator[NDArray[np.bool_]]:
            yield np.ones(case.values.shape, np.bool_)
            yield from ~holes

        total = len(holes) + 1
        values = case.ask(masks(), case.fill(self.fill), progress, "removing patches", total)
        loss = values[0] - values[1:]

        def told(evidence: NDArray[np.float64]) -> dict[str, float]:
            mass = holes.reshape(len(holes), -1) @ evidence.ravel()
            return {"infidelity": float(np.mean((mass - loss) ** 2)), "infidelity/scaled": scaled(mass, loss)}

        # A control has no unit: only the scaled error can be compared with it.
        controls = {n: {k: told(v)[k] for k in ("infidelity/scaled",)} for n, v in case.controls.items()}
        return Found(told(case.values), controls, evaluations=total)


def scaled(mass: NDArray[np.float64], loss: NDArray[np.float64]) -> float:
    """The error of the best multiple of the evidence, as a share of that of no evidence; 1 where there is none."""
    both, own, theirs = float(mass @ loss), float(mass @ mass), float(loss @ loss)
    if theirs == 0:
        return 0.0 if own == 0 else 1.0
    return 1.0 if own == 0 else float(np.clip(1.0 - both**2 / (own * theirs), 0.0, 1.0))
