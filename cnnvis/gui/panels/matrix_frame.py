"""Where the cells and names of a sheet lie in a panel. Pure geometry, in the panel's pixels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from cnnvis.layout.marks import Box
from cnnvis.layout.sheet import Sheet

HEAD = -1
"""The row of the names of columns, and the column of the names of rows."""
OUTSIDE = -2

LEAST, MOST = 16.0, 24.0
"""The height of a row while nobody zooms."""
NARROW, WIDE = 16.0, 72.0
"""The width of a column; wider only for names that stand in it."""
NAMED = 11.0
"""Rows from this height on show their names."""
BRACKET = 18.0
"""The height of the strip that names unfolded groups."""
TITLES = 112.0
"""Room for the names of clusters."""
PAD = 8.0
_LONGEST, _HIGHEST = 152.0, 176.0
_LARGEST = 40.0

Measure = Callable[[str], float]
"""The width of a text in pixels."""


@dataclass(frozen=True, slots=True)
class Zoom:
    """How large cells are: `factor` times their usual size, or all rows at once."""

    factor: float = 1.0
    whole: bool = False

    def by(self, steps: float) -> Zoom:
        """Larger by some steps of the wheel, or smaller."""
        return Zoom(min(max(self.factor * 1.15**steps, 0.25), 4.0))


@dataclass(frozen=True, slots=True)
class Frame:
    """The geometry of a sheet: cells `wide` × `high`, names in a border `left` and `top` of them, scrolled by (x, y).

    `titles` of the left border belong to the names of clusters, `bracket` of the upper one to those of groups.
    """

    n_rows: int
    n_columns: int
    width: float
    height: float
    wide: float
    high: float
    left: float
    top: float
    titles: float = 0.0
    bracket: float = 0.0
    upright: bool = False
    x: float = 0.0
    y: float = 0.0

    @property
    def reach(self) -> tuple[float, float]:
        """How far it can be scrolled."""
        room_x, room_y = self.width - self.left, self.height - self.top
        return max(self.n_columns * self.wide - room_x, 0.0), max(self.n_rows * self.high - room_y, 0.0)

    @property
    def area(self) -> Box:
        """The part of the panel in which cells are seen."""
        wide, high = self.n_columns * self.wide - self.x, self.n_rows * self.high - self.y
        return Box(
            self.left,
            self.top,
            max(min(self.width - self.left, wide), 0.0),
            max(min(self.height - self.top, high), 0.0),
        )

    @property
    def named(self) -> bool:
        """Whether rows have room for their names."""
        return self.high >= NAMED

    def scrolled(self, x: float, y: float) -> Frame:
        """The same, scrolled to a place, as far as it goes."""
        far_x, far_y = self.reach
        return replace(self, x=min(max(x, 0.0), far_x), y=min(max(y, 0.0), far_y))

    def at(self, x: float, y: float) -> tuple[int, int]:
        """The row and column at a point; HEAD where it lies over a name, OUTSIDE where there is neither."""
        row = HEAD if y < self.top else int((y - self.top + self.y) / self.high)
        column = HEAD if x < self.left else int((x - self.left + self.x) / self.wide)
        return row if row < self.n_rows else OUTSIDE, column if column < self.n_columns else OUTSIDE

    def box(self, row: int, column: int, last_row: int = -1, last_column: int = -1) -> Box:
        """The place of a cell, or of those up to `last_row` and `last_column` (exclusive)."""
        rows = 1 if last_row < 0 else last_row - row
        columns = 1 if last_column < 0 else last_column - column
        return Box(
            self.left + column * self.wide - self.x,
            self.top + row * self.high - self.y,
            columns * self.wide,
            rows * self.high,
        )

    @property
    def rows(self) -> range:
        """The rows that are seen, if only in part."""
        first = int(self.y / self.high)
        return range(first, min(int((self.y + self.area.h) / self.high) + 1, self.n_rows))

    @property
    def columns(self) -> range:
        """The columns that are seen, if only in part."""
        first = int(self.x / self.wide)
        return range(first, min(int((self.x + self.area.w) / self.wide) + 1, self.n_columns))

    def showing(self, row: int, column: int) -> Frame:
        """The same, scrolled no farther than it takes to see a cell; HEAD leaves that direction alone."""
        area_w, area_h = self.width - self.left, self.height - self.top
        x, y = self.x, self.y
        if column >= 0:
            x = min(max(x, (column + 1) * self.wide - area_w), column * self.wide)
        if row >= 0:
            y = min(max(y, (row + 1) * self.high - area_h), row * self.high)
        return self.scrolled(x, y)


def framed(sheet: Sheet, width: float, height: float, measure: Measure, zoom: Zoom, old: Frame | None = None) -> Frame:
    """The geometry of a sheet in a panel of some size; scrolled as the `old` one was.

    Names of columns stand upright where one does not fit over its column.
    """
    n_rows, n_columns = (max(n, 1) for n in sheet.values.shape)
    longest = max((measure(head.text) for head in sheet.rows), default=0.0)
    widest = max((measure(head.text) for head in sheet.columns), default=0.0)
    titles = TITLES if len(sheet.blocks) > 1 else 0.0
    left = PAD + titles + min(longest, _LONGEST) + PAD
    share = (width - left - PAD) / n_columns
    wide = min(max(share, NARROW), max(WIDE, min(widest + 12, 120.0)))
    wide = float(max(int(wide * zoom.factor), 6))
    upright = widest > wide - 6
    bracket = BRACKET if sheet.spans else 0.0
    name = min(widest, _HIGHEST, max(0.4 * height, 72.0)) + 22 if upright else 26.0
    top = float(round(name + bracket))
    room = max(height - top, 1.0)
    if zoom.whole:
        high = min(room / n_rows, MOST)
    else:
        high = min(max(room / n_rows, LEAST), MOST)
        high = min(max(high * zoom.factor, 2.0), _LARGEST)
    if high >= 4:
        high = float(int(high))
    if high < NAMED:
        left = PAD + (titles or min(longest, _LONGEST)) + PAD
    found = Frame(
        sheet.values.shape[0],
        sheet.values.shape[1],
        width,
        height,
        wide,
        high,
        float(round(left)),
        top,
        titles,
        bracket,
        upright,
    )
    return found.scrolled(old.x, old.y) if old is not None else found
