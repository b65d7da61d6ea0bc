"""One explanation to be judged: its evidence, the network and input behind it, and what a measure may ask of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass, field, replace
from functools import cached_property
from typing import Any, Literal, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cnnvis.compute.evaluations import Evaluations, Fill, Value, blurred, filling
from cnnvis.compute.method import Cost, Method
from cnnvis.compute.probe import Probe
from cnnvis.compute.scorecard.controls import controls
from cnnvis.compute.subject import Subject
from cnnvis.errors import InvalidValue
from cnnvis.model.attribution import Evidence, Map, Vector
from cnnvis.model.network import Network
from cnnvis.model.target import Target
from cnnvis.model.truth import Truth
from cnnvis.progress import Progress, silent

FILLED: tuple[Literal["blur", "mean"], ...] = ("blur", "mean")


@dataclass(frozen=True, eq=False)
class Found:
    """What a measure adds to a scorecard; see `Scorecard`."""

    scores: dict[str, float] = field(default_factory=dict)
    controls: dict[str, dict[str, float]] = field(default_factory=dict)
    curves: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    evaluations: int = 0


@dataclass(frozen=True, slots=True)
class Bill:
    """What a measure costs: `evaluations` of the network in batches, and `runs` of the method.

    Besides, runs of the method in `networks` of other weights, for which it learns anew, and `draws` of all weights.
    """

    evaluations: int = 0
    runs: int = 0
    networks: int = 0
    draws: int = 0

    def __add__(self, other: Bill) -> Bill:
        return Bill(*(a + b for a, b in zip(astuple(self), astuple(other))))


@dataclass(frozen=True, eq=False)
class Case:
    """One explanation: `values` (h, w) of a picture or (n,) of a row, float64; `x` its input, (1, …).

    `value`: a class is judged by its probability, any other target by its own score. `ready` is the method, prepared
    where it learns; `prepare(method, probe)` prepares it anew, for other weights or with another seed, where it learns
    from what the network answers.
    `typical` is what a removed feature of a row becomes.
    """

    probe: Probe
    inputs: Any
    about: Subject
    target: Target
    method: Method
    ready: Method
    values: NDArray[np.float64]
    expected_sum: float | None
    seed: int
    value: Value = "score"
    truth: Truth | None = None
    typical: Tensor | None = None
    prepare: Any = None

    @property
    def network(self) -> Network:
        return self.probe.network

    @property
    def picture(self) -> bool:
        """Whether the input is a picture and not a row."""
        return self.values.ndim == 2

    @property
    def fills(self) -> tuple[Literal["blur", "mean"], ...]:
        return FILLED if self.picture else ("mean",)

    @cached_property
    def controls(self) -> dict[str, NDArray[np.float64]]:
        """Maps that know nothing of the network, of the same form."""
        return controls(self.values, self.about.x, self.seed)

    def rng(self, measure: int) -> np.random.Generator:
        """The random stream of a measure: the same whatever else is measured."""
        return np.random.default_rng((self.seed, measure))

    def fill(self, fill: Fill) -> Tensor:
        """What takes the place of removed pixels or features, of the form of x."""
        if self.picture:
            return fill_of(self.about, fill)
        return torch.zeros_like(self.about.x) if self.typical is None or fill == "zero" else self.typical

    def kept(self, masks: NDArray[np.bool_], fill: Tensor) -> Tensor:
        """Copies of the input (n, …) of which only what a mask (n, *values.shape) marks is left."""
        keep = torch.from_numpy(np.ascontiguousarray(masks)).to(self.about.x.device)
        return torch.where(keep[:, None] if self.picture else keep, self.about.x, fill.to(self.about.x))

    def ask(
        self, masks: Iterable[NDArray[np.bool_]], fill: Tensor, progress: Progress, what: str, total: int
    ) -> NDArray[np.float64]:
        """The target's value for copies of which only what the masks (*values.shape) mark is left."""
        asked = Evaluations(
            self.probe, self.about, self.target, value=self.value, total=total, what=what, progress=progress
        )

        def copies() -> Iterator[Tensor]:
            some: list[NDArray[np.bool_]] = []
            for mask in masks:
                some.append(mask)
                if len(some) == asked.batch:
                    yield self.kept(np.stack(some), fill)
                    some = []
            if some:
                yield self.kept(np.stack(some), fill)

        return asked(copies())

    def again(self, method: Method, x: Tensor | None = None, probe: Probe | None = None) -> NDArray[np.float64]:
        """The evidence of another run of a method, for a changed input or through another probe."""
        inputs = self.inputs if x is None else self.about.put(x)
        return evidence_on(self.about, method(probe or self.probe, inputs, self.target, silent))


class Measure(Protocol):
    """One measure of a scorecard: a frozen dataclass that can be called; its fields are its parameters."""

    @property
    def name(self) -> str: ...

    def fits(self, case: Case) -> bool:
        """Whether it can be taken of this explanation."""
        ...

    def bill(self, case: Case) -> Bill:
        """What it will cost, exactly."""
        ...

    def __call__(self, case: Case, progress: Progress = silent) -> Found: ...


def is_class(network: Network, target: Target) -> bool:
    """Whether a target is one class of several, so that it has a probability."""
    output = network[network.output]
    one = network.hosts[target.layer] == output.name or network.hosts[target.layer] == network.hosts[output.name]
    return one and len(target.units) == 1 and output.n_units > 1 and not output.spatial


def fill_of(about: Subject, fill: Fill) -> Tensor:
    """Like `filling`, but a picture too small to blur by a tenth is blurred by a pixel at least."""
    return blurred(about.x, max(0.1 * min(about.x.shape[-2:]), 1.0)) if fill == "blur" else filling(about, fill)


def evidence_on(about: Subject, evidence: Evidence) -> NDArray[np.float64]:
    """The evidence as numbers of the form of the input: (h, w) or (n,). Raises InvalidValue for other evidence."""
    plane = tuple(about.x.shape[-2:]) if about.x.dim() == 4 else tuple(about.x.shape[1:])
    if not isinstance(evidence, (Map, Vector)) or evidence.values.shape != plane:
        raise InvalidValue(
            "A scorecard must be of evidence on the input, a map of its pixels or a value for each of its features; "
            f"got {type(evidence).__name__}. Choose a method that explains one image or row."
        )
    values = np.asarray(evidence.values, np.float64)
    if not np.isfinite(values).all():
        raise InvalidValue("The evidence must be finite to be judged; got NaN or Inf.")
    return values


def passes(cost: Cost) -> float:
    """A method's cost in forward passes."""
    return max(cost.passes, 1.0)


def seeded(method: Method, seed: int) -> Method:
    """The same method with another seed."""
    return replace(method, seed=seed)  # type: ignore[type-var]
