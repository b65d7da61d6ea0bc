"""What a hand does over the picture while a button is held: carry neurons, clusters, a boundary; draw a rubber band."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QPixmap
from PySide6.QtWidgets import QGraphicsItem

from cnnvis.gui.ghost import Fence, Ghost, Outline
from cnnvis.gui.stage import Stage
from cnnvis.gui.steering import clear_of, unit_boxes
from cnnvis.layout.diagram import Box, Card, Column, Diagram, Key, Patch, pointed
from cnnvis.painting.paint import DirectTiles

_PILE = 3
_SMALLEST, _LARGEST = 28.0, 56.0
_CARD_WIDTH = 120.0


class Gesture(Protocol):
    """One movement from press to release; all places are the diagram's."""

    @property
    def target(self) -> Key | None:
        """The card on which something would be dropped."""

    @property
    def ghost(self) -> Ghost | None:
        """What follows the pointer."""

    def move(self, where: QPointF) -> None: ...

    def refresh(self) -> None:
        """Say again what would happen: more is known now."""

    def drop(self) -> None:
        """The button is released: do it, where there is something to do."""

    def cancel(self) -> None:
        """Leave everything as it was."""


@dataclass(frozen=True, slots=True)
class Landing:
    """Where a boundary would come to stand: before `layer`, at a share of the column's width; `changes` anything."""

    layer: str
    share: float
    words: str
    changes: bool


class Foresight(Protocol):
    """Says what would come of a drop. None: nothing would change, so there is nothing to drop on."""

    def moved(self, layer: str, units: Sequence[int], to: int | None) -> str | None:
        """Of neurons in another cluster, or (None) in a new one."""

    def merged(self, layer: str, ids: Sequence[int]) -> str | None:
        """Of several clusters as one."""

    def begun(self, group: int, column: Column, share: float) -> Landing | None:
        """Of a boundary left of a group at a share of the width of a column."""

    def told(self, key: Key) -> str:
        """What else is known of a card, for its tooltip."""


class Plain:
    """Foresight that knows the picture only."""

    def moved(self, layer: str, units: Sequence[int], to: int | None) -> str | None:
        return counted(units)

    def merged(self, layer: str, ids: Sequence[int]) -> str | None:
        return f"Merge {len(ids)} clusters"

    def begun(self, group: int, column: Column, share: float) -> Landing | None:
        return None

    def told(self, key: Key) -> str:
        return ""


def counted(units: Sequence[int]) -> str:
    return "1 neuron" if len(units) == 1 else f"{len(units):,} neurons"


class _Items:
    """What a gesture shows over the picture, and takes away again."""

    def __init__(self, stage: Stage, *items: QGraphicsItem) -> None:
        self._stage, self._items = stage, items
        for item in items:
            stage.scene.addItem(item)

    def take_away(self) -> None:
        for item in self._items:
            area = item.sceneBoundingRect()
            self._stage.scene.removeItem(item)
            self._stage.scene.update(area)
        self._items = ()


class UnitDrag:
    """Neurons on their way to another cluster of their layer, or to an empty place where they become a new one."""

    def __init__(
        self,
        stage: Stage,
        zoom: float,
        home: Key,
        units: Sequence[int],
        foresight: Foresight,
        done: Callable[[str, tuple[int, ...], int | None], None],
    ) -> None:
        assert stage.diagram is not None
        self.target: Key | None = None
        self.layer, self.units = str(home[1]), tuple(units)
        self._home = home if len(self.units) == 1 else None  # several may be gathered where one of them is
        self._diagram, self._foresight, self._done = stage.diagram, foresight, done
        self.ghost = Ghost(stage.theme, _patches(stage.diagram, self.layer, self.units, zoom), len(self.units))
        self._place = Outline(stage.theme)
        self._place.show_box(None)
        self._over: Key | None = None
        self._free = self._does = False
        self._shown = _Items(stage, self.ghost, self._place)

    def move(self, where: QPointF) -> None:
        """Follow the pointer."""
        self.ghost.setPos(where)
        key = self._diagram.at(where.x(), where.y(), tolerance=0.0)
        over = key if key is not None and key[:2] == ("cluster", self.layer) and key != self._home else None
        free = clear_of(self._diagram, self.layer, where.x(), where.y())
        if (over, free is not None) != (self._over, self._free):
            self._over, self._free = over, free is not None
            self.refresh()
        self._place.show_box(free if self._does else None, "New cluster")

    def refresh(self) -> None:
        words = None
        if self._over is not None or self._free:
            words = self._foresight.moved(self.layer, self.units, int(self._over[2]) if self._over else None)
        self._does = words is not None
        self.target = self._over if self._does else None
        self.ghost.say(words or "")

    def drop(self) -> None:
        self._shown.take_away()
        if self._does:
            self._done(self.layer, self.units, int(self._over[2]) if self._over else None)

    def cancel(self) -> None:
        self._shown.take_away()


