"""Why did the network answer so? Asks explanation methods in the background and keeps what they find."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from cnnvis.errors import Cancelled, CnnvisError
from cnnvis.gui.desk import details, sentence
from cnnvis.gui.jobs import Lane, Reporter
from cnnvis.gui.studies.study import Study
from cnnvis.gui.view import Work
from cnnvis.model.attribution import Attribution, Evidence
from cnnvis.model.document import Document
from cnnvis.model.gates import without_path
from cnnvis.model.question import Question, place_of
from cnnvis.model.seeing import Seeing
from cnnvis.model.session import Session
from cnnvis.workflow.explain import explain, seeing, with_attribution, without_attribution
from cnnvis.workflow.methods import made, passes

if TYPE_CHECKING:
    from cnnvis.workflow.sources import Sources

TOPIC, REGION = "explanation", "region"
QUICK = 24.0
"""Up to so many passes a method answers between two clicks; longer ones wait for other long work."""
SEEN = 3
"""So many neurons of a layer are named and lit for a region."""
CONNECT = "The network must be connected to explain an image."


@dataclass(frozen=True, eq=False)
class Asking:
    """How it stands with the questions: `waiting` are not answered yet, the first is under way.

    `partial` is what that one knows so far, or the newest answer. `failed` says in one sentence what went wrong,
    `details` all of it; `unconnected`: because the network is not at hand. `pace`: seconds of one pass among many, as
    measured.
    """

    waiting: tuple[Question, ...] = ()
    partial: Attribution | None = None
    done: int = 0
    total: int = 0
    what: str = ""
    failed: str = ""
    details: str = ""
    unconnected: bool = False
    pace: float | None = None


@dataclass(frozen=True, eq=False)
class Region:
    """What sees a region of an image: units with their lead, layer by layer."""

    image: int | str
    seeing: Seeing
    units: Mapping[str, tuple[tuple[int, float], ...]]


class _Each:
    """The progress of one question of several: hands over what belongs to it."""

    def __init__(self, progress: Reporter, question: Question) -> None:
        self._progress, self._question = progress, question

    def __call__(self, done: int, total: int, what: str = "") -> None:
        self._progress(done, total, what)

    def partial(self, value: object) -> None:
        self._progress.partial((self._question, value))


class Explain(Study):
    """Answers questions one after the other. `told` hears how it stands, `saw` what sees a region."""

    told: Callable[[Asking], object] = staticmethod(lambda asking: None)
    saw: Callable[[Region | None], object] = staticmethod(lambda region: None)
    asking = Asking()
    _pace: float | None = None
    _later: tuple[Question, ...] = ()
    """What was asked while others were being answered; their turn comes then."""

    @property
    def verbs(self) -> Mapping[str, Callable[..., object]]:
        return {
            "explain_ask": self.ask,
            "explain_forget": self.forget,
            "explain_stop": self.stop,
            "explain_calm": self.calm,
            "explain_region": self.look_at,
        }

    def ask(self, questions: Sequence[Question]) -> None:
        """Answer questions: from the session where it knows, else by the network in the background, one by one."""
        document, sources = self.desk.document, self.services.sources
        if document is None:
            return
        job = self.jobs.running(TOPIC)
        busy = job is not None and not job.cancelled
        waiting = self.asking.waiting if busy else ()
        keys = {q.key(document.session) for q in waiting}
        missing = tuple(
            q for q in questions if q.answer(document.session) is None and q.key(document.session) not in keys
        )
        if missing and sources is None:
            self._tell(Asking(failed=CONNECT, unconnected=True))
        elif busy:
            self._later += missing
            self._tell(replace(self.asking, waiting=(*waiting, *missing), failed="", details=""))
        elif missing and sources is not None:
            self._later = ()
            self._tell(Asking(missing))
            self._start(document, sources, missing)
        else:
            self._tell(Asking())

    def _start(self, document: Document, live: Sources, questions: tuple[Question, ...]) -> None:
        session = document.session
        ready: list[tuple[Question, Any]] = []  # answers on their way: whoever stops the rest does not lose them

        def work(progress: Reporter) -> None:
            for question in questions:
                try:
                    found: object = self._answer(session, live, question, progress)
                except Cancelled:
                    raise
                except Exception as error:  # noqa: BLE001 - one method that fails must not keep the others from answering
                    found = error
                ready.append((question, found))
                progress.partial(None)

        def heard(news: tuple[Question, Any] | None) -> None:
            if self.desk.document is document and news is not None:
                self._hear(document, *news)
            while self.desk.document is document and ready:
                self._hear(document, *ready.pop(0))

        def done(_: None) -> None:
            heard(None)
            self.view.show_work(None)
            later, self._later = self._later, ()
            self._tell(replace(self.asking, waiting=later))
            if later and self.desk.document is document:
                self._start(document, live, later)

        def failed(error: BaseException) -> None:
            heard(None)
            self.view.show_work(None)
            self._later = ()
            stopped = isinstance(error, Cancelled)
            said = Asking() if stopped else Asking(failed=sentence(error), details=details(error))
            self._tell(said)

        def report(done: int, total: int, what: str) -> None:
            n = len(self.asking.waiting) - 1
            more = f", {n} more {'is' if n == 1 else 'are'} waiting" if n > 0 else ""
            self.view.show_work(Work(what[:1].upper() + what[1:] + more, done, total))
            self._tell(replace(self.asking, done=done, total=total, what=what))

        self.topics.add(TOPIC)
        self.view.show_work(Work("Explaining"))
        self.jobs.start(TOPIC, work, done, failed, lane=self._lane(questions), reported=report, heard=heard)

    def _answer(self, session: Session, live: Sources, question: Question, progress: Reporter) -> Attribution:
        """In the job's thread: ask the network, and see how long that takes."""
        method = made(question.method, question.parameters)
        cost, began = method.cost(session.analysis.network).passes, time.monotonic()
        each = _Each(progress, question)
        found = explain(session, live, question.image, question.target, method, progress=each)
        if cost > QUICK:  # the first passes of a few say little of many
            self._pace = (time.monotonic() - began) / cost
        return found

    def _lane(self, questions: Sequence[Question]) -> Lane:
        session = self.desk.session
        try:
            network = session.analysis.network if session is not None else None
            cost = sum(passes(network, q.method, q.parameters) for q in questions) if network is not None else 0.0
        except CnnvisError:  # the job says what is wrong with it
            return "short"
        return "short" if cost <= QUICK else "long"

    def _hear(self, document: Document, question: Question, found: object) -> None:
        """Keep an answer, show what is known so far, or say what went wrong with one."""
        rest = tuple(q for q in self.asking.waiting if q is not question)
        if isinstance(found, Attribution):
            self._tell(replace(self.asking, waiting=rest, partial=found))  # until the session is drawn with it
            self.desk.hold()
            document.update(with_attribution(document.session, found))
        elif isinstance(found, BaseException):
            said = replace(self.asking, waiting=rest, partial=None, failed=sentence(found), details=details(found))
            self._tell(said)
        else:
            self._tell(replace(self.asking, partial=_so_far(document, question, found)))

    def forget(self, key: str) -> None:
        """Remove an explanation from the session."""
        document = self.desk.document
        if document is not None:
            self.desk.hold()
            self._tell(replace(self.asking, partial=None))
            document.update(without_attribution(without_path(document.session, key), key))

    def stop(self) -> None:
        """Stop what is under way and what waits; what was found is kept."""
        self.jobs.cancel(TOPIC)

    def calm(self) -> None:
        """Take what went wrong from the screen."""
        self._tell(replace(self.asking, failed="", details="", unconnected=False))

    def _tell(self, asking: Asking) -> None:
        self.asking = replace(asking, pace=self._pace)
        self.told(self.asking)

    def leave(self) -> None:
        self._later = ()
        self._tell(Asking())
        self.saw(None)

    # Regions

    def look_at(self, image: int | str, box: tuple[int, int, int, int]) -> None:
        """Find which neurons see a region (top, left, bottom, right) of an image, and light their cards."""
        document, live = self.desk.document, self.services.sources
        if document is None:
            return
        if live is None:
            self._tell(Asking(failed=CONNECT, unconnected=True))
            return
        session = document.session

        def done(found: Seeing) -> None:
            if self.desk.document is document:
                region = Region(image, found, self._leading(found))
                self.desk.select(tuple(("unit", layer, u) for layer, units in region.units.items() for u, _ in units))
                self.saw(region)

        self.topics.add(REGION)
        self.jobs.start(REGION, lambda p: seeing(session, live, image, box, progress=p), done, self.desk.fail)

    def _leading(self, found: Seeing) -> dict[str, tuple[tuple[int, float], ...]]:
        """The first units of each layer of the picture that see it."""
        session, diagram = self.desk.session, self.desk.diagram
        if session is None or diagram is None or session.activations is None:
            return {}
        layers = [column.layer for column in diagram.columns if column.layer in found.inside]
        known = session.activations
        ranked = {x: found.ranked(x, known.spread(x) if x in known.layers else None)[:SEEN] for x in layers}
        return {layer: tuple(units) for layer, units in ranked.items() if units}


def _so_far(document: Document, question: Question, evidence: object) -> Attribution:
    kept: Evidence = evidence  # type: ignore[assignment]  # what methods hand over
    sample, image = place_of(document.session, question.image)
    return Attribution(kept, sample, question.target, question.method, question.parameters, {}, image)

