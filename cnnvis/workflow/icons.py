"""Images drawn for the neurons of a layer, with a session's network at hand."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from cnnvis.model.network import Network
from cnnvis.model.session import Session
from cnnvis.model.synthesis import Icons, Way, icon_side
from cnnvis.progress import Progress, silent
from cnnvis.workflow.sources import Sources

if TYPE_CHECKING:
    from cnnvis.compute.methods.feature_visualization import FeatureVisualization

STEPS, COPIES, DIVERSITY = 64, 4, 2.0
"""For how long an icon is drawn; how many of a neuron where they shall be unlike each other, and how much that counts:
at a half those of SqueezeNet are all but alike, at two they are not, and still go far beyond real images."""


def drawn_icons(
    session: Session,
    sources: Sources,
    layer: str,
    units: Sequence[int] | None = None,
    method: FeatureVisualization | None = None,
    *,
    way: Way = "max",
    coarse: bool = False,
    progress: Progress = silent,
) -> Icons:
    """An image for each neuron of a layer, or for some `units`, in one `way`; coarse ones are handed over first.

    A `method` of one's own says more than a way. The numbers by which pictures become inputs are those of the job, else
    learned from the data. `coarse`: a first sight alone. Put them into the session by `with_icons`. Raises as `icons`.
    """
    from cnnvis.compute.devices import chosen, placed
    from cnnvis.compute.methods.feature_visualization import FeatureVisualization
    from cnnvis.compute.synthesise import icons

    usual = FeatureVisualization(
        STEPS, COPIES if way == "diverse" else 1, DIVERSITY, toward="min" if way == "min" else "max"
    )
    asked, job = method or usual, session.job
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
        coarse=coarse,
        progress=progress,
    )


def undrawable(session: Session) -> str:
    """Why no images can be drawn for the neurons of a session, in a sentence; "" where they can."""
    network = session.analysis.network
    if any(len(layer.shape) == 3 for layer in network.inputs):
        return ""
    takes = " and ".join("×".join(map(str, layer.shape)) for layer in network.inputs)
    return f"Pictures can be drawn for neurons of a network that takes pictures; {network.name} takes {takes} numbers."


def drawing_cost(network: Network, layer: str, coarse: bool = False) -> float:
    """The work of an image of a layer's neuron, beside those of other layers: multiplications of all its steps."""
    above, todo = {network[layer].response}, [network[layer].response]
    while todo:
        for source in network.sources(todo.pop()):
            if source not in above:
                above.add(source)
                todo.append(source)
    nodes = [network[name] for name in above]
    work = sum(max(node.parameters, node.n_units) * math.prod(node.spatial) for node in nodes)
    whole = next((node.shape[1:] for node in network.inputs if len(node.shape) == 3), (1, 1))
    field = network[layer].field
    side = min(icon_side(field.size if field is not None and len(field.size) == 2 else None), *whole)
    return float(work) * side**2 / math.prod(whole) * ((0.125 if side > 64 else 0.25) if coarse else 1.0)
