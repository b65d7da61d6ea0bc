"""Rows of patches: what drives a neuron, seen close or in the whole image."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QRectF, Qt
from PySide6.QtGui import QHelpEvent, QImage, QMouseEvent, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QToolTip, QWidget

from cnnvis.layout.diagram import Ink
from cnnvis.layout.theme import Theme
from cnnvis.model.session import Session
from cnnvis.painting.crops import cropped, rounded, scaled
from cnnvis.painting.paint import colour

Crop = tuple[int, int, int, int]
GAP = 4


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture to show: a sample, the piece of it to show (None: all), and a frame to draw in it (None: none)."""

    sample: int
    crop: Crop | None = None
    frame: Crop | None = None
    tip: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """Shots side by side, with a name on their left that can be clicked."""

    shots: tuple[Shot, ...]
    name: str = ""
    act: Callable[[], None] | None = None


class Patches(QWidget):
    """Rows of square pictures; a click on one opens its sample, a click on a row's name does what it is for."""

    def __init__(
        self,
        session: Session,
        rows: Sequence[Row],
        theme: Theme,
        open_sample: Callable[[int], None],
        side: int = 52,
    ) -> None:
        super().__init__()
        self._session, self._rows, self._theme, self._open, self._side = session, tuple(rows), theme, open_sample, side
        self._left = 40 if any(row.name for row in rows) else 0
        self._images: dict[tuple[int, int], QImage | None] = {}
        self._missing = 0
        self.setFixedHeight(max(len(self._rows) * (side + GAP) - GAP, 1))
        self.setMouseTracking(True)
        self._load()

    @property
    def missing(self) -> int:
        """How many pictures are not at hand, because the data set is not connected."""
        return self._missing

    def _load(self) -> None:
        ratio = max(self.devicePixelRatioF(), 1.0)
        pixels = round(self._side * ratio)
        for i, row in enumerate(self._rows):
            for j, shot in enumerate(row.shots):
                picture = self._session.picture(shot.sample) if shot.sample >= 0 else None
                if picture is None:
                    self._missing += 1
                    self._images[i, j] = None
                    continue
                piece = cropped(picture, shot.crop)
                h, w = piece.shape[:2]
                scale = pixels / max(h, w)
                image = scaled(piece, max(round(w * scale), 1), max(round(h * scale), 1))
                if shot.frame is not None:
                    self._frame(image, shot.frame, scale, ratio)
                self._images[i, j] = rounded(image, 2 * ratio)

    def _frame(self, image: QImage, frame: Crop, scale: float, ratio: float) -> None:
        top, left, bottom, right = (v * scale for v in frame)
        painter = QPainter(image)
        for role, width in (("card", 3.0), ("accent", 1.5)):
            painter.setPen(QPen(colour(self._theme, Ink(role)), width * ratio))
            painter.drawRect(QRectF(left, top, right - left, bottom - top).adjusted(1, 1, -1, -1))
        painter.end()

    @property
    def _shown(self) -> float:
        """The side of a picture in pixels: smaller than asked for where the panel is too narrow."""
        across = max((len(row.shots) for row in self._rows), default=1)
        return max(min(self._side, (self.width() - self._left + GAP) / max(across, 1) - GAP), 1.0)

    def resizeEvent(self, event: QResizeEvent) -> None:
        self.setFixedHeight(max(round(len(self._rows) * (self._shown + GAP)) - GAP, 1))

    def _box(self, i: int, j: int) -> QRectF:
        step = self._shown + GAP
        return QRectF(self._left + j * step, i * step, self._shown, self._shown)

    def _at(self, x: float, y: float) -> tuple[Row, Shot | None] | None:
        step = self._shown + GAP
        for i, row in enumerate(self._rows):
            if i * step <= y < (i + 1) * step:
                for j, shot in enumerate(row.shots):
                    if self._box(i, j).contains(x, y):
                        return row, shot
                return row, None
        return None

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHints(QPainter.RenderHint.SmoothPixmapTransform | QPainter.RenderHint.Antialiasing)
        centre = int(Qt.AlignmentFlag.AlignVCenter)
        for i, row in enumerate(self._rows):
            if row.name:
                painter.setPen(colour(self._theme, Ink("muted")))
                box = QRectF(0, self._box(i, 0).y(), self._left - 4, self._shown)
                painter.drawText(box, centre, row.name)
            for j in range(len(row.shots)):
                box, image = self._box(i, j), self._images[i, j]
                if image is None:
                    painter.setPen(Qt.PenStyle.NoPen)
                    painter.setBrush(colour(self._theme, Ink("faint")))
                    painter.drawRoundedRect(box, 2, 2)
                    continue
                scale = self._shown / max(image.width(), image.height())
                w, h = image.width() * scale, image.height() * scale
                middle = box.center()
                painter.drawImage(QRectF(middle.x() - w / 2, middle.y() - h / 2, w, h), image)
        painter.end()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        found = self._at(event.position().x(), event.position().y())
        if found is None:
            return
        row, shot = found
        if shot is not None and shot.sample >= 0:
            self._open(shot.sample)
        elif shot is None and row.act is not None and event.position().x() < self._left:
            row.act()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        found = self._at(event.position().x(), event.position().y())
        hot = found is not None and (
            found[1] is not None or (found[0].act is not None and event.position().x() < self._left)
        )
        self.setCursor(Qt.CursorShape.PointingHandCursor if hot else Qt.CursorShape.ArrowCursor)

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent):
            found = self._at(event.pos().x(), event.pos().y())
            tip = ""
            if found is not None:
                tip = found[1].tip if found[1] is not None else (f"Show neuron {found[0].name}" if found[0].act else "")
            QToolTip.showText(event.globalPos(), tip, self)
            return True
        return super().event(event)
