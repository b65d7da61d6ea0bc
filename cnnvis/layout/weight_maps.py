"""Evidence per weight as heat maps: the filters of a layer as small matrices on one scale."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cnnvis.errors import InvalidValue, UnknownName, did_you_mean
from cnnvis.layout.diagram import Diagram
from cnnvis.layout.marks import BORDER, MUTED, Box, Cells, Face, Label, Mark, Rect, levels_of
from cnnvis.layout.sheet import Scale, alike, face_diagram, scale_entries
from cnnvis.layout.svg import text_width
from cnnvis.model.attribution import Attribution, WeightMap
from cnnvis.model.session import Session

LISTED = 24
"""So many filters are drawn, those with the largest sums of magnitudes first."""
_SIDE, _GAP, _APART, _WORDS, _SPACE = 12.0, 5.0, 3.0, 152.0, 640.0
_LEAST = 3.0
"""The least side of a cell in kernels beside each other: smaller ones are told apart better as columns."""
_KERNELS = 16
"""Up to so many inputs each kernel is a matrix of its own; of more, inputs are columns and its places rows."""


def strongest(values: NDArray[np.float32], n: int = LISTED) -> list[int]:
    """The filters of a weight (its first axis) with the largest sums of magnitudes, largest first."""
    sums = np.abs(values.reshape(len(values), -1)).sum(1, dtype=np.float64)
    return [int(i) for i in np.argsort(-sums, kind="stable")[:n]]


def foremost(found: WeightMap) -> str:
    """The weight of the layer with the largest share; where no shares are told, that with the largest mean.

    Raises InvalidValue where no weight has two axes.
    """
    known = [name for name, values in found.values.items() if values.ndim > 1]
    if not known:
        raise InvalidValue("Heat maps of weights need a weight with two axes; the evidence holds none.")
    shares = found.facts.get("shares") or {}
    for layer in sorted(shares, key=lambda name: -shares[name]):
        mine = [name for name in known if name.startswith(f"{layer}.")]
        if mine:
            return max(mine, key=lambda name: float(np.abs(found.values[name]).sum()))
    return max(known, key=lambda name: float(np.abs(found.values[name]).mean()))


def weight_scale(values: NDArray[np.float32], what: str) -> Scale:
    """The scale of a weight; with two signs only where it has them."""
    return Scale.of(values.astype(np.float64), what, signed=bool((values < 0).any()))


def weight_face(values: NDArray[np.float32], title: str, scale: Scale, listed: int = LISTED) -> Face:
    """The strongest filters below their title, as wide as they need."""
    grid = _Grid.of(values, listed, max(_SPACE, float(values.shape[1])))
    width = max(grid.width, text_width(title, 13, True)) + 2 * _SIDE
    marks = [Label(title, Box(_SIDE, 8, width - 2 * _SIDE, 20), 13, bold=True, elide="middle")]
    found, bottom = _drawn(values, scale, grid, _SIDE, 32.0)
    return Face(width, bottom + 8, (*marks, *found), title, framed=False)


def weight_marks(values: NDArray[np.float32], scale: Scale, area: Box, listed: int) -> tuple[list[Mark], float]:
    """The strongest filters within the width of an area, from its top on, and how far down they reach."""
    return _drawn(values, scale, _Grid.of(values, listed, area.w, whole=True), area.x, area.y)


@dataclass(frozen=True, slots=True)
class _Grid:
    """Where the matrices of a weight stand: which filters, how wide numbers, matrices and sums, the side of a cell.

    `apart`: each kernel a matrix of its own; else inputs are columns and the places of a kernel rows.
    """

    order: tuple[int, ...]
    kernel: tuple[int, int]
    apart: bool
    cell: float
    named: float
    span: float
    words: float
    room: float

    @classmethod
    def of(cls, values: NDArray[np.float32], listed: int, space: float, whole: bool = False) -> _Grid:
        """For matrices as wide as `space`, or all within it where `whole`."""
        order = strongest(values, listed)
        inputs, places = values.shape[1], values.shape[2:]
        high, wide = (places[0], int(np.prod(places[1:]))) if len(places) > 1 else (1, int(np.prod(places)))
        sums = _sums(values)
        named = max(text_width(str(max(order)), 11, False), 30.0) + 8
        room = max(text_width(word, 11, False) for word in alike([float(sums[i]) for i in order])) + 10
        space -= named + room if whole else 0.0
        gaps = _APART * (inputs - 1)
        apart = inputs <= _KERNELS and high * wide > 1 and (space - gaps) / (inputs * wide) >= _LEAST
        cell = _cell(inputs * wide, high, space - gaps) if apart else _cell(inputs, high * wide, space)
        span = inputs * wide * cell + gaps if apart else inputs * cell
        words = max(span, space if whole else _WORDS)
        return cls(tuple(order), (high, wide), apart, cell, named, span, words, room)

    @property
    def width(self) -> float:
        return self.named + self.words + self.room

    @property
    def high(self) -> float:
        """The height of a filter."""
        return self.cell * (self.kernel[0] if self.apart else self.kernel[0] * self.kernel[1])


def _drawn(
    values: NDArray[np.float32], scale: Scale, grid: _Grid, x: float, top: float
) -> tuple[list[Mark], float]:
    """The strongest filters below each other, all on one scale: number, matrix, sum of magnitudes."""
    (high, wide), inputs, sums = grid.kernel, values.shape[1], _sums(values)
    shares = np.clip(values.astype(np.float64) / scale.top, -1.0, 1.0).reshape(len(values), inputs, high, wide)
    left, pitch = x + grid.named, max(grid.high, 12.0) + _GAP
    marks, words = _heads(x, top, grid, inputs), alike([float(sums[i]) for i in grid.order])
    top += 22.0
    for row, i in enumerate(grid.order):
        y = top + row * pitch
        middle = y + grid.high / 2 - 8
        marks.append(Label(str(i), Box(x, middle, grid.named - 8, 16), 11, MUTED, align="right", elide="none"))
        if grid.apart:
            for k in range(inputs):
                box = Box(left + k * (wide * grid.cell + _APART), y, wide * grid.cell, grid.high)
                marks.append(Cells(box, levels_of(shares[i, k]), (high, wide), scale.ramp))
        else:
            flat = shares[i].reshape(inputs, high * wide).T
            box = Box(left, y, grid.span, grid.high)
            marks.append(Cells(box, levels_of(flat), (high * wide, inputs), scale.ramp))
        total = Box(left + grid.words, middle, grid.room, 16)
        marks.append(Label(words[row], total, 11, MUTED, align="right", elide="none"))
    bottom = top + len(grid.order) * pitch
    if len(values) > len(grid.order):
        rest = f"{len(values) - len(grid.order):,} weaker filters are not shown"
        marks.append(Label(rest, Box(left, bottom, grid.words + grid.room, 16), 11, MUTED))
        bottom += 20
    return marks, bottom


def _sums(values: NDArray[np.float32]) -> NDArray[np.float64]:
    """The sum of magnitudes of each filter."""
    return np.asarray(np.abs(values.reshape(len(values), -1)).sum(1, dtype=np.float64))


def _cell(columns: int, rows: int, space: float) -> float:
    """The side of a cell: large where there are few, but no strip wider or higher than can be taken in."""
    side = min(space / max(columns, 1), 40.0 / max(rows, 1), 8.0)
    return float(np.floor(side)) if side >= 1.0 else side


def _heads(x: float, top: float, grid: _Grid, inputs: int) -> list[Mark]:
    """What runs along the columns of numbers and matrices."""
    places, left = f"{grid.kernel[0]} × {grid.kernel[1]}", x + grid.named
    word = f"{inputs:,} inputs"
    word += f", {places} each" if grid.apart else f" × {places}" if grid.kernel != (1, 1) else ""
    return [
        Label("filter", Box(x, top, grid.named - 8, 16), 10, MUTED, align="right", elide="none"),
        Label(word, Box(left, top, grid.words, 16), 10, MUTED, elide="none"),
        Label("sum", Box(left + grid.words, top, grid.room, 16), 10, MUTED, align="right", elide="none"),
        Rect(Box(x, top + 17, grid.width, 1), BORDER),
    ]


def weight_diagram(session: Session, found: Attribution, parameter: str = "", listed: int = LISTED) -> Diagram:
    """The heat maps of one weight of an explanation as a picture; by default of the layer with the largest share.

    Raises UnknownName for a parameter that the evidence does not hold, InvalidValue for other evidence.
    """
    if not isinstance(found.evidence, WeightMap):
        raise InvalidValue(f"Heat maps of weights must be of a WeightMap; got {type(found.evidence).__name__}.")
    name = parameter or foremost(found.evidence)
    known = {name: values for name, values in found.evidence.values.items() if values.ndim > 1}
    if name not in known:
        raise UnknownName(f"A weight of the explanation must be named; got {name!r}. {did_you_mean(name, known)}")
    values = known[name]
    what = str(found.parameters.get("score", found.method.lower()))
    scale = weight_scale(values, what)
    caption = (
        f"{session.analysis.network.name}: {found.method.lower()} ({what}) of {name} over "
        f"{found.evidence.facts.get('samples', 'some')} samples. Filters with the largest sums come first."
    )
    face = weight_face(values, f"{found.method} of {name}", scale, listed)
    return face_diagram(face, caption, scale_entries(scale), session)
