"""The value of a target, from the response of its layer, and its slope."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from cnnvis.compute.probe import Probe, is_out_of_memory
from cnnvis.compute.routes import upstream
from cnnvis.errors import InvalidValue, ModelFailure
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
    value = value.reshape(-1, *layer.shape)  # a network may have dropped the axis of a single sample
    maps = value.movedim(layer.unit_axis % len(layer.shape) + 1, 1)[:, list(target.units)]
    if target.at is not None:
        units = maps.flatten(2)[..., int(np.ravel_multi_index(target.at, layer.spatial))] if target.at else maps
    else:
        flat = maps.flatten(2) if maps.dim() > 2 else maps[..., None]
        units = {"mean": flat.mean(2), "sum": flat.sum(2), "max": flat.amax(2)}[target.reduce]
    weights = torch.ones(len(target.units)) if target.weights is None else torch.tensor(target.weights)
    return units @ weights.to(units)


def slopes(probe: Probe, inputs: Any, layer: Layer, target: Target) -> tuple[Tensor, Tensor]:
    """The response of a layer to a batch, and the slope of the target with respect to it, both (n, *layer.shape).

    Raises ModelFailure where nothing can be differentiated between them.
    """
    network = probe.network
    sink = network[target.layer]
    # Where an in-place step of the network overwrites what the backward pass needs, all of it is kept aside.
    leading = network.reaches([layer.response]) & upstream(network, sink.response)
    for guarded in ((), tuple(sorted(leading - {layer.response}, key=network.index))):
        run = probe.run(
            inputs,
            grad=(layer.response,),
            keep=(sink.response, *guarded),
            stop_after=(layer.response, sink.response),
        )
        maps = run.leaves[layer.response]
        value = maps if sink.response == layer.response else run.values[sink.response]
        try:
            with torch.inference_mode(False), torch.enable_grad():
                total = score(value, sink, target).sum()
                (slope,) = torch.autograd.grad(total, maps, materialize_grads=True)
        except RuntimeError as error:
            if is_out_of_memory(error):
                raise
            failed = error
        else:
            return maps.detach(), slope
    raise ModelFailure(
        f"The way from {layer.name} to {sink.name} must be differentiable; torch says: {failed}"
    ) from failed
