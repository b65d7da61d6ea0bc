"""The page before anything is open: what the program is, what to open, three demos."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from cnnvis.gui.parts import Elided, Pressable, button, label, section
from cnnvis.layout.diagram import Ink
from cnnvis.layout.theme import LIGHT, Theme
from cnnvis.painting.paint import colour

_WIDTH = 720
DEMOS = (
    ("healthy", "Healthy", "Recognises ten kinds of drawn things."),
    ("shortcut", "Shortcut", "Looks at a coloured tag instead of the thing. Find out where."),
    ("broken", "Broken", "A training that failed. Find the dead neurons."),
)


class Tile(Pressable):
    """A card that can be pressed."""


    def __init__(self, title: str, text: str) -> None:
        super().__init__()
        self.setObjectName("tile")
        self.setAccessibleName(title)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        box = QVBoxLayout(self)
        box.setContentsMargins(16, 14, 16, 14)
        box.setSpacing(4)
        box.addWidget(label(title, "name"))
        words = label(text, "muted")
        words.setWordWrap(True)
        box.addWidget(words)
        box.addStretch(1)


class Start(QWidget):
    """The start page. `requested` tells a verb of the window and its arguments."""

    requested = Signal(str, object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("page")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        page = QWidget()
        page.setMaximumWidth(_WIDTH)
        page.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        box = QVBoxLayout(page)
        box.setSpacing(8)
        box.addWidget(label("cnnvis", "hero"))
        box.addWidget(label("See what the neurons of a trained network look for, and how they work together.", "muted"))
        box.addSpacing(16)
        box.addLayout(self._buttons())
        box.addSpacing(24)
        box.addWidget(section("Demos"))
        box.addLayout(self._demos())
        box.addSpacing(24)
        self._recent_title = section("Recent")
        box.addWidget(self._recent_title)
        self._recent = QVBoxLayout()
        self._recent.setSpacing(0)
        box.addLayout(self._recent)
        box.addSpacing(16)
        box.addWidget(label("Drop a session (.cnnvis) or a job (.toml) anywhere in this window.", "small"))
        outer = QGridLayout(self)
        outer.setRowStretch(0, 2)
        outer.setRowStretch(2, 3)
        outer.setColumnStretch(0, 1)
        outer.setColumnStretch(1, 8)
        outer.setColumnStretch(2, 1)
        outer.addWidget(page, 1, 1, Qt.AlignmentFlag.AlignHCenter)
        page.setMinimumWidth(420)
        self.show_recent(())

    def _buttons(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(button("New analysis…", lambda: self.requested.emit("new", ()), "main"))
        row.addWidget(button("Open…", lambda: self.requested.emit("open", ())))
        row.addStretch(1)
        return row

    def _demos(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(8)
        for name, title, text in DEMOS:
            tile = Tile(title, text)
            tile.setFixedHeight(88)
            tile.setMinimumWidth(200)
            tile.pressed.connect(lambda name=name: self.requested.emit("demo", (name,)))
            row.addWidget(tile, 1)
        return row

    def show_recent(self, paths: tuple[Path, ...]) -> None:
        """List the files opened last."""
        while (item := self._recent.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.deleteLater()
        self._recent_title.setVisible(bool(paths))
        for path in paths[:6]:
            self._recent.addWidget(self._row(path))

    def _row(self, path: Path) -> QWidget:
        row = QWidget()
        box = QHBoxLayout(row)
        box.setContentsMargins(0, 0, 0, 0)
        name = button(path.name, lambda: self.requested.emit("open", (path,)))
        name.setFlat(True)
        name.setProperty("tone", "link")
        name.setCursor(Qt.CursorShape.PointingHandCursor)
        box.addWidget(name)
        box.addWidget(Elided(str(path.parent), "small"), 1)
        return row


class Loading(QWidget):
    """While a session is being opened: the shape of the picture to come, and what is happening."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._what = ""
        self._theme: Theme = LIGHT

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self.update()

    def show_what(self, what: str) -> None:
        """Say what is being done."""
        self._what = what
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), colour(self._theme, Ink("canvas")))
        counts, width = (4, 5, 5, 6, 5, 8), 132.0
        step = max((self.width() - 48.0) / len(counts), width + 16)
        for column, n in enumerate(counts):
            height = min(88.0, (self.height() - 160.0) / n - 16)
            x, top = 24 + column * step, (self.height() - n * (height + 16)) / 2 + 16
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colour(self._theme, Ink("faint")))
            painter.drawRoundedRect(QRectF(x, top - 32, 72, 10), 3, 3)
            for row in range(n):
                painter.setPen(colour(self._theme, Ink("faint")))
                painter.setBrush(colour(self._theme, Ink("card")))
                painter.drawRoundedRect(QRectF(x, top + row * (height + 16), width, height), 4, 4)
        painter.setPen(colour(self._theme, Ink("muted")))
        words = f"{self._what} …" if self._what else ""
        painter.drawText(QRectF(0, self.height() - 48, self.width(), 24), int(Qt.AlignmentFlag.AlignHCenter), words)
        painter.end()
