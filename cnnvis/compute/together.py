"""One explanation over many images: each explained, then the mean of all with its spread.

The step from local to global: maps of single images are scaled, cut out by the box of the thing where that is known,
and averaged; what differs from image to image stays visible as the spread.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from cnnvis.compute.attribute import batch_of_one, must_be_method, parameters, prepared, versions
from cnnvis.compute.method import Method
from cnnvis.compute.probe import Probe, probe
from cnnvis.compute.score import checked
from cnnvis.errors import InvalidValue, UnreadableSample
from cnnvis.model.activations import Skipped
from cnnvis.model.attribution import Attribution, Map, Vector
from cnnvis.model.dataset import Dataset
from cnnvis.model.network import Network
from cnnvis.model.target import Target
from cnnvis.model.together import Aim, Scaling, Together
from cnnvis.model.truth import Box
from cnnvis.progress import Progress, hand_over, silent

_STEPS = 100
"""Into so many steps the work on one image is divided, for the progress."""


@dataclass(frozen=True, eq=False)
class Answers:
    """The explanations of many samples, in the order asked for, without those that could not be read."""

    attributions: tuple[Attribution, ...]
    skipped: tuple[Skipped, ...] = ()

    def __len__(self) -> int:
        return len(self.attributions)


def attribute_all(
    model: nn.Module,
    network: Network,
    data: Dataset,
    indices: Sequence[int],
    target: Aim,
    method: Method,
    *,
    rows: Sequence[int] | None = None,
    progress: Progress = silent,
) -> Answers:
    """The evidence for a target in each of many samples of a data set; one after the other, in little memory.

    `target` may be one for all, "own": the class of each sample (the predicted one where it has none), or
    "predicted". A learning method learns from the samples `rows` of `data` (all), once for each target. What is known
    is handed over after each doubling of the number of samples. Samples that cannot be read are skipped and named.

    Raises UnknownName or InvalidValue for a target, a parameter or an index that does not fit.
    """
    must_be_method(method)
    if isinstance(target, Target):
        checked(network, target)
    if bad := [i for i in indices if not 0 <= i < len(data)]:
        raise InvalidValue(f"attribute_all.indices must be below {len(data):,}, the number of samples; got {bad[0]}.")
    found: list[Attribution] = []
    skipped: list[Skipped] = []
    ready: dict[Target, Method] = {}
    learn = range(len(data)) if rows is None else rows
    with probe(model, network) as opened:
        for done, index in enumerate(map(int, indices)):
            step = _step(progress, done, len(indices), f"explaining {data.name(index)}")
            step(0, 1)
            try:
                inputs, label = data[index]
            except UnreadableSample as error:
                skipped.append(Skipped(data.name(index), str(error)))
                continue
            batch = batch_of_one((inputs, label), len(network.inputs))
            aim = target if isinstance(target, Target) else _class_of(opened, batch, label, target)
            if aim not in ready:
                ready[aim] = prepared(opened, method, aim, data, learn, step)
            evidence = ready[aim](opened, batch, aim, step)
            found.append(Attribution(evidence, index, aim, method.title, parameters(method), versions()))
            if len(found) & (len(found) - 1) == 0:
                hand_over(progress, Answers(tuple(found), tuple(skipped)))
    progress(_STEPS * len(indices), _STEPS * len(indices), "explaining")
    return Answers(tuple(found), tuple(skipped))


def _step(progress: Progress, done: int, total: int, what: str) -> Callable[..., None]:
    """The progress of one sample as that of all; what the method hands over is of one sample alone and goes nowhere."""

    def step(part: int, of: int, _: str = "") -> None:
        progress(_STEPS * done + (_STEPS * part // of if of else 0), _STEPS * total, what)

    return step


def _class_of(opened: Probe, batch: Any, label: Any, which: str) -> Target:
    """The class that a sample is of, or that the network says it is."""
    if which not in ("own", "predicted"):
        raise InvalidValue(f"attribute_all.target must be a Target, 'own' or 'predicted'; got {which!r}.")
    own = which == "own" and isinstance(label, (int, np.integer)) and int(label) >= 0
    return class_target(opened.network, int(label) if own else _predicted(opened, batch))


def _predicted(opened: Probe, batch: Any) -> int:
    node = opened.network[opened.network.output].response
    scores = opened.run(batch, keep=(node,), stop_after=(node,)).values[node].flatten()
    return int(scores[0] > 0) if len(scores) == 1 else int(scores.argmax())


def class_target(network: Network, label: int) -> Target:
    """The target of a class: its output; of two that one output tells apart this output or its negative."""
    output = network[network.output]
    if output.n_units == 1 and label in (0, 1):
        return Target(network.output, (0,), weights=(1.0 if label else -1.0,))
    return Target(network.output, (label,))


def together(
    attributions: Sequence[Attribution], boxes: Sequence[Box] | None = None, scaled: Scaling = "sum"
) -> Together:
    """The mean of maps, or of evidence per feature, and its standard deviation over the samples.

    Each is first divided by its own Σ|evidence| (`scaled` "sum") or its own largest |evidence| ("max"); one that is 0
    everywhere stays so. With `boxes`, one (top, left, bottom, right) for each map, what lies in the box is cut out and
    brought to the median size of all boxes by bilinear interpolation; what lies beside it is left out, and its share
    told. Maps of other sizes are brought to that of the first.

    Raises InvalidValue where there is none, where they are of different kinds, or of a kind that has no mean.
    """
    if not attributions:
        raise InvalidValue("An explanation of images together must be of at least one; got none.")
    if scaled not in ("sum", "max"):
        raise InvalidValue(f"together.scaled must be 'sum' or 'max'; got {scaled!r}.")
    evidence = [one.evidence for one in attributions]
    first = evidence[0]
    if not isinstance(first, (Map, Vector)) or any(type(one) is not type(first) for one in evidence):
        raise InvalidValue(
            "An explanation of images together must be of maps, or of evidence per feature; got "
            f"{type(first).__name__}. Choose a method that explains one image or row."
        )
    if isinstance(first, Vector):
        return _vectors([one for one in evidence if isinstance(one, Vector)], scaled)
    maps = [unit(one.values, scaled) for one in evidence if isinstance(one, Map)]
    if boxes is None:
        stack = np.stack([framed(m, None, first.values.shape) for m in maps])
        return Together(Map(stack.mean(0)), stack.std(0), len(stack), scaled)
    if len(boxes) != len(maps):
        raise InvalidValue(f"together.boxes must be one for each map; got {len(boxes)} for {len(maps)}.")
    size = frame_of(boxes)
    stack = np.stack([framed(m, box, size) for m, box in zip(maps, boxes)])
    beside = float(np.nanmean([_beside(m, box) for m, box in zip(maps, boxes)] or [np.nan]))
    return Together(Map(stack.mean(0)), stack.std(0), len(stack), scaled, True, beside)


def _vectors(found: Sequence[Vector], scaled: Scaling) -> Together:
    features = found[0].features
    if any(one.features != features for one in found):
        raise InvalidValue("Evidence to bring together must be of the same features; got different ones.")
    stack = np.stack([unit(one.values, scaled) for one in found])
    return Together(Vector(stack.mean(0), features), stack.std(0), len(stack), scaled)


def unit(values: NDArray[np.float32], scaled: Scaling) -> NDArray[np.float32]:
    """Evidence divided by its own Σ|evidence| or largest |evidence|; itself where it is 0 everywhere."""
    sizes = np.abs(values.astype(np.float64))
    by = float(sizes.sum() if scaled == "sum" else sizes.max(initial=0.0))
    return (values / by).astype(np.float32) if by > 0 else values.astype(np.float32)


def frame_of(boxes: Sequence[Box]) -> tuple[int, int]:
    """Height and width to which boxes are brought: their medians."""
    sides = np.array([(bottom - top, right - left) for top, left, bottom, right in boxes])
    if sides.min() < 1:
        raise InvalidValue("A box must have its bottom below its top and its right beyond its left; got an empty one.")
    h, w = np.median(sides, axis=0).round().astype(int)
    return int(h), int(w)


def framed(values: NDArray[Any], box: Box | None, size: tuple[int, ...]) -> NDArray[np.float32]:
    """What lies in a box of a map (h, w) or a picture (h, w, 3), or all of it, in another size; bilinear."""
    top, left, bottom, right = box or (0, 0, *values.shape[:2])
    part = np.asarray(values[top:bottom, left:right], np.float32)
    if part.shape[:2] == tuple(size):
        return part
    planes = torch.from_numpy(part.copy()).reshape(*part.shape[:2], -1).permute(2, 0, 1)[None]
    found: Tensor = F.interpolate(planes, size=list(size), mode="bilinear", align_corners=False, antialias=True)
    return np.asarray(found[0].permute(1, 2, 0).reshape(*size, *part.shape[2:]).numpy(), np.float32)


def _beside(values: NDArray[np.float32], box: Box) -> float:
    """The share of the positive evidence outside a box; NaN where there is none."""
    positive = np.maximum(values.astype(np.float64), 0)
    top, left, bottom, right = box
    total = positive.sum()
    return float(1 - positive[top:bottom, left:right].sum() / total) if total > 0 else float("nan")


def mean_picture(
    data: Dataset, indices: Sequence[int], boxes: Sequence[Box] | None, size: tuple[int, ...]
) -> NDArray[np.uint8] | None:
    """The mean of the pictures of some samples, cut out and sized as their maps are; None where there are none."""
    if data.kind != "images" or not len(indices):
        return None
    total = np.zeros((*size, 3))
    for place, index in enumerate(indices):
        picture = data.picture(int(index))
        total += framed(picture, None if boxes is None else boxes[place], size)
    return np.clip(np.rint(total / len(indices)), 0, 255).astype(np.uint8)
