"""The hand over the canvas: which gesture a press begins, and what its release does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QPointF, QRectF, Qt, QTimer
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication

from cnnvis.gui.bundle_drag import BundleDrag
from cnnvis.gui.gestures import Band, BoundaryDrag, CardDrag, Gesture, UnitDrag, boundary_at
from cnnvis.gui.ghost import Ghost
from cnnvis.layout.diagram import Key

if TYPE_CHECKING:
    from cnnvis.gui.canvas import Canvas

_SHIFT, _CONTROL = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier
_RIM, _PULL, _TICK_MS = 28.0, 14.0, 16
_LINGER = 16
"""So many ticks the pointer stays near the border before the view moves: whoever only drops there wants it still."""
"""So near the border of the view a gesture pulls it along, so many pixels at a time."""


class Hand(QObject):
    """What the mouse does to a canvas.

    Plain: a press on a neuron or a card carries it, beside them it pans. Shift draws a rubber band. The middle
    button, or Space held down, pans wherever it is.
    """

    def __init__(self, canvas: Canvas) -> None:
        super().__init__(canvas)
        self._canvas = canvas
        self.gesture: Gesture | None = None
        self.pans = False
        self._pressed: QPointF | None = None
        self._here = QPointF()
        self._panned = False
        self._near = 0
        self._pull = QTimer(self)
        self._pull.setInterval(_TICK_MS)
        self._pull.timeout.connect(self._pull_along)

    @property
    def target(self) -> Key | None:
        """The card on which the gesture would drop something."""
        return self.gesture.target if self.gesture is not None else None

    def press(self, event: QMouseEvent) -> None:
        """A button went down."""
        self._pressed, self._panned = event.position(), False

    def move(self, event: QMouseEvent) -> bool:
        """Whether the movement belonged to a press; else the pointer only hovers."""
        here, canvas = event.position(), self._canvas
        if self.gesture is not None:
            self._here = here
            self._follow()
            return True
        if self._pressed is None or not event.buttons():
            return False
        if not self._panned:
            if (here - self._pressed).manhattanLength() < QApplication.startDragDistance():
                return True
            self.gesture = self._begin(event)
            if self.gesture is not None:
                self._here = here
                canvas.viewport().setCursor(Qt.CursorShape.ClosedHandCursor)
                canvas.minimap.step_aside(True)
                self._follow()
                self._pull.start()
                return True
            self._panned = True
            canvas.viewport().setCursor(Qt.CursorShape.ClosedHandCursor)
        canvas.pan(here - self._pressed)
        self._pressed = here
        return True

    def release(self, event: QMouseEvent) -> bool:
        """A button went up; whether it ended a movement rather than a click."""
        pressed, self._pressed = self._pressed, None
        if self.gesture is not None:
            gesture = self._end()
            gesture.drop()
            self._canvas.mark()
            return True
        if self._panned:
            self._panned = False
            self._canvas.viewport().unsetCursor()
            return True
        return pressed is None

    def cancel(self) -> bool:
        """Leave off; whether there was something to leave off."""
        if self.gesture is None:
            return False
        self._end().cancel()
        self._pressed = None
        self._canvas.mark()
        return True

    def hovers_boundary(self, point: QPointF) -> bool:
        """Whether the pointer is where a boundary between groups can be taken."""
        diagram, where = self._canvas.diagram, self._canvas.to_scene(point)
        return diagram is not None and boundary_at(diagram, where.x(), where.y()) is not None

    def _end(self) -> Gesture:
        assert self.gesture is not None
        gesture, self.gesture = self.gesture, None
        self._pull.stop()
        self._near = 0
        self._canvas.minimap.step_aside(False)
        self._canvas.viewport().unsetCursor()
        return gesture

    def _follow(self) -> None:
        if self.gesture is not None:
            before = self.gesture.target
            self.gesture.move(self._canvas.to_scene(self._here))
            if self.gesture.ghost is not None:
                self.gesture.ghost.keep_inside(self._here, QRectF(self._canvas.viewport().rect()))
            if self.gesture.target != before:
                self._canvas.mark()

    def _begin(self, event: QMouseEvent) -> Gesture | None:
        """The gesture that a press with the left button begins; None where it pans."""
        canvas, pressed = self._canvas, self._pressed
        if canvas.diagram is None or pressed is None or canvas.stage.moving or self.pans:
            return None
        if not event.buttons() & Qt.MouseButton.LeftButton:
            return None
        where = canvas.to_scene(pressed)
        if event.modifiers() & _SHIFT:
            return self._band(where, bool(event.modifiers() & _CONTROL))
        sides = boundary_at(canvas.diagram, where.x(), where.y())
        if sides is not None:
            return BoundaryDrag(canvas.stage, *sides, canvas.foresight, canvas.boundary_moved.emit)
        home = canvas.diagram.at(where.x(), where.y(), tolerance=0.0)
        bundle = BundleDrag.begin(canvas.stage, home, where)
        if bundle is not None:
            return _Bundle(bundle, canvas)
        if home is None or home[0] != "cluster":
            return None
        unit = canvas.diagram.unit_at(where.x(), where.y(), canvas.zoom)
        return self._carry_unit(home, unit) if unit is not None else self._carry_card(home)

    def _carry_unit(self, home: Key, unit: Key) -> Gesture:
        canvas = self._canvas
        if unit not in canvas.units:
            canvas.choose((home,), (unit,))
        units = [int(key[2]) for key in canvas.units if key[:2] == unit[:2]]
        return UnitDrag(canvas.stage, canvas.zoom, home, units, canvas.foresight, self._put)

    def _put(self, layer: str, units: tuple[int, ...], to: int | None) -> None:
        if to is None:
            self._canvas.units_gathered.emit(layer, units)
        else:
            self._canvas.units_moved.emit(layer, units, to)

    def _carry_card(self, home: Key) -> Gesture:
        canvas = self._canvas
        chosen = [key for key in canvas.selection if key[:2] == home[:2]]
        if home not in chosen or canvas.units:
            canvas.choose((home,))
            chosen = [home]
        ids = [int(key[2]) for key in chosen]
        return CardDrag(canvas.stage, ids, home, canvas.foresight, canvas.clusters_merged.emit)

    def _band(self, start: QPointF, also: bool) -> Gesture:
        canvas = self._canvas
        before = (canvas.units or canvas.selection) if also else ()

        def show(found: tuple[Key, ...]) -> None:
            kept = tuple(key for key in before if found and key[0] == found[0][0])
            canvas.show_chosen(tuple(dict.fromkeys((*kept, *found))))

        return Band(canvas.stage, canvas.zoom, start, show, canvas.tell)

    def _pull_along(self) -> None:
        """Move the view while a gesture is held near its border."""
        area = self._canvas.viewport().rect()
        x = (self._here.x() < _RIM) - (self._here.x() > area.width() - _RIM)
        y = (self._here.y() < _RIM) - (self._here.y() > area.height() - _RIM)
        self._near = self._near + 1 if x or y else 0
        if self._near > _LINGER:
            self._canvas.pan(QPointF(_PULL * x, _PULL * y))
            self._follow()


class _Bundle:
    """The drag of a bundle's box as a gesture."""

    target: Key | None = None
    ghost: Ghost | None = None

    def __init__(self, drag: BundleDrag, canvas: Canvas) -> None:
        self._drag, self._canvas = drag, canvas

    def move(self, where: QPointF) -> None:
        self._drag.move(where)

    def refresh(self) -> None:
        """Nothing that it says changes."""

    def drop(self) -> None:
        by = self._drag.end()
        self._canvas.bundle_moved.emit(self._drag.key, *by)

    def cancel(self) -> None:
        self._drag.cancel()
