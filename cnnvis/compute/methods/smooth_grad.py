"""SmoothGrad: the mean slope over noisy copies of the input, in which what flickers averages out.

    S(p) = (1 / n) Σ_i ∂y / ∂x (x + e_i),     e_i normal, of a standard deviation of `noise` × (max x − min x);

of the channels the strongest absolute value, as in Saliency, or the signed sum.

Smilkov, Thorat, Kim, Viégas, Wattenberg, "SmoothGrad: removing noise by adding noise", 2017 (arXiv 1706.03825). The
defaults are the paper's: 10–20 % of noise, and little gain beyond 50 copies.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from cnnvis.compute.input_slopes import Channels, input_slopes, over_channels
from cnnvis.compute.method import Cost, Family, Takes
from cnnvis.compute.probe import Probe
from cnnvis.compute.score import checked
from cnnvis.compute.subject import subject
from cnnvis.errors import InvalidValue
from cnnvis.model.attribution import Map
from cnnvis.model.network import Network
from cnnvis.model.target import Target
from cnnvis.progress import Progress, hand_over, silent


@dataclass(frozen=True, slots=True)
class SmoothGrad:
    """How steeply the target changes with each pixel, averaged over noisy copies; calmer than Saliency.

    `n` copies; `noise` their standard deviation as a share of the range of the input's values; `channels` "max" takes
    the strongest absolute slope of the channels, "sum" their signed sum; `seed` fixes the noise. One pass each way per
    copy.
    """

    n: int = 25
    noise: float = 0.1
    channels: Channels = "max"
    seed: int = 0

    title: ClassVar[str] = "SmoothGrad"
    paper: ClassVar[str] = "Smilkov et al., SmoothGrad, 2017 (arXiv 1706.03825)"
    family: ClassVar[Family] = "gradients"
    takes: ClassVar[Takes] = "picture"

    def cost(self, network: Network) -> Cost:
        return Cost(1, 1) * self.n

    def __call__(self, probe: Probe, inputs: Any, target: Target, progress: Progress = silent) -> Map:
        """The map (h, w) for one sample; `inputs` is a batch of one. Raises InvalidValue for NaN gradients."""
        if self.n < 1 or self.noise < 0:
            raise InvalidValue(f"SmoothGrad.n must be 1 or more and noise 0 or more; got {self.n} and {self.noise}.")
        checked(probe.network, target)
        about = subject(probe, inputs)
        total, done = torch.zeros(about.x.shape[1:]), 0
        for slope in input_slopes(
            probe, about, target, self._copies(about.x[0]), total=self.n, progress=progress
        ):  # fmt: skip
            total += slope.sum(0)
            done += len(slope)
            found = Map(np.ascontiguousarray(over_channels(total / done, self.channels, "SmoothGrad").numpy()))
            if done < self.n:
                hand_over(progress, found)
        return found

    def _copies(self, x: Tensor) -> Iterator[Tensor]:
        generator = torch.Generator().manual_seed(self.seed)
        spread = self.noise * float(x.max() - x.min())
        for _ in range(self.n):
            noise = torch.randn(x.shape, generator=generator) * spread
            yield (x.float() + noise.to(x.device)).to(x.dtype)
