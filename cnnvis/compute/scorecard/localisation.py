"""Localisation, where the truth is known: is the evidence where the thing is, and on what decides?

- Pointing game: 1 where the map's maximum lies in the thing's box, else 0; no tolerance.
- Box overlap: pixels from 15 % of the maximum on, of their connected pieces the largest, and the box around it; its
  overlap (intersection over union) with the thing's box. The threshold is the one of Selvaraju et al., Grad-CAM, 2017.
- Evidence on the part that decides: the share of the positive evidence that lies on it.

Zhang, Lin, Brandt, Shen, Sclaroff, "Top-down Neural Attention by Excitation Backprop", 2016 (arXiv 1608.00507).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import find_objects, label

from cnnvis.compute.scorecard.case import Bill, Case, Found
from cnnvis.model.truth import Box, Truth
from cnnvis.progress import Progress, silent

_FROM = 0.15


@dataclass(frozen=True, slots=True)
class Localisation:
    """Pointing game, overlap of boxes and evidence on the part that decides; costs nothing."""

    name: ClassVar[str] = "localisation"

    def fits(self, case: Case) -> bool:
        return case.truth is not None and case.picture and case.truth.part.shape == case.values.shape

    def bill(self, case: Case) -> Bill:
        return Bill()

    def __call__(self, case: Case, progress: Progress = silent) -> Found:
        truth = case.truth
        assert truth is not None
        controls = {name: placed(found, truth) for name, found in case.controls.items()}
        facts = {"part": truth.name, "area of part": float(truth.part.mean())}
        return Found(placed(case.values, truth), controls, facts=facts)


def placed(values: NDArray[np.float64], truth: Truth) -> dict[str, float]:
    """The three scores of a map."""
    top, left, bottom, right = truth.box
    y, x = np.unravel_index(int(np.argmax(values)), values.shape)
    positive = np.maximum(values, 0.0)
    total = float(positive.sum())
    return {
        "pointing": float(top <= y < bottom and left <= x < right and total > 0),
        "box overlap": overlap(box_of(values), truth.box),
        "on part": float(positive[truth.part].sum()) / total if total > 0 else 0.0,
    }


def box_of(values: NDArray[np.float64]) -> Box | None:
    """The box of the largest piece of what is at least 15 % of the maximum; None where nothing is positive."""
    highest = float(values.max())
    if highest <= 0:
        return None
    pieces, _ = label(values >= _FROM * highest)
    largest = int(np.bincount(pieces.ravel())[1:].argmax())
    rows, columns = find_objects(pieces)[largest]
    return rows.start, columns.start, rows.stop, columns.stop


def overlap(one: Box | None, other: Box) -> float:
    """Intersection over union of two boxes."""
    if one is None:
        return 0.0
    h = min(one[2], other[2]) - max(one[0], other[0])
    w = min(one[3], other[3]) - max(one[1], other[1])
    both = max(h, 0) * max(w, 0)
    areas = sum((b[2] - b[0]) * (b[3] - b[1]) for b in (one, other))
    return both / (areas - both)
