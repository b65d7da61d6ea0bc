"""Which neurons see a region of an image: one pass, each layer's response inside the region against outside it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from cnnvis.compute.attribute import batch_of_one
from cnnvis.compute.probe import probe
from cnnvis.errors import InvalidValue
from cnnvis.model.network import Layer, Network
from cnnvis.model.seeing import Seeing
from cnnvis.progress import Progress, silent


def seeing(
    model: nn.Module,
    network: Network,
    sample: Any,
    box: tuple[int, int, int, int],
    *,
    progress: Progress = silent,
) -> Seeing:
    """How every unit with a map answers inside a box (top, left, bottom, right), in pixels of the input, and outside.

    A place of a map counts as inside where the middle of what it sees lies in the box; where none does, because the map
    is coarse, the one nearest to the box's middle. One forward pass. Raises InvalidValue for a box without an area.
    """
    top, left, bottom, right = box
    if bottom <= top or right <= left:
        raise InvalidValue(f"The region must have an area; got {box}. Draw it larger.")
    layers = {
        layer.response: layer
        for layer in network.drawn
        if layer.role != "input" and layer.unit_axis is not None and len(layer.spatial) == 2
        if layer.spatial != (1, 1) and layer.field is not None
    }
    progress(0, 1, "running the network")
    with probe(model, network) as opened:
        run = opened.run(batch_of_one(sample, len(network.inputs)), keep=tuple(layers))
    inside: dict[str, NDArray[np.float32]] = {}
    outside: dict[str, NDArray[np.float32]] = {}
    for node, layer in layers.items():
        assert layer.unit_axis is not None
        value = run.values[node].detach().reshape(1, *layer.shape)
        maps = value.movedim(layer.unit_axis % len(layer.shape) + 1, 1)[0].float().cpu().numpy()
        within = _within(layer, box)
        if within.all():
            continue
        inside[layer.name] = np.asarray(maps[:, within].max(1))
        outside[layer.name] = np.asarray(maps[:, ~within].max(1))
    progress(1, 1, "running the network")
    return Seeing(box, inside, outside)


def _within(layer: Layer, box: tuple[int, int, int, int]) -> NDArray[np.bool_]:
    """Which places of a layer's map look at a box, (h, w)."""
    field = layer.field
    assert field is not None
    sides = []
    for axis, n in enumerate(layer.spatial):
        middles = field.start[axis] + np.arange(n) * field.jump[axis] + field.size[axis] / 2
        low, high = box[axis], box[axis + 2]
        within = (middles >= low) & (middles < high)
        if not within.any():
            within[int(np.argmin(np.abs(middles - (low + high) / 2)))] = True
        sides.append(within)
    return np.asarray(sides[0][:, None] & sides[1][None, :])
