"""The whole picture in a corner of the canvas, with a frame around what is seen.

It hides nothing: it is not shown while all cards are in view, stands in the corner with the fewest cards under it, and
where every corner has some it folds to a word that opens it.
"""

from __future__ import annotations

from typing import Literal

from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent, QPen, QPixmap
from PySide6.QtWidgets import QWidget

from cnnvis.layout.diagram import ACCENT, MUTED, Box, Diagram, Ink
from cnnvis.layout.theme import LIGHT, Theme
from cnnvis.painting.paint import Manner, colour, font, paint_links, prepare

Corner = Literal["bottom right", "bottom left", "top right", "top left"]
CORNERS: tuple[Corner, ...] = ("bottom right", "bottom left", "top right", "top left")

_WIDTH, _HEIGHT, _PAD = 176.0, 120.0, 6.0
_LINKS_AT_MOST = 120
_MARGIN = 12
_FOLDED = QSize(44, 22)
_HIDDEN = 0.04
"""Where cards lie under more than this share of the map it folds."""
_BETTER = 0.1
"""It moves to a corner only where so much less of it covers cards."""


class Minimap(QWidget):
    """A small map. `asked` tells the point of the diagram that shall be in the middle of the view."""

    asked = Signal(QPointF)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._over = parent
        self._diagram: Diagram | None = None
        self._cards: tuple[Box, ...] = ()
        self._theme: Theme = LIGHT
        self._seen = QRectF()
        self._picture: QPixmap | None = None
        self._aside = False
        self._corner: Corner = CORNERS[0]
        self._crowded = False
        self._opened = False
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.hide()

    @property
    def corner(self) -> Corner:
        """Where it stands."""
        return self._corner

    @property
    def folded(self) -> bool:
        """Whether only a word stands for it."""
        return self._crowded and not self._opened

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self._picture = None
        self.update()

    def set_diagram(self, diagram: Diagram | None) -> None:
        self._diagram = diagram
        self._cards = tuple(card.box for card in (*diagram.heads, *diagram.cards)) if diagram is not None else ()
        self._picture = None
        self._opened = False
        self.update()

    def set_seen(self, area: QRectF) -> None:
        """Frame this part. The map hides while all cards are in view; it looks for its corner when it appears."""
        self._seen = area
        whole = all(area.contains(QRectF(box.x, box.y, box.w, box.h)) for box in self._cards)
        if self.isHidden() and not whole and not self._aside:
            self.rest()
        self.setVisible(not whole and not self._aside)
        self.update()

    def step_aside(self, aside: bool) -> None:
        """Hide while something is carried, as what it is told lies below the map; then show again."""
        self._aside = aside
        self.set_seen(self._seen)

    def rest(self) -> None:
        """The view has come to rest: go to the emptiest corner, unless the user is busy with the map."""
        if self._opened or self._seen.isEmpty():
            return
        covered = {corner: self._covered(corner, self._size) for corner in CORNERS}
        best = min(CORNERS, key=lambda corner: covered[corner])
        self._crowded = covered[best] > _HIDDEN
        if self._crowded:
            covered = {corner: self._covered(corner, _FOLDED) for corner in CORNERS}
            best = min(CORNERS, key=lambda corner: covered[corner])
        if covered[best] < covered[self._corner] - _BETTER or covered[self._corner] > _HIDDEN >= covered[best]:
            self._corner = best
        self.place()

    def place(self) -> None:
        """Stand in the corner again: scrolling takes the map along."""
        size = _FOLDED if self.folded else self._size
        if self.size() != size:
            self.resize(size)
            self.update()
        self.setToolTip("Open the map of the whole picture" if self.folded else "Drag to move the view")
        self.move(self._at(self._corner, size))

    def _at(self, corner: Corner, size: QSize) -> QPoint:
        room = self._over.size()
        x = room.width() - size.width() - _MARGIN if "right" in corner else _MARGIN
        y = room.height() - size.height() - _MARGIN if "bottom" in corner else _MARGIN
        return QPoint(x, y)

    @property
    def _size(self) -> QSize:
        """Of the open map."""
        if self._diagram is None:
            return _FOLDED
        wide, high = self._diagram.width * self._scale, self._diagram.height * self._scale
        return QSize(round(wide + 2 * _PAD), round(high + 2 * _PAD))

    def _covered(self, corner: Corner, size: QSize) -> float:
        """The share of a map of a size that would lie on cards in a corner."""
        zoom = self._over.width() / max(self._seen.width(), 1e-9)
        where = QRectF(QPointF(self._at(corner, size)), size)
        under = QRectF(
            self._seen.x() + where.x() / zoom,
            self._seen.y() + where.y() / zoom,
            where.width() / zoom,
            where.height() / zoom,
        )
        shared = sum(_area(under.intersected(QRectF(box.x, box.y, box.w, box.h))) for box in self._cards)
        return shared / max(_area(under), 1e-9)

    @property
    def _scale(self) -> float:
        if self._diagram is None:
            return 1.0
        return min(_WIDTH / max(self._diagram.width, 1.0), _HEIGHT / max(self._diagram.height, 1.0))

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._diagram is None:
            return
        if self.folded:
            self._paint_word()
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

    def _paint_word(self) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint_ground(painter)
        painter.setFont(font("", 11))
        painter.setPen(colour(self._theme, MUTED))
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, "Map")
        painter.end()

    def _paint_ground(self, painter: QPainter) -> None:
        painter.setPen(QPen(colour(self._theme, Ink("border")), 1))
        painter.setBrush(colour(self._theme, Ink("card")))
        painter.drawRoundedRect(QRectF(0.5, 0.5, self.width() - 1, self.height() - 1), 4, 4)

    def _draw(self, diagram: Diagram, ratio: float) -> QPixmap:
        pixmap = QPixmap(self.size() * ratio)
        pixmap.setDevicePixelRatio(ratio)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        prepare(painter)
        self._paint_ground(painter)
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
        if self.folded:
            self._opened = True
            self.place()
            return
        self._opened = True  # the user is busy with it: it stays where it is
        self._ask(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if not self._crowded:
            self._opened = False

    def leaveEvent(self, event: QEvent) -> None:
        """An opened map folds again when the mouse leaves it."""
        self._opened = False
        self.rest()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._ask(event)


def _area(rectangle: QRectF) -> float:
    return max(rectangle.width(), 0.0) * max(rectangle.height(), 0.0)
