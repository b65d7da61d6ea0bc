"""The frame of a cluster's card, whatever facet it shows: measures, title, strip, and what is seen from afar."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from cnnvis.layout.afar import AWAY, BARE, CLOSE, FAR, FARTHEST, NEAR, TIERS, Words, stacked
from cnnvis.layout.marks import FAINT, INHIBIT, MUTED, TEXT, Box, Face, Ink, Label, Mark, Rect
from cnnvis.layout.packing import rows
from cnnvis.layout.readings import Reading
from cnnvis.layout.svg import text_width
from cnnvis.model.partition import Cluster

PAD = 8.0
STRIP_TOP, STRIP = 28.0, 4.0
BODY = 40.0
"""Where patches begin."""
LINE_TOP, BELOW_LINE = 36.0, 54.0
"""Where the line of words under the strip stands, and where the body begins below it."""
ROOM = 80.0
"""The height that patches or cells of a closed card may take."""
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

    `pictured` says whether something is left to see from afar that words must not cover: it begins at `clear`. `said`
    is what words then say instead of the top classes, `alarm` whether they stand out, `room` where else they may
    stand. `band` is the colour seen where even they are too small; `told` are lines of the tooltip.
    """

    style: Style
    marks: list[Mark] = field(default_factory=list)
    bottom: float = STRIP_TOP
    pictured: bool = False
    clear: float = BODY
    said: list[str] = field(default_factory=list)
    alarm: bool = False
    room: Box | None = None
    band: list[Mark] = field(default_factory=list)
    told: list[str] = field(default_factory=list)


def style_for(n_units: int) -> Style:
    """Wider cards for layers with many neurons; depends on nothing that an edit changes."""
    return Style(192.0, 4) if n_units >= 48 else Style(152.0, 3)


def grid_up(value: float, step: float = 4.0) -> float:
    """The next multiple of `step`."""
    return step * math.ceil(value / step - 1e-9)


def near(mark: Label) -> Label:
    """The same label, seen where it can be read."""
    return replace(mark, zoom=(CLOSE, math.inf))


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
    marks.append(near(Label(title, box, size, ink, bold, elide="middle")))
    if not plain:
        box = Box(style.width - PAD - 6.6 * len(number) - 4, 6, 6.6 * len(number) + 4, 20)
        marks.append(near(Label(number, box, 11, MUTED, align="right", elide="none")))
    return marks


def _padlock(x: float, y: float) -> list[Mark]:
    """The sign of a cluster that keeps its members, 8 px wide."""
    shackle = Rect(Box(x + 1.5, y - 1, 5, 6), None, MUTED, radius=2.5, zoom=NEAR)
    return [shackle, Rect(Box(x, y + 2.5, 8, 6), MUTED, radius=1, zoom=NEAR)]


def strip_marks(
    profile: NDArray[np.float64], box: Box, coloured: bool, zoom: tuple[float, float] = NEAR
) -> list[Mark]:
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
            marks.append(Rect(where, FAINT, zoom=zoom))
            continue
        strength = 0.12 + 0.88 * float(np.nanmax(part)) ** 1.5
        marks.append(Rect(where, Ink("class" if coloured else "heat", int(first), strength), zoom=zoom))
    return marks


def band_marks(profile: NDArray[np.float64], strength: float, box: Box, coloured: bool) -> list[Mark]:
    """What stands in the place of the title where no words can be read any more.

    The strip of class responses where classes have colours, else a bar as long as the mean response is strong.
    """
    if np.isnan(profile).all() or float(np.nanmax(profile)) <= 0:
        return []
    if coloured:
        return strip_marks(profile, box, coloured, BARE)
    part = replace(box, w=max(box.w * min(strength, 1.0), 6.0))
    return [Rect(box, FAINT, radius=4, zoom=BARE), Rect(part, Ink("heat", 0, 0.6), radius=4, zoom=BARE)]


def far_marks(cluster: Cluster, height: float, body: Body, n_dead: int, best: Sequence[str]) -> list[Mark]:
    """What is seen where the words of a card are too small: the name and what it says, larger; at last a band."""
    marks: list[Mark] = []
    silent = FAR
    for tier in TIERS:
        if tier.zoom[0] < FARTHEST - 1e-9:
            break
        closest = tier.zoom[0] >= FAR - 1e-9
        clear = body.clear if body.pictured else height - PAD / 2
        head = Box(PAD, 2, body.style.inner, 25.0 if closest and height >= 56 else clear - 3)
        rooms = [head] + ([body.room] if body.room is not None and body.room.y >= head.bottom else [])
        found = stacked(_lines(cluster, body, n_dead, best, tier.size), tier, rooms)
        if len(found) == 1 and body.alarm:
            found = [replace(found[0], ink=INHIBIT)]
        marks += found
        silent = tier.zoom[0] if found else silent
    return marks + [replace(mark, zoom=(0.0, silent)) for mark in body.band]


def _lines(cluster: Cluster, body: Body, n_dead: int, best: Sequence[str], size: float) -> list[Words]:
    """What a card may say in words of a size, from what matters most.

    A cluster without a name whose size finds no room is told by its strongest class.
    """
    said = [Words(text, INHIBIT if body.alarm else MUTED, body.alarm, whole=True) for text in body.said]
    if cluster.dead and not cluster.name:
        return [Words("never fire"), *said]
    if cluster.name:
        second = " · ".join([counted(cluster)] + [f"{n_dead} dead"] * bool(n_dead))
        rest = said or [Words(text) for text in (" · ".join(best[:2]), second) if text]
        return [Words(cluster.name, TEXT, True), *rest]
    dead = [Words(f"{n_dead} dead")] * bool(n_dead)
    if not best or text_width(cluster.title, size, True) <= body.style.inner:
        return [Words(cluster.title, TEXT, True), *(said or [Words(" · ".join(best[:2]))] * bool(best) + dead)]
    both = f"{len(cluster)} · {best[0]}"
    whole = text_width(both, size, True) <= body.style.inner
    first = Words(both, TEXT, True) if whole else Words(best[0], TEXT)
    return [first, *(said or [Words(name) for name in best[1:2]] + dead)]


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
