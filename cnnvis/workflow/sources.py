"""From a job to the live network and data it names."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnnvis.errors import InvalidValue, NotConnected, UnreadableSample
from cnnvis.model.dataset import Dataset
from cnnvis.model.job import Job
from cnnvis.model.network import Network
from cnnvis.model.session import Session
from cnnvis.progress import Progress, silent

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, eq=False)
class Sources:
    """A live network with its weights loaded, and the samples to show it; `before` is it at a second checkpoint."""

    model: nn.Module
    data: Dataset
    classes: tuple[str, ...]
    before: nn.Module | None = None

    def example(self) -> Any:
        """The input of the first sample that can be read. Raises InvalidValue where none can."""
        reason = "it is empty"
        for index in range(min(len(self.data), 100)):
            try:
                return self.data[index][0]
            except UnreadableSample as error:
                reason = f"the first fails: {error}"
        raise InvalidValue(f"The data set must hold at least one readable image; {reason}. Check data.source.")


def open_sources(job: Job, *, trust: Collection[str] = (), progress: Progress = silent) -> Sources:
    """The network and the data that a job names, opened. Runs the code that the job names, and no other.

    `trust` adds hashes of files that may run code when opened. Loads torch. Raises a CnnvisError in one sentence.
    """
    progress(0, 0, "loading torch")
    from cnnvis.sources.dataset import open_data, read_classes
    from cnnvis.sources.networks import beside, open_network

    progress(0, 0, "opening the network")
    source = job.network
    trusted = {*source.trust, *trust}
    model = open_network(source.factory, source.weights, folder=job.folder, trust=trusted)
    before = None
    if source.before is not None:
        progress(0, 0, "opening the second checkpoint")
        before = beside(model, job.path(source.before), trust=trusted)
    progress(0, 0, "opening the data")
    data = open_data(job)
    classes = read_classes(source.classes, job.folder) if source.classes is not None else data.classes
    return Sources(model, data, tuple(classes), before)


def traced(job: Job, sources: Sources, progress: Progress = silent) -> Network:
    """The graph of a job's network, named as the job names it."""
    from cnnvis.compute.trace import trace

    progress(0, 0, "tracing the network")
    return trace(
        sources.model,
        sources.example(),
        classes=sources.classes or None,
        name=job.network.name or default_name(job.network.factory),
    )


def default_name(factory: str) -> str:
    """A readable name of a network from how it is opened: "zoo.py:resnet20" gives "resnet20"."""
    place, _, name = factory.rpartition(":")
    return name if place and name else factory


def digest(path: Path) -> str:
    """The sha256 of a file, in hex."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


FILES = ("code", "weights", "before", "code of the data", "transform")
"""What the files are whose hashes a session remembers."""


def fingerprints(job: Job) -> dict[str, dict[str, str]]:
    """For the code and the weights of a job, those to compare with included, their absolute path and sha256.

    Only of those that are files.
    """
    from cnnvis.sources.networks import code_path

    code, source, transform = (
        code_path(name, job.folder) if name else None
        for name in (job.network.factory, job.data.source, job.data.transform)
    )
    weights = job.path(job.network.weights) if job.network.weights else None
    before = job.path(job.network.before) if job.network.before else None
    found = {}
    files = (code, weights, before, source, transform)
    for name, path in zip(FILES, files):
        if path is not None and path.is_file():
            found[name] = {"path": str(path.resolve()), "sha256": digest(path)}
    return found


@dataclass(frozen=True, slots=True)
class Request:
    """What connecting a session to its network would open: shown to the user before anything runs.

    `files` are (what, path, sha256 now or "" where missing, sha256 then); `changed` names those that differ.
    """

    files: tuple[tuple[str, str, str, str], ...]

    @property
    def seals(self) -> frozenset[str]:
        """Path and hash of every file, to remember that they may run; empty where not all code is in files at hand."""
        whats = {what for what, _, _, _ in self.files}
        if "code" not in whats or self.missing:
            return frozenset()
        return frozenset(f"{now} {path}" for _, path, now, _ in self.files)

    @property
    def missing(self) -> tuple[str, ...]:
        return tuple(path for _, path, now, _ in self.files if not now)

    @property
    def changed(self) -> tuple[str, ...]:
        return tuple(path for _, path, now, then in self.files if now and then and now != then)


def connection_request(session: Session) -> Request:
    """The files that `connect_sources` would open, with their hashes now and when the session was made.

    Runs nothing. Raises NotConnected where the session has no job.
    """
    from cnnvis.sources.user_code import is_code

    job = _job_of(session)
    then = session.provenance.get("files", {})
    now = fingerprints(job)
    rows = []
    for what in FILES:
        before, found = then.get(what, {}), now.get(what, {})
        if before or found:
            path = found.get("path") or before.get("path", "")
            rows.append((what, path, found.get("sha256", ""), before.get("sha256", "")))
    known = {what for what, *_ in rows}
    for what, name in (("code of the data", job.data.source), ("transform", job.data.transform)):
        if name and what not in known and is_code(name) and not name.startswith("demo:"):
            rows.append((what, name, "", ""))  # code that is in no file at hand is said as well
    return Request(tuple(rows))


def connect_sources(session: Session, *, trust: Collection[str] = (), progress: Progress = silent) -> Sources:
    """The live network and data of a session that was opened from a file. Runs the code that its job names.

    Raises NotConnected where the session has no job, InvalidValue where the network found is another one.
    """
    job = _job_of(session)
    sources = open_sources(job, trust=trust, progress=progress)
    network = traced(job, sources, progress)
    if network.digest != session.analysis.network.digest:
        raise InvalidValue(
            f"The network to connect must be the one the session was made with, {session.analysis.network.name}; "
            f"{job.network.factory} has other layers. Restore the old file or analyse again."
        )
    return sources


def _job_of(session: Session) -> Job:
    if session.job is None:
        raise NotConnected(
            "The session must know its job to find the network; it was made in a notebook without one. "
            "Analyse again from a job file to compute more."
        )
    return session.job
