"""The facet of activations: neurons × classes, both so ordered that like touches like."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cnnvis.layout.afar import NEAR
from cnnvis.layout.card import (
    PAD,
    STRIP_TOP,
    Body,
    Style,
    band_marks,
    grid_up,
    line,
)
from cnnvis.layout.class_groups import ClassColumn
from cnnvis.layout.marks import LEGIBLE, MUTED, Box, Cells, Ink, Label, Mark, Ramp, Rect, levels_of
from cnnvis.layout.material import Material
from cnnvis.layout.ordering import order
from cnnvis.layout.svg import text_width
from cnnvis.model.partition import Cluster

TICK = 3.0
"""The height of the ticks in the colours of classes."""
HIGH = 76.0
"""The height of the matrix of a closed card."""
ROW = 10.0
"""The height of a row where there is room."""
GUTTER = 32.0
"""The room for the numbers of neurons on an opened card."""
HEADS = (32.0, 128.0)
"""The least and the most room for the upright names of its columns."""
APART = 4.0
"""Between the classes and the subsets."""


@dataclass(frozen=True, slots=True)
class Grid:
    """Where a matrix lies: the box of its cells, the height of a row, and the gap between cells."""

    box: Box
    gap: float


def matrix_key(material: Material) -> Hashable:
    """What the matrix depends on beside cluster and responses."""
    return material.columns_key, material.subsets


def matrix_body(material: Material, cluster: Cluster, opened: bool) -> Body:
    """The matrix of a cluster: mean responses on one scale for the layer; the user's subsets stand at the right."""
    units = np.array(cluster.members)
    columns = material.columns_of(cluster)
    shares, ramp = scaled_responses(material, columns)
    values = shares[units]
    turn = order(values)
    extra = _subset_shares(material, units[turn], columns)
    style = widened(material.style, len(columns) + extra.shape[1]) if opened else material.style
    body = Body(style, pictured=True)
    top = STRIP_TOP
    if opened:
        found, room = head_marks(columns, [s.name for s in material.subsets], style, top)
        body.marks += found
        top += room
    elif not material.coloured:
        best = [material.groups[i] for i in material.reading.top_groups(cluster, 2)]
        body.marks.append(line(" · ".join(best), style, top - 2))
        body.room = Box(PAD, top - 4, style.inner, 20)
        top += 16
    body.clear = max(top, STRIP_TOP)
    ticks = tick_marks(material, columns, style, top, extra.shape[1], opened)
    body.marks += ticks
    top += TICK + 2 if ticks else 0
    high = rows_height(len(units), opened)
    left, right = spans(style, len(columns), extra.shape[1], opened)
    ordered = tuple(int(u) for u in units[turn])
    body.marks.append(cells(values[turn], left, top, high, ramp, ordered))
    if right is not None:
        body.marks.append(cells(extra, right, top, high, ramp, ordered))
    if opened:
        body.marks += number_marks(ordered, top, high)
    body.bottom = top + high
    where, reading = Box(PAD, PAD, style.inner, body.clear - 1.5 * PAD), material.reading
    body.band = band_marks(reading.profile(cluster), reading.strength(cluster), where, material.coloured)
    body.told = told_columns(material, columns)
    return body


def scaled_responses(material: Material, columns: Sequence[ClassColumn]) -> tuple[NDArray[np.float64], Ramp]:
    """The mean responses of a layer (n_units, n_columns) as shares of its strongest, and how they become colours.

    Signed where the layer responds below zero too. The strongest hundredth of all responses has the full colour; small
    ones are lifted a little, as eyes tell pale tones better than dark ones.
    """
    values = material.reading.by_column(tuple(columns))
    known = values[np.isfinite(values)]
    top = _scale(known)
    signed = bool(known.size) and float(known.min()) < -0.05 * top
    return lifted(values / top), "effect" if signed else "response"


def lifted(shares: NDArray[np.float64], power: float = 0.75) -> NDArray[np.float64]:
    """Shares −1…1 with small ones nearer to the large ones."""
    return np.asarray(np.sign(shares) * np.minimum(np.abs(shares), 1.0) ** power)


def _scale(known: NDArray[np.float64]) -> float:
    return max(float(np.percentile(np.abs(known), 99)), 1e-12) if known.size else 1.0


def _subset_shares(material: Material, units: NDArray[np.int64], columns: Sequence[ClassColumn]) -> NDArray[np.float64]:
    """The same shares for the user's subsets, (n, n_subsets)."""
    if not material.subsets:
        return np.zeros((len(units), 0))
    values = material.reading.by_column(tuple(columns))
    top = _scale(values[np.isfinite(values)])
    return lifted(np.stack([material.reading.by_subset(s)[units] for s in material.subsets], axis=1) / top)


