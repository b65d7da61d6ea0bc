"""The main job: from a job to a session, telling now and then what is known so far."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import cnnvis
from cnnvis.errors import InvalidValue
from cnnvis.model.activations import Activations
from cnnvis.model.analysis import Analysis
from cnnvis.model.job import Job, read_job
from cnnvis.model.network import Network
from cnnvis.model.session import Session
from cnnvis.progress import Progress, silent
from cnnvis.workflow.health import measured_health, with_health
from cnnvis.workflow.pictures import collect
from cnnvis.workflow.sources import Sources, fingerprints, open_sources, traced

Partial = Callable[[Session], None]


def analyze(
    job: Job | str | os.PathLike[str],
    *,
    device: str | None = None,
    per_class: int | None = None,
    seed: int | None = None,
    shard: tuple[int, int] | None = None,
    progress: Progress = silent,
    partial: Partial | None = None,
    sources: Sources | None = None,
) -> Session:
    """The session that a job describes: network traced, samples run, neurons clustered and connected, health measured.

    `job` is a value or the path of a `.toml` file; `device`, `per_class` and `seed` stand in for the job's own.
    `shard` (i, n) takes only every n-th sample, from the i-th (1 … n), for `merge`. `partial` is called in this
    thread with what is known so far: first the bare network, then the first images, then all. `sources` are the
    job's network and data where they are open already.

    Raises a CnnvisError that says in one sentence what is wrong with the job, network, weights or data.
    """
    job = job if isinstance(job, Job) else read_job(os.fspath(job))
    job = overridden(job, device, per_class, seed)
    started = time.perf_counter()
    sources = sources or open_sources(job, progress=progress)
    network = traced(job, sources, progress)
    base = bare(job, network)
    if partial is not None:
        partial(base)
    activations, seconds = _recorded(job, sources, base, shard, progress, partial)
    progress(0, 0, "clustering the neurons")
    session = _clustered(base, activations)
    session = replace(session, pictures=collect(session, budget=_picture_budget(job), progress=progress))
    if partial is not None:
        partial(session)
    session = _connected(job, sources, session, progress)
    if shard is None:  # of the merged whole it is measured later
        session = with_health(session, measured_health(session, sources, progress=progress))
    return replace(session, provenance=_provenance(job, activations, seconds, time.perf_counter() - started))


def overridden(job: Job, device: str | None, per_class: int | None, seed: int | None) -> Job:
    """The job with the values given on the command line in the place of its own."""
    plan, data = job.analysis, job.data
    if device not in (None, "auto"):
        plan = replace(plan, device=device)
    if seed is not None:
        plan = replace(plan, seed=seed)
    if per_class is not None:
        data = replace(data, per_class=per_class)
    return replace(job, analysis=plan, data=data)


def bare(job: Job, network: Network) -> Session:
    """A session of which nothing but the network is known."""
    from cnnvis.model.groups import layer_groups

    groups = layer_groups(network, job.analysis.groups)
    recipes = {g.representative: job.analysis.recipe for g in groups}
    return Session(Analysis(network, groups, {}, recipes), job=job)


def _recorded(
    job: Job,
    sources: Sources,
    base: Session,
    shard: tuple[int, int] | None,
    progress: Progress,
    partial: Partial | None,
) -> tuple[Activations, float]:
    from cnnvis.compute.record import record
    from cnnvis.compute.sanity import findings

    indices = None
    if shard is not None:
        first, n = shard
        indices = range(first - 1, len(sources.data), n)
        if not indices:
            raise InvalidValue(
                f"A shard must hold at least one image; {first}/{n} of {len(sources.data)} images holds none. "
                "Use fewer shards."
            )

    def soon(found: Activations) -> None:
        if partial is not None:
            seen = _clustered(base, found)
            partial(replace(seen, pictures=collect(seen, budget=2**24)))

    started = time.perf_counter()
    activations = record(
        sources.model,
        base.analysis.network,
        sources.data,
        layers=job.analysis.layers or None,
        device=job.analysis.device,
        batch=job.analysis.batch,
        indices=indices,
        seed=job.analysis.seed,
        progress=progress,
        partial=None if partial is None else soon,
    )
    seconds = time.perf_counter() - started
    about = tuple(getattr(sources.data, "notes", ()))  # what was left out, and how a table was standardised
    judged = findings(activations, base.analysis.network) if shard is None else ()  # the merged whole is judged later
    notes = (*about, *activations.notes, *judged)
    return replace(activations, notes=notes), seconds


def _clustered(base: Session, activations: Activations) -> Session:
    from cnnvis.compute.cluster import cluster

    assert base.job is not None
    analysis = cluster(
        base.analysis.network,
        activations,
        neurons=base.job.analysis.recipe,
        layers=base.analysis.groups,
        seed=base.job.analysis.seed,
    )
    return replace(base, analysis=analysis, activations=activations)


def _connected(job: Job, sources: Sources, session: Session, progress: Progress) -> Session:
    from cnnvis.compute.connect import connect

    assert session.activations is not None
    connections = connect(
        sources.model,
        session.analysis.network,
        session.activations,
        groups=session.analysis.groups,
        seed=job.analysis.seed,
        device=job.analysis.device,
        probe_samples=job.analysis.probe_images,
        progress=progress,
    )
    return replace(session, connections=connections)


def _picture_budget(job: Job) -> int:
    """Pictures take a third of the session's budget at most; the rest is for responses and means."""
    return job.analysis.session_mb * 2**20 // 3


def versions() -> dict[str, str]:
    """The versions of what computes a session."""
    from importlib.metadata import version

    found = {name: version(name) for name in ("torch", "scikit-learn", "numpy", "pillow")}
    return {"cnnvis": cnnvis.__version__, "python": platform.python_version(), **found}


def _provenance(job: Job, activations: Activations, record_seconds: float, seconds: float) -> Mapping[str, Any]:
    from cnnvis.compute.devices import chosen

    return {
        "versions": versions(),
        "device": str(chosen(job.analysis.device)),
        "seconds": round(seconds, 2),
        "images_per_second": round(activations.n_samples / max(record_seconds, 1e-9), 1),
        "files": fingerprints(job),
    }
