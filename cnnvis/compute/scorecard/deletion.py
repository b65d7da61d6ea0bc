"""Deletion and insertion: does the target fall when the map's strongest places go, and rise when they alone come?

Places are taken in the order of the signed evidence, strongest first, ties in reading order. After each of `steps`
equal steps the target y is asked; the score is the area under the curve by the trapezoid rule over the true shares s,

    Σ_k (s_{k+1} − s_k) (y_k + y_{k+1}) / 2,

once with what is blurred and once with each channel's mean in the place of the removed. The same is measured of the
controls.

Petsiuk, Das, Saenko, "RISE: Randomized Input Sampling for Explanation of Black-box Models", 2018 (arXiv 1806.07421). We
differ: fixed steps whatever the size, two fills for both, controls, and neurons beside classes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from cnnvis.compute.evaluations import Fill
from cnnvis.compute.scorecard.case import Bill, Case, Found
from cnnvis.progress import Progress, silent


@dataclass(frozen=True, slots=True)
class Deletion:
    """Areas under the curves of deletion and insertion, in `steps` steps, of the map and, where asked, its controls."""

    steps: int = 32
    controls: bool = True

    name: ClassVar[str] = "deletion"

    def fits(self, case: Case) -> bool:
        return case.values.size >= 2

    def bill(self, case: Case) -> Bill:
        n_maps = 1 + (len(case.controls) if self.controls else 0)
        between = len(shares(case.values.size, self.steps)) - 2
        return Bill(len(case.fills) * (2 + 2 * n_maps * between))

    def __call__(self, case: Case, progress: Progress = silent) -> Found:
        total = self.bill(case).evaluations
        maps = {"": case.values, **(case.controls if self.controls else {})}
        found = Found(evaluations=total, facts={"flat": bool(np.ptp(case.values) == 0)})
        done = 0
        for fill in case.fills:
            curves, ends = self.curves(case, maps, fill, partial(_after, progress, done, total))
            found.facts[f"fall/{fill}"] = ends[0] - ends[1]
            for (name, kind), curve in curves.items():
                area = float(np.trapezoid(curve[1], curve[0]))
                if name:
                    found.controls.setdefault(name, {})[f"{kind}/{fill}"] = area
                    found.curves[f"{kind}/{fill}/{name}"] = curve
                else:
                    found.scores[f"{kind}/{fill}"] = area
                    found.curves[f"{kind}/{fill}"] = curve
            done += total // len(case.fills)
        return found

    def curves(
        self, case: Case, maps: dict[str, NDArray[np.float64]], fill: Fill, progress: Progress
    ) -> tuple[dict[tuple[str, str], NDArray[np.float64]], tuple[float, float]]:
        """By (map, "deletion" or "insertion") shares and values (2, n); and the value of the whole and of nothing."""
        share = shares(case.values.size, self.steps)
        counts = np.rint(share[1:-1] * case.values.size).astype(np.int64)
        ranks = {name: order(values) for name, values in maps.items()}

        def masks() -> Iterator[NDArray[np.bool_]]:
            yield np.ones(case.values.shape, np.bool_)
            yield np.zeros(case.values.shape, np.bool_)
            for rank in ranks.values():
                for n in counts:
                    yield rank >= n
                for n in counts:
                    yield rank < n

        n_masks = 2 + 2 * len(maps) * len(counts)
        values = case.ask(masks(), case.fill(fill), progress, "removing and showing the strongest places", n_masks)
        whole, nothing = float(values[0]), float(values[1])
        inner = values[2:].reshape(len(maps), 2, len(counts))
        found = {}
        for name, (gone, shown) in zip(maps, inner):
            found[name, "deletion"] = np.stack([share, np.concatenate([[whole], gone, [nothing]])])
            found[name, "insertion"] = np.stack([share, np.concatenate([[nothing], shown, [whole]])])
        return found, (whole, nothing)


def _after(progress: Progress, before: int, total: int, done: int, of: int, what: str = "") -> None:
    progress(before + done, total, what)


def shares(n: int, steps: int) -> NDArray[np.float64]:
    """The true shares of n places after each step, from 0 to 1: whole places, each step as many but the last."""
    each = -(-n // min(steps, n))
    counts = np.append(np.arange(0, n, each), n)
    return np.asarray(counts / n, np.float64)


def order(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """The rank of every place, 0 the strongest; ties in reading order."""
    rank = np.empty(values.size, np.int64)
    rank[np.argsort(-values, axis=None, kind="stable")] = np.arange(values.size)
    return rank.reshape(values.shape)
