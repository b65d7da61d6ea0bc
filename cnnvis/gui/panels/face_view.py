"""A face of the layout in a page of details, as wide as the page."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QWidget

from cnnvis.layout.marks import Face, Pictures
from cnnvis.layout.theme import Theme
from cnnvis.painting.paint import DirectTiles, Manner, paint_face, prepare


class FaceView(QWidget):
    """Paints the face that `made` composes for a width, anew when the page becomes wider or narrower."""

    def __init__(
        self,
        made: Callable[[float], Face],
        theme: Theme,
        width: float,
        name: str,
        pictures: Pictures | None = None,
    ) -> None:
        super().__init__()
        self._made, self._theme, self._tiles = made, theme, DirectTiles(pictures)
        self.setAccessibleName(name)
        self._compose(width)

    @property
    def face(self) -> Face:
        """What is painted."""
        return self._face

    def _compose(self, width: float) -> None:
        self._face = self._made(width)
        self.setFixedHeight(round(self._face.h))

    def resizeEvent(self, event: QResizeEvent) -> None:
        if self.width() != round(self._face.w):
            self._compose(float(self.width()))
        super().resizeEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        prepare(painter)
        paint_face(painter, self._face, Manner(self._theme, density=self.devicePixelRatioF()), self._tiles)
        painter.end()
