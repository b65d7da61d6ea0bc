"""Drawn images of neurons: do they drive their neurons beyond the strongest real image?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cnnvis.compute.methods import FeatureVisualization
from cnnvis.compute.synthesise import visualize
from cnnvis.model.job import Job, read_job
from cnnvis.model.session import Session
from cnnvis.model.target import Target
from cnnvis.workflow.analyze import analyze
from cnnvis.workflow.demo import demo_job
from cnnvis.workflow.sources import Sources, open_sources

N, TOGETHER, SEED = 32, 8, 0
METHOD = FeatureVisualization()


@dataclass(frozen=True, eq=False)
class Stage:
    """Neurons of one layer: how far the drawn image drives each, (n,), and the strongest real image, (n,)."""

    layer: str
    drawn: NDArray[np.float64]
    real: NDArray[np.float64]


def section(jobs: Sequence[Path] = ()) -> str:
    """The section for the healthy demo network, and for the networks of some jobs."""
    parts = [
        "## Drawn images: beyond the strongest real one\n\n"
        f"{N} neurons drawn by chance (all, where there are fewer) of the layer that stands for each group of layers, "
        f"an image of {METHOD.steps} steps for each, with the parameters the method comes with. Set against the image "
        "among all of the data that drives the neuron most, both in the same measure: the neuron's mean over its map. "
        "Of a neuron that no real image drives there is no ratio. What misses in first layers are neurons that like a "
        "flat colour, which an image reaches slowly: 512 steps bring them nearer.",
    ]
    for name, job in [("demo network *healthy*", demo_job("healthy")), *((p.stem, read_job(p)) for p in jobs)]:
        parts += ["", *table(name, *analysed(job))]
    return "\n".join(parts)


def analysed(job: Job) -> tuple[Session, Sources]:
    sources = open_sources(job)
    return analyze(job, sources=sources), sources


def table(name: str, session: Session, sources: Sources) -> Iterator[str]:
    """A row a stage, from the data to the classes."""
    assert session.activations is not None
    yield f"### {name}, {len(session.activations.samples):,} images"
    yield ""
    yield "| layer | neurons | drawn beyond the strongest image | ratio: 5 % | median | 95 % |"
    yield "|---|---|---|---|---|---|"
    beyond, n = 0, 0
    for group in session.analysis.groups:
        stage = drawn(session, sources, group.representative)
        over = stage.drawn > stage.real
        ratios = stage.drawn[stage.real > 0] / stage.real[stage.real > 0]
        spread = [f"{value:.2f}" for value in np.percentile(ratios, (5, 50, 95))] if len(ratios) else ["–"] * 3
        beyond, n = beyond + int(over.sum()), n + len(over)
        cells = [stage.layer, f"{len(over)}", f"{over.sum()} of {len(over)}", *spread]
        print(name, *cells, flush=True)
        yield f"| {' | '.join(cells)} |"
    yield f"| **all** | {n} | **{beyond} of {n}** ({beyond / n:.0%}) |  |  |  |"


def drawn(session: Session, sources: Sources, layer: str, n: int = N) -> Stage:
    """Images for neurons of a layer, drawn by chance."""
    network = session.analysis.network
    width = network[layer].n_units
    chosen = np.sort(np.random.default_rng(SEED).choice(width, min(n, width), replace=False))
    targets = [Target(layer, (int(unit),)) for unit in chosen]
    found = []
    for first in range(0, len(targets), TOGETHER):
        found += visualize(
            sources.model,
            network,
            targets[first : first + TOGETHER],
            METHOD,
            data=sources.data,
            activations=session.activations,
        )
    drive = [float(np.max(picture.drive)) for picture in found]
    return Stage(layer, np.array(drive), np.array([float(p.facts["strongest"]) for p in found]))
