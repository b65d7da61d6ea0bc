"""The frame of a cluster's card, whatever facet it shows: measures, title, strip, and the words read from afar."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from cnnvis.layout.marks import FAINT, INHIBIT, MUTED, TEXT, Box, Face, Ink, Label, Mark, Rect
from cnnvis.layout.packing import rows
from cnnvis.layout.readings import Reading
from cnnvis.model.partition import Cluster

PAD = 8.0
STRIP_TOP, STRIP = 28.0, 4.0
BODY = 40.0
"""Where patches begin."""
LINE_TOP, BELOW_LINE = 36.0, 54.0
"""Where the line of words under the strip stands, and where the body begins below it."""
ROOM = 80.0
"""The height that patches or cells of a closed card may take."""
FAR = 0.4
"""Below this zoom a card has few and large words."""
FARTHEST = 0.2
"""Below this zoom it shows words instead of patches: these would be specks."""
NEAR: tuple[float, float] = (FAR, math.inf)
AWAY: tuple[float, float] = (0.0, FAR)
MOSAIC: tuple[float, float] = (FARTHEST, math.inf)
SPECKS: tuple[float, float] = (0.0, FARTHEST)

COLOURED_CLASSES = 12
STRIP_CELLS = 48


@dataclass(frozen=True, slots=True)
class Style:
    """How the cards of one column are made: the width, and how many patches the first row holds."""

    width: float = 152.0
    columns: int = 3

    @property
    def inner(self) -> float:
        return self.width - 2 * PAD


@dataclass(slots=True)
class Body:
    """What a facet puts on a card below the title: marks down to `bottom`, on a card of `style`.

    `pictured` says whether something is left to see from afar that words must not cover; `afar` is what the words then
    say instead of the top classes, `alarm` whether they stand out; `told` are lines of the tooltip.
    """

    style: Style
    marks: list[Mark] = field(default_factory=list)
    bottom: float = STRIP_TOP
    pictured: bool = False
    afar: str = ""
    alarm: bool = False
    told: list[str] = field(default_factory=list)


def style_for(n_units: int) -> Style:
    """Wider cards for layers with many neurons; depends on nothing that an edit changes."""
    return Style(192.0, 4) if n_units >= 48 else Style(152.0, 3)


def grid_up(value: float, step: float = 4.0) -> float:
    """The next multiple of `step`."""
    return step * math.ceil(value / step - 1e-9)


def near(mark: Label) -> Label:
    """The same label, not seen from afar."""
    return replace(mark, zoom=NEAR)


def line(text: str, style: Style, top: float = LINE_TOP, ink: Ink = MUTED) -> Label:
    """A line of small words across a card."""
    return near(Label(text, Box(PAD, top, style.inner, 14), 11, ink))


def counted(cluster: Cluster) -> str:
    """How many neurons it has, in words."""
    return f"{len(cluster)} neuron" + ("" if len(cluster) == 1 else "s")


def title_marks(cluster: Cluster, style: Style) -> list[Mark]:
    """The name, elided in the middle, with the number of neurons at the right where it has one; a user's colour."""
    number = counted(cluster)
    marks: list[Mark] = []
    if cluster.colour:  # along the title, and wide enough to be seen from afar
        marks.append(Rect(Box(0, 8, 4, 16), Ink(cluster.colour), radius=1, zoom=NEAR))
        marks.append(Rect(Box(0, 0, style.width, 6), Ink(cluster.colour), radius=2, zoom=AWAY))
    plain = not cluster.name and not cluster.dead
    title = cluster.name or ("never fire" if cluster.dead else number)
    right = 0.0 if plain else 6.6 * len(number) + 8  # the count is digits and one known word: it always fits
    if cluster.locked:
        marks += _padlock(style.width - PAD - right - 8, 12)
        right += 14
    box = Box(PAD, 6, style.width - 2 * PAD - right, 20)
    size, ink, bold = (12.0, MUTED, False) if cluster.dead and not cluster.name else (13.0, TEXT, True)
    marks.append(Label(title, box, size, ink, bold, elide="middle", zoom=NEAR))
    if not plain:
        box = Box(style.width - PAD - 6.6 * len(number) - 4, 6, 6.6 * len(number) + 4, 20)
        marks.append(Label(number, box, 11, MUTED, align="right", elide="none", zoom=NEAR))
    return marks


def _padlock(x: float, y: float) -> list[Mark]:
    """The sign of a cluster that keeps its members, 8 px wide."""
    shackle = Rect(Box(x + 1.5, y - 1, 5, 6), None, MUTED, radius=2.5, zoom=NEAR)
    return [shackle, Rect(Box(x, y + 2.5, 8, 6), MUTED, radius=1, zoom=NEAR)]


