"""How keys and hands move through a diagram."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from cnnvis.layout.diagram import Box, Bundle, Card, Cells, Diagram, Key, Patch, pointed

Direction = Literal["left", "right", "up", "down"]
BESIDE, NEW_CARD = 16.0, 48.0
"""How far beside a column still counts as its place, and how high a card that is yet to be is shown."""


def neighbour(diagram: Diagram, key: Key | None, direction: Direction) -> Key | None:
    """The card next to one: above or below in its column, or at its height in the next column that has cards.

    Next to a bundle lie the cards that it joins, and the bundles above and below it.
    """
    bundle = diagram.bundle(key) if key is not None else None
    if bundle is not None:
        return _beside(diagram, bundle, direction)
    columns = [column for column in diagram.columns if column.cards]
    if not columns:
        return None
    place = next(
        ((i, column.cards.index(key)) for i, column in enumerate(columns) if key in column.cards),
        None,
    )
    if place is None:
        heads = [i for i, column in enumerate(columns) if column.key == key]
        return columns[heads[0] if heads else 0].cards[0]
    here, row = place
    if direction in ("up", "down"):
        row += 1 if direction == "down" else -1
        return columns[here].cards[row] if 0 <= row < len(columns[here].cards) else columns[here].cards[place[1]]
    there = here + (1 if direction == "right" else -1)
    if not 0 <= there < len(columns) or key is None:
        return key
    height = diagram.card(key).box.middle
    return min(columns[there].cards, key=lambda other: abs(diagram.card(other).box.middle - height))


def _beside(diagram: Diagram, bundle: Bundle, direction: Direction) -> Key:
    height = bundle.card.box.middle
    if direction in ("left", "right"):
        cards = bundle.sources if direction == "left" else bundle.sinks
        return min(cards, key=lambda card: abs(diagram.card(card).box.middle - height))
    lane = [other for other in diagram.bundles if other.key[1:3] == bundle.key[1:3]]
    lane.sort(key=lambda other: other.card.box.middle, reverse=direction == "up")
    return lane[min(lane.index(bundle) + 1, len(lane) - 1)].key


def unit_boxes(card: Card, zoom: float) -> Iterator[tuple[int, Box]]:
    """The neurons that are seen on a card at a zoom, by their patches or cells, and where, in the diagram's pixels."""
    patches: dict[int, Box] = {}  # of several pictures of a neuron their whole
    for mark in card.face.marks:
        if isinstance(mark, Patch) and mark.unit >= 0 and pointed(mark, zoom):
            patches[mark.unit] = _around(patches.get(mark.unit, mark.box), mark.box)
    yield from ((unit, _placed(card, box)) for unit, box in patches.items())
    for mark in card.face.marks:
        if not pointed(mark, zoom):
            continue
        if isinstance(mark, Cells) and mark.units:
            rows, columns = mark.shape
            whole = len(mark.units) == rows  # a row for each neuron, else a cell
            for place, unit in enumerate(mark.units):
                cell = mark.place(place, 0) if whole else mark.place(*divmod(place, columns))
                if unit >= 0:
                    yield unit, _placed(card, Box(cell.x, cell.y, mark.box.w if whole else cell.w, cell.h))


def _around(one: Box, other: Box) -> Box:
    """The smallest box around two."""
    left, top = min(one.x, other.x), min(one.y, other.y)
    return Box(left, top, max(one.right, other.right) - left, max(one.bottom, other.bottom) - top)


def homes(diagram: Diagram, units: Sequence[Key], zoom: float) -> tuple[Key, ...]:
    """The cards on which neurons are seen, in the order of the neurons."""
    layers = {key[1] for key in units}
    places = {
        ("unit", card.key[1], unit): card.key
        for card in diagram.cards
        if card.key[0] == "cluster" and card.key[1] in layers
        for unit, _ in unit_boxes(card, zoom)
    }
    return tuple(dict.fromkeys(places[key] for key in units if key in places))


def clear_of(diagram: Diagram, layer: str, x: float, y: float) -> Box | None:
    """Where a new card of a layer would go if it were dropped at an empty place of its column; else None."""
    column = next((c for c in diagram.columns if c.layer == layer), None)
    if column is None or not column.cards or diagram.at(x, y, tolerance=0.0) in column.cards:
        return None
    boxes = [diagram.card(key).box for key in column.cards]
    left, right = min(b.x for b in boxes), max(b.right for b in boxes)
    if not left - BESIDE <= x <= right + BESIDE or y < column.header.box.bottom:
        return None
    return Box(left, y - NEW_CARD / 2, right - left, NEW_CARD)


def _placed(card: Card, box: Box) -> Box:
    return Box(card.box.x + box.x, card.box.y + box.y, box.w, box.h)
