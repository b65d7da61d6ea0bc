"""What all studies share: they start work with the network of the session and keep what it finds."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from cnnvis.errors import NotConnected
from cnnvis.gui.editing import Editing
from cnnvis.gui.jobs import Jobs
from cnnvis.gui.services import Services
from cnnvis.gui.view import Notice, View, Work
from cnnvis.model.session import Session
from cnnvis.model.subsets import Subset
from cnnvis.model.viewed import shown_subset
from cnnvis.progress import Progress

if TYPE_CHECKING:
    from cnnvis.workflow.sources import Sources

_T = TypeVar("_T")


class Study:
    """One subject beside the desk. Main thread only; `work` functions run in a job's thread.

    `topics` are those under which it has measured: what the window can stop.
    """

    def __init__(self, desk: Editing, view: View, jobs: Jobs, services: Services) -> None:
        self.desk, self.view, self.jobs, self.services = desk, view, jobs, services
        self.topics: set[Hashable] = set()

    @property
    def verbs(self) -> Mapping[str, Callable[..., object]]:
        """The commands of this study by their verbs (see `cnnvis.gui.menus`)."""
        return {}

    def leave(self) -> None:
        """Let go of what belongs to the document, which is about to leave the desk."""

    def measure(
        self,
        topic: Hashable,
        what: str,
        work: Callable[[Session, Sources, Progress], _T],
        keep: Callable[[Session, _T], Session],
        then: Callable[[_T], Any] | None = None,
    ) -> None:
        """Run `work` with the live network in the background, then let `keep` put what it found into the session.

        No step of the history. Says in one sentence where the network is not connected.
        """
        document, sources = self.desk.document, self.services.sources
        if document is None:
            return
        if sources is None:
            self.desk.fail(NotConnected("The network must be connected for this. Choose File ▸ Connect network first."))
            return
        session, live = document.session, sources

        def done(found: _T) -> None:
            self.view.show_work(None)
            if self.desk.document is document:
                self.desk.hold()
                document.update(keep(document.session, found))
                if then is not None:
                    then(found)

        def failed(error: BaseException) -> None:
            self.view.show_work(None)
            self.desk.fail(error)

        def report(done: int, total: int, what: str) -> None:
            self.view.show_work(Work(what[:1].upper() + what[1:], done, total))

        self.view.show_work(Work(what))
        self.topics.add(topic)
        self.jobs.start(
            topic, lambda progress: work(session, live, progress), done, failed, lane="long", reported=report
        )


def not_kept(layers: Sequence[str], so: str = "") -> Notice:
    """Says that the file lacks what some layers answered to each image, and what follows from that."""
    some = layers[0] if len(layers) == 1 else f"{layers[0]} and {len(layers) - 1} other layers"
    text = f"The file does not keep what {some} answered to each image{so}. File ▸ Connect network brings it back."
    return Notice(text, "\n".join(layers))


def not_measured(what: str, subset: str) -> Notice:
    """Says that something was not measured over a subset, and what brings it."""
    return Notice(f"The {what} over “{subset}” are not measured yet. File ▸ Connect network measures them.")


def definition(session: Session, subset: str) -> Subset | None:
    """What a subset asks for at present; None where there is none of that name."""
    return next((each for each in session.analysis.subsets if each.name == subset), None)


def shown_definition(session: Session) -> Subset | None:
    """The subset that the look shows; None for all samples."""
    return definition(session, shown_subset(session))
