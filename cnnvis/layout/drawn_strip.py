"""What was drawn for one neuron beside the real image that drives it most, each with how far it drives it."""

from __future__ import annotations

import numpy as np

from cnnvis.layout.drawn_words import ratio_words
from cnnvis.layout.marks import BORDER, MUTED, Box, Face, Label, Mark, Patch, Rect
from cnnvis.model.activations import Activations
from cnnvis.model.session import Session
from cnnvis.model.synthesis import Way

_GAP, _LINE = 6.0, 15.0
_ROWS: tuple[tuple[tuple[Way | None, str], ...], ...] = (
    ((None, "Strongest real"), ("max", "Most"), ("min", "Least")),
    (("diverse", "Several, unlike each other"),),
)


def drawn_strip(session: Session, layer: str, unit: int, width: float) -> Face:
    """The strongest real image, the drawn ones that drive a neuron most and least, and below several unlike ones."""
    marks: list[Mark] = []
    top = 0.0
    for row in _ROWS:
        cells = [cell for way, title in row for cell in _cells(session, layer, unit, way, title)]
        if not any(number != -1 for number, _, _ in cells):
            continue
        across = 3 if len(row) > 1 else max(len(cells), 1)
        side = (width - _GAP * (across - 1)) / across
        if len(row) == 1:  # one title for all of them
            marks.append(Label(row[0][1], Box(0, top, width, _LINE), 11, MUTED))
            top += _LINE + 2
            cells = [(number, "", words) for number, _, words in cells]
        top = _row(marks, cells, side, top)
    return Face(width, max(top - _GAP, 1.0), tuple(marks), "", framed=False)


def _row(marks: list[Mark], cells: list[tuple[int, str, str]], side: float, top: float) -> float:
    """Pictures beside each other with their words below; where the next row begins."""
    bottom = top
    for k, (number, title, words) in enumerate(cells):
        box = Box(k * (side + _GAP), top, side, side)
        marks.append(Rect(box.grown(0.5), BORDER, radius=2.5))
        marks.append(Patch(box, number))
        under = box.bottom + 2
        for text, ink in ((title, MUTED), (words, None)):
            if text:
                line = Box(box.x, under, side, _LINE)
                marks.append(Label(text, line, 11, ink) if ink is not None else Label(text, line, 11))
                under += _LINE
        bottom = max(bottom, under)
    return bottom + _GAP


def _cells(session: Session, layer: str, unit: int, way: Way | None, title: str) -> list[tuple[int, str, str]]:
    """The number of each picture (−1: none yet), its title, and how far it drives the neuron."""
    if way is None:
        sample, value = strongest_real(session.activations, layer, unit)
        return [(sample, title, _number(value) if np.isfinite(value) else "")]
    icons = session.synthesis.of(layer, way)
    if icons is None or not icons.drawn(unit):
        return [(-1, title, "not drawn yet")] if way != "diverse" else []
    drive, real = icons.driven(unit)
    found = []
    for copy, value in enumerate(drive.tolist()):
        ratio, words = ratio_words(value, real, way), _number(value)
        if ratio.endswith("×"):
            words = ratio if way == "diverse" else f"{words} · {ratio}"
        found.append((session.synthesis.number(layer, unit, way, copy) or -1, title, words))
    return found


def _number(value: float) -> str:
    """Three figures, or whole thousands: never a power of ten, which takes too much room."""
    return (f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}").replace("-", "−")


def strongest_real(found: Activations | None, layer: str, unit: int) -> tuple[int, float]:
    """The sample with the highest mean of a neuron's map, and that mean; of its peak where means were dropped."""
    if found is None or layer not in found.layers:
        return -1, float("nan")
    known = found[layer]
    value = float(known.highest[unit].max())
    if known.pooled is None:
        return int(known.top_samples[unit, 0]), value
    rows = np.flatnonzero(found.samples.read)
    best = rows[np.argmax(np.asarray(known.pooled[rows, unit], np.float32))] if len(rows) else None
    return (int(found.samples.indices[best]), value) if best is not None else (-1, value)
