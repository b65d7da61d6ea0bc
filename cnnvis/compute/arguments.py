"""A batch of inputs as the arguments of a network's forward."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from cnnvis.errors import InvalidValue


@dataclass(frozen=True, eq=False, slots=True)
class Arguments:
    """The inputs of a network in a fixed order: by place, then by name in the order of forward's signature."""

    tensors: tuple[Tensor, ...]
    keys: tuple[str, ...] = ()

    @property
    def n(self) -> int:
        """The number of samples."""
        if not self.tensors[0].dim():
            raise InvalidValue("A network's inputs must have a batch axis; got a single number.")
        return self.tensors[0].shape[0]

    def repeated(self, n: int) -> Arguments:
        """Single inputs without batch axis as a batch of n equal ones."""
        return self.mapped(lambda t: t.unsqueeze(0).repeat(n, *(1,) * t.dim()))

    @property
    def args(self) -> tuple[Tensor, ...]:
        return self.tensors[: len(self.tensors) - len(self.keys)]

    @property
    def kwargs(self) -> dict[str, Tensor]:
        return dict(zip(self.keys, self.tensors[len(self.tensors) - len(self.keys) :]))

    def mapped(self, change: Callable[[Tensor], Tensor]) -> Arguments:
        return Arguments(tuple(change(t) for t in self.tensors), self.keys)

    @property
    def shapes(self) -> str:
        """The shapes in words, for a sentence."""
        return " and ".join(str(tuple(t.shape)) for t in self.tensors)


def arguments(inputs: Any, model: nn.Module) -> Arguments:
    """Tensors or arrays, one or a tuple or a dict of them, on the device and in the precision of the model."""
    if isinstance(inputs, Mapping):
        known = list(inspect.signature(model.forward).parameters)
        keys = sorted(inputs, key=lambda k: known.index(k) if k in known else len(known))
        found = Arguments(tuple(_tensor(inputs[k]) for k in keys), tuple(keys))
    elif isinstance(inputs, (tuple, list)):
        found = Arguments(tuple(_tensor(v) for v in inputs))
    else:
        found = Arguments((_tensor(inputs),))
    if not found.tensors:
        raise InvalidValue("A network's inputs must be at least one tensor; got none.")
    weight = next((p for p in model.parameters() if p.is_floating_point()), None)
    return found if weight is None else found.mapped(lambda t: _like(t, weight))


def _tensor(value: Any) -> Tensor:
    if isinstance(value, Tensor):
        return value.detach()
    if isinstance(value, np.ndarray) and value.dtype != object:
        plain = value if value.flags.writeable and min(value.strides, default=0) >= 0 else value.copy()
        return torch.from_numpy(plain)
    if isinstance(value, (bool, int, float, np.generic)):
        return torch.as_tensor(value)
    raise InvalidValue(f"A network's input must be a tensor or an array; got {type(value).__name__}.")


def _like(tensor: Tensor, weight: Tensor) -> Tensor:
    dtype = weight.dtype if tensor.is_floating_point() else tensor.dtype
    return tensor.to(weight.device, dtype)
