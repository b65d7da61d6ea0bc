"""The curves between cards: out and in horizontally at the middle of a side, around whatever lies between."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cnnvis.layout.marks import Box

Point = tuple[float, float]

MARGIN = 14.0
"""How far outside the cards in between the nearest residual edge runs."""
STEP = 6.0
"""The distance between two residual edges that run side by side."""


MOST = 20
"""So many residual edges run at their full distance."""


@dataclass(frozen=True, slots=True)
class Wire:
    """An edge to be routed: indices of the source and sink column, the two cards' boxes, and its width.

    One that leads around columns `into` the box of a bundle, or away from it, is level between the box and `knee`.
    """

    source_column: int
    sink_column: int
    source: Box
    sink: Box
    width: float
    knee: float | None = None
    into: bool = True


def spacing(n: int) -> float:
    """The distance between residual edges where there are n: less where they would take too much room."""
    return STEP * min(1.0, MOST / max(n, 1))


def width_of(strength: float) -> float:
    """The stroke of a link, 1 to 5 px, for a strength 0–1."""
    return 1.0 + 4.0 * min(max(strength, 0.0), 1.0)


def curve(start: Point, end: Point) -> tuple[Point, ...]:
    """One cubic Bézier that leaves and enters horizontally, four control points."""
    (x0, y0), (x1, y1) = start, end
    reach = 0.5 * (x1 - x0)
    return (start, (x0 + reach, y0), (x1 - reach, y1), end)


def around(start: Point, end: Point, left: float, right: float, y: float) -> tuple[Point, ...]:
    """A chain of three Béziers: out to the height `y` before x = `left`, level to `right`, and in; ten points."""
    first = curve(start, (left, y))
    third = 2.0 * (right - left) / 3.0
    level = ((left + third / 2, y), (right - third / 2, y), (right, y))
    last = curve((right, y), end)
    return (*first, *level, *last[1:])


def straight(start: Point, end: Point) -> tuple[Point, ...]:
    """A level piece as a Bézier, four control points."""
    third = (end[0] - start[0]) / 3
    return (start, (start[0] + third, start[1]), (end[0] - third, end[1]), end)


def bent(start: Point, end: Point, knee: float, into: bool) -> tuple[Point, ...]:
    """A curve to the height of the box of a bundle, level from `knee` on to it; or the same away from it."""
    middle = (knee, end[1] if into else start[1])
    if into:
        return (*curve(start, middle), *straight(middle, end)[1:])
    return (*straight(start, middle), *curve(middle, end)[1:])


def parted(points: Sequence[Point], n: int) -> tuple[Point, ...]:
    """The same chain of Béziers in more pieces, n control points in all: the widest piece is halved time and again."""
    found = list(points)
    while len(found) < n:
        k = 3 * max(range(len(found) // 3), key=lambda i: abs(found[3 * i + 3][0] - found[3 * i][0]))
        a, b, c, d = found[k : k + 4]
        ab, bc, cd = _middle(a, b), _middle(b, c), _middle(c, d)
        left, right = _middle(ab, bc), _middle(bc, cd)
        found[k : k + 4] = [a, ab, left, _middle(left, right), right, cd, d]
    return tuple(found)


def _middle(one: Point, other: Point) -> Point:
    return (one[0] + other[0]) / 2, (one[1] + other[1]) / 2


def spread(wires: Sequence[Wire]) -> list[tuple[float, float]]:
    """For each wire how far above or below the middle it leaves and enters, so that those of a side fan out a little.

    Wires of one side are stacked in the order of their other ends, which keeps them from crossing at the card.
    """
    out = [[0.0, 0.0] for _ in wires]
    for end in (0, 1):
        sides: dict[tuple[float, float], list[int]] = {}
        for index, wire in enumerate(wires):
            box = wire.source if end == 0 else wire.sink
            sides.setdefault((box.right if end == 0 else box.x, box.middle), []).append(index)
        for found in sides.values():
            found.sort(key=lambda i: _far(wires[i], end))
            total = sum(wires[i].width for i in found)
            height = min((wires[i].source if end == 0 else wires[i].sink).h for i in found)
            scale = min(1.0, 0.4 * height / total)
            y = -total * scale / 2
            for i in found:
                share = wires[i].width * scale
                out[i][end] = y + share / 2
                y += share
    return [(a, b) for a, b in out]


def _far(wire: Wire, end: int) -> tuple[float, float]:
    """Where the other end of a wire lies: first by height, then by how far away."""
    other = wire.sink if end == 0 else wire.source
    return other.middle, float(wire.sink_column - wire.source_column)


def route(
    wires: Sequence[Wire],
    bands: Sequence[tuple[float, float]],
    edges: Sequence[tuple[float, float]],
    walls: Sequence[tuple[int, int, Box]] = (),
) -> list[tuple[Point, ...]]:
    """The control points of every wire.

    `bands` are the tops and bottoms of the cards of each column, `edges` the left and right sides of each column.
    A card narrower than its column is first led out level, so that no curve passes below a wider one. Wires that
    skip columns run above or below all cards in between, whichever is the shorter way, side by side; and around
    `walls`, the boxes of bundles that skip columns, each with its two columns.
    """
    offsets = spread(wires)
    used: dict[tuple[int, int, bool], int] = {}
    found: list[tuple[Point, ...]] = []
    step = spacing(sum(w.knee is None and w.sink_column - w.source_column > 1 for w in wires))
    for wire, (low, high) in zip(wires, offsets):
        card = (wire.source.right, wire.source.middle + low)
        start = (max(edges[wire.source_column][1], card[0]), card[1])
        lead = straight(card, start)[:3] if start[0] > card[0] + 0.5 else ()
        end = (wire.sink.x, wire.sink.middle + high)
        if wire.knee is not None:
            found.append((*lead, *bent(start, end, wire.knee, wire.into)))
            continue
        between = range(wire.source_column + 1, wire.sink_column)
        heights = [bands[k] for k in between if bands[k][1] > bands[k][0]]
        if not heights:
            found.append((*lead, *curve(start, end)))
            continue
        top, bottom = min(t for t, _ in heights), max(b for _, b in heights)
        above = start[1] + end[1] - 2 * top <= 2 * bottom - start[1] - end[1]
        lane = (wire.source_column, wire.sink_column, above)
        number = used[lane] = used.get(lane, -1) + 1
        away = MARGIN + step * number + 2 * STEP * _inner(used, lane)
        left, right = edges[wire.source_column + 1][0], edges[wire.sink_column - 1][1]
        near = [box for a, b, box in walls if a < wire.sink_column and wire.source_column < b]
        top = min([top, *(box.y - STEP for box in near if box.bottom <= top)])
        bottom = max([bottom, *(box.bottom + STEP for box in near if box.y >= bottom)])
        y = top - away if above else bottom + away
        found.append((*lead, *around(start, end, left, right, y)))
    return found


def _inner(used: dict[tuple[int, int, bool], int], lane: tuple[int, int, bool]) -> int:
    """How many other lanes on the same side share columns with this one and came first."""
    a, b, above = lane
    earlier = [other for other in used if other != lane and other[2] == above]
    return sum(1 for c, d, _ in earlier[: list(used).index(lane)] if c < b and a < d)
