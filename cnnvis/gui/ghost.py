"""What follows the hand over the picture: the things it carries, where they would go, a rubber band."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, QSizeF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QGuiApplication, QPainter, QPen, QPixmap
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from cnnvis.layout.diagram import ACCENT, BORDER, CARD, MUTED, TEXT, Box, Ink
from cnnvis.layout.theme import Theme
from cnnvis.painting.paint import colour

_TOP = 9.0
_AWAY = QPointF(14.0, 14.0)
"""From the tip of the pointer, so that it and what lies below stay in sight."""
_STEP, _GAP = 4.0, 8.0
WASH = 36
"""Of 255: how strongly a place washes over what lies below."""


def washed(theme: Theme, alpha: int = WASH) -> QColor:
    """The accent as a thin wash."""
    found = colour(theme, ACCENT)
    found.setAlpha(alpha)
    return found


class Ghost(QGraphicsItem):
    """A pile of pictures with their count, and some words, beside the pointer; its size is the screen's."""

    def __init__(self, theme: Theme, pictures: Sequence[QPixmap] = (), count: int = 1) -> None:
        super().__init__()
        self._theme, self._pictures, self._count = theme, tuple(pictures), count
        self._lines: tuple[str, ...] = ()
        self._left = self._up = False
        self.setFlag(QGraphicsItem.GraphicsItemFlag.ItemIgnoresTransformations)
        self.setAcceptedMouseButtons(Qt.MouseButton.NoButton)
        self.setZValue(_TOP)

    @property
    def words(self) -> str:
        """What it says."""
        return "\n".join(self._lines)

    def say(self, words: str) -> None:
        """Say what would happen; the first line stands out."""
        lines = tuple(words.split("\n")) if words else ()
        if lines != self._lines:
            self.prepareGeometryChange()
            self._lines = lines
            self.update()

    def keep_inside(self, here: QPointF, area: QRectF) -> None:
        """Stand on the side of the pointer (both in pixels of the view) where there is room."""
        size = self._whole.size()
        left = here.x() + _AWAY.x() + size.width() > area.right()
        up = here.y() + _AWAY.y() + size.height() > area.bottom()
        if (left, up) != (self._left, self._up):
            self.prepareGeometryChange()
            self._left, self._up = left, up
            self.update()

    @property
    def _sizes(self) -> tuple[QSizeF, QSizeF]:
        """Of the pile and of the bubble with the words."""
        pile, bubble = QSizeF(0, 0), QSizeF(0, 0)
        if self._pictures:
            size, more = self._pictures[0].deviceIndependentSize(), _STEP * (len(self._pictures) - 1)
            pile = QSizeF(size.width() + more, size.height() + more)
        if self._lines:
            wide = max(QFontMetricsF(_font(i)).horizontalAdvance(line) for i, line in enumerate(self._lines))
            bubble = QSizeF(wide + 16, 17.0 * len(self._lines) + 9)
        return pile, bubble

    @property
    def _whole(self) -> QRectF:
        pile, bubble = self._sizes
        gap = _GAP if self._pictures and self._lines else 0.0
        width, height = max(pile.width(), bubble.width()), pile.height() + gap + bubble.height()
        x = -_AWAY.x() - width if self._left else _AWAY.x()
        y = -_AWAY.y() - height if self._up else _AWAY.y()
        return QRectF(x, y, width, height)

    @property
    def _pile(self) -> QRectF:
        size = self._sizes[0]
        return QRectF(QPointF(self._beside(size), self._whole.top()), size)

    @property
    def _bubble(self) -> QRectF:
        size = self._sizes[1]
        return QRectF(QPointF(self._beside(size), self._whole.bottom() - size.height()), size)

    def _beside(self, size: QSizeF) -> float:
        """Where something begins that stands beside the pointer: words may be much wider than pictures."""
        return self._whole.right() - size.width() if self._left else self._whole.left()

    def boundingRect(self) -> QRectF:
        return self._whole.adjusted(-4, -12, 28, 4)

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        pile = self._pile
        for place in range(len(self._pictures) - 1, -1, -1):
            size = self._pictures[place].deviceIndependentSize()
            here = QRectF(pile.left() + _STEP * place, pile.top() + _STEP * place, size.width(), size.height())
            painter.setPen(QPen(colour(self._theme, BORDER), 1.0))
            painter.setBrush(colour(self._theme, CARD))
            painter.drawRoundedRect(here.adjusted(-1.5, -1.5, 1.5, 1.5), 3, 3)
            painter.drawPixmap(here, self._pictures[place], QRectF(self._pictures[place].rect()))
        if self._count > 1:
            self._paint_count(painter, pile)
        if self._lines:
            self._paint_words(painter)

    def _paint_count(self, painter: QPainter, pile: QRectF) -> None:
        text, font = f"{self._count:,}", _font(0)
        wide = max(QFontMetricsF(font).horizontalAdvance(text) + 10, 18.0)
        badge = QRectF(pile.right() - wide / 2, pile.top() - 9, wide, 18)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour(self._theme, ACCENT))
        painter.drawRoundedRect(badge, 9, 9)
        painter.setPen(colour(self._theme, CARD))
        painter.setFont(font)
        painter.drawText(badge, Qt.AlignmentFlag.AlignCenter, text)

    def _paint_words(self, painter: QPainter) -> None:
        bubble = self._bubble
        painter.setPen(QPen(colour(self._theme, BORDER), 1.0))
        painter.setBrush(colour(self._theme, CARD))
        painter.drawRoundedRect(bubble.adjusted(0.5, 0.5, -0.5, -0.5), 4, 4)
        for place, line in enumerate(self._lines):
            painter.setFont(_font(place))
            painter.setPen(colour(self._theme, MUTED if place else TEXT))
            where = QRectF(bubble.left() + 8, bubble.top() + 4.5 + 17 * place, bubble.width() - 8, 17)
            painter.drawText(where, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, line)


