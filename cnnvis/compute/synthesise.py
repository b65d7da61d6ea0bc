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
from cnnvis.model.synthesis import Icons, icon_side
from cnnvis.model.target import Target
from cnnvis.progress import Progress, hand_over, silent

USUAL = FeatureVisualization()

_ELEMENTS, _MOST = 1_000_000, 64
"""Numbers of input in a batch, and images at most: more do not make a step cheaper."""
_FEWEST, _SMALLEST = 16, 64
"""A coarse icon takes so many steps at least; its sides are halved where they are larger."""
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
    layer, down = targets[0].layer, method.toward == "min"
    if not down and activations is not None and layer in activations.layers:
        recorded, units = activations[layer], [t.units[0] for t in targets]
        for how, known in (("mean", recorded.highest), ("max", recorded.top_values)):
            if all((len(t.units), t.at, t.weights, t.reduce) == (1, None, None, how) for t in targets):
                return np.asarray(known.max(1)[units], np.float64)
    if data is None or method.compare == 0 or data.kind != "images":
        return np.full(len(targets), np.inf if down else -np.inf)
    rows = range(0, len(data), max(len(data) // method.compare, 1))[: method.compare]
    return strongest(opened, data, rows, targets, progress, down=down)


def icons(
    model: nn.Module,
    network: Network,
    layer: str,
    units: Sequence[int] | None = None,
    method: FeatureVisualization = USUAL,
    *,
    data: Dataset | None = None,
    activations: Activations | None = None,
    coarse: bool = False,
    progress: Progress = silent,
) -> Icons:
    """An image for each neuron of a layer, or for some of its `units`, or several of each where the method says so.

    No image of the data is looked at, but for neurons driven down: for how far `compare` of them do. All are drawn
    coarsely before any is finished, and handed over as they become clearer. Where the network takes smaller images they
    are 1.5 receptive fields wide, from 64 to 80 pixels. `data` says how pictures become inputs; `activations`
    what the strongest real image answers. `coarse`: a first sight, for an eighth of the work. The model is left as
    it was.
    """
    method.must_fit()
    if method.toward == "both":
        raise InvalidValue("FeatureVisualization.toward must be 'max' or 'min' for icons; got 'both'. Draw each.")
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
        ready = _normalised(method, about, data)
        brush = ready.brush(about)
        if method.size is None:
            brush = replace(brush, size=icon_size(opened, about, node, brush.size))
        if method.toward == "max":  # the recording knows the strongest real image, and else nobody is asked
            method = replace(method, compare=0)
        steps = method.steps
        if coarse:
            method, brush = replace(method, compare=0), _coarse(opened, about, node, brush)
            steps = min(max(steps // (4 if brush.shown is None else 2), _FEWEST), steps)
        real = _real(opened, targets, method, data, activations, progress)
        return _sheet(opened, about, targets, brush, real, steps, progress)


def icon_size(opened: Probe, about: Subject, layer: Layer, whole: tuple[int, int]) -> tuple[int, int]:
    """The (h, w) of a layer's icons: as `icon_side` says, where the network takes smaller images."""
    field_ = layer.field
    side = icon_side(field_.size if field_ is not None and len(field_.size) == 2 else None)
    return (side, side) if side < min(whole) and _takes(opened, about, layer, (side, side)) else whole


def _takes(opened: Probe, about: Subject, layer: Layer, size: tuple[int, int]) -> bool:
    """Whether the network, up to a layer, takes images of a size."""
    node = opened.network[layer.name].response
    try:
        opened.run(about.put(torch.zeros(1, about.x.shape[1], *size)), keep=(node,), stop_after=(node,))
    except ModelFailure:
        return False
    return True


def _coarse(opened: Probe, about: Subject, layer: Layer, brush: Brush) -> Brush:
    """Half as large, and enlarged when it is shown, where the network takes that: a quarter of the work."""
    half = brush.size[0] // 2, brush.size[1] // 2
    fits = min(brush.size) > _SMALLEST and _takes(opened, about, layer, half)
    return replace(brush, size=half, shown=brush.size) if fits else brush


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
    numbers = about.x.shape[1] * math.prod(brush.size) * brush.copies
    size = int(np.clip(_ELEMENTS // numbers, 1, max(_MOST // brush.copies, 1)))
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
    layer, units, copies = targets[0].layer, [t.units[0] for t in targets], brush.copies
    parts = [targets[i : i + size] for i in range(0, len(targets), size)]
    drawings: list[Drawing | None] = [None] * len(parts)
    values = np.full((len(targets) * copies, *(brush.shown or brush.size), 3), 128, np.uint8)
    drive = np.full(len(targets) * copies, -np.inf, np.float32)
    total, done, reached = sum(rounds) * len(targets), 0, 0
    for steps in rounds:
        reached += steps
        for i, part in enumerate(parts):
            drawing = drawings[i] or Drawing(opened, about, part, brush)
            progress(done, total, "drawing icons")
            drawing.optimisation.advance(steps, _counted(progress, done, len(part), reached - steps, total), 0, "")
            done += steps * len(part)
            here = slice(i * size * copies, (i * size + len(part)) * copies)
            values[here], drive[here] = drawing.pictures, drawing.drive
            drawings[i] = drawing if reached < sum(rounds) else None
            known = len(targets) if reached > rounds[0] else here.stop // copies
            found = Icons(
                layer,
                tuple(units[:known]),
                values[: known * copies].copy(),
                drive[: known * copies].copy(),
                real[:known].astype(np.float32),
                reached,
                way="min" if brush.toward == "min" else "max" if copies == 1 else "diverse",
                copies=copies,
                seed=brush.seed,
            )
            hand_over(progress, found)
    progress(total, total, "drawing icons")
    return found


def _counted(progress: Progress, done: int, images: int, first: int, total: int) -> Progress:
    """A progress of steps as one of steps × images."""
    return lambda step, _=0, what="": progress(done + (step - first) * images, total, "drawing icons")
