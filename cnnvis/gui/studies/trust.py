"""How far an explanation can be trusted: measured in the background, kept in the session."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from cnnvis.errors import Cancelled
from cnnvis.gui.desk import sentence
from cnnvis.gui.jobs import Reporter
from cnnvis.gui.studies.study import Study
from cnnvis.gui.view import Work
from cnnvis.model.attribution import Attribution
from cnnvis.model.scorecard import Scorecard
from cnnvis.progress import Progress
from cnnvis.workflow.scores import judged, judging_cost, with_scorecard

TOPIC, COST = "scorecard", "cost of a scorecard"


@dataclass(frozen=True, eq=False)
class Judging:
    """How it stands with the scores of the explanation `key`: what they will cost, what is known so far.

    `working`: they are being measured. `seconds` predicted for all, None while nobody can tell.
    """

    key: str = ""
    working: bool = False
    seconds: float | None = None
    done: int = 0
    total: int = 0
    card: Scorecard | None = None
    failed: str = ""


class Trust(Study):
    """Measures scorecards; `told` hears how it stands."""

    told: Callable[[Judging], object] = staticmethod(lambda judging: None)
    judging = Judging()

    @property
    def verbs(self) -> Mapping[str, Callable[..., object]]:
        return {"explain_measure": self.measure_scores, "explain_foresee": self.foresee, "explain_halt": self.halt}

    def foresee(self, found: Attribution) -> None:
        """Tell how long measuring an explanation would take, where the network is at hand and idle."""
        session, live = self.desk.session, self.services.sources
        if session is None or live is None or self.judging.working:
            return

        def work(progress: Progress) -> float:
            return judging_cost(session, live, found, progress=progress).seconds

        def done(seconds: float) -> None:
            if not self.judging.working:
                self._tell(Judging(found.key, seconds=seconds))

        def failed(error: BaseException) -> None:
            if not self.judging.working and not isinstance(error, Cancelled):
                self._tell(Judging(found.key, failed=sentence(error)))

        self.topics.add(COST)
        self.jobs.start(COST, work, done, failed)

    def measure_scores(self, found: Attribution) -> None:
        """Measure the scores of an explanation; what is known so far is shown as it comes."""
        document, live = self.desk.document, self.services.sources
        if document is None or live is None:
            return
        session, seconds = document.session, self.judging.seconds if self.judging.key == found.key else None

        def work(progress: Reporter) -> Scorecard:
            return judged(session, live, found, progress=progress)

        def done(card: Scorecard) -> None:
            self.view.show_work(None)
            if self.desk.document is document:
                self.desk.hold()
                document.update(with_scorecard(document.session, card))
            self._tell(Judging(found.key, seconds=seconds))

        def failed(error: BaseException) -> None:
            self.view.show_work(None)
            said = "" if isinstance(error, Cancelled) else sentence(error)
            self._tell(Judging(found.key, seconds=seconds, failed=said))

        def heard(card: object) -> None:
            if isinstance(card, Scorecard):
                self._tell(replace(self.judging, card=card))

        def report(done: int, total: int, what: str) -> None:
            self.view.show_work(Work("Measuring the explanation", done, total))
            self._tell(replace(self.judging, done=done, total=total))

        self._tell(Judging(found.key, True, seconds))
        self.topics.add(TOPIC)
        self.view.show_work(Work("Measuring the explanation"))
        self.jobs.start(TOPIC, work, done, failed, lane="long", reported=report, heard=heard)

    def halt(self) -> None:
        """Stop measuring."""
        self.jobs.cancel(TOPIC)

    def _tell(self, judging: Judging) -> None:
        self.judging = judging
        self.told(judging)

    def leave(self) -> None:
        self._tell(Judging())
