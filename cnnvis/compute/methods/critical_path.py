"""Critical path: the few units of each layer that an image needs to be answered as it is.

Each unit's response is multiplied by a gate λ ≥ 0 of its own, from 1 on, and the gates are learned for one image to

    CE(p(x), p_λ(x)) + γ Σ λ,

with p what the network answers and p_λ what it answers through the gates, by gradient descent with momentum 0.9. Of all
gates on the way those with the smallest loss are kept that leave the strongest class as it is.

Wang, Su, Zhang, Hu, "Interpret Neural Networks by Identifying Critical Data Routing Paths", 2018. We differ: units
that are silent for the image stay closed, for pruning may pick such ones (Khakzar, Baselizadeh, Khanduja, Rupprecht,
Kim, Navab, "Neural Response Interpretation through the Lens of Critical Pathways", 2021, arXiv 2103.16886); no gate
opens wider than 1; and a layer where branches meet has gates, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from cnnvis.compute.method import Cost, Family, Takes
from cnnvis.compute.probe import Probe, Run, is_out_of_memory
from cnnvis.compute.record import recorded
from cnnvis.compute.routes import upstream
from cnnvis.compute.score import checked
from cnnvis.compute.table import ends_in_probabilities
from cnnvis.errors import InvalidValue, ModelFailure
from cnnvis.model.attribution import Gates
from cnnvis.model.gates import opened
from cnnvis.model.network import Layer, Network
from cnnvis.model.target import Target
from cnnvis.progress import Progress, hand_over, silent

MOMENTUM = 0.9
_HIGHEST = 1.0
"""No gate lets through more than there was: through many layers of wider gates the answers explode."""
_LONG = 0.5
"""A path that holds more than this share of all gates is none."""
_WHAT = "closing gates"


@dataclass(frozen=True, slots=True)
class CriticalPath:
    """How far each unit of each layer is needed for the network to answer this image as it does: 0 closed, 1 as it was.

    `steps` of gradient descent at `rate`; `sparsity` is what an open gate costs: more closes more of them. One pass
    forward and one backward for each step.
    """

    steps: int = 30
    rate: float = 0.1
    sparsity: float = 0.05

    title: ClassVar[str] = "Critical path"
    paper: ClassVar[str] = "Wang et al., Identifying Critical Data Routing Paths, CVPR 2018"
    family: ClassVar[Family] = "paths"
    takes: ClassVar[Takes] = "any"

    def cost(self, network: Network) -> Cost:
        return Cost(self.steps + 2, self.steps)

    def __call__(self, probe: Probe, inputs: Any, target: Target, progress: Progress = silent) -> Gates:
        """One gate per unit of each layer. Raises InvalidValue for a target that is no class of the network."""
        self._check()
        network = probe.network
        sink = checked(network, target)
        if network.hosts[sink.name] not in network.class_layers:
            raise InvalidValue(
                f"CriticalPath's target must be a class of {network.name}; got {sink.name}. Use Neuron MCT there."
            )
        layers = gated(network, network.output)
        progress(0, self.steps, _WHAT)
        with torch.inference_mode(False):
            path = _Path(probe, inputs, layers)
            for step in range(self.steps):
                path.look(self.sparsity)
                path.descend(self.rate)
                hand_over(progress, path.evidence(target))
                progress(step + 1, self.steps, _WHAT)
            path.look(self.sparsity)
            return path.evidence(target)

    def _check(self) -> None:
        for name in ("steps", "rate", "sparsity"):
            if not getattr(self, name) > 0:
                raise InvalidValue(f"CriticalPath.{name} must be above 0; got {getattr(self, name)}.")


def gated(network: Network, end: str) -> list[Layer]:
    """The layers whose units have gates: the recorded ones that lead to a node, but those of the classes."""
    response = network[network.hosts[end]].response
    leading = upstream(network, response) - {response}
    found = [network[slot.layer] for slot in recorded(network)]
    layers = [x for x in found if x.response in leading and x.name not in network.class_layers]
    if not layers:
        raise InvalidValue(f"A path must lead through a layer with units; none of {network.name} leads to {end}.")
    return layers


class _Path:
    """The gates of one image while they are learned, and the best ones so far."""

    def __init__(self, probe: Probe, inputs: Any, layers: list[Layer]) -> None:
        self.probe, self.inputs, self.layers = probe, inputs, layers
        self.output = probe.network[probe.network.output].response
        self.probabilities = ends_in_probabilities(probe.network)
        run = probe.run(inputs, keep=(*(x.response for x in layers), self.output), stop_after=(self.output,))
        self.answer = self._logs(run.values[self.output]).detach().exp()
        self.best_class = int(self.answer.argmax())
        self.active = {x.name: _active(run.values[x.response], x) for x in layers}
        self.gates = {name: active.clone() for name, active in self.active.items()}
        self.speed = {name: torch.zeros_like(gate) for name, gate in self.gates.items()}
        self.slopes: tuple[Tensor, ...] = ()
        self.best, self.least = dict(self.gates), float("inf")
        self.guarded: tuple[str, ...] = ()

    def look(self, sparsity: float) -> None:
        """Run the network through the gates; keep them where they are the best so far."""
        leaves = {name: gate.clone().requires_grad_() for name, gate in self.gates.items()}
        try:
            loss, logs = self._loss(leaves, sparsity)
        except RuntimeError as error:
            if is_out_of_memory(error) or self.guarded or isinstance(error, ModelFailure):
                raise
            # An in-place step of the network overwrote what the backward pass needs: keep all of it aside.
            network = self.probe.network
            leading = upstream(network, self.output) & network.reaches([self.layers[0].response])
            self.guarded = tuple(sorted(leading - {self.output}, key=network.index))
            loss, logs = self._loss(leaves, sparsity)
        if int(logs.argmax()) == self.best_class and loss < self.least:
            self.best, self.least = dict(self.gates), loss

    def _loss(self, leaves: Mapping[str, Tensor], sparsity: float) -> tuple[float, Tensor]:
        run = self._run(leaves)
        with torch.inference_mode(False), torch.enable_grad():
            logs = self._logs(run.values[self.output])
            loss = -(self.answer * logs).sum() + sparsity * sum(gate.sum() for gate in leaves.values())
            self.slopes = torch.autograd.grad(loss, [*leaves.values()], materialize_grads=True)
        return float(loss.detach()), logs.detach()

    def _run(self, leaves: Mapping[str, Tensor]) -> Run:
        shaped = {x.response: (leaves[x.name], _shape(x)) for x in self.layers}

        def through(gate: Tensor, shape: tuple[int, ...]) -> Any:
            return lambda value: value * gate.reshape(shape if value.dim() == len(shape) else shape[1:]).to(value)

        return self.probe.run(
            self.inputs,
            replace={node: through(*one) for node, one in shaped.items()},
            grad=(self.layers[0].response,),
            keep=(self.output, *self.guarded),
            stop_after=(self.output,),
        )

    def descend(self, rate: float) -> None:
        """One step down, with momentum; gates of units that were silent stay closed."""
        for (name, gate), slope in zip(self.gates.items(), self.slopes):
            self.speed[name] = MOMENTUM * self.speed[name] + slope
            self.gates[name] = (gate - rate * self.speed[name]).clamp(0.0, _HIGHEST) * self.active[name]

    def _logs(self, value: Tensor) -> Tensor:
        """The logarithms of what the network answers, (n_outputs,)."""
        layer = self.probe.network[self.probe.network.output]
        flat = value.reshape(layer.shape).float()
        axis = (layer.unit_axis or 0) % max(flat.dim(), 1)
        flat = flat.movedim(axis, 0).reshape(layer.n_units, -1).mean(1)
        if len(flat) == 1:
            flat = torch.cat([torch.zeros_like(flat), torch.logit(flat, 1e-6) if self.probabilities else flat])
            return F.log_softmax(flat, 0)
        return flat.clamp_min(1e-30).log() if self.probabilities else F.log_softmax(flat, 0)

    def evidence(self, target: Target) -> Gates:
        """The best gates so far."""
        values = {name: np.ascontiguousarray(gate.float().cpu().numpy()) for name, gate in self.best.items()}
        facts: dict[str, Any] = {"loss": self.least, "open": opened(values), "class": self.best_class}
        if len(target.units) == 1 and target.units[0] != self.best_class:
            classes = self.probe.network.classes
            name = classes[self.best_class] if self.best_class < len(classes) else str(self.best_class)
            facts["says"] = f"This is the path to what the network answers, {name}, not to the target."
        elif facts["open"] > _LONG:
            facts["says"] = "No short path was found: with fewer gates open the answer changes. Try more steps."
        return Gates(values, facts)


def _active(value: Tensor, layer: Layer) -> Tensor:
    """1 for each unit that answers anywhere, else 0, (n_units,) float32."""
    assert layer.unit_axis is not None
    units = value.reshape(layer.shape).movedim(layer.unit_axis % len(layer.shape), 0).reshape(layer.n_units, -1)
    return (units != 0).any(1).float()


def _shape(layer: Layer) -> tuple[int, ...]:
    """The shape of a layer's gates beside its response, samples first."""
    assert layer.unit_axis is not None
    axis = layer.unit_axis % len(layer.shape)
    return (1, *(layer.n_units if i == axis else 1 for i in range(len(layer.shape))))
