"""Images drawn for the neurons of a layer, with a session's network at hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from cnnvis.model.session import Session
from cnnvis.model.synthesis import Icons
from cnnvis.progress import Progress, silent
from cnnvis.workflow.sources import Sources

if TYPE_CHECKING:
    from cnnvis.compute.methods.feature_visualization import FeatureVisualization


def drawn_icons(
    session: Session,
    sources: Sources,
    layer: str,
    units: Sequence[int] | None = None,
    method: FeatureVisualization | None = None,
    *,
    progress: Progress = silent,
) -> Icons:
    """An image for each neuron of a layer, or for some `units`; coarse ones are handed over first.

    Without a method, with its usual parameters. The numbers by which pictures become inputs are those of the job, else
    learned from the data. Put them into the session by `with_icons`. Raises as `icons`.
    """
    from cnnvis.compute.devices import chosen, placed
    from cnnvis.compute.synthesise import USUAL, icons

    asked, job = method or USUAL, session.job
    if asked.mean is None and job is not None and job.data.mean is not None and job.data.channels != "bgr":
        asked = replace(asked, mean=job.data.mean, std=job.data.std)
    device = job.analysis.device if job is not None else "auto"
    return icons(
        placed(sources.model, chosen(device)),
        session.analysis.network,
        layer,
        units,
        asked,
        data=sources.data,
        activations=session.activations,
        progress=progress,
    )
