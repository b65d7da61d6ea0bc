"""HiResCAM: Grad-CAM without the averaging of slopes, so that it shows exactly the places that the target used.

    L(p) = Σ_k (∂y / ∂A_k(p)) A_k(p).

Where nothing but a linear step follows the layer, ΣL over its places is the target's value without the bias; behind
global average pooling it equals Grad-CAM.

Draelos, Carin, "Use HiResCAM instead of Grad-CAM for faithful explanations of convolutional neural networks", 2020
(arXiv 2011.08891). We keep the sign, and cells stand where their receptive fields are centred, bilinear between them:
where they are not one a pixel, the sum over the layer's places is no longer that over pixels.
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
class HiResCam:
    """HiResCAM's map of the places of a layer that the target used, for it (+) and against it (−).

    `layer` names the layer whose maps are multiplied by their slopes, or several to average, each scaled to a largest
    value of 1; None takes the last one with a plane. One forward and one short backward pass.
    """

    layer: str | tuple[str, ...] | None = None

    title: ClassVar[str] = "HiResCAM"
    paper: ClassVar[str] = "Draelos, Carin, Use HiResCAM instead of Grad-CAM, 2020 (arXiv 2011.08891)"
    family: ClassVar[Family] = "activation maps"
    takes: ClassVar[Takes] = "picture"

    def cost(self, network: Network) -> Cost:
        return Cost(1, 1)

    def __call__(self, probe: Probe, inputs: Any, target: Target, progress: Progress = silent) -> Map:
        """The map (h, w) for one sample; `inputs` is a batch of one. Raises as Grad-CAM does."""
        return weighed(self, probe, inputs, target, self.layer, combined, progress)


def combined(maps: Tensor, slope: Tensor) -> Tensor:
    """The paper's equation."""
    return (slope * maps).sum(0)
