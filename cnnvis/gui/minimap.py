"""The whole picture in a corner of the canvas, with a frame around what is seen."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent, QPen, QPixmap
from PySide6.QtWidgets import QWidget

from cnnvis.layout.diagram import ACCENT, Diagram, Ink
from cnnvis.layout.theme import LIGHT, Theme
from cnnvis.painting.paint import Manner, colour, paint_links, prepare

_WIDTH, _HEIGHT, _PAD = 176.0, 120.0, 6.0
_LINKS_AT_MOST = 120


class Minimap(QWidget):
    """A small map. `asked` tells the point of the diagram that shall be in the middle of the view."""

    asked = Signal(QPointF)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._diagram: Diagram | None = None
        self._theme: Theme = LIGHT
        self._seen = QRectF()
        self._picture: QPixmap | None = None
        self._aside = False
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setToolTip("Drag to move the view")
        self.hide()

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self._picture = None
        self.update()

    def set_diagram(self, diagram: Diagram | None) -> None:
        self._diagram = diagram
        self._picture = None
        if diagram is not None and diagram.width > 0 and diagram.height > 0:
            size = QSize(round(diagram.width * self._scale + 2 * _PAD), round(diagram.height * self._scale + 2 * _PAD))
            self.resize(size)
        self.update()

    def set_seen(self, area: QRectF) -> None:
        """Frame this part; the map hides while the view shows everything."""
        self._seen = area
        found = self._diagram
        whole = found is None or area.adjusted(-1, -1, 1, 1).contains(QRectF(0, 0, found.width, found.height))
        self.setVisible(not whole and not self._aside)
        self.update()

    def step_aside(self, aside: bool) -> None:
        """Hide while something is carried, as what it is told lies below the map; then show again."""
        self._aside = aside
        self.set_seen(self._seen)

    @property
    def _scale(self) -> float:
        if self._diagram is None:
            return 1.0
        return min(_WIDTH / max(self._diagram.width, 1.0), _HEIGHT / max(self._diagram.height, 1.0))

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._diagram is None:
            return
        ratio = self.devicePixelRatioF()
        if self._picture is None or self._picture.devicePixelRatio() != ratio:
            self._picture = self._draw(self._diagram, ratio)
        painter = QPainter(self)
        painter.drawPixmap(0, 0, self._picture)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(colour(self._theme, ACCENT), 1.5))
        scale = self._scale
        frame = QRectF(
            self._seen.x() * scale + _PAD,
            self._seen.y() * scale + _PAD,
            self._seen.width() * scale,
            self._seen.height() * scale,
        ).intersected(QRectF(1, 1, self.width() - 2, self.height() - 2))
        painter.drawRoundedRect(frame, 2, 2)
        painter.end()

    def _draw(self, diagram: Diagram, ratio: float) -> QPixmap:
        pixmap = QPixmap(self.size() * ratio)
        pixmap.setDevicePixelRatio(ratio)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        prepare(painter)
        painter.setPen(QPen(colour(self._theme, Ink("border")), 1))
        painter.setBrush(colour(self._theme, Ink("card")))
        painter.drawRoundedRect(QRectF(0.5, 0.5, self.width() - 1, self.height() - 1), 4, 4)
        painter.translate(_PAD, _PAD)
        painter.scale(self._scale, self._scale)
        strongest = sorted(diagram.strokes, key=lambda link: -link.strength)[:_LINKS_AT_MOST]
        paint_links(painter, strongest, Manner(self._theme), width=0.8 / self._scale)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour(self._theme, Ink("muted", strength=0.45)))
        for card in diagram.cards:
            painter.drawRect(QRectF(card.box.x, card.box.y, card.box.w, card.box.h))
        painter.end()
        return pixmap

    def _ask(self, event: QMouseEvent) -> None:
        where = event.position()
        self.asked.emit(QPointF((where.x() - _PAD) / self._scale, (where.y() - _PAD) / self._scale))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._ask(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._ask(event)
