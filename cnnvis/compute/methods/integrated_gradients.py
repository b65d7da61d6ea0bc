"""Integrated gradients: what each pixel adds on the straight way from a baseline to the input.

    E_c(p) = (x_c(p) − b_c(p)) ∫₀¹ ∂y / ∂x_c(p) (b + t (x − b)) dt,      Σ E = y(x) − y(b).

The integral is taken by Gauss–Legendre quadrature. How far the sum is off is reported as `gap`: more steps make it
smaller.

Sundararajan, Taly, Yan, "Axiomatic Attribution for Deep Networks", 2017 (arXiv 1703.01365). Channels are summed, which
keeps the sum.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from cnnvis.compute.evaluations import Evaluations, Fill, filling
from cnnvis.compute.input_slopes import input_slopes
from cnnvis.compute.method import Cost, Family, Takes
from cnnvis.compute.probe import Probe
from cnnvis.compute.score import checked
from cnnvis.compute.subject import subject
from cnnvis.errors import InvalidValue
from cnnvis.model.attribution import Map
from cnnvis.model.network import Network
from cnnvis.model.target import Target
from cnnvis.progress import Progress, silent

_TOO_FAR = 0.1
"""The gap, as a share of what the sum should be, from which on it is said in words."""


@dataclass(frozen=True, slots=True)
class IntegratedGradients:
    """What each pixel adds to the target (+) or takes from it (−), against a baseline that shows nothing.

    `steps` on the way from the baseline to the input; `baseline` "zero" (the mean of the data where inputs are
    normalised), "mean" (of each channel of this input) or "blur". The sum over all pixels is the target's value minus
    that of the baseline. One pass each way per step.
    """

    steps: int = 50
    baseline: Fill = "zero"

    title: ClassVar[str] = "Integrated gradients"
    paper: ClassVar[str] = "Sundararajan et al., Axiomatic Attribution for Deep Networks, 2017 (arXiv 1703.01365)"
    family: ClassVar[Family] = "gradients"
    takes: ClassVar[Takes] = "picture"

    def cost(self, network: Network) -> Cost:
        return Cost(1, 1) * self.steps + Cost(2)

    def __call__(self, probe: Probe, inputs: Any, target: Target, progress: Progress = silent) -> Map:
        """The map (h, w) for one sample; `inputs` is a batch of one. Raises InvalidValue for NaN gradients."""
        if self.steps < 1:
            raise InvalidValue(f"IntegratedGradients.steps must be 1 or more; got {self.steps}.")
        checked(probe.network, target)
        about = subject(probe, inputs)
        base = filling(about, self.baseline)
        x, b = about.x[0].float(), base[0].float()
        places, weights = np.polynomial.legendre.leggauss(self.steps)
        total, done = torch.zeros(x.shape, dtype=torch.float64), 0

        def way() -> Iterator[Tensor]:
            for place in places:
                yield (b + (place + 1) / 2 * (x - b)).to(about.x.dtype)

        for slope in input_slopes(probe, about, target, way(), total=self.steps, progress=progress):
            part = torch.from_numpy(weights[done : done + len(slope)] / 2)
            total += torch.einsum("n,nchw->chw", part, slope.double())
            done += len(slope)
        values = ((x - b).double().cpu() * total).sum(0)
        ends = Evaluations(probe, about, target)(torch.cat([about.x, base]))
        expected = float(ends[0] - ends[1])
        gap = float(values.sum()) - expected
        facts: dict[str, Any] = {"expected_sum": expected, "gap": gap}
        if abs(gap) > _TOO_FAR * abs(expected):
            facts["says"] = "The sum is off by more than a tenth of what it should be; more steps make it exact."
        return Map(np.ascontiguousarray(values.float().numpy()), facts)
