"""Why this class? Ask a method about one image, and look at what it says beside what others say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtGui import QResizeEvent, QShowEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QScrollArea,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from cnnvis.gui.jobs import Jobs
from cnnvis.gui.panels.charts import ScaleBar
from cnnvis.gui.panels.evidence_view import EvidenceView, Port
from cnnvis.gui.panels.explain_states import State
from cnnvis.gui.panels.explain_tools import ExplainTools
from cnnvis.gui.panels.method_list import FAILED, MethodList, is_table
from cnnvis.gui.panels.question_form import QuestionForm
from cnnvis.gui.panels.region_list import RegionList
from cnnvis.gui.panels.score_section import ScoreSection
from cnnvis.gui.panels.view_controls import ViewControls
from cnnvis.gui.parts import Elided
from cnnvis.gui.studies.explain import Asking, Region
from cnnvis.layout.diagram import Diagram, Key
from cnnvis.layout.displays import Setting
from cnnvis.layout.explanation import EDGE, GAP, PAD, Cell, explanations
from cnnvis.layout.theme import LIGHT, Theme
from cnnvis.layout.waterfall import is_sum, waterfall_diagram
from cnnvis.layout.weight_maps import weight_diagram
from cnnvis.model.attribution import Attribution, Vector, WeightMap
from cnnvis.model.question import Question, place_of
from cnnvis.model.session import Session
from cnnvis.workflow.methods import Offered

FORM = 256
AROUND = 96
"""What stands above and below a map in its cell, in pixels."""
SMALL, LARGE = 112, 224
ROOMY = (300, 420, 640)
"""From these widths on two, three, four maps stand side by side."""
ABOVE = 64
NARROW = 880
"""Below this width the question folds away while scores or a region's neurons stand beside the maps."""
PRINTED = 176.0
MOST = 48
"""So many maps stand side by side."""


