"""Health measured the plain way: a trainable copy of the model, one sample at a time, hooks and `.grad`."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn

Loss = Callable[[Tensor, int], Tensor]


def gradients(model: nn.Module, inputs: Tensor, losses: Sequence[Callable[[Tensor], Tensor]]) -> dict[str, Tensor]:
    """The gradient of the mean loss with respect to each parameter."""
    own = copy.deepcopy(model).eval().requires_grad_(True)
    total = {name: torch.zeros_like(p, dtype=torch.float64) for name, p in own.named_parameters()}
    for x, loss in zip(inputs, losses):
        own.zero_grad()
        loss(own(x[None])).backward()
        for name, parameter in own.named_parameters():
            if parameter.grad is not None:
                total[name] += parameter.grad.double() / len(inputs)
    return total


def unit_gradients(
    model: nn.Module, inputs: Tensor, losses: Sequence[Callable[[Tensor], Tensor]], module: str
) -> np.ndarray:
    """Root mean square over samples of the norm of the loss's gradient with respect to each map of a module."""
    own = copy.deepcopy(model).eval()
    kept: list[Tensor] = []

    def keep(_: nn.Module, __: object, out: Tensor) -> Tensor:
        leaf = out.detach().clone().requires_grad_()
        kept.append(leaf)
        return leaf.clone()

    own.get_submodule(module).register_forward_hook(keep)
    squares = 0.0
    for x, loss in zip(inputs, losses):
        kept.clear()
        loss(own(x[None])).backward()
        grad = kept[0].grad
        assert grad is not None
        squares = squares + grad[0].double().reshape(grad.shape[1], -1).square().sum(1).numpy()
    return np.sqrt(squares / len(inputs))
