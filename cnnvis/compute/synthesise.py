"""Two verbs for images that drive neurons: `visualize` a target or several, and `icons` of a whole layer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, overload

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from cnnvis.compute.attribute import batch_of_one
from cnnvis.compute.methods.feature_visualization import FeatureVisualization, halts
from cnnvis.compute.probe import Probe, is_out_of_memory, probe
from cnnvis.compute.score import checked
from cnnvis.compute.subject import Subject, subject
from cnnvis.compute.visualize.drawing import Brush, Drawing, strongest
from cnnvis.compute.visualize.normalise import fitting
from cnnvis.errors import InvalidValue, ModelFailure
from cnnvis.model.activations import Activations
from cnnvis.model.attribution import Picture
from cnnvis.model.dataset import Dataset
from cnnvis.model.network import Layer, Network
from cnnvis.model.synthesis import Icons
from cnnvis.model.target import Target
from cnnvis.progress import Progress, hand_over, silent

USUAL = FeatureVisualization()

_ELEMENTS, _MOST = 1_000_000, 64
"""Numbers of input in a batch, and images at most: more do not make a step cheaper."""
_LEAST, _FIELDS = 64, 1.5
"""An icon is at least so many pixels wide, and so many receptive fields, where the network is larger."""
_STATE = 3 * 10**8
"""Bytes that unfinished icons may take, so that all are coarse before one is fine."""


@overload
def visualize(
    model: nn.Module,
    network: Network,
    target: Target,
    method: FeatureVisualization = ...,
    *,
    data: Dataset | None = ...,
    activations: Activations | None = ...,
    sample: Any = ...,
    progress: Progress = ...,
) -> Picture: ...


@overload
def visualize(
    model: nn.Module,
    network: Network,
    target: Sequence[Target],
    method: FeatureVisualization = ...,
    *,
    data: Dataset | None = ...,
    activations: Activations | None = ...,
    sample: Any = ...,
    progress: Progress = ...,
) -> tuple[Picture, ...]: ...


def visualize(
    model: nn.Module,
    network: Network,
    target: Target | Sequence[Target],
    method: FeatureVisualization = USUAL,
    *,
    data: Dataset | None = None,
    activations: Activations | None = None,
    sample: Any = None,
    progress: Progress = silent,
) -> Picture | tuple[Picture, ...]:
    """Images that drive a target as far as they can; of several targets of one layer, all in one batch.

    `data` says how pictures become inputs, and gives the real images that the result is set against; `activations`
    knows the strongest of them without a pass, for neurons. `sample` (no batch axis) is what the other inputs of a
    network of several are given; zeros where it is None. The model is left as it was.
    Raises UnknownName or InvalidValue for what does not fit.
    """
    method.must_fit()
    several = (target,) if isinstance(target, Target) else tuple(target)
    if not several:
        raise InvalidValue("visualize.target must be at least one; got none.")
    for one in several:
        checked(network, one)
    if data is None and activations is not None:
        data = activations.data
    with probe(model, network) as opened:
        about = _about(opened, sample)
        ready = _normalised(method, about, data)
        real = _real(opened, several, method, data, activations, progress)
        asked = [replace(ready, strongest=float(value)) for value in real]
        drawing = Drawing(opened, about, several, ready.brush(about))
        for steps in halts(method.steps):
            drawing.optimisation.advance(steps, progress, method.steps, "drawing")
            found = _split(drawing, asked)
            if drawing.optimisation.step < method.steps:
                hand_over(progress, found[0] if isinstance(target, Target) else found)
        progress(method.steps, method.steps, "drawing")
    return found[0] if isinstance(target, Target) else found


def _split(drawing: Drawing, asked: Sequence[FeatureVisualization]) -> tuple[Picture, ...]:
    """The pictures of each target apart."""
    pictures, drive, steps = drawing.pictures, drawing.drive, drawing.optimisation.step
    each = len(pictures) // len(asked)
    parts = (slice(i * each, (i + 1) * each) for i in range(len(asked)))
    return tuple(one.picture(pictures[part], drive[part], steps) for one, part in zip(asked, parts))


def _about(opened: Probe, sample: Any) -> Subject:
    inputs = opened.network.inputs
    if sample is not None:
        return subject(opened, batch_of_one(sample, len(inputs)))
    zeros = tuple(torch.zeros(1, *layer.shape) for layer in inputs)
    return subject(opened, zeros if len(zeros) > 1 else zeros[0])


def _normalised(method: FeatureVisualization, about: Subject, data: Dataset | None) -> FeatureVisualization:
    """The method with the data's way from a picture to an input."""
    rows = range(len(data)) if data is not None else ()
    return replace(method, normalisation=fitting(method, about.x.shape[1], data, rows))


