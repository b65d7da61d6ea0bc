"""Input importance: how much a target changes with each feature of a row, on the scale of the table.

    "slope":        E_k = s_k ∂y / ∂x_k (x)
    "integrated":   E_k = (x_k − m_k) ∫₀¹ ∂y / ∂x_k (m + t (x − m)) dt,     Σ E = y(x) − y(m)

with m and s the mean and the standard deviation of the training rows: the first is what one standard deviation more of
the feature would do, the second what the feature adds compared with a mean row. The sign is kept.

The slope is Simonyan, Vedaldi, Zisserman, "Deep Inside Convolutional Networks", 2014 (arXiv 1312.6034); the integral
Sundararajan, Taly, Yan, "Axiomatic Attribution for Deep Networks", 2017 (arXiv 1703.01365). We differ: slopes are put
on the scale of the table, or features in other units could not be compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal

import numpy as np
import torch

from cnnvis.compute.evaluations import Evaluations
from cnnvis.compute.input_slopes import input_slopes
from cnnvis.compute.method import Cost, Family, Takes
from cnnvis.compute.probe import Probe
from cnnvis.compute.rows import Rows, must_fit, read_rows
from cnnvis.compute.score import checked
from cnnvis.compute.subject import subject
from cnnvis.errors import InvalidValue
from cnnvis.model.attribution import Vector
from cnnvis.model.dataset import Dataset
from cnnvis.model.network import Network
from cnnvis.model.target import Target
from cnnvis.progress import Progress, silent


@dataclass(frozen=True, slots=True)
class InputImportance:
    """How the target changes with each feature of a row, rising (+) or falling (−), on the scale of the table.

    `way` "slope" tells what one standard deviation more of a feature would do, from here; "integrated" what the feature
    adds compared with a mean row, in `steps` from there to here: these sum to the difference of the two targets. One
    pass each way, or one for each step.
    """

    way: Literal["slope", "integrated"] = "slope"
    steps: int = 50
    known: Rows | None = field(default=None, compare=False, repr=False, metadata={"state": True})

    title: ClassVar[str] = "Input importance"
    paper: ClassVar[str] = "Simonyan et al., Deep Inside Convolutional Networks, 2014 (arXiv 1312.6034)"
    family: ClassVar[Family] = "gradients"
    takes: ClassVar[Takes] = "row"

    def cost(self, network: Network) -> Cost:
        return Cost(1, 1) if self.way == "slope" else Cost(1, 1) * self.steps + Cost(2)

    def prepared(
        self, probe: Probe, data: Dataset, rows: Sequence[int], target: Target, progress: Progress = silent
    ) -> InputImportance:
        return replace(self, known=read_rows("InputImportance", probe.network, data, rows, target, progress))

    def __call__(self, probe: Probe, inputs: Any, target: Target, progress: Progress = silent) -> Vector:
        """The importance of each feature (p,) for one row; `inputs` is a batch of one."""
        if self.known is None:
            raise InvalidValue("InputImportance must learn from a table first. Give attribute the `data`.")
        if self.way not in ("slope", "integrated"):
            raise InvalidValue(f"InputImportance.way must be 'slope' or 'integrated'; got {self.way!r}.")
        if self.steps < 1:
            raise InvalidValue(f"InputImportance.steps must be 1 or more; got {self.steps}.")
        checked(probe.network, target)
        about = subject(probe, inputs, picture=False)
        row = about.x[0].double().cpu().numpy()
        must_fit("InputImportance", self.known, row)
        mean, spread = self.known.values.mean(0), self.known.values.std(0)
        if self.way == "slope":
            places, weights, scale = np.ones(1), np.ones(1), spread
        else:
            nodes, shares = np.polynomial.legendre.leggauss(self.steps)
            places, weights, scale = (nodes + 1) / 2, shares / 2, row - mean
        tried = torch.from_numpy(mean + places[:, None] * (row - mean)).to(about.x)
        found = list(input_slopes(probe, about, target, tried, total=len(tried), progress=progress))
        values = scale * (weights @ torch.cat(found).double().cpu().numpy())
        facts = {}
        if self.way == "integrated":
            ends = Evaluations(probe, about, target)(torch.cat([about.x, torch.from_numpy(mean[None]).to(about.x)]))
            facts["expected_sum"] = float(ends[0] - ends[1])
        return Vector(values.astype(np.float32), self.known.features, facts)
