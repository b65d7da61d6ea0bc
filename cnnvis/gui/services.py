"""The heavy work that a window asks for. Everything here runs in a job's thread and is imported there."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from cnnvis.errors import InvalidValue
from cnnvis.gui.jobs import Reporter
from cnnvis.layout.diagram import Diagram
from cnnvis.model.activations import Activations
from cnnvis.model.analysis import Analysis, Recipe
from cnnvis.model.connections import Connections
from cnnvis.model.job import Job
from cnnvis.model.measurements import Edging
from cnnvis.model.partition import Partition
from cnnvis.model.quality import Silhouettes
from cnnvis.model.session import Session
from cnnvis.progress import Progress

if TYPE_CHECKING:
    from cnnvis.workflow.sources import Sources


class Services(Protocol):
    """What the controller asks for; tests answer without a network. `sources` are the live ones, None without them."""

    @property
    def sources(self) -> Sources | None: ...

    def analyze(self, job: Job, trust: Collection[str], progress: Reporter) -> Session: ...

    def load(self, path: Path) -> Session: ...

    def save(self, session: Session, path: Path, images: bool) -> Path: ...

    def draw(self, session: Session, previous: Diagram | None) -> Diagram: ...

    def recluster(
        self, session: Session, recipe: Recipe, layers: Sequence[str], keep_locked: bool, progress: Progress
    ) -> Analysis: ...

    def open_layers(self, session: Session, layers: Sequence[str]) -> Analysis: ...

    def split_in_two(self, session: Session, layer: str, id: int) -> tuple[int, ...]: ...

    def rate(self, session: Session, layer: str, partition: Partition) -> Silhouettes | None: ...

    def connect(self, session: Session, trust: Collection[str], progress: Progress) -> Session: ...

    def join(self, session: Session, asked: Edging, progress: Progress) -> Connections | None: ...


class Workflow:
    """The services as the program has them."""

    def __init__(self, device: str = "auto") -> None:
        self.device = device
        self._sources: Sources | None = None

    @property
    def sources(self) -> Sources | None:
        """The network and its data where they are connected."""
        return self._sources

    def analyze(self, job: Job, trust: Collection[str], progress: Reporter) -> Session:
        """The session of a job; what is known so far is handed over as it comes."""
        progress(0, 0, "starting PyTorch")
        from cnnvis.workflow.analyze import analyze
        from cnnvis.workflow.sources import open_sources

        progress(0, 0, "opening the network and the images")
        sources = open_sources(job, trust=trust, progress=progress)
        session = analyze(job, device=self.device, progress=progress, partial=progress.partial, sources=sources)
        self._sources = sources
        return session

    def load(self, path: Path) -> Session:
        from cnnvis.storage.archive import load

        self._sources = None
        return load(path)

    def save(self, session: Session, path: Path, images: bool) -> Path:
        from cnnvis.storage.archive import save

        return save(session, path, images=images)

    def draw(self, session: Session, previous: Diagram | None) -> Diagram:
        from cnnvis.layout.compose import draw

        return draw(session, previous=previous)

    def recluster(
        self, session: Session, recipe: Recipe, layers: Sequence[str], keep_locked: bool, progress: Progress
    ) -> Analysis:
        """The analysis with some layers, or all, clustered by a recipe."""
        from cnnvis.compute.cluster import recluster

        found = _recorded(session)
        return recluster(session.analysis, found, recipe, layers=layers, keep_locked=keep_locked, progress=progress)

    def open_layers(self, session: Session, layers: Sequence[str]) -> Analysis:
        """The analysis with the clusters of these layers, by their recipes where nobody has opened them yet."""
        from cnnvis.compute.cluster import open_layers

        return open_layers(session.analysis, _recorded(session), layers)

    def split_in_two(self, session: Session, layer: str, id: int) -> tuple[int, ...]:
        """The neurons that the layer's clusterer parts from a cluster."""
        from cnnvis.compute.cluster import split_in_two

        analysis = session.analysis
        return split_in_two(_recorded(session), layer, analysis.clusters[layer][id], analysis.recipe(layer))

    def rate(self, session: Session, layer: str, partition: Partition) -> Silhouettes | None:
        """How well the clusters of a layer are told apart."""
        from cnnvis.model.quality import silhouettes

        return silhouettes(_recorded(session), layer, partition)

    def connect(self, session: Session, trust: Collection[str], progress: Progress) -> Session:
        """The session with its network and images at hand again."""
        from dataclasses import replace

        from cnnvis.workflow.sources import connect_sources

        self._sources = found = connect_sources(session, trust=trust, progress=progress)
        activations = session.activations
        if activations is None:
            return session
        return replace(session, activations=replace(activations, data=found.data))

    def join(self, session: Session, asked: Edging, progress: Progress) -> Connections | None:
        """The connections with the edges that are shown but not measured yet; as they are without the network."""
        from cnnvis.workflow.edges import edges, known_edges

        if self.sources is None:
            return known_edges(session, asked)
        return edges(session, self.sources, asked, progress=progress)


def _recorded(session: Session) -> Activations:
    if session.activations is None:
        raise InvalidValue("The neurons must be recorded before they are clustered. Let the analysis end.")
    return session.activations


def demo(name: str) -> Job:
    """The job of an embedded demo."""
    from cnnvis.workflow.demo import demo_job

    return demo_job(name)
