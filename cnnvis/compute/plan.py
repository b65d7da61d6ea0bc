"""What a request to a running network comes to: where to listen, what to skip."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from cnnvis.compute.nodes import is_leaf
from cnnvis.model.network import Layer, Network

_STEP = re.compile(r"(.*/[^/#]+)#(\d+)")
_CALL = re.compile(r"(.*)#(\d+)")

# Modules that always give a new tensor and never write to their input.
_HARMLESS = (
    nn.modules.conv._ConvNd,
    nn.Linear,
    nn.modules.batchnorm._BatchNorm,
    nn.LayerNorm,
    nn.GroupNorm,
    nn.modules.pooling._MaxPoolNd,
    nn.modules.pooling._AvgPoolNd,
    nn.Embedding,
)
# Torch computes these by a fused way, unseen, unless a mode is on.
_ATTENTION = (nn.MultiheadAttention, nn.TransformerEncoderLayer, nn.TransformerEncoder)
# Leaves and operations that give several tensors: the primary one alone cannot stand in for them.
_SEVERAL = (nn.RNNBase, nn.LSTMCell, nn.MultiheadAttention, nn.AdaptiveLogSoftmaxWithLoss)
_SEVERAL_STEPS = frozenset(
    "max min median nanmedian mode kthvalue topk sort msort lstm gru rnn_tanh rnn_relu lstm_cell var_mean std_mean "
    "aminmax multi_head_attention_forward unique unique_consecutive cummax cummin svd qr eig eigh frexp "
    "max_pool2d_with_indices adaptive_max_pool2d_with_indices chunk split split_with_sizes tensor_split "
    "unbind meshgrid".split()
)


@dataclass(frozen=True, eq=False, slots=True)
class Listening:
    """The modules to listen to, by path, and whether each is a leaf.

    `near`: None where every module that could call a step is among them. Else only the containers whose own steps are
    asked for, and the modules `near` that these call.
    """

    watched: tuple[tuple[str, nn.Module, bool], ...]
    near: frozenset[str] | None = None


@dataclass(eq=False, slots=True)
class Station:
    """A node at which something happens in this run."""

    layer: Layer
    visit: bool = False
    replace: bool = False
    instead: bool = False
    keep: bool = False
    grad: bool = False
    cut: bool = False
    stop: bool = False
    given: bool = False
    spared: bool = False
    lasting: bool = True

    @property
    def name(self) -> str:
        return self.layer.name

    @property
    def arrives(self) -> bool:
        """Whether anything is done with its value."""
        return self.visit or self.replace or self.keep or self.grad or self.cut or self.stop

    @property
    def served(self) -> bool:
        """Whether its value is looked at, or another one put in its place."""
        return self.arrives or (self.given and not self.spared)

    @property
    def detours(self) -> bool:
        """Whether it is not computed as usual."""
        return self.instead or self.spared


class Plan:
    """For one request the stations of its run, by module and call, by step and number, and of the inputs."""

    def __init__(
        self,
        model: nn.Module,
        network: Network,
        asked: Mapping[str, tuple[str, ...]],
        single: set[str],
        weights: bool = False,
    ) -> None:
        self.model = model
        self.weights = weights
        self.network = network
        self.single = single  # modules of the user's own that are known to give one tensor
        self.stations: dict[str, Station] = {}
        for what, names in asked.items():
            for name in names:
                setattr(self._station(name), what, True)
        self.awaited = frozenset(name for name, s in self.stations.items() if s.arrives or s.instead)
        self.ends = frozenset(asked["stop"])
        self.differentiates = bool(asked["grad"] or asked["cut"] or weights)
        self.paths = dict(model.named_modules())
        self.like = next((p for p in model.parameters() if p.is_floating_point()), torch.zeros(()))
        for station in self.stations.values():
            station.lasting = self.lasting(station.name)
        if asked["given"]:
            self._spare()
        self._place()

    def _station(self, name: str) -> Station:
        if name not in self.stations:
            self.stations[name] = Station(self.network[name])
        return self.stations[name]

    def lasting(self, name: str) -> bool:
        """Whether nothing that reads the node's value may overwrite it in place."""
        sinks = [self.paths.get(self.network[s].module) for s in self.network.sinks(name) if "/" not in s]
        return len(sinks) == len(self.network.sinks(name)) and all(isinstance(m, _HARMLESS) for m in sinks)

    def _spare(self) -> None:
        """Marks what is not computed, because its value is given or the given values make it needless."""
        if self.network.varies:
            return  # forward looks at values: they must all be there
        found: set[str] = set()
        ends = self.ends or {x.name for x in self.network.layers if not self.network.sinks(x.name)}
        todo = list(ends | self.awaited)
        while todo:
            name = todo.pop()
            if name in found:
                continue
            found.add(name)
            station = self.stations.get(name)
            if station is not None and station.given and self._alone(name):
                station.spared = True
            else:
                todo += self.network.sources(name)
        for layer in self.network.layers:
            if layer.name not in found and layer.role != "input" and self._alone(layer.name):
                self._station(layer.name).spared = True

    def _alone(self, name: str) -> bool:
        """Whether the node gives one tensor and nothing else, so that a value can stand in for the whole."""
        layer = self.network[name]
        if "/" in name:
            return layer.kind not in _SEVERAL_STEPS
        module = self.paths.get(layer.module)
        if module is None or isinstance(module, _SEVERAL) or getattr(module, "return_indices", False):
            return False
        return _runs_torchs_own(module) or layer.module in self.single

    def _place(self) -> None:
        """Sorts the stations by where they are met."""
        self.inputs: dict[int, Station] = {}
        self.modules: dict[str, dict[int, Station]] = {}
        self.steps: dict[str, dict[int, Station]] = {}
        places = {layer.name: i for i, layer in enumerate(self.network.inputs)}
        for name, station in self.stations.items():
            if name in places:
                self.inputs[places[name]] = station
            elif step := _STEP.fullmatch(name):
                self.steps.setdefault(step[1], {})[int(step[2])] = station
            else:
                call = _CALL.fullmatch(name)
                path, number = (call[1], int(call[2])) if call else (name, 0)
                self.modules.setdefault(path, {})[number] = station
        attends = any(isinstance(m, _ATTENTION) for m in self.paths.values())
        self.needs_mode = bool(self.steps) or self.weights or attends
        # Where steps are asked for, all modules are listened to, at first.
        self.counts = bool(self.steps) or self.weights
        heard = [(p, m) for p, m in self.paths.items() if p and (self.counts or p in self.modules)]
        self.listening = Listening(tuple((path, module, is_leaf(module)) for path, module in heard))
        self.unsure = {path for path, module, leaf in self.listening.watched if leaf and not _runs_torchs_own(module)}
        self.homes = frozenset(key.rpartition("/")[0] for key in self.steps)
        self.narrows = self._may_narrow()

    def _may_narrow(self) -> bool:
        """Whether runs after the first may listen only near the steps that are asked for, without a difference."""
        if not self.steps or self.weights or self.network.varies or "" in self.homes:
            return False
        homes = [self.paths[path] for path in self.homes if path in self.paths]
        strange = any(isinstance(m, _ATTENTION) or "_orig_mod" in p.split(".") for p, m in self.paths.items())
        return not strange and not any(m._forward_hooks or m._forward_pre_hooks for m in homes)

    def listen_near(self, called: Collection[str]) -> None:
        """From now on listens to the containers whose own steps are asked for, the `homes`, and to the modules that
        these were seen to call: a first run, which listened everywhere, has told which.
        """
        near = frozenset(called)
        useful = near | self.homes | self.modules.keys()
        self.listening = Listening(tuple(entry for entry in self.listening.watched if entry[0] in useful), near)


