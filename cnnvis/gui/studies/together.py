"""Why does the network answer so to all of these? Explains many images as one, in the background."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from cnnvis.errors import Cancelled, NotConnected
from cnnvis.gui.desk import sentence
from cnnvis.gui.jobs import Reporter
from cnnvis.gui.studies.study import Study
from cnnvis.gui.view import Work
from cnnvis.model.session import Session
from cnnvis.model.subsets import Subset
from cnnvis.model.together import GroupExplanation
from cnnvis.workflow.methods import made
from cnnvis.workflow.together import explain_group, with_group

TOPIC = "together"
MOST = 100
"""So many images of a group are explained, drawn by chance where there are more."""


@dataclass(frozen=True, eq=False)
class Gathering:
    """How it stands: `name` of the group under way ("": none), what is known of it so far, and what went wrong."""

    name: str = ""
    partial: GroupExplanation | None = None
    done: int = 0
    total: int = 0
    failed: str = ""


class TogetherStudy(Study):
    """Explains one group after the other. `told` hears how it stands, `found` what was found."""

    told: Callable[[Gathering], object] = staticmethod(lambda gathering: None)
    found: Callable[[GroupExplanation], object] = staticmethod(lambda found: None)
    gathering = Gathering()

    @property
    def verbs(self) -> Mapping[str, Callable[..., object]]:
        return {"together_ask": self.ask, "together_forget": self.forget, "together_stop": self.stop}

    def ask(self, which: str | Subset, method: str, aligned: bool = False) -> None:
        """Explain the images of a class, by its name, or of a subset together by the method of a title."""
        document, live = self.desk.document, self.services.sources
        if document is None:
            return
        if live is None:
            self._tell(Gathering(failed="The network must be connected to explain images."))
            self.desk.fail(NotConnected("The network must be connected for this. Choose File ▸ Connect network first."))
            return
        session = document.session
        name = which if isinstance(which, str) else which.name

        def work(progress: Reporter) -> GroupExplanation:
            chosen = made(method, {})
            return explain_group(session, live, which, method=chosen, limit=MOST, aligned=aligned, progress=progress)

        def heard(found: GroupExplanation) -> None:
            if self.desk.document is document:
                self._tell(replace(self.gathering, partial=found))

        def done(found: GroupExplanation) -> None:
            self.view.show_work(None)
            self._tell(Gathering())
            if self.desk.document is document:
                self.desk.hold()
                document.update(with_group(document.session, found))
                self.found(found)

        def failed(error: BaseException) -> None:
            self.view.show_work(None)
            self._tell(Gathering() if isinstance(error, Cancelled) else Gathering(failed=sentence(error)))

        def report(done: int, total: int, what: str) -> None:
            self.view.show_work(Work(what[:1].upper() + what[1:], done, total))
            self._tell(replace(self.gathering, done=done, total=total))

        self.topics.add(TOPIC)
        self.view.show_work(Work("Explaining"))
        self._tell(Gathering(name))
        self.jobs.start(TOPIC, work, done, failed, lane="long", reported=report, heard=heard)

    def forget(self, key: str) -> None:
        """Remove an explanation of many images from the session."""
        document = self.desk.document
        if document is not None:
            self.desk.hold()
            measured = document.session.measurements.without_group(key)
            document.update(document.session.with_measurements(measured))

    def stop(self) -> None:
        """Stop what is under way."""
        self.jobs.cancel(TOPIC)

    def leave(self) -> None:
        self._tell(Gathering())

    def _tell(self, gathering: Gathering) -> None:
        self.gathering = gathering
        self.told(gathering)


def group_of(session: Session, name: str) -> str | Subset | None:
    """What a name stands for: a subset of that name, else a class; None where there is neither."""
    found = next((s for s in session.analysis.subsets if s.name == name), None)
    return found if found is not None else name if name in session.classes else None
