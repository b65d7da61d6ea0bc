"""A network as a directed acyclic graph of layers."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from cnnvis.errors import InvalidValue, UnknownName, did_you_mean

Role = Literal["input", "compute", "structural", "folded"]


@dataclass(frozen=True, slots=True)
class Field:
    """The theoretical receptive field of every position of a map, in pixels of the input, per spatial axis.

    Position p along axis a sees the input interval
    [start[a] + p * jump[a], start[a] + p * jump[a] + size[a]); it may reach beyond the image.
    """

    size: tuple[float, ...]
    jump: tuple[float, ...]
    start: tuple[float, ...]

    def box(self, place: tuple[int, ...], extent: tuple[int, ...]) -> tuple[int, int, int, int]:
        """(top, left, bottom, right) seen from a place of a 2-d map, clipped to an image of `extent` (h, w).

        Never empty: at least one pixel along each axis.
        """
        sides = []
        for p, n, size, jump, start in zip(place, extent, self.size, self.jump, self.start):
            low = start + p * jump
            first = min(max(math.floor(low), 0), n - 1)
            last = max(min(math.ceil(low + size), n), first + 1)
            sides.append((first, last))
        (top, bottom), (left, right) = sides
        return top, left, bottom, right

    def covers(self, extent: tuple[int, ...]) -> float:
        """The share of an image of `extent` that one position sees at most, 0–1."""
        return math.prod(min(s / n, 1.0) for s, n in zip(self.size, extent))


@dataclass(frozen=True, slots=True)
class Layer:
    """One node of a network.

    name: `module.path`; a repeated call `module.path#1`; a functional step `module.path/add#0` (`/add#0` at
    the top level); an input `input`, `input#1`. `kind`: the module's class name (`Conv2d`) or the name of the
    operation (`add`). `shape` of its output without the batch axis. Units (neurons, feature maps) lie on
    `unit_axis` of that shape; None where it has none. `parameters`: their number. `folds`: the nodes shown as
    part of this one, in order: bias, BatchNorm, activation, dropout. `source`: the qualified class name of the
    module it belongs to. `rectified`: its response is the value of a rectifier, so that "dead" can be said.
    `field`: None where the layer has no spatial axes or sees everything. `batch_axis`: which axis of the node's raw
    tensor runs over the samples (1 in many recurrent networks; None where none does), and `parts` how many of its
    rows belong to one sample (windows of attention; axis 0 of `shape` then); the probe puts samples first.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    role: Role = "compute"
    unit_axis: int | None = 0
    n_units: int = 0
    parameters: int = 0
    stride: tuple[int, ...] = ()
    kernel: tuple[int, ...] = ()
    folds: tuple[str, ...] = ()
    source: str = ""
    rectified: bool = False
    field: Field | None = None
    batch_axis: int | None = 0
    parts: int = 1

    @property
    def response(self) -> str:
        """The name of the node whose value is this layer's response: the last one folded in, or itself."""
        return self.folds[-1] if self.folds else self.name

    @property
    def module(self) -> str:
        """The path of the module that this node belongs to, without call number or functional step."""
        return self.name.split("/")[0].split("#")[0]

    @property
    def spatial(self) -> tuple[int, ...]:
        """The lengths of the axes over which a response is pooled; () for a plain vector."""
        if self.unit_axis is None:
            return ()
        axis = self.unit_axis % len(self.shape)
        return tuple(n for i, n in enumerate(self.shape) if i != axis)

    def unit(self, index: int) -> str:
        """The name of one unit: `layer2.1.conv2:17`."""
        return f"{self.name}:{index}"


@dataclass(frozen=True, slots=True, order=True)
class Edge:
    """Values flow from the layer named `source` to the layer named `sink`."""

    source: str
    sink: str


