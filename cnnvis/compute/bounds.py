"""Where an activation function ends: the values beyond which it hardly answers any more."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cnnvis.model.limits import LIMITS, NEAR
from cnnvis.model.network import Layer, Network


@dataclass(frozen=True, slots=True)
class Bounds:
    """The least and the largest value of an activation; None where it goes on. `exact`: reached, not approached."""

    low: float | None
    high: float | None
    exact: bool = True

    def reached(self, values: Tensor) -> Tensor:
        """Which values lie at a bound, of the shape of `values`, bool."""
        low, high = self.low, self.high
        span = high - low if low is not None and high is not None else 1.0
        near = 0.0 if self.exact else NEAR * span
        found = torch.zeros_like(values, dtype=torch.bool)
        if low is not None:
            found |= values <= low + near
        if high is not None:
            found |= values >= high - near
        return found


_BOUNDS = {kind: Bounds(*limit) for kind, limit in LIMITS.items()}


def bounds_of(model: nn.Module, network: Network, layer: Layer) -> Bounds | None:
    """The bounds of the activation whose value is the layer's response; None where it has none or none is known."""
    node = network[layer.response]
    kind = node.kind.lower()
    module = dict(model.named_modules()).get(node.module) if "/" not in node.name else None
    if isinstance(module, nn.ReLU6):
        return _BOUNDS["relu6"]
    if isinstance(module, nn.Hardtanh):
        low, high = float(module.min_val), float(module.max_val)
        return Bounds(None if low == 0.0 else low, high)
    if isinstance(module, (nn.ELU, nn.CELU)):
        return Bounds(-float(module.alpha), None, exact=False)
    return _BOUNDS.get(kind)
