"""What each unit adds to the logit of a class, to first order, in one streaming pass.

Facet 3 of the specification: with A_i the response of unit i (its map) and z the logit of a class,

    contribution[i] = Σ_p A_i(p) · ∂z / ∂A_i(p),

signed: "gradient × input" at a hidden layer (Shrikumar, Greenside, Shcherbina, Kundaje, "Not Just a Black Box: Learning
Important Features Through Propagating Activation Differences", 2016, arXiv 1605.01713). On a network that is linear
behind the unit it is exactly what z loses when the unit is silenced; elsewhere `cnnvis.compute.ablate` says how far off
it is. One backward pass serves all samples and all layers: z is another class for each sample, and the graph is cut
nowhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from cnnvis.compute.batches import Batch, Inputs, batches
from cnnvis.compute.devices import chosen, placed
from cnnvis.compute.own import Own, aimed, outputs, own_logits
from cnnvis.compute.pieces import Pieces
from cnnvis.compute.probe import Probe, Run, is_out_of_memory, probe
from cnnvis.compute.record import batch_size
from cnnvis.compute.routes import upstream
from cnnvis.compute.sampling import chosen_samples, wanted_samples
from cnnvis.compute.statistics import Slot
from cnnvis.errors import CnnvisError, InvalidValue, ModelFailure, NotConnected
from cnnvis.model.activations import Activations
from cnnvis.model.measurements import Contributions
from cnnvis.model.network import Network
from cnnvis.progress import Progress, silent

WHAT = "measuring contributions"

Grown = tuple[Tensor, Tensor]
"""For each sample and unit, on the CPU: Σ over places of A · dz/dA, and of dz/dA."""


def contribute(
    model: nn.Module,
    network: Network,
    activations: Activations,
    *,
    layers: Sequence[str] | None = None,
    target: int | None = None,
    samples: int | None = None,
    indices: Sequence[int] | None = None,
    subset: str = "",
    seed: int = 0,
    device: str = "auto",
    batch: int | None = None,
    progress: Progress = silent,
) -> Contributions:
    """The first-order effect of every unit on the logit of each sample's own class, summed by class.

    The own class is the label, or the prediction where there is none; where labels are 0/1 vectors each class of the
    sample, with one more backward pass for each; for regression the strongest output, summed by quantile. Where one
    output tells two classes apart, the logit of the first is its negative.

    layers: drawn layers; None for every recorded one that leads to the output. target: a class (for regression an
    output) whose logit stands in for the own one. indices: samples of the data set, None for all that were recorded;
    `subset` names them in the result. samples: how many of these, drawn by `seed` and balanced over the classes; None
    for all. batch: samples at once, None chooses; halved where memory does not suffice. Costs about one forward and
    one backward pass. Values that are NaN or infinite count as 0. The model is as before afterwards.

    Raises NotConnected without a data set, UnknownName for a layer, InvalidValue for a layer or a target that does not
    fit or samples that were not recorded, ModelFailure where the network fails or cannot be differentiated.
    """
    if (data := activations.data) is None:
        raise NotConnected("The data set must be connected to compute contributions; only its results are here.")
    slots = asked(network, activations, layers)
    aim = None if target is None else aimed(network, activations, target)
    drawn = _indices(activations, indices, samples, seed)
    rows = np.array([activations.samples.rows[int(i)] for i in drawn], np.int64)
    size = _size(batch, network, place := chosen(device))
    own, sums = own_logits(network, activations), _Sums(slots, len(activations.groups))
    progress(0, len(drawn), WHAT)
    with (
        torch.inference_mode(False),
        probe(placed(model, place), network) as running,
        closing(batches(data, drawn, size)) as reader,
    ):
        pieces, ways = Pieces(running, size), _Ways(running, slots)
        for found in reader:
            for _, grown in pieces.of(found, lambda b: _rounds(ways, b, own.of(rows[b.rows]), aim)):
                sums.add(grown)
            progress(found.done, len(drawn), WHAT)
    return sums.finish(target, subset)


def _indices(
    activations: Activations, indices: Sequence[int] | None, samples: int | None, seed: int
) -> NDArray[np.int64]:
    """The samples to run, ascending."""
    wanted = wanted_samples(activations, indices)
    if samples is None:
        return wanted
    if samples < 1:
        raise InvalidValue(f"contribute.samples must be 1 or more; got {samples}.")
    return chosen_samples(activations, samples, seed, among=wanted.tolist())


def _size(batch: int | None, network: Network, place: torch.device) -> int:
    if batch is not None and batch < 1:
        raise InvalidValue(f"contribute.batch must be 1 or more; got {batch}.")
    return batch if batch is not None else batch_size(network, place)


def asked(network: Network, activations: Activations, layers: Sequence[str] | None) -> tuple[Slot, ...]:
    """The layers to measure, in the order of the network, and where their units lie side by side.

    Raises UnknownName, or InvalidValue for a layer without units or one that does not lead to the output.
    """
    sink = network[network.output].response
    leading = upstream(network, sink) - {sink}
    if layers is None:
        names = [name for name in activations.layers if network[name].response in leading]
    else:
        names = list(dict.fromkeys(layers))
        for name in names:
            layer = network[name]
            if network.hosts[name] != name or layer.unit_axis is None or not layer.n_units:
                raise InvalidValue(f"contribute.layers must be drawn layers with units; got {name!r}.")
            if layer.response not in leading:
                raise InvalidValue(f"contribute.layers must lead to {network.output}, the output; {name} does not.")
    if not names:
        raise InvalidValue(f"contribute.layers must be at least one; none was recorded before {network.output}.")
    slots: list[Slot] = []
    start = 0
    for layer in sorted((network[name] for name in names), key=lambda x: network.index(x.name)):
        stop = start + layer.n_units
        slots.append(Slot(layer.name, layer.response, start, stop, layer.unit_axis or 0, len(layer.spatial) == 2))
        start = stop
    return tuple(slots)


@dataclass(frozen=True, eq=False, slots=True)
class _Round:
    """What one backward pass over some samples gave: for each pair its group, and for each sample what grew."""

    places: NDArray[np.int64]
    groups: NDArray[np.int64]
    grown: Grown


def _rounds(ways: _Ways, batch: Batch, own: Own, aim: tuple[int, float] | None) -> list[_Round]:
    """What a batch adds: in one backward pass for a target, in as many as a sample has own classes otherwise."""
    n = len(batch)
    if aim is not None:
        unit, sign = aim
        nothing = np.zeros(n, np.int64)
        whole = Own(np.arange(n), nothing, np.full(n, unit), np.full(n, sign, np.float32), nothing)
        (grown,) = ways.grow(batch.inputs, [whole])
        return [_Round(own.places, own.groups, grown)]
    turns = own.rounds
    return [_Round(turn.places, turn.groups, grown) for turn, grown in zip(turns, ways.grow(batch.inputs, turns))]


class _Ways:
    """Runs batches forward and backward: the fastest way first, and a surer one where it fails.

    The fast way folds BatchNorm, works in place and puts channels last; the surest keeps every value aside, for
    networks whose in-place steps overwrite what the backward pass needs.
    """

    def __init__(self, running: Probe, slots: tuple[Slot, ...]) -> None:
        network = running.network
        self._running, self._slots = running, slots
        self._nodes = tuple(dict.fromkeys(slot.node for slot in slots))
        self._layer = network[network.output]
        self._instead = running.shortcuts([*self._nodes, self._layer.response])
        self._convolves = any(x.kind.lower().startswith("conv") for x in network.layers)
        between = network.reaches(self._nodes) & upstream(network, self._layer.response)
        self._guarded = tuple(sorted(between - {*self._nodes, self._layer.response}, key=network.index))
        self._left = ["fast", "plain", "guarded"]
        self._scratch: dict[object, Tensor] = {}

    def grow(self, inputs: Inputs, turns: Sequence[Own]) -> list[Grown]:
        """For each turn what every unit adds to the logits of its samples; one forward pass for all turns."""
        while True:
            try:
                return self._once(inputs, turns)
            except RuntimeError as error:
                if is_out_of_memory(error):
                    raise
                if len(self._left) == 1:
                    if isinstance(error, CnnvisError):
                        raise
                    raise ModelFailure(
                        f"{self._running.network.name} must be differentiable from {self._slots[0].layer} on for "
                        f"contributions; torch says: {error}"
                    ) from error
                del self._left[0]

    def _once(self, inputs: Inputs, turns: Sequence[Own]) -> list[Grown]:
        if not turns:
            return []
        sink = self._layer.response
        run = self._run(inputs)
        with torch.enable_grad():
            logits = outputs(run.values[sink], self._layer)
            leaves = [run.leaves[node] for node in self._nodes]
            found = []
            for turn in turns:
                units, signs = torch.from_numpy(turn.units), torch.from_numpy(turn.signs)
                own = logits[torch.from_numpy(turn.places).to(logits.device), units.to(logits.device)]
                total = (own * signs.to(logits)).sum()
                again = turn is not turns[-1]
                if total.requires_grad:
                    slopes = torch.autograd.grad(total, leaves, retain_graph=again, materialize_grads=True)
                else:  # no gradient leads from any of them to the output
                    slopes = tuple(map(torch.zeros_like, leaves))
                found.append(self._summed(run, dict(zip(self._nodes, slopes))))
        return found

    def _run(self, inputs: Inputs) -> Run:
        sink, way = self._layer.response, self._left[0]
        if way == "fast" and self._convolves:
            inputs = tuple(x.contiguous(memory_format=torch.channels_last) if x.ndim == 4 else x for x in inputs)
        return self._running.run(
            inputs if len(inputs) > 1 else inputs[0],
            grad=self._nodes,
            keep=(sink, *(self._guarded if way == "guarded" else ())),
            instead=self._instead if way == "fast" else {},
            stop_after=(*self._nodes, sink),
        )

    @torch.no_grad()
    def _summed(self, run: Run, slopes: dict[str, Tensor]) -> Grown:
        """The sums over places of all layers side by side, (n, units) each."""
        products, sums = [], []
        for slot in self._slots:
            value, slope = run.values[slot.node], slopes[slot.node]
            product = torch.mul(value, slope, out=self._room(value))
            products.append(_pooled(product, slot.unit_axis))
            sums.append(_pooled(slope, slot.unit_axis))
        joined = (torch.cat(parts, 1).cpu().nan_to_num_(0.0, 0.0, 0.0) for parts in (products, sums))
        return next(joined), next(joined)

    def _room(self, value: Tensor) -> Tensor:
        """Memory for one product, used again and again: fresh pages cost more than the product."""
        key = (value.shape, value.stride(), value.dtype)
        if key not in self._scratch:
            self._scratch[key] = torch.empty_like(value)
        return self._scratch[key]


def _pooled(value: Tensor, axis: int) -> Tensor:
    """The sum over all places, (n, units)."""
    units = value.movedim(1 + axis % (value.dim() - 1), 1)
    return units.flatten(2).sum(2) if units.dim() > 2 else units.clone()


class _Sums:
    """The sums by class in float64, and how many samples stand behind each."""

    def __init__(self, slots: tuple[Slot, ...], n_groups: int) -> None:
        self._slots = slots
        self._counts = np.zeros(n_groups)
        self._total = torch.zeros(2, n_groups, slots[-1].stop, dtype=torch.float64)

    def add(self, found: Sequence[_Round]) -> None:
        """Counts what some backward passes gave."""
        for turn in found:
            np.add.at(self._counts, turn.groups, 1.0)
            groups, places = torch.from_numpy(turn.groups), torch.from_numpy(turn.places)
            for total, grown in zip(self._total, turn.grown):
                total.index_add_(0, groups, grown[places].double())

    def finish(self, target: int | None, subset: str) -> Contributions:
        """The contributions of each layer."""
        total = self._total.numpy()
        layers, slopes = (
            {slot.layer: np.ascontiguousarray(part[:, slot.start : slot.stop].T) for slot in self._slots}
            for part in total
        )
        return Contributions(layers, self._counts, target, slopes, subset)
