"""The slopes of a target at many changed copies of one input: what every method asks that averages gradients."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Literal

import torch
from torch import Tensor

from cnnvis.compute.probe import Instead, Probe, is_out_of_memory
from cnnvis.compute.score import slopes
from cnnvis.compute.subject import Subject, finite
from cnnvis.errors import InvalidValue
from cnnvis.model.target import Target
from cnnvis.progress import Progress, silent

Channels = Literal["sum", "max"]

_ELEMENTS, _MOST = 1_000_000, 64
"""Numbers of input in a batch, and samples at most: all that lies between is kept for the way back."""

_NOTHING: Mapping[str, Instead] = MappingProxyType({})


def input_slopes(
    probe: Probe,
    about: Subject,
    target: Target,
    copies: Iterable[Tensor],
    *,
    total: int,
    progress: Progress = silent,
) -> Iterator[Tensor]:
    """The slope at each copy (c, h, w) of the input, float32 on the CPU, in batches (b, c, h, w) in their order.

    The batch is halved where memory does not suffice. Raises Cancelled from `progress`, InvalidValue for NaN gradients.
    """
    what, done = "following the gradient", 0
    size = min(max(_ELEMENTS // max(about.x[0].numel(), 1), 1), _MOST)
    waiting: list[Tensor] = []
    source = iter(copies)
    while True:
        while len(waiting) < size and (copy := next(source, None)) is not None:
            waiting.append(copy)
        if not waiting:
            return
        progress(done, total, what)
        batch = waiting[:size]
        try:
            found = input_slope(probe, about, target, torch.stack(batch))
        except RuntimeError as error:
            if not is_out_of_memory(error) or len(batch) == 1:
                raise
            size = len(batch) // 2
            continue
        waiting = waiting[len(batch) :]
        done += len(batch)
        progress(done, total, what)
        yield found


def input_slope(
    probe: Probe, about: Subject, target: Target, copies: Tensor, instead: Mapping[str, Instead] = _NOTHING
) -> Tensor:
    """The slope at copies (n, c, h, w) of the input, of the same form, float32 on the CPU; one pass each way."""
    _, slope = slopes(probe, about.put(copies), about.layer, target, instead)
    return finite(slope.float().cpu(), "The target's gradients")


def over_channels(values: Tensor, channels: Channels, owner: str) -> Tensor:
    """Evidence per number of the input (c, h, w) as evidence per pixel: the sum, or the largest absolute value."""
    if channels not in ("sum", "max"):
        raise InvalidValue(f"{owner}.channels must be 'sum' or 'max'; got {channels!r}.")
    return values.sum(0) if channels == "sum" else values.abs().amax(0)
