"""The value of a target, from the response of its layer, and its slope."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cnnvis.compute.probe import Instead, Probe, is_out_of_memory
from cnnvis.compute.routes import upstream
from cnnvis.compute.subject import finite
from cnnvis.errors import InvalidValue, ModelFailure
from cnnvis.model.network import Layer, Network
from cnnvis.model.target import Target

_NOTHING: Mapping[str, Instead] = MappingProxyType({})


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


def slopes(
    probe: Probe, inputs: Any, layer: Layer, target: Target, instead: Mapping[str, Instead] = _NOTHING
) -> tuple[Tensor, Tensor]:
    """The response of a layer to a batch, and the slope of the target with respect to it, both (n, *layer.shape).

    `instead` computes nodes in another way, as in `Probe.run`. Raises ModelFailure where nothing can be differentiated
    between them, InvalidValue where the target's value is NaN or Inf.
    """
    return slopes_at(probe, inputs, (layer,), target, instead, must_be_finite=True)[layer.name]


def slopes_at(
    probe: Probe,
    inputs: Any,
    layers: Sequence[Layer],
    target: Target,
    instead: Mapping[str, Instead] = _NOTHING,
    *,
    must_be_finite: bool = False,
) -> dict[str, tuple[Tensor, Tensor]]:
    """For each layer its response to a batch and the slope of the target there, both (n, *layer.shape).

    One forward and one backward pass. Raises ModelFailure where nothing can be differentiated between them; with
    `must_be_finite` InvalidValue where the target's value is NaN or Inf, which its slopes need not show.
    """
    network = probe.network
    sink = network[target.layer]
    nodes = tuple(dict.fromkeys(layer.response for layer in layers))
    above = upstream(network, sink.response)
    # The target's own node is a leaf only where nothing before it is asked for: else the graph would start at it.
    starts = tuple(n for n in nodes if n != sink.response) if above.intersection(nodes) != {sink.response} else nodes
    # Where an in-place step of the network overwrites what the backward pass needs, all of it is kept aside.
    leading = network.reaches(nodes) & above
    for guarded in ((), tuple(sorted(leading.difference(nodes), key=network.index))):
        run = probe.run(
            inputs,
            instead=instead,
            grad=starts,
            keep=(sink.response, *guarded),
            stop_after=(*nodes, sink.response),
        )
        maps = dict(run.leaves)
        value = maps.setdefault(sink.response, run.values[sink.response])
        try:
            with torch.inference_mode(False), torch.enable_grad():
                total = score(value, sink, target).sum()
                if must_be_finite:
                    finite(total.detach(), f"The target's value at {sink.name}")
                found = torch.autograd.grad(total, [maps[node] for node in nodes], materialize_grads=True)
        except RuntimeError as error:
            if is_out_of_memory(error):
                raise
            failed = error
        else:
            slope = dict(zip(nodes, found))
            return {x.name: (maps[x.response].detach(), slope[x.response]) for x in layers}
    names = ", ".join(layer.name for layer in layers[:3])
    raise ModelFailure(f"The way from {names} to {sink.name} must be differentiable; torch says: {failed}") from failed