def strip_marks(profile: NDArray[np.float64], box: Box, coloured: bool) -> list[Mark]:
    """One segment for each group, pale where the response is weak, empty where there are no samples.

    More than STRIP_CELLS groups share segments, each as strong as its strongest group.
    """
    n = len(profile)
    cells = min(n, STRIP_CELLS)
    edges = np.linspace(0, n, cells + 1).astype(int)
    gap = 2.0 if cells <= 16 else 1.0 if cells <= 32 else 0.0
    width = (box.w - gap * (cells - 1)) / cells
    marks: list[Mark] = []
    for i, (first, last) in enumerate(itertools.pairwise(edges)):
        part = profile[first:last]
        where = Box(box.x + i * (width + gap), box.y, width, box.h)
        if np.isnan(part).all():
            marks.append(Rect(where, FAINT, zoom=NEAR))
            continue
        strength = 0.12 + 0.88 * float(np.nanmax(part)) ** 1.5
        marks.append(Rect(where, Ink("class" if coloured else "heat", int(first), strength), zoom=NEAR))
    return marks


def far_marks(
    cluster: Cluster,
    card: Box,
    n_dead: int,
    third: str,
    strength: float,
    below: tuple[float, float],
    alarm: bool = False,
) -> list[Mark]:
    """What is read from afar: the name; at zooms in `below` also the dead, a third line, and the mean response."""
    inner, height = card.w - 2 * PAD, card.h
    if height < 56:
        text = "never fire" if cluster.dead and not cluster.name else cluster.title
        return [Label(text, Box(PAD, 0, inner, height), 18, MUTED, elide="end", zoom=AWAY)]
    second = " · ".join([counted(cluster)] * bool(cluster.name) + [f"{n_dead} dead"] * bool(n_dead))
    lines: list[tuple[str, float, bool, Ink]] = [(cluster.title, 22.0, True, Ink("text"))]
    lines += [(text, 18.0, alarm, INHIBIT if alarm else MUTED) for text in (second, third) if text]
    marks: list[Mark] = []
    y = PAD
    for text, points, bold, ink in lines:
        if y + points + 6 > height - 16:
            break
        box = Box(PAD, y, inner, points + 6)
        marks.append(Label(text, box, points, ink, bold, elide="end", zoom=below if marks else AWAY))
        y += points + 6
    if y <= height - 14:
        where = Box(PAD, height - 14, inner, 6)
        marks.append(Rect(where, FAINT, radius=3, zoom=below))
        marks.append(Rect(replace(where, w=max(inner * min(strength, 1.0), 6.0)), Ink("heat"), radius=3, zoom=below))
    return marks


def tooltip(cluster: Cluster, n_dead: int, best: Sequence[str], reading: Reading, told: Sequence[str] = ()) -> str:
    """What the pointer reads on a card: the whole name, size, top classes, what its facet says, and the note."""
    parts = [cluster.title]
    where = f"{len(cluster)} of {reading.layer.n_units} neurons of {reading.layer.name}"
    parts.append(where + (f", {n_dead} never fire" if n_dead else ""))
    if best:
        parts.append("answers most to " + ", ".join(best))
    parts += told
    if cluster.locked:
        parts.append("locked: keeps its members when the layer is clustered again")
    if cluster.note:
        parts.append(cluster.note)
    return "\n".join(parts)


def waiting_face(style: Style, title: str = "", lines: int = 2) -> Face:
    """A grey card where a layer is still being read; the same size as the card to come is likely to be."""
    marks: list[Mark] = []
    if title:
        marks.append(Label(title, Box(PAD, 6, style.inner, 20), 13, MUTED, True, elide="middle"))
    else:
        marks.append(Rect(Box(PAD, 11, 64, 10), FAINT, radius=2))
    marks.append(Rect(Box(PAD, STRIP_TOP, style.inner, STRIP), FAINT, radius=2))
    side = math.floor((style.inner - 2 * (style.columns - 1)) / style.columns)
    pitch = (style.inner - side) / (style.columns - 1)
    small = rows([1.0] * (2 * style.columns + 1), style.inner, columns=style.columns).boxes
    boxes = small if lines > 1 else small[: style.columns]
    marks += [Rect(Box(PAD + b.x, BODY + b.y, b.w, b.h), FAINT, radius=2) for b in boxes]
    height = max((b.bottom for b in boxes), default=side + pitch)
    return Face(style.width, grid_up(BODY + height + PAD), tuple(marks), title or "…", "", waiting=True)
