"""What is known of the selection: what its neurons look for, and how they answer each class."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QScrollArea, QVBoxLayout, QWidget

from cnnvis.export.crops import cropped, rounded, scaled
from cnnvis.export.paint import colour
from cnnvis.gui.jobs import Jobs
from cnnvis.gui.parts import Elided, label, section
from cnnvis.layout.diagram import Diagram, Ink, Key, Patch
from cnnvis.layout.theme import LIGHT, Theme
from cnnvis.model.session import Session

_SIDE = 52


class Bars(QWidget):
    """A bar for each class."""

    def __init__(self, names: tuple[str, ...], values: np.ndarray, theme: Theme) -> None:
        super().__init__()
        self._names, self._values, self._theme = names, values, theme
        self.setFixedHeight(17 * len(names))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        top = float(np.nanmax(np.abs(self._values))) or 1.0
        left, room = 84.0, self.width() - 92.0
        for row, (name, value) in enumerate(zip(self._names, self._values)):
            painter.setPen(self.palette().color(self.foregroundRole()))
            text = painter.fontMetrics().elidedText(name, Qt.TextElideMode.ElideMiddle, int(left - 8))
            painter.drawText(QRectF(0, 17 * row, left - 8, 17), int(Qt.AlignmentFlag.AlignVCenter), text)
            if np.isfinite(value):
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(colour(self._theme, Ink("class", row)))
                painter.drawRoundedRect(QRectF(left, 17 * row + 4, max(room * abs(value) / top, 1), 9), 2, 2)
        painter.end()


class Grid(QWidget):
    """Patches in rows."""

    def __init__(self, images: list[QImage]) -> None:
        super().__init__()
        self._images = images
        self.setFixedHeight((-(-len(images) // 4) or 1) * (_SIDE + 4))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        for i, image in enumerate(self._images):
            painter.drawImage(QRectF((i % 4) * (_SIDE + 4), (i // 4) * (_SIDE + 4), _SIDE, _SIDE), image)
        painter.end()


class Details(QScrollArea):
    """Title, patches and class profile of a cluster."""

    chosen = Signal(object)
    requested = Signal(str, object)

    def __init__(self, jobs: Jobs, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._jobs = jobs
        self._session: Session | None = None
        self._diagram: Diagram | None = None
        self._theme = LIGHT
        self._key: Key | None = None
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._build()

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self._build()

    def show_session(self, session: Session | None, diagram: Diagram | None) -> None:
        self._session, self._diagram = session, diagram
        self._build()

    def show_selection(self, key: Key | None) -> None:
        self._key = key
        self._build()

    def _build(self) -> None:
        body = QWidget()
        box = QVBoxLayout(body)
        box.setContentsMargins(16, 4, 16, 16)
        box.setSpacing(8)
        key, session = self._key, self._session
        if session is None or key is None or self._diagram is None or key not in self._diagram:
            hint = label("Click a cluster, a layer or a class to see what is known of it.", "muted")
            hint.setWordWrap(True)
            box.addWidget(hint)
        else:
            self._fill(box, session, self._diagram, key)
        box.addStretch(1)
        self.setWidget(body)

    def _fill(self, box: QVBoxLayout, session: Session, diagram: Diagram, key: Key) -> None:
        card = diagram.card(key) if key[0] != "link" else None
        if card is None:
            return
        box.addWidget(Elided(card.title, "name"))
        if key[0] != "cluster":
            return
        layer = str(key[1])
        cluster = session.analysis.clusters[layer][int(key[2])]
        n = session.analysis.network[layer].n_units
        box.addWidget(Elided(f"{layer} · {len(cluster)} of {n} neurons", "small"))
        box.addWidget(Grid(self._patches(card.marks, diagram)))
        if session.activations is not None and len(session.activations.groups) <= 24:
            box.addWidget(section("Response by class"))
            values = session.activations.means(layer)[list(cluster.members)].mean(0)
            box.addWidget(Bars(session.activations.groups, values, self._theme))

    def _patches(self, marks: tuple[object, ...], diagram: Diagram) -> list[QImage]:
        found = []
        for mark in marks:
            if isinstance(mark, Patch) and diagram.pictures is not None and mark.sample >= 0:
                picture = diagram.pictures(mark.sample)
                if picture is not None:
                    piece = cropped(picture, mark.crop)
                    found.append(rounded(scaled(piece, 2 * _SIDE, 2 * _SIDE), 4))
        return found[:16]
