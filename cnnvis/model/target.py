"""Anything in a network that can be explained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cnnvis.errors import InvalidValue


@dataclass(frozen=True, slots=True)
class Target:
    """A scalar of a network: a class, a neuron, a cluster of neurons, a place in a map or a direction.

    The value is the sum over `units` of the layer's response, weighted by `weights` (1 each where None), reduced
    over its spatial axes by `reduce`, or taken `at` one place of the map. A class is the unit of
    `network.output`.
    """

    layer: str
    units: tuple[int, ...]
    at: tuple[int, ...] | None = None
    reduce: Literal["mean", "max", "sum"] = "mean"
    weights: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "units", tuple(int(u) for u in self.units))
        if self.at is not None:
            object.__setattr__(self, "at", tuple(int(p) for p in self.at))
        if self.weights is not None:
            object.__setattr__(self, "weights", tuple(float(w) for w in self.weights))
        if not self.units:
            raise InvalidValue(f"Target.units of {self.layer} must name at least one unit; got none.")
        if min(self.units) < 0:
            raise InvalidValue(f"Target.units of {self.layer} must be 0 or more; got {min(self.units)}.")
        if self.reduce not in ("mean", "max", "sum"):
            raise InvalidValue(f"Target.reduce must be 'mean', 'max' or 'sum'; got {self.reduce!r}.")
        if self.weights is not None and len(self.weights) != len(self.units):
            raise InvalidValue(
                f"Target.weights must be as many as its units; got {len(self.weights)} for {len(self.units)}."
            )
