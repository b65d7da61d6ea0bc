"""The picture of a session: columns of cards, ordered, placed and joined."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnvis.layout.bundles import LANE, Bundled, bundled, bundling, needed, number, owners, rows
from cnnvis.layout.caption import caption
from cnnvis.layout.classes import ROOMY
from cnnvis.layout.columns import Content, contents, has_classes
from cnnvis.layout.diagram import Diagram
from cnnvis.layout.edge_words import sign_words
from cnnvis.layout.faces import COLOURED_CLASSES
from cnnvis.layout.heads import EDGE, GAP, Heads, heads
from cnnvis.layout.layered import LayeredEdge, Order, order_columns, stacked
from cnnvis.layout.links import Joint, Lane, blocks, drawn_pairs, kept, singles
from cnnvis.layout.marks import EXCITE, INHIBIT, Box, Card, Column, Entry, Face, Ink, Key
from cnnvis.layout.overlay import overlaid, path_of
from cnnvis.layout.path_overlay import path_laid, path_links
from cnnvis.layout.routes import MARGIN, spacing
from cnnvis.layout.strokes import Ground, strokes
from cnnvis.layout.subgraph import dimmed, for_class, restricted
from cnnvis.model.connections import Connections
from cnnvis.model.network import Network
from cnnvis.model.session import BundleKey, Look, Session, Signs
from cnnvis.model.viewed import viewed


def draw(session: Session, *, look: Look | None = None, previous: Diagram | None = None) -> Diagram:
    """The picture of a session, as far as it is known: grey cards stand for what is still being computed.

    `look` overrides the session's own. With the `previous` diagram cards keep their order and only new ones look
    for the best place, and cards on which nothing changed are the same objects; without it they keep the order that
    the look names, if any. Costs some milliseconds for a few hundred cards whose faces are known; a face is composed
    once for each cluster and responses.
    """
    if look is not None:
        session = session.with_look(look)
    origin, session = session, viewed(session)
    plain = contents(session, origin)
    columns, still, opened = path_laid(origin, plain) or (*overlaid(origin, plain), None)
    lanes = _lanes(session, columns)
    matters = for_class(session, columns, lanes)
    joints = _joints(session.look, columns, restricted(lanes, matters, session.look.signs))
    # The edges of an image for a class tell already where it responds: what they join must not step back.
    faint = dimmed(columns, lanes, matters) if matters is not None else still
    before = _before(session, previous)
    orders = _orders(columns, joints, before)
    joints, columns = _reordered(columns, joints, orders)
    plan = _plan(columns, joints, session.look)
    cards, drawn, titles = _cards(columns, plan, previous)
    links, bundles = strokes(plan.ground(columns), joints, session.look)
    origin = origin.with_look(replace(origin.look, cards=_standing(columns, joints, before)))
    network = session.analysis.network
    return Diagram(
        dimmed=faint,
        columns=drawn,
        cards=cards,
        links=links,
        titles=titles,
        bundles=bundles,
        path=path_of(origin, links) if opened is None else path_links(links, opened),
        width=plan.width,
        height=plan.height,
        classes=network.classes if has_classes(network) else (),
        caption=caption(session, any(bundle.curves for bundle in bundles)),
        legend=legend(network, session.connections if links else None, session.look.signs),
        pictures=session.picture,
        session=origin,
    )


def _lanes(session: Session, columns: Sequence[Content]) -> list[Lane]:
    """All edges between the columns, in the analysis' order of cards."""
    connections = session.connections
    if connections is None:
        return []
    network = session.analysis.network
    places = {c.layer: k for k, c in enumerate(columns) if c.partition is not None or c.outputs is not None}
    if columns and columns[-1].outputs is not None:
        places |= dict.fromkeys(network.class_layers, len(columns) - 1)
    lanes: list[Lane] = []
    for source, sink in drawn_pairs(network, connections.pairs, places):
        left, right = columns[places[source]], columns[places[sink]]
        if left.partition is None:
            continue
        if right.outputs is not None:
            parts = blocks(connections, source, sink, left.partition, singles(len(network.classes)))
            shown = list(right.outputs.shown)
            positive, negative = parts[0][:, shown], parts[1][:, shown]
        elif right.partition is not None:
            positive, negative = blocks(connections, source, sink, left.partition, right.partition)
        lanes.append(Lane(places[source], places[sink], positive, negative))
    return lanes