class CardDrag:
    """Clusters on their way to another one of their layer, to be merged with it."""

    def __init__(
        self,
        stage: Stage,
        ids: Sequence[int],
        home: Key,
        foresight: Foresight,
        done: Callable[[str, tuple[int, ...]], None],
    ) -> None:
        assert stage.diagram is not None
        self.target: Key | None = None
        self.layer, self.ids = str(home[1]), tuple(ids)
        self._over: Key | None = None
        self._diagram, self._foresight, self._done = stage.diagram, foresight, done
        picture = stage.picture(home, _CARD_WIDTH)
        pile = (picture,) * min(len(self.ids), _PILE) if picture is not None else ()
        self.ghost = Ghost(stage.theme, pile, len(self.ids))
        self.ghost.setOpacity(0.92)
        self._shown = _Items(stage, self.ghost)

    def move(self, where: QPointF) -> None:
        """Follow the pointer."""
        self.ghost.setPos(where)
        key = self._diagram.at(where.x(), where.y(), tolerance=0.0)
        fits = key is not None and key[:2] == ("cluster", self.layer) and int(key[2]) not in self.ids
        over = key if fits else None
        if over != self._over:
            self._over = over
            self.refresh()

    def refresh(self) -> None:
        words = self._foresight.merged(self.layer, (int(self._over[2]), *self.ids)) if self._over else None
        self.target = self._over if words is not None else None
        self.ghost.say(words or "")

    def drop(self) -> None:
        self._shown.take_away()
        if self.target is not None:
            self._done(self.layer, (int(self.target[2]), *self.ids))

    def cancel(self) -> None:
        self._shown.take_away()


class Band:
    """A rubber band: begun inside a card it takes the neurons of that layer, begun beside all cards the clusters."""

    target: Key | None = None
    ghost: Ghost | None = None

    def __init__(
        self,
        stage: Stage,
        zoom: float,
        start: QPointF,
        show: Callable[[tuple[Key, ...]], None],
        done: Callable[[], None],
    ) -> None:
        assert stage.diagram is not None
        self._diagram, self._zoom, self._start = stage.diagram, zoom, start
        self._show, self._done = show, done
        home = stage.diagram.at(start.x(), start.y(), tolerance=0.0)
        self._layer = str(home[1]) if home is not None and home[0] == "cluster" else None
        self._place = Outline(stage.theme)
        self._shown = _Items(stage, self._place)

    def move(self, where: QPointF) -> None:
        """Stretch to a point."""
        x, y = min(where.x(), self._start.x()), min(where.y(), self._start.y())
        box = Box(x, y, abs(where.x() - self._start.x()), abs(where.y() - self._start.y()))
        self._place.show_box(box)
        self._show(tuple(self._inside(box)))

    def _inside(self, box: Box) -> list[Key]:
        touched = [card for card in self._diagram.cards if card.key[0] == "cluster" and card.box.overlaps(box)]
        if self._layer is None:
            return [card.key for card in touched]
        cards = [card for card in touched if card.key[1] == self._layer]
        met = (u for card in cards for u, place in unit_boxes(card, self._zoom) if place.overlaps(box))
        return [("unit", self._layer, unit) for unit in dict.fromkeys(met)]

    def refresh(self) -> None:
        """Nothing that it says changes."""

    def drop(self) -> None:
        self._shown.take_away()
        self._done()

    def cancel(self) -> None:
        self._shown.take_away()


