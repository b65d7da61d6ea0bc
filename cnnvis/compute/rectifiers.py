"""The rectifiers of a network, and another way back through them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from cnnvis.compute.input_slopes import input_slope
from cnnvis.compute.probe import Instead, Probe
from cnnvis.compute.routes import upstream
from cnnvis.compute.subject import Subject
from cnnvis.errors import InvalidValue
from cnnvis.model.network import Network
from cnnvis.model.target import Target

RECTIFIERS = frozenset("ReLU relu ReLU6 relu6".split())
"""Kinds of nodes that cut off what is negative; all other activations let some of it through."""

OTHERS = frozenset(
    "LeakyReLU leaky_relu PReLU prelu RReLU ELU elu SELU selu CELU celu GELU gelu SiLU silu Mish mish Hardswish "
    "hardswish Softplus softplus Sigmoid sigmoid Tanh tanh Hardtanh hardtanh Hardsigmoid hardsigmoid".split()
)


def guided_slope(title: str, probe: Probe, about: Subject, target: Target) -> tuple[Tensor, dict[str, str]]:
    """The guided slope at the input (c, h, w), and what there is to say of it."""
    network = probe.network
    between = network.reaches([about.layer.name]) & upstream(network, network[target.layer].response)
    instead, others = _guided(network, between)
    if not instead:
        raise InvalidValue(
            f"{title} must find a rectifier (ReLU, ReLU6) between the input and {target.layer}, for it changes the way "
            f"back through rectifiers; {network.name} has none there. Use SmoothGrad or Integrated gradients."
        )
    slope = input_slope(probe, about, target, about.x, instead)[0]
    if not slope.any():
        return slope, {"says": "No slope that speaks for the target reaches the input."}
    if others:
        kept = "1 other activation keeps" if others == 1 else f"{others} other activations keep"
        return slope, {"says": f"Only rectifiers are guided; {kept} the usual slope."}
    return slope, {}


def _guided(network: Network, nodes: frozenset[str]) -> tuple[Mapping[str, Instead], int]:
    """For each rectifier among some nodes, a module's or a function's, how to compute it so that on the way back only
    positive slopes pass; and how many other activations there are among them.
    """
    found = {layer.name: _instead for layer in network.layers if layer.name in nodes and layer.kind in RECTIFIERS}
    return found, sum(layer.kind in OTHERS for layer in network.layers if layer.name in nodes)


def _instead(original: Callable[..., Any], x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """A rectifier as it is, whose slope must be positive to pass."""
    own = x.clone()  # one that writes in place must not write to what the network still holds
    output = original(own, *args, **kwargs)
    passed: Tensor = _Positive.apply(output)  # type: ignore[no-untyped-call]
    return x.copy_(passed) if output is own else passed


class _Positive(torch.autograd.Function):
    """The value as it is; only positive slopes pass."""

    @staticmethod
    def forward(ctx: Any, value: Tensor) -> Tensor:
        return value.clone()

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> Tensor:
        return slopes[0].clamp(min=0)
