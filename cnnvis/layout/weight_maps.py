"""Evidence per weight as heat maps: the filters of a layer as small matrices on one scale."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cnnvis.errors import InvalidValue, UnknownName, did_you_mean
from cnnvis.layout.diagram import Diagram
from cnnvis.layout.marks import BORDER, MUTED, Box, Cells, Face, Label, Mark, Rect, levels_of
from cnnvis.layout.sheet import Scale, face_diagram, scale_entries, short
from cnnvis.layout.svg import text_width
from cnnvis.model.attribution import Attribution, WeightMap
from cnnvis.model.session import Session

LISTED = 24
"""So many filters are drawn, those with the largest sums of magnitudes first."""
_SIDE, _GAP, _WORDS = 12.0, 5.0, 152.0
_KERNELS = 16
"""Up to so many inputs each kernel is a matrix of its own; of more, inputs are columns and its places rows."""


def strongest(values: NDArray[np.float32], n: int = LISTED) -> list[int]:
    """The filters of a weight (its first axis) with the largest sums of magnitudes, largest first."""
    sums = np.abs(values.reshape(len(values), -1)).sum(1, dtype=np.float64)
    return [int(i) for i in np.argsort(-sums, kind="stable")[:n]]


def weight_face(values: NDArray[np.float32], title: str, scale: Scale, listed: int = LISTED) -> Face:
    """The strongest filters below each other, all on one scale: number, matrix, sum of magnitudes."""
    order = strongest(values, listed)
    inputs, places = values.shape[1], values.shape[2:]
    high, wide = (places[0], int(np.prod(places[1:]))) if len(places) > 1 else (1, int(np.prod(places)))
    apart = inputs <= _KERNELS and high * wide > 1
    cell = _cell(inputs * wide if apart else inputs, high if apart else high * wide)
    row_high = cell * (high if apart else high * wide)
    pitch = max(row_high, 12.0) + _GAP
    shares = np.clip(values.astype(np.float64) / scale.top, -1.0, 1.0).reshape(len(values), inputs, high, wide)
    named = max(text_width(str(max(order)), 11, False), 30.0) + 8
    left, top = _SIDE + named, 54.0
    span = inputs * (wide * cell + 3.0) - 3.0 if apart else inputs * cell
    sums = np.abs(values.reshape(len(values), -1)).sum(1, dtype=np.float64)
    room = max(text_width(short(float(sums[i])), 11, False) for i in order) + 10
    width = max(left + max(span, _WORDS) + room + _SIDE, text_width(title, 13, True) + 2 * _SIDE)
    marks: list[Mark] = [Label(title, Box(_SIDE, 8, width - 2 * _SIDE, 20), 13, bold=True, elide="middle")]
    marks += _heads(left, span, room, inputs, (high, wide), apart)
    for row, i in enumerate(order):
        y = top + row * pitch
        middle = Box(_SIDE, y + row_high / 2 - 8, named - 8, 16)
        marks.append(Label(str(i), middle, 11, MUTED, align="right", elide="none"))
        if apart:
            for k in range(inputs):
                box = Box(left + k * (wide * cell + 3.0), y, wide * cell, row_high)
                marks.append(Cells(box, levels_of(shares[i, k]), (high, wide), scale.ramp))
        else:
            flat = shares[i].reshape(inputs, high * wide).T
            marks.append(Cells(Box(left, y, span, row_high), levels_of(flat), (high * wide, inputs), scale.ramp))
        total = Box(left + span, middle.y, room, 16)
        marks.append(Label(short(float(sums[i])), total, 11, MUTED, align="right", elide="none"))
    height = top + len(order) * pitch
    if len(values) > len(order):
        rest = f"{len(values) - len(order):,} weaker filters are not shown"
        marks.append(Label(rest, Box(left, height, width - left - _SIDE, 16), 11, MUTED))
        height += 20
    return Face(width, height + 8, tuple(marks), title, framed=False)


def _cell(columns: int, rows: int) -> float:
    """The side of a cell: large where there are few, but no strip wider or higher than can be taken in."""
    return float(np.clip(np.floor(min(640.0 / max(columns, 1), 40.0 / max(rows, 1))), 1.0, 8.0))


def _heads(
    left: float, span: float, room: float, inputs: int, kernel: tuple[int, int], apart: bool
) -> list[Mark]:
    """What runs along the columns of numbers and matrices."""
    places = f"{kernel[0]} × {kernel[1]}"
    word = f"{inputs:,} inputs" + (f", {places} each" if apart else f" × {places}" if kernel != (1, 1) else "")
    return [
        Label("filter", Box(_SIDE, 32, left - _SIDE - 8, 16), 10, MUTED, align="right", elide="none"),
        Label(word, Box(left, 32, max(span, _WORDS), 16), 10, MUTED, elide="none"),
        *([Label("sum", Box(left + span, 32, room, 16), 10, MUTED, align="right", elide="none")] if span > 160 else []),
        Rect(Box(_SIDE, 49, left + span + room - _SIDE, 1), BORDER),
    ]


def weight_diagram(session: Session, found: Attribution, parameter: str = "", listed: int = LISTED) -> Diagram:
    """The heat maps of one weight of an explanation as a picture; by default of the one with the largest mean.

    Raises UnknownName for a parameter that the evidence does not hold, InvalidValue for other evidence.
    """
    if not isinstance(found.evidence, WeightMap):
        raise InvalidValue(f"Heat maps of weights must be of a WeightMap; got {type(found.evidence).__name__}.")
    known = {name: values for name, values in found.evidence.values.items() if values.ndim > 1}
    if not known:
        raise InvalidValue("Heat maps of weights need a weight with two axes; the evidence holds none.")
    name = parameter or max(known, key=lambda p: float(np.abs(known[p]).mean()))
    if name not in known:
        raise UnknownName(f"A weight of the explanation must be named; got {name!r}. {did_you_mean(name, known)}")
    values = known[name]
    what = str(found.parameters.get("score", found.method.lower()))
    scale = Scale.of(values.astype(np.float64), what, signed=bool((values < 0).any()))
    caption = (
        f"{session.analysis.network.name}: {found.method.lower()} ({what}) of {name} over "
        f"{found.evidence.facts.get('samples', 'some')} samples. Filters with the largest sums come first."
    )
    face = weight_face(values, f"{found.method} of {name}", scale, listed)
    return face_diagram(face, caption, scale_entries(scale), session)
