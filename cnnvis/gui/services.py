"""The heavy work that a window asks for. Everything here runs in a job's thread and is imported there."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from cnnvis.errors import InvalidValue
from cnnvis.gui.jobs import Reporter
from cnnvis.layout.diagram import Diagram
from cnnvis.model.analysis import Recipe
from cnnvis.model.connections import Connections
from cnnvis.model.job import Job
from cnnvis.model.partition import Partition
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

    def recluster(self, session: Session, layer: str, recipe: Recipe) -> Partition: ...

    def connect(self, session: Session, trust: Collection[str], progress: Progress) -> Session: ...

    def join(self, session: Session, progress: Progress) -> Connections | None: ...


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

    def recluster(self, session: Session, layer: str, recipe: Recipe) -> Partition:
        """The clusters of a layer by a recipe; locked clusters keep their members."""
        from cnnvis.compute.cluster import cluster_layer

        activations = session.activations
        if activations is None:
            raise InvalidValue(f"The neurons of {layer} must be recorded before clustering. Let the analysis end.")
        present = session.analysis.clusters.get(layer)
        return cluster_layer(session.analysis.network, activations, layer, recipe, locked=present)

    def connect(self, session: Session, trust: Collection[str], progress: Progress) -> Session:
        """The session with its network and images at hand again."""
        from dataclasses import replace

        from cnnvis.workflow.sources import connect_sources

        self._sources = found = connect_sources(session, trust=trust, progress=progress)
        activations = session.activations
        if activations is None:
            return session
        return replace(session, activations=replace(activations, data=found.data))

    def join(self, session: Session, progress: Progress) -> Connections | None:
        """The connections with the edges that are shown but not measured yet; as they are without the network."""
        from cnnvis.workflow.unfold import joined

        return session.connections if self.sources is None else joined(session, self.sources, progress=progress)


def demo(name: str) -> Job:
    """The job of an embedded demo."""
    from cnnvis.workflow.demo import demo_job

    return demo_job(name)
