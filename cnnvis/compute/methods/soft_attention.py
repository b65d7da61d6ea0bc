"""Soft attention: where a small head looks that learns a target from one layer's maps.

With f_p the responses of a layer at the place p, a 1 × 1 convolution w, and a linear reading v, b,

    a_p = exp(w · f_p) / Σ_q exp(w · f_q)          answer = b + v · Σ_p a_p f_p,

trained on the samples' labels while the network stays as it is: for a class, to tell it from all others (logistic,
both kinds counted alike); for any other target, or without labels, to foretell its value (least squares). The evidence
is a, enlarged bilinearly between the cells, which stand where their receptive fields are centred; it has no signs and
sums to 1 over the layer's places.

Poplin et al., "Prediction of Cardiovascular Risk Factors from Retinal Fundus Photographs via Deep Learning", 2018
(arXiv 1708.09843), who train such a head for each thing foretold. We differ: channels are put on one scale before, w
begins at zero, that is, looking everywhere, and a fifth of the samples is kept aside to say how well the head knows the
target.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from cnnvis.compute.batches import batches
from cnnvis.compute.method import Cost, Family, Takes
from cnnvis.compute.planes import enlarged, input_plane, map_layer, units_first
from cnnvis.compute.probe import Probe
from cnnvis.compute.rows import class_of, must_have_class
from cnnvis.compute.score import checked, score
from cnnvis.compute.subject import subject
from cnnvis.errors import InvalidValue
from cnnvis.model.attribution import Map
from cnnvis.model.dataset import Dataset
from cnnvis.model.network import Network
from cnnvis.model.target import Target
from cnnvis.progress import Progress, silent

_NUMBERS = 50_000_000
"""Of a layer's maps at most, kept in memory while the head is trained."""

_BATCH, _RATE, _DECAY = 32, 0.02, 1e-4
_ASIDE = 5
"""Every fifth sample is kept aside."""


@dataclass(frozen=True, eq=False, slots=True)
class Head:
    """A trained head: w of the attention (c,), on the layer's own scale, and how well it knows the target."""

    layer: str
    attention: NDArray[np.float32]
    facts: dict[str, Any]


