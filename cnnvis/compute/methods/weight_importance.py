"""Weight importance: how much each weight matters to the loss, or to a target.

With g = ∂L/∂w, the mean over samples of the slope of the loss (or of the target's value) with respect to a weight w,

    weight × gradient   |w · g|             what the loss changes by, to first order, when w is removed
    gradient            |g|
    fisher              E[g²]               of single samples: the diagonal of the empirical Fisher matrix
    damage              ½ · E[g²] · w²      to second order, where the loss has its minimum

Weight × gradient is the saliency of Lee, Ajanthan, Torr, "SNIP: Single-shot Network Pruning based on Connection
Sensitivity", 2019 (arXiv 1810.02340), which takes it before training and divides by its sum over all weights; we give
the raw values and say each layer's share. Damage is that of Le Cun, Denker, Solla, "Optimal Brain Damage", 1989, with
the empirical Fisher matrix in the place of the Hessian's diagonal.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cnnvis.compute.batches import Batch, batches
from cnnvis.compute.diagnose import AT_ONCE
from cnnvis.compute.grouping import renumbering
from cnnvis.compute.losses import batch_loss
from cnnvis.compute.method import Cost, Family, Takes
from cnnvis.compute.pieces import Pieces
from cnnvis.compute.probe import Probe
from cnnvis.compute.score import checked, score
from cnnvis.compute.subject import finite
from cnnvis.errors import InvalidValue
from cnnvis.model.attribution import WeightMap
from cnnvis.model.dataset import Dataset
from cnnvis.model.network import Layer, Network
from cnnvis.model.target import Target
from cnnvis.progress import Progress, silent

Score = Literal["weight × gradient", "gradient", "fisher", "damage"]
_SINGLE = ("fisher", "damage")
_LISTED = 50
_MOST = 64


@dataclass(frozen=True, slots=True)
class WeightImportance:
    """How much each weight of the network matters, over samples of the data: no signs, per weight.

    `score` is what is measured: weight × gradient, the gradient alone, its mean square (fisher) or the damage to
    second order. `of` says of what: the loss over the samples' labels, or the target's value. `samples` is how many
    samples are used at most, drawn by `seed`. Fisher and damage run each sample for itself, the others in batches.
    """

    score: Score = "weight × gradient"
    of: Literal["loss", "target"] = "loss"
    samples: int = 128
    seed: int = 0
    found: WeightMap | None = field(default=None, metadata={"state": True}, compare=False, repr=False)

    title: ClassVar[str] = "Weight importance"
    paper: ClassVar[str] = "Lee, Ajanthan, Torr, SNIP, 2019 (arXiv 1810.02340)"
    family: ClassVar[Family] = "weights"
    takes: ClassVar[Takes] = "any"

    def cost(self, network: Network) -> Cost:
        return Cost(self.samples, 2 * self.samples)  # weights want a gradient too

    def prepared(
        self, probe: Probe, data: Dataset, rows: Sequence[int], target: Target, progress: Progress = silent
    ) -> WeightImportance:
        """The same with what it found over the samples; batches are halved where memory does not suffice.

        Raises InvalidValue where no sample can be read.
        """
        self._check()
        network = probe.network
        checked(network, target)
        indices = _drawn(rows, self.samples, self.seed)
        numbers = renumbering(network, data)
        size = 1 if self.score in _SINGLE else _at_once(network)
        pieces, sums = Pieces(probe, size), _Sums(squared=self.score in _SINGLE)
        what = "measuring weights"
        progress(0, len(indices), what)
        with closing(batches(data, indices, size)) as reader:
            for batch in reader:
                for piece, slopes in pieces.of(
                    batch, lambda piece: _slopes(probe, piece, self._aim(network, piece, target, numbers))
                ):
                    sums.add(network, slopes, len(piece))
                progress(batch.done, len(indices), what)
        if not sums.n:
            raise InvalidValue("WeightImportance needs at least one sample that can be read; got none.")
        return replace(self, found=self._evidence(probe, sums))

    def __call__(self, probe: Probe, inputs: Any, target: Target, progress: Progress = silent) -> WeightMap:
        """What was found over the samples; the one input is not looked at."""
        self._check()
        if self.found is None:
            raise InvalidValue("WeightImportance learns from samples; give attribute the `data` to learn from.")
        return self.found

    def _check(self) -> None:
        if self.score not in get_args(Score):
            raise InvalidValue(
                f"WeightImportance.score must be one of {', '.join(get_args(Score))}; got {self.score!r}."
            )
        if self.of not in ("loss", "target"):
            raise InvalidValue(f"WeightImportance.of must be 'loss' or 'target'; got {self.of!r}.")
        if self.samples < 1:
            raise InvalidValue(f"WeightImportance.samples must be 1 or more; got {self.samples}.")

    def _aim(self, network: Network, batch: Batch, target: Target, numbers: NDArray[np.int64] | None) -> _Aim:
        if self.of == "target":
            sink = network[target.layer]
            return _Aim(sink.response, lambda value: score(value, sink, target).sum())
        labels = batch.labels
        if numbers is not None:
            labels = tuple(x if x is None or np.ndim(x) or x < 0 else int(numbers[int(x)]) for x in labels)
        return _Aim(network[network.output].response, batch_loss(network, labels))

    def _evidence(self, probe: Probe, sums: _Sums) -> WeightMap:
        own = {name: p.detach().float() for name, p in probe.model.named_parameters()}
        values = {}
        for name, total in sums.total.items():
            mean = total / sums.n
            if self.score == "weight × gradient":
                mean = (own[name] * mean).abs()
            elif self.score == "gradient":
                mean = mean.abs()
            elif self.score == "damage":
                mean = 0.5 * mean * own[name].square()
            values[name] = np.ascontiguousarray(finite(mean, "The slopes of weights").cpu().numpy())
        return WeightMap(values, {**_totals(probe.network, sums.of_layer, values), "samples": sums.n, "of": self.of})


def _drawn(rows: Sequence[int], n: int, seed: int) -> NDArray[np.int64]:
    """At most n of the rows, ascending, by seed."""
    known = np.asarray(rows, np.int64)
    if len(known) > n:
        known = np.random.default_rng(seed).choice(known, n, replace=False)
    return np.sort(known)


def _at_once(network: Network) -> int:
    """How many samples fit a batch whose values a backward pass keeps all."""
    return int(np.clip(AT_ONCE // max(sum(math.prod(layer.shape) for layer in network.layers), 1), 1, _MOST))


@dataclass(frozen=True, slots=True)
class _Aim:
    """The node whose value is differentiated, and the sum of what is asked of it over a batch."""

    node: str
    total: Any


@dataclass(frozen=True, eq=False, slots=True)
class _Slopes:
    """The slopes of parameters, by name, and which of these the nodes computed with."""

    of: Mapping[str, Tensor]
    at: Mapping[str, tuple[str, ...]]


def _slopes(probe: Probe, batch: Batch, aim: _Aim) -> _Slopes:
    """One pass each way."""
    run = probe.run(tuple(batch.inputs), keep=(aim.node,), weights=True, stop_after=(aim.node,))
    own = {name: leaf for leaves in run.weights.values() for name, leaf in leaves.items()}
    with torch.inference_mode(False), torch.enable_grad():
        total = aim.total(run.values[aim.node])
        found = torch.autograd.grad(total, [*own.values()], allow_unused=True)
    used = {name: slope for name, slope in zip(own, found) if slope is not None}
    return _Slopes(used, {node: tuple(leaves) for node, leaves in run.weights.items()})


class _Sums:
    """What adds up from batch to batch: slopes of each parameter, or their squares sample by sample."""

    def __init__(self, squared: bool) -> None:
        self.squared, self.n = squared, 0
        self.total: dict[str, Tensor] = {}
        self.of_layer: dict[str, tuple[str, ...]] = {}

    def add(self, network: Network, slopes: _Slopes, n: int) -> None:
        """Counts the slopes of n samples."""
        for name, slope in slopes.of.items():
            more = slope.float().square() if self.squared else slope.float()
            self.total[name] = more if name not in self.total else self.total[name] + more
        for node, names in slopes.at.items():
            host = network.hosts.get(node, node)
            self.of_layer[host] = tuple(dict.fromkeys((*self.of_layer.get(host, ()), *names)))
        self.n += n


def _totals(
    network: Network, of_layer: Mapping[str, tuple[str, ...]], values: Mapping[str, NDArray[np.float32]]
) -> dict[str, Any]:
    """Each layer's sum and share, and the strongest filters: of weights proper, not of scales and biases.

    A parameter that several layers share counts for the first of them.
    """
    layers: dict[str, float] = {}
    filters: dict[str, float] = {}
    counted: set[str] = set()
    for name in sorted(of_layer, key=network.index):
        mine = [p for p in of_layer[name] if p in values and values[p].ndim > 1 and p not in counted]
        counted.update(mine)
        if not mine:
            continue
        layers[name] = float(sum(values[p].sum(dtype=np.float64) for p in mine))
        per_unit = [sums for p in mine if (sums := by_unit(values[p], network[name])) is not None]
        for unit, value in enumerate(np.sum(per_unit, 0) if per_unit else ()):
            filters[network[name].unit(unit)] = float(value)
    whole = sum(layers.values())
    strongest = sorted(filters, key=lambda unit: -filters[unit])[:_LISTED]
    return {
        "layers": layers,
        "shares": {name: value / whole if whole > 0 else 0.0 for name, value in layers.items()},
        "filters": {unit: filters[unit] for unit in strongest},
    }


def by_unit(values: NDArray[np.float32], layer: Layer) -> NDArray[np.float64] | None:
    """The sum of a weight's values for each unit of its layer, (n_units,); None where no axis of it runs over these."""
    axis = 1 if "Transpose" in layer.kind else 0
    if values.shape[axis] != layer.n_units:
        return None
    return np.asarray(np.moveaxis(values, axis, 0).reshape(layer.n_units, -1).sum(1, dtype=np.float64))