def _real(
    opened: Probe,
    targets: Sequence[Target],
    method: FeatureVisualization,
    data: Dataset | None,
    activations: Activations | None,
    progress: Progress,
) -> NDArray[np.float64]:
    """How far the strongest real image drives each target; −inf where nobody knows."""
    layer = targets[0].layer
    if activations is not None and layer in activations.layers:
        recorded, units = activations[layer], [t.units[0] for t in targets]
        for how, known in (("mean", recorded.highest), ("max", recorded.top_values)):
            if all((len(t.units), t.at, t.weights, t.reduce) == (1, None, None, how) for t in targets):
                return np.asarray(known.max(1)[units], np.float64)
    if data is None or method.compare == 0 or data.kind != "images":
        return np.full(len(targets), -np.inf)
    rows = range(0, len(data), max(len(data) // method.compare, 1))[: method.compare]
    return strongest(opened, data, rows, targets, progress)


def icons(
    model: nn.Module,
    network: Network,
    layer: str,
    units: Sequence[int] | None = None,
    method: FeatureVisualization = USUAL,
    *,
    data: Dataset | None = None,
    activations: Activations | None = None,
    progress: Progress = silent,
) -> Icons:
    """An image for each neuron of a layer, or for some of its `units`; no image of the data is looked at.

    All are drawn coarsely before any is finished, and handed over as they become clearer. Where the network takes
    smaller images they are as small as 1.5 receptive fields, but at least 64 pixels. `data` says how pictures become
    inputs; `activations` what the strongest real image answers. The model is left as it was.
    """
    method.must_fit()
    node = network[layer]
    wanted = tuple(range(node.n_units) if units is None else units)
    if not wanted:
        raise InvalidValue(f"icons.units of {layer} must name at least one unit; got none.")
    targets = [Target(layer, (unit,)) for unit in wanted]
    for one in targets:
        checked(network, one)
    if data is None and activations is not None:
        data = activations.data
    with probe(model, network) as opened:
        about = _about(opened, None)
        ready = _normalised(replace(method, images=1, toward="max"), about, data)
        brush = ready.brush(about)
        if method.size is None:
            brush = replace(brush, size=icon_size(opened, about, node, brush.size))
        real = _real(opened, targets, replace(method, compare=0), data, activations, progress)
        return _sheet(opened, about, targets, brush, real, method.steps, progress)


def icon_size(opened: Probe, about: Subject, layer: Layer, whole: tuple[int, int]) -> tuple[int, int]:
    """The (h, w) of a layer's icons: no more than its neurons look at, where the network takes smaller images."""
    field_ = layer.field
    if field_ is None or len(field_.size) != 2:
        return whole
    side = max(_LEAST, 8 * int(np.ceil(_FIELDS * max(field_.size) / 8)))
    if side >= min(whole):
        return whole
    node = opened.network[layer.name].response
    try:
        opened.run(about.put(torch.zeros(1, about.x.shape[1], side, side)), keep=(node,), stop_after=(node,))
    except ModelFailure:
        return whole
    return side, side


def _sheet(
    opened: Probe,
    about: Subject,
    targets: Sequence[Target],
    brush: Brush,
    real: NDArray[np.float64],
    steps: int,
    progress: Progress,
) -> Icons:
    """The icons of some neurons, in batches; smaller ones where a memory is full."""
    numbers = about.x.shape[1] * math.prod(brush.size)
    size = int(np.clip(_ELEMENTS // numbers, 1, _MOST))
    # Four float32 for each number: what is optimised, its slope, two moments.
    rounds = halts(steps) if 16 * numbers * len(targets) <= _STATE else [steps]
    while True:
        try:
            return _in_rounds(opened, about, targets, brush, real, rounds, size, progress)
        except RuntimeError as error:
            if not is_out_of_memory(error) or size == 1:
                raise
            size //= 2


def _in_rounds(
    opened: Probe,
    about: Subject,
    targets: Sequence[Target],
    brush: Brush,
    real: NDArray[np.float64],
    rounds: Sequence[int],
    size: int,
    progress: Progress,
) -> Icons:
    """All of them a little, then all of them further."""
    layer, units = targets[0].layer, [t.units[0] for t in targets]
    parts = [targets[i : i + size] for i in range(0, len(targets), size)]
    drawings: list[Drawing | None] = [None] * len(parts)
    values = np.full((len(targets), *brush.size, 3), 128, np.uint8)
    drive = np.full(len(targets), -np.inf, np.float32)
    total, done, reached = sum(rounds) * len(targets), 0, 0
    for steps in rounds:
        reached += steps
        for i, part in enumerate(parts):
            drawing = drawings[i] or Drawing(opened, about, part, brush)
            progress(done, total, "drawing icons")
            drawing.optimisation.advance(steps, _counted(progress, done, len(part), reached - steps, total), 0, "")
            done += steps * len(part)
            here = slice(i * size, i * size + len(part))
            values[here], drive[here] = drawing.pictures, drawing.drive
            drawings[i] = drawing if reached < sum(rounds) else None
            known = len(targets) if reached > rounds[0] else here.stop
            found = Icons(
                layer,
                tuple(units[:known]),
                values[:known].copy(),
                drive[:known].copy(),
                real[:known].astype(np.float32),
                reached,
            )
            hand_over(progress, found)
    progress(total, total, "drawing icons")
    return found


def _counted(progress: Progress, done: int, images: int, first: int, total: int) -> Progress:
    """A progress of steps as one of steps × images."""
    return lambda step, _=0, what="": progress(done + (step - first) * images, total, "drawing icons")
