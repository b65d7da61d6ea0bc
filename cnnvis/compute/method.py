"""What an explanation method is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol, runtime_checkable

from cnnvis.compute.probe import Probe
from cnnvis.model.attribution import Evidence
from cnnvis.model.dataset import Dataset
from cnnvis.model.network import Network
from cnnvis.model.target import Target
from cnnvis.progress import Progress

Family = Literal["gradients", "activation maps", "perturbation", "synthesis", "weights", "paths"]
Takes = Literal["picture", "row", "any"]


@dataclass(frozen=True, slots=True)
class Cost:
    """What a method costs for one sample, in passes: of the whole network forward, and backward from the target."""

    forward: int = 0
    backward: int = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.forward + other.forward, self.backward + other.backward)

    def __mul__(self, times: int) -> Cost:
        return Cost(self.forward * times, self.backward * times)

    @property
    def passes(self) -> float:
        """In forward passes; a backward one costs about as much where no weight wants a gradient."""
        return float(self.forward + self.backward)


class Method(Protocol):
    """An explanation method: a frozen dataclass whose fields are its parameters; calling it is the paper.

    A field with `metadata={"state": True}` is no parameter: `prepared` fills it, where a method needs other samples
    than the one it explains. `takes` says of what form the input must be.
    """

    title: ClassVar[str]
    paper: ClassVar[str]
    family: ClassVar[Family]
    takes: ClassVar[Takes]

    def cost(self, network: Network) -> Cost:
        """What one sample costs."""
        ...

    def __call__(self, probe: Probe, inputs: Any, target: Target, progress: Progress = ...) -> Evidence:
        """The evidence for one sample; `inputs` is a batch of one."""
        ...


@runtime_checkable
class Learning(Protocol):
    """A method that learns from samples before it explains one."""

    def prepared(
        self, probe: Probe, data: Dataset, rows: Sequence[int], target: Target, progress: Progress = ...
    ) -> Method:
        """The same method, knowing what it needs of the samples `rows` of `data`."""
        ...
