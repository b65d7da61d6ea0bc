"""Votes: what each unit of a layer adds to a target.

Before the last linear layer, whose weights and bias are w and b, the logit of class c is a sum over units,

    z_c = Σ_k v_k + b_c,        v_k = w_ck · a_k,

also where global average pooling stands before the linear layer, or a 1 × 1 convolution (with its rectifier) before
the pooling: then a place's part counts only where the rectifier lets it through. With a_k(p) the response of unit k,

    v_k = Σ_p a_k(p) · ∂z_c / ∂a_k(p)

gives these votes exactly, and for a deeper layer what its units add to first order (activation × gradient).

The class-specific units of Zhou, Khosla, Lapedriza, Oliva, Torralba, "Learning Deep Features for Discriminative
Localization", 2016 (arXiv 1512.04150); activation × gradient at a hidden layer is that of Shrikumar, Greenside,
Shcherbina, Kundaje, "Not Just a Black Box", 2016 (arXiv 1605.01713). Where a softmax or a sigmoid ends the network we
explain what stands before it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from cnnvis.compute.method import Cost, Family, Takes
from cnnvis.compute.probe import Probe
from cnnvis.compute.routes import upstream
from cnnvis.compute.score import checked, score
from cnnvis.compute.subject import finite
from cnnvis.errors import InvalidValue, UnknownName, did_you_mean
from cnnvis.model.attribution import Vector
from cnnvis.model.network import Layer, Network
from cnnvis.model.target import Target
from cnnvis.progress import Progress, silent

_LINEAR = frozenset("linear conv1d conv2d conv3d matmul addmm lazylinear".split())
_SQUASHING = frozenset("softmax softmax2d log_softmax logsoftmax sigmoid hardsigmoid".split())
_POOLING = frozenset(
    "mean sum flatten view reshape squeeze unsqueeze contiguous identity dropout dropout1d dropout2d dropout3d "
    "avgpool1d avgpool2d avgpool3d avg_pool2d adaptiveavgpool1d adaptiveavgpool2d adaptiveavgpool3d "
    "adaptive_avg_pool2d maxpool1d maxpool2d maxpool3d max_pool2d adaptivemaxpool2d adaptive_max_pool2d amax".split()
)
# Steps that double where their input doubles: behind these a sum of votes and a bias stays one.
_HOMOGENEOUS = _POOLING | frozenset("relu leakyrelu leaky_relu prelu".split())


@dataclass(frozen=True, slots=True)
class Votes:
    """What each unit of a layer adds to the target (+) or takes from it (−); with the bias they sum to the logit.

    `layer` names the layer whose units vote; None takes the one that the target's last linear layer reads, where the
    sum is exact. In deeper layers votes are estimates to first order. One forward and one short backward pass.
    """

    layer: str | None = None

    title: ClassVar[str] = "Votes"
    paper: ClassVar[str] = "Zhou et al., Deep Features for Discriminative Localization, 2016 (arXiv 1512.04150)"
    family: ClassVar[Family] = "weights"
    takes: ClassVar[Takes] = "any"

    def cost(self, network: Network) -> Cost:
        return Cost(1, 1)

    def __call__(self, probe: Probe, inputs: Any, target: Target, progress: Progress = silent) -> Vector:
        """One vote per unit, (n_units,). Raises UnknownName or InvalidValue where no layer fits the target."""
        network = probe.network
        sink = checked(network, target)
        end = _end(network, sink)
        head, steps = _head(network, end)
        voters = _voters(network, head) if self.layer is None else _named(network, end, self.layer)
        if voters is None:
            raise InvalidValue(
                f"Votes.layer must be named where no linear layer gives the target; {sink.name} is a {sink.kind}. "
                "Name a layer before it."
            )
        exact = head is not None and steps <= _HOMOGENEOUS and voters is _voters(network, head)
        progress(0, 1, "running the network")
        total, votes, bias = _cast(probe, inputs, voters, end, sink, target, head if exact else None)
        progress(1, 1, "running the network")
        facts: dict[str, Any] = {"layer": voters.name, "logit": total}
        if exact:
            facts |= {"bias": bias, "expected_sum": total - bias}
        else:
            rest = "the rest comes on other ways or from biases"
            facts |= {"rest": total - float(votes.sum()), "says": f"These votes are estimates to first order; {rest}."}
        names = tuple(voters.unit(k) for k in range(len(votes)))
        return Vector(np.ascontiguousarray(votes.float().cpu().numpy()), names, facts)


def _cast(
    probe: Probe, inputs: Any, voters: Layer, end: str, sink: Layer, target: Target, head: str | None
) -> tuple[float, Tensor, float]:
    """The target's value, what each voter adds to it, and what the bias of the head does."""
    network = probe.network
    # What lies between is kept aside, for a network may overwrite what the backward pass needs.
    between = network.reaches([voters.response]) & upstream(network, end) - {voters.response, end}
    run = probe.run(
        inputs,
        grad=(voters.response,),
        keep=(end, *sorted(between, key=network.index)),
        weights=head is not None,
        stop_after=(voters.response, end),
    )
    leaf = run.leaves[voters.response]
    biases = [w for name, w in run.weights.get(head or "", {}).items() if w.dim() == 1]
    with torch.inference_mode(False), torch.enable_grad():
        total = score(run.values[end], sink, target).sum()
        slope, *more = torch.autograd.grad(total, [leaf, *biases], materialize_grads=True)
    assert voters.unit_axis is not None
    product = (leaf.detach().double() * slope.double()).reshape(-1, *voters.shape)
    votes = product[0].movedim(voters.unit_axis, 0).reshape(voters.n_units, -1).sum(1)
    bias = sum(float((b.detach().double() * g.double()).sum()) for b, g in zip(biases, more))
    return float(finite(total.detach().double(), "The target's value")), finite(votes, "Votes"), bias


def _end(network: Network, sink: Layer) -> str:
    """The node whose value is explained: the response, or what stands before a softmax or sigmoid at its end."""
    name = sink.response
    while network[name].kind.lower() in _SQUASHING and len(network.sources(name)) == 1:
        name = network.sources(name)[0]
    return name


def _head(network: Network, end: str) -> tuple[str | None, frozenset[str]]:
    """The last linear step before a node, and the kinds of all steps behind it; None where there is none."""
    name, kinds = end, set[str]()
    while network[name].kind.lower() not in _LINEAR:
        if len(network.sources(name)) != 1:
            return None, frozenset(kinds)
        kinds.add(network[name].kind.lower())
        name = network.sources(name)[0]
    return name, frozenset(kinds)


def _voters(network: Network, head: str | None) -> Layer | None:
    """The layer whose units a linear step reads, from before they are pooled or laid out as one vector."""
    if head is None or len(network.sources(head)) != 1:
        return None
    found: Layer | None = None
    name = network.sources(head)[0]
    while True:
        layer = network[network.hosts[name]]
        if layer.unit_axis is None or not layer.n_units:
            return found
        found = layer
        if layer.kind.lower() not in _POOLING or len(network.sources(layer.name)) != 1:
            return found
        name = network.sources(layer.name)[0]


def _named(network: Network, end: str, name: str) -> Layer:
    """The layer called `name`. Raises where the target does not come from it."""
    leading = upstream(network, end)
    known = {
        x.name: x
        for x in network.drawn
        if x.n_units and x.unit_axis is not None and x.response in leading and x.response != end
    }
    host = network.hosts.get(name, name)
    if host not in known:
        raise UnknownName(
            f"Votes.layer must be a layer of {network.name} that leads to the target; got {name!r}. "
            f"{did_you_mean(name, known)}"
        )
    return known[host]
