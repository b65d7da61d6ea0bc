"""What stands above the columns: their headers, and over the columns of an expanded group its name."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from cnnvis.layout.afar import CLOSE, LARGE, from_afar, wide_enough
from cnnvis.layout.card import grid_up
from cnnvis.layout.columns import Content
from cnnvis.layout.marks import BORDER, MUTED, Box, Face, Label, Mark, Rect

EDGE = 24.0
"""The empty border of the picture."""
GAP = 8.0
"""Between a header and the highest card."""
LINE = 0.0165
"""The height of the names of groups, as a part of the picture's width: so they are read when all of it is seen."""
LOWEST, HIGHEST = 16.0, 208.0
HEADER = 64.0
"""Above a wide picture a header is at most so high; its words would find no room beside each other if it were more."""
_FEWEST = 9
"""Of a header that is cut so many letters must find room: its two ends are told by few."""


@dataclass(frozen=True, slots=True)
class Heads:
    """The faces and boxes of the headers of all columns, those of the names of expanded groups, and where they end."""

    headers: tuple[tuple[Face, Box], ...]
    titles: tuple[tuple[str, Face, Box], ...]
    bottom: float


def heads(columns: Sequence[Content], sides: Sequence[tuple[float, float]]) -> Heads:
    """What stands above columns whose left and right sides are known."""
    whole = max((right for _, right in sides), default=0.0)
    line = grid_up(LINE * whole, 8.0)
    room = min(max(line, LOWEST), HIGHEST) if any(column.title for column in columns) else 0.0
    top = EDGE - GAP
    headers = []
    for k, (column, (left, _)) in enumerate(zip(columns, sides)):
        until = sides[k + 1][0] if k + 1 < len(sides) else left + column.header.w + EDGE
        width = max(column.header.w, until - left - GAP)
        high = max(min(line, HEADER), column.header.h)
        face = header_face(column.header, column.short or column.header.title, high, width)
        headers.append((face, Box(left, top + room, face.w, face.h)))
    titles = []
    for name, run in groupby(range(len(columns)), key=lambda k: columns[k].title):
        if name:
            places = list(run)
            left, right = sides[places[0]][0], sides[places[-1]][1]
            titles.append((name, title_face(name, right - left, room), Box(left, top, right - left, room)))
    bottom = max((box.bottom for _, box in headers), default=top)
    return Heads(tuple(headers), tuple(titles), bottom)


def header_face(header: Face, short: str, height: float, width: float) -> Face:
    """A column's header as it is placed: higher where the picture is wide, so that its short name is read from afar."""
    down = height - header.h
    near = [replace(mark, box=replace(mark.box, y=mark.box.y + down)) for mark in header.marks]
    far = [
        replace(label, box=replace(label.box, w=width - label.size / 2))  # words of neighbours must not touch
        for label in from_afar(Label(short, Box(0, 0, width, height), bold=True, elide="middle"))
        if wide_enough(short, label.size, width - label.size / 2, True, _FEWEST)
    ]
    return replace(header, w=width, h=height, marks=(*near, *far))


def title_face(name: str, width: float, height: float) -> Face:
    """The name of an expanded group over all its columns, with a rule under it."""
    near = (CLOSE, math.inf)
    marks: list[Mark] = [Rect(Box(0, height - 2, width, 2), BORDER, zoom=near)]
    marks.append(Label(name.upper(), Box(0, height - 15, width, 12), 10, MUTED, True, elide="middle", zoom=near))
    for label in from_afar(Label(name, Box(0, 0, width, height - 4), bold=True, elide="middle")):
        thick = min(1.5 * label.size / LARGE, height)
        high = min(math.ceil(1.3 * label.size), height - 4)
        label = replace(label, box=Box(0, height - 4 - high, width, high))
        marks += [label, Rect(Box(0, height - thick, width, thick), BORDER, zoom=label.zoom)]
    return Face(width, height, tuple(marks), name, framed=False)
