"""What stands on the card of a cluster: its title, its strip of class responses and its packed patches."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cnnvis.layout.marks import BORDER, CARD, FAINT, MUTED, TEXT, Box, Face, Ink, Label, Mark, Patch, Rect
from cnnvis.layout.packing import Packing, grid, rest_box, rows
from cnnvis.layout.readings import Reading, Table
from cnnvis.model.partition import Cluster

PAD = 8.0
STRIP_TOP, STRIP = 28.0, 4.0
BODY = 40.0
"""Where the patches begin."""
ROOM = 80.0
"""The height that the patches of a closed card may take."""
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


def style_for(n_units: int) -> Style:
    """Wider cards for layers with many neurons; depends on nothing that an edit changes."""
    return Style(192.0, 4) if n_units >= 48 else Style(152.0, 3)


def grid_up(value: float, step: float = 4.0) -> float:
    """The next multiple of `step`."""
    return step * math.ceil(value / step - 1e-9)


def cluster_face(
    reading: Reading, cluster: Cluster, style: Style, groups: tuple[str, ...], *, opened: bool, table: Table | None
) -> Face:
    """The face of one cluster; the same object for the same cluster, style and responses."""
    key = (cluster, style, opened)
    if key not in reading.faces:
        reading.faces[key] = _compose(reading, cluster, style, groups, opened, table)
    return reading.faces[key]


def _compose(
    reading: Reading, cluster: Cluster, style: Style, groups: tuple[str, ...], opened: bool, table: Table | None
) -> Face:
    profile = reading.profile(cluster)
    ranked = reading.ranked(cluster)
    coloured = len(groups) <= COLOURED_CLASSES and reading.activations.kind != "quantile"
    if opened:
        style = _widened(style, len(cluster))
    marks: list[Mark] = [*title_marks(cluster, style)]
    top = STRIP_TOP
    if not np.isnan(profile).all() and float(np.nanmax(profile)) > 0:
        marks += strip_marks(profile, Box(PAD, top, style.inner, STRIP), coloured)
    best = [groups[i] for i in reading.top_groups(cluster, 3)]
    body = BODY
    if not coloured and best:
        marks.append(_near(Label(" · ".join(best[:2]), Box(PAD, 36, style.inner, 14), 11, MUTED)))
        body = 54.0
    found: list[Mark]
    if cluster.dead:
        found, height, body = [], 0.0, 24.0
    elif table is not None:
        found, height = _row_marks(reading, ranked, style, body, opened, table)
    else:
        found, height = _patch_marks(reading, ranked, style, body, opened)
    marks += found
    total = grid_up(body + height + PAD)
    n_dead = reading.n_dead(cluster)
    strength = float(reading.weights[list(cluster.members)].mean())
    patched = any(isinstance(mark, Patch) for mark in found)
    marks += far_marks(cluster, Box(0, 0, style.width, total), n_dead, best, strength, SPECKS if patched else AWAY)
    return Face(style.width, total, tuple(marks), cluster.title, tooltip(cluster, n_dead, best, reading))


def _widened(style: Style, n: int) -> Style:
    """Room for every neuron of an opened cluster: about 1.6 times as wide as high."""
    columns = min(max(style.columns, math.ceil(math.sqrt(1.6 * n))), 24)
    return Style(grid_up(2 * PAD + columns * 42 - 2, 8), columns)


def _near(mark: Label) -> Label:
    return replace(mark, zoom=NEAR)


def _counted(cluster: Cluster) -> str:
    return f"{len(cluster)} neuron" + ("" if len(cluster) == 1 else "s")


def title_marks(cluster: Cluster, style: Style) -> list[Mark]:
    """The name, elided in the middle, with the number of neurons at the right where it has one."""
    counted = _counted(cluster)
    left = PAD
    marks: list[Mark] = []
    if cluster.colour:
        marks.append(Rect(Box(PAD, 12, 8, 8), Ink(cluster.colour), radius=2, zoom=NEAR))
        left += 12
    plain = not cluster.name and not cluster.dead
    right = 0.0 if plain else 6.6 * len(counted) + 8  # the count is digits and one known word: it always fits
    title = cluster.name or ("never fire" if cluster.dead else counted)
    box = Box(left, 6, style.width - PAD - left - right, 20)
    size, ink, bold = (12.0, MUTED, False) if cluster.dead and not cluster.name else (13.0, TEXT, True)
    marks.append(Label(title, box, size, ink, bold, elide="middle", zoom=NEAR))
    if not plain:
        box = Box(style.width - PAD - right + 4, 6, right - 4, 20)
        marks.append(Label(counted, box, 11, MUTED, align="right", elide="none", zoom=NEAR))
    return marks


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


def _patch_marks(
    reading: Reading, ranked: Sequence[int], style: Style, top: float, opened: bool
) -> tuple[list[Mark], float]:
    """The patches of the neurons, representatives first, and the height they take."""
    exemplars = []
    used: set[int] = set()
    shown = ranked if opened else ranked[:24]
    for unit in shown:
        found = reading.exemplar(unit, used)
        if found is not None:
            used.add(found[0])
        exemplars.append(found)
    if all(e is None for e in exemplars):
        text = "nothing drives these neurons" if len(ranked) > 1 else "nothing drives this neuron"
        return [_near(Label(text, Box(PAD, top - 2, style.inner, 16), 11, MUTED))], 14.0
    packing = _packing(reading, ranked, style, opened)
    marks: list[Mark] = []
    for unit, place, exemplar in zip(shown, packing.boxes, exemplars):
        box = Box(place.x + PAD, place.y + top, place.w, place.h)
        if exemplar is None:
            marks.append(Rect(box, FAINT, radius=2, zoom=MOSAIC))
        else:
            # The rim keeps a white patch from vanishing on a white card, and stands while its picture is read.
            marks.append(Rect(box.grown(0.5), BORDER, radius=2.5, zoom=NEAR))
            marks.append(Patch(box, exemplar[0], exemplar[1], unit, zoom=MOSAIC))
        marks += _unit_marks(unit, box)
    if packing.left_out:
        rest = rest_box(packing)
        box = Box(PAD + rest.x, top + rest.y + rest.h - 16, rest.w, 16)
        marks.append(_near(Label(f"+{packing.left_out}", box, 11, MUTED, align="right", elide="none")))
    return marks, packing.height


def _packing(reading: Reading, ranked: Sequence[int], style: Style, opened: bool) -> Packing:
    if opened:
        return grid(len(ranked), style.inner, style.columns)
    falling = reading.weights[list(ranked)].astype(float)
    falling[0] = falling.max()
    falling = np.minimum.accumulate(falling)
    return rows(falling.tolist(), style.inner, columns=style.columns, height=ROOM)


def _unit_marks(unit: int, box: Box) -> list[Mark]:
    """The number of a neuron in the corner of its patch, once it is large enough on the screen to be read."""
    text = f":{unit}"
    size = min(max(box.h / 5, 3.0), 7.0)
    width = min(0.68 * size * len(text) + 2, box.w)
    zoom = (9.0 / size, math.inf)
    where = Box(box.x, box.bottom - size - 1.5, width, size + 1.5)
    return [
        Rect(where, CARD, radius=1, zoom=zoom),
        Label(text, where, size, MUTED, align="centre", elide="none", zoom=zoom),
    ]


def _row_marks(
    reading: Reading, ranked: Sequence[int], style: Style, top: float, opened: bool, table: Table
) -> tuple[list[Mark], float]:
    """For tables: for each neuron the row that drives it most, told by its most unusual features."""
    marks: list[Mark] = []
    used: set[int] = set()
    shown = ranked if opened or len(ranked) <= 4 else ranked[:3]
    for line, unit in enumerate(shown):
        found = reading.exemplar(unit, used)
        text = "nothing drives it" if found is None else ", ".join(table.unusual(found[0], 2))
        if found is not None:
            used.add(found[0])
        y = top - 2 + 16 * line
        marks.append(_near(Label(f":{unit}", Box(PAD, y, 28, 16), 11, MUTED, elide="none")))
        marks.append(_near(Label(text, Box(PAD + 30, y, style.inner - 30, 16), 11)))
    if len(shown) < len(ranked):
        y = top - 2 + 16 * len(shown)
        rest = f"+{len(ranked) - len(shown)}"
        marks.append(_near(Label(rest, Box(PAD, y, style.inner, 16), 11, MUTED, align="right", elide="none")))
        return marks, 16.0 * (len(shown) + 1) - 4
    return marks, 16.0 * len(shown) - 4


def far_marks(
    cluster: Cluster, card: Box, n_dead: int, best: Sequence[str], strength: float, below: tuple[float, float]
) -> list[Mark]:
    """What is read from afar: the name; at zooms in `below` also the dead, the top classes, and the mean response."""
    inner, height = card.w - 2 * PAD, card.h
    if height < 56:
        text = "never fire" if cluster.dead and not cluster.name else cluster.title
        return [Label(text, Box(PAD, 0, inner, height), 18, MUTED, elide="end", zoom=AWAY)]
    second = " · ".join([_counted(cluster)] * bool(cluster.name) + [f"{n_dead} dead"] * bool(n_dead))
    lines: list[tuple[str, float, bool, Ink]] = [(cluster.title, 22.0, True, Ink("text"))]
    lines += [(text, 18.0, False, MUTED) for text in (second, ", ".join(best[:2])) if text]
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


def tooltip(cluster: Cluster, n_dead: int, best: Sequence[str], reading: Reading) -> str:
    """What the pointer reads on a card: the whole name, size, top classes and the note."""
    parts = [cluster.title]
    where = f"{len(cluster)} of {reading.layer.n_units} neurons of {reading.layer.name}"
    parts.append(where + (f", {n_dead} never fire" if n_dead else ""))
    if best:
        parts.append("answers most to " + ", ".join(best))
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
