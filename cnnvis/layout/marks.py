"""What a picture is made of: marks on faces, faces on cards, cards in columns, and the links between them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Key = tuple[str | int, ...]
"""("cluster", layer, id), ("column", name), ("class", index), ("classes",), ("unit", layer, index),
("group", name), ("link", *source key, *sink key) or ("bundle", source layer, sink layer, number): stable from draw to
draw, so that a painter can animate what moved."""

Pictures = Callable[[int], NDArray[np.uint8] | None]

EVER: tuple[float, float] = (0.0, float("inf"))


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in diagram pixels: left, top, width, height."""

    x: float
    y: float
    w: float
    h: float

    @property
    def right(self) -> float:
        return self.x + self.w

    @property
    def bottom(self) -> float:
        return self.y + self.h

    @property
    def middle(self) -> float:
        """The vertical centre."""
        return self.y + self.h / 2

    def holds(self, x: float, y: float) -> bool:
        """Whether a point lies inside or on the border."""
        return self.x <= x <= self.right and self.y <= y <= self.bottom

    def overlaps(self, other: Box) -> bool:
        """Whether the two share an area."""
        return self.x < other.right and other.x < self.right and self.y < other.bottom and other.y < self.bottom

    def grown(self, by: float) -> Box:
        """The same centre, `by` wider on every side."""
        return Box(self.x - by, self.y - by, self.w + 2 * by, self.h + 2 * by)


@dataclass(frozen=True, slots=True)
class Ink:
    """What a colour means; a theme says which colour that is.

    `role`: canvas, card, border, text, muted, accent, excite, inhibit, faint (empty places), heat, class, or a hex
    colour of the user's. `index` picks the class. `strength` 0–1 blends with what lies below.
    """

    role: str
    index: int = 0
    strength: float = 1.0


CARD, BORDER, TEXT, MUTED, FAINT, ACCENT = (Ink(r) for r in ("card", "border", "text", "muted", "faint", "accent"))
EXCITE, INHIBIT = Ink("excite"), Ink("inhibit")


@dataclass(frozen=True, slots=True)
class Rect:
    """A filled and/or outlined (1 px) rectangle, local to its card, seen where the zoom lies in `zoom`."""

    box: Box
    fill: Ink | None
    stroke: Ink | None = None
    radius: float = 0.0
    zoom: tuple[float, float] = EVER


@dataclass(frozen=True, slots=True)
class Label:
    """One line of text, centred across its box; `size` in pixels. Painters measure it, layout never does.

    An `upright` one is turned to the left: it reads from the bottom of the box to its top, and begins there.
    """

    text: str
    box: Box
    size: float = 12.0
    ink: Ink = TEXT
    bold: bool = False
    align: Literal["left", "centre", "right"] = "left"
    elide: Literal["none", "middle", "end"] = "end"
    zoom: tuple[float, float] = EVER
    upright: bool = False

    @property
    def lying(self) -> Label:
        """The label before it is turned about the centre of its box; itself where it is not upright."""
        if not self.upright:
            return self
        box = self.box
        turned = Box(box.x + (box.w - box.h) / 2, box.y + (box.h - box.w) / 2, box.h, box.w)
        return replace(self, box=turned, upright=False)


@dataclass(frozen=True, slots=True)
class Patch:
    """A piece of the picture of one sample: `crop` (top, left, bottom, right) in its pixels, None for all of it.

    `unit` is the neuron it stands for (−1: none). A crop that is not square keeps its proportions: painters
    centre it in the box over a faint ground. `strength` 0–1 lets it step back towards the card.
    """

    box: Box
    sample: int
    crop: tuple[int, int, int, int] | None = None
    unit: int = -1
    radius: float = 2.0
    zoom: tuple[float, float] = EVER
    strength: float = 1.0

    def unit_at(self, x: float, y: float) -> int:
        """The neuron, where the patch lies at a point of the card; −1 where it does not."""
        return self.unit if self.box.holds(x, y) else -1


Ramp = Literal["response", "effect", "alarm"]
"""How levels become colours: nothing to strong; orange (negative) to blue (positive); orange (alarm) to strong."""


