"""LayerCAM: every place of every map weighted by its own positive slope, which keeps early layers sharp.

    L(p) = Σ_k ReLU(∂y / ∂A_k(p)) A_k(p).

Jiang, Zhang, Hou, Cheng, Wei, "LayerCAM: Exploring Hierarchical Class Activation Maps for Localization", IEEE
Transactions on Image Processing 30, 2021. We differ: the paper keeps ReLU(L); where maps have no negative values L is
positive anyway. Its fusion of layers takes the maximum of scaled maps; ours, as for the whole family, their mean. Cells
stand where their receptive fields are centred.
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
class LayerCam:
    """LayerCAM's map of where a layer speaks for the target; fine also in early layers.

    `layer` names the layer whose places are weighted, or several to average, each scaled to a largest value of 1; None
    takes the last one with a plane. One forward and one short backward pass.
    """

    layer: str | tuple[str, ...] | None = None

    title: ClassVar[str] = "LayerCAM"
    paper: ClassVar[str] = "Jiang et al., LayerCAM, IEEE Transactions on Image Processing 30, 2021"
    family: ClassVar[Family] = "activation maps"
    takes: ClassVar[Takes] = "picture"

    def cost(self, network: Network) -> Cost:
        return Cost(1, 1)

    def __call__(self, probe: Probe, inputs: Any, target: Target, progress: Progress = silent) -> Map:
        """The map (h, w) for one sample; `inputs` is a batch of one. Raises as Grad-CAM does."""
        return weighed(self, probe, inputs, target, self.layer, combined, progress)


def combined(maps: Tensor, slope: Tensor) -> Tensor:
    """The paper's equation before its last ReLU."""
    return (slope.relu() * maps).sum(0)