def _font(place: int) -> QFont:
    found = QFont(QGuiApplication.font())
    found.setPixelSize(12)
    found.setBold(place == 0)
    return found


class Outline(QGraphicsItem):
    """A washed and dashed box over the picture: a rubber band, or a card that is yet to be."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._box = QRectF()
        self._words = ""
        self.setAcceptedMouseButtons(Qt.MouseButton.NoButton)
        self.setZValue(_TOP - 1)

    def show_box(self, box: Box | None, words: str = "") -> None:
        """Stand around a place of the picture; None: nowhere."""
        self.prepareGeometryChange()
        self._box = QRectF() if box is None else QRectF(box.x, box.y, box.w, box.h)
        self._words = words
        self.setVisible(box is not None)

    def boundingRect(self) -> QRectF:
        return self._box.adjusted(-4, -4, 4, 4)

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        pen = QPen(colour(self._theme, ACCENT), 1.5)
        pen.setCosmetic(True)
        pen.setDashPattern([4.0, 3.0])
        painter.setPen(pen)
        painter.setBrush(washed(self._theme))
        painter.drawRoundedRect(self._box, 4, 4)
        if self._words:
            font = _font(0)
            painter.setFont(font)
            painter.setPen(colour(self._theme, Ink("accent")))
            painter.drawText(self._box, Qt.AlignmentFlag.AlignCenter, self._words)


class Fence(QGraphicsItem):
    """An upright line through the picture: where one group of layers ends and the next begins."""

    def __init__(self, theme: Theme, top: float, height: float) -> None:
        super().__init__()
        self._theme, self._height = theme, height
        self.setPos(0, top)
        self.setAcceptedMouseButtons(Qt.MouseButton.NoButton)
        self.setZValue(_TOP - 1)

    def boundingRect(self) -> QRectF:
        return QRectF(-40, 0, 80, self._height)

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        pen = QPen(colour(self._theme, ACCENT), 2.0)
        pen.setCosmetic(True)
        painter.setPen(pen)
        painter.drawLine(QPointF(0, 0), QPointF(0, self._height))
