"""Bundles in the picture: which edges a box stands for, where it stands in its lane, and what it looks like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from cnnvis.layout.afar import AWAY, NEAR
from cnnvis.layout.bicliques import cover
from cnnvis.layout.diagram import Diagram
from cnnvis.layout.links import Joint, Lane
from cnnvis.layout.marks import CARD, EXCITE, INHIBIT, MUTED, Box, Card, Face, Key, Link, Mark, Rect
from cnnvis.layout.routes import MARGIN, Point, curve, straight
from cnnvis.model.session import BundleKey, Look

Place = tuple[int, int]

FROM = 16
"""So many cards in a column, and the edges beside it are bundled by default."""
WIDTH = 16.0
"""Of a box."""
LANE = 64.0
"""How much wider a lane is for its bundles; and for each further row of boxes, if one is not enough."""
_GAP = 8.0


def bundling(look: Look, n_sources: int, n_sinks: int) -> bool:
    """Whether the edges between two columns of so many cards are bundled."""
    return look.bundles == "on" or (look.bundles == "auto" and max(n_sources, n_sinks) >= FROM)


def owners(lane: Lane, mask: NDArray[np.bool_]) -> dict[Place, Place]:
    """For every kept edge (i, j) that is bundled, the strongest edge of its bundle, by which the bundle is known.

    A bundle holds edges of one sign; an edge belongs to one bundle at most.
    """
    strength, excites = lane.strength, lane.positive >= lane.negative
    found: dict[Place, Place] = {}
    for sign in (mask & excites, mask & ~excites):
        for biclique in cover(sign):
            first = min(biclique.edges, key=lambda edge: (-strength[edge], edge))
            found |= dict.fromkeys(biclique.edges, first)
    return found


def number(source: Key, sink: Key) -> int:
    """The number of the bundle whose strongest edge joins two cards: it stays while that edge stays in it."""
    return int(source[-1]) << 20 | int(sink[-1])


@dataclass(frozen=True, slots=True, eq=False)
class Bundled:
    """The joints of one bundle from a column until another, with the cards at their ends from top to bottom."""

    key: BundleKey
    column: int
    until: int
    joints: tuple[Joint, ...]
    sources: tuple[int, ...]
    sinks: tuple[int, ...]

    @property
    def height(self) -> float:
        """Of its box: more for many curves, which it then keeps apart."""
        return 4.0 * min(6 + max(len(self.sources), len(self.sinks)), 16)

    @property
    def skips(self) -> bool:
        """Whether it runs around other columns."""
        return self.until > self.column + 1

    def wanted(self, cards: Sequence[Sequence[Box]]) -> float:
        """The mean height of what it joins."""
        heights = [(cards[c][i].middle, j.strength) for j in self.joints for c, i in (j.source, j.sink)]
        return float(np.average([h for h, _ in heights], weights=[w + 1e-6 for _, w in heights]))


def bundled(joints: Sequence[Joint]) -> tuple[Bundled, ...]:
    """The bundles of joints, in a steady order."""
    found: dict[BundleKey, list[Joint]] = {}
    for joint in joints:
        if joint.bundle is not None:
            found.setdefault(joint.bundle, []).append(joint)
    return tuple(
        Bundled(
            key,
            members[0].source[0],
            members[0].sink[0],
            tuple(members),
            tuple(sorted({j.source[1] for j in members})),
            tuple(sorted({j.sink[1] for j in members})),
        )
        for key, members in sorted(found.items())
    )


def rows(boxes: Sequence[Bundled], room: float) -> int:
    """How many boxes stand side by side in a lane of a height."""
    total = sum(bundle.height + _GAP for bundle in boxes)
    return max(int(np.ceil(total / max(room, 1.0))), 1)


def homes(
    found: Sequence[Bundled], cards: Sequence[Sequence[Box]], lane: tuple[float, float], room: tuple[float, float]
) -> dict[BundleKey, Box]:
    """Where the boxes of a lane stand: at the mean height of what they join, in that order, none over another.

    `lane` is its left and right side, `room` its top and bottom.
    """
    ordered = sorted(found, key=lambda bundle: (bundle.wanted(cards), bundle.key))
    n = rows(found, room[1] - room[0])
    places: dict[BundleKey, Box] = {}
    for row in range(n):
        mine = ordered[row::n]
        x = lane[0] + (lane[1] - lane[0]) * (row + 1) / (n + 1) - WIDTH / 2
        tops = _apart([b.wanted(cards) - b.height / 2 for b in mine], [b.height for b in mine], room)
        places |= {b.key: Box(round(x), round(y), WIDTH, b.height) for b, y in zip(mine, tops)}
    return places


def detours(
    found: Sequence[Bundled], cards: Sequence[Sequence[Box]], sides: Sequence[tuple[float, float]]
) -> dict[BundleKey, Box]:
    """Where the boxes of bundles stand that run around columns: above or below their cards, the shorter way."""
    placed: list[tuple[Bundled, bool, Box]] = []
    for bundle in sorted(found, key=lambda b: (b.until - b.column, b.key)):
        between = [box for column in cards[bundle.column + 1 : bundle.until] for box in column]
        top, bottom = min(box.y for box in between), max(box.bottom for box in between)
        above = bundle.wanted(cards) - top <= bottom - bundle.wanted(cards)
        near = [b for o, side, b in placed if side == above and o.column < bundle.until and bundle.column < o.until]
        x = (sides[bundle.column + 1][0] + sides[bundle.until - 1][1] - WIDTH) / 2
        y = min([top - MARGIN, *(b.y - _GAP for b in near)]) - bundle.height
        if not above:
            y = max([bottom + MARGIN, *(b.bottom + _GAP for b in near)])
        placed.append((bundle, above, Box(round(x), round(y), WIDTH, bundle.height)))
    return {bundle.key: box for bundle, _, box in placed}


def needed(found: Sequence[Bundled], columns: int) -> float:
    """How much height bundles that run around columns may need above or below them."""
    heights = [0.0] * columns
    for bundle in found:
        for column in range(bundle.column + 1, bundle.until):
            heights[column] += bundle.height + _GAP
    return max(heights, default=0.0)


def _apart(tops: Sequence[float], heights: Sequence[float], room: tuple[float, float]) -> list[float]:
    """Tops as near as can be (in the sum of squares) to those wanted, in their order, with a gap between them.

    Isotonic regression by pooling neighbours that would overlap (Ayer et al., 1955).
    """
    pools: list[tuple[float, float, int]] = []  # top wanted by a pool, its height, how many are in it
    for top, height in zip(tops, heights):
        pools.append((top, height + _GAP, 1))
        while len(pools) > 1 and pools[-2][0] + pools[-2][1] > pools[-1][0]:
            below, above = pools.pop(), pools.pop()
            n = above[2] + below[2]
            mean = (above[0] * above[2] + (below[0] - above[1]) * below[2]) / n
            pools.append((mean, above[1] + below[1], n))
    found: list[float] = []
    lowest = room[1] - sum(height for _, height, _ in pools) + _GAP
    y = room[0]
    for top, height, n in pools:
        y = max(y, min(top, lowest))
        for _ in range(n):
            found.append(y)
            y += heights[len(found) - 1] + _GAP
        lowest += height
    return found


@lru_cache(maxsize=1024)
def box_face(shares: tuple[float, float], height: float, tooltip: str, expanded: bool) -> Face:
    """What stands on the box of a bundle: the shares of the two signs; hollow while its edges are drawn.

    The same object for the same words and shares, as painters want it.
    """
    frame = Box(0, 0, WIDTH, height)
    if expanded:
        return Face(WIDTH, height, (Rect(frame, None, MUTED, 4.0),), "bundle", tooltip, framed=False)
    marks: list[Mark] = [Rect(frame, CARD, MUTED, 4.0, zoom=NEAR)]
    for part, zoom in ((frame.grown(-4.0), NEAR), (frame, AWAY)):
        y = part.y
        for share, ink in zip(shares, (EXCITE, INHIBIT)):
            if share > 0:
                marks.append(Rect(Box(part.x, y, part.w, part.h * share), ink, zoom=zoom))
                y += part.h * share
    return Face(WIDTH, height, tuple(marks), "bundle", tooltip, framed=False)


def told(bundle: Bundled, positive: float, negative: float, expanded: bool) -> str:
    """A bundle in words, and what a double click does."""
    colour = "blue" if positive >= negative else "orange"
    return (
        f"{len(bundle.joints)} {colour} edges between {len(bundle.sources)} and {len(bundle.sinks)} clusters\n"
        f"Double click {'bundles them again' if expanded else 'shows them one by one'}"
    )


def through(into: Sequence[Point], out: Sequence[Point]) -> tuple[Point, ...]:
    """The way of an edge into a box, across it and out again."""
    return (*into, *curve(into[-1], out[0])[1:], *out[1:])


def moved(diagram: Diagram, key: Key, x: float, y: float) -> Diagram:
    """The diagram with the box of a bundle at another place, as near as its room allows; only its curves change."""
    bundle = diagram.bundle(key)
    if bundle is None:
        return diagram
    old = bundle.card.box
    box = within(replace(old, x=x, y=y), bundle.room)
    by = (box.x - old.x, box.y - old.y)
    curves = tuple(_stretched(c, by, c.sink == key, bundle.level) for c in bundle.curves)
    into = {c.source: c.points for c in curves if c.sink == key}
    out = {c.sink: c.points for c in curves if c.source == key}
    links = tuple(replace(x, points=through(into[x.source], out[x.sink])) if x.via == key else x for x in diagram.links)
    there = replace(bundle, card=Card(key, box, bundle.card.face), curves=curves)
    known = {x.key: x for x in links}
    return replace(
        diagram,
        links=links,
        bundles=tuple(there if b is bundle else b for b in diagram.bundles),
        path=tuple(known.get(x.key, x) for x in diagram.path),
    )


def within(box: Box, room: Box) -> Box:
    """A box moved into a room as little as possible."""
    x = min(max(box.x, room.x), max(room.right - box.w, room.x))
    return replace(box, x=x, y=min(max(box.y, room.y), max(room.bottom - box.h, room.y)))


def _stretched(link: Link, by: tuple[float, float], at_end: bool, level: bool) -> Link:
    """A curve of a bundle whose box has moved; the piece beside the box stays level where it runs around columns."""
    points = link.points if at_end else link.points[::-1]
    box = (points[-1][0] + by[0], points[-1][1] + by[1])
    if level:
        knee = (points[-4][0], points[-4][1] + by[1])
        points = (*points[:-7], *curve(points[-7], knee), *straight(knee, box)[1:])
    else:
        points = (*points[:-4], *curve(points[-4], box))
    return replace(link, points=points if at_end else points[::-1])
