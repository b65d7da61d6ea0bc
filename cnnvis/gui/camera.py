"""Where the view looks: zoom about a point, pan, fit, with a map in the corner."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QNativeGestureEvent, QPainter, QResizeEvent, QTransform, QWheelEvent
from PySide6.QtWidgets import QFrame, QGestureEvent, QGraphicsView, QPinchGesture, QWidget

from cnnvis.gui.jobs import Jobs
from cnnvis.gui.minimap import Minimap
from cnnvis.gui.scene import as_box
from cnnvis.gui.stage import Stage
from cnnvis.layout.diagram import Box, Card, Diagram, Key

NEAREST, FARTHEST = 8.0, 0.05
_STEP = 1.2
_SETTLE_MS = 60
_FIT_AT_MOST = 1.25
_RIM = 8.0
_REVEALED_RIM = 24.0
"""So many pixels of ground are seen beyond the border of the picture when a card near it is brought into view."""
_READABLE = 0.5
"""The zoom from which patches and words can be made out."""


class Camera(QGraphicsView):
    """A view of a stage that zooms and pans smoothly. Pictures are painted finely when it comes to rest."""

    view_changed = Signal()
    """Zoom or place have changed and come to rest."""

    def __init__(self, jobs: Jobs, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.stage = Stage(jobs, self)
        self.setScene(self.stage.scene)
        self._fitted = True
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(_SETTLE_MS)
        self._settle.timeout.connect(self._settled)
        # Inside the viewport: a widget over it would make every pan repaint all that is seen, not a strip.
        self.minimap = Minimap(self.viewport())
        self.minimap.asked.connect(self.centre_on)
        self.setFrameShape(QFrame.Shape.NoFrame)
        # Measured: panning repaints a strip in 3–7 ms; a full update takes 150 ms and more.
        self.setViewportUpdateMode(QGraphicsView.ViewportUpdateMode.MinimalViewportUpdate)
        self.setTransformationAnchor(QGraphicsView.ViewportAnchor.NoAnchor)
        self.setResizeAnchor(QGraphicsView.ViewportAnchor.NoAnchor)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setOptimizationFlag(QGraphicsView.OptimizationFlag.DontSavePainterState)
        self.setRenderHint(QPainter.RenderHint.Antialiasing)
        self.grabGesture(Qt.GestureType.PinchGesture)

    @property
    def diagram(self) -> Diagram | None:
        return self.stage.diagram

    @property
    def zoom(self) -> float:
        """Screen pixels per diagram pixel."""
        return self.transform().m11()

    @property
    def settling(self) -> bool:
        """Whether it was moved just now, so that nothing is painted finely yet."""
        return self._settle.isActive()

    @property
    def seen(self) -> QRectF:
        """The part of the diagram's plane that the view shows."""
        return self.mapToScene(self.viewport().rect()).boundingRect()

    def in_view(self, keys: Sequence[Key]) -> frozenset[Key]:
        """Those of some cards of which a part is seen."""
        part = self.seen_part
        cards = [card for key in keys if self.diagram is not None and (card := self.diagram.find(key)) is not None]
        return frozenset(c.key for c in cards if isinstance(c, Card) and part is not None and c.box.overlaps(part))

    @property
    def seen_part(self) -> Box | None:
        """The part of the diagram that the view shows, for an export; None where it shows nothing of it."""
        if self.diagram is None:
            return None
        area = self.seen.intersected(QRectF(0, 0, self.diagram.width, self.diagram.height))
        return as_box(area) if area.width() > 1 and area.height() > 1 else None

    def fit(self) -> None:
        """Show the whole diagram, and keep it whole when the window is resized."""
        if self.diagram is None:
            return
        rim = 2 * _RIM
        size = self.viewport().size()
        zoom = min(
            size.width() / (self.diagram.width + rim), size.height() / (self.diagram.height + rim), _FIT_AT_MOST
        )
        self._set_zoom(zoom)
        high, zoom = size.height(), self.zoom
        # From the top where there is room, so that headers keep their place from facet to facet. A low picture would
        # hang from there: its lower edge comes down to the middle.
        free = high - zoom * (self.diagram.height + rim)
        above = max(free - high / 2, min(free / 2, _RIM), 0.0) + zoom * _RIM
        self.centerOn(QPointF(self.diagram.width / 2, (high / 2 - above) / zoom))
        self._fitted = True
        self._moved()

    def zoom_by(self, factor: float, about: QPointF | None = None) -> None:
        """Zoom about a point of the viewport, or its middle."""
        point = about if about is not None else QPointF(self.viewport().rect().center())
        before = self.to_scene(point)
        self._set_zoom(self.zoom * factor)
        moved = self.to_scene(point) - before
        centre = self.seen.center() - moved
        self.centerOn(centre)
        self._fitted = False
        self._moved()

    def to_scene(self, point: QPointF) -> QPointF:
        inverse, _ = self.viewportTransform().inverted()
        return inverse.map(point)

    def _set_zoom(self, zoom: float) -> None:
        zoom = min(max(zoom, FARTHEST), NEAREST)
        self.setTransform(QTransform.fromScale(zoom, zoom))

    def actual_size(self) -> None:
        """One pixel of the diagram on one of the screen."""
        self.zoom_by(1.0 / self.zoom)

    def zoom_in(self) -> None:
        self.zoom_by(_STEP)

    def zoom_out(self) -> None:
        self.zoom_by(1 / _STEP)

    def centre_on(self, point: QPointF) -> None:
        """Bring a point of the diagram to the middle."""
        self.centerOn(point)
        self._fitted = False
        self._moved()

    def reveal(self, key: Key) -> None:
        """Bring a card to the middle where it is not wholly in view, close enough to read.

        Not beyond the border of the picture: what is seen is more of it, not the empty ground around it.
        """
        found = self.diagram.find(key) if self.diagram is not None else None
        if self.diagram is None or not isinstance(found, Card):
            return
        area = QRectF(found.box.x, found.box.y, found.box.w, found.box.h)
        near = self.zoom >= _READABLE
        if near and self.seen.contains(area):
            return
        if not near:
            self._set_zoom(0.9)
        seen, middle, rim = self.seen, area.center(), _REVEALED_RIM / self.zoom
        x = _inside(middle.x(), seen.width() / 2, -rim, self.diagram.width + rim)
        y = _inside(middle.y(), seen.height() / 2, -rim, self.diagram.height + rim)
        self.centre_on(QPointF(x, y))

    def _moved(self) -> None:
        self.minimap.place()
        self.minimap.set_seen(self.seen)
        self._settle.start()

    def _settled(self) -> None:
        rim = 160 / self.zoom
        self.stage.settle(self.seen.adjusted(-rim, -rim, rim, rim), self.zoom, self.devicePixelRatioF())
        self.minimap.rest()
        self.view_changed.emit()

    def pan(self, by: QPointF) -> None:
        for bar, step in ((self.horizontalScrollBar(), by.x()), (self.verticalScrollBar(), by.y())):
            bar.setValue(bar.value() - round(step))
        self._fitted = False
        self._moved()

    # Events

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self._fitted:
            self.fit()
        else:
            self._moved()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """A wheel zooms about the cursor; two fingers on a touch pad pan, with Ctrl they zoom."""
        fingers = event.pixelDelta()
        control = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        if not fingers.isNull() and not control and event.phase() != Qt.ScrollPhase.NoScrollPhase:
            self.pan(QPointF(fingers))
        else:
            turn = event.angleDelta().y() or event.angleDelta().x()
            self.zoom_by(_STEP ** (turn / 120), event.position())
        event.accept()

    def viewportEvent(self, event: QEvent) -> bool:
        if isinstance(event, QNativeGestureEvent) and event.gestureType() == Qt.NativeGestureType.ZoomNativeGesture:
            self.zoom_by(1.0 + event.value(), event.position())
            return True
        if isinstance(event, QGestureEvent):
            pinch = event.gesture(Qt.GestureType.PinchGesture)
            if isinstance(pinch, QPinchGesture):
                self.zoom_by(pinch.scaleFactor(), QPointF(self.viewport().mapFromGlobal(pinch.centerPoint().toPoint())))
                event.accept()
                return True
        return super().viewportEvent(event)


def _inside(middle: float, half: float, low: float, high: float) -> float:
    """The middle of a span of twice `half` moved to within bounds; the middle of the bounds where it is wider."""
    return (low + high) / 2 if high - low <= 2 * half else min(max(middle, low + half), high - half)
