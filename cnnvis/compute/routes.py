"""The ways from a source layer to a sink layer, so that most of what lies between needs no differentiation per unit.

A step is *unitwise* where each of its maps depends only on the same map before it: rectifiers, BatchNorm, pooling,
addition, concatenation. Behind the last plain convolution (a `Head`) everything is unitwise, so one backward pass
serves all units of the sink together; before the first one (a `Tail`) likewise, from the source's side.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from torch import nn

from cnnvis.model.network import Layer, Network

# Names of modules and operations that treat every map for itself in evaluation mode. Whether a layer really does is
# measured before it is relied on (`cnnvis.compute.effects`).
_ELEMENTWISE = frozenset(
    "relu relu6 leaky_relu elu selu celu gelu silu mish hardtanh hardswish hardsigmoid sigmoid tanh softplus clamp "
    "ReLU ReLU6 LeakyReLU ELU SELU CELU GELU SiLU Mish Hardtanh Hardswish Hardsigmoid Sigmoid Tanh Softplus "
    "Identity Dropout Dropout1d Dropout2d Dropout3d AlphaDropout dropout dropout2d contiguous clone".split()
)
_UNITWISE = _ELEMENTWISE | frozenset(
    "BatchNorm1d BatchNorm2d BatchNorm3d batch_norm MaxPool1d MaxPool2d MaxPool3d AvgPool1d AvgPool2d AvgPool3d "
    "AdaptiveAvgPool1d AdaptiveAvgPool2d AdaptiveAvgPool3d AdaptiveMaxPool2d max_pool2d avg_pool2d "
    "adaptive_avg_pool2d adaptive_max_pool2d mean amax add flatten Flatten squeeze view reshape".split()
)
_PLAIN = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear)


@dataclass(frozen=True, slots=True)
class Head:
    """A node behind which all is unitwise up to the sink.

    Its map c drives the sink's unit `offset + c`. `input` feeds it where it is a plain convolution or linear
    layer; None where nothing is known of it.
    """

    node: str
    input: str | None
    offset: int
    n: int


@dataclass(frozen=True, slots=True)
class Tail:
    """A plain convolution or linear layer before which all is unitwise from the source on.

    The source's unit i arrives in `spread` consecutive maps of its `input`, from `offset + i * spread` on.
    """

    node: str
    input: str
    offset: int
    spread: int


@dataclass(frozen=True, eq=False, slots=True)
class Routes:
    """Every way from some sources to one sink.

    `direct[source]` is the offset of the source's units among the sink's where unitwise steps alone lead there.
    `tails[source]` is None where its ways begin with a step of which nothing is known.
    """

    heads: tuple[Head, ...]
    direct: Mapping[str, int]
    tails: Mapping[str, tuple[Tail, ...] | None]

    @property
    def cuts(self) -> tuple[str, ...]:
        """The nodes between which everything is unitwise."""
        found = [h.node for h in self.heads] + [t.node for tails in self.tails.values() for t in tails or ()]
        return tuple(dict.fromkeys(found))


class _Ambiguous(Exception):
    """One node drives different units on different ways."""


def find_routes(
    model: nn.Module, network: Network, sink: str, sources: Collection[str], stops: Collection[str]
) -> Routes:
    """The routes to the node `sink` from the nodes `sources`; no way leads through another node of `stops`."""
    try:
        heads, direct = _Back(model, network, sink, sources, stops).found()
    except _Ambiguous:
        return whole(network, sink, sources)
    tails = {s: _Forward(model, network, s, sink, stops).found() for s in sources}
    return Routes(heads, direct, tails)


def whole(network: Network, sink: str, sources: Collection[str]) -> Routes:
    """The routes when nothing is known of the steps: differentiate all of them."""
    return Routes((Head(sink, None, 0, network[sink].n_units),), {}, dict.fromkeys(sources))


class _Back:
    """Walks from the sink towards the sources as long as steps are unitwise."""

    def __init__(
        self, model: nn.Module, network: Network, sink: str, sources: Collection[str], stops: Collection[str]
    ) -> None:
        self.model, self.network, self.sink = model, network, sink
        self.sources, self.stops = sources, stops
        self.alive = network.reaches(sources)
        self.offsets: dict[str, int] = {}
        self.heads: list[Head] = []
        self.direct: dict[str, int] = {}

    def found(self) -> tuple[tuple[Head, ...], dict[str, int]]:
        self._walk(self.sink, 0)
        return tuple(self.heads), self.direct

    def _walk(self, name: str, offset: int) -> None:
        if name not in self.alive:
            return
        if name in self.offsets:
            if self.offsets[name] != offset:
                raise _Ambiguous
            return
        self.offsets[name] = offset
        if name in self.sources and name != self.sink:
            self.direct[name] = offset
        if name in self.stops and name != self.sink:
            return
        layer, before = self.network[name], self.network.sources(name)
        n = layer.shape[0] if layer.shape else 0
        if len(before) == 1 and plain(self.model, self.network[before[0]], layer) is not None:
            self.heads.append(Head(name, before[0], offset, n))
        elif _joins(self.network, name):
            for source in before:
                self._walk(source, offset)
                offset += self.network[source].shape[0]
        elif layer.unit_axis == 0 and before and all(_unitwise(self.model, self.network[s], layer) for s in before):
            for source in before:
                self._walk(source, offset)
        else:
            self.heads.append(Head(name, None, offset, layer.n_units if name == self.sink else n))


class _Forward:
    """Walks from a source towards the sink as long as steps are unitwise."""

    def __init__(self, model: nn.Module, network: Network, source: str, sink: str, stops: Collection[str]) -> None:
        self.model, self.network, self.source, self.sink, self.stops = model, network, source, sink, stops
        self.leading = upstream(network, sink)
        self.places: dict[str, tuple[int, int]] = {}
        self.tails: list[Tail] = []

    def found(self) -> tuple[Tail, ...] | None:
        layer = self.network[self.source]
        known = layer.unit_axis == 0 and self._walk(self.source, 0, 1)
        return tuple(self.tails) if known else None

    def _walk(self, name: str, offset: int, spread: int) -> bool:
        """False where a step is met of which nothing is known."""
        if name in self.places:
            return self.places[name] == (offset, spread)
        self.places[name] = offset, spread
        return all(self._step(name, s, offset, spread) for s in self.network.sinks(name) if s in self.leading)

    def _step(self, name: str, sink: str, offset: int, spread: int) -> bool:
        layer, before = self.network[sink], self.network[name]
        module = plain(self.model, before, layer) if len(self.network.sources(sink)) == 1 else None
        if module is not None:
            wide = math.prod(before.shape[1:]) if isinstance(module, nn.Linear) else 1
            self.tails.append(Tail(sink, name, offset * wide, spread * wide))
            return True
        if sink in self.stops and sink != self.sink:
            return True
        if _joins(self.network, sink):
            sources = self.network.sources(sink)
            offset += sum(self.network[s].shape[0] for s in sources[: sources.index(name)])
            return spread == 1 and (sink == self.sink or self._walk(sink, offset, 1))
        if layer.unit_axis == 0 and _unitwise(self.model, before, layer):
            return sink == self.sink or self._walk(sink, offset, spread)
        wide = _flattens(before, layer)
        return wide > 0 and offset == 0 and sink != self.sink and self._walk(sink, 0, spread * wide)


def plain(model: nn.Module, before: Layer, layer: Layer) -> nn.Module | None:
    """The module of a layer where it is an ordinary convolution or linear layer of what is before it, else None.

    A linear layer may lay out maps as one vector.
    """
    if "/" in layer.name or layer.unit_axis != 0:
        return None
    module = model.get_submodule(layer.module)
    if type(module) is nn.Linear:
        return module if len(layer.shape) == 1 and math.prod(before.shape) == module.in_features else None
    if type(module) not in _PLAIN or not isinstance(module, (nn.Conv1d, nn.Conv2d, nn.Conv3d)):
        return None
    fits = module.groups == 1 and module.padding_mode == "zeros" and not isinstance(module.padding, str)
    fits = fits and len(before.shape) == module.weight.dim() - 1 and before.shape[0] == module.in_channels
    return module if fits else None


def _unitwise(model: nn.Module, before: Layer, layer: Layer) -> bool:
    """Whether a step from one layer to another should treat every map for itself, by its kind and shapes."""
    if not before.shape or not layer.shape or before.shape[0] != layer.shape[0]:
        return False
    if layer.kind in _UNITWISE:
        return len(layer.shape) in (len(before.shape), 1)
    if layer.kind in ("Conv1d", "Conv2d", "Conv3d") and "/" not in layer.name:
        module = model.get_submodule(layer.module)
        return getattr(module, "groups", 1) == before.shape[0] > 1
    return False


def _joins(network: Network, name: str) -> bool:
    """Whether a node lays the maps of its sources one after the other."""
    layer, sources = network[name], network.sources(name)
    shapes = [network[s].shape for s in sources]
    return (
        layer.kind == "cat"
        and layer.unit_axis == 0
        and all(len(s) == len(layer.shape) and s[1:] == layer.shape[1:] for s in shapes)
        and sum(s[0] for s in shapes) == layer.shape[0]
    )


def _flattens(before: Layer, layer: Layer) -> int:
    """Into how many consecutive values each map is laid out where a step makes a vector of maps, else 0."""
    known = layer.kind in ("flatten", "Flatten", "view", "reshape") and len(layer.shape) == 1 and len(before.shape) > 1
    if not known or not before.shape[0] or layer.shape[0] % before.shape[0]:
        return 0
    return layer.shape[0] // before.shape[0]


def upstream(network: Network, sink: str) -> frozenset[str]:
    """All nodes from which the sink is computed, itself included."""
    found, todo = {sink}, [sink]
    while todo:
        for source in network.sources(todo.pop()):
            if source not in found:
                found.add(source)
                todo.append(source)
    return frozenset(found)
