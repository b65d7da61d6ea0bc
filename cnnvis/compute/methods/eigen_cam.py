"""Eigen-CAM: the pattern that most of a layer's maps share.

The maps as a matrix O of places × maps have a thin singular value decomposition O = U Σ Vᵀ; the evidence is the
projection on the first right singular vector,

    L = O v₁ = σ₁ u₁.

Muhammad, Yeasin, "Eigen-CAM: Class Activation Map using Principal Components", 2020 (arXiv 2008.00299). The sign of a
singular vector is arbitrary: ours is the one that agrees with the mean absolute response over the plane (its inner
product with L is positive), so that what is bright is what the layer responds to. `centred` takes each map's mean away
first, as widespread implementations do: the first principal component then, which also shows what is below the mean.
Cells stand where their receptive fields are centred.
It never looks at the target, and says so: it shows what a layer sees, not why a class.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch

from cnnvis.compute.method import Cost, Family, Takes
from cnnvis.compute.planes import enlarged, input_plane, map_layer, map_of, units_first
from cnnvis.compute.probe import Probe
from cnnvis.compute.score import checked
from cnnvis.compute.subject import finite
from cnnvis.model.attribution import Map
from cnnvis.model.network import Network
from cnnvis.model.target import Target
from cnnvis.progress import Progress, silent


@dataclass(frozen=True, slots=True)
class EigenCam:
    """Eigen-CAM's map of what a layer responds to most; it depends on the input, not on the target.

    `layer` names the layer; None takes the last one with a plane before the classes. `centred` takes the
    mean of each map away first. One forward pass up to the layer.
    """

    layer: str | None = None
    centred: bool = False

    title: ClassVar[str] = "Eigen-CAM"
    paper: ClassVar[str] = "Muhammad, Yeasin, Eigen-CAM, 2020 (arXiv 2008.00299)"
    family: ClassVar[Family] = "activation maps"
    takes: ClassVar[Takes] = "picture"

    def cost(self, network: Network) -> Cost:
        return Cost(1)

    def __call__(self, probe: Probe, inputs: Any, target: Target, progress: Progress = silent) -> Map:
        """The map (h, w) for one sample; `inputs` is a batch of one. Raises as Grad-CAM does."""
        checked(probe.network, target)
        layer = map_layer(self, probe.network, target, self.layer, skip=probe.network.class_layers)
        size = input_plane(self, probe.network, layer)
        progress(0, 1, "running the network")
        run = probe.run(inputs, keep=(layer.response,), stop_after=(layer.response,))
        maps = finite(units_first(run.values[layer.response], layer)[0].float(), f"The maps of {layer.name}")
        table = maps.flatten(1).T
        if self.centred:
            table = table - table.mean(0)
        left, strength, _ = torch.linalg.svd(table, full_matrices=False)
        found = left[:, 0] * strength[0]
        if float(found @ maps.abs().mean(0).flatten()) < 0:
            found = -found
        share = float(strength[0] ** 2 / (strength**2).sum()) if float(strength[0]) else 0.0
        progress(1, 1, "running the network")
        says = "Eigen-CAM does not look at the target: it shows what this layer responds to."
        return map_of(enlarged(found.reshape(maps.shape[1:]), layer, size), layer, share=round(share, 4), says=says)
