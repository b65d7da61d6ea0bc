"""A way out of dead rectifiers, for the first steps: Lucid's redirected gradients.

Where a rectifier lets nothing of an image's gradient through, because every value that matters is below zero, the
gradient that would raise these values is let through instead. An image that starts in the dead region of its neuron
would stay grey for ever without it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor

from cnnvis.compute.plan import inward, outward
from cnnvis.compute.probe import Instead
from cnnvis.compute.routes import upstream
from cnnvis.compute.steps import step_rectifies
from cnnvis.model.network import Layer, Network

_KINDS = ("ReLU", "ReLU6", "relu", "relu6", "clamp", "clip", "clamp_min")


def redirected(network: Network, nodes: tuple[str, ...], n: int) -> Mapping[str, Instead]:
    """For every rectifier that some nodes are computed from, what computes it instead, for a batch of n images."""
    above = frozenset().union(*(upstream(network, node) for node in nodes))
    return {
        layer.name: partial(_rectified, layer, n)
        for layer in network.layers
        if layer.name in above and layer.kind in _KINDS
    }


def _rectified(layer: Layer, n: int, original: Any, *args: Any, **kwargs: Any) -> Any:
    """A rectifier's value, in a graph that redirects; of a clamp that is none the original's."""
    word = layer.kind.lower()
    rectifies = word.startswith("relu") or step_rectifies(word, args, kwargs)
    if not (rectifies and args and isinstance(args[0], Tensor)):
        return original(*args, **kwargs)
    high = 6.0 if word == "relu6" else math.inf
    if word.startswith("cl"):
        given = args[2] if len(args) > 2 else kwargs.get("max")
        high = float(given) if isinstance(given, (int, float)) else math.inf
    found: Tensor = _Redirect.apply(outward(args[0], layer, n), high)  # type: ignore[no-untyped-call]
    return inward(found, layer)


class _Redirect(torch.autograd.Function):
    """max(x, 0), cut at `high`; samples on axis 0. Its gradient is meant for climbing."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, high: float) -> Tensor:
        below = x <= 0
        ctx.save_for_backward(below, *(() if math.isinf(high) else (x > high,)))
        return x.clamp(0.0, high)

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor, None]:
        below, *above = ctx.saved_tensors
        plain = slope.masked_fill(below | above[0] if above else below, 0.0)
        alive = (plain != 0).any(tuple(range(1, plain.dim())), keepdim=True)
        if bool(alive.all()):
            return plain, None
        inside = slope.masked_fill(below & (slope < 0), 0.0)
        if above:
            inside = inside.masked_fill(above[0] & (slope > 0), 0.0)
        return torch.where(alive, plain, inside), None
