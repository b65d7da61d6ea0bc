"""How strongly each unit of some source layers drives each unit of one sink layer, over one batch.

With A the source's response and r_j the mean-pooled response of the sink's unit j,

    S_ij = Σ_x Σ_p A_i(x, p) · ∂r_j(x) / ∂A_i(x, p),

all else held fixed: the ways that do not start at the source, and those that pass another representative. It splits by
the last plain convolution z on the way (the `Head`, weights V, input m) and the first one, f (the `Tail`, weights W):
behind z and before f every map is treated for itself, so one backward pass gives γ = ∂r/∂z for all units, and one
forward-mode pass Ã = ∂(input of f)/∂A · A. What is left to do per unit is small:

    one convolution, z = f:     S_ij = Σ_k V[j, i, k] · (Σ_p γ_j(p) Ã_i(p + k))
    otherwise:                  S_ij = Σ_c Σ_k W[c, i, k] · (Σ_p h_jc(p) Ã_i(p + k)),  h_j = (∂m/∂f)ᵀ (V_jᵀ ∗ γ_j)

Both agree with plain differentiation to rounding (`whole` routes); that steps are unitwise is measured each time.

For a class c each place q of the sink's response B counts by what the logit z_c gains from it, held fixed:

    C_ij = Σ_x Σ_p A_i(x, p) · ∂/∂A_i(x, p) Σ_q g_j(x, q) B_j(x, q),     g_j(x, q) = ∂z_c(x)/∂B_j(x, q).

That is the part of z_c that flows from i through j. By the chain rule Σ_j C_ij over all sinks that the source's ways
meet first is Σ_p A_i · ∂z_c/∂A_i, the source's contribution; where the network is piecewise linear, Σ_i C_ij over all
sources is the sink's own contribution less what biases between them add.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import torch
from torch import Tensor, nn

from cnnvis.compute.probe import Probe, Run, is_out_of_memory
from cnnvis.compute.products import applied, arriving, products, sent_back
from cnnvis.compute.routes import Head, Routes, Tail, plain, upstream, whole
from cnnvis.errors import CnnvisError, ModelFailure
from cnnvis.model.connections import Mode
from cnnvis.model.network import Layer, Network

Tick = Callable[[int], None]

NUMBERS = {"cpu": 2**22, "gpu": 2**26}
"""How many numbers differentiations done together may keep for their largest node: on a CPU they stay in its cache."""


@dataclass(frozen=True, eq=False, slots=True)
class Segment:
    """What lies between some sources and one sink: the layers, the ways, and the nodes that no way passes."""

    sink: Layer
    sources: tuple[Layer, ...]
    routes: Routes
    stops: tuple[str, ...]


class Unexpected(Exception):
    """A step that was taken for unitwise is not."""


def effects(
    p: Probe,
    inputs: object,
    known: Mapping[str, Tensor],
    segment: Segment,
    mode: Mode,
    tick: Tick,
    behind: Tensor | None = None,
) -> dict[str, Tensor]:
    """For each source (n_source, n_sink) float64: the effects summed over the samples of the batch.

    `known` holds the responses of the stops to the batch. `tick` is told how many units of the sink are done.
    `behind` (samples, *shape) is what every place of the sink's response counts; by default all of a unit's the same,
    1 together.
    """
    guarded: tuple[str, ...] = ()
    while True:
        try:
            return _Effects(p, inputs, known, segment, mode, tick, behind, guarded).found()
        except Unexpected:
            names = [s.response for s in segment.sources]
            segment = replace(segment, routes=whole(p.network, segment.sink.response, names))
        except CnnvisError:
            raise
        except RuntimeError as error:
            if is_out_of_memory(error):
                raise
            if guarded:
                raise ModelFailure(
                    f"The way to {segment.sink.name} must be differentiable to be connected; torch says: {error}"
                ) from error
            guarded = between(p.network, segment)


def between(network: Network, segment: Segment) -> tuple[str, ...]:
    """The nodes on the ways of a segment: a probe that keeps them guards them from in-place operations after them."""
    leading = upstream(network, segment.sink.response)
    found = network.reaches([s.response for s in segment.sources]) & leading
    return tuple(sorted(found, key=network.index))


class _Effects:
    def __init__(
        self,
        p: Probe,
        inputs: object,
        known: Mapping[str, Tensor],
        segment: Segment,
        mode: Mode,
        tick: Tick,
        behind: Tensor | None,
        guarded: tuple[str, ...],
    ) -> None:
        self.p, self.inputs, self.segment, self.tick, self.behind = p, inputs, segment, tick, behind
        self.given = {} if guarded else known  # what is spared has no memory that later steps could write to
        self.node = segment.sink.response
        self.routes = segment.routes
        self.guarded = guarded
        self.tangents = {
            s.response: torch.ones_like(known[s.response]) if mode == "weights" else known[s.response]
            for s in segment.sources
        }
        self.some = next(iter(self.tangents.values()))
        self.generator = torch.Generator().manual_seed(0)
        self.sums = {
            s.response: torch.zeros(s.n_units, segment.sink.n_units, device=self.some.device) for s in segment.sources
        }
        self.slopes: dict[str, Tensor] = {}
        self.arrived: dict[tuple[str, Tail], Tensor] = {}

    def found(self) -> dict[str, Tensor]:
        self._look_at_the_ends()
        self._add_single_steps()
        self._add_longer_ways()
        return {s.name: self.sums[s.response].cpu().double() for s in self.segment.sources}

    def weigh(self, n: int) -> Tensor:
        """Different weights for n units, to see what becomes of each."""
        return (torch.rand(n, generator=self.generator) + 0.5).to(self.some)

    # -- what is unitwise ------------------------------------------------------------------------------------------

    def _look_at_the_ends(self) -> None:
        """γ behind each head, Ã before each tail, and the ways that have neither."""
        tails = [t for found in self.routes.tails.values() for t in found or ()]
        plain_steps = {t.node: t.input for t in tails}
        plain_steps |= {h.node: h.input for h in self.routes.heads if h.input is not None}
        run = self.p.run(
            self.inputs,
            given=self.given,
            cut=(*self.segment.stops, *(c for c in self.routes.cuts if c not in self.segment.stops)),
            keep=(self.node, *plain_steps.values(), *self.guarded),
            stop_after=(self.node,),
        )
        for node, before in plain_steps.items():
            if node not in run.values or before not in run.values:
                raise Unexpected  # these samples took another way
            _expect(applied(self._module(node), run.values[before].detach()), run.values[node].detach())
        pooled = _pooled(run.leaves.get(self.node, run.values[self.node]), self.segment.sink, self.behind)
        self._slopes_behind(run, pooled)
        for source in self.segment.sources:
            name = source.response
            for tail in self.routes.tails[name] or ():
                self.arrived[name, tail] = self._arriving(run, source, tail)
            if name in self.routes.direct:
                self._add_direct(run, source, pooled)

    def _slopes_behind(self, run: Run, pooled: Tensor) -> None:
        heads = self.routes.heads
        if not heads:
            return
        leaves = [run.leaves[h.node] for h in heads]
        found = _slopes(pooled.sum(), leaves)
        weights = self.weigh(pooled.shape[1])
        weighed = _slopes((pooled * weights).sum(), leaves)
        for head, slope, other in zip(heads, found, weighed):
            if slope is None or other is None:
                continue
            if head.node != self.node:
                _expect(other, _along(weights[head.offset : head.offset + head.n], slope, 1) * slope)
            self.slopes[head.node] = slope

    def _arriving(self, run: Run, source: Layer, tail: Tail) -> Tensor:
        tangent = self.tangents[source.response]
        if tail.input == source.response:
            return tangent
        value, leaf = run.values[tail.input], run.leaves[source.response]
        weights = self.weigh(source.n_units)
        arrived = _pushed(value, leaf, tangent)
        own = slice(tail.offset, tail.offset + source.n_units * tail.spread)
        expected = torch.zeros_like(arrived)
        expected[:, own] = arrived[:, own] * _along(weights.repeat_interleave(tail.spread), arrived, 1)
        _expect(_pushed(value, leaf, tangent * _along(weights, tangent, 1)), expected)
        return arrived

    def _add_direct(self, run: Run, source: Layer, pooled: Tensor) -> None:
        tangent, leaf = self.tangents[source.response], run.leaves[source.response]
        offset, n = self.routes.direct[source.response], source.n_units
        weights = self.weigh(n)
        arrived = _pushed(pooled, leaf, tangent)
        expected = torch.zeros_like(arrived)
        expected[:, offset : offset + n] = arrived[:, offset : offset + n] * weights
        _expect(_pushed(pooled, leaf, tangent * _along(weights, tangent, 1)), expected)
        self.sums[source.response][range(n), range(offset, offset + n)] += arrived.sum(0)[offset : offset + n]

    # -- one convolution -------------------------------------------------------------------------------------------

    def _add_single_steps(self) -> None:
        heads = {h.node: h for h in self.routes.heads}
        for (source, tail), arrived in self.arrived.items():
            head = heads.get(tail.node)
            if head is None or tail.node not in self.slopes:
                continue
            found = products(self._module(tail.node), arrived, self.slopes[tail.node][None])[0]
            self.sums[source][:, head.offset : head.offset + head.n] += self._folded(found, source, tail).T

    def _folded(self, found: Tensor, source: str, tail: Tail) -> Tensor:
        """From the maps of a tail's input (…, maps) to the source's units (…, n_source)."""
        n = self.sums[source].shape[0]
        own = found[..., tail.offset : tail.offset + n * tail.spread]
        return torch.unflatten(own, -1, (n, tail.spread)).sum(-1)

    def _module(self, node: str) -> nn.Module:
        network = self.p.network
        found = plain(self.p.model, network[network.sources(node)[0]], network[node])
        assert found is not None
        return found

    # -- several convolutions --------------------------------------------------------------------------------------

    def _add_longer_ways(self) -> None:
        """Vector–Jacobian products from the heads' inputs to the tails (or the sources), a chunk of units at a time."""
        starts = self._starts()
        after = self.p.network.reaches(starts)
        ends = {h.node: h.input or h.node for h in self.routes.heads}
        heads = [h for h in self.routes.heads if h.node in self.slopes and ends[h.node] in after]
        if not heads or not starts:
            self.tick(self.segment.sink.n_units)
            return
        run = self.p.run(
            self.inputs,
            given=self.given,
            cut=self.segment.stops,
            grad=tuple(name for name in starts if name not in self.segment.stops),
            keep=(*(ends[h.node] for h in heads), *self.guarded),
            stop_after=tuple(ends[h.node] for h in heads),
        )
        leaves = {name: run.leaves[name] for name in starts if name in run.leaves}
        done = 0
        for first, last in _spans(heads, self.segment.sink.n_units):
            active = [h for h in heads if h.offset <= first < h.offset + h.n and run.values[ends[h.node]].requires_grad]
            for units in self._chunks(range(first, last), [*leaves, *ends.values()]) if active else ():
                if any(self._behind(h, units).any() for h in active):  # not of dead units, nor of other classes
                    seeds = [self._seeds(h, units) for h in active]
                    found = _pulled([run.values[ends[h.node]] for h in active], list(leaves.values()), seeds)
                    self._collect(units, dict(zip(leaves, found)))
                done += len(units)
                self.tick(len(units))
        self.tick(self.segment.sink.n_units - done)

    def _starts(self) -> tuple[str, ...]:
        """The nodes with respect to which longer ways are differentiated."""
        found = [s for s, tails in self.routes.tails.items() if tails is None]
        found += [t.node for tails in self.routes.tails.values() for t in tails or ()]
        return tuple(dict.fromkeys(found))

    def _axis(self, head: Head) -> int:
        """Where the maps of a head lie in its slope."""
        axis = self.segment.sink.unit_axis if head.node == self.node else 0
        assert axis is not None
        return axis % (self.slopes[head.node].dim() - 1) + 1

    def _behind(self, head: Head, units: range) -> Tensor:
        """The slopes of the pooled responses of some units at the head."""
        return self.slopes[head.node].narrow(self._axis(head), units.start - head.offset, len(units))

    def _seeds(self, head: Head, units: range) -> Tensor:
        """For each unit the slope of its pooled response at the head's input (or at the head), (units, samples, …)."""
        slope, maps = self.slopes[head.node], range(units.start - head.offset, units.stop - head.offset)
        if head.input is not None:
            shape = self.p.network[head.input].shape
            return sent_back(self._module(head.node), slope, maps, shape)
        axis = self._axis(head)
        seeds = torch.zeros(len(maps), *slope.shape, dtype=slope.dtype, device=slope.device)
        for k, j in enumerate(maps):
            seeds[k].narrow(axis, j, 1).copy_(slope.narrow(axis, j, 1))
        return seeds

    def _collect(self, units: range, slopes: Mapping[str, Tensor | None]) -> None:
        own = slice(units.start, units.stop)
        for source in self.segment.sources:
            name = source.response
            tails = self.routes.tails[name]
            if tails is None:
                slope = slopes.get(name)
                if slope is not None:
                    self.sums[name][:, own] += _summed(slope * self.tangents[name], source).T
                continue
            for tail in tails:
                slope = slopes.get(tail.node)
                if slope is not None:
                    found = arriving(self._module(tail.node), self.arrived[name, tail], slope)
                    self.sums[name][:, own] += self._folded(found, name, tail).T

    def _chunks(self, units: range, names: Sequence[str]) -> Iterator[range]:
        """The units in portions that fit into memory."""
        n_samples = next(iter(self.tangents.values())).shape[0]
        between = [self.p.network[n] for n in names]
        low, high = (f(self.p.network.index(x.name) for x in between) for f in (min, max))
        widest = max(math.prod(x.shape) for x in self.p.network.layers[low : high + 1])
        most = NUMBERS["cpu" if self.some.device.type == "cpu" else "gpu"]
        size = max(1, min(256, most // max(n_samples * widest, 1)))
        for first in range(units.start, units.stop, size):
            yield range(first, min(first + size, units.stop))


def _spans(heads: Sequence[Head], n: int) -> Iterator[tuple[int, int]]:
    """The sink's units in runs that the same heads drive."""
    marks = sorted({0, n, *(h.offset for h in heads), *(h.offset + h.n for h in heads)})
    yield from pairwise(marks)


def _pooled(value: Tensor, layer: Layer, behind: Tensor | None) -> Tensor:
    """The response of each unit, (samples, n_units): its places weighed by `behind`, else their mean."""
    assert layer.unit_axis is not None
    axis = layer.unit_axis % len(layer.shape) + 1
    maps = (value if behind is None else value * behind).movedim(axis, 1)
    if maps.dim() <= 2:
        return maps
    return maps.flatten(2).mean(2) if behind is None else maps.flatten(2).sum(2)


def _summed(value: Tensor, layer: Layer) -> Tensor:
    """The sum over samples and places, (units of the sink, n_units), of (units of the sink, samples, …)."""
    assert layer.unit_axis is not None
    return value.movedim(layer.unit_axis % len(layer.shape) + 2, 1).flatten(2).sum(2)


def _along(weights: Tensor, like: Tensor, axis: int) -> Tensor:
    return weights.view([-1 if i == axis else 1 for i in range(like.dim())])


def _slopes(value: Tensor, leaves: Sequence[Tensor]) -> tuple[Tensor | None, ...]:
    return torch.autograd.grad(value, leaves, retain_graph=True, allow_unused=True)


def _pushed(value: Tensor, leaf: Tensor, tangent: Tensor) -> Tensor:
    """The directional derivative of a value along a tangent, by differentiating the backward pass."""
    v = torch.zeros_like(value, requires_grad=True)
    (back,) = torch.autograd.grad(value, leaf, v, create_graph=True)
    (found,) = torch.autograd.grad(back, v, tangent)
    return found


def _pulled(values: list[Tensor], leaves: list[Tensor], seeds: list[Tensor]) -> Sequence[Tensor | None]:
    """Vector–Jacobian products of several seeds at once; one after the other where an operation cannot."""
    used: list[bool] = []

    def pull(*seed: Tensor) -> tuple[Tensor, ...]:
        found = torch.autograd.grad(values, leaves, seed, retain_graph=True, allow_unused=True)
        used[:] = [part is not None for part in found]
        return tuple(part for part in found if part is not None)

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # slow for lack of a batching rule: still right
            # Not is_grads_batched, which has no rule for a convolution: it takes three times as long.
            parts = iter(torch.func.vmap(pull)(*seeds))
    except RuntimeError as error:
        if is_out_of_memory(error):
            raise
        single = [pull(*(s[k] for s in seeds)) for k in range(len(seeds[0]))]
        parts = iter([torch.stack(found) for found in zip(*single)])
    return [next(parts) if known else None for known in used]


def _expect(found: Tensor, expected: Tensor) -> None:
    if not torch.allclose(found, expected, rtol=1e-3, atol=1e-4 * float(expected.abs().max()), equal_nan=True):
        raise Unexpected
