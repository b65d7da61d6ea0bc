"""From a picture of values 0–1 to a network's input and back, and how to learn that from the data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cnnvis.errors import CnnvisError, InvalidValue
from cnnvis.model.dataset import Dataset
from cnnvis.model.network import Network

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
_SAMPLES, _STRAIGHT = 8, 0.95


@dataclass(frozen=True, slots=True)
class Normalisation:
    """Input channel i is (plane order[i] of the picture − mean[i]) / std[i]; planes hold values from 0 to 1."""

    mean: tuple[float, ...]
    std: tuple[float, ...]
    order: tuple[int, ...]

    @property
    def planes(self) -> int:
        """How many planes a picture has: 3 where they are red, green and blue."""
        return max(self.order) + 1

    def __call__(self, images: Tensor) -> Tensor:
        """The input (n, channels, h, w) that pictures (n, planes, h, w) become; differentiable."""
        mean, std = _planes(self, images.dtype, images.device)
        chosen = images if self.order == tuple(range(self.planes)) else images[:, list(self.order)]
        return (chosen - mean) / std

    def undone(self, inputs: Tensor) -> Tensor:
        """The pictures (n, planes, h, w) behind inputs (n, channels, h, w), cut to 0–1."""
        mean, std = _planes(self, inputs.dtype, inputs.device)
        first = [self.order.index(plane) for plane in range(self.planes)]
        return (inputs * std + mean)[:, first].clamp(0, 1)


@lru_cache(maxsize=8)
def _planes(how: Normalisation, dtype: torch.dtype, device: torch.device) -> tuple[Tensor, Tensor]:
    """Mean and std, (channels, 1, 1), once for all steps."""
    with torch.inference_mode(False):
        mean, std = (torch.tensor(x).to(device, dtype)[:, None, None] for x in (how.mean, how.std))
        return mean, std


def shown(images: Tensor) -> NDArray[np.uint8]:
    """Pictures (n, planes, h, w) of values 0–1 as (n, h, w, 3) uint8 RGB: the first three planes, or one in grey."""
    planes = images[:, :3] if images.shape[1] >= 3 else images[:, :1].expand(-1, 3, -1, -1)
    found = planes.detach().float().clamp(0, 1).mul(255).round().to(torch.uint8)
    return np.ascontiguousarray(found.permute(0, 2, 3, 1).cpu().numpy())


UNKNOWN = Normalisation((), (), ())
"""What a method holds until it has seen the data."""


def fitting(method: Any, channels: int, data: Dataset | None = None, rows: Sequence[int] = ()) -> Normalisation:
    """What a method says in its fields `mean` and `std`, or knows in `normalisation`; else what the data say, or what
    is usual. Raises InvalidValue where the fields do not fit.
    """
    if (method.mean is None) != (method.std is None):
        raise InvalidValue(f"{type(method).__name__}.mean and std must be given together; got one alone.")
    if method.mean is not None:
        return given(method.mean, method.std, channels)
    if method.normalisation != UNKNOWN:
        known: Normalisation = method.normalisation
        return known
    return usual(channels) if data is None or data.kind != "images" else learned(data, rows, channels)


def channels_of(network: Network) -> int:
    """The channels of the first input that is a picture. Raises InvalidValue where there is none."""
    for layer in network.inputs:
        if len(layer.shape) == 3:
            return int(layer.shape[0])
    raise InvalidValue(f"An image can be drawn where the input is a picture; {network.name} takes none.")


def given(mean: Sequence[float], std: Sequence[float], channels: int) -> Normalisation:
    """As a user says it. Raises InvalidValue where the numbers do not fit the channels."""
    for what, values in (("mean", mean), ("std", std)):
        if len(values) not in (1, channels):
            raise InvalidValue(f"{what} must be one number, or one for each of {channels} channels; got {len(values)}.")
    if min(std) <= 0:
        raise InvalidValue(f"std must be above 0; got {tuple(std)}.")
    wide = [tuple(float(v) for v in x) * (channels if len(x) == 1 else 1) for x in (mean, std)]
    return Normalisation(wide[0], wide[1], tuple(range(channels)))


def usual(channels: int) -> Normalisation:
    """Where nothing is known: ImageNet's numbers for three channels, else a mean of ½ and a std of ¼."""
    return given(*IMAGENET, channels) if channels == 3 else given((0.5,), (0.25,), channels)


def learned(data: Dataset, rows: Sequence[int], channels: int) -> Normalisation:
    """How these data turn pictures into inputs, read off a few samples: a line is fitted through both.

    It finds any mean and std, exchanged channels (BGR), and grey pictures given as three equal channels. Where a
    channel is no straight function of a picture, the values 0–1 span two standard deviations around its mean.
    """
    inputs, pictures = _pairs(data, rows, channels)
    if not inputs.size:
        return usual(channels)
    lines = [_line(x, pictures) for x in inputs] if pictures.size else []
    found = [line for line in lines if line is not None]
    if len(found) == channels:
        mean, std, sources = zip(*found)
        kept = sorted(set(sources))
        return Normalisation(tuple(mean), tuple(std), tuple(kept.index(s) for s in sources))
    std = tuple(float(s) for s in 1 / (4 * np.maximum(inputs.std(1), 1e-6)))
    mean = tuple(0.5 - float(m) * s for m, s in zip(inputs.mean(1), std))
    return Normalisation(mean, std, tuple(range(channels)))


def _pairs(data: Dataset, rows: Sequence[int], channels: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Some pixels as the network is given them (channels, p), and as a person sees them (3, p) where both agree."""
    inputs: list[NDArray[np.float64]] = []
    pictures: list[NDArray[np.float64]] = []
    for row in rows[:: max(len(rows) // _SAMPLES, 1)][:_SAMPLES]:
        try:
            given_, seen = data[row][0], data.picture(row)
        except CnnvisError:  # one that cannot be read
            continue
        for x in given_ if isinstance(given_, (tuple, list)) else (given_,):
            values = np.asarray(x.detach().cpu() if isinstance(x, Tensor) else x, np.float64)
            if values.ndim == 3 and len(values) == channels:
                inputs.append(values.reshape(channels, -1))
                if np.shape(seen) == (*values.shape[1:], 3):
                    pictures.append(np.asarray(seen, np.float64).reshape(-1, 3).T / 255)
                break
    if not inputs:
        return np.empty((channels, 0)), np.empty((3, 0))
    return np.concatenate(inputs, 1), np.concatenate(pictures, 1) if len(pictures) == len(inputs) else np.empty((3, 0))


def _line(x: NDArray[np.float64], pictures: NDArray[np.float64]) -> tuple[float, float, int] | None:
    """(mean, std, plane) of the plane that an input channel follows best; None where it follows none."""
    best: tuple[float, float, int] | None = None
    least = _STRAIGHT
    for plane, p in enumerate(pictures):
        if p.std() < 1e-6 or x.std() < 1e-9:
            continue
        slope = float(np.mean((x - x.mean()) * (p - p.mean())) / p.var())
        straight = slope * float(p.std() / x.std())
        if straight > least + 1e-6:  # of equal planes the first
            best, least = (float(p.mean() - x.mean() / slope), 1 / slope, plane), straight
    return best