@dataclass(frozen=True, slots=True)
class SoftAttention:
    """Where a small head looks that is trained to tell the target from the maps of one layer; no signs.

    `layer` names the layer; None takes the last one with a plane that leads to the target. The head is trained for
    `epochs` on at most `n_samples` of the data, drawn and mixed by `seed`; the network is left as it is. One forward
    pass a picture, and one for each sample it is trained on.
    """

    layer: str | None = None
    n_samples: int = 500
    epochs: int = 60
    seed: int = 0
    known: Head | None = field(default=None, compare=False, repr=False, metadata={"state": True})

    title: ClassVar[str] = "Soft attention"
    paper: ClassVar[str] = "Poplin et al., Prediction of Cardiovascular Risk Factors, 2018 (arXiv 1708.09843)"
    family: ClassVar[Family] = "activation maps"
    takes: ClassVar[Takes] = "picture"

    def cost(self, network: Network) -> Cost:
        return Cost(1 if self.known is not None else 1 + self.n_samples)

    def prepared(
        self, probe: Probe, data: Dataset, rows: Sequence[int], target: Target, progress: Progress = silent
    ) -> SoftAttention:
        """The same with a head trained on the samples. Raises InvalidValue where none is of the class, or too few."""
        if self.n_samples < 2 * _ASIDE or self.epochs < 1:
            raise InvalidValue(
                f"SoftAttention.n_samples must be at least {2 * _ASIDE} and epochs at least 1; "
                f"got {self.n_samples} and {self.epochs}."
            )
        checked(probe.network, target)
        layer = map_layer(self, probe.network, target, self.layer)
        n = min(self.n_samples, max(_NUMBERS // int(np.prod(layer.shape)), 2 * _ASIDE))
        indices = _drawn(data, rows, class_of(probe.network, target), n, np.random.default_rng(self.seed))
        maps, wanted, binary = _collected(probe, data, indices, layer.name, target, progress)
        trained = _trained(maps, wanted, binary, self.epochs, self.seed, progress)
        return replace(self, known=Head(layer.name, *trained))

    def __call__(self, probe: Probe, inputs: Any, target: Target, progress: Progress = silent) -> Map:
        """The map (h, w) for one sample; `inputs` is a batch of one."""
        if self.known is None:
            raise InvalidValue("SoftAttention must learn from pictures first. Give attribute the `data`.")
        network = probe.network
        layer = network[self.known.layer]
        size = input_plane(self, network, layer)
        about = subject(probe, inputs)
        progress(0, 1, "running the network")
        run = probe.run(about.put(about.x), keep=(layer.response,), stop_after=(layer.response,))
        maps = units_first(run.values[layer.response].reshape(1, *layer.shape), layer).float()[0]
        with torch.no_grad():
            looks = torch.einsum("c,chw->hw", torch.from_numpy(self.known.attention).to(maps), maps)
            looks = looks.flatten().softmax(0).reshape(looks.shape)
        progress(1, 1, "running the network")
        return Map(enlarged(looks, layer, size), {"layer": layer.name, **self.known.facts})


def _drawn(
    data: Dataset, rows: Sequence[int], wanted: int | None, n: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Indices of up to n samples; half of them of the class to tell, where it is known who they are."""
    indices = rng.permutation(np.asarray(rows, np.int64))
    labels = data.labels
    if wanted is None or labels is None or labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer):
        return np.sort(indices[:n])
    own = indices[labels[indices] == wanted][: n // 2]
    others = indices[labels[indices] != wanted][: n - len(own)]
    return np.sort(np.concatenate([own, others]))


def _collected(
    probe: Probe, data: Dataset, indices: NDArray[np.int64], name: str, target: Target, progress: Progress
) -> tuple[Tensor, Tensor, bool]:
    """The layer's maps (n, c, h, w), what is to be told of each sample (n,), and whether that is a class."""
    network = probe.network
    layer, sink = network[name], network[target.layer]
    maps, values = [], []
    labels: list[Any] = []
    size = int(np.clip(2_000_000 // max(int(np.prod(network.inputs[0].shape)), 1), 1, 128))
    with closing(batches(data, indices, size)) as source, torch.no_grad():
        for batch in source:
            progress(batch.done, len(indices), "reading the maps of the samples")
            if not len(batch):
                continue
            keys = (layer.response, sink.response)
            run = probe.run(batch.inputs if len(batch.inputs) > 1 else batch.inputs[0], keep=keys, stop_after=keys)
            found = run.values[layer.response].reshape(len(batch), *layer.shape)
            maps.append(units_first(found, layer).float().cpu())
            values.append(score(run.values[sink.response], sink, target).float().cpu())
            labels += batch.labels
    if len(labels) < 2 * _ASIDE:
        raise InvalidValue(f"SoftAttention must learn from at least {2 * _ASIDE} samples; got {len(labels)}.")
    wanted = class_of(network, target)
    if wanted is not None and all(isinstance(label, (int, np.integer)) and label >= 0 for label in labels):
        must_have_class("SoftAttention", network, labels, target)
        return torch.cat(maps), torch.tensor([float(label == wanted) for label in labels]), True
    return torch.cat(maps), torch.cat(values), False


def _trained(
    maps: Tensor, wanted: Tensor, binary: bool, epochs: int, seed: int, progress: Progress
) -> tuple[NDArray[np.float32], dict[str, Any]]:
    """The attention's w on the layer's own scale, and how well the head knows the samples kept aside."""
    chance = torch.Generator().manual_seed(seed)
    mixed = torch.randperm(len(maps), generator=chance)
    aside, kept = mixed[::_ASIDE], mixed[torch.arange(len(mixed)) % _ASIDE != 0]
    scale = maps[kept].flatten(2).std((0, 2)).clamp(min=1e-6)
    flat = (maps / scale[:, None, None]).flatten(2)
    middle, spread = (0.0, 1.0) if binary else (float(wanted[kept].mean()), float(wanted[kept].std().clamp(min=1e-6)))
    aim = (wanted - middle) / spread
    share = float(aim[kept].mean().clamp(0.01, 0.99)) if binary else 0.5
    weights = torch.where(aim > 0.5, 0.5 / share, 0.5 / (1 - share)) if binary else torch.ones_like(aim)
    with torch.inference_mode(False), torch.enable_grad():
        looking = torch.zeros(flat.shape[1], requires_grad=True)
        reading = (0.01 * torch.randn(flat.shape[1], generator=chance)).requires_grad_()
        bias = torch.zeros(1, requires_grad=True)
        rule = torch.optim.Adam([looking, reading, bias], lr=_RATE, weight_decay=_DECAY)
        for epoch in range(epochs):
            progress(epoch, epochs, "training the head")
            for some in torch.split(kept[torch.randperm(len(kept), generator=chance)], _BATCH):
                loss = (_losses(_answers(flat[some], looking, reading, bias), aim[some], binary) * weights[some]).mean()
                rule.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                rule.step()
    with torch.no_grad():
        facts = _judged(_answers(flat[aside], looking, reading, bias), aim[aside], binary)
        attention = (looking / scale).numpy().astype(np.float32)
    return attention, facts | {"n_samples": len(maps)}


def _answers(flat: Tensor, looking: Tensor, reading: Tensor, bias: Tensor) -> Tensor:
    """The head's answers (n,) to maps (n, c, places)."""
    looks = torch.einsum("c,ncp->np", looking, flat).softmax(1)
    return torch.einsum("np,ncp,c->n", looks, flat, reading) + bias


def _losses(answers: Tensor, aim: Tensor, binary: bool) -> Tensor:
    if binary:
        return F.binary_cross_entropy_with_logits(answers, aim, reduction="none")
    return (answers - aim) ** 2


def _judged(answers: Tensor, aim: Tensor, binary: bool) -> dict[str, Any]:
    """How well the head knows samples it was not trained on."""
    if binary:
        right = (answers > 0) == (aim > 0.5)
        kinds = [right[aim > 0.5], right[aim <= 0.5]]
        accuracy = float(np.mean([float(kind.float().mean()) for kind in kinds if len(kind)]))
        facts: dict[str, Any] = {"accuracy": accuracy}
        poor = accuracy < 0.7
    else:
        rest, spread = ((answers - aim) ** 2).mean(), aim.var(correction=0).clamp(min=1e-12)
        facts = {"r2": float(1 - rest / spread)}
        poor = facts["r2"] < 0.3
    if poor:
        facts["says"] = "The head hardly learned the target from this layer: where it looks says little."
    return facts
