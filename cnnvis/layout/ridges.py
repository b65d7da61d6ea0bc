"""Distributions as ridges: the responses of one unit, a row for each class."""

from __future__ import annotations

import numpy as np

from cnnvis.errors import InvalidValue
from cnnvis.layout.diagram import Diagram
from cnnvis.layout.faces import COLOURED_CLASSES
from cnnvis.layout.marks import BORDER, MUTED, TEXT, Box, Entry, Face, Ink, Label, Mark, Rect
from cnnvis.layout.sheet import face_diagram, short
from cnnvis.layout.svg import text_width
from cnnvis.model.distributions import QUANTILES, Distributions
from cnnvis.model.session import Session

LISTED = 24
"""So many classes have a row, those with the highest medians first where there are more."""
_ROW, _PEAK, _SPACE, _SIDE = 30.0, 24.0, 320.0, 12.0
_MEDIAN = QUANTILES.index(0.5)


def ridge_face(found: Distributions, unit: int, title: str, coloured: bool) -> Face:
    """A ridge of bars for each class, all of one area; under it the middle half of its samples, with the median."""
    place = _place(found, unit)
    shown = _rows(found, place)
    density, spread = found.density[place], found.quantiles[place]
    edges, top = found.edges[place], 56.0
    peak = max(float(density[shown].max(initial=0.0)), 1e-9)
    named = min(max((text_width(found.groups[g], 11, False) for g in shown), default=0.0), 144.0) + 10
    left = _SIDE + named
    told = 44.0
    width = left + _SPACE + 2 * told + _SIDE
    scale = _SPACE / float(edges[-1] - edges[0])

    def x(value: float) -> float:
        return left + (value - float(edges[0])) * scale

    marks: list[Mark] = [Label(title, Box(_SIDE, 8, width - 2 * _SIDE, 20), 13, bold=True, elide="middle")]
    for word, at in (("median", left + _SPACE), ("silent", left + _SPACE + told)):
        marks.append(Label(word, Box(at, 32, told, 16), 10, MUTED, align="right", elide="none"))
    step = _SPACE / density.shape[1]
    for row, group in enumerate(shown):
        base = top + row * _ROW + _PEAK
        ink = Ink("class", group) if coloured else Ink("heat")
        name = Box(_SIDE, base - 14, named - 10, 16)
        marks.append(Label(found.groups[group], name, 11, TEXT, align="right", elide="middle"))
        for k, share in enumerate(density[group].tolist()):
            high = _PEAK * float(np.sqrt(share / peak))
            if high >= 0.5:
                marks.append(Rect(Box(left + k * step, base - high, step, high), Ink(ink.role, ink.index, 0.55)))
        marks.append(Rect(Box(left, base, _SPACE, 1), BORDER))
        low, median, up = (float(spread[group, q]) for q in (_MEDIAN - 1, _MEDIAN, _MEDIAN + 1))
        marks.append(Rect(Box(x(low), base - 1, max(x(up) - x(low), 2.0), 3), ink, radius=1.5))
        marks.append(Rect(Box(x(median) - 1, base - 5, 2, 10), TEXT, radius=1.0))
        values = (short(median), f"{100 * float(found.silent[place, group]):.0f} %")
        for k, word in enumerate(values):
            cell = Box(left + _SPACE + k * told, base - 14, told, 16)
            marks.append(Label(word, cell, 11, MUTED, align="right", elide="none"))
    bottom = top + len(shown) * _ROW + 2
    for value, align in ((edges[0], "left"), (edges[-1], "right")):
        marks.append(Label(short(float(value)), Box(left, bottom, _SPACE, 14), 10, MUTED, align=align, elide="none"))  # type: ignore[arg-type]
    marks.append(Label("response", Box(left, bottom, _SPACE, 14), 10, MUTED, align="centre", elide="none"))
    return Face(width, bottom + 22, tuple(marks), title, framed=False)


def _place(found: Distributions, unit: int) -> int:
    if unit not in found.units:
        raise InvalidValue(f"A unit of {found.layer} must be one whose responses were spread; got {unit}.")
    return found.units.index(unit)


def _rows(found: Distributions, place: int) -> list[int]:
    """The classes with samples, in their order; of too many those with the highest medians."""
    known = [g for g in range(len(found.groups)) if found.counts[g] > 0]
    if len(known) <= LISTED:
        return known
    return sorted(known, key=lambda g: -float(found.quantiles[place, g, _MEDIAN]))[:LISTED]


def ridge_diagram(session: Session, found: Distributions, unit: int) -> Diagram:
    """The responses of one unit by class as a picture, to be exported as svg, pdf or png."""
    network = session.analysis.network
    coloured = found.groups == network.classes and len(found.groups) <= COLOURED_CLASSES
    title = f"Responses of {found.layer}:{unit} by class"
    dead = 100 * float(found.dead[_place(found, unit)])
    caption = (
        f"{network.name}: mean response of neuron {unit} of {found.layer} to each of {int(found.counts.sum()):,} "
        f"samples, by class; to {dead:.0f} % of them it is silent. The height is the square root of the share of "
        "samples. Thick lines hold the middle half, ticks are medians."
    )
    return face_diagram(ridge_face(found, unit, title, coloured), caption, tuple[Entry, ...](), session)