def _runs_torchs_own(module: nn.Module) -> bool:
    """Whether what a module computes is defined by torch, perhaps in a class that it inherits from."""
    return type(module).forward.__module__.startswith("torch.nn.")


def outward(value: Tensor, layer: Layer, n: int) -> Tensor:
    """A node's raw tensor with the samples on axis 0, then the layer's shape."""
    if layer.batch_axis is None:
        return value
    if n == 1 and layer.batch_axis == 0 and layer.parts == 1 and value.dim() == len(layer.shape):
        return value.unsqueeze(0)  # a `squeeze` took the axis of a single sample for one of its own
    if layer.parts > 1:
        value = torch.unflatten(value, layer.batch_axis, (n, -1))
    return value.movedim(layer.batch_axis, 0) if layer.batch_axis else value


def inward(value: Tensor, layer: Layer) -> Tensor:
    """The reverse of `outward`."""
    if layer.batch_axis is None:
        return value
    if layer.batch_axis:
        value = value.movedim(0, layer.batch_axis)
    return value.flatten(layer.batch_axis, layer.batch_axis + 1) if layer.parts > 1 else value


def placeholder(layer: Layer, n: int, like: Any) -> Tensor:
    """A tensor of the node's raw shape that takes no memory and holds no number."""
    shape = layer.shape if layer.batch_axis is None else (n, *layer.shape)
    nothing = torch.full((), float("nan"), dtype=like.dtype, device=like.device)
    return inward(nothing.expand(shape), layer)
