"""What becomes of a network's answers when some of its units are silenced: the true change, by replaying what follows.

Silencing single units to see what depends on them is as old as neurology; for units of a network see Morcos, Barrett,
Rabinowitz, Botvinick, "On the importance of single directions for generalization", 2018 (arXiv 1803.06959), which also
compares setting to zero with holding at the mean. We report the change of each class's own logit, its accuracy and the
samples whose prediction flips, and beside it what the first-order contributions had said.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import closing

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from cnnvis.compute.batches import Batch, batches
from cnnvis.compute.devices import chosen, placed
from cnnvis.compute.own import outputs, own_logits, predicted
from cnnvis.compute.pieces import Pieces
from cnnvis.compute.probe import Change, Probe, probe, zeroed
from cnnvis.compute.record import batch_size
from cnnvis.compute.replay import Cache, Replay, starts
from cnnvis.compute.routes import upstream
from cnnvis.compute.sampling import wanted_samples
from cnnvis.errors import InvalidValue, NotConnected
from cnnvis.model.activations import Activations
from cnnvis.model.dataset import Dataset
from cnnvis.model.measurements import Ablation, Contributions, Fill, Silenced, in_order
from cnnvis.model.network import Layer, Network
from cnnvis.progress import Progress, silent

Numbers = NDArray[np.float32]


def ablate(
    model: nn.Module,
    network: Network,
    activations: Activations,
    silenced: Mapping[str, Sequence[int]],
    *,
    fill: Fill = "zero",
    contributions: Contributions | None = None,
    indices: Sequence[int] | None = None,
    subset: str = "",
    cache: Cache | None = None,
    device: str = "auto",
    batch: int | None = None,
    progress: Progress = silent,
) -> Ablation:
    """What changes when some units of some layers are silenced: own logit, accuracy and predictions, measured.

    silenced: for each drawn layer its units. fill: set their maps to zero, or hold them at their mean response over all
    recorded samples. contributions: to the own class, from which the first-order estimate is foretold; there is none
    where one silenced layer feeds another, because what passes both would count twice. indices: samples of the data
    set, by default all that were recorded; `subset` names them in the result, and then the estimate is given where it
    is of as many samples. batch: samples at once, None chooses; halved where memory does not suffice.

    Accuracy is the share whose prediction is the own class: the label, else the former prediction; with several labels
    the share whose own logit is above 0; NaN for regression. Bit-identical to a full run with the units silenced.
    Costs one forward pass and a replay from the first silenced layer on; with a `cache` that knows what lies there, or
    anywhere before, only the replay. The model is as before afterwards.

    Raises NotConnected where `activations` have no data set, UnknownName for a layer, InvalidValue for units that do
    not exist, none at all, the output itself, or samples that were not recorded, ModelFailure where the network fails.
    """
    if activations.data is None:
        raise NotConnected("The data set must be connected to knock units out; only its results are here.")
    if fill not in ("zero", "mean") or (batch is not None and batch < 1):
        raise InvalidValue(f"ablate.fill must be 'zero' or 'mean' and batch 1 or more; got {fill!r} and {batch}.")
    units = checked(network, silenced)
    held = _held(activations, units) if fill == "mean" else {}
    wanted = wanted_samples(activations, indices)
    if cache is not None:
        cache.belongs(model, activations.data)
    tally = _Tally(network, activations)
    changes = {network[layer].response: _change(network[layer], chosen_, held) for layer, chosen_ in units}
    with probe(placed(model, chosen(device)), network) as running:
        size = batch if batch is not None else batch_size(network, running.device)
        replay = Replay(running, network[network.output].response, changes, cache)
        _run(running, replay, activations.data, wanted, size, tally, progress)
    foretold = None if contributions is None else _foretold(network, contributions, units, held)
    return tally.finish(units, fill, subset, foretold, of_all=indices is None)


def _run(
    running: Probe,
    replay: Replay,
    data: Dataset,
    wanted: NDArray[np.int64],
    size: int,
    tally: _Tally,
    progress: Progress,
) -> None:
    """All samples before and after into the tally."""
    sink, what = running.network[running.network.output], "silencing neurons"

    def answers(piece: Batch) -> tuple[Numbers, Numbers]:
        before, after = replay(piece.inputs, _name(wanted[piece.rows]))
        return _numbers(before, sink), _numbers(after, sink)

    progress(0, len(wanted), what)
    with torch.inference_mode(False), torch.no_grad(), closing(batches(data, wanted, size)) as reader:
        pieces = Pieces(running, size)
        for found in reader:
            for piece, pair in pieces.of(found, answers):
                tally.add(wanted[piece.rows], *pair)
            progress(found.done, len(wanted), what)


def checked(network: Network, silenced: Mapping[str, Sequence[int]]) -> Silenced:
    """Layers and units in order. Raises UnknownName or InvalidValue where they cannot be silenced."""
    leading = upstream(network, network[network.output].response)
    found = in_order(network, silenced)
    if not found:
        raise InvalidValue("Units to silence must be at least one; got none. Choose a neuron, a cluster or a layer.")
    for name, units in found:
        layer = network[name]
        drawn = network.hosts[name] == name and network[layer.response].batch_axis is not None
        if not drawn or layer.unit_axis is None or not layer.n_units:
            raise InvalidValue(f"A layer to silence must be drawn and have units; got {name!r}.")
        if units[0] < 0 or units[-1] >= layer.n_units:
            wrong = units[0] if units[0] < 0 else units[-1]
            raise InvalidValue(f"The units of {name} to silence must be 0 … {layer.n_units - 1}; got {wrong}.")
        if name in network.class_layers:
            raise InvalidValue(
                f"A layer to silence must lie before the output; {name} gives the classes themselves, so nothing would "
                "be left to measure. Choose neurons of a layer before it."
            )
        if layer.response not in leading:
            raise InvalidValue(f"A layer to silence must lead to {network.output}, the output; {name} does not.")
    return found


def _held(activations: Activations, silenced: Silenced) -> dict[str, NDArray[np.float64]]:
    """The mean response of each unit of the silenced layers."""
    missing = [name for name, _ in silenced if name not in activations.layers]
    if missing:
        raise InvalidValue(
            f"A layer to hold at its mean must be recorded; {missing[0]} is not. Set it to zero, or name it in layers."
        )
    return {name: activations.mean(name) for name, _ in silenced}


def _change(layer: Layer, units: tuple[int, ...], held: Mapping[str, NDArray[np.float64]]) -> Change:
    """Silences some units of a value, samples first."""
    axis = (layer.unit_axis or 0) % len(layer.shape)
    if layer.name not in held:
        return zeroed(units, axis)
    index = torch.tensor(units)
    values = torch.from_numpy(held[layer.name][list(units)]).reshape(-1, *[1] * (len(layer.shape) - axis - 1))

    def change(tensor: Tensor) -> Tensor:
        rows = index.to(tensor.device)
        constant = values.to(tensor).expand_as(tensor.index_select(axis + 1, rows))
        return tensor.index_copy(axis + 1, rows, constant)

    return change


def _name(indices: NDArray[np.int64]) -> str:
    """A name for just these samples in this order."""
    return hashlib.sha256(np.ascontiguousarray(indices).tobytes()).hexdigest()


def _numbers(value: Tensor, layer: Layer) -> Numbers:
    found: Numbers = outputs(value, layer).float().cpu().numpy()
    return found


def _foretold(
    network: Network, contributions: Contributions, silenced: Silenced, held: Mapping[str, NDArray[np.float64]]
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """The first-order estimate by class and the counts behind it; None where there is none."""
    if contributions.target is not None:
        raise InvalidValue("ablate.contributions must be to each sample's own class; got those to one class.")
    nodes = [network[layer].response for layer, _ in silenced]
    if len(starts(network, nodes)) < len(set(nodes)):
        return None
    found = contributions.foretell(silenced, held)
    return None if found is None else (found, contributions.counts)


class _Tally:
    """The answers to all samples, before and after."""

    def __init__(self, network: Network, activations: Activations) -> None:
        self._network, self._activations = network, activations
        self._samples: list[NDArray[np.int64]] = []
        self._answers: tuple[list[Numbers], list[Numbers]] = ([], [])

    def add(self, samples: NDArray[np.int64], before: Numbers, after: Numbers) -> None:
        self._samples.append(samples)
        for answers, one in zip(self._answers, (before, after)):
            answers.append(one)

    def finish(
        self,
        silenced: Silenced,
        fill: Fill,
        subset: str,
        foretold: tuple[NDArray[np.float64], NDArray[np.float64]] | None,
        *,
        of_all: bool,
    ) -> Ablation:
        """The changes by class."""
        if not self._samples:
            raise InvalidValue("At least one image must be readable to knock units out; none is any more.")
        samples = np.concatenate(self._samples)
        before, after = (np.concatenate(answers) for answers in self._answers)
        table = self._activations.samples
        own = own_logits(self._network, self._activations).of(np.array([table.rows[int(s)] for s in samples]))
        n = len(self._activations.groups)
        counts = np.bincount(own.groups, minlength=n).astype(np.float64)
        some = np.where(counts > 0, counts, np.nan)
        change = np.bincount(own.groups, own.values(after) - own.values(before), n) / some
        said = [predicted(self._network, logits) for logits in (before, after)]
        accuracy = np.full((n, 2), np.nan)
        for column, (logits, classes) in enumerate(zip((before, after), said)):
            if self._activations.kind != "quantile":
                several = self._activations.kind == "label"
                right = own.values(logits) > 0 if several else classes[own.places] == own.groups
                accuracy[:, column] = np.bincount(own.groups, right, n) / some
        flips = np.flatnonzero(said[0] != said[1]) if self._activations.kind != "quantile" else samples[:0]
        estimate = None
        if foretold is not None:
            known = np.full(n, True) if of_all else foretold[1] == counts
            estimate = np.where(known, foretold[0], np.nan)
        rows = np.stack([samples[flips], said[0][flips], said[1][flips]], 1)
        return Ablation(silenced, fill, counts, change, accuracy, rows, estimate, subset)
