"""How far the chosen explanation can be trusted: plain words first, then its scores beside maps that know nothing."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QScrollArea, QToolButton, QVBoxLayout, QWidget

from cnnvis.gui.panels.charts import Bar, Bars
from cnnvis.gui.panels.page import Page, number
from cnnvis.gui.parts import button, duration, section
from cnnvis.gui.studies.trust import Judging
from cnnvis.layout.marks import Ink
from cnnvis.layout.theme import LIGHT, Theme
from cnnvis.model.attribution import Attribution, Map, Vector
from cnnvis.model.scorecard import CONTROLS, SCORES, Scorecard
from cnnvis.model.session import Session

WIDE = 248
FINE = "Nothing that was measured speaks against this map."
UNMEASURED = "How far this map can be trusted was not measured yet."
UNSCORED = "Maps of an image and bars of features have scores; what is shown here has none."
_PARTS = (("insertion", "higher is better"), ("deletion", "lower is better"))
_FILLS = ("blur", "mean")


class ScoreSection(QWidget):
    """Beside the maps, for the chosen one. `requested` a verb of the window."""

    requested = Signal(str, object)
    closed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setFixedWidth(WIDE)
        self._session: Session | None = None
        self._found: Attribution | None = None
        self._judging = Judging()
        self._theme = LIGHT
        self._foreseen = ""
        self._bar: QProgressBar | None = None
        cross = QToolButton()
        cross.setText("×")
        cross.setToolTip("Close the scores")
        cross.setAccessibleName("Close the scores")
        cross.clicked.connect(self.closed)
        head = QHBoxLayout()
        head.addWidget(section("How far to trust it"), 1)
        head.addWidget(cross)
        self.list = QScrollArea()
        self.list.setWidgetResizable(True)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(head)
        column.addWidget(self.list, 1)

    @property
    def words(self) -> str:
        """What it says, for tests and screen readers."""
        return self.list.accessibleDescription()

    def set_theme(self, theme: Theme) -> None:
        """Paint in another theme."""
        self._theme = theme
        self._build()

    def show_judging(self, judging: Judging) -> None:
        """Show how it stands with the scores."""
        before, self._judging = self._judging, judging
        same = (before.key, before.working, before.failed) == (judging.key, judging.working, judging.failed)
        if self._bar is not None and same and before.card is judging.card:
            # Twenty times a second while measuring: a page built anew each time would hold the measuring up.
            self._bar.setRange(0, judging.total)
            self._bar.setValue(judging.done)
            return
        self._build()

    def show_explanation(self, session: Session | None, found: Attribution | None) -> None:
        """Judge another explanation."""
        same = found is self._found and session is self._session
        self._session, self._found = session, found
        if not same and self.isVisible():
            self._turn()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._turn()

    def _turn(self) -> None:
        """Show the scores of this explanation, or what it takes to measure them."""
        self._build()
        found = self._found
        if found is not None and _scored(found) and self._card is None and self._foreseen != found.key:
            self._foreseen = found.key
            self.requested.emit("explain_foresee", (found,))

    @property
    def _card(self) -> Scorecard | None:
        found, judging = self._found, self._judging
        if found is None or self._session is None:
            return None
        if judging.key == found.key and judging.card is not None:
            return judging.card
        return self._session.measurements.scorecards.get(found.key)

    def _build(self) -> None:
        page, self._bar = Page(), None
        page.box.setContentsMargins(0, 0, 4, 0)
        page.box.setSpacing(6)
        found, judging, card = self._found, self._judging, self._card
        mine = found is not None and judging.key == found.key
        words: list[str] = []
        if found is not None and not _scored(found):
            words.append(UNSCORED)
            page.text(UNSCORED, "muted")
        elif found is not None:
            if mine and judging.failed:
                words.append(judging.failed)
            elif card is not None and not (mine and judging.working):
                words += card.verdicts or (FINE,)
            elif not mine or not judging.working:
                words.append(UNMEASURED)
            for sentence in words:
                page.text(sentence, "" if card is not None and card.verdicts else "muted")
            if judging.working:
                self._working(page)
            elif card is None:
                self._offer(page, mine)
        if card is not None:
            score_bars(page, card, self._theme)
        self.list.setAccessibleDescription("\n".join(words))
        self.list.setWidget(page.end())

    def _offer(self, page: Page, mine: bool) -> None:
        seconds = self._judging.seconds if mine else None
        text = f"Measure · {duration(seconds)}" if seconds is not None and seconds >= 1 else "Measure"
        tip = "Removes and shows what the map points at, moves image and weights, and compares with three maps " \
              "that know nothing"  # fmt: skip
        page.add(button(text, lambda: self.requested.emit("explain_measure", (self._found,)), tip=tip))

    def _working(self, page: Page) -> None:
        bar = QProgressBar()
        bar.setTextVisible(False)
        bar.setRange(0, self._judging.total)
        bar.setValue(self._judging.done)
        page.add(bar)
        self._bar = bar
        page.add(button("Stop", lambda: self.requested.emit("explain_halt", ())))


def _scored(found: Attribution) -> bool:
    """Whether it is evidence on the input, which can be taken away and shown."""
    return isinstance(found.evidence, (Map, Vector))


def score_bars(page: Page, card: Scorecard, theme: Theme) -> None:
    """Insertion and deletion beside the controls as bars, then every other score with its number."""
    for part, better in _PARTS:
        for fill in _FILLS:
            name = f"{part}/{fill}"
            if name not in card.scores:
                continue
            page.section(SCORES[name].title, f"{SCORES[name].says}; {better}")
            rows = [("this map", card.scores[name], Ink("accent"))]
            rows += [(CONTROLS[c], found[name], Ink("muted")) for c, found in card.controls.items() if name in found]
            tip = f"{SCORES[name].says}; {better}"
            page.add(Bars([Bar(who, value, number(value), f"{who}: {tip}", ink) for who, value, ink in rows], theme))
    rest = [
        (SCORES[name].title, number(value), f"{SCORES[name].says}; {SCORES[name].better} is better")
        for name, value in card.scores.items()
        if name in SCORES and name.split("/")[0] not in ("insertion", "deletion")
    ]
    if rest:
        page.section("Other measures")
        page.facts(rest)
