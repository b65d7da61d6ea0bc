"""Between the document and the window: opens, computes, saves. Knows no widget; tested with fake views."""

from __future__ import annotations

import time
from collections.abc import Hashable
from dataclasses import dataclass, replace
from pathlib import Path

from PySide6.QtCore import QObject

from cnnvis.errors import Cancelled, CnnvisError, UntrustedCode
from cnnvis.gui.autosave import Autosaves
from cnnvis.gui.jobs import Jobs
from cnnvis.gui.places import Settings
from cnnvis.gui.regrouping import Regrouping
from cnnvis.gui.services import Services
from cnnvis.gui.studies.contributions import ContributionStudy
from cnnvis.gui.studies.drawn import DrawnImages
from cnnvis.gui.studies.edges import Edges
from cnnvis.gui.studies.explain import Explain
from cnnvis.gui.studies.health import HealthStudy
from cnnvis.gui.studies.instances import Instances
from cnnvis.gui.studies.paths import Paths
from cnnvis.gui.studies.study import Study
from cnnvis.gui.studies.subsets import Subsets
from cnnvis.gui.studies.together import TogetherStudy
from cnnvis.gui.studies.trust import Trust
from cnnvis.gui.view import Notice, Offer, View, Work
from cnnvis.model.document import Document
from cnnvis.model.job import AnalysisPlan, Job, read_job
from cnnvis.model.session import Session


@dataclass(frozen=True, slots=True)
class Phase:
    """A step of a long analysis: since when it runs, and from which count."""

    what: str = ""
    since: float = 0.0
    first: int = 0


