"""The picture in the window: pan, zoom, hover, select, drag."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPoint, QPointF, Qt, Signal
from PySide6.QtGui import QContextMenuEvent, QHelpEvent, QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QApplication, QToolTip, QWidget

from cnnvis.gui.bundle_drag import BundleDrag
from cnnvis.gui.camera import Camera
from cnnvis.gui.jobs import Jobs
from cnnvis.gui.steering import Direction, UnitDrag, neighbour
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
    """A tuple of keys, the one in question first: the user clicked, or moved with the arrows."""
    unit_chosen = Signal(object)
    """("unit", layer, index): the user clicked the patch of a neuron."""
    opened = Signal(object)
    """A key: double click or Enter on a card or column header."""
    menu_asked = Signal(object, object, QPoint)
    """A key or None, the unit under the cursor or None, and where on the screen."""
    units_moved = Signal(str, object, int)
    """A layer, a tuple of its units, and the id of the cluster they shall join."""
    bundle_moved = Signal(object, float, float)
    """The key of a bundle, and how far its box was dragged from where layout put it."""

    def __init__(self, jobs: Jobs, parent: QWidget | None = None) -> None:
        super().__init__(jobs, parent)
        self.stage.stepped.connect(self._glide)
        self.stage.arrived.connect(self._arrived)
        self.animated = True
        self._selection: tuple[Key, ...] = ()
        self._hover: Key | None = None
        self._paths = False
        self._drag: UnitDrag | None = None
        self._carried: BundleDrag | None = None
        self._pressed: QPointF | None = None
        self._panned = False
        self._path = (QPointF(), QPointF())
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("The picture of the network")
        self.set_theme(LIGHT)

    # What it shows

    @property
    def selection(self) -> tuple[Key, ...]:
        """The selected keys, the one in question first."""
        return self._selection

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

        With an `anchor` the zoom stays, and so does the anchor's place on the screen; without one a picture that
        was fitted is fitted again.
        """
        old = self.diagram
        start = self.seen.center()
        self._path = (start, start + self._displacement(old, diagram, anchor))
        if diagram is not None:
            far = max(diagram.width, diagram.height, 1000.0)
            self.setSceneRect(-far, -far, diagram.width + 2 * far, diagram.height + 2 * far)
        self._hover = self._carried = None
        self._selection = tuple(key for key in self._selection if diagram is not None and key in diagram)
        self.stage.show(diagram, self.animated and self.isVisible())
        self.minimap.set_diagram(diagram)
        if old is None or diagram is None or (anchor is None and self._fitted):
            self.fit()
        elif (old.width, old.height) != (diagram.width, diagram.height):
            self._fitted = False
        self._mark()
        self._moved()

    def _displacement(self, old: Diagram | None, new: Diagram | None, anchor: Key | None) -> QPointF:
        if old is None or new is None or anchor is None:
            return QPointF()
        before, after = old.find(anchor), new.find(anchor)
        if not isinstance(before, Card) or not isinstance(after, Card):
            return QPointF()
        return QPointF(after.box.x - before.box.x, after.box.y - before.box.y)

    def _glide(self, t: float) -> None:
        start, end = self._path
        if start != end:
            self.centerOn(start + (end - start) * t)

    def _arrived(self) -> None:
        self._mark()
        self._moved()

    def _mark(self) -> None:
        target = self._drag.target if self._drag is not None else None
        self.stage.mark(self._selection, self._hover, target, self._paths)

    # What the user does

    def select(self, keys: tuple[Key, ...]) -> None:
        """Outline cards and light their links, without telling anyone."""
        self._selection = keys
        self._mark()

    def _choose(self, key: Key | None, also: bool = False) -> None:
        """Select a card; `also` adds it to, or takes it from, those of the same layer."""
        keys: tuple[Key, ...] = (key,) if key is not None else ()
        same = [k for k in self._selection if key is not None and k[:2] == key[:2] and key[0] == "cluster"]
        if also and same and key is not None:
            keys = tuple(k for k in same if k != key) if key in same else (*same, key)
        if keys != self._selection:
            self.select(keys)
            self.selected.emit(keys)

    def _key_at(self, point: QPointF) -> Key | None:
        where = self._to_scene(point)
        if self.diagram is None or self.stage.moving:
            return None
        return self.diagram.at(where.x(), where.y(), tolerance=4 / self.zoom)

    def _unit_at(self, point: QPointF) -> Key | None:
        where = self._to_scene(point)
        return self.diagram.unit_at(where.x(), where.y(), self.zoom) if self.diagram is not None else None

    def _hover_over(self, key: Key | None, paths: bool = False) -> None:
        """Light the links of what is under the cursor; `paths`: all that lead to it and away from it."""
        if (key, paths) != (self._hover, self._paths):
            self._hover, self._paths = key, paths
            header = key is not None and key[0] in ("column", "classes")
            self.viewport().setCursor(
                Qt.CursorShape.PointingHandCursor if key is not None and not header else Qt.CursorShape.ArrowCursor
            )
            self._mark()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._pressed, self._panned = event.position(), False

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        here = event.position()
        if self._carried is not None:
            self._carried.move(self._to_scene(here))
            return
        if self._drag is not None and self.diagram is not None:
            self._drag.move(self.diagram, self._to_scene(here))
            self._mark()
            return
        if self._pressed is None or not event.buttons():
            self._hover_over(self._key_at(here), bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier))
            return
        if not self._panned:
            if (here - self._pressed).manhattanLength() < QApplication.startDragDistance():
                return
            if self._begin_drag(event):
                return
            self._panned = True
            self.viewport().setCursor(Qt.CursorShape.ClosedHandCursor)
        self._pan(here - self._pressed)
        self._pressed = here

    def _begin_drag(self, event: QMouseEvent) -> bool:
        assert self._pressed is not None
        unit, home = self._unit_at(self._pressed), self._key_at(self._pressed)
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._carried = BundleDrag.begin(self.stage, home, self._to_scene(self._pressed))
        if self._carried is not None:
            self._carried.move(self._to_scene(event.position()))
            return True
        if unit is None or home is None or self.diagram is None or not event.buttons() & Qt.MouseButton.LeftButton:
            return False
        self._drag = UnitDrag.begin(self.diagram, home, int(unit[2]), self.stage.scene, self.zoom)
        return True

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        pressed, self._pressed = self._pressed, None
        if self._carried is not None:
            carried, self._carried = self._carried, None
            by = carried.end()
            self._mark()
            self.bundle_moved.emit(carried.key, *by)
        elif self._drag is not None:
            drag, self._drag = self._drag, None
            drag.end()
            self._mark()
            if drag.target is not None:
                self.units_moved.emit(drag.layer, (drag.unit,), int(drag.target[2]))
        elif self._panned:
            self.viewport().unsetCursor()
        elif pressed is not None and event.button() == Qt.MouseButton.LeftButton:
            also = bool(event.modifiers() & (_CONTROL | Qt.KeyboardModifier.ShiftModifier))
            self._choose(self._key_at(event.position()), also)
            unit = self._unit_at(event.position())
            if unit is not None and not also:
                self.unit_chosen.emit(unit)

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
        key = self._key_at(point)
        if key is not None and key not in self._selection:
            self._choose(key)
        self.menu_asked.emit(key, self._unit_at(point), event.globalPos())

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
            self._choose(there)
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
        elif key == Qt.Key.Key_Escape and (self._drag or self._carried or self._selection):
            self._escape()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self._first is not None:
            self.opened.emit(self._first)
        elif key == Qt.Key.Key_Shift and self._hover is not None:
            self._hover_over(self._hover, paths=True)
        else:
            event.ignore()

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Shift and self._paths and not event.isAutoRepeat():
            self._hover_over(self._hover)
        else:
            event.ignore()

    def _escape(self) -> None:
        if self._carried is not None:
            carried, self._carried = self._carried, None
            carried.cancel()
            self._pressed = None
            self._mark()
        elif self._drag is not None:
            drag, self._drag = self._drag, None
            drag.end()
            self._pressed = None
            self._mark()
        else:
            self._choose(None)

    def viewportEvent(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent):
            found = self._key_at(QPointF(event.pos()))
            card = self.diagram.find(found) if self.diagram is not None and found is not None else None
            unit = self._unit_at(QPointF(event.pos()))
            text = card.tooltip if isinstance(card, Card) else ""
            if unit is not None:
                text = f"{unit[1]}:{unit[2]}\n{text}"
            QToolTip.showText(event.globalPos(), text, self)
            return True
        return super().viewportEvent(event)