class BoundaryDrag:
    """The boundary between two groups of layers on its way to another layer."""

    target: Key | None = None

    def __init__(
        self, stage: Stage, left: Column, right: Column, foresight: Foresight, done: Callable[[int, str], None]
    ) -> None:
        assert stage.diagram is not None
        self._columns = [c for c in stage.diagram.columns if c.group in (left.group, right.group)]
        self._boxes = {c.key: _width(stage.diagram, c) for c in self._columns}
        self._group, self._foresight, self._done = right.group, foresight, done
        self._landing: Landing | None = None
        self.ghost = Ghost(stage.theme)
        self._fence = Fence(stage.theme, right.header.box.y, stage.diagram.height - right.header.box.y)
        self._shown = _Items(stage, self.ghost, self._fence)

    def move(self, where: QPointF) -> None:
        """Snap to the nearest place where the right group may begin."""
        self.ghost.setPos(where)
        column = min(self._columns, key=lambda c: _apart(self._boxes[c.key], where.x()))
        box = self._boxes[column.key]
        share = min(max((where.x() - box.x) / max(box.w, 1.0), 0.0), 1.0)
        self._landing = self._foresight.begun(self._group, column, share)
        self._fence.setX(box.x + box.w * self._landing.share if self._landing is not None else where.x())
        self.refresh()

    def refresh(self) -> None:
        self.ghost.say(self._landing.words if self._landing is not None else "")

    def drop(self) -> None:
        self._shown.take_away()
        if self._landing is not None and self._landing.changes:
            self._done(self._group, self._landing.layer)

    def cancel(self) -> None:
        self._shown.take_away()


def boundary_at(diagram: Diagram, x: float, y: float) -> tuple[Column, Column] | None:
    """The columns of two groups between whose headers a point lies; None beside every boundary."""
    for left, right in zip(diagram.columns, diagram.columns[1:]):
        between = left.header.box.right <= x <= right.header.box.x
        if between and right.header.box.y <= y <= right.header.box.bottom:
            return (left, right) if left.group != right.group and left.layer and right.layer else None
    return None


def _width(diagram: Diagram, column: Column) -> Box:
    boxes = [diagram.card(key).box for key in column.cards] or [column.header.box]
    left, right = min(b.x for b in boxes), max(b.right for b in boxes)
    return Box(left, column.header.box.y, right - left, column.header.box.h)


def _apart(box: Box, x: float) -> float:
    return max(box.x - x, x - box.right, 0.0)


def _patches(diagram: Diagram, layer: str, units: Sequence[int], zoom: float) -> tuple[QPixmap, ...]:
    """The patches of the first neurons, as large as they are seen but neither tiny nor huge."""
    wanted, tiles = list(units), DirectTiles(diagram.pictures)
    found: dict[int, QPixmap] = {}
    for card in _cards(diagram, layer):
        for mark in card.face.marks:
            if isinstance(mark, Patch) and mark.unit in wanted and mark.unit not in found and pointed(mark, zoom):
                side = min(max(mark.box.h * zoom, _SMALLEST), _LARGEST)
                tile = tiles(mark, 2 * side / mark.box.h)
                if tile is not None:
                    found[mark.unit] = _pixmap(QPixmap.fromImage(tile[0]), side)
    return tuple(found[unit] for unit in wanted if unit in found)[:_PILE]


def _pixmap(found: QPixmap, side: float) -> QPixmap:
    size = round(2 * side)
    found = found.scaled(
        size, size, Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
    )
    found.setDevicePixelRatio(2.0)
    return found


def _cards(diagram: Diagram, layer: str) -> list[Card]:
    return [card for card in diagram.cards if card.key[:2] == ("cluster", layer)]
