"""What a try of a job showed: the samples as the network sees them, its answers, and the cost of the whole."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage, QPixmap
from PySide6.QtWidgets import QFrame, QGridLayout, QLabel, QProgressBar, QVBoxLayout, QWidget

from cnnvis.gui.parts import duration, label
from cnnvis.workflow.check import Check, Seen

SIDE = 104
ACROSS = 4
ANSWERS = 5


def _label(text: str, tone: str, wrap: bool = False) -> QLabel:
    found = label(text, tone)
    found.setWordWrap(wrap)
    return found


def size(n_bytes: float) -> str:
    """So much, in MB or GB."""
    return f"{n_bytes / 1e9:.1f} GB" if n_bytes >= 1e9 else f"{max(n_bytes / 1e6, 0.1):.0f} MB"


class CheckView(QWidget):
    """Empty, under way, failed or done: each a state of its own."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(24, 16, 24, 16)
        self._column.setSpacing(8)
        self.show_nothing()

    def show_nothing(self) -> None:
        """Before the first check."""
        self._clear()
        self._column.addStretch(2)
        for text, tone in (
            ("See what the network sees", "name"),
            ("“Check” runs a few images and shows them with the network's answers and the cost of the whole.", "muted"),
        ):
            words = _label(text, tone, wrap=True)
            words.setAlignment(Qt.AlignmentFlag.AlignHCenter)
            self._column.addWidget(words)
        self._column.addStretch(3)

    def show_work(self, what: str, done: int, total: int) -> None:
        """While the check runs."""
        self._clear()
        self._column.addStretch(2)
        words = _label(f"{what[:1].upper()}{what[1:]} …", "muted")
        words.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        bar = QProgressBar()
        bar.setTextVisible(False)
        bar.setRange(0, total)
        bar.setValue(done)
        self._column.addWidget(words)
        self._column.addWidget(bar)
        self._column.addStretch(3)

    def show_error(self, sentence: str) -> None:
        """Where something is wrong: one sentence that says what to do."""
        self._clear()
        self._column.addWidget(_label("This does not work yet", "name"))
        message = _label(sentence, "plain", wrap=True)
        message.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._column.addWidget(message)
        self._column.addStretch(1)

    def show_check(self, found: Check) -> None:
        """The samples, the accuracy, the cost, and what looks wrong."""
        self._clear()
        kinds = f"{len(found.network.drawn)} layers · {found.network.parameters:,} parameters"
        self._column.addWidget(_label(found.network.name, "name"))
        self._column.addWidget(_label(f"{kinds} · {found.n_samples:,} images", "muted"))
        for warning in found.warnings:
            self._column.addWidget(_finding(warning))
        grid = QGridLayout()
        grid.setHorizontalSpacing(16)
        grid.setVerticalSpacing(16)
        for place, seen in enumerate(found.seen):
            grid.addWidget(_tile(seen), place // ACROSS, place % ACROSS, Qt.AlignmentFlag.AlignTop)
        self._column.addSpacing(8)
        self._column.addLayout(grid)
        self._column.addStretch(1)
        right = "" if found.accuracy is None else f"{found.accuracy:.0%} of {found.tried} tried are right · "
        cost = (
            f"{right}the whole takes about {duration(found.seconds)}, {size(found.memory)} of memory "
            f"and {size(found.disk)} of disk"
        )
        self._column.addWidget(_label(cost, "muted", wrap=True))

    def _clear(self) -> None:
        while (item := self._column.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
            elif (inner := item.layout()) is not None:
                while (cell := inner.takeAt(0)) is not None:
                    if (part := cell.widget()) is not None:
                        part.hide()
                        part.deleteLater()
                inner.deleteLater()


def _finding(text: str) -> QFrame:
    frame = QFrame()
    frame.setObjectName("finding")
    inside = QVBoxLayout(frame)
    inside.setContentsMargins(8, 6, 8, 6)
    inside.addWidget(_label(text, "plain", wrap=True))
    return frame


def _tile(seen: Seen) -> QWidget:
    tile = QWidget()
    tile.setFixedWidth(SIDE + 8)
    column = QVBoxLayout(tile)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(2)
    if seen.picture is not None:
        picture = QLabel()
        picture.setFixedSize(SIDE, SIDE)
        picture.setPixmap(_pixmap(seen.picture, SIDE, picture.devicePixelRatioF()))
        column.addWidget(picture)
    title = _label("", "plain")
    title.setText(title.fontMetrics().elidedText(seen.label or seen.name, Qt.TextElideMode.ElideMiddle, SIDE))
    title.setToolTip(seen.name)
    column.addWidget(title)
    for k, (name, score) in enumerate(seen.answers[:ANSWERS]):
        column.addWidget(_answer(name, score, bold=k == 0))
    return tile


def _answer(name: str, score: float, bold: bool) -> QWidget:
    row = QLabel()
    row.setProperty("tone", "small")
    metrics = row.fontMetrics()
    number = f"{score:.0%}" if 0 <= score <= 1 else f"{score:.3g}"
    room = SIDE - metrics.horizontalAdvance(number + "  ")
    row.setText(f"{number}  {metrics.elidedText(name, Qt.TextElideMode.ElideMiddle, room)}")
    row.setTextFormat(Qt.TextFormat.PlainText)
    row.setToolTip(name)
    if bold:
        font = row.font()
        font.setBold(True)
        row.setFont(font)
    return row


def _pixmap(picture: np.ndarray, side: int, ratio: float) -> QPixmap:
    pixels = np.ascontiguousarray(picture)
    height, width = pixels.shape[:2]
    image = QImage(pixels.data, width, height, 3 * width, QImage.Format.Format_RGB888).copy()
    whole = round(side * ratio)
    smooth = Qt.TransformationMode.SmoothTransformation
    found = QPixmap.fromImage(image).scaled(whole, whole, Qt.AspectRatioMode.KeepAspectRatio, smooth)
    found.setDevicePixelRatio(ratio)
    return found