def _joints(look: Look, columns: Sequence[Content], lanes: Sequence[Lane]) -> list[Joint]:
    """The edges to draw."""
    joints = []
    for lane, mask in zip(lanes, kept(lanes, look.share)):
        strength, bundles = lane.strength, _bundles(look, columns, lane, mask)
        for i, j in zip(*(axis.tolist() for axis in np.nonzero(mask))):
            plus, minus, whole = (float(m[i, j]) for m in (lane.positive, lane.negative, strength))
            joints.append(Joint((lane.source, i), (lane.sink, j), plus, minus, whole, bundles.get((i, j))))
    return joints


def _bundles(
    look: Look, columns: Sequence[Content], lane: Lane, mask: NDArray[np.bool_]
) -> dict[tuple[int, int], BundleKey]:
    """The bundle of each kept edge that is in one."""
    left, right = columns[lane.source], columns[lane.sink]
    if not bundling(look, len(left.cards), len(right.cards)):
        return {}
    return {
        edge: (left.layer, right.layer, number(left.cards[i][0], right.cards[j][0]))
        for edge, (i, j) in owners(lane, mask).items()
    }


def _before(session: Session, previous: Diagram | None) -> dict[str, tuple[int, ...]]:
    """By layer the clusters as their cards stood, of layers where at least half of those of today stood."""
    last = session if previous is None or previous.session is None else previous.session
    present = {layer: {c.id for c in clusters} for layer, clusters in session.analysis.clusters.items()}
    return {
        layer: ids
        for layer, ids in last.look.cards
        if layer in present and 2 * len(present[layer].intersection(ids)) >= len(present[layer])
    }


def _standing(
    columns: Sequence[Content], joints: Sequence[Joint], before: Mapping[str, tuple[int, ...]]
) -> tuple[tuple[str, tuple[int, ...]], ...]:
    """How the cards of each layer stand, for `Look.cards`. While a layer has no edges, there is no order to keep."""
    joined = {end[0] for joint in joints for end in (joint.source, joint.sink)}
    now = {
        column.layer: tuple(int(key[2]) for key, _ in column.cards)
        for k, column in enumerate(columns)
        if column.partition is not None and (k in joined or column.layer in before)
    }
    return tuple(sorted({**before, **now}.items()))


def _orders(
    columns: Sequence[Content], joints: Sequence[Joint], before: Mapping[str, tuple[int, ...]]
) -> tuple[Order, ...]:
    """For each column its cards from top to bottom. Classes keep the order of the network."""
    sizes = [len(c.cards) for c in columns]
    edges: list[LayeredEdge] = [(*j.source, *j.sink, 0.05 + j.strength) for j in joints]
    fixed = {k for k, c in enumerate(columns) if c.outputs is not None}
    starts, free = [], []
    for column in columns:
        known = before.get(column.layer, ()) if column.partition is not None else ()
        start, new = _warm([key[-1] for key, _ in column.cards], known)
        starts.append(start)
        free.append(new)
    if all(f.all() for f in free):
        return order_columns(sizes, edges, fixed=fixed)
    return order_columns(sizes, edges, start=starts, fixed=fixed, free=free)


def _warm(ids: Sequence[Any], before: Sequence[int]) -> tuple[Order, NDArray[np.bool_]]:
    """The order to start from and which cards are new; all of them where none stood before.

    A new card starts right below the one before it in the analysis: where a split leaves it.
    """
    if not before:
        return np.arange(len(ids)), np.ones(len(ids), bool)
    rank = {id: place for place, id in enumerate(before)}
    stayed = [id in rank for id in ids]
    weight: list[float] = []
    for id, known in zip(ids, stayed):
        above = weight[-1] if weight else -1.0
        weight.append(float(rank[id]) if known else above + 1e-3)
    return np.argsort(np.array(weight), kind="stable").astype(np.int64), ~np.array(stayed)


def _reordered(
    columns: Sequence[Content], joints: Sequence[Joint], orders: Sequence[Order]
) -> tuple[list[Joint], list[Content]]:
    """The same columns and joints with the cards in their drawn order."""
    slots = [np.argsort(order) for order in orders]

    def moved(end: tuple[int, int]) -> tuple[int, int]:
        return end[0], int(slots[end[0]][end[1]])

    turned = [
        replace(c, cards=tuple(c.cards[i] for i in order)) for c, order in zip(columns, orders)
    ]
    joined = [Joint(moved(j.source), moved(j.sink), j.positive, j.negative, j.strength, j.bundle) for j in joints]
    return joined, turned


