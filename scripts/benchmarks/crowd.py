"""A picture with more on it than any network draws by default: 10,000 thumbnails and 5,000 edges."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from cnnvis.layout.diagram import Box, Card, Column, Diagram, Face, Key, Label, Link, Mark, Patch
from cnnvis.layout.routes import Wire, route, width_of

COLUMNS, ROWS, PATCHES = 20, 50, 10
EDGES = 5_000
_WIDTH, _HEIGHT, _LANE, _GAP = 188.0, 104.0, 136.0, 16.0


@lru_cache(maxsize=512)
def _picture(sample: int) -> NDArray[np.uint8]:
    return np.random.default_rng(sample).integers(0, 256, (8, 8, 3), dtype=np.uint8).repeat(4, 0).repeat(4, 1)


def crowd() -> Diagram:
    """20 columns of 50 cards with 10 patches each, and 5,000 edges between neighbouring columns."""
    columns, cards, boxes, sides = [], [], [], []
    for c in range(COLUMNS):
        x = 24 + c * (_WIDTH + _LANE)
        places = [Box(x, 80 + r * (_HEIGHT + _GAP), _WIDTH, _HEIGHT) for r in range(ROWS)]
        keys: list[Key] = [("cluster", f"layer{c}", r) for r in range(ROWS)]
        cards += [Card(key, box, _face(c * ROWS + r)) for r, (key, box) in enumerate(zip(keys, places))]
        title = Face(_WIDTH, 40, (Label(f"layer{c}", Box(0, 0, _WIDTH, 18), 13, bold=True),), f"layer{c}", framed=False)
        header = Card(("column", f"layer{c}"), Box(x, 24, _WIDTH, 40), title)
        columns.append(Column(header.key, header, tuple(keys), f"layer{c}", c))
        boxes.append(places)
        sides.append((x, x + _WIDTH))
    right, bottom = sides[-1][1] + 24, boxes[0][-1].bottom + 24
    links = _links(boxes, sides)
    return Diagram(tuple(columns), tuple(cards), links, right, bottom, pictures=lambda sample: _picture(sample % 500))


def _face(number: int) -> Face:
    marks: list[Mark] = [Label(f"{PATCHES} neurons", Box(8, 6, 160, 16), 13, bold=True)]
    for p in range(PATCHES):
        marks.append(Patch(Box(8 + p % 5 * 35, 28 + p // 5 * 35, 32, 32), number * PATCHES + p, unit=p))
    return Face(_WIDTH, _HEIGHT, tuple(marks), f"{PATCHES} neurons")


def _links(boxes: list[list[Box]], sides: list[tuple[float, float]]) -> tuple[Link, ...]:
    rng = np.random.default_rng(0)
    pairs = [(c, i, j) for c in range(COLUMNS - 1) for i in range(ROWS) for j in range(ROWS)]
    chosen = [pairs[k] for k in sorted(rng.choice(len(pairs), EDGES, replace=False))]
    strengths = rng.random(EDGES) ** 2
    wires = [Wire(c, c + 1, boxes[c][i], boxes[c + 1][j], width_of(s)) for (c, i, j), s in zip(chosen, strengths)]
    bands = [(column[0].y, column[-1].bottom) for column in boxes]
    found = []
    for (c, i, j), s, wire, points in zip(chosen, strengths.tolist(), wires, route(wires, bands, sides)):
        source: Key = ("cluster", f"layer{c}", i)
        sink: Key = ("cluster", f"layer{c + 1}", j)
        sign = (s, 0.0) if (i + j) % 2 else (0.0, s)
        found.append(Link(("link", *source, *sink), source, sink, points, *sign, s, wire.width))
    return tuple(sorted(found, key=lambda link: link.strength))
