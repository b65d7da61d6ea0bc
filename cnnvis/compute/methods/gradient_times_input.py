"""Gradient × input: how far each pixel, as far as it differs from zero, moves the target to first order.

    E(p) = Σ over channels c of x_c(p) ∂y / ∂x_c(p).

Where the network is piecewise linear without biases, ΣE is the target's value; else it is only the first-order part.
Zero is the mean of the data where inputs are normalised.

Shrikumar, Greenside, Shcherbina, Kundaje, "Not Just a Black Box: Learning Important Features Through Propagating
Activation Differences", 2016 (arXiv 1605.01713).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from cnnvis.compute.input_slopes import input_slope
from cnnvis.compute.method import Cost, Family, Takes
from cnnvis.compute.probe import Probe
from cnnvis.compute.score import checked
from cnnvis.compute.subject import subject
from cnnvis.model.attribution import Map
from cnnvis.model.network import Network
from cnnvis.model.target import Target
from cnnvis.progress import Progress, silent


@dataclass(frozen=True, slots=True)
class GradientTimesInput:
    """What each pixel adds to the target (+) or takes from it (−) to first order. One pass each way."""

    title: ClassVar[str] = "Gradient × input"
    paper: ClassVar[str] = "Shrikumar et al., Not Just a Black Box, 2016 (arXiv 1605.01713)"
    family: ClassVar[Family] = "gradients"
    takes: ClassVar[Takes] = "picture"

    def cost(self, network: Network) -> Cost:
        return Cost(1, 1)

    def __call__(self, probe: Probe, inputs: Any, target: Target, progress: Progress = silent) -> Map:
        """The map (h, w) for one sample; `inputs` is a batch of one. Raises InvalidValue for NaN gradients."""
        checked(probe.network, target)
        about = subject(probe, inputs)
        progress(0, 1, "running the network")
        slope = input_slope(probe, about, target, about.x)[0]
        values = (slope * about.x[0].float().cpu()).sum(0)
        progress(1, 1, "running the network")
        return Map(np.ascontiguousarray(values.numpy()))
