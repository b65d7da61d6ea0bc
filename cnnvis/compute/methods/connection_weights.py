"""Connection weights: what the weights alone say of each input's pull on a target, through all hidden units.

Along every way from an input to the target the weights are multiplied, and the ways are added up:

    olden    OI_i = Σ over ways of w_1 · w_2 · …                      signed: the product of the weight matrices
    garson   G_i  = Σ over ways of |w_1| / Σ|w_1| · |w_2| / Σ|w_2| …  shares, over the units that feed each unit

Olden, Jackson, "Illuminating the Black Box: a Randomization Approach for Understanding Variable Contributions in
Artificial Neural Networks", Ecological Modelling 154, 2002; Garson, "Interpreting Neural-Network Connection Weights",
AI Expert 6(4), 1991. Both are for one hidden layer; for more we go on multiplying. A BatchNorm counts as the scale
that it is; activation functions count as rising, and are left out as in the papers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from cnnvis.compute.method import Cost, Family, Takes
from cnnvis.compute.probe import Probe
from cnnvis.compute.score import checked
from cnnvis.errors import InvalidValue
from cnnvis.model.attribution import Vector
from cnnvis.model.network import Layer, Network
from cnnvis.model.target import Target
from cnnvis.progress import Progress, silent

# Steps that change no unit's place among the others.
_PASSING = frozenset(
    "relu relu6 leakyrelu leaky_relu prelu elu selu celu gelu silu mish tanh sigmoid softplus softsign hardtanh "
    "hardswish hardsigmoid softmax log_softmax logsoftmax identity dropout alphadropout flatten view reshape squeeze "
    "unsqueeze contiguous".split()
)


@dataclass(frozen=True, slots=True)
class ConnectionWeights:
    """How strongly the weights join each input to the target, over all hidden units; the same for every sample.

    `rule` "olden" multiplies the weights with their signs: positive where the input raises the target; "garson" gives
    shares without signs that sum to 1. For networks of linear layers in a chain; the network is not run.
    """

    rule: Literal["olden", "garson"] = "olden"

    title: ClassVar[str] = "Connection weights"
    paper: ClassVar[str] = "Olden, Jackson, Illuminating the Black Box, Ecological Modelling 154, 2002"
    family: ClassVar[Family] = "weights"
    takes: ClassVar[Takes] = "any"

    def cost(self, network: Network) -> Cost:
        return Cost()

    def __call__(self, probe: Probe, inputs: Any, target: Target, progress: Progress = silent) -> Vector:
        """One value per input, (n_inputs,). Raises InvalidValue where the way is no chain of linear layers."""
        if self.rule not in ("olden", "garson"):
            raise InvalidValue(f"ConnectionWeights.rule must be 'olden' or 'garson'; got {self.rule!r}.")
        progress(0, 1, "multiplying weights")
        layer = checked(probe.network, target)
        pull = np.zeros(layer.n_units)
        pull[list(target.units)] = target.weights or 1.0
        if self.rule == "garson":
            pull = np.abs(pull) / max(float(np.abs(pull).sum()), 1e-300)
        first, found, n_linear = self._walked(probe, layer, pull)
        if not n_linear:
            raise InvalidValue(f"ConnectionWeights needs a linear layer before the target; {layer.name} has none.")
        progress(1, 1, "multiplying weights")
        facts = {"linear_layers": n_linear, "signed": self.rule == "olden"}
        return Vector(found.astype(np.float32), _names(first), facts)

    def _walked(self, probe: Probe, layer: Layer, pull: NDArray[np.float64]) -> tuple[Layer, NDArray[np.float64], int]:
        """The input that the target comes from, what each of its values pulls, and over how many linear layers."""
        network, n_linear = probe.network, 0
        modules = dict(probe.model.named_modules())
        name = layer.response
        while network[name].role != "input":
            node, before = network[name], network.sources(name)
            module = modules.get(node.module) if "/" not in node.name else None
            if len(before) != 1:
                raise _unfit(network, node, "joins several ways")
            if isinstance(module, nn.Linear) and len(node.shape) == 1:
                pull, n_linear = self._over(_array(module.weight), pull), n_linear + 1
            elif isinstance(module, nn.BatchNorm1d) and len(node.shape) == 1:
                pull = pull if self.rule == "garson" else pull * _scale(module)
            elif node.kind.lower() not in _PASSING or len(node.shape) != 1:
                raise _unfit(network, node, f"is a {node.kind}")
            name = before[0]
        return network[name], pull, n_linear

    def _over(self, weight: NDArray[np.float64], pull: NDArray[np.float64]) -> NDArray[np.float64]:
        """What pulls at the inputs of a linear layer from what pulls at its outputs."""
        if self.rule == "olden":
            return np.asarray(pull @ weight)
        sizes = np.abs(weight)
        return np.asarray(pull @ (sizes / np.maximum(sizes.sum(1, keepdims=True), 1e-300)))


def _array(tensor: torch.Tensor) -> NDArray[np.float64]:
    return np.asarray(tensor.detach().double().cpu().numpy())


def _scale(module: nn.BatchNorm1d) -> NDArray[np.float64]:
    """What a BatchNorm multiplies each unit by in evaluation."""
    assert module.running_var is not None
    scale = 1.0 / np.sqrt(_array(module.running_var) + module.eps)
    return np.asarray(scale if module.weight is None else scale * _array(module.weight))


def _unfit(network: Network, node: Layer, what: str) -> InvalidValue:
    return InvalidValue(
        f"ConnectionWeights must be asked of linear layers in a chain; {node.name} of {network.name} {what}. "
        "Use gradients there, or Votes for the last layer."
    )


def _names(layer: Layer) -> tuple[str, ...]:
    """The names of all values of an input, in the order in which they are laid out as one vector."""
    if len(layer.shape) == 1:
        return tuple(layer.unit(i) for i in range(layer.shape[0]))
    return tuple(f"{layer.name}[{', '.join(map(str, place))}]" for place in np.ndindex(layer.shape))
