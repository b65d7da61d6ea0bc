"""What the program noticed by itself: notes of the analysis, dead neurons."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

from cnnvis.gui.jobs import Jobs
from cnnvis.gui.parts import label
from cnnvis.layout.diagram import Diagram, Key
from cnnvis.model.activations import Activations
from cnnvis.model.session import Session


class Findings(QScrollArea):
    """A list of sentences, each leading to its place."""

    chosen = Signal(object)
    requested = Signal(str, object)

    def __init__(self, jobs: Jobs, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._activations: Activations | None = None
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)

    def show_session(self, session: Session | None, diagram: Diagram | None) -> None:
        """Show what is noticed about other responses."""
        activations = session.activations if session is not None else None
        if activations is self._activations and self.widget() is not None:
            return
        self._activations = activations
        body = QWidget()
        box = QVBoxLayout(body)
        box.setContentsMargins(16, 0, 16, 8)
        box.setSpacing(8)
        notes = activations.notes if activations is not None else ()
        for note in notes:
            card = QFrame()
            card.setObjectName("finding")
            inner = QVBoxLayout(card)
            inner.setContentsMargins(10, 8, 8, 8)
            text = label(note)
            text.setWordWrap(True)
            inner.addWidget(text)
            box.addWidget(card)
        if not notes:
            box.addWidget(label("Nothing unusual was found." if activations is not None else "", "muted"))
        box.addStretch(1)
        self.setWidget(body)

    def show_selection(self, key: Key | None) -> None:
        """Findings do not follow the selection."""
