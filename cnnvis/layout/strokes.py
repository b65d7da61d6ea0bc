"""The links of a picture and its bundles, routed: what every edge looks like once all cards have their place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from cnnvis.layout.bundles import Bundled, box_face, bundled, detours, homes, through, told, within
from cnnvis.layout.links import Joint
from cnnvis.layout.marks import Box, Bundle, Card, Key, Link
from cnnvis.layout.routes import Point, Wire, route, width_of
from cnnvis.model.session import BundleKey, Look

_NEAR = 8.0
"""How near to the cards and to the rim of the picture a box may be moved."""


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """What edges are drawn on.

    For each column the keys and the boxes of its cards from top to bottom, and its left and right side; the top and
    the bottom between which all cards stand; and the height of the picture.
    """

    keys: Sequence[Sequence[Key]]
    boxes: Sequence[Sequence[Box]]
    sides: Sequence[tuple[float, float]]
    room: tuple[float, float]
    height: float


@dataclass(frozen=True, slots=True, eq=False)
class _Line:
    """Something to be routed: a link, or the curve between a card and the box of a bundle."""

    key: Key
    source: Key
    sink: Key
    wire: Wire
    positive: float
    negative: float
    strength: float

    def link(self, points: tuple[Point, ...]) -> Link:
        return Link(
            self.key, self.source, self.sink, points, self.positive, self.negative, self.strength, self.wire.width
        )


def strokes(ground: Ground, joints: Sequence[Joint], look: Look) -> tuple[tuple[Link, ...], tuple[Bundle, ...]]:
    """The links of all joints, the weakest first, so that the strongest are painted last; and the bundles of some."""
    joints = sorted(joints, key=lambda j: (j.strength, j.source, j.sink))
    found = bundled(joints)
    closed = [bundle for bundle in found if bundle.key not in look.unbundled]
    hidden = {bundle.key for bundle in closed}
    homes_ = _homes(ground, found)
    rooms = {bundle.key: _room(ground, bundle, homes_[bundle.key]) for bundle in found}
    boxes = {bundle.key: _moved(homes_[bundle.key], rooms[bundle.key], bundle.key, look) for bundle in found}
    lines = [_own(ground, j) for j in joints if j.bundle not in hidden]
    for bundle in closed:
        lines += _curves(ground, bundle, boxes[bundle.key])
    bands = [(min((b.y for b in c), default=0.0), max((b.bottom for b in c), default=0.0)) for c in ground.boxes]
    walls = [(bundle.column, bundle.until, boxes[bundle.key]) for bundle in closed if bundle.skips]
    routed = route([line.wire for line in lines], bands, ground.sides, walls)
    drawn = {line.key: line.link(points) for line, points in zip(lines, routed)}
    links = tuple(_link(ground, j, drawn) for j in joints)
    return links, tuple(_bundle(ground, g, boxes[g.key], homes_[g.key], rooms[g.key], drawn) for g in found)


def _homes(ground: Ground, found: Sequence[Bundled]) -> dict[BundleKey, Box]:
    """Where layout puts the box of each bundle."""
    places: dict[BundleKey, Box] = {}
    places |= detours([bundle for bundle in found if bundle.skips], ground.boxes, ground.sides)
    for column in {bundle.column for bundle in found}:
        mine = [bundle for bundle in found if bundle.column == column and not bundle.skips]
        lane = (ground.sides[column][1], ground.sides[column + 1][0])
        places |= homes(mine, ground.boxes, lane, ground.room)
    return places


def _room(ground: Ground, bundle: Bundled, home: Box) -> Box:
    """Where the box of a bundle may stand: in its lane; above or below the columns that it runs around."""
    if not bundle.skips:
        left, right = ground.sides[bundle.column][1] + _NEAR, ground.sides[bundle.until][0] - _NEAR
        return Box(left, _NEAR, right - left, ground.height - 2 * _NEAR)
    left, right = ground.sides[bundle.column + 1][0] + _NEAR, ground.sides[bundle.until - 1][1] - _NEAR
    between = [box for column in ground.boxes[bundle.column + 1 : bundle.until] for box in column]
    top, bottom = min(box.y for box in between) - _NEAR, max(box.bottom for box in between) + _NEAR
    if home.bottom <= top:
        return Box(left, _NEAR, right - left, top - _NEAR)
    return Box(left, bottom, right - left, ground.height - _NEAR - bottom)


def _moved(home: Box, room: Box, key: BundleKey, look: Look) -> Box:
    """Where the user has put a box."""
    by = next(((dx, dy) for moved, dx, dy in look.moved if moved == key), None)
    return home if by is None else within(replace(home, x=home.x + by[0], y=home.y + by[1]), room)


def _own(ground: Ground, joint: Joint) -> _Line:
    """The line of a joint that is drawn itself."""
    (a, i), (b, j) = joint.source, joint.sink
    source, sink = ground.keys[a][i], ground.keys[b][j]
    wire = Wire(a, b, ground.boxes[a][i], ground.boxes[b][j], width_of(joint.strength))
    return _Line(_key(ground, joint), source, sink, wire, joint.positive, joint.negative, joint.strength)


def _key(ground: Ground, joint: Joint) -> Key:
    (a, i), (b, j) = joint.source, joint.sink
    return ("link", *ground.keys[a][i], *ground.keys[b][j])


def _curves(ground: Ground, bundle: Bundled, box: Box) -> list[_Line]:
    """The lines into the box of a bundle and out of it."""
    a, b, box_key = bundle.column, bundle.until, ("bundle", *bundle.key)
    knees = (ground.sides[a + 1][0], ground.sides[b - 1][1]) if bundle.skips else (None, None)
    lines = []
    for into, column, places in ((True, a, bundle.sources), (False, b, bundle.sinks)):
        for place in places:
            mine = [j for j in bundle.joints if (j.source if into else j.sink)[1] == place]
            card, there = ground.keys[column][place], ground.boxes[column][place]
            plus, minus = sum(j.positive for j in mine), sum(j.negative for j in mine)
            strength = sum(j.strength for j in mine)
            ends = (there, box) if into else (box, there)
            wire = Wire(a, b, *ends, width_of(strength), knees[0 if into else 1], into)
            source, sink = (card, box_key) if into else (box_key, card)
            key: Key = ("curve", *bundle.key, *card)
            lines.append(_Line(key, source, sink, wire, plus, minus, min(strength, 1.0)))
    return lines


def _link(ground: Ground, joint: Joint, drawn: dict[Key, Link]) -> Link:
    """The link of a joint: as it is drawn, or through its bundle."""
    key = _key(ground, joint)
    if key in drawn:
        return drawn[key]
    (a, i), (b, j) = joint.source, joint.sink
    source, sink = ground.keys[a][i], ground.keys[b][j]
    assert joint.bundle is not None
    points = through(*(drawn["curve", *joint.bundle, *card].points for card in (source, sink)))
    width, via = width_of(joint.strength), ("bundle", *joint.bundle)
    return Link(key, source, sink, points, joint.positive, joint.negative, joint.strength, width, via)


def _bundle(ground: Ground, bundle: Bundled, box: Box, home: Box, room: Box, drawn: dict[Key, Link]) -> Bundle:
    key = ("bundle", *bundle.key)
    sources = tuple(ground.keys[bundle.column][i] for i in bundle.sources)
    sinks = tuple(ground.keys[bundle.until][i] for i in bundle.sinks)
    curves = tuple(drawn[c] for card in (*sources, *sinks) if (c := ("curve", *bundle.key, *card)) in drawn)
    positive, negative = sum(j.positive for j in bundle.joints), sum(j.negative for j in bundle.joints)
    total = max(positive + negative, 1e-300)
    shares = (round(positive / total, 2), round(negative / total, 2))
    expanded = not curves
    face = box_face(shares, box.h, told(bundle, positive, negative, expanded), expanded)
    links = tuple(_key(ground, j) for j in bundle.joints)
    return Bundle(Card(key, box, face), home, room, sources, sinks, links, curves, positive, negative, bundle.skips)