class Controller(Regrouping):
    """One window's document and what happens to it. All methods are called in the main thread."""

    def __init__(
        self,
        view: View,
        jobs: Jobs,
        services: Services,
        settings: Settings,
        autosaves: Autosaves,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(view, jobs, services, parent)
        self._settings, self._autosaves = settings, autosaves
        self._trusted = set(filter(None, settings.text("trusted").split("\n")))
        self._phase = Phase()
        self._copied: Session | None = None
        self.edges = Edges(self, view, jobs, services)
        self.health = HealthStudy(self, view, jobs, services)
        self.studies: tuple[Study, ...] = (self.edges, self.health)
        self.instances = Instances(self, view, jobs, services)
        self.studies = (*self.studies, Subsets(self, view, jobs, services), self.instances)
        self.contributions = ContributionStudy(self, view, jobs, services)
        self.explain = Explain(self, view, jobs, services)
        self.trust = Trust(self, view, jobs, services)
        self.together = TogetherStudy(self, view, jobs, services)
        paths = Paths(self, view, jobs, services)
        self.drawn = DrawnImages(self, view, jobs, services)
        self.studies = (*self.studies, self.contributions, self.explain, self.trust, paths, self.together, self.drawn)

    def _changed(self, old: Session, new: Session) -> None:
        super()._changed(old, new)
        self.contributions.follow(new)
        self.health.follow(new)

    def _shown(self) -> None:
        self.drawn.follow()

    # Opening

    def open(self, path: Path) -> None:
        """Open a session or run a job; asks about unsaved work first."""
        from cnnvis.workflow.files import checked_kind

        try:
            job = read_job(path) if checked_kind(path) == "job" else None
        except CnnvisError as error:
            self.fail(error)
            return
        if job is not None:
            self._settings.remember(path)
            self.analyze(job)
        elif self.may_leave():
            self.leave()
            self._load(path, path)

    def recover(self, path: Path) -> None:
        """Open an autosave as unsaved work."""
        self._load(path, None)

    def _load(self, path: Path, home: Path | None) -> None:
        def done(session: Session) -> None:
            document = Document(session)
            if home is not None:
                self._settings.remember(home)
            else:
                document.mark_saved(False)
                self._autosaves.discard(path)
            self.place(document, home)

        def failed(error: BaseException) -> None:
            self._view.show_start()
            self.fail(error)

        self._view.show_loading(f"Opening {path.name}" if home is not None else "Bringing back your work")
        self._jobs.start("open", lambda progress: self._services.load(path), done, failed)

    def show(self, session: Session) -> None:
        """Show a session that was made elsewhere, as unsaved work."""
        self.leave()
        document = Document(session)
        document.mark_saved(False)
        self.place(document, None)

    # A long analysis

    def analyze(self, job: Job) -> None:
        """Run a job and show what is known so far; asks about unsaved work first."""
        if not self.may_leave():
            return
        self.leave()
        job = self._preferred(job)
        self._view.show_loading("Starting")
        self._view.show_work(Work("Starting"))
        trusted = frozenset(self._trusted)

        def failed(error: BaseException) -> None:
            self._view.show_work(None)
            if isinstance(error, UntrustedCode) and error.digest and self._may_trust(error):
                self.analyze(job)
            else:
                self._stopped(error)

        self._jobs.start(
            "analysis",
            lambda progress: self._services.analyze(job, trusted, progress),
            self._analyzed,
            failed,
            lane="long",
            reported=self._report,
            heard=self._learn,
        )
        self._allow()

    def _preferred(self, job: Job) -> Job:
        """The job with the user's preferences where it leaves the choice."""
        plan = job.analysis
        if plan.device == "auto":
            plan = replace(plan, device=self._settings.text("device", "auto"))
        if plan.session_mb == AnalysisPlan().session_mb:
            plan = replace(plan, session_mb=self._settings.number("session_mb", plan.session_mb))
        return replace(job, analysis=plan)

    def connect_network(self) -> None:
        """Bring the network and the images of a session back; the user has been asked."""
        session, document = self.session, self.document
        if session is None or document is None:
            return

        def done(found: Session) -> None:
            self._view.show_work(None)
            if self.document is document:
                self.complete(replace(document.session, activations=found.activations))
                self._view.show_notice(None)  # it may have asked for this
                self._view.flash("The network and its images are connected")
                self.join()

        def failed(error: BaseException) -> None:
            self._view.show_work(None)
            if isinstance(error, UntrustedCode) and error.digest and self._may_trust(error):
                self.connect_network()
            else:
                self.fail(error)

        self._jobs.start(
            "analysis",
            lambda progress: self._services.connect(session, frozenset(self._trusted), progress),
            done,
            failed,
            lane="long",
            reported=self._report,
        )
        self._view.show_work(Work("Connecting the network"))

    def _may_trust(self, error: UntrustedCode) -> bool:
        """Ask whether a file may run code; the answer is remembered by its hash."""
        if not self._view.ask_trust(str(error), error.path, error.digest):
            return False
        self._trusted.add(error.digest)
        self._settings.put("trusted", "\n".join(sorted(self._trusted)))
        return True

    def _learn(self, session: Session) -> None:
        """Show what is known so far, without losing what the user has done meanwhile."""
        if self.document is None:
            document = Document(session)
            document.mark_saved(False)
            self.place(document, None)
            return
        present = self.document.session
        if self.document.undoable is not None:
            analysis = present.analysis
            for layer, partition in session.analysis.clusters.items():
                if layer not in analysis.clusters:
                    analysis = analysis.with_partition(layer, partition)
            session = session.with_analysis(analysis)
        self.document.update(session.with_look(present.look))

    def _analyzed(self, session: Session) -> None:
        self._learn(session)
        self._view.show_work(None)
        self.tell()
        notes = session.activations.notes if session.activations is not None else ()
        if notes:
            self._view.show_notice(Notice(notes[0], "\n\n".join(notes)))

    def _stopped(self, error: BaseException) -> None:
        if self.document is None:
            self._view.show_start()
        elif isinstance(error, Cancelled):
            self._view.show_notice(Notice("Stopped. The picture shows what was computed until then."))
        self.fail(error)
        self._allow()

    def _report(self, done: int, total: int, what: str) -> None:
        now = time.monotonic()
        if what != self._phase.what or done < self._phase.first:
            self._phase = Phase(what, now, done)
        steps, seconds = done - self._phase.first, now - self._phase.since
        rate = steps / seconds if steps > 0 and seconds > 0.3 else None
        sure = seconds > 2 and steps > 0.02 * total  # an early guess would be far off
        left = (total - done) / rate if rate and total and sure else None
        task = self._jobs.running("analysis")
        self._view.show_work(Work(_capital(what), done, total, left, rate, task is not None and task.paused))

    def cancel(self) -> None:
        """Stop a long analysis; what is done stays usable."""
        for topic in ("analysis", "join", *self._studied):
            if self._jobs.running(topic) is not None:
                self._view.show_work(Work("Stopping"))
                self._jobs.cancel(topic)

    @property
    def _studied(self) -> tuple[Hashable, ...]:
        return tuple(topic for study in self.studies for topic in study.topics)

    def pause(self) -> None:
        """Hold a long analysis, or let it go on."""
        for topic in ("analysis", "join", *self._studied):
            task = self._jobs.running(topic)
            if task is not None:
                task.pause(not task.paused)
                self._view.show_paused(task.paused)

    # Saving and leaving

    def save(self, path: Path | None = None, images: bool = True) -> None:
        """Save in the background; asks where, if there is no file yet."""
        target = path or self.path or self._view.ask_where(Path(f"{self.name}.cnnvis"))
        document = self.document
        if target is None or document is None:
            return
        session = document.session
        kept = self.arranged(session)

        def done(written: Path) -> None:
            if self.document is document:
                self._saved(document, session, written)

        self._jobs.start("save", lambda progress: self._services.save(kept, target, images), done, self.fail)

    def _save_now(self) -> bool:
        """Save before leaving; whether it is saved. Waits: the user has asked to leave."""
        target = self.path or self._view.ask_where(Path(f"{self.name}.cnnvis"))
        if target is None or self.document is None:
            return False
        session = self.document.session
        try:
            written = self._services.save(self.arranged(session), target, True)
        except CnnvisError as error:
            self.fail(error)
            return False
        self._saved(self.document, session, written)
        return True

    def _saved(self, document: Document, session: Session, written: Path) -> None:
        self.path = written
        self._settings.remember(written)
        if document.session is session:
            document.mark_saved()
            self._autosaves.discard()
        self.tell()

    def autosave(self) -> None:
        """Keep a copy of unsaved work where it has changed since the last one."""
        document = self.document
        if document is None or not document.unsaved or document.session is self._copied:
            return
        session, target = document.session, self._autosaves.mine
        kept = self.arranged(session)

        def done(written: Path) -> None:
            self._copied = session
            if self.document is not document or not document.unsaved:
                self._autosaves.discard()

        self._jobs.start("autosave", lambda progress: self._services.save(kept, target, True), done, self.fail)

    def offer_recovery(self) -> None:
        """After a crash, offer what was autosaved."""
        orphans = self._autosaves.orphans()
        if not orphans:
            return

        def back() -> None:
            self._view.show_notice(None)
            self.recover(orphans[0])

        def away() -> None:
            self._view.show_notice(None)
            for path in orphans:
                self._autosaves.discard(path)

        offers = (Offer("Bring it back", back), Offer("Discard", away))
        self._view.show_notice(Notice("The last time cnnvis ended unexpectedly; unsaved work was kept.", offers=offers))

    def may_leave(self) -> bool:
        """Whether the present work may go: it is saved, or the user has said so."""
        if self.document is None or not self.document.unsaved:
            return True
        answer = self._view.ask_unsaved(self.name)
        return self._save_now() if answer == "save" else answer == "discard"

    def leave(self) -> None:
        """Take the document off the desk and forget its autosave; nothing is asked."""
        for topic in ("analysis", "open", *self._studied):
            self._jobs.drop(topic)
        for study in self.studies:
            study.leave()
        self._autosaves.discard()
        self._view.show_work(None)
        self._view.show_notice(None)
        self.clear()

    def close_session(self) -> None:
        """Back to the start page; asks about unsaved work first."""
        if self.may_leave():
            self.leave()
            self._view.show_start()


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
