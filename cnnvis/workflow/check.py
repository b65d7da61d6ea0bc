"""A short try of a job before the long run: what the network sees, what it answers, and what the whole will cost."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cnnvis.errors import UnreadableSample
from cnnvis.model.activations import Activations
from cnnvis.model.job import Job
from cnnvis.model.network import Network
from cnnvis.progress import Progress, silent
from cnnvis.workflow.sources import Sources, open_sources, traced

TRIED = 32
"""So many samples are run; the first few are shown."""


@dataclass(frozen=True, eq=False, slots=True)
class Seen:
    """One sample as the network sees it and its strongest answers, best first."""

    name: str
    picture: NDArray[np.uint8] | None
    label: str
    answers: tuple[tuple[str, float], ...]


@dataclass(frozen=True, eq=False, slots=True)
class Check:
    """What a try of a job showed. `seconds`, `memory` and `disk` (bytes) are estimates for the whole of it."""

    network: Network
    n_samples: int
    seen: tuple[Seen, ...]
    accuracy: float | None
    tried: int
    seconds: float
    memory: int
    disk: int
    warnings: tuple[str, ...]
    sources: Sources


def check(job: Job, *, shown: int = 8, progress: Progress = silent) -> Check:
    """Run a few samples, spread over the data set, as the job says. Takes seconds; loads torch.

    Raises a CnnvisError that says in one sentence what is wrong with the job, network, weights or data.
    """
    sources = open_sources(job, progress=progress)
    from cnnvis.compute.record import record
    from cnnvis.compute.sanity import findings

    network = traced(job, sources, progress)
    n = len(sources.data)
    tried = np.unique(np.linspace(0, n - 1, min(TRIED, n)).astype(int)).tolist()
    layers = job.analysis.layers or None

    def run() -> Activations:
        return record(
            sources.model,
            network,
            sources.data,
            layers=layers,
            device=job.analysis.device,
            batch=job.analysis.batch,
            indices=tried,
            progress=progress,
        )

    run()  # the first run of a network allocates and compiles; the second is like all others
    started = time.perf_counter()
    found = run()
    each = (time.perf_counter() - started) / max(len(tried), 1)
    return Check(
        network=network,
        n_samples=n,
        seen=_seen(found, network, sources, shown),
        accuracy=found.samples.accuracy,
        tried=len(tried),
        seconds=each * n,
        memory=memory_estimate(network, job.analysis.batch or 64),
        disk=disk_estimate(found, n),
        warnings=(*found.notes, *findings(found, network), *_skips(found)),
        sources=sources,
    )


def _seen(found: Activations, network: Network, sources: Sources, shown: int) -> tuple[Seen, ...]:
    table = found.samples
    rows = np.flatnonzero(table.read)
    chosen = rows[np.unique(np.linspace(0, max(len(rows) - 1, 0), min(shown, len(rows))).astype(int))]
    out = []
    for row in chosen:
        index = int(table.indices[row])
        try:
            picture = sources.data.picture(index) if sources.data.kind == "images" else None
        except UnreadableSample:
            picture = None
        answers = tuple(
            (network.classes[k] if k < len(network.classes) else str(k), float(score))
            for k, score in zip(table.ranked[row].tolist(), table.scores[row].tolist())
            if k >= 0 and math.isfinite(score)
        )
        out.append(Seen(table.names[row], picture, _label(found, network, int(row)), answers))
    return tuple(out)


def _label(found: Activations, network: Network, row: int) -> str:
    """What the data say the sample is, in words; "" where unlabelled."""
    labels = found.samples.labels
    if labels.ndim == 2:
        return ", ".join(network.classes[k] for k in np.flatnonzero(labels[row]) if k < len(network.classes))
    value = labels[row]
    if np.issubdtype(labels.dtype, np.floating):
        return f"{float(value):.4g}"
    return network.classes[int(value)] if 0 <= int(value) < len(network.classes) else ""


def _skips(found: Activations) -> tuple[str, ...]:
    skipped = found.samples.skipped
    return tuple(f"{s.name} cannot be read: {s.reason}." for s in skipped[:3])


def memory_estimate(network: Network, batch: int) -> int:
    """Bytes that a pass takes at most: the weights, and the four largest maps of a batch at once."""
    maps = sorted((math.prod(layer.shape) for layer in network.layers if layer.shape), reverse=True)
    return 4 * network.parameters + 4 * batch * sum(maps[:4]) + 400 * 2**20


def disk_estimate(found: Activations, n: int) -> int:
    """Bytes of pooled responses of all recorded layers on disk during the pass."""
    return 2 * n * sum(layer.n_units for layer in found.layers.values())
