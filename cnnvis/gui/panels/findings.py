"""What the program noticed by itself; a click leads to its place, a second line tells what usually causes it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QScrollArea, QToolButton, QVBoxLayout, QWidget

from cnnvis.gui.jobs import Jobs
from cnnvis.gui.panels.found import judged, key_of, remembered
from cnnvis.gui.parts import Pressable, label
from cnnvis.layout.diagram import Diagram, Key
from cnnvis.model.findings import FEWEST, Finding, enough
from cnnvis.model.session import Session
from cnnvis.model.viewed import shown_subset
from cnnvis.progress import Progress

TOPIC = "findings"
TOO_FEW = f"Most findings need at least {FEWEST} images of each class."


class Findings(QScrollArea):
    """A list of findings, the gravest first, judged in the background."""

    chosen = Signal(object)
    all_chosen = Signal(object)
    requested = Signal(str, object)
    arrived = Signal()
    """What was judged in the background is known now."""

    def __init__(self, jobs: Jobs, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._jobs = jobs
        self._shown: tuple[object, ...] | None = None
        self.cards: list[Card] = []
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)

    def show_session(self, session: Session | None, diagram: Diagram | None) -> None:
        """Show what is noticed about other responses or measurements; an edit changes nothing here."""
        if session is None:
            self._jobs.drop(TOPIC)
            self._fill(None, ())
            return
        found = remembered(session)
        if found is not None:
            self._fill(session, found)
            return
        mine = session

        def work(progress: Progress) -> tuple[Finding, ...]:
            return judged(mine)

        def done(found: tuple[Finding, ...]) -> None:
            self._fill(mine, found)
            self.arrived.emit()

        def failed(error: BaseException) -> None:
            self._fill(mine, ())

        self._jobs.start(TOPIC, work, done, failed)

    def show_selection(self, key: Key | None) -> None:
        """Findings do not follow the selection."""

    def _fill(self, session: Session | None, found: tuple[Finding, ...]) -> None:
        """One card for each; what was unfolded stays so."""
        activations = session.activations if session is not None else None
        few = activations is not None and not enough(activations)
        subset = shown_subset(session) if session is not None else ""
        if (found, activations is None, few, subset) == self._shown:
            return
        self._shown = (found, activations is None, few, subset)
        unfolded = {card.finding for card in self.cards if card.unfolded}
        place = self.verticalScrollBar().value()
        body = QWidget()
        box = QVBoxLayout(body)
        box.setContentsMargins(16, 0, 16, 8)
        box.setSpacing(8)
        self.cards = []
        if subset:
            box.addWidget(_words(f"Over all images, not “{subset}” alone.", "small"))
        for finding in found:
            card = Card(finding, finding in unfolded)
            key = key_of(finding, session.analysis.network) if session is not None else None
            if key is not None:
                card.leads(lambda key=key: self.chosen.emit(key))
                if len(finding.units) > 1:
                    card.gathers(partial(self._gather, key, finding))
            self.cards.append(card)
            box.addWidget(card)
        hint = TOO_FEW if few else "Nothing unusual was found." if not found and activations is not None else ""
        if hint:
            words = label(hint, "muted")
            words.setWordWrap(True)
            box.addWidget(words)
        box.addStretch(1)
        self.setWidget(body)
        self.verticalScrollBar().setValue(place)


    def _gather(self, key: Key, finding: Finding) -> None:
        """Go to the first neuron of a finding and select all of them."""
        self.chosen.emit(key)
        self.all_chosen.emit(tuple(("unit", finding.layer, unit) for unit in finding.units))


class Card(Pressable):
    """One finding: an edge as loud as it is grave, its sentence, how it is known, and on demand why it happens."""

    def __init__(self, finding: Finding, unfolded: bool = False) -> None:
        super().__init__()
        self.finding, self.unfolded = finding, unfolded
        self._act = False
        self.setObjectName("finding")
        self.setProperty("level", finding.level)
        self.setAccessibleName(f"{finding.level}: {finding.text}")
        self.setAccessibleDescription(" ".join(part for part in (finding.detail, finding.cause) if part))
        box = QVBoxLayout(self)
        box.setContentsMargins(10, 7, 8, 8)
        box.setSpacing(2)
        self._cause = _words(finding.cause, "small")
        self._cause.setContentsMargins(0, 4, 0, 0)
        self._why = QToolButton()
        self._why.setToolTip(f"Why? {finding.cause}")
        self._why.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._why.clicked.connect(lambda: self.unfold(not self.unfolded))
        self._why.setVisible(bool(finding.cause))
        top = QHBoxLayout()
        top.setSpacing(2)
        top.addWidget(_words(finding.text), 1)
        top.addWidget(self._why, 0, Qt.AlignmentFlag.AlignTop)
        box.addLayout(top)
        if finding.detail:
            box.addWidget(_words(finding.detail, "small"))
        box.addWidget(self._cause)
        self.all = QToolButton()
        self.all.setText(f"Select all {len(finding.units)}")
        self.all.setToolTip("Select all its neurons, to look at them, move them together or knock them out")
        self.all.setProperty("framed", True)
        self.all.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.all.hide()
        box.addWidget(self.all, 0, Qt.AlignmentFlag.AlignLeft)
        self.unfold(unfolded)

    def leads(self, act: object) -> None:
        """Let a press lead somewhere."""
        self._act = True
        self.pressed.connect(act)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setToolTip("Go there")

    def gathers(self, act: Callable[[], object]) -> None:
        """Offer to select all neurons that are meant, and not the first alone."""
        self.all.clicked.connect(lambda: act())
        self.all.show()

    def unfold(self, unfolded: bool) -> None:
        """Show what usually causes it, or hide it again."""
        self.unfolded = unfolded and bool(self.finding.cause)
        self._cause.setVisible(self.unfolded)
        self._why.setText("×" if self.unfolded else "?")
        self._why.setAccessibleName("Hide what usually causes it" if self.unfolded else "What usually causes it")

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Right, Qt.Key.Key_Left):
            self.unfold(event.key() == Qt.Key.Key_Right)
        else:
            super().keyPressEvent(event)


def _words(text: str, tone: str = "") -> QLabel:
    """A text that breaks into lines."""
    found = label(text, tone)
    found.setWordWrap(True)
    return found
