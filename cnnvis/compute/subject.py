"""The input that an explanation is about, among all that a network takes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from cnnvis.compute.arguments import Arguments, arguments
from cnnvis.compute.probe import Probe
from cnnvis.errors import InvalidValue
from cnnvis.model.network import Layer, Network


@dataclass(frozen=True, eq=False)
class Subject:
    """One sample's inputs, of which one is looked at: `x` (1, …), in the precision and on the device of the model.

    `layer` is its input node. The other inputs stay as they are.
    """

    x: Tensor
    layer: Layer
    _all: Arguments
    _place: int

    def put(self, changed: Tensor) -> Any:
        """The network's inputs with changed copies (n, …) in the place of `x`; the others are repeated."""
        n = len(changed)
        tensors = tuple(
            changed if i == self._place else t.expand(n, *t.shape[1:]) for i, t in enumerate(self._all.tensors)
        )
        if self._all.keys:
            names = [*self._all.keys]
            if len(names) < len(tensors):
                raise InvalidValue("A network's inputs must all be named or none; got some of each.")
            return dict(zip(names, tensors))
        return tensors if len(tensors) > 1 else tensors[0]

    def with_x(self, x: Tensor) -> Subject:
        """The same with another sample's values in the place of `x`."""
        return replace(self, x=x)


def subject(probe: Probe, inputs: Any, *, picture: bool = True) -> Subject:
    """The input to explain in a batch of one: the first that is a picture (channels, h, w), or the first that is a
    row (n,) where no `picture` is asked for. Raises InvalidValue where the network takes none of the form.
    """
    network = probe.network
    found = arguments(inputs, probe.model)
    if found.n != 1:
        raise InvalidValue(f"An explanation is about one sample; got a batch of {found.n}.")
    form, axes = ("a picture of the form (channels, h, w)", 3) if picture else ("a row of numbers", 1)
    for place, layer in enumerate(network.inputs[: len(found.tensors)]):
        x = found.tensors[place]
        if x.dim() == axes + 1 and x.is_floating_point():
            return Subject(x, layer, found, place)
    takes = " and ".join(str(layer.shape) for layer in network.inputs)
    raise InvalidValue(f"The input to explain must be {form}; {network.name} takes {takes}.")


def finite(values: Tensor, what: str) -> Tensor:
    """The values, where all are finite. Raises InvalidValue where the network gave NaN or Inf."""
    if bool(torch.isfinite(values).all()):
        return values
    raise InvalidValue(
        f"{what} must be finite; the network gave NaN or Inf. Look at the health of its layers, or use float32 weights."
    )


def plane(network: Network) -> tuple[int, int]:
    """(h, w) of the picture that a network takes; (0, 0) where it takes none."""
    for layer in network.inputs:
        if len(layer.shape) == 3:
            return layer.shape[1], layer.shape[2]
    return 0, 0
