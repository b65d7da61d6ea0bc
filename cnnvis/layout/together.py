"""Many images explained as one: the mean map beside its spread, and the kinds of maps there are, a row each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnvis.layout.diagram import Diagram
from cnnvis.layout.displays import picture_box, scale_marks, signed_word
from cnnvis.layout.explanation import EDGE, GAP, PAD, Cell, Explanations
from cnnvis.layout.facts import signed_evidence, wrapped
from cnnvis.layout.marks import (
    BORDER,
    EXCITE,
    INHIBIT,
    MUTED,
    TEXT,
    Box,
    Card,
    Cells,
    Entry,
    Face,
    Ink,
    Key,
    Label,
    Mark,
    Rect,
    levels_of,
)
from cnnvis.layout.rasters import raster
from cnnvis.layout.sheet import Scale, alike, short
from cnnvis.layout.theme import CLUSTER_COLOURS
from cnnvis.model.attribution import Vector
from cnnvis.model.session import Session
from cnnvis.model.target import Target
from cnnvis.model.target_names import target_name
from cnnvis.model.together import GroupExplanation, MapCluster

SIDE, SMALL = 216.0, 102.0
DRAWN = 4
"""So many images of each kind are drawn."""
OPACITY = 0.85
_LINE, _TITLE, _WORDS, _BETWEEN = 15.0, 18.0, 152.0, 6.0
_LISTED, _ROW = 16, 18.0
_COLOURS = tuple(CLUSTER_COLOURS.values())


@dataclass(frozen=True, eq=False)
class Grouped(Explanations):
    """An explanation of many images as it is shown; a pixel of it reads as its mean and its spread."""

    found: GroupExplanation

    def reading(self, session: Session, x: float, y: float) -> str:
        """What stands at a point, in words; "" where there is nothing to read."""
        cell = self.at(x, y)
        place = cell.pixel(x, y) if cell is not None else None
        if place is None or cell is None or cell.key[1] not in ("mean", "spread"):
            return ""
        factor = _factor(self.found)
        mean, spread = (factor * float(v[place]) for v in (self.found.together.mean.values, self.found.together.spread))
        return f"row {place[0]}, column {place[1]} · mean {signed_word(mean)} · spread {short(spread)}"


def grouped(session: Session, found: GroupExplanation, width: float | None = None) -> Grouped:
    """The cells of an explanation of many images: mean, spread and the plane of maps above the kinds of maps.

    As large as fits beside each other within `width` pixels.
    """
    mean, sides = found.together.mean, _sides(width)
    if isinstance(mean, Vector):
        cells: list[Cell] = [_bars(session, found, mean)]
        scale = None
    else:
        scale = Scale.of(_factor(found) * mean.values.astype(np.float64).ravel(), "evidence", signed=True)
        cells = [_mean(session, found, scale, sides[0]), _spread(found, sides[0])]
        if found.clusters is not None and np.ptp(found.clusters.places) > 0:
            cells.append(_plane(found, sides[0]))
    placed = _beside(cells, EDGE)
    top = max(cell.card.box.bottom for cell in placed) + GAP
    for number in range(len(found.clusters.clusters) if found.clusters is not None else 0):
        row = _kind(session, found, number, sides[1])
        placed.append(_put(row, EDGE, top, row.card.box.h))
        top = placed[-1].card.box.bottom + GAP
    wide = max(cell.card.box.right for cell in placed) + EDGE
    placed = [_widened(c, wide - 2 * EDGE) if c.key[1] == "kind" else c for c in placed]
    entries = (Entry("for", EXCITE, "square"), Entry("against", INHIBIT, "square")) if _signs(found) else ()
    diagram = Diagram(
        columns=(),
        cards=tuple(cell.card for cell in placed),
        links=(),
        width=wide,
        height=top - GAP + EDGE,
        caption=caption(session, found),
        legend=entries,
        session=session,
    )
    return Grouped(diagram, tuple(placed), scale, found)


def together_diagram(session: Session, found: GroupExplanation) -> Diagram:
    """An explanation of many images as a picture to export."""
    return grouped(session, found).diagram


def _sides(width: float | None) -> tuple[float, float]:
    """The sides of the pictures above, and of those of kinds, in their rows."""
    if width is None:
        return SIDE, SMALL
    above = (width - 2 * EDGE - 2 * GAP) / 3 - 2 * PAD
    below = (width - 2 * EDGE - 2 * PAD - _WORDS - 2 * GAP - _BETWEEN * (DRAWN - 1)) / (DRAWN + 1)
    return min(max(float(int(above)), 0.6 * SIDE), SIDE), min(max(float(int(below)), 0.6 * SMALL), SMALL)


def _signs(found: GroupExplanation) -> bool:
    return signed_evidence(found.together.mean, found.parameters)


def _factor(found: GroupExplanation) -> float:
    """Values are shown as multiples of evidence that is spread evenly; those scaled by their largest as they are."""
    return float(found.together.spread.size) if found.together.scaled == "sum" else 1.0


def aim_name(session: Session, found: GroupExplanation) -> str:
    """What the images were asked for, in words."""
    if isinstance(found.target, Target):
        return target_name(session, found.target)
    return "the class of each" if found.target == "own" else "what each is taken for"


def caption(session: Session, found: GroupExplanation) -> str:
    """What a figure shows and how it was made."""
    noun, n = session.noun, len(found)
    of = f" of {found.asked:,}, drawn by chance (seed {found.seed})" if found.asked > n + len(found.skipped) else ""
    known = {name.replace("_", " "): value for name, value in found.parameters.items() if value is not None}
    with_ = f" ({', '.join(f'{name} {value}' for name, value in known.items())})" if known else ""
    unit = (
        "each divided by its own sum, 1 is evidence that is spread evenly"
        if found.together.scaled == "sum"
        else "each divided by its own largest value"
    )
    about = "Evidence for (blue) and against (orange)" if _signs(found) else "What matters for"
    parts = [
        f"{about} {aim_name(session, found)} in {noun.count(n)} of {found.name}{of}; "
        f"{session.analysis.network.name}.",
        f"{found.method}{with_}; mean and standard deviation, {unit}.",
    ]
    if found.together.aligned:
        beside = found.together.beside
        told = f"; {100 * beside:.0f} % of the evidence lies beside it" if np.isfinite(beside) else ""
        parts.append(f"Aligned by the box of the thing{told}.")
    if found.clusters is not None:
        parts.append("Kinds of maps by spectral clustering (SpRAy).")
    if found.skipped:
        parts.append(f"{noun.count(len(found.skipped))} could not be read.")
    parts.append(", ".join(f"{name} {version}" for name, version in found.versions.items()) + ".")
    return " ".join(part for part in parts if part != ".")


# The cells above


def _mean(session: Session, found: GroupExplanation, scale: Scale, side: float) -> Cell:
    values = _factor(found) * found.together.mean.values.astype(np.float64)
    box = picture_box(values.shape[0], values.shape[1], side)
    marks = [raster(box, found.picture, values / scale.top, OPACITY), *_outline(box, found.picture)]
    signs = _signs(found)
    marks += scale_marks(scale, Box(0, box.h + 6, box.w, 12), "both" if signs else "for")
    title = f"{found.name}, {session.noun.count(len(found))}"
    about = f"{found.method}, {'for' if signs else 'matters for'} {aim_name(session, found)}"
    return _cell("mean", title, about, marks, box, found.together.mean.values.shape, side)


def _spread(found: GroupExplanation, side: float) -> Cell:
    values = _factor(found) * found.together.spread.astype(np.float64)
    box = picture_box(values.shape[0], values.shape[1], side)
    scale = Scale.of(values.ravel(), "spread")
    marks: list[Mark] = [Cells(box, levels_of(values / scale.top), values.shape), Rect(box, None, BORDER)]
    levels = np.linspace(0, 127, 64).round().astype(np.int8).tobytes()
    room = min(56.0, box.w * 0.3)
    low, bar = Box(0, box.h + 6, room, 12), Box(room + 4, box.h + 8, box.w - 2 * room - 8, 8)
    marks.append(Label("0", low, 10, MUTED, align="right", elide="none"))
    marks.append(Cells(bar, levels, (1, 64)))
    marks.append(Label(short(scale.top), Box(bar.right + 4, box.h + 6, room, 12), 10, MUTED, elide="none"))
    return _cell("spread", "Spread", "how far maps differ from each other", marks, box, values.shape, side)


def _plane(found: GroupExplanation, side: float) -> Cell:
    """Every map as a dot in the colour of its kind, alike ones near each other."""
    assert found.clusters is not None
    places, labels = found.clusters.places.astype(float), found.clusters.labels
    middle = (places.max(0) + places.min(0)) / 2
    half = max(float(np.ptp(places, axis=0).max()) / 2, 1e-9)
    box, dot = Box(0, 0, side, side), 7.0 if len(places) <= 200 else 4.0
    spots = side / 2 + (places - middle) / half * (side / 2 - dot - 2)
    marks: list[Mark] = [Rect(box, None, BORDER, 2.0)]
    for (x, y), label in zip(spots.tolist(), labels.tolist()):
        marks.append(Rect(Box(x - dot / 2, y - dot / 2, dot, dot), kind_ink(label), radius=dot / 2))
    n = len(found.clusters.clusters)
    title = "One kind of map" if n == 1 else f"{n} kinds of maps"
    return _cell("plane", title, "maps that are alike lie together", marks, box, side=side)


def kind_ink(number: int) -> Ink:
    """The colour of a kind of maps."""
    return Ink(_COLOURS[number % len(_COLOURS)])


def _bars(session: Session, found: GroupExplanation, mean: Vector) -> Cell:
    """A bar for each feature, the weightiest first, and a line from mean − spread to mean + spread."""
    factor = _factor(found)
    values, spread = factor * mean.values.astype(float), factor * found.together.spread.astype(float)
    order = np.argsort(-np.abs(values), kind="stable")[:_LISTED]
    width, named, room = 2 * SIDE, 0.34 * 2 * SIDE, 96.0
    low = min(float((values - spread)[order].min()), 0.0)
    high = max(float((values + spread)[order].max()), 0.0)
    step = (width - named - room) / ((high - low) or 1.0)
    zero = named - low * step
    marks: list[Mark] = []
    words = alike(values[order].tolist(), signed=_signs(found))
    widths = alike(spread[order].tolist())
    for row, i in enumerate(order.tolist()):
        top, value, wide = row * _ROW, float(values[i]), float(spread[i])
        end = zero + value * step
        bar = Box(min(zero, end), top + 4, max(abs(end - zero), 1.0), 9)
        told = Box(width - room + 6, top, room - 6, _ROW)
        marks.append(Label(mean.features[i], Box(0, top, named - 8, _ROW), 11, elide="middle"))
        marks.append(Rect(bar, EXCITE if value >= 0 else INHIBIT, radius=2.0))
        marks.append(Rect(Box(end - wide * step, top + 8, max(2 * wide * step, 1.0), 1), TEXT))
        marks.append(Label(f"{words[row]} ± {widths[row]}", told, 11, MUTED, align="right"))
    rest = len(values) - len(order)
    if rest > 0:
        marks.append(Label(f"{rest:,} more, weaker", Box(0, len(order) * _ROW, width, _ROW), 11, MUTED))
    area = Box(0, 0, width, (len(order) + (rest > 0)) * _ROW)
    title = f"{found.name}, {session.noun.count(len(found))}"
    cell = _cell("mean", title, f"{found.method}, mean ± spread for {aim_name(session, found)}", marks, area)
    return replace(cell, area=None)


# The kinds


def _kind(session: Session, found: GroupExplanation, number: int, side: float) -> Cell:
    """Its share and its classes in words, its mean map, and its most typical images under their maps."""
    assert found.clusters is not None
    cluster = found.clusters.clusters[number]
    box = picture_box(cluster.mean.shape[0], cluster.mean.shape[1], side)
    under = found.picture if found.picture is not None and not found.together.aligned else None
    top = cluster.mean / max(float(np.abs(cluster.mean).max()), 1e-12)
    left = _WORDS
    marks: list[Mark] = [Rect(Box(0, 0, 4, box.h), kind_ink(number), radius=2.0)]
    marks += _words(session, found, number, box.h)
    marks += _at([raster(box, under, top.astype(float), OPACITY), *_outline(box, under)], left, 0)
    left += box.w + GAP
    marks.append(Rect(Box(left - 1, 4, 1, box.h - 8), BORDER))
    left += GAP
    for member, values in zip(cluster.members[:DRAWN], cluster.examples):
        picture = session.picture(int(found.samples[member]))
        marks += _at([raster(box, picture, values.astype(float), OPACITY), *_outline(box, picture)], left, 0)
        left += box.w + _BETWEEN
    face = Face(left - _BETWEEN + 2 * PAD, box.h + 2 * PAD, tuple(_at(marks, PAD, PAD)), f"Kind {number + 1}")
    key: Key = ("together", "kind", number)
    return Cell(key, Card(key, Box(0, 0, face.w, face.h), face), None)


def _words(session: Session, found: GroupExplanation, number: int, height: float) -> list[Mark]:
    assert found.clusters is not None
    cluster: MapCluster = found.clusters.clusters[number]
    share = 100 * found.clusters.share(number)
    lines = [(f"Kind {number + 1}", 12, True), (f"{share:.0f} % · {session.noun.count(len(cluster))}", 11, False)]
    classes = [(c, n) for c, n in found.make_up(number) if c >= 0]
    if len(classes) > 3 and classes[0][1] == 1:
        lines.append((f"of {len(classes):,} classes", 11, False))
    elif len(classes) > 1 or (classes and found.label < 0):
        lines += [(f"{_class(session, c)} {n:,}", 11, False) for c, n in classes[:3]]
        if len(classes) > 3:
            lines.append((f"{len(classes) - 3:,} more classes", 11, False))
    if not float(cluster.mean.max()) > 0:
        lines += [(line, 11, False) for line in wrapped("Nothing speaks for the target.", _WORDS - 20, 11)]
    room = [Box(14, k * (_LINE + 1), _WORDS - 20, _LINE) for k in range(int(height // (_LINE + 1)))]
    return [
        Label(text, box, size, TEXT if bold else MUTED, bold=bold, elide="end")
        for (text, size, bold), box in zip(lines, room)
    ]


def _class(session: Session, label: int) -> str:
    return session.classes[label] if 0 <= label < len(session.classes) else f"class {label}"


# Putting it together


def _outline(box: Box, picture: NDArray[np.uint8] | None) -> list[Mark]:
    return [] if picture is not None else [Rect(box, None, BORDER, 2.0)]


def _at(marks: Sequence[Mark], dx: float, dy: float) -> list[Mark]:
    return [replace(m, box=replace(m.box, x=m.box.x + dx, y=m.box.y + dy)) for m in marks]


def _cell(
    name: str, title: str, below: str, marks: Sequence[Mark], area: Box, shape: Any = (0, 0), side: float = SIDE
) -> Cell:
    """A title over a line over what is drawn, at least as wide as a picture."""
    width, top = max(area.w, side), PAD + _TITLE + _LINE + 2
    words: list[Mark] = [
        Label(title, Box(PAD, PAD - 2, width, 16), 12, TEXT, bold=True, elide="middle"),
        Label(below, Box(PAD, PAD + _TITLE - 3, width, _LINE), 11, MUTED, elide="end"),
    ]
    high = max((m.box.bottom for m in marks), default=area.bottom)
    face = Face(width + 2 * PAD, top + high + PAD, (*words, *_at(marks, PAD, top)), title)
    key: Key = ("together", name)
    placed = replace(area, x=area.x + PAD, y=area.y + top)
    blank = np.zeros((*shape, 3), np.uint8) if shape[0] else None
    return Cell(key, Card(key, Box(0, 0, face.w, face.h), face), None, area=placed, picture=blank)


def _beside(cells: Sequence[Cell], top: float) -> list[Cell]:
    high = max(cell.card.box.h for cell in cells)
    placed, left = [], EDGE
    for cell in cells:
        placed.append(_put(cell, left, top, high))
        left = placed[-1].card.box.right + GAP
    return placed


def _put(cell: Cell, x: float, y: float, high: float) -> Cell:
    face = replace(cell.card.face, h=high)
    area = replace(cell.area, x=cell.area.x + x, y=cell.area.y + y) if cell.area is not None else None
    return replace(cell, card=Card(cell.key, Box(x, y, face.w, high), face), area=area)


def _widened(cell: Cell, width: float) -> Cell:
    box, face = replace(cell.card.box, w=width), replace(cell.card.face, w=width)
    return replace(cell, card=Card(cell.key, box, face))
