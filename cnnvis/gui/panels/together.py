"""Many images explained as one: which, by what method, and what was found of each group so far."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QHBoxLayout,
    QMenu,
    QProgressBar,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from cnnvis.gui.jobs import Jobs
from cnnvis.gui.panels.evidence_view import EvidenceView, Port
from cnnvis.gui.panels.method_list import FAILED, MethodList
from cnnvis.gui.parts import Elided, ElidedBox, button, label
from cnnvis.gui.picker import Picker
from cnnvis.gui.studies.together import MOST, Gathering, group_of
from cnnvis.layout.diagram import Diagram, Key
from cnnvis.layout.theme import Theme
from cnnvis.layout.together import grouped, together_diagram
from cnnvis.model.session import Session
from cnnvis.model.subsets import Subset, has_labels
from cnnvis.model.together import GroupExplanation
from cnnvis.workflow.methods import Offered

FAMILIES = ("gradients", "activation maps", "perturbation")
"""Methods whose evidence of many images has a mean."""
FIRST = "Grad-CAM"
NOTHING = "Explain many images as one: where the evidence lies, how it differs, and which kinds of maps there are."


class TogetherPanel(QWidget):
    """Nothing is computed while it is closed; what the session knows is shown without the network."""

    chosen = Signal(object)
    requested = Signal(str, object)

    def __init__(self, jobs: Jobs) -> None:
        super().__init__()
        self._session: Session | None = None
        self._gathering = Gathering()
        self._wanted, self._key = "", ""
        self._awaited = False
        self._offered = MethodList(jobs, self._offer, lambda error: self.show_gathering(Gathering(failed=FAILED)))
        self.groups, self.methods = Picker(), ElidedBox()
        self.aligned = QCheckBox("Align by box")
        self.go = button("Explain", self._ask)
        self.view = EvidenceView()
        self.sentence = label(NOTHING, "muted")
        self._bar = QProgressBar()
        self._readout = Elided("", "small")
        self._pages, self._port, self._tools = QStackedWidget(), Port(), QToolButton()
        self._build()

    def _build(self) -> None:
        self.groups.setToolTip("Whose images are explained together")
        self.groups.setAccessibleName("Images to explain together")
        self.methods.setToolTip("By which method each image is explained")
        self.methods.setAccessibleName("Method")
        self.aligned.setToolTip("Lay the things over each other, where the data set knows their boxes")
        self.go.setToolTip(f"Explain them; of more than {MOST}, so many drawn by chance")
        self.groups.setMinimumWidth(160)
        self.methods.setMinimumWidth(184)
        head = QHBoxLayout()
        head.setSpacing(8)
        for widget in (self.groups, self.methods, self.aligned, self.go):
            head.addWidget(widget)
        head.addStretch(1)
        self._tools.setText("More  ▾")
        self._tools.setProperty("choice", "true")
        self._tools.setToolTip("Export, remove")
        self._tools.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(self._tools)
        menu.addAction("Export figure…", lambda: self.requested.emit("export", ("Together",)))
        menu.addAction("Remove this explanation", self._remove)
        self._tools.setMenu(menu)
        head.addWidget(self._tools)
        self.sentence.setWordWrap(True)
        self.sentence.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._bar.setTextVisible(False)
        self._bar.setFixedWidth(160)
        state = QWidget()
        middle = QVBoxLayout(state)
        middle.addStretch(1)
        middle.addWidget(self.sentence)
        middle.addWidget(self._bar, 0, Qt.AlignmentFlag.AlignHCenter)
        middle.addStretch(1)
        self._port.setWidget(self.view)
        self._pages.addWidget(state)
        self._pages.addWidget(self._port)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 4, 12, 8)
        column.setSpacing(4)
        column.addLayout(head)
        column.addWidget(self._pages, 1)
        column.addWidget(self._readout)
        self.groups.activated.connect(self._turned)
        self.methods.activated.connect(self._turned)
        self.view.told.connect(self._readout.setText)
        self._port.resized.connect(self._put)
        self.setMinimumWidth(560)
        self.setMinimumHeight(240)

    def sizeHint(self) -> QSize:
        return QSize(768, 440)

    # What the window tells

    def set_theme(self, theme: Theme) -> None:
        """Paint in another theme."""
        self.view.set_theme(theme)

    def show_session(self, session: Session | None, diagram: Diagram | None) -> None:
        """Show another state of the session."""
        self._session = session
        if session is None:
            self._gathering, self._key, self._wanted, self._awaited = Gathering(), "", "", False
        if self.isVisible():
            self._fill()
            self._offered.load(self._session)
            self._put()

    def show_selection(self, key: Key | None) -> None:
        """What is selected in the picture is asked about by a command, not by itself."""

    def show_gathering(self, gathering: Gathering) -> None:
        """Show how it stands with the work."""
        self._gathering = gathering
        self._put()

    def show_found(self, found: GroupExplanation) -> None:
        """Show what was found."""
        self._key, self._wanted = found.key, found.name
        self._fill()
        self._put()

    def ask_about(self, name: str) -> None:
        """Show what is known of a class or a subset; ask where nothing is."""
        groups = self._session.measurements.groups.values() if self._session is not None else ()
        self._wanted = name
        self._key = next((g.key for g in reversed([*groups]) if g.name == name), "")
        self._fill()
        if self._known is None:
            self._awaited = True
            self._ask()
        self._put()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.show_session(self._session, None)

    def _fill(self) -> None:
        """List the subsets and the classes that have images."""
        session = self._session
        self.groups.clear()
        if session is None or session.activations is None:
            return
        samples = session.activations.samples
        present = set(samples.labels.tolist()) if has_labels(samples) else set()
        names = [*(s.name for s in session.analysis.subsets), *(g.name for g in session.measurements.groups.values())]
        names += [name for index, name in enumerate(session.classes) if index in present]
        self.groups.addItems(list(dict.fromkeys(names)))
        place = self.groups.findText(self._wanted or session.look.subset)
        self.groups.setCurrentIndex(max(place, 0))
        self.groups.fit()

    def _offer(self, found: Sequence[Offered]) -> None:
        self.methods.clear()
        self.methods.addItems([one.title for one in found if one.family in FAMILIES])
        self.methods.setCurrentIndex(max(self.methods.findText(FIRST), 0))
        self._put()
        if self._awaited:
            self._ask()

    # What is shown

    @property
    def shown(self) -> GroupExplanation | None:
        """What is on the screen: what is known so far of the group under way, else what was found."""
        return self._gathering.partial if self._gathering.name else self._known

    @property
    def _known(self) -> GroupExplanation | None:
        session = self._session
        if session is None:
            return None
        groups = session.measurements.groups
        if self._key in groups:
            return groups[self._key]
        mine = [g for g in groups.values() if g.name == self.groups.currentText()]
        if self.methods.count():
            mine = [g for g in mine if g.method == self.methods.currentText()]
        return mine[-1] if mine else None

    def _put(self) -> None:
        session, found, work = self._session, self.shown, self._gathering
        data = session.activations.data if session is not None and session.activations is not None else None
        self.aligned.setVisible(hasattr(data, "scene"))  # a data set that knows where the thing is
        self.go.setText("Stop" if work.name else "Explain")
        self.go.setEnabled(bool(work.name) or bool(self.groups.count() and self.methods.count()))
        self._tools.setEnabled(found is not None and not work.name)
        self._bar.setVisible(bool(work.name))
        self._bar.setRange(0, work.total)
        self._bar.setValue(work.done)
        if session is None or not self.isVisible():
            return
        if found is None:
            said = work.failed or session.noun.say(NOTHING)
            self.sentence.setText(f"Explaining {work.name} …" if work.name else said)
            self._pages.setCurrentIndex(0)
            self._readout.setText("")
            return
        self.view.show_explanations(session, grouped(session, found, self._port.viewport().width()), None)
        self._pages.setCurrentIndex(1)

    # What the user does

    def _turned(self) -> None:
        self._wanted, self._key = self.groups.currentText(), ""
        self._gathering = Gathering(self._gathering.name, self._gathering.partial)
        self._put()

    def _ask(self) -> None:
        if self._gathering.name:
            self.requested.emit("together_stop", ())
            return
        if self._session is None or not self.methods.count():
            return
        self._awaited = False
        which = self._which()
        if which is not None:
            self.requested.emit("together_ask", (which, self.methods.currentText(), self.aligned.isChecked()))

    def _which(self) -> str | Subset | None:
        return group_of(self._session, self.groups.currentText()) if self._session is not None else None

    def _remove(self) -> None:
        if self.shown is not None:
            self.requested.emit("together_forget", (self.shown.key,))

    # What others take

    def diagram(self) -> Diagram | None:
        """What is shown as a picture to export; None where nothing is."""
        session, found = self._session, self.shown
        return together_diagram(session, found) if session is not None and found is not None else None
