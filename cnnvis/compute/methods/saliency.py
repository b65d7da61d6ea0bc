"""Saliency: how steeply a target changes with each pixel.

The slope of the target y at the input x, and of its channels the strongest:

    S(p) = max over channels c of |∂y / ∂x_c(p)|.

Simonyan, Vedaldi, Zisserman, "Deep Inside Convolutional Networks: Visualising Image Classification Models and
Saliency Maps", 2014 (arXiv 1312.6034). `channels` "sum" gives the sum of the signed slopes instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from cnnvis.compute.method import Cost, Family, Takes
from cnnvis.compute.probe import Probe
from cnnvis.compute.score import checked, slopes
from cnnvis.compute.subject import finite, subject
from cnnvis.errors import InvalidValue
from cnnvis.model.attribution import Map
from cnnvis.model.network import Network
from cnnvis.model.target import Target
from cnnvis.progress import Progress, silent


@dataclass(frozen=True, slots=True)
class Saliency:
    """How steeply the target changes with each pixel; no signs where `channels` is "max". One pass each way."""

    channels: Literal["max", "sum"] = "max"

    title: ClassVar[str] = "Saliency"
    paper: ClassVar[str] = "Simonyan et al., Deep Inside Convolutional Networks, 2014 (arXiv 1312.6034)"
    family: ClassVar[Family] = "gradients"
    takes: ClassVar[Takes] = "picture"

    def cost(self, network: Network) -> Cost:
        return Cost(1, 1)

    def __call__(self, probe: Probe, inputs: Any, target: Target, progress: Progress = silent) -> Map:
        """The map (h, w) for one sample; `inputs` is a batch of one. Raises InvalidValue for NaN gradients."""
        if self.channels not in ("max", "sum"):
            raise InvalidValue(f"Saliency.channels must be 'max' or 'sum'; got {self.channels!r}.")
        checked(probe.network, target)
        about = subject(probe, inputs)
        progress(0, 1, "running the network")
        _, slope = slopes(probe, inputs, about.layer, target)
        found = finite(slope[0].float(), "Saliency's gradients")
        values = found.abs().amax(0) if self.channels == "max" else found.sum(0)
        progress(1, 1, "running the network")
        return Map(np.ascontiguousarray(values.cpu().numpy()))
