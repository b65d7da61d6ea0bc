"""CAM for a network without global average pooling: a pooled linear head is fitted to a layer of it.

As in the paper, the network's own head is replaced by the averages of a layer's maps and one linear layer with a
softmax, here fitted by logistic regression on the frozen network:

    P(c) = softmax_c (b_c + Σ_k w_ck mean_p A_k(p))      L(p) = Σ_k w_ck A_k(p).

Zhou, Khosla, Lapedriza, Oliva, Torralba, "Learning Deep Features for Discriminative Localization", 2015 (arXiv
1512.04150). We differ: only the head is fitted, the network stays as it is. The map explains the fitted head, not the
network's own: how often a head of four fifths of the samples is right on the rest stands beside it, and where that is
no better than a guess it says so. Cells stand where their receptive fields are centred.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from cnnvis.compute.batches import Batch, batches
from cnnvis.compute.method import Cost, Family, Takes
from cnnvis.compute.own import outputs, predicted
from cnnvis.compute.pieces import Pieces
from cnnvis.compute.planes import enlarged, input_plane, map_layer, map_of, units_first
from cnnvis.compute.probe import Probe
from cnnvis.compute.record import batch_size
from cnnvis.compute.score import checked
from cnnvis.compute.subject import finite
from cnnvis.errors import InvalidValue
from cnnvis.model.attribution import Map
from cnnvis.model.dataset import Dataset
from cnnvis.model.network import Layer, Network
from cnnvis.model.target import Target
from cnnvis.progress import Progress, silent

_FEWEST, _STEPS = 10, 1000
"""Samples that a head is fitted on at least, and steps of the fit at most."""

Numbers = NDArray[np.float32]


@dataclass(frozen=True, eq=False, slots=True)
class Head:
    """A fitted head: the weights (k,) of one class for the maps of a layer, and how good the fit is.

    `accuracy` on samples it has not seen, beside `guess`, that of always saying the most frequent class.
    """

    layer: str
    unit: int
    weights: Numbers
    accuracy: float
    guess: float
    n: int
    settled: bool


@dataclass(frozen=True, slots=True)
class FittedCam:
    """CAM's map of where a layer speaks for a class, by a pooled head that is fitted on the session's images.

    `layer` names the layer; None takes the last one with a plane before the classes. `learns` "labels" fits the head to
    the labels (and to the network's answer where there is none), "answers" to the network's answers. `strictness` keeps
    the weights small; `seed` chooses the fifth of the samples by which the head is judged. One forward pass; before
    that one for every sample to learn from.
    """

    layer: str | None = None
    learns: Literal["labels", "answers"] = "labels"
    strictness: float = 1.0
    seed: int = 0
    head: Head | None = field(default=None, repr=False, compare=False, metadata={"state": True})

    title: ClassVar[str] = "Fitted CAM"
    paper: ClassVar[str] = "Zhou et al., Learning Deep Features for Localization, 2015 (arXiv 1512.04150)"
    family: ClassVar[Family] = "activation maps"
    takes: ClassVar[Takes] = "picture"

    def cost(self, network: Network) -> Cost:
        return Cost(1)

    def prepared(
        self, probe: Probe, data: Dataset, rows: Sequence[int], target: Target, progress: Progress = silent
    ) -> FittedCam:
        """The same with a head fitted on some samples. Raises InvalidValue where they cannot teach the class."""
        layer, unit = self._asked(probe.network, target)
        features, answers, own = _read(probe, layer, data, rows, self.learns, unit, progress)
        return replace(self, head=_fitted(layer, unit, own, features, answers, self))

    def __call__(self, probe: Probe, inputs: Any, target: Target, progress: Progress = silent) -> Map:
        """The map (h, w) for one sample; `inputs` is a batch of one. Raises InvalidValue where nothing is fitted."""
        network = probe.network
        layer, unit = self._asked(network, target)
        if self.head is None or (self.head.layer, self.head.unit) != (layer.name, unit):
            raise InvalidValue("FittedCam must be prepared for this target; give attribute the `data` to learn from.")
        size = input_plane(self, network, layer)
        progress(0, 1, "running the network")
        run = probe.run(inputs, keep=(layer.response,), stop_after=(layer.response,))
        maps = finite(units_first(run.values[layer.response], layer)[0].float().cpu(), f"The maps of {layer.name}")
        values = enlarged(torch.einsum("k,khw->hw", torch.from_numpy(self.head.weights), maps), layer, size)
        progress(1, 1, "running the network")
        facts: dict[str, Any] = {"accuracy": round(self.head.accuracy, 4), "samples": self.head.n}
        if self.head.accuracy <= self.head.guess:
            facts["says"] = "The fitted head is no better than a guess; its map means little. Learn from more samples."
        elif not self.head.settled:
            facts["says"] = f"The fit had not settled after {_STEPS:,} steps; a larger strictness helps."
        return map_of(values, layer, **facts)

    def _asked(self, network: Network, target: Target) -> tuple[Layer, int]:
        """The layer to learn from and the unit of the class."""
        if self.learns not in ("labels", "answers") or not self.strictness > 0:
            raise InvalidValue(
                "FittedCam.learns must be 'labels' or 'answers' and strictness above 0; "
                f"got {self.learns!r} and {self.strictness}."
            )
        checked(network, target)
        if network.hosts[target.layer] != network.hosts[network.output] or len(target.units) != 1:
            raise InvalidValue(
                f"FittedCam's target must be one class of {network.name}; got units of {target.layer}. Use Grad-CAM."
            )
        layer = map_layer(self, network, target, self.layer, skip=network.class_layers)
        return layer, target.units[0]


def _read(
    probe: Probe,
    layer: Layer,
    data: Dataset,
    rows: Sequence[int],
    learns: Literal["labels", "answers"],
    unit: int,
    progress: Progress,
) -> tuple[Numbers, NDArray[np.int64], int]:
    """The pooled maps (n, k) of the samples that can be read, the class of each, and which class is the target's."""
    network = probe.network
    output = network[network.output]
    nodes = (layer.response, output.response)
    size = batch_size(network, probe.device)
    pieces, features, answers = Pieces(probe, size), [np.empty((0, layer.n_units), np.float32)], []
    own = unit if output.n_units > 1 else 1  # one output for two classes speaks for the second

    def ask(piece: Batch) -> tuple[Numbers, Numbers]:
        run = probe.run(piece.inputs, keep=nodes, stop_after=nodes)
        maps, scores = (outputs(run.values[x.response], x).float() for x in (layer, output))
        return finite(maps, f"The maps of {layer.name}").cpu().numpy(), scores.cpu().numpy()

    what = "learning a head"
    progress(0, len(rows), what)
    with torch.no_grad(), closing(batches(data, np.asarray(rows, np.int64), size)) as reader:
        for found in reader:
            for piece, (maps, scores) in pieces.of(found, ask):
                said = predicted(network, scores)
                features.append(maps)
                answers += [_class(x, int(s), own) if learns == "labels" else s for x, s in zip(piece.labels, said)]
            progress(found.done, len(rows), what)
    return np.concatenate(features), np.array(answers, np.int64), own


def _class(label: Any, said: int, own: int) -> int:
    """The class that a sample stands for; of several labels the one asked about, or −1 where it is not among them."""
    values = np.asarray(label)
    if label is None or (not values.ndim and values < 0):
        return said
    if values.ndim:
        return own if values.ravel()[own] > 0 else -1
    if not np.issubdtype(values.dtype, np.integer):
        raise InvalidValue(f"FittedCam must learn from classes; got the label {label!r}. Use learns='answers'.")
    return int(values)


def _fitted(layer: Layer, unit: int, own: int, features: Numbers, answers: NDArray[np.int64], how: FittedCam) -> Head:
    """The head for one class, fitted on all samples; another one, of four fifths of them, is judged by the rest."""
    n, classes = len(features), np.unique(answers)
    if n < _FEWEST or len(classes) < 2 or own not in classes:
        raise InvalidValue(
            f"FittedCam must learn from at least {_FEWEST} samples, of the target's class and of others; got {n}, of "
            f"{len(classes)} classes{'' if own in classes else ' without that one'}. Choose more samples."
        )
    order = np.random.default_rng(how.seed).permutation(n)
    seen, held = order[n // 5 :], order[: n // 5]
    known = len(np.unique(answers[seen])) > 1
    accuracy = float(_fit(features[seen], answers[seen], how).score(features[held], answers[held])) if known else 0.0
    guess = float(np.unique(answers[held], return_counts=True)[1].max() / len(held))
    scaler, fit = _fit(features, answers, how)
    place = list(fit.classes_).index(own)
    weights = fit.coef_[place] if len(classes) > 2 else fit.coef_[0] * (1 if place else -1)
    settled = int(np.max(fit.n_iter_)) < _STEPS
    return Head(layer.name, unit, (weights / scaler.scale_).astype(np.float32), accuracy, guess, n, settled)


def _fit(features: Numbers, answers: NDArray[np.int64], how: FittedCam) -> Any:
    """Logistic regression on features of one spread: a pipeline of two steps."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    pipeline = make_pipeline(StandardScaler(), LogisticRegression(C=1 / how.strictness, max_iter=_STEPS))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # said in the facts
        return pipeline.fit(features, answers)
