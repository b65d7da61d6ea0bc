"""Guided backpropagation: the slope at the input, followed only through what is active and speaks for the target.

On the way back through each rectifier a slope passes where the rectifier let its input pass, as always, and where the
slope itself is positive:

    R_before = 1[0 < a] · 1[R_behind > 0] · R_behind.

Springenberg, Dosovitskiy, Brox, Riedmiller, "Striving for Simplicity: The All Convolutional Net", 2014 (arXiv
1412.6806). Modules and functions alike are guided, ReLU and ReLU6 (which also stops what it has cut above). Other
activations let negative values through, so the rule says nothing of them: they keep their own slope, and the result
says so; without any rectifier there is nothing to guide. The picture is sharp because it shows edges; it hardly
depends on the upper layers (Adebayo et al., "Sanity Checks for Saliency Maps", 2018, arXiv 1810.03292).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from cnnvis.compute.input_slopes import Channels, over_channels
from cnnvis.compute.method import Cost, Family, Takes
from cnnvis.compute.probe import Probe
from cnnvis.compute.rectifiers import guided_slope
from cnnvis.compute.score import checked
from cnnvis.compute.subject import subject
from cnnvis.model.attribution import Map
from cnnvis.model.network import Network
from cnnvis.model.target import Target
from cnnvis.progress import Progress, silent


@dataclass(frozen=True, slots=True)
class GuidedBackprop:
    """Guided backpropagation's sharp map of the edges that active neurons use for the target.

    `channels` "sum" adds up the signed slopes of the channels, "max" takes the strongest absolute one. For networks
    with rectifiers only. One pass each way.
    """

    channels: Channels = "sum"

    title: ClassVar[str] = "Guided backpropagation"
    paper: ClassVar[str] = "Springenberg et al., Striving for Simplicity, 2014 (arXiv 1412.6806)"
    family: ClassVar[Family] = "gradients"
    takes: ClassVar[Takes] = "picture"

    def cost(self, network: Network) -> Cost:
        return Cost(1, 1)

    def __call__(self, probe: Probe, inputs: Any, target: Target, progress: Progress = silent) -> Map:
        """The map (h, w) for one sample; `inputs` is a batch of one. Raises InvalidValue without rectifiers."""
        checked(probe.network, target)
        about = subject(probe, inputs)
        progress(0, 1, "running the network")
        slope, facts = guided_slope(self.title, probe, about, target)
        values = over_channels(slope, self.channels, "GuidedBackprop")
        progress(1, 1, "running the network")
        return Map(np.ascontiguousarray(values.numpy()), facts)
