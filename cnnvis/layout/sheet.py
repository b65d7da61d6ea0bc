"""A sheet: a grid of shaded cells with named rows and columns, drawn alike in a panel and in a figure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from cnnvis.layout.diagram import Diagram
from cnnvis.layout.marks import (
    CARD,
    MUTED,
    TEXT,
    Box,
    Card,
    Cells,
    Entry,
    Face,
    Ink,
    Label,
    Mark,
    Ramp,
    Rect,
    levels_of,
)
from cnnvis.layout.svg import text_width
from cnnvis.model.session import Session

UPRIGHT = 176.0
"""The most height that names of columns take when they stand upright."""
NUMBERED = 26.0
"""Cells from this width on have room for a number."""
_QUANTILE = 0.995
_SHAPES = 20_000
_EDGE = 16.0
CANVAS = Ink("canvas")


@dataclass(frozen=True, slots=True)
class Head:
    """The name of a row or column. `classes` are those it stands for; several can be unfolded.

    `group` is the first class of the group of confusable classes that it stands for or was unfolded from (−1: none).
    """

    text: str
    tip: str = ""
    ink: Ink | None = None
    classes: tuple[int, ...] = ()
    group: int = -1

    @property
    def folded(self) -> bool:
        """Whether it stands for several classes that can be unfolded."""
        return self.group >= 0 and len(self.classes) > 1

    def fitting(self, room: float, width: Callable[[str], float]) -> str:
        """The text; of a group where that is wider than `room` the first name alone and how many more there are."""
        if not self.folded or width(self.text) <= room:
            return self.text
        return f"{self.text.split(', ')[0]} +{len(self.classes) - 1:,}"


@dataclass(frozen=True, slots=True)
class Block:
    """The rows first … last−1 of one cluster (−1: of none)."""

    id: int
    title: str
    first: int
    last: int
    ink: Ink = MUTED


@dataclass(frozen=True, slots=True)
class Scale:
    """What shade stands for which value: none for 0, full from `top` on. `beyond` where single cells exceed it."""

    top: float
    what: str
    signed: bool = False
    beyond: bool = False

    @classmethod
    def of(cls, values: NDArray[np.float64], what: str, signed: bool = False) -> Scale:
        """The scale to a round number that fits some values: a few of them that stand far out are beyond it."""
        sizes = np.abs(values[np.isfinite(values)])
        highest = float(sizes.max(initial=0.0))
        usual = float(np.quantile(sizes, _QUANTILE)) if len(sizes) else 0.0
        top = _round_up(usual if 0.0 < usual < 0.8 * highest else highest)
        return cls(top, what, signed, highest > top)

    @property
    def ramp(self) -> Ramp:
        """How shades become colours."""
        return "effect" if self.signed else "response"

    def ink(self, share: float) -> Ink:
        """The ink of a shade, −1 … 1."""
        role = "response" if not self.signed else "excite" if share >= 0 else "inhibit"
        return Ink(role, 0, abs(share))

    @property
    def steps(self) -> tuple[tuple[float, str], ...]:
        """Some strengths from the lowest to the highest, with their values in words; 0 has no shade."""
        shares = (-1.0, -0.5, 0.5, 1.0) if self.signed else (0.25, 0.5, 0.75, 1.0)
        return tuple((share, self._word(share)) for share in shares)

    def _word(self, share: float) -> str:
        word = short(share * self.top)
        if self.beyond and abs(share) == 1.0:
            return ("≥ " if share > 0 else "≤ ") + word
        return word


@dataclass(frozen=True, eq=False)
class Sheet:
    """A grid of values (n_rows, n_columns), NaN where nothing is known, with what it takes to draw it.

    `texts` stand in the cells where there is room. `pale` (n_rows, n_columns) marks cells that step back.
    """

    values: NDArray[np.float64]
    rows: tuple[Head, ...]
    columns: tuple[Head, ...]
    scale: Scale
    blocks: tuple[Block, ...] = ()
    texts: tuple[tuple[str, ...], ...] = ()
    pale: NDArray[np.bool_] | None = None

    @cached_property
    def shades(self) -> NDArray[np.float64]:
        """How strongly each cell is shaded, −1 … 1; NaN where nothing is known."""
        found = np.clip(self.values / self.scale.top, -1.0, 1.0)
        return found if self.pale is None else np.where(self.pale, PALE * found, found)

    @cached_property
    def levels(self) -> NDArray[np.int8]:
        """The shades as the levels of Cells, (n_rows, n_columns)."""
        return np.frombuffer(levels_of(self.shades), np.int8).reshape(self.values.shape)

    def text_ink(self, row: int, column: int) -> Ink:
        """An ink that is read on the cell."""
        return CARD if abs(float(self.shades[row, column])) > 0.5 else TEXT

    @cached_property
    def spans(self) -> tuple[tuple[int, int, int], ...]:
        """Neighbouring columns that were unfolded from one group: (group, first, last+1)."""
        groups = [-1 if head.folded else head.group for head in self.columns]
        cuts = [i for i, (a, b) in enumerate(pairwise(groups), 1) if a != b]
        return tuple((groups[a], a, b) for a, b in pairwise([0, *cuts, len(groups)]) if groups and groups[a] >= 0)


def _round_up(value: float) -> float:
    """The next number above a positive one that halves well; 1 for 0."""
    if value <= 0:
        return 1.0
    power = 10.0 ** np.floor(np.log10(value))
    return float(next((step for step in _ROUND if step * power >= value * (1 - 1e-9)), 10.0) * power)


_ROUND = (1.0, 1.2, 1.6, 2.0, 2.4, 3.0, 4.0, 5.0, 6.0, 8.0)

PALE = 0.2
"""How strongly the shade of a pale cell shows."""


def short(value: float) -> str:
    """A number in three figures with a true minus."""
    whole = 999.5 <= abs(value) < _LARGE
    return (f"{value:,.0f}" if whole else f"{value:.3g}").replace("-", "−")


def alike(values: Sequence[float], signed: bool = False) -> list[str]:
    """The numbers of one list with as many decimals each: three figures of the largest. `signed`: with a plus too."""
    top = max((abs(value) for value in values), default=0.0)
    if not _SMALL <= top < _LARGE:
        return [("+" if signed and value > 0 else "") + short(value) for value in values]
    n = max(0, 2 - int(np.floor(np.log10(top))))
    while n > 0 and all(abs(value * 10 ** (n - 1) - round(value * 10 ** (n - 1))) < 1e-6 for value in values):
        n -= 1  # a zero at the end of all
    rounded = [round(value, n) + 0.0 for value in values]  # no −0
    words = [f"{r:,.{n}f}" if value else "0" for r, value in zip(rounded, values)]
    return [("+" if signed and r > 0 else "") + word.replace("-", "−") for r, word in zip(rounded, words)]


_SMALL, _LARGE = 1e-4, 999_999.5
"""Between these numbers are written without powers of ten."""


@dataclass(frozen=True, slots=True)
class _Measure:
    """The sizes of a printed sheet, in diagram pixels: cells, names at the left, names at the top."""

    wide: float
    high: float
    titles: float
    names: float
    left: float
    top: float
    upright: bool


def _measure(sheet: Sheet) -> _Measure:
    n_rows, n_columns = sheet.values.shape
    widest = max((_width(h.text) for h in sheet.columns), default=0.0)
    wide = 40.0 if n_columns <= 12 else 22.0 if n_columns <= 24 else 14.0
    if sheet.texts:
        wide = max(wide, NUMBERED)
    upright = widest > 72.0 or n_columns > 12
    if not upright:
        wide = max(wide, widest + 6)
    high = 16.0 if n_rows <= 64 else 8.0 if n_rows <= 256 else 4.0
    named = high >= 12
    names = min(max((_width(h.text) for h in sheet.rows), default=0.0), 144.0) + 8 if named else 0.0
    titles = 112.0 if len(sheet.blocks) > 1 else 0.0
    top = min(widest, UPRIGHT) + 12 if upright else 24.0
    left = titles + names + 4.0
    return _Measure(wide, high, titles, names, left, top, upright)


def sheet_diagram(sheet: Sheet, title: str, caption: str, session: Session) -> Diagram:
    """A sheet of a session as a picture of its own, of one card, with the scale as its legend; exported like any."""
    return face_diagram(sheet_face(sheet, title), caption, scale_entries(sheet.scale), session)


def scale_entries(scale: Scale) -> tuple[Entry, ...]:
    """The steps of a scale for a legend; the first says what is meant."""
    entries = tuple(Entry(word, scale.ink(share), "square") for share, word in scale.steps)
    return (Entry(f"{scale.what}: {entries[0].text}", entries[0].ink, "square"), *entries[1:])


def face_diagram(face: Face, caption: str, legend: tuple[Entry, ...], session: Session | None) -> Diagram:
    """A face as a picture of its own, of one card without columns; exported like any."""
    card = Card(("sheet",), Box(_EDGE, _EDGE, face.w, face.h), face)
    return Diagram(
        columns=(),
        cards=(card,),
        links=(),
        width=face.w + 2 * _EDGE,
        height=face.h + 2 * _EDGE,
        caption=caption,
        legend=legend,
        session=session,
    )


def sheet_face(sheet: Sheet, title: str) -> Face:
    """The marks of a sheet: its title, the names of columns and rows, the cells with the numbers that fit."""
    m = _measure(sheet)
    n_rows, n_columns = sheet.values.shape
    top = 32.0 + m.top
    width = 8 + m.left + m.wide * n_columns + 8
    marks: list[Mark] = [Label(title, Box(8, 6, width - 16, 20), 13, bold=True, elide="middle")]
    for column, head in enumerate(sheet.columns):
        marks += _column_name(head, 8 + m.left + column * m.wide, top, m)
    marks += _row_names(sheet, m, top)
    # With a gap, if only a hairline, painters draw shapes and not an image.
    gap = 1.0 if m.high >= 8 else 0.25 if sheet.values.size <= _SHAPES else 0.0
    area = Box(8 + m.left, top, n_columns * m.wide - gap, n_rows * m.high - gap)
    cells = Cells(area, sheet.levels.tobytes(), sheet.values.shape, sheet.scale.ramp, gap=gap)
    marks.append(cells)
    if sheet.texts and m.wide >= NUMBERED and m.high >= 12:
        for row, column in np.ndindex(n_rows, n_columns):
            if sheet.texts[row][column]:
                ink, box = sheet.text_ink(row, column), cells.place(row, column)
                marks.append(Label(sheet.texts[row][column], box, 10, ink, align="centre", elide="none"))
    for block in sheet.blocks[1:]:
        marks.append(Rect(Box(8, top + block.first * m.high - 2, width - 16, 3.0), CANVAS))
    return Face(width, top + n_rows * m.high + 8, tuple(marks), title, framed=False)


def _column_name(head: Head, x: float, top: float, m: _Measure) -> list[Mark]:
    """A name over its column, and a tick in the colour of its class."""
    box = Box(x, top - m.top, m.wide, m.top - 6)
    text = head.fitting(box.h if m.upright else box.w, _width)
    name = Label(text, box, 11, MUTED, elide="middle", upright=m.upright)
    marks: list[Mark] = [name if m.upright else replace(name, align="centre")]
    if head.ink is not None:
        marks.append(Rect(Box(x, top - 4, m.wide - 1, 3), head.ink))
    return marks


def _row_names(sheet: Sheet, m: _Measure, top: float) -> list[Mark]:
    """The names of the clusters beside a bar as high as their rows, and those of the rows."""
    marks: list[Mark] = []
    if m.titles:
        for block in sheet.blocks:
            y, height = top + block.first * m.high, (block.last - block.first) * m.high
            marks.append(Rect(Box(8, y + 1, 3, height - 3), block.ink, radius=1.5))
            if height >= 11:
                box = Box(17, y, m.titles - 17, min(m.high, 16.0) if m.high >= 12 else min(height, 16.0))
                marks.append(Label(block.title, box, 11, TEXT, elide="middle"))
    if m.names:
        for row, head in enumerate(sheet.rows):
            box = Box(8 + m.titles, top + row * m.high, m.names - 4, m.high - 1)
            marks.append(Label(head.fitting(box.w, _width), box, 11, MUTED, align="right", elide="middle"))
    return marks


def _width(text: str) -> float:
    return text_width(text, 11, False)