def widened(style: Style, n_columns: int) -> Style:
    """Room for the names of neurons and a wide cell for each column of an opened card."""
    wide = 24.0 if n_columns <= 12 else 16.0 if n_columns <= 60 else 8.0
    return Style(grid_up(max(style.width, 2 * PAD + GUTTER + wide * n_columns), 8), style.columns)


def rows_height(n: int, opened: bool) -> float:
    """The height of n rows: whole pixels each as far as they fit."""
    if opened:
        return n * (12.0 if n <= 48 else 6.0 if n <= 160 else 3.0)
    row = min(ROW, HIGH / n)
    return max(n * (math.floor(row) if row >= 2 else row), 2 * ROW if n == 1 else ROW)


def spans(
    style: Style, n_columns: int, n_subsets: int, opened: bool
) -> tuple[tuple[float, float], tuple[float, float] | None]:
    """Left end and width of the classes' part of a matrix and of that of the subsets, None where there are none."""
    left = PAD + (GUTTER if opened else 0.0)
    width = style.width - PAD - left
    if not n_subsets:
        return (left, width), None
    cell = (width - APART) / (n_columns + n_subsets)
    return (left, cell * n_columns), (left + cell * n_columns + APART, cell * n_subsets)


def cells(
    shares: NDArray[np.float64], span: tuple[float, float], top: float, high: float, ramp: Ramp, units: tuple[int, ...]
) -> Cells:
    """A matrix with thin lines of card between cells that are large enough."""
    rows, columns = shares.shape
    gap = 1.0 if min(span[1] / columns, high / rows) >= 5 and rows * columns <= 2000 else 0.0
    return Cells(Box(span[0], top, span[1], high), levels_of(shares), (rows, columns), ramp, units, gap)


def tick_marks(
    material: Material, columns: Sequence[ClassColumn], style: Style, top: float, n_subsets: int, opened: bool
) -> list[Mark]:
    """A tick in the colour of its class above each column, the accent above a subset; none where none has a colour."""
    if not material.coloured and not n_subsets:
        return []
    main, extra = spans(style, len(columns), n_subsets, opened)
    marks: list[Mark] = []
    parts = [(main, [material.tick(c) for c in columns])]
    if extra is not None:
        parts.append((extra, [Ink("accent", 0, 0.7)] * n_subsets))
    for (left, width), inks in parts:
        pitch = width / len(inks)
        gap = 1.0 if pitch >= 3 else 0.0
        marks += [Rect(Box(left + i * pitch, top, pitch - gap, TICK), ink, zoom=NEAR) for i, ink in enumerate(inks)]
    return marks


def head_marks(
    columns: Sequence[ClassColumn], subsets: Sequence[str], style: Style, top: float
) -> tuple[list[Mark], float]:
    """The name of each column, upright, on an opened card, and the room that they take."""
    longest = max(text_width(name, 11.0, False) for name in (*(c.title for c in columns), *subsets, ""))
    room = grid_up(min(max(longest + 8, HEADS[0]), HEADS[1]))
    main, extra = spans(style, len(columns), len(subsets), True)
    marks: list[Mark] = []
    for (left, width), names in ((main, [c.title for c in columns]), (extra or (0.0, 0.0), list(subsets))):
        pitch = width / max(len(names), 1)
        size = 11.0 if pitch >= 12 else max(pitch - 1, 3.0)
        for i, name in enumerate(names):
            box = Box(left + i * pitch, top, pitch, room - 4)
            marks.append(Label(name, box, size, MUTED, zoom=(max(NEAR[0], LEGIBLE / size), math.inf), upright=True))
    return marks, room


def number_marks(units: Sequence[int], top: float, high: float) -> list[Mark]:
    """The number of each neuron at the left of its row, once it is large enough to be read."""
    row = high / len(units)
    size = min(11.0, row)
    zoom = (max(NEAR[0], LEGIBLE / size), math.inf)
    return [
        Label(f":{unit}", Box(PAD, top + i * row, GUTTER - 6, row), size, MUTED, align="right", elide="none", zoom=zoom)
        for i, unit in enumerate(units)
    ]


def told_columns(material: Material, columns: Sequence[ClassColumn]) -> list[str]:
    """What the columns are, for the tooltip."""
    names = [c.title for c in columns]
    shown = ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "")
    found = [f"columns, left to right: {shown}"]
    if material.subsets:
        found.append("apart: " + ", ".join(s.name for s in material.subsets))
    return found
