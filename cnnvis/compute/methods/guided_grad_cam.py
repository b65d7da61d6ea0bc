"""Guided Grad-CAM: the sharp edges of guided backpropagation, where Grad-CAM says that they speak for the target.

    E(p) = Σ over channels c of R_c(p) · ReLU(L(p)),

R the guided slope at the input, L Grad-CAM's map at the size of the input.

Selvaraju, Cogswell, Das, Vedantam, Parikh, Batra, "Grad-CAM: Visual Explanations from Deep Networks via
Gradient-based Localization", 2017 (arXiv 1610.02391). Channels are summed with their signs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from cnnvis.compute.method import Cost, Family, Takes
from cnnvis.compute.methods.grad_cam import combined
from cnnvis.compute.planes import weighed
from cnnvis.compute.probe import Probe
from cnnvis.compute.rectifiers import guided_slope
from cnnvis.compute.score import checked
from cnnvis.compute.subject import subject
from cnnvis.model.attribution import Map
from cnnvis.model.network import Network
from cnnvis.model.target import Target
from cnnvis.progress import Progress, silent


@dataclass(frozen=True, slots=True)
class GuidedGradCam:
    """Guided Grad-CAM's map of fine edges that speak for the target, at the resolution of the input.

    `layer` names the layer of Grad-CAM, or several to average, each scaled to a largest value of 1; None takes the last
    one with a plane. For networks with rectifiers only. Two passes each way.
    """

    layer: str | tuple[str, ...] | None = None

    title: ClassVar[str] = "Guided Grad-CAM"
    paper: ClassVar[str] = "Selvaraju et al., Grad-CAM, 2017 (arXiv 1610.02391)"
    family: ClassVar[Family] = "gradients"
    takes: ClassVar[Takes] = "picture"

    def cost(self, network: Network) -> Cost:
        return Cost(2, 2)

    def __call__(self, probe: Probe, inputs: Any, target: Target, progress: Progress = silent) -> Map:
        """The map (h, w) for one sample; `inputs` is a batch of one. Raises InvalidValue without rectifiers."""
        checked(probe.network, target)
        about = subject(probe, inputs)
        coarse = weighed(self, probe, inputs, target, self.layer, combined, progress)
        progress(0, 1, "guiding the gradient")
        slope, says = guided_slope(self.title, probe, about, target)
        values = slope.sum(0).numpy() * np.maximum(coarse.values, 0)
        progress(1, 1, "guiding the gradient")
        return Map(np.ascontiguousarray(values, np.float32), {**says, **coarse.facts})
