"""Grad-CAM++: Grad-CAM with places weighted so that several objects of one class are all found.

    w_k = Σ_p a_k(p) ReLU(g_k(p))     a_k(p) = g² / (2 g² + (Σ_q A_k(q)) g³)     L(p) = Σ_k w_k A_k(p)

with g = ∂y / ∂A_k(p), for a score that is the exponential of y, whose derivatives are then powers of g; the factor
exp(y) is left out, because it is the same everywhere.

Chattopadhyay, Sarkar, Howlader, Balasubramanian, "Grad-CAM++: Improved Visual Explanations for Deep Convolutional
Networks", 2018 (arXiv 1710.11063). We differ: g² is cancelled, so that no small constant is added below the fraction
(which would rule where slopes are small); only positive slopes count, so a = 1 / (2 + g Σ A). Σ A runs over the
positive values of a map, which are all of them behind a rectifier, as the paper has it; else the fraction has poles.
L is not rectified, and its cells stand where their receptive fields are centred.
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
class GradCamPlusPlus:
    """Grad-CAM++'s map of all places that speak for the target, also where it is there several times.

    `layer` names the layer whose maps are weighted, or several to average, each scaled to a largest value of 1; None
    takes the last one with a plane. One forward and one short backward pass.
    """

    layer: str | tuple[str, ...] | None = None

    title: ClassVar[str] = "Grad-CAM++"
    paper: ClassVar[str] = "Chattopadhyay et al., Grad-CAM++, 2018 (arXiv 1710.11063)"
    family: ClassVar[Family] = "activation maps"
    takes: ClassVar[Takes] = "picture"

    def cost(self, network: Network) -> Cost:
        return Cost(1, 1)

    def __call__(self, probe: Probe, inputs: Any, target: Target, progress: Progress = silent) -> Map:
        """The map (h, w) for one sample; `inputs` is a batch of one. Raises as Grad-CAM does."""
        return weighed(self, probe, inputs, target, self.layer, combined, progress)


def combined(maps: Tensor, slope: Tensor) -> Tensor:
    """The paper's equations, before the last ReLU."""
    gain = slope.relu()
    weights = (gain / (2 + gain * maps.relu().sum((1, 2), keepdim=True))).sum((1, 2), keepdim=True)
    return (weights * maps).sum(0)
