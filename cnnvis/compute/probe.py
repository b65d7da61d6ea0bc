"""The one way into a running network: capture, replace, zero, differentiate or replay any node by name.

    with probe(model, network) as p:
        p.run(batch, visit={"layer1.0.conv1": statistics.add})                    # stream, keep nothing
        p.run(batch, replace={"layer2/relu#0": zeroed([3, 7])})                    # knock two units out
        run = p.run(batch, keep=("linear",), grad=("layer3.2/relu#1",))            # differentiate
        torch.autograd.grad(run.values["linear"][:, 5].sum(), run.leaves["layer3.2/relu#1"])
        run = p.run(batch, keep=("linear",), weights=True)                         # ... the weights as well
        torch.autograd.grad(loss(run.values["linear"]), [*run.weights["conv1"].values()])

        start = p.frontier(["layer3.0/relu#0"])                                    # replay: the values to keep ...
        first = p.run(batch, keep=start)                                           # ... once, and then again and again
        p.run(batch, given=first.values, replace={"layer3.0/relu#0": zeroed([3])}, keep=("linear",))

Names are names of nodes (see `Layer.name`), not of drawn layers: for a layer's response pass `network[name].response`.
While a model is probed it is in evaluation mode and frozen; its modes, buffers, hooks and trainable parameters are
as before after the last borrower has left, also after an exception or a cancel. Two threads may probe one model at
the same time. To differentiate with respect to weights, stand-ins that share their memory are handed to the torch
functions of that one run: the model's own parameters stay frozen, and never get a gradient.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from types import MappingProxyType, TracebackType
from typing import Any

import torch
from torch import Tensor, nn

from cnnvis.compute.arguments import arguments
from cnnvis.compute.borrow import borrowed
from cnnvis.compute.fused import fused
from cnnvis.compute.nodes import unwrapped
from cnnvis.compute.passes import Callbacks, Pass, is_out_of_memory
from cnnvis.compute.plan import Plan
from cnnvis.errors import InvalidValue
from cnnvis.model.network import Network

__all__ = ["Change", "Instead", "Probe", "Run", "Visitor", "held", "is_out_of_memory", "probe", "zeroed"]

Visitor = Callable[[Tensor], None]
Change = Callable[[Tensor], Tensor]
Instead = Callable[..., Any]

_NONE: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, eq=False, slots=True)
class Run:
    """What one run of a network gave.

    `output`: what the model returned; None where the run stopped early. `values`: the tensors of the nodes that were
    asked for by `keep`, `grad` and `cut`, samples first. `leaves`: for each node of `grad` and `cut` the tensor that
    the network went on with, to differentiate with respect to. `weights`: for each node that computed with parameters
    these by their names in the model, to differentiate with respect to; empty unless they were asked for. A parameter
    that several nodes use is the same tensor at each, and its gradient is that of all uses together.
    """

    output: Any
    values: Mapping[str, Tensor]
    leaves: Mapping[str, Tensor]
    weights: Mapping[str, Mapping[str, Tensor]]


class Probe:
    """A model on loan, to be run as often as wanted; use it in a `with` statement."""

    def __init__(self, model: nn.Module, network: Network) -> None:
        self.model = unwrapped(model)
        self.network = network
        self._loans = ExitStack()
        self._plans: dict[object, Plan] = {}
        self._single: set[str] = set()
        self._folds: dict[str, Instead | None] = {}

    def __enter__(self) -> Probe:
        self._loans.enter_context(borrowed(self.model))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loans.close()

    @property
    def device(self) -> torch.device:
        """Where the network's weights are; inputs are moved there."""
        found = next(self.model.parameters(), None)
        return torch.device("cpu") if found is None else found.device

    @property
    def ran(self) -> bool:
        """Whether the network was run through it."""
        return bool(self._plans)

    def run(
        self,
        inputs: Any,
        *,
        visit: Mapping[str, Visitor] = _NONE,
        replace: Mapping[str, Change] = _NONE,
        instead: Mapping[str, Instead] = _NONE,
        keep: Collection[str] = (),
        grad: Collection[str] = (),
        cut: Collection[str] = (),
        weights: bool = False,
        given: Mapping[str, Tensor] = _NONE,
        stop_after: Collection[str] = (),
    ) -> Run:
        """Runs the network once on a batch and gives what was asked for of its nodes.

        inputs: a batch (n, …) as tensor or array, or a tuple (positional) or dict (by name) of several. Every value
        that a caller sees has the samples on axis 0, then the layer's `shape`; units lie on the layer's `unit_axis`
        of that shape. The order at a node is: replace, visit, then keep, grad and cut.

        visit: called at once with the node's value, which the network may overwrite afterwards: reduce or clone it.
        replace: gives the value that the network goes on with; same shape. See `zeroed`.
        instead: called in place of the node's own computation as `f(original, *args, **kwargs)`; raw shapes.
        keep: nodes whose values are kept, safe from later in-place operations.
        grad: nodes to differentiate with respect to; the graph starts there and is full behind: with z = values[b] and
        a = leaves[a], autograd.grad(z, a) counts every path from a to b.
        cut: the same, but the graph is cut at each of these nodes: values[b] is the sink, leaves[b] a fresh source,
        so autograd.grad(values[b], leaves[a]) counts only the paths that pass no other cut node.
        weights: lets the parameters be differentiated with respect to, through stand-ins (see `Run.weights`).
        Where none of the three is given nothing is differentiable.
        given: values known from an earlier run of the same inputs; these nodes and all that only feed them are not
        computed, which makes a knock-out in the middle cheap and bit-identical. See `frontier`. Where the
        network varies with its input, everything is computed and the given values are put in their places.
        stop_after: ends the run as soon as all of these nodes have been reached (`output` is then None). With
        `given`, only what they (and other nodes asked for) need is computed.

        Raises UnknownName for a name that is not a node, InvalidValue for inputs or values of a wrong form,
        ModelFailure where the network raises or does not reach a node that was asked for. Errors of callbacks and
        running out of memory (see `is_out_of_memory`) come through as they are.
        """
        asked = {
            "visit": tuple(visit), "replace": tuple(replace), "instead": tuple(instead), "given": tuple(given),
            "keep": tuple(keep), "grad": tuple(grad), "cut": tuple(cut), "stop": tuple(stop_after),
        }  # fmt: skip
        with borrowed(self.model):
            plan = self._plan(asked, weights)
            once = Pass(plan, arguments(inputs, self.model), Callbacks(visit, replace, instead, given))
            output = once.run()
        used = once.stand_ins.by_node if once.stand_ins is not None else {}
        return Run(output, MappingProxyType(once.values), MappingProxyType(once.leaves), MappingProxyType(used))

    def _plan(self, asked: Mapping[str, tuple[str, ...]], weights: bool) -> Plan:
        """What a request comes to, remembered: a pass over many batches asks the same each time."""
        key = (weights, *asked.values())
        if key not in self._plans:
            self._plans[key] = Plan(self.model, self.network, asked, self._single, weights)
        return self._plans[key]

    def shortcuts(
        self, seen: Collection[str], within: Collection[str] | None = None, *, in_place: bool = True
    ) -> Mapping[str, Instead]:
        """Cheaper ways to the same values up to rounding, for `instead`; see `fused`. Those of `seen` are not touched.

        A network may refuse them, such as one that calls `view`: then run without. Weights are folded once a loan.
        """
        return fused(self.model, self.network, seen, within=within, in_place=in_place, folds=self._folds)

    def frontier(self, names: Collection[str]) -> tuple[str, ...]:
        """The nodes whose values suffice to compute everything from `names` on, themselves included, without the input.

        Keep these in a first run and hand them to later ones as `given`.
        """
        after = self.network.reaches(names)
        found = [self.network.resolve(name) for name in names]
        for name in (layer.name for layer in self.network.layers if layer.name in after and layer.name not in found):
            found += [s for s in self.network.sources(name) if s not in after and s not in found]
        return tuple(sorted(set(found), key=self.network.index))


def probe(model: nn.Module, network: Network) -> Probe:
    """A way into a running network, for use in a `with` statement; see the module's text."""
    return Probe(model, network)


def zeroed(units: Sequence[int], axis: int = 0) -> Change:
    """A change that sets some units of a value to zero; `axis` is the layer's `unit_axis`, not counting samples."""
    return held(units, 0.0, axis)


def held(units: Sequence[int], value: float, axis: int = 0) -> Change:
    """A change that sets some units of a value to a constant; `axis` as in `zeroed`."""
    index = torch.as_tensor(list(units), dtype=torch.long)
    if not len(index):
        raise InvalidValue("Units to hold must be at least one; got none.")

    def change(tensor: Tensor) -> Tensor:
        return tensor.index_fill(axis + 1 if axis >= 0 else axis, index.to(tensor.device), value)

    return change
