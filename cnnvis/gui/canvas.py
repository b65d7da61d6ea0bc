"""The picture in the window: pan, zoom, hover, select, drag."""

from __future__ import annotations

import math

from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QContextMenuEvent, QHelpEvent, QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QToolTip, QWidget

from cnnvis.gui.camera import Camera
from cnnvis.gui.gestures import Foresight, Plain
from cnnvis.gui.hand import Hand
from cnnvis.gui.jobs import Jobs
from cnnvis.gui.steering import Direction, homes, neighbour
from cnnvis.layout.diagram import Box, Card, Diagram, Key
from cnnvis.layout.theme import LIGHT, Theme

_CONTROL = Qt.KeyboardModifier.ControlModifier
_ARROWS: dict[int, Direction] = {
    Qt.Key.Key_Left: "left",
    Qt.Key.Key_Right: "right",
    Qt.Key.Key_Up: "up",
    Qt.Key.Key_Down: "down",
}


class Canvas(Camera):
    """A view of a Diagram. It knows nothing of sessions: it shows, and tells what the user did."""

    selected = Signal(object)
    """A tuple of keys of cards or of neurons, the one in question first: a click, an arrow, a rubber band."""
    opened = Signal(object)
    """A key: double click or Enter on a card or column header."""
    menu_asked = Signal(object, object, QPoint)
    """A key or None, the unit under the cursor or None, and where on the screen."""
    units_moved = Signal(str, object, int)
    """A layer, a tuple of its units, and the id of the cluster they shall join."""
    units_gathered = Signal(str, object)
    """A layer and a tuple of its units, which shall form a new cluster."""
    clusters_merged = Signal(str, object)
    """A layer and the ids of its clusters that shall be one, the one that stays first."""
    boundary_moved = Signal(int, str)
    """The id of a group of layers, and the layer at which it shall begin."""
    bundle_moved = Signal(object, float, float)
    """The key of a bundle, and how far its box was dragged from where layout put it."""

    def __init__(self, jobs: Jobs, parent: QWidget | None = None) -> None:
        super().__init__(jobs, parent)
        self.stage.stepped.connect(self._glide)
        self.stage.arrived.connect(self._arrived)
        self.animated = True
        self.foresight: Foresight = Plain()
        self._selection: tuple[Key, ...] = ()
        self._units: tuple[Key, ...] = ()
        self._hover: Key | None = None
        self._paths = False
        self._hand = Hand(self)
        self._path = (QPointF(), QPointF())
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("The picture of the network")
        self.set_theme(LIGHT)

    # What it shows

    @property
    def selection(self) -> tuple[Key, ...]:
        """The keys of the selected cards, or of those with selected neurons, the one in question first."""
        return self._selection

    @property
    def units(self) -> tuple[Key, ...]:
        """The keys of the selected neurons."""
        return self._units

    @property
    def selected_part(self) -> Box | None:
        """A box around what is selected and its direct neighbours, for an export; None where nothing is."""
        if self.diagram is None:
            return None
        keys = {key for found in self._selection for key in (found, *self.diagram.neighbours(found))}
        boxes = [card.box for key in keys if isinstance(card := self.diagram.find(key), Card)]
        if not boxes:
            return None
        left, top = min(box.x for box in boxes), min(box.y for box in boxes)
        right, bottom = max(box.right for box in boxes), max(box.bottom for box in boxes)
        return Box(left, top, right - left, bottom - top).grown(8.0)

    @property
    def _first(self) -> Key | None:
        return self._selection[0] if self._selection else None

    def set_theme(self, theme: Theme) -> None:
        """Show everything in other colours; pictures stay as they are."""
        self.stage.set_theme(theme)
        self.minimap.set_theme(theme)
        self._settle.start()

    def show_diagram(self, diagram: Diagram | None, anchor: Key | None = None) -> None:
        """Show another diagram; what both have glides to its new place.

        With an `anchor` the zoom stays, and so does the anchor's place on the screen, unless that would push out of
        view a part of a picture that was seen whole. Without one a picture that was fitted is fitted again.
        """
        self._hand.cancel()
        old = self.diagram
        start = self.seen.center()
        self._path = (start, self._kept_whole(start + self._displacement(old, diagram, anchor), old, diagram))
        if diagram is not None:
            far = max(diagram.width, diagram.height, 1000.0)
            self.setSceneRect(-far, -far, diagram.width + 2 * far, diagram.height + 2 * far)
        self._hover = None
        self._selection = tuple(key for key in self._selection if diagram is not None and key in diagram)
        self.stage.show(diagram, self.animated and self.isVisible())
        self.minimap.set_diagram(diagram)
        if old is None or diagram is None or (anchor is None and self._fitted):
            self.fit()
        elif (old.width, old.height) != (diagram.width, diagram.height):
            self._fitted = False
        self.mark()
        self._moved()

    def _displacement(self, old: Diagram | None, new: Diagram | None, anchor: Key | None) -> QPointF:
        if old is None or new is None or anchor is None:
            return QPointF()
        before, after = old.find(anchor), new.find(anchor)
        if not isinstance(before, Card) or not isinstance(after, Card):
            return QPointF()
        return QPointF(after.box.x - before.box.x, after.box.y - before.box.y)

    def _kept_whole(self, middle: QPointF, old: Diagram | None, new: Diagram | None) -> QPointF:
        """The middle nearest to this one around which all of `new` is seen, where all of `old` was and it fits."""
        seen = self.seen
        if old is None or new is None or not seen.contains(QRectF(0, 0, old.width, old.height)):
            return middle
        spare = seen.width() - new.width, seen.height() - new.height
        if min(spare) < 0:
            return middle
        across, down = new.width / 2 - middle.x(), new.height / 2 - middle.y()
        excess = (max(abs(across) - spare[0] / 2, 0.0), max(abs(down) - spare[1] / 2, 0.0))
        return middle + QPointF(math.copysign(excess[0], across), math.copysign(excess[1], down))

    def _glide(self, t: float) -> None:
        start, end = self._path
        if start != end:
            self.centerOn(start + (end - start) * t)
            self.minimap.place()

    def _arrived(self) -> None:
        self.mark()
        self._moved()

    def mark(self) -> None:
        """Outline what is selected and where a gesture would end; light the links of what is asked for."""
        self.stage.mark(self._selection, self._hover, self._hand.target, self._paths, self._units)

    # What the user does

    def select(self, cards: tuple[Key, ...], units: tuple[Key, ...] = ()) -> None:
        """Outline cards, and neurons on them, and light the cards' links, without telling anyone."""
        if (cards, units) != (self._selection, self._units):
            self._selection, self._units = cards, units
            self.mark()

    def show_chosen(self, keys: tuple[Key, ...]) -> None:
        """Outline cards, or neurons and the cards that they are on, without telling anyone."""
        if keys and keys[0][0] == "unit" and self.diagram is not None:
            self.select(homes(self.diagram, keys, self.zoom), keys)
        else:
            self.select(keys)

    def tell(self) -> None:
        """Tell what is selected."""
        self.selected.emit(self._units or self._selection)

    def choose(self, cards: tuple[Key, ...], units: tuple[Key, ...] = ()) -> None:
        """Select and tell it, where it is something else."""
        if (cards, units) != (self._selection, self._units):
            self.select(cards, units)
            self.tell()

    def _add(self, key: Key | None, unit: Key | None) -> None:
        """Add a neuron to selected neurons of its layer, else a card to selected clusters; or take it away again."""
        if unit is not None and (self._units or not self._selection):
            same = tuple(k for k in self._units if k[:2] == unit[:2])
            self.show_chosen(tuple(k for k in same if k != unit) if unit in same else (*same, unit))
            self.tell()
        elif key is not None:
            same = tuple(k for k in self._selection if k[0] == key[0] == "cluster" and not self._units)
            self.choose(tuple(k for k in same if k != key) if key in same else (*same, key))

    def _key_at(self, point: QPointF) -> Key | None:
        where = self.to_scene(point)
        if self.diagram is None or self.stage.moving:
            return None
        return self.diagram.at(where.x(), where.y(), tolerance=4 / self.zoom)

    def _unit_at(self, point: QPointF) -> Key | None:
        where = self.to_scene(point)
        return self.diagram.unit_at(where.x(), where.y(), self.zoom) if self.diagram is not None else None

    def _hover_over(self, key: Key | None, paths: bool = False) -> None:
        """Light the links of what is under the cursor; `paths`: all that lead to it and away from it."""
        if (key, paths) != (self._hover, self._paths):
            self._hover, self._paths = key, paths
            header = key is not None and key[0] in ("column", "classes")
            self.viewport().setCursor(
                Qt.CursorShape.PointingHandCursor if key is not None and not header else Qt.CursorShape.ArrowCursor
            )
            self.mark()

    def _point_at(self, point: QPointF, paths: bool) -> None:
        """The pointer is at a place of the view, and nothing is pressed."""
        if self._hand.pans:
            return
        if self._hand.hovers_boundary(point):
            self._hover_over(None)
            self.viewport().setCursor(Qt.CursorShape.SplitHCursor)
            return
        if self._hover is None and self.viewport().cursor().shape() == Qt.CursorShape.SplitHCursor:
            self.viewport().unsetCursor()
        self._hover_over(self._key_at(point), paths)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._hand.press(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if not self._hand.move(event):
            self._point_at(event.position(), bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._hand.release(event) or event.button() != Qt.MouseButton.LeftButton:
            return
        key, unit = self._key_at(event.position()), self._unit_at(event.position())
        if event.modifiers() & (_CONTROL | Qt.KeyboardModifier.ShiftModifier):
            self._add(key, unit)
        else:
            self.choose((key,) if key is not None else (), (unit,) if unit is not None and key is not None else ())

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        key = self._key_at(event.position())
        if key is not None:
            self.opened.emit(key)

    def leaveEvent(self, event: QEvent) -> None:
        self._hover_over(None)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        if event.reason() == QContextMenuEvent.Reason.Keyboard:
            self.menu_asked.emit(self._first, None, self._where(self._first))
            return
        point = QPointF(event.pos())
        key, unit = self._key_at(point), self._unit_at(point)
        if key is not None and (unit not in self._units if unit is not None else key not in self._selection):
            self.choose((key,), (unit,) if unit is not None else ())
        self.menu_asked.emit(key, unit, event.globalPos())

    def _where(self, key: Key | None) -> QPoint:
        """The middle of a card on the screen."""
        found = self.diagram.find(key) if self.diagram is not None and key is not None else None
        if not isinstance(found, Card):
            return self.mapToGlobal(self.rect().center())
        middle = QPointF(found.box.x + found.box.w / 2, found.box.middle)
        return self.viewport().mapToGlobal(self.mapFromScene(middle))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = event.key()
        if key in _ARROWS and self.diagram is not None:
            there = neighbour(self.diagram, self._first, _ARROWS[key])
            self.choose((there,) if there is not None else ())
            if there is not None:
                self.reveal(there)
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal):
            self.zoom_in()
        elif key in (Qt.Key.Key_Minus, Qt.Key.Key_Underscore):
            self.zoom_out()
        elif key == Qt.Key.Key_0:
            self.fit()
        elif key == Qt.Key.Key_1:
            self.actual_size()
        elif key == Qt.Key.Key_Escape and (self._hand.gesture is not None or self._selection):
            if not self._hand.cancel():
                self.choose(())
        elif key == Qt.Key.Key_Space:
            self._hand.pans = True
            self.viewport().setCursor(Qt.CursorShape.OpenHandCursor)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self._first is not None:
            self.opened.emit(self._first)
        elif key == Qt.Key.Key_Shift and self._hover is not None:
            self._hover_over(self._hover, paths=True)
        else:
            event.ignore()

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Shift and self._paths and not event.isAutoRepeat():
            self._hover_over(self._hover)
        elif event.key() == Qt.Key.Key_Space and not event.isAutoRepeat():
            self._hand.pans = False
            self.viewport().unsetCursor()
        else:
            event.ignore()

    def refresh(self) -> None:
        """More is known: say again what a gesture would do."""
        if self._hand.gesture is not None:
            self._hand.gesture.refresh()
            self.mark()

    def viewportEvent(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent):
            found = self._key_at(QPointF(event.pos()))
            card = self.diagram.find(found) if self.diagram is not None and found is not None else None
            unit = self._unit_at(QPointF(event.pos()))
            more = self.foresight.told(found) if found is not None else ""
            text = "\n".join(filter(None, (card.tooltip, more))) if isinstance(card, Card) else ""
            if unit is not None:
                text = f"{unit[1]}:{unit[2]}\n{text}"
            QToolTip.showText(event.globalPos(), text, self)
            return True
        return super().viewportEvent(event)
