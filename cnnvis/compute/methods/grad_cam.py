"""Grad-CAM: where a layer's maps speak for a target.

Each map A_k of a layer is weighted by how much the target y gains from it,

    alpha_k = (1 / hw) Σ_p ∂y / ∂A_k(p)          L(p) = Σ_k alpha_k A_k(p),

and L is enlarged to the input's size by bilinear interpolation.

Selvaraju, Cogswell, Das, Vedantam, Parikh, Batra, "Grad-CAM: Visual Explanations from Deep Networks via
Gradient-based Localization", 2017 (arXiv 1610.02391). We differ: the paper keeps only what speaks for the target,
ReLU(L); we keep L with its sign and leave the choice to whoever shows it. The target may be any `Target`, and the
map need not be scaled to 0–1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from torch.nn import functional as F

from cnnvis.compute.method import Cost, Family, Takes
from cnnvis.compute.probe import Probe
from cnnvis.compute.routes import upstream
from cnnvis.compute.score import checked, slopes
from cnnvis.errors import InvalidValue, UnknownName, did_you_mean
from cnnvis.model.attribution import Map
from cnnvis.model.network import Layer, Network
from cnnvis.model.target import Target
from cnnvis.progress import Progress, silent


@dataclass(frozen=True, slots=True)
class GradCam:
    """Grad-CAM's map of what speaks for a target (+) and against it (−), at the resolution of one layer.

    `layer` names the layer whose maps are weighted; None takes the last one with a plane that the target is
    computed from, the target's own where it has one. One forward and one short backward pass.
    """

    layer: str | None = None

    title: ClassVar[str] = "Grad-CAM"
    paper: ClassVar[str] = "Selvaraju et al., Grad-CAM, 2017 (arXiv 1610.02391)"
    family: ClassVar[Family] = "activation maps"
    takes: ClassVar[Takes] = "picture"

    def cost(self, network: Network) -> Cost:
        return Cost(1, 1)

    def __call__(self, probe: Probe, inputs: Any, target: Target, progress: Progress = silent) -> Map:
        """The map (h, w) for one sample; `inputs` is a batch of one.

        Raises UnknownName or InvalidValue where the layer has no plane or the target does not depend on it.
        """
        network = probe.network
        checked(network, target)
        layer = chosen(network, target, self.layer)
        size = _plane(network, layer)
        progress(0, 1, "running the network")
        maps, slope = slopes(probe, inputs, layer, target)
        assert layer.unit_axis is not None
        axis = layer.unit_axis % len(layer.shape) + 1
        maps, slope = maps.movedim(axis, 1), slope.movedim(axis, 1)
        found = (slope.mean((2, 3), keepdim=True) * maps).sum(1, keepdim=True)
        enlarged = F.interpolate(found.float(), size=size, mode="bilinear", align_corners=False)[0, 0]
        progress(1, 1, "running the network")
        return Map(np.ascontiguousarray(enlarged.cpu().numpy()), {"layer": layer.name})


def chosen(network: Network, target: Target, name: str | None) -> Layer:
    """The layer called `name`, or the last one with a plane of more than one place that leads to the target."""
    leading = upstream(network, network[target.layer].response)
    fitting = [
        layer
        for layer in network.drawn
        if layer.response in leading and layer.role != "input" and layer.unit_axis is not None
        if len(layer.spatial) == 2 and layer.spatial != (1, 1)
    ]
    if name is None:
        if not fitting:
            raise InvalidValue(
                f"Grad-CAM's target must depend on a layer with a plane; no such layer leads to {target.layer}."
            )
        return fitting[-1]
    known = {layer.name: layer for layer in fitting}
    if network.hosts[network.resolve(name)] not in known:
        raise UnknownName(
            f"GradCam.layer must be a layer of {network.name} with a plane that {target.layer} depends on; "
            f"got {name!r}. {did_you_mean(name, known)}"
        )
    return known[network.hosts[name]]


def _plane(network: Network, layer: Layer) -> tuple[int, int]:
    """(h, w) of the picture that a layer looks at."""
    for source in network.inputs:
        if len(source.shape) >= 3 and layer.name in network.reaches([source.name]):
            return source.shape[-2], source.shape[-1]
    raise InvalidValue(f"Grad-CAM's input must be a picture; {network.name} takes none of the form (channels, h, w).")