@dataclass(frozen=True, eq=False)
class Network:
    """A traced network: every node in topological order, every edge between them, and the names of its classes.

    `output` names the layer whose response holds the class scores (logits). `layers` lists all nodes;
    `drawn` those a picture shows, i.e. without the folded ones. `varies`: different inputs take different
    ways through it, and this is their union.
    """

    name: str
    layers: tuple[Layer, ...]
    edges: tuple[Edge, ...]
    classes: tuple[str, ...]
    output: str
    varies: bool = False

    def __post_init__(self) -> None:
        known = self._index
        if len(known) != len(self.layers):
            raise InvalidValue(f"Network.layers of {self.name} must have different names; one occurs twice.")
        for edge in self.edges:
            if known[self.resolve(edge.source)] >= known[self.resolve(edge.sink)]:
                raise InvalidValue(f"Network.edges of {self.name} must run forward; got {edge.source} → {edge.sink}.")
        self.resolve(self.output)

    @cached_property
    def _index(self) -> dict[str, int]:
        return {layer.name: i for i, layer in enumerate(self.layers)}

    def resolve(self, name: str) -> str:
        """`name` itself where such a layer exists. Raises UnknownName with the nearest names otherwise."""
        if name not in self._index:
            raise UnknownName(f"A layer of {self.name} must be named; got {name!r}. {did_you_mean(name, self._index)}")
        return name

    def __getitem__(self, name: str) -> Layer:
        return self.layers[self._index[self.resolve(name)]]

    def __contains__(self, name: object) -> bool:
        return name in self._index

    def __len__(self) -> int:
        return len(self.layers)

    def index(self, name: str) -> int:
        """The place of a layer in topological order."""
        return self._index[self.resolve(name)]

    @cached_property
    def hosts(self) -> dict[str, str]:
        """For every node the layer that shows it: itself, or the layer into which it is folded."""
        shown = {layer.name: layer.name for layer in self.layers}
        for layer in self.layers:
            for part in layer.folds:
                shown[part] = layer.name
        return shown

    @cached_property
    def drawn(self) -> tuple[Layer, ...]:
        """All layers but the folded ones, in topological order."""
        return tuple(layer for layer in self.layers if self.hosts[layer.name] == layer.name)

    @cached_property
    def drawn_edges(self) -> tuple[Edge, ...]:
        """The edges between drawn layers, each once."""
        pairs = {(self.hosts[e.source], self.hosts[e.sink]) for e in self.edges}
        ordered = sorted(((a, b) for a, b in pairs if a != b), key=lambda ab: (self._index[ab[0]], self._index[ab[1]]))
        return tuple(Edge(a, b) for a, b in ordered)

    @cached_property
    def class_layers(self) -> frozenset[str]:
        """The drawn layers whose units are the classes: the output, and what is only pooled to give it."""
        name = self.hosts[self.output]
        found = {name}
        while self[name].role == "structural":
            before = {self.hosts[source] for source in self.sources(name)}
            if len(before) != 1 or self[min(before)].n_units != self[name].n_units:
                break
            name = min(before)
            found.add(name)
        return frozenset(found)

    @cached_property
    def _sources(self) -> dict[str, tuple[str, ...]]:
        found: dict[str, list[str]] = {layer.name: [] for layer in self.layers}
        for edge in self.edges:
            found[edge.sink].append(edge.source)
        return {name: tuple(names) for name, names in found.items()}

    @cached_property
    def _sinks(self) -> dict[str, tuple[str, ...]]:
        found: dict[str, list[str]] = {layer.name: [] for layer in self.layers}
        for edge in self.edges:
            found[edge.source].append(edge.sink)
        return {name: tuple(names) for name, names in found.items()}

    def sources(self, name: str) -> tuple[str, ...]:
        """The nodes that feed this one."""
        return self._sources[self.resolve(name)]

    def sinks(self, name: str) -> tuple[str, ...]:
        """The nodes that this one feeds."""
        return self._sinks[self.resolve(name)]

    def reaches(self, sources: Iterable[str]) -> frozenset[str]:
        """All nodes downstream of `sources`, themselves included."""
        seen = {self.resolve(name) for name in sources}
        for layer in self.layers:
            if layer.name not in seen and any(s in seen for s in self._sources[layer.name]):
                seen.add(layer.name)
        return frozenset(seen)

    @property
    def inputs(self) -> tuple[Layer, ...]:
        """The input nodes, in the order of the network's arguments."""
        return tuple(layer for layer in self.layers if layer.role == "input")

    @property
    def parameters(self) -> int:
        """The number of parameters of all layers together."""
        return sum(layer.parameters for layer in self.layers)

    @cached_property
    def digest(self) -> str:
        """A hash of names, kinds, shapes and edges: two traces of one architecture share it."""
        text = repr([(x.name, x.kind, x.shape) for x in self.layers]) + repr(sorted(self.edges))
        return hashlib.sha256(text.encode()).hexdigest()

    def __repr__(self) -> str:
        shown, classes = len(self.drawn), len(self.classes)
        return f"Network({self.name}: {shown} layers, {self.parameters:,} parameters, {classes} classes)"

    def _repr_html_(self) -> str:
        """A table of the drawn layers for a notebook."""
        from html import escape

        rows = "".join(
            f"<tr><td>{escape(x.name)}</td><td>{escape(x.kind)}</td><td>{'×'.join(map(str, x.shape))}</td>"
            f"<td style='text-align:right'>{x.n_units or ''}</td>"
            f"<td style='text-align:right'>{x.parameters or ''}</td></tr>"
            for x in self.drawn
        )
        head = "<tr><th>layer</th><th>kind</th><th>output</th><th>neurons</th><th>parameters</th></tr>"
        return f"<p><b>{escape(self.name)}</b></p><table>{head}{rows}</table>"
