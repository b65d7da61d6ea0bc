"""Grad-CAM: where a layer's maps speak for a target.

Each map A_k of a layer is weighted by how much the target y gains from it,

    alpha_k = (1 / hw) Σ_p ∂y / ∂A_k(p)          L(p) = Σ_k alpha_k A_k(p),

and L is enlarged to the input's size by bilinear interpolation between the centres of the cells.

Selvaraju, Cogswell, Das, Vedantam, Parikh, Batra, "Grad-CAM: Visual Explanations from Deep Networks via
Gradient-based Localization", 2017 (arXiv 1610.02391). We differ: the paper keeps only what speaks for the target,
ReLU(L); we keep L with its sign and leave the choice to whoever shows it. The target may be any `Target`, and the
map need not be scaled to 0–1. Programs stretch L over the input; ours, in this whole family, has cells stand where
their receptive fields are centred, which unpadded convolutions and strides move by up to half a cell and more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor

from cnnvis.compute.method import Cost, Family, Takes
from cnnvis.compute.planes import weighed
from cnnvis.compute.probe import Probe
from cnnvis.model.attribution import Map
from cnnvis.model.network import Network
from cnnvis.model.target import Target
from cnnvis.progress import Progress, silent


@dataclass(frozen=True, slots=True)
class GradCam:
    """Grad-CAM's map of what speaks for a target (+) and against it (−), at the resolution of one layer.

    `layer` names the layer whose maps are weighted, or several to average, each scaled to a largest value of 1; None
    takes the last one with a plane that the target is computed from, the target's own where it has one. One forward
    and one short backward pass.
    """

    layer: str | tuple[str, ...] | None = None

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
        return weighed(self, probe, inputs, target, self.layer, combined, progress)


def combined(maps: Tensor, slope: Tensor) -> Tensor:
    """The paper's two equations."""
    return (slope.mean((1, 2), keepdim=True) * maps).sum(0)
