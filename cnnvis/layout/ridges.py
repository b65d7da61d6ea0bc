"""Distributions as ridges: the responses of one unit, a row for each class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cnnvis.errors import InvalidValue
from cnnvis.layout.diagram import Diagram
from cnnvis.layout.faces import COLOURED_CLASSES
from cnnvis.layout.marks import BORDER, MUTED, TEXT, Box, Entry, Face, Ink, Label, Mark, Rect
from cnnvis.layout.sheet import face_diagram, short
from cnnvis.layout.svg import text_width
from cnnvis.model.distributions import QUANTILES, Distributions
from cnnvis.model.session import Session
from cnnvis.model.viewed import shown_subset

LISTED = 24
"""So many classes have a row, those with the highest medians first where there are more."""
COMPACT = 12
"""So many have one beside other things."""
_SPACE, _SIDE, _TOLD = 320.0, 12.0, 44.0
_NAMED = 0.34
"""Names take at most this share of the width."""
_MEDIAN = QUANTILES.index(0.5)


@dataclass(frozen=True, slots=True)
class _Rows:
    """How rows look: their pitch, the size of text, on which side names stand, and the room of the head."""

    pitch: float
    size: float
    align: Literal["left", "right"]
    head: float


_LARGE, _SMALL = _Rows(30.0, 11, "right", 24.0), _Rows(22.0, 12, "left", 16.0)
"""In a figure, and in a page beside lists of bars."""


def ridge_face(found: Distributions, unit: int, title: str, coloured: bool) -> Face:
    """A ridge of bars for each class below a title, wide enough for every name."""
    place = _place(found, unit)
    shown = _rows(found, place, LISTED)
    inner = _named(found, shown, _LARGE.size) + _SPACE + 2 * _TOLD
    marks, bottom = _ridges(found, place, shown, coloured, Box(_SIDE, 32, inner, 0), _LARGE)
    head = Label(title, Box(_SIDE, 8, inner, 20), 13, bold=True, elide="middle")
    return Face(inner + 2 * _SIDE, bottom + 6, (head, *marks), title, framed=False)


def ridge_strip(found: Distributions, unit: int, coloured: bool, width: float) -> Face:
    """The same within a width and with lower rows, without a title and of fewer classes: for a page of details."""
    place = _place(found, unit)
    marks, bottom = _ridges(found, place, _rows(found, place, COMPACT), coloured, Box(0, 0, width, 0), _SMALL)
    return Face(width, bottom, tuple(marks), "", framed=False)


def hidden_classes(found: Distributions) -> str:
    """A line on the classes that `ridge_strip` leaves out; "" where it shows all."""
    known = int((found.counts > 0).sum())
    return f"the {COMPACT} of {known:,} with the highest medians" if known > COMPACT else ""


def _named(found: Distributions, shown: Sequence[int], size: float) -> float:
    widest = max((text_width(found.groups[g], size, False) for g in shown), default=0.0)
    return min(1.1 * widest, 144.0) + 12  # a system's own font may be wider than the estimate


def _ridges(
    found: Distributions, place: int, shown: Sequence[int], coloured: bool, area: Box, rows: _Rows
) -> tuple[list[Mark], float]:
    """Ridges below each other, under each the middle half of its samples and the median, and how far they reach."""
    edges, top, peak = found.edges[place], area.y + rows.head, rows.pitch - 6
    named = min(_named(found, shown, rows.size), _NAMED * area.w)
    left, space = area.x + named, area.w - named - 2 * _TOLD
    highest = max(float(found.density[place][list(shown)].max(initial=0.0)), 1e-9)
    marks: list[Mark] = []
    for k, word in enumerate(("median", "silent")):
        at = left + space + k * _TOLD
        marks.append(Label(word, Box(at, area.y, _TOLD, 16), 10, MUTED, align="right", elide="none"))
    for row, group in enumerate(shown):
        base = top + row * rows.pitch + peak
        ink = Ink("class", group) if coloured else Ink("heat")
        name = Box(area.x, base - 14, named - 10, 16)
        marks.append(Label(found.groups[group], name, rows.size, TEXT, align=rows.align, elide="middle"))
        marks += _ridge(found.density[place, group] / highest, Box(left, base - peak, space, peak), ink)
        marks += _middle(found.quantiles[place, group], edges, Box(left, base, space, 0), ink)
        values = (short(float(found.quantiles[place, group, _MEDIAN])), _percent(float(found.silent[place, group])))
        for k, word in enumerate(values):
            cell = Box(left + space + k * _TOLD, base - 14, _TOLD, 16)
            marks.append(Label(word, cell, rows.size, MUTED, align="right", elide="none"))
    bottom = top + len(shown) * rows.pitch + 2
    axis = Box(left, bottom, space, 14)
    marks.append(Label(short(float(edges[0])), axis, 10, MUTED, elide="none"))
    marks.append(Label("response", axis, 10, MUTED, align="centre", elide="none"))
    marks.append(Label(short(float(edges[-1])), axis, 10, MUTED, align="right", elide="none"))
    return marks, bottom + 16


def _ridge(shares: NDArray[np.float64], area: Box, ink: Ink) -> list[Mark]:
    """Bars on the floor of an area; their height is the square root of their share of the highest."""
    step = area.w / len(shares)
    marks: list[Mark] = []
    for k, share in enumerate(shares.tolist()):
        high = area.h * float(np.sqrt(share))
        if high >= 0.5:
            box = Box(area.x + k * step, area.bottom - high, step, high)
            marks.append(Rect(box, Ink(ink.role, ink.index, 0.55)))
    return marks


def _middle(spread: NDArray[np.float64], edges: NDArray[np.float64], area: Box, ink: Ink) -> list[Mark]:
    """The floor, on it the middle half of the samples, and a tick at the median."""
    scale = area.w / float(edges[-1] - edges[0])
    places = area.x + (spread - edges[0]) * scale
    low, median, up = places[_MEDIAN - 1 : _MEDIAN + 2].tolist()
    return [
        Rect(Box(area.x, area.y, area.w, 1), BORDER),
        Rect(Box(low, area.y - 1, max(up - low, 2.0), 3), ink, radius=1.5),
        Rect(Box(median - 1, area.y - 5, 2, 10), TEXT, radius=1.0),
    ]


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _place(found: Distributions, unit: int) -> int:
    if unit not in found.units:
        raise InvalidValue(f"A unit of {found.layer} must be one whose responses were spread; got {unit}.")
    return found.units.index(unit)


def _rows(found: Distributions, place: int, listed: int) -> list[int]:
    """The classes with samples, in their order; of too many those with the highest medians."""
    known = [g for g in range(len(found.groups)) if found.counts[g] > 0]
    if len(known) <= listed:
        return known
    return sorted(known, key=lambda g: -float(found.quantiles[place, g, _MEDIAN]))[:listed]


def ridge_diagram(session: Session, found: Distributions, unit: int) -> Diagram:
    """The responses of one unit by class as a picture, to be exported as svg, pdf or png."""
    network = session.analysis.network
    coloured = found.groups == network.classes and len(found.groups) <= COLOURED_CLASSES
    title = f"Responses of {found.layer}:{unit} by class"
    dead = 100 * float(found.dead[_place(found, unit)])
    subset = f" of “{name}”" if (name := shown_subset(session)) else ""
    caption = (
        f"{network.name}: mean response of neuron {unit} of {found.layer} to each of {int(found.counts.sum()):,} "
        f"images{subset}, by class; to {dead:.0f} % of them it is silent. The height is the square root of the "
        "share of images. Thick lines hold the middle half, ticks are medians."
    )
    face = ridge_face(found, unit, title, coloured)
    return face_diagram(face, session.noun.say(caption), tuple[Entry, ...](), session)
