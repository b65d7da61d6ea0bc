"""Where explanations are looked at: hovering reads a pixel, a click chooses a map, a drag marks a region."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QScrollArea, QWidget

from cnnvis.layout.explanation import Cell, Explanations
from cnnvis.layout.marks import Ink, Key
from cnnvis.layout.theme import LIGHT, Theme
from cnnvis.model.session import Session
from cnnvis.painting.paint import DirectTiles, Manner, colour, paint_card, prepare

_DRAG = 4.0


class Port(QScrollArea):
    """Scrolls the view up and down; `resized` when what fits beside each other may have changed."""

    resized = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)  # else the width would change with it

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.resized.emit()


class EvidenceView(QWidget):
    """The cells of `Explanations`, as wide as they are; scrolled by whoever holds it."""

    told = Signal(str)
    """What stands under the pointer; "" for nothing."""
    picked = Signal(object)
    """The key of the cell that was clicked, or None."""
    brushed = Signal(object, object)
    """The cell in which a region was marked, and the region (top, left, bottom, right) in its pixels."""

    def __init__(self) -> None:
        super().__init__()
        self._shown: Explanations | None = None
        self._session: Session | None = None
        self._theme = LIGHT
        self._chosen: Key | None = None
        self._begun: tuple[Cell, QPointF] | None = None
        self._brush: tuple[Key, tuple[int, int, int, int]] | None = None
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Explanations")

    # What is shown

    @property
    def shown(self) -> Explanations | None:
        """What is on the screen."""
        return self._shown

    @property
    def brush(self) -> tuple[int, int, int, int] | None:
        """The region that is marked."""
        return self._brush[1] if self._brush is not None else None

    def set_theme(self, theme: Theme) -> None:
        """Paint in another theme."""
        self._theme = theme
        self.update()

    def show_explanations(self, session: Session, shown: Explanations, chosen: Key | None) -> None:
        """Show other explanations; a region that was marked stays where its cell does."""
        self._session, self._shown, self._chosen = session, shown, chosen
        if self._brush is not None and all(cell.key != self._brush[0] for cell in shown.cells):
            self._brush = None
        self.setFixedSize(self.sizeHint())
        self.update()

    def choose(self, key: Key | None) -> None:
        """Frame a cell."""
        self._chosen = key
        self.update()

    def clear_brush(self) -> None:
        """Take the marked region away."""
        self._brush = self._begun = None
        self.update()

    def sizeHint(self) -> QSize:
        if self._shown is None:
            return QSize(0, 0)
        return QSize(round(self._shown.diagram.width), round(self._shown.diagram.height))

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._shown is None:
            return
        painter = QPainter(self)
        prepare(painter)
        manner = Manner(self._theme, density=self.devicePixelRatioF())
        tiles = DirectTiles(None)
        for cell in self._shown.cells:
            if QRectF(event.rect()).intersects(_rect(cell)):
                paint_card(painter, cell.card, manner, tiles, cell.key == self._chosen)
        self._paint_brush(painter)
        painter.end()

    def _paint_brush(self, painter: QPainter) -> None:
        """The region in every cell of the same image size: what is marked in one is looked at in all."""
        if self._brush is None or self._shown is None:
            return
        key, (top, left, bottom, right) = self._brush
        shape = next((cell.shape for cell in self._shown.cells if cell.key == key), None)
        for cell in self._shown.cells:
            if cell.area is None or cell.shape != shape:
                continue
            x, y = cell.area.w / shape[1], cell.area.h / shape[0]
            box = QRectF(cell.area.x + left * x, cell.area.y + top * y, (right - left) * x, (bottom - top) * y)
            for role, width in (("card", 3.0), ("accent", 1.5)):
                painter.setPen(QPen(colour(self._theme, Ink(role)), width))
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.drawRect(box)

    # What the user does

    def mousePressEvent(self, event: QMouseEvent) -> None:
        cell = self._at(event.position())
        if event.button() != Qt.MouseButton.LeftButton or cell is None:
            return
        if cell.pixel(event.position().x(), event.position().y()) is not None:
            self._begun = (cell, event.position())
        self.picked.emit(cell.key)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        here = event.position()
        if self._begun is not None and event.buttons() & Qt.MouseButton.LeftButton:
            cell, start = self._begun
            if (here - start).manhattanLength() > _DRAG:
                self._brush = (cell.key, _region(cell, start, here))
                self.update()
        text = ""
        if self._shown is not None and self._session is not None:
            text = self._shown.reading(self._session, here.x(), here.y())
        self.setCursor(Qt.CursorShape.CrossCursor if text else Qt.CursorShape.ArrowCursor)
        self.told.emit(text)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        begun, self._begun = self._begun, None
        if begun is None:
            return
        if (event.position() - begun[1]).manhattanLength() > _DRAG and self._brush is not None:
            self.brushed.emit(begun[0], self._brush[1])
        elif self._brush is not None:
            self.clear_brush()
            self.brushed.emit(begun[0], None)

    def leaveEvent(self, event: object) -> None:
        self.told.emit("")

    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}
        step = steps.get(Qt.Key(event.key()))
        if step is None or self._shown is None:
            super().keyPressEvent(event)
            return
        keys = [cell.key for cell in self._shown.cells]
        place = keys.index(self._chosen) + step if self._chosen in keys else 0
        self.picked.emit(keys[min(max(place, 0), len(keys) - 1)])

    def _at(self, point: QPointF) -> Cell | None:
        return self._shown.at(point.x(), point.y()) if self._shown is not None else None


def _rect(cell: Cell) -> QRectF:
    box = cell.card.box
    return QRectF(box.x, box.y, box.w, box.h)


def _region(cell: Cell, one: QPointF, other: QPointF) -> tuple[int, int, int, int]:
    """The pixels between two points, those of both included, cut off at the border of the picture."""
    assert cell.area is not None
    rows, columns = cell.shape
    area = cell.area
    ys = sorted(min(max((p.y() - area.y) / area.h * rows, 0.0), rows - 1e-6) for p in (one, other))
    xs = sorted(min(max((p.x() - area.x) / area.w * columns, 0.0), columns - 1e-6) for p in (one, other))
    return int(ys[0]), int(xs[0]), int(ys[1]) + 1, int(xs[1]) + 1