@dataclass(frozen=True, slots=True)
class Cells:
    """A grid of colours, (rows, columns) as `shape` says: one mark however many cells there are.

    `levels` are signed bytes, row by row: −127 the strongest negative value, 127 the strongest positive one, −128
    where there is none. `units` are the neurons of the rows, or of all cells where they are as many as these (−1:
    none). `gap` pixels of the card are seen between cells.
    """

    box: Box
    levels: bytes
    shape: tuple[int, int]
    ramp: Ramp = "response"
    units: tuple[int, ...] = ()
    gap: float = 0.0
    zoom: tuple[float, float] = EVER

    @property
    def grid(self) -> NDArray[np.int8]:
        """The levels, (rows, columns)."""
        return np.frombuffer(self.levels, np.int8).reshape(self.shape)

    def place(self, row: int, column: int) -> Box:
        """The box of one cell."""
        rows, columns = self.shape
        wide, high = (self.box.w + self.gap) / columns, (self.box.h + self.gap) / rows
        return Box(self.box.x + column * wide, self.box.y + row * high, wide - self.gap, high - self.gap)

    def unit_at(self, x: float, y: float) -> int:
        """The neuron whose cell lies at a point of the card, −1 where there is none."""
        rows, columns = self.shape
        if not self.box.holds(x, y) or not self.units:
            return -1
        row = min(int((y - self.box.y) / (self.box.h + self.gap) * rows), rows - 1)
        column = min(int((x - self.box.x) / (self.box.w + self.gap) * columns), columns - 1)
        return self.units[row if len(self.units) == rows else row * columns + column]


def levels_of(share: NDArray[np.float64]) -> bytes:
    """Values from −1 to 1 as the levels of Cells; NaN where there is none."""
    steps = np.rint(127 * np.clip(np.nan_to_num(share), -1.0, 1.0))
    return np.where(np.isnan(share), -128, steps).astype(np.int8).tobytes()


@dataclass(frozen=True, slots=True)
class Raster:
    """A picture that the mark holds itself, with a map over it: (h, w) pixels as `shape` says, in the whole box.

    `rgb` is h · w · 3 bytes, none for a map on the plain card. `levels` are h · w signed bytes as those of Cells, none
    for a picture without a map; the more of one, the more of its sign's colour, up to `opacity` of it. A picture
    steps back to greys under a map.
    """

    box: Box
    shape: tuple[int, int]
    rgb: bytes = b""
    levels: bytes = b""
    opacity: float = 1.0
    radius: float = 2.0
    zoom: tuple[float, float] = EVER


@dataclass(frozen=True, slots=True)
class Lines:
    """Closed lines of one ink over a box, each of points from its corner, with a thin halo of the card's colour."""

    box: Box
    paths: tuple[tuple[tuple[float, float], ...], ...]
    ink: Ink
    width: float = 1.5
    zoom: tuple[float, float] = EVER


Mark = Rect | Label | Patch | Cells | Raster | Lines

LEGIBLE = 7.0
"""Text that would be smaller on the screen, in its pixels whatever their density, is not painted."""
POINTED = 0.25
"""Below this zoom patches and cells are a mosaic: no single one can be pointed at."""


def seen(mark: Mark, zoom: float) -> bool:
    """Whether a mark is painted at a zoom (screen pixels per diagram pixel)."""
    if isinstance(mark, Label) and mark.size * zoom < LEGIBLE - 1e-6:
        return False
    return mark.zoom[0] <= zoom < mark.zoom[1]


def pointed(mark: Mark, zoom: float) -> bool:
    """Whether the neuron that a mark stands for can be pointed at."""
    return zoom >= POINTED and seen(mark, zoom)


@dataclass(frozen=True, eq=False)
class Face:
    """What stands on a card, whatever its place: the same object as long as nothing on it changed.

    Painters cache a picture of it by identity. `w` and `h` are the size of its card; marks are local to it.
    """

    w: float
    h: float
    marks: tuple[Mark, ...]
    title: str
    tooltip: str = ""
    framed: bool = True
    waiting: bool = False

    def shows_as(self, other: Face) -> bool:
        """Whether both look the same."""
        return self is other or (
            (self.w, self.h, self.title, self.tooltip, self.framed, self.waiting)
            == (other.w, other.h, other.title, other.tooltip, other.framed, other.waiting)
            and self.marks == other.marks
        )


