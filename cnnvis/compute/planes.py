"""Layers that see the input as a plane, and what is found on them, laid over the input."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cnnvis.compute.method import Method
from cnnvis.compute.probe import Probe
from cnnvis.compute.routes import upstream
from cnnvis.compute.score import checked, slopes_at
from cnnvis.compute.subject import finite
from cnnvis.errors import InvalidValue, UnknownName, did_you_mean
from cnnvis.model.attribution import Map
from cnnvis.model.network import Layer, Network
from cnnvis.model.target import Target
from cnnvis.progress import Progress, silent

Combine = Callable[[Tensor, Tensor], Tensor]
"""From a layer's maps and the target's slopes there, both (k, h, w), to the evidence (h, w)."""


def weighed(
    method: Method,
    probe: Probe,
    inputs: Any,
    target: Target,
    layers: str | tuple[str, ...] | None,
    combine: Combine,
    progress: Progress = silent,
) -> Map:
    """What `combine` makes of the maps of a layer and their slopes, at the size of the input.

    Of several `layers` the evidence is averaged, each divided by its largest absolute value before: else the layer with
    the largest numbers would be the only one seen. One forward and one short backward pass for all of them.
    """
    checked(probe.network, target)
    chosen = map_layers(method, probe.network, target, layers)
    progress(0, 1, "running the network")
    found = slopes_at(probe, inputs, chosen, target, must_be_finite=True)
    size = input_plane(method, probe.network, chosen[0])
    parts: list[NDArray[np.float32]] = []
    for layer in chosen:
        maps, slope = (units_first(x, layer)[0].float() for x in found[layer.name])
        parts.append(enlarged(combine(maps, finite(slope, f"The slopes at {layer.name}")), layer, size))
    progress(1, 1, "running the network")
    return map_of(parts[0] if len(parts) == 1 else _averaged(parts), *chosen)


def _averaged(parts: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """The mean of maps of which each is scaled to a largest absolute value of 1; one of zeros stays so."""
    scaled = [part / (float(np.abs(part).max()) or 1.0) for part in parts]
    found: NDArray[np.float32] = np.stack(scaled).mean(0, dtype=np.float32)
    return found


def map_layers(
    method: Method, network: Network, target: Target, names: str | tuple[str, ...] | None
) -> tuple[Layer, ...]:
    """The layers called `names`, each once, or the one that `map_layer` chooses. Raises InvalidValue for none."""
    if names == ():
        raise InvalidValue(f"{type(method).__name__}.layer must name at least one layer; got none. Use None to choose.")
    wanted = names if isinstance(names, tuple) else (names,)
    return tuple({x.name: x for x in (map_layer(method, network, target, name) for name in wanted)}.values())


def map_layer(
    method: Method, network: Network, target: Target, name: str | None, skip: frozenset[str] = frozenset()
) -> Layer:
    """The layer called `name`, or the last one with a plane of more than one place that leads to the target.

    The target's own layer counts; but what speaks for a single place is looked for before it, and so is what `skip`
    asks to pass over, where there is a layer.
    """
    own = network.hosts[target.layer]
    leading = upstream(network, network[own].response)
    known = {
        layer.name: layer
        for layer in network.drawn
        if layer.response in leading and layer.role != "input" and layer.unit_axis is not None
        if len(layer.spatial) == 2 and layer.spatial != (1, 1)
    }
    if name is None:
        skip = skip if target.at is None else skip | {own}
        before = [layer for layer in known.values() if layer.name not in skip]
        if not known:
            raise InvalidValue(
                f"{method.title}'s target must depend on a layer with a plane; no such layer leads to {target.layer}."
            )
        return (before or list(known.values()))[-1]
    if network.hosts.get(name) not in known:
        raise UnknownName(
            f"{type(method).__name__}.layer must be a layer of {network.name} with a plane that {target.layer} "
            f"depends on; got {name!r}. {did_you_mean(name, known)}"
        )
    return known[network.hosts[name]]


def input_plane(method: Method, network: Network, layer: Layer) -> tuple[int, int]:
    """(h, w) of the picture that a layer looks at."""
    for source in network.inputs:
        if len(source.shape) >= 3 and layer.name in network.reaches([source.name]):
            return source.shape[-2], source.shape[-1]
    raise InvalidValue(
        f"{method.title}'s input must be a picture; {network.name} takes none of the form (channels, h, w)."
    )


def units_first(values: Tensor, layer: Layer) -> Tensor:
    """A layer's values (n, *shape) with the units on axis 1 and the plane behind."""
    assert layer.unit_axis is not None
    return values.movedim(layer.unit_axis % len(layer.shape) + 1, 1)


def enlarged(plane: Tensor, layer: Layer, size: tuple[int, int]) -> NDArray[np.float32]:
    """Evidence on the plane of a layer (h, w) at the size of the input, as `grown` places it."""
    return np.ascontiguousarray(grown(plane, layer, size).cpu().numpy())


def grown(planes: Tensor, layer: Layer, size: tuple[int, int]) -> Tensor:
    """Maps of a layer (…, h, w) at the size of the input (…, H, W), each cell where its receptive field is centred.

    Bilinear between the centres; beyond the outermost ones their values go on. Cells of a layer whose field is not
    known, for it sees everything or the axes were mixed, are spread evenly over the input.
    """
    planes = planes.detach().float()
    rows, columns = (_between(centres(layer, axis, size[axis]), size[axis]).to(planes) for axis in (0, 1))
    return rows @ planes @ columns.T


def centres(layer: Layer, axis: int, n: int) -> NDArray[np.float64]:
    """Where the cells of a plane lie along an axis (0 down, 1 across) of an input of n pixels; pixel 0 lies at 0.0."""
    cells = np.arange(layer.spatial[axis], dtype=np.float64)
    field = layer.field
    if field is None or len(field.size) != 2 or min(field.jump) <= 0:
        return (cells + 0.5) * n / len(cells) - 0.5
    return field.start[axis] + cells * field.jump[axis] + (field.size[axis] - 1) / 2


def _between(places: NDArray[np.float64], n: int) -> Tensor:
    """What each cell at `places` gives to each of n pixels, (n, cells): linear between two, the nearest beyond all."""
    found = np.stack([np.interp(np.arange(n), places, unit) for unit in np.eye(len(places))], axis=1)
    return torch.from_numpy(found)


def map_of(values: NDArray[np.float32], *layers: Layer, **facts: Any) -> Map:
    """The evidence with the layers it comes from, and a word where nothing in it is positive."""
    said = {"layer": ", ".join(layer.name for layer in layers), **facts}
    if float(values.max()) <= 0 and "says" not in said:
        where = "this layer" if len(layers) == 1 else "these layers"
        said["says"] = f"Nothing in {where} speaks for the target."
    return Map(np.ascontiguousarray(values, np.float32), said)
