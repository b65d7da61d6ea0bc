"""Stand-ins for parameters during one run: the same memory, but differentiable; the model itself stays frozen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from cnnvis.model.network import Network


class StandIns:
    """For every parameter a leaf that shares its memory; `by_node` says which nodes computed with which.

    Torch functions get the leaves in the place of the parameters (see `exchanged`), so nothing is written to the model
    and another thread that runs it notices nothing. What a network computes outside torch functions (TorchScript,
    a hand-written autograd Function) keeps the frozen parameters: no gradient reaches those.
    """

    def __init__(self, model: nn.Module, network: Network) -> None:
        named = [(name, p) for name, p in model.named_parameters() if p.is_floating_point() and not p.is_meta]
        self._names = {id(p): name for name, p in named}
        self._leaves = {id(p): p.detach().requires_grad_() for _, p in named}
        self.by_node: dict[str, dict[str, Tensor]] = {}
        modules = dict(model.named_modules())
        for layer in network.layers:
            module = modules.get(layer.module) if "/" not in layer.name and layer.role != "input" else None
            if module is not None:
                self.note(layer.name, *module.parameters())

    def note(self, node: str, *values: Any) -> None:
        """Remembers that a node computes with those of the values that are parameters."""
        for value in values:
            if isinstance(value, (list, tuple)):
                self.note(node, *value)
            elif id(value) in self._leaves:
                self.by_node.setdefault(node, {})[self._names[id(value)]] = self._leaves[id(value)]

    def exchanged(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments of a torch function with the leaves in the place of the parameters."""
        return tuple(self._one(a) for a in args), {key: self._one(a) for key, a in kwargs.items()}

    def _one(self, value: Any) -> Any:
        if isinstance(value, Tensor):
            return self._leaves.get(id(value), value)
        if type(value) in (list, tuple):
            return type(value)(self._one(entry) for entry in value)
        return value
