"""Networks and methods of which every score of a scorecard is known."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from cnnvis.compute.method import Cost
from cnnvis.compute.scorecard.case import Case
from cnnvis.compute.scorecard.controls import centre, edges
from cnnvis.compute.subject import subject
from cnnvis.compute.trace import trace
from cnnvis.model.attribution import Map, Vector
from cnnvis.model.network import Network
from cnnvis.model.target import Target
from cnnvis.progress import Progress, silent


class Sum(nn.Module):
    """Two outputs: the weighted sum of all inputs, and its negative."""

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.flatten = nn.Flatten()
        self.fc = nn.Linear(weight.numel(), 2, bias=False)
        with torch.no_grad():
            self.fc.weight.copy_(torch.stack([weight.flatten(), -weight.flatten()]))

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.flatten(x))


class Table(nn.Module):
    """The value of the target by how many pixels are not zero; what is in them does not matter."""

    def __init__(self, values: list[float]) -> None:
        super().__init__()
        self.register_buffer("values", torch.tensor(values))

    def forward(self, x: Tensor) -> Tensor:
        left = (x.abs() > 1e-9).flatten(1).sum(1)
        value = self.values[left][:, None]
        return torch.cat([value, -value], 1)


@dataclass(frozen=True, slots=True)
class Known:
    """A method that finds what it is told, whatever it is asked."""

    what: str = "centre"

    title: ClassVar[str] = "Known"
    paper: ClassVar[str] = "none"
    family: ClassVar[str] = "perturbation"
    takes: ClassVar[str] = "any"

    def cost(self, network: Network) -> Cost:
        return Cost(1)

    def __call__(self, probe: Any, inputs: Any, target: Target, progress: Progress = silent) -> Map | Vector:
        about = subject(probe, inputs)
        x = about.x
        if self.what == "edges":
            return Map(edges(x).astype(np.float32))
        if self.what == "input":
            return Map(x[0].sum(0).numpy().astype(np.float32))
        return Map(centre(*x.shape[-2:]).astype(np.float32))


@dataclass(frozen=True, slots=True)
class Drawn:
    """A method of chance alone."""

    seed: int = 0

    title: ClassVar[str] = "Drawn"
    paper: ClassVar[str] = "none"
    family: ClassVar[str] = "perturbation"
    takes: ClassVar[str] = "any"

    def cost(self, network: Network) -> Cost:
        return Cost(1)

    def __call__(self, probe: Any, inputs: Any, target: Target, progress: Progress = silent) -> Map:
        shape = subject(probe, inputs).x.shape[-2:]
        return Map(np.random.default_rng(self.seed).random(shape).astype(np.float32))


@dataclass(frozen=True, slots=True)
class Learned:
    """A method that counts how often it learns and is run; `asks`: whether it asks the network what it learns."""

    asks: bool = True
    learned: tuple[list[str], ...] = field(default=(), metadata={"state": True}, compare=False)

    title: ClassVar[str] = "Learned"
    paper: ClassVar[str] = "none"
    family: ClassVar[str] = "perturbation"
    takes: ClassVar[str] = "any"

    counted: ClassVar[list[str]] = []

    def cost(self, network: Network) -> Cost:
        return Cost(1)

    def prepared(self, probe: Any, data: Any, rows: Any, target: Target, progress: Progress = silent) -> Learned:
        progress(0, 1, "learning")
        self.counted.append("learned")
        if self.asks:
            probe.run(data[rows[0]][0][None])
        return replace(self, learned=(["known"],))

    def __call__(self, probe: Any, inputs: Any, target: Target, progress: Progress = silent) -> Map:
        assert self.learned
        self.counted.append("run")
        return Map(np.asarray(subject(probe, inputs).x[0].sum(0), np.float32))


def case(opened: Any, x: Tensor, values: np.ndarray, target: Target, **more: Any) -> Case:
    """The explanation `values` of one input, without axis of samples."""
    method = more.pop("method", Known())
    about = subject(opened, x[None], picture=values.ndim == 2)
    settings = {"expected_sum": None, "seed": 0, **more}
    return Case(opened, x[None], about, target, method, method, np.asarray(values, float), **settings)


def traced(model: nn.Module, x: Tensor) -> tuple[nn.Module, Network]:
    model = model.eval()
    return model, trace(model, x)