@dataclass(frozen=True, slots=True)
class Plan:
    """Where everything stands: the boxes of the cards of each column, what is above, and its left and right side."""

    boxes: list[list[Box]]
    heads: Heads
    sides: list[tuple[float, float]]
    room: tuple[float, float]
    width: float
    height: float

    def ground(self, columns: Sequence[Content]) -> Ground:
        """What the edges are drawn on."""
        keys = [[key for key, _ in column.cards] for column in columns]
        return Ground(keys, self.boxes, self.sides, self.room, self.height)


def _plan(columns: Sequence[Content], joints: Sequence[Joint], look: Look) -> Plan:
    """Columns side by side, each centred between the top and the bottom; lanes with bundles are wider than others."""
    tight = [8.0 if c.outputs is not None and len(c.cards) > ROOMY else 12.0 for c in columns]
    need = [sum(f.h for _, f in c.cards) + gap * (len(c.cards) - 1) for c, gap in zip(columns, tight)]
    room = 8.0 * np.ceil(max(need, default=0.0) / 8.0)
    found = bundled(joints)
    over = [bundle for bundle in found if bundle.skips]
    hidden = {bundle.key for bundle in over} - look.unbundled
    skips = sum(j.sink[0] - j.source[0] > 1 and j.bundle not in hidden for j in joints)
    extra = spacing(skips) * skips + needed(over, len(columns))
    around = 8.0 * float(np.ceil((MARGIN + extra) / 8.0)) if extra else 0.0
    lane = float(np.clip(8.0 * round(0.09 * room / 8.0), 56.0, 176.0))
    bundles: dict[int, list[Bundled]] = {}
    for bundle in found:
        if not bundle.skips:
            bundles.setdefault(bundle.column, []).append(bundle)
    sides: list[tuple[float, float]] = []
    x = EDGE
    for k, column in enumerate(columns):
        sides.append((x, x + column.width))
        x += column.width + lane + (LANE * rows(bundles[k], room) if k in bundles else 0.0)
    above = heads(columns, sides)
    top = above.bottom + GAP + around
    boxes = []
    for column, gap, (left, _) in zip(columns, tight, sides):
        tops = stacked([f.h for _, f in column.cards], room, least=gap)
        boxes.append([Box(left, top + y, face.w, face.h) for y, (_, face) in zip(tops, column.cards)])
    right = max([EDGE, *(box.right for _, box in above.headers), *(b for _, b in sides)])
    height = float(top + room + around + EDGE)
    return Plan(boxes, above, sides, (top, float(top + room)), right + EDGE, height)


def _cards(
    columns: Sequence[Content], plan: Plan, previous: Diagram | None
) -> tuple[tuple[Card, ...], tuple[Column, ...], tuple[Card, ...]]:
    """The placed cards, the columns they stand in, and the names of groups over these.

    What did not change is taken from the previous diagram.
    """

    def card(key: Key, box: Box, face: Face) -> Card:
        old = previous.placed.get(key) if previous is not None else None
        if not isinstance(old, Card) or not old.face.shows_as(face):
            return Card(key, box, face)
        return old if old.box == box else Card(key, box, old.face)

    cards, drawn = [], []
    for column, places, (face, place) in zip(columns, plan.boxes, plan.heads.headers):
        cards += [card(key, box, face) for (key, face), box in zip(column.cards, places)]
        header = card(column.key, place, face)
        layer = column.layer if column.outputs is None else ""
        drawn.append(Column(column.key, header, tuple(key for key, _ in column.cards), layer, column.group))
    titles = tuple(card(("group", name), box, face) for name, face, box in plan.heads.titles)
    return tuple(cards), tuple(drawn), titles


def legend(network: Network, connections: Connections | None, signs: Signs = "both") -> tuple[Entry, ...]:
    """What the colours mean: the signs of edges that are shown, and the classes where each has one of its own."""
    excites, inhibits = sign_words(network, connections)
    entries = [Entry(excites, EXCITE, "line")] if connections is not None and signs != "negative" else []
    entries += [Entry(inhibits, INHIBIT, "line")] if connections is not None and signs != "positive" else []
    if has_classes(network) and len(network.classes) <= COLOURED_CLASSES:
        entries += [Entry(name, Ink("class", i), "square") for i, name in enumerate(network.classes)]
    return tuple(entries)