class ExplainPanel(QWidget):
    """Nothing is computed while it is closed; what the session knows is shown without the network."""

    chosen = Signal(object)
    requested = Signal(str, object)

    def __init__(self, jobs: Jobs) -> None:
        super().__init__()
        self._session: Session | None = None
        self._asking = Asking()
        self._laid = ""
        self._offered = MethodList(jobs, self._offer, self._unread)
        self._picked: Key | None = None
        self._known: frozenset[str] = frozenset()
        self._theme = LIGHT
        self.question = QuestionForm()
        self.view = EvidenceView()
        self.region, self.score = RegionList(), ScoreSection()
        self.state = State()
        self.controls = controls = ViewControls(self)
        self.manner, self.grid, self.opacity = controls.manner, controls.grid, controls.opacity
        self.one_scale, self.apart, self.trust = controls.one_scale, controls.apart, controls.trust
        self._readout = Elided("", "small")
        self._scale = ScaleBar()
        self._pages, self._scroll, self.tools = QStackedWidget(), Port(), ExplainTools()
        self._form, self._back = QScrollArea(), QToolButton()
        self._scale.be_terse(True)
        self._build()
        self._wire()

    def _build(self) -> None:
        form = self._form
        form.setWidget(self.question)
        form.setWidgetResizable(True)
        form.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        form.setFixedWidth(FORM)
        self._back.setText("‹ Ask")
        self._back.setProperty("choice", "true")
        self._back.setToolTip("Back to the question, in the place of what stands beside the maps")
        self._back.hide()
        head, said, foot, middle, row = QHBoxLayout(), QHBoxLayout(), QHBoxLayout(), QHBoxLayout(), QHBoxLayout(self)
        for box in (head, said, foot, middle):
            box.setContentsMargins(0, 0, 0, 0)
            box.setSpacing(8)
        head.addWidget(self._back)
        head.addWidget(self.manner)
        head.addWidget(self.opacity)
        head.addStretch(1)
        head.addWidget(self.grid)
        said.addWidget(self._readout, 1)
        said.addWidget(self._scale)
        foot.addStretch(1)
        for widget in (self.one_scale, self.apart, self.trust, self.tools):
            foot.addWidget(widget)
        self._scroll.setWidget(self.view)
        body = QWidget()
        middle.addWidget(self._scroll, 1)
        middle.addWidget(self.region)
        middle.addWidget(self.score)
        self.score.hide()
        body.setLayout(middle)
        self._pages.addWidget(self.state)
        self._pages.addWidget(body)
        right = QVBoxLayout()
        right.setSpacing(4)
        right.addLayout(head)
        right.addWidget(self._pages, 1)
        right.addLayout(said)
        right.addLayout(foot)
        self._row = row
        row.setContentsMargins(0, 0, 12, 8)
        row.setSpacing(4)
        row.addWidget(form)
        row.addLayout(right, 1)
        self.setMinimumWidth(480)
        self.setMinimumHeight(240)

    def _wire(self) -> None:
        self.controls.changed.connect(self._put)
        self.question.changed.connect(self._turned)
        self._scroll.resized.connect(self._put)
        self._scroll.resized.connect(self._reveal)
        self.question.asked.connect(self._asked)
        self.question.requested.connect(self.requested)
        self.state.requested.connect(self.requested)
        self.state.wanted.connect(lambda: self._asked(self.question.questions()))
        self.view.told.connect(self._readout.setText)
        self.view.picked.connect(self._pick)
        self.view.brushed.connect(self._brushed)
        self.region.chosen.connect(self.chosen)
        self.region.closed.connect(self._unbrush)
        self.score.requested.connect(self.requested)
        self.tools.requested.connect(self.requested)
        self.tools.copied.connect(self._copy)
        self.score.closed.connect(lambda: self.trust.setChecked(False))
        self.trust.toggled.connect(self._judge)
        self._back.clicked.connect(self._ask_again)
        self.question.fold.toggled.connect(lambda: QTimer.singleShot(0, self, self._reveal_form))

    def sizeHint(self) -> QSize:
        return QSize(760, 392)

    # What the window tells

    def set_theme(self, theme: Theme) -> None:
        """Paint in another theme."""
        self._theme = theme
        self.view.set_theme(theme)
        self.score.set_theme(theme)
        self._put()

    def show_session(self, session: Session | None, diagram: Diagram | None) -> None:
        """Show another state of the session; the image that is laid over is the one asked about."""
        self._session = session
        if session is None:
            self._picked, self._known = None, frozenset()
            self._laid = ""
            self._asking = Asking()
            self.region.show_region(None, None)
        if not self.isVisible():
            return
        table = is_table(session)
        self.question.show_session(session, table)
        for widget in (self.manner, self.opacity, self.one_scale, self.apart):  # rows have bars, no maps
            widget.setVisible(not table)
        if session is not None and session.look.instance != self._laid:
            self._laid = session.look.instance
            if self._laid and not self._laid.startswith("mean of "):
                self.question.show_image(_image_of(session, self._laid))
        self._offered.load(session)
        self._put()

    def show_selection(self, key: Key | None) -> None:
        """Offer what is selected as a target."""
        self.question.show_selection(key)

    def show_asking(self, asking: Asking) -> None:
        """Show how it stands with the questions."""
        self._asking = asking
        self.question.show_waiting(len(asking.waiting))
        self.question.pace = asking.pace
        self._put()

    def show_region(self, region: Region | None) -> None:
        """Name the neurons that see a region, in the place of the scores."""
        if region is not None:
            self.trust.setChecked(False)
        self.region.show_region(region, self._session)
        self._fit()

    def ask_about(self, key: Key) -> None:
        """Ask for what a key of the picture names: a cluster, a neuron or a class, or about an image."""
        if key[0] in ("sample", "instance"):
            self.question.show_image(key[1])
            self._put()
        else:
            self.question.aim_at(key)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.show_session(self._session, None)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _offer(self, found: Sequence[Offered]) -> None:
        self.question.show_offered(found)
        self._put()

    def _unread(self, error: BaseException) -> None:
        self.show_asking(Asking(failed=FAILED, details=str(error)))

    # What is shown

    @property
    def shown(self) -> tuple[Attribution, ...]:
        """The explanations that stand side by side, in the order in which they were found."""
        session = self._session
        image = self.question.images.image
        if session is None or image is None:
            return ()
        partial = self._asking.partial
        known = {a.key for a in session.attributions}
        every = (*session.attributions, *((partial,) if partial is not None and partial.key not in known else ()))
        if self.grid.chosen == "images":
            method = self.question.chosen
            return tuple(a for a in every if method is not None and a.method == method.title)[-MOST:]
        place, target = place_of(session, image), self.question.target_for(image)
        return tuple(a for a in every if (a.sample, a.image) == place and a.target == target)[-MOST:]

    @property
    def setting(self) -> Setting:
        """How they are shown."""
        return self.controls.setting(self._side)

    @property
    def _side(self) -> float:
        """The side of a picture: as large as the panel is high, but so that several stand side by side."""
        port = self._scroll.viewport()
        across = 1 + sum(port.width() >= wide for wide in ROOMY)
        share = (port.width() - 2 * EDGE + GAP) / across - GAP - 2 * PAD
        return float(min(max(int(min(port.height() - AROUND, share)), SMALL), LARGE))

    def _put(self) -> None:
        session, shown = self._session, self.shown
        self.tools.setEnabled(bool(shown))
        self.tools.show_explanation(session, None)
        if session is None or not self.isVisible():
            return
        if not shown or self._asking.failed:
            self._scale.show_scale(None, self._theme)
            self._readout.setText("")
            self.state.show_state(self._asking, self.question, self._offered.begun and self.question.chosen is not None)
            self._pages.setCurrentIndex(0)
            return
        room = self._scroll.viewport().width()
        found = explanations(session, shown, self.setting, max(room, 200))
        keys = [cell.key for cell in found.cells]
        fresh = self._picked not in keys
        new = [key for key in keys if key[0] == "evidence" and key[1] not in self._known]
        self._known |= {a.key for a in (*session.attributions, *shown)}
        if fresh or new:
            self._picked, fresh = new[0] if new else keys[-1], True
        self.view.show_explanations(session, found, self._picked)
        if fresh:
            self._reveal()
        self.score.show_explanation(session, self.picked)
        self.tools.show_explanation(session, self.picked)
        self._scale.show_scale(found.scale, self._theme)
        self._pages.setCurrentIndex(1)

    def _reveal(self) -> None:
        """Scroll to the chosen cell."""
        found = self.view.shown
        for cell in found.cells if found is not None else ():
            if cell.key == self._picked:
                box = cell.card.box
                self._scroll.ensureVisible(round(box.x + box.w / 2), round(box.y + box.h), 0, 8)
                self._scroll.ensureVisible(round(box.x + box.w / 2), round(box.y), 0, 8)

    @property
    def picked(self) -> Attribution | None:
        """The explanation of the chosen cell."""
        found = self.view.shown
        cells = found.cells if found is not None else ()
        return next((cell.attribution for cell in cells if cell.key == self._picked), None)

    # What the user does

    def _turned(self) -> None:
        """What went wrong with the last question does not concern the next one."""
        if self._asking.failed:
            self._asking = replace(self._asking, failed="", details="", unconnected=False)
        self._put()

    def _asked(self, questions: Sequence[Question]) -> None:
        images = {q.image for q in questions}
        self.grid.choose("images" if len(images) > 1 else "methods")
        self._ask("explain_ask", tuple(questions))

    def _ask(self, verb: str, *arguments: object) -> None:
        self.requested.emit(verb, arguments)

    def _pick(self, key: Key | None) -> None:
        self._picked = key
        self.view.choose(key)
        self.score.show_explanation(self._session, self.picked)
        self.tools.show_explanation(self._session, self.picked)

    def _judge(self, on: bool) -> None:
        """Show or hide the scores, in the place of a region's neurons."""
        self.score.setVisible(on)
        if on:
            self._unbrush()
            self.score.show_explanation(self._session, self.picked)
        self._fit()

    def _fit(self) -> None:
        """Fold the question where the panel is narrow and something stands beside the maps: they need the room."""
        beside = not (self.score.isHidden() and self.region.isHidden())
        folded = beside and self.width() < NARROW
        self._form.setVisible(not folded)
        self._back.setVisible(folded)
        self._row.setContentsMargins(16 if folded else 0, 0, 12, 8)

    def _reveal_form(self) -> None:
        """Scroll to the parameters, which stand below everything else, and to the buttons above them."""
        if self.question.fold.isChecked():
            self._form.verticalScrollBar().setValue(self.question.form.y() - ABOVE)

    def _ask_again(self) -> None:
        self.trust.setChecked(False)
        self._unbrush()

    def _copy(self) -> None:
        wanted = (self.picked,) if self.picked is not None else self.shown
        self._ask("explain_python", wanted)

    def _brushed(self, cell: Cell, box: tuple[int, int, int, int] | None) -> None:
        if box is None:
            self.show_region(None)
            return
        image = cell.key[2] or cell.key[1] if cell.attribution is None else _of(cell.attribution)
        self._ask("explain_region", image, box)

    def _unbrush(self) -> None:
        self.view.clear_brush()
        self.show_region(None)

    # What others take

    def diagram(self) -> Diagram | None:
        """What is shown as a picture to export; None where nothing is."""
        session, shown = self._session, self.shown
        if session is None or not shown:
            return None
        return explanations(session, shown, replace(self.setting, side=PRINTED)).diagram

    def figures(self) -> tuple[tuple[str, Callable[[], Diagram]], ...]:
        """Figures of the chosen explanation alone, with their titles: its votes, its weights."""
        found, session = self.picked, self._session
        if session is None or found is None:
            return ()
        if isinstance(found.evidence, Vector) and is_sum(found.evidence):
            return ((f"Explain: {found.method} as a waterfall", partial(waterfall_diagram, session, found)),)
        if isinstance(found.evidence, WeightMap):
            return ((f"Explain: {found.method} as heat maps", partial(weight_diagram, session, found)),)
        return ()


def _image_of(session: Session, name: str) -> int | str:
    """An image by its index where it is one of the data, else by its name."""
    sample, image = place_of(session, name)
    return image or sample


def _of(one: Attribution) -> int | str:
    return one.sample if one.sample >= 0 else one.image
