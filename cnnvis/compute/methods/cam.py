"""CAM: for a network that averages its last maps, what each place adds to a class.

Where the target is a linear function of the averages of some maps, y = b + Σ_k w_k (1 / hw) Σ_p A_k(p), the same
weights apply to the maps themselves:

    L(p) = Σ_k w_k A_k(p),      whose mean over the layer's plane, and b, is y.

The maps are found in the graph: from the target back through steps that are linear in evaluation mode (linear layers,
flattening, dropout, 1×1 convolutions of what is averaged already) to the first plane. The weights are the slope of the
target there, which is the same at all places if and only if the maps are averaged; that is checked. Where the class's
own map is averaged, as in SqueezeNet, that map is the CAM. Behind global average pooling it is h·w times Grad-CAM.

Zhou, Khosla, Lapedriza, Oliva, Torralba, "Learning Deep Features for Discriminative Localization", 2015 (arXiv
1512.04150). For other networks the paper puts such a head in the place of their own and trains it: that is `FittedCam`.
We differ: cells stand where their receptive fields are centred, where the paper stretches the plane over the input.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
from torch import Tensor

from cnnvis.compute.method import Cost, Family, Takes
from cnnvis.compute.planes import enlarged, input_plane, map_of, units_first
from cnnvis.compute.probe import Probe
from cnnvis.compute.score import checked, slopes
from cnnvis.errors import InvalidValue
from cnnvis.model.attribution import Map
from cnnvis.model.network import Layer, Network
from cnnvis.model.target import Target
from cnnvis.progress import Progress, silent

_LINEAR = frozenset(
    "Linear linear addmm matmul Conv1d Conv2d conv1d conv2d conv BatchNorm1d BatchNorm2d batch_norm add cat Identity "
    "Dropout Dropout1d Dropout2d dropout dropout2d Flatten Unflatten flatten unflatten view reshape squeeze unsqueeze "
    "permute transpose getitem contiguous clone mean sum AdaptiveAvgPool1d AdaptiveAvgPool2d AvgPool1d AvgPool2d "
    "adaptive_avg_pool1d adaptive_avg_pool2d avg_pool1d avg_pool2d".split()
)


@dataclass(frozen=True, slots=True)
class Cam:
    """CAM's exact map of what each place adds to a class (+) or takes from it (−).

    For networks that end in global average pooling and linear layers, or average a map per class. One forward and one
    short backward pass.
    """

    title: ClassVar[str] = "CAM"
    paper: ClassVar[str] = "Zhou et al., Learning Deep Features for Localization, 2015 (arXiv 1512.04150)"
    family: ClassVar[Family] = "activation maps"
    takes: ClassVar[Takes] = "picture"

    def cost(self, network: Network) -> Cost:
        return Cost(1, 1)

    def __call__(self, probe: Probe, inputs: Any, target: Target, progress: Progress = silent) -> Map:
        """The map (h, w) for one sample; `inputs` is a batch of one.

        Raises InvalidValue where the target is no linear function of averages of maps.
        """
        network = probe.network
        checked(network, target)
        node = averaged_maps(network, target)
        host = network[network.hosts[node.name]]
        size = input_plane(self, network, host)
        progress(0, 1, "running the network")
        values, slope = slopes(probe, inputs, node, target)
        maps = units_first(values, node)[0].float()
        weights = _weights(units_first(slope, node)[0], node, target)
        progress(1, 1, "running the network")
        return map_of(enlarged((weights[:, None, None] * maps).sum(0), node, size), host)


def averaged_maps(network: Network, target: Target) -> Layer:
    """The node of the maps of which a target should be a linear function; see the module's text."""
    planes = {x.name for x in network.layers if x.unit_axis is not None and len(x.spatial) == 2}
    planes = {name for name in planes if network[name].spatial != (1, 1) and network[name].role != "input"}
    behind = network.reaches(planes)
    name = network[network.hosts[target.layer]].response
    while name not in planes:
        layer = network[name]
        before = [source for source in network.sources(name) if source in behind]
        if layer.kind not in _LINEAR or len(before) != 1:
            what = f"of {len(before)} branches" if layer.kind in _LINEAR else "which is not linear"
            raise _refused(target, f"before it comes {layer.kind} ({name}), {what}")
        (name,) = before
    return replace(network[name], folds=())


def _weights(slope: Tensor, node: Layer, target: Target) -> Tensor:
    """w from the slope (k, h, w). Raises InvalidValue where it differs from place to place."""
    slope, coarse = slope.float(), slope.dtype != torch.float32
    uneven = (slope - slope.mean((1, 2), keepdim=True)).abs().max()
    if float(uneven) > (2e-2 if coarse else 1e-4) * float(slope.abs().max()):
        raise _refused(target, f"it reads the places of {node.name} each for itself")
    return slope.sum((1, 2))


def _refused(target: Target, why: str) -> InvalidValue:
    return InvalidValue(
        f"CAM's target must be a weighted sum of averages of maps; {target.layer} is not: {why}. "
        "Use FittedCam, which fits such a head on the session's images, or Grad-CAM."
    )
