"""A window and its heavy work that only pretend, for tests of the controller and its studies."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sessions import made_up_session

from cnnvis.gui.jobs import Reporter
from cnnvis.gui.view import Answer, Notice, Work
from cnnvis.layout.compose import draw
from cnnvis.layout.diagram import Diagram, Key
from cnnvis.model.analysis import Analysis, Recipe
from cnnvis.model.connections import Connections
from cnnvis.model.document import Document
from cnnvis.model.job import Job
from cnnvis.model.measurements import Edging
from cnnvis.model.partition import Partition
from cnnvis.model.quality import Silhouettes, silhouettes
from cnnvis.model.session import Session
from cnnvis.progress import Progress, silent
from cnnvis.workflow.sources import Sources


@dataclass
class FakeView:
    """Remembers what it was told, and answers as the test wants."""

    page: str = ""
    diagrams: list[Diagram] = field(default_factory=list)
    selection: tuple[Key, ...] = ()
    title: tuple[str, bool] = ("", False)
    flashes: list[str] = field(default_factory=list)
    works: list[Work | None] = field(default_factory=list)
    notice: Notice | None = None
    met: frozenset[str] = frozenset()
    revealed: list[Key] = field(default_factory=list)
    anchors: list[Key | None] = field(default_factory=list)
    answer: Answer = "cancel"
    where: Path | None = None
    trusts: bool = False
    asked: list[str] = field(default_factory=list)
    seen: frozenset[Key] = frozenset()

    def show_start(self) -> None:
        self.page = "start"

    def show_loading(self, what: str) -> None:
        self.page = "loading"

    def show_session(self, session: Session, diagram: Diagram, anchor: Key | None) -> None:
        self.page = "picture"
        self.diagrams.append(diagram)
        self.anchors.append(anchor)

    def show_selection(self, keys: tuple[Key, ...]) -> None:
        self.selection = keys

    def show_document(self, document: Document | None) -> None:
        pass

    def flash(self, text: str) -> None:
        self.flashes.append(text)

    def show_title(self, name: str, unsaved: bool) -> None:
        self.title = (name, unsaved)

    def show_work(self, work: Work | None) -> None:
        self.works.append(work)

    def show_notice(self, notice: Notice | None) -> None:
        self.notice = notice

    def allow(self, met: frozenset[str]) -> None:
        self.met = met

    def reveal(self, key: Key) -> None:
        self.revealed.append(key)

    def in_view(self, keys: Sequence[Key]) -> frozenset[Key]:
        return self.seen.intersection(keys)

    def ask_unsaved(self, name: str) -> Answer:
        self.asked.append("unsaved")
        return self.answer

    def ask_where(self, suggested: Path) -> Path | None:
        self.asked.append("where")
        return self.where

    def ask_session(self, network: str) -> Path | None:
        self.asked.append("session")
        return self.where

    def ask_trust(self, sentence: str, path: str, digest: str) -> bool:
        self.asked.append("trust")
        return self.trusts


@dataclass
class FakeServices:
    """Does at once what the program takes minutes for."""

    session: Session = field(default_factory=made_up_session)
    saved: list[Path] = field(default_factory=list)
    analysis: Callable[[Collection[str], Reporter], Session] | None = None
    error: Exception | None = None
    joined: Connections | None = None
    joins: list[Edging] = field(default_factory=list)
    sources: Sources | None = None

    def analyze(self, job: Job, trust: Collection[str], progress: Reporter) -> Session:
        return self.analysis(trust, progress) if self.analysis is not None else self.session

    def load(self, path: Path) -> Session:
        if self.error is not None:
            raise self.error
        return self.session

    def save(self, session: Session, path: Path, images: bool) -> Path:
        if self.error is not None:
            raise self.error
        self.saved.append(path)
        path.write_text("a session")
        return path

    def draw(self, session: Session, previous: Diagram | None) -> Diagram:
        return draw(session, previous=previous)

    def recluster(
        self, session: Session, recipe: Recipe, layers: Sequence[str], keep_locked: bool, progress: Progress
    ) -> Analysis:
        analysis = session.analysis
        for layer in layers or analysis.clusters:
            found = Partition.from_labels([i % 2 for i in range(analysis.network[layer].n_units)])
            analysis = analysis.with_recipe(layer, recipe, found)
        return analysis

    def open_layers(self, session: Session, layers: Sequence[str]) -> Analysis:
        return self.recluster(session, Recipe(), layers, True, silent)

    def split_in_two(self, session: Session, layer: str, id: int) -> tuple[int, ...]:
        return session.analysis.clusters[layer][id].members[::2]

    def rate(self, session: Session, layer: str, partition: Partition) -> Silhouettes | None:
        assert session.activations is not None
        return silhouettes(session.activations, layer, partition)

    def connect(self, session: Session, trust: Collection[str], progress: Progress) -> Session:
        return session

    def join(self, session: Session, asked: Edging, progress: Progress) -> Connections | None:
        self.joins.append(asked)
        return self.joined or session.connections
