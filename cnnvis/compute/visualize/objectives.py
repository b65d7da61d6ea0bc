"""What is climbed: a number for each image, from the responses of layers or from the image itself.

Objectives add and scale: `channel("conv3", 7) + 0.5 * channel("conv3", 9) - 1e-3 * total_variation()`. Where a batch
holds several images, each has its own unit: give one for each. Penalties are positive: subtract them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from cnnvis.compute.score import score
from cnnvis.errors import InvalidValue
from cnnvis.model.network import Layer, Network
from cnnvis.model.target import Target

GREY = 0.5
_OWN = "own value of "


def own(node: str) -> str:
    """What an objective calls the value of a node itself, where the response of its layer is one folded into it."""
    return _OWN + node


def node_of(network: Network, layer: str) -> str:
    """The node that an objective means by a layer's name, or by `own`."""
    return layer.removeprefix(_OWN) if layer.startswith(_OWN) else network[layer].response


@dataclass(frozen=True, eq=False)
class Seen:
    """What an objective is computed from: `images` (n, planes, h, w) as they are drawn, unmoved, and the responses of
    layers to what the network was given of them, by layer, (n, …) each.
    """

    network: Network
    images: Tensor
    responses: Mapping[str, Tensor]

    def layer(self, layer: str) -> Layer:
        """The layer of that name, or of that `own`."""
        return self.network[layer.removeprefix(_OWN)]

    def maps(self, layer: str) -> Tensor:
        """The response of a layer as (n, units, places)."""
        node = self.layer(layer)
        if node.unit_axis is None:
            raise InvalidValue(f"An objective's layer must have units; {layer} has none.")
        value = self.responses[layer].reshape(-1, *self.live(layer))
        units = value.movedim(node.unit_axis % len(node.shape) + 1, 1)
        return units.flatten(2) if units.dim() > 2 else units[..., None]

    def live(self, layer: str) -> tuple[int, ...]:
        """The shape of a layer's response here, without samples: it may differ from the traced one in its plane."""
        value, shape = self.responses[layer], self.layer(layer).shape
        return tuple(value.shape[1:]) if value.dim() == len(shape) + 1 else shape

    def centre(self, layer: str) -> int:
        """The place in the middle of a layer's plane, as `maps` counts them."""
        axis = self.layer(layer).unit_axis or 0
        shape = self.live(layer)
        plane = [n for i, n in enumerate(shape) if i != axis % len(shape)]
        return int(np.ravel_multi_index([n // 2 for n in plane], plane)) if plane else 0


@dataclass(frozen=True, eq=False)
class Objective:
    """A number for each image, (n,), to be raised; `layers` names what it reads."""

    of: Callable[[Seen], Tensor]
    layers: tuple[str, ...] = ()

    def __call__(self, seen: Seen) -> Tensor:
        return self.of(seen)

    def __add__(self, other: Objective | float) -> Objective:
        if isinstance(other, Objective):
            both = tuple(dict.fromkeys((*self.layers, *other.layers)))
            return Objective(lambda seen: self.of(seen) + other.of(seen), both)
        return Objective(lambda seen: self.of(seen) + other, self.layers)

    def __mul__(self, factor: float) -> Objective:
        return Objective(lambda seen: self.of(seen) * factor, self.layers)

    def __neg__(self) -> Objective:
        return self * -1.0

    def __sub__(self, other: Objective | float) -> Objective:
        return self + (-other)

    __radd__, __rmul__ = __add__, __mul__

    def __rsub__(self, other: float) -> Objective:
        return -self + other


def channel(layer: str, units: int | Sequence[int]) -> Objective:
    """The mean of a unit over its plane."""
    return Objective(lambda seen: _units(seen.maps(layer), units).mean(1), (layer,))


def neuron(layer: str, units: int | Sequence[int], at: int | None = None) -> Objective:
    """A unit at one place of its plane, counted row by row; None: in the middle."""

    def of(seen: Seen) -> Tensor:
        return _units(seen.maps(layer), units)[:, seen.centre(layer) if at is None else at]

    return Objective(of, (layer,))


def direction(layer: str, vectors: Tensor, cosine: float = 0.0, at: int | None = None) -> Objective:
    """How far a layer answers along a vector (units,), or along one for each image: the mean of dot products.

    With `cosine` above 0 each product is multiplied by that power of the angle's cosine, at least 0.1. `at`: at one
    place alone.
    """

    def of(seen: Seen) -> Tensor:
        maps = seen.maps(layer) if at is None else seen.maps(layer)[:, :, [at]]
        wanted = vectors.to(maps).reshape(-1, maps.shape[1], 1)
        return _aligned(maps, wanted.expand(len(maps), -1, -1), cosine).mean(1)

    return Objective(of, (layer,))


def likeness(layer: str, response: Tensor, cosine: float = 1.0) -> Objective:
    """How far a layer answers as in a known response (units, places), all places together: dot × cosine^power."""

    def of(seen: Seen) -> Tensor:
        maps = seen.maps(layer).flatten(1)[:, :, None]
        wanted = response.to(maps).flatten()[None, :, None]
        return _aligned(maps, wanted, cosine)[:, 0]

    return Objective(of, (layer,))


def deepdream(layer: str) -> Objective:
    """The mean square of a whole layer: more of whatever it sees."""
    return Objective(lambda seen: seen.maps(layer).square().mean((1, 2)), (layer,))


def class_logit(network: Network, index: int | Sequence[int]) -> Objective:
    """The score of a class before softmax or sigmoid."""
    layer = network[network.output]
    final = {"softmax", "sigmoid", "softmax2d", "hardsigmoid", "logsoftmax", "log_softmax"}
    while layer.kind.lower() in final and len(network.sources(layer.name)) == 1:
        layer = network[network.sources(layer.name)[0]]
    return channel(layer.name, index)


def of_targets(network: Network, targets: Sequence[Target], node: str | None = None) -> Objective:
    """The value of a target for each image; each target has as many images, its own first.

    All targets must be of one layer. `node`: read there instead, such as `own` of the layer.
    """
    layer, key = network[targets[0].layer], node or targets[0].layer
    if any(t.layer != layer.name for t in targets):
        raise InvalidValue("Targets that are optimised together must be of one layer.")
    alike = {(t.reduce, t.at, len(t.units), t.weights) for t in targets}
    if alike == {(targets[0].reduce, None, 1, None)}:
        units, how = [t.units[0] for t in targets], targets[0].reduce

        def quick(seen: Seen) -> Tensor:
            found = _units(seen.maps(key), units)
            return found.mean(1) if how == "mean" else found.sum(1) if how == "sum" else found.amax(1)

        return Objective(quick, (key,))

    def of(seen: Seen) -> Tensor:
        live = replace(layer, shape=seen.live(key))
        parts = seen.responses[key].reshape(len(targets), -1, *live.shape)
        return torch.cat([score(part, live, target) for part, target in zip(parts, targets)])

    return Objective(of, (key,))


def diversity(layer: str, copies: int) -> Objective:
    """How alike the images of each group of `copies` are in style: the mean product of their Gram matrices, 0–1."""

    def of(seen: Seen) -> Tensor:
        maps = seen.maps(layer)
        gram = F.normalize((maps @ maps.transpose(1, 2)).flatten(1), dim=1).reshape(-1, copies, maps.shape[1] ** 2)
        alike = gram @ gram.transpose(1, 2)
        others = alike.sum(2) - alike.diagonal(dim1=1, dim2=2)
        return others.flatten() / copies

    return Objective(of, (layer,))


def alignment(layer: str, decay: float = 2.0) -> Objective:
    """How alike each image's response is to those of the images beside it in the batch; 0 where equal, else below.

    Images i and j count by decay^−|i − j|.
    """

    def of(seen: Seen) -> Tensor:
        maps = seen.maps(layer).flatten(1)
        n = len(maps)
        apart = torch.stack([(maps - maps[i]).abs().mean(1) for i in range(n)])
        places = torch.arange(n)
        weights = decay ** -(places[:, None] - places[None]).abs().float()
        return -(apart * weights.to(maps)).sum(1)

    return Objective(of, (layer,))


def total_variation() -> Objective:
    """How much neighbouring pixels differ, summed."""

    def of(seen: Seen) -> Tensor:
        down, right = seen.images.diff(dim=2).abs(), seen.images.diff(dim=3).abs()
        return down.sum((1, 2, 3)) + right.sum((1, 2, 3))

    return Objective(of)


def l1(constant: float = GREY) -> Objective:
    """How far pixels are from a grey, summed."""
    return Objective(lambda seen: (seen.images - constant).abs().sum((1, 2, 3)))


def l2(constant: float = GREY, epsilon: float = 1e-6) -> Objective:
    """The distance of the image from a grey one."""
    return Objective(lambda seen: (epsilon + (seen.images - constant).square().sum((1, 2, 3))).sqrt())


def roughness() -> Objective:
    """The distance of the image from itself blurred, which stands still: what Lucid calls blurring at each step."""

    def of(seen: Seen) -> Tensor:
        planes = seen.images.shape[1]
        kernel = torch.tensor([[0.5, 0.5, 0.5], [0.5, 1.0, 0.5], [0.5, 0.5, 0.5]]).to(seen.images)
        kernel = (kernel / kernel.sum()).expand(planes, 1, 3, 3)
        smooth = F.conv2d(F.pad(seen.images, (1, 1, 1, 1), mode="replicate"), kernel, groups=planes)
        return (1e-6 + (seen.images - smooth.detach()).square().sum((1, 2, 3))).sqrt()

    return Objective(of)


def borders(width: int = 20, constant: float = GREY) -> Objective:
    """How far a picture's rim is from a grey, as a mean: against structure that grows in from outside."""

    def of(seen: Seen) -> Tensor:
        rim = torch.ones_like(seen.images[:1, :1])
        inner = min(width, (min(seen.images.shape[-2:]) - 1) // 2)
        rim[..., inner:-inner, inner:-inner] = 0
        return ((seen.images - constant).abs() * rim).mean((1, 2, 3))

    return Objective(of)


def _units(maps: Tensor, units: int | Sequence[int]) -> Tensor:
    """(n, places): of each image its own unit's plane, of groups of images as many times."""
    wanted = (units,) if isinstance(units, int) else tuple(int(u) for u in units)
    if max(wanted) >= maps.shape[1] or min(wanted) < 0:
        raise InvalidValue(f"An objective's units must be below {maps.shape[1]}; got {max(wanted)}.")
    if len(maps) % len(wanted):
        raise InvalidValue(f"Images must be as many for each unit; got {len(maps)} for {len(wanted)} units.")
    return maps[:, wanted[0]] if len(wanted) == 1 else maps[_places(wanted, len(maps), maps.device)]


@lru_cache(maxsize=8)
def _places(units: tuple[int, ...], n: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """For each of n images its number and its unit, once for all steps."""
    with torch.inference_mode(False):
        wanted = torch.tensor(units, device=device).repeat_interleave(n // len(units))
        return torch.arange(n, device=device), wanted


def _aligned(maps: Tensor, wanted: Tensor, power: float) -> Tensor:
    """Dot products over axis 1, times a power of the cosines (at least 0.1)."""
    dot = (maps * wanted).sum(1)
    if power <= 0:
        return dot
    cosine = dot / (maps.norm(dim=1) * wanted.norm(dim=1)).clamp(min=1e-6)
    weighted: Tensor = dot * cosine.clamp(min=0.1) ** power
    return weighted