@dataclass(frozen=True, slots=True, eq=False)
class Card:
    """A face at a place. The same object from draw to draw as long as neither changed."""

    key: Key
    box: Box
    face: Face

    @property
    def title(self) -> str:
        return self.face.title

    @property
    def tooltip(self) -> str:
        return self.face.tooltip

    @property
    def marks(self) -> tuple[Mark, ...]:
        return self.face.marks


@dataclass(frozen=True, slots=True)
class Column:
    """The cards of one layer, or the classes, from top to bottom; `header` lies above them.

    `layer` is the drawn layer ("" for the classes); `group` the id of its group (−1: none).
    """

    key: Key
    header: Card
    cards: tuple[Key, ...]
    layer: str = ""
    group: int = -1


@dataclass(frozen=True, slots=True)
class Link:
    """A signed edge between two cards.

    `points` are 3 k + 1 control points of k cubic Béziers. `positive` and `negative` ≥ 0 are the two parts of the
    effect; `strength` 0–1 is relative to the strongest of its lane; `width` 1–5 px. `via` is the bundle through
    which it runs and which is drawn in its place, None where it is drawn itself.
    """

    key: Key
    source: Key
    sink: Key
    points: tuple[tuple[float, float], ...]
    positive: float
    negative: float
    strength: float
    width: float
    via: Key | None = None

    @property
    def ink(self) -> Ink:
        """Blue where it excites on balance, orange where it inhibits."""
        return EXCITE if self.positive >= self.negative else INHIBIT

    @property
    def mixed(self) -> bool:
        """Whether neither sign outweighs the other: the weaker one has at least 0.35 of the effect."""
        return min(self.positive, self.negative) >= 0.35 * (self.positive + self.negative)

    @property
    def shares(self) -> tuple[float, float]:
        """The parts of the two signs, summing to 1."""
        total = self.positive + self.negative
        return (self.positive / total, self.negative / total) if total > 0 else (1.0, 0.0)


@dataclass(frozen=True, slots=True, eq=False)
class Bundle:
    """Edges of one sign from all of some cards to all of others, drawn as a box with a curve to each card.

    `card` is the box where it stands, `home` where layout had put it, `room` the area in which it may be moved.
    `links` are the keys of the edges it stands for. `curves` (into and out of the box) are drawn in their place;
    none while it is expanded: then its edges are drawn, and the box is the hollow mark by which they are bundled
    again. `positive` and `negative` are the sums over its edges. `level`: it runs around columns, its curves level
    beside its box.
    """

    card: Card
    home: Box
    room: Box
    sources: tuple[Key, ...]
    sinks: tuple[Key, ...]
    links: tuple[Key, ...]
    curves: tuple[Link, ...]
    positive: float
    negative: float
    level: bool = False

    @property
    def key(self) -> Key:
        return self.card.key

    @property
    def expanded(self) -> bool:
        return not self.curves

    @property
    def shares(self) -> tuple[float, float]:
        """The parts of the two signs, summing to 1."""
        total = self.positive + self.negative
        return (self.positive / total, self.negative / total) if total > 0 else (1.0, 0.0)


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the legend: a line or a square in a colour, and what it means."""

    text: str
    ink: Ink
    shape: Literal["line", "square"]


def flatten(points: tuple[tuple[float, float], ...], steps: int = 12) -> NDArray[Any]:
    """A chain of cubic Béziers (3 k + 1 control points) as a line of steps · k + 1 points, (n, 2)."""
    control = np.asarray(points, np.float64)
    t = np.linspace(0.0, 1.0, steps + 1)[1:, None]
    lines = [control[:1]]
    for k in range(0, len(control) - 1, 3):
        a, b, c, d = control[k : k + 4]
        lines.append((1 - t) ** 3 * a + 3 * (1 - t) ** 2 * t * b + 3 * (1 - t) * t**2 * c + t**3 * d)
    return np.concatenate(lines)
