"""The value of a target, from the response of its layer."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from cnnvis.errors import InvalidValue
from cnnvis.model.network import Layer, Network
from cnnvis.model.target import Target


def checked(network: Network, target: Target) -> Layer:
    """The layer of a target. Raises UnknownName or InvalidValue where the network has no such layer, unit or place."""
    layer = network[target.layer]
    if layer.unit_axis is None or max(target.units) >= layer.n_units:
        raise InvalidValue(
            f"Target.units of {layer.name} must be below its {layer.n_units} units; got {max(target.units)}."
        )
    if target.at is not None and (
        len(target.at) != len(layer.spatial) or any(not 0 <= p < n for p, n in zip(target.at, layer.spatial))
    ):
        inside = " × ".join(map(str, layer.spatial)) or "no plane"
        raise InvalidValue(f"Target.at must be a place of the map of {layer.name} ({inside}); got {target.at}.")
    return layer


def score(value: Tensor, layer: Layer, target: Target) -> Tensor:
    """The target's value for each sample, (n,); differentiable. `value` is the response of its layer, samples first."""
    assert layer.unit_axis is not None
    maps = value.movedim(layer.unit_axis % len(layer.shape) + 1, 1)[:, list(target.units)]
    if target.at is not None:
        units = maps.flatten(2)[..., int(np.ravel_multi_index(target.at, layer.spatial))] if target.at else maps
    else:
        flat = maps.flatten(2) if maps.dim() > 2 else maps[..., None]
        units = {"mean": flat.mean(2), "sum": flat.sum(2), "max": flat.amax(2)}[target.reduce]
    weights = torch.ones(len(target.units)) if target.weights is None else torch.tensor(target.weights)
    return units @ weights.to(units)
