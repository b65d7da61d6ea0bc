"""What the Explain panel says while there is no map: nothing asked yet, under way, failed. One sentence, one button."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QProgressBar, QToolButton, QVBoxLayout, QWidget

from cnnvis.gui.panels.question_form import QuestionForm
from cnnvis.gui.parts import button, label
from cnnvis.gui.studies.explain import Asking
from cnnvis.model.target_names import target_name

NOTHING = "Ask why the network answers as it does to this image."
LOADING = "Reading which methods there are …"


class State(QWidget):
    """One sentence and one button in the middle. `wanted`: ask; `requested` a verb of the window."""

    requested = Signal(str, object)
    wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.sentence = label("", "muted")
        self.sentence.setWordWrap(True)
        self.sentence.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.sentence.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.details = label("", "small")
        self.details.setWordWrap(True)
        self.details.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._bar.setFixedWidth(160)
        self.button = button("", self._pressed)
        self._more = QToolButton()
        self._more.setText("Details")
        self._more.setCheckable(True)
        self._more.toggled.connect(self.details.setVisible)
        self._does = "ask"
        centre = Qt.AlignmentFlag.AlignHCenter
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 8, 24, 8)
        column.setSpacing(8)
        column.addStretch(1)
        column.addWidget(self.sentence)
        column.addWidget(self._bar, 0, centre)
        column.addWidget(self.button, 0, centre)
        column.addWidget(self._more, 0, centre)
        column.addWidget(self.details)
        column.addStretch(1)

    def show_state(self, asking: Asking, question: QuestionForm, ready: bool) -> None:
        """Say how it stands."""
        working = bool(asking.waiting)
        self._bar.setVisible(working or not ready)
        self._bar.setRange(0, asking.total if working else 0)
        self._bar.setValue(asking.done)
        self._more.setVisible(bool(asking.failed and asking.details))
        self.details.setText(asking.details)
        self.details.setVisible(self._more.isVisible() and self._more.isChecked())
        if asking.failed:
            self._say(asking.failed, *(("Connect network…", "connect") if asking.unconnected else ("Go on", "go on")))
        elif working:
            name = question.images.name.rsplit("/", 1)[-1]
            self._say(f"{asking.waiting[0].method} is looking at {name} …", "Stop", "explain_stop")
        elif not ready:
            self._say(LOADING, "", "")
        else:
            self._say(self._offer(question), "Explain", "ask")

    def _say(self, sentence: str, words: str, does: str) -> None:
        self.sentence.setText(sentence)
        self.button.setText(words)
        self.button.setVisible(bool(words))
        self._does = does

    def _offer(self, question: QuestionForm) -> str:
        image, session = question.images.image, question.session
        target = question.target_for(image) if image is not None else None
        if session is None or target is None or question.chosen is None:
            return NOTHING
        name = question.images.name.rsplit("/", 1)[-1]
        return f"What in {name} speaks for {target_name(session, target)}? {question.chosen.title} has not been asked."

    def _pressed(self) -> None:
        if self._does == "ask":
            self.wanted.emit()
        elif self._does == "go on":
            self.requested.emit("explain_calm", ())
        else:
            self.requested.emit(self._does, ())
