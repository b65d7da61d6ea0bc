"""What the program noticed by itself; a click leads to its place."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QScrollArea, QVBoxLayout, QWidget

from cnnvis.gui.jobs import Jobs
from cnnvis.gui.parts import Pressable, label
from cnnvis.layout.diagram import Diagram, Key
from cnnvis.model.activations import Activations
from cnnvis.model.findings import Finding, findings
from cnnvis.model.network import Network
from cnnvis.model.session import Session


class Findings(QScrollArea):
    """A list of findings, the gravest first."""

    chosen = Signal(object)
    requested = Signal(str, object)

    def __init__(self, jobs: Jobs, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._activations: Activations | None = None
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)

    def show_session(self, session: Session | None, diagram: Diagram | None) -> None:
        """Show what is noticed about other responses; an edit changes nothing here."""
        activations = session.activations if session is not None else None
        if activations is self._activations and self.widget() is not None:
            return
        self._activations = activations
        body = QWidget()
        box = QVBoxLayout(body)
        box.setContentsMargins(16, 0, 16, 8)
        box.setSpacing(8)
        found = findings(session) if session is not None else ()
        for finding in found:
            key = key_of(finding, session.analysis.network) if session is not None else None
            card = _Card(finding, key is not None)
            if key is not None:
                card.pressed.connect(lambda key=key: self.chosen.emit(key))
            box.addWidget(card)
        if not found and activations is not None:
            hint = label("Nothing unusual was found.", "muted")
            hint.setWordWrap(True)
            box.addWidget(hint)
        box.addStretch(1)
        self.setWidget(body)

    def show_selection(self, key: Key | None) -> None:
        """Findings do not follow the selection."""


def key_of(finding: Finding, network: Network) -> Key | None:
    """Where a finding leads."""
    if finding.target >= 0 and finding.layer == network.output:
        return ("class", finding.target)
    return ("column", finding.layer) if finding.layer else None


class _Card(Pressable):
    """One finding."""


    def __init__(self, finding: Finding, leads: bool) -> None:
        super().__init__()
        self.setObjectName("finding")
        self.setAccessibleName(finding.text)
        if leads:
            self.setCursor(Qt.CursorShape.PointingHandCursor)
            self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            self.setToolTip("Go there")
        box = QVBoxLayout(self)
        box.setContentsMargins(10, 7, 8, 8)
        box.setSpacing(2)
        for text, tone in ((finding.text, ""), (finding.detail, "small")):
            if text:
                words = label(text, tone)
                words.setWordWrap(True)
                box.addWidget(words)
