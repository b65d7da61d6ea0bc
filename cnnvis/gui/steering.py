"""How keys and drags move through a diagram."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPixmap
from PySide6.QtWidgets import QGraphicsPixmapItem, QGraphicsScene

from cnnvis.layout.diagram import Bundle, Card, Diagram, Key, Patch
from cnnvis.painting.paint import DirectTiles

Direction = Literal["left", "right", "up", "down"]


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


def patch_of(card: Card, unit: int) -> Patch | None:
    """The patch that stands for a unit on a card."""
    return next((mark for mark in card.marks if isinstance(mark, Patch) and mark.unit == unit), None)


@dataclass
class UnitDrag:
    """A neuron on its way from one cluster to another of its layer."""

    layer: str
    unit: int
    home: Key
    ghost: QGraphicsPixmapItem
    target: Key | None = None

    @classmethod
    def begin(cls, diagram: Diagram, home: Key, unit: int, scene: QGraphicsScene, zoom: float) -> UnitDrag:
        """A drag whose ghost is the neuron's patch, over everything else."""
        card = diagram.card(home)
        patch = patch_of(card, unit)
        ghost = QGraphicsPixmapItem()
        found = DirectTiles(diagram.pictures)(patch, max(zoom, 1.0)) if patch is not None else None
        if found is not None:
            image, box = found
            ghost.setPixmap(QPixmap.fromImage(image))
            ghost.setScale(box.w / image.width())
            ghost.setOffset(-image.width() / 2, -image.height() / 2)
        ghost.setTransformationMode(Qt.TransformationMode.SmoothTransformation)
        ghost.setOpacity(0.85)
        ghost.setZValue(9.0)
        scene.addItem(ghost)
        return cls(str(home[1]), unit, home, ghost)

    def move(self, diagram: Diagram, where: QPointF) -> None:
        """Follow the cursor; the target is another cluster of the same layer under it."""
        self.ghost.setPos(where)
        key = diagram.at(where.x(), where.y(), tolerance=0.0)
        fits = key is not None and key[0] == "cluster" and key[1] == self.layer and key != self.home
        self.target = key if fits else None

    def end(self) -> None:
        """Take the ghost away."""
        scene = self.ghost.scene()
        if scene is not None:
            area: QRectF = self.ghost.sceneBoundingRect()
            scene.removeItem(self.ghost)
            scene.update(area)
