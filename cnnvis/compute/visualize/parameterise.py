"""What is optimised in the place of pixels, and how it becomes pictures of values 0–1.

The Fourier spectrum of a picture with its frequencies scaled to equal energy, the pixels themselves, or a pyramid of
sizes; then colours are decorrelated, and a sigmoid brings them between 0 and 1. In such a space a step of one length
changes a natural picture's features alike, so that neither high frequencies nor single colours win.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from cnnvis.errors import InvalidValue

Space = Literal["fourier", "pixels", "pyramid"]
SPACES: tuple[Space, ...] = ("fourier", "pixels", "pyramid")
_SD, _LEVELS = 0.01, 4
_COLOURS = torch.tensor([[0.26, 0.09, 0.02], [0.27, 0.00, -0.05], [0.27, -0.09, 0.03]])
"""The square root of the covariance of red, green and blue in ImageNet's pictures (Lucid)."""
_MIXED = (_COLOURS / _COLOURS.norm(dim=0).max())[:, :, None, None]


@dataclass(frozen=True, eq=False, slots=True)
class Parameters:
    """The tensors that are optimised, for n images, and the way from them to pictures (n, planes, h, w)."""

    tensors: tuple[Tensor, ...]
    _picture: Callable[[tuple[Tensor, ...]], Tensor]
    colours: bool

    @property
    def images(self) -> Tensor:
        """The pictures, values 0–1; differentiable with respect to the tensors."""
        raw = self._picture(self.tensors)
        return torch.sigmoid(correlated(raw) if self.colours else raw)

    @property
    def n(self) -> int:
        """How many images they are."""
        return len(self.tensors[0])


def parameters(
    space: Space,
    copies: int,
    repeats: int,
    planes: int,
    size: tuple[int, int],
    generator: torch.Generator,
    *,
    decorrelate: bool = True,
    device: torch.device | None = None,
    sd: float = _SD,
) -> Parameters:
    """Faint noise for repeats × copies images of `size` (h, w): copies differ, and each repetition starts alike.

    So a neuron has the same image whatever others are optimised beside it. Colours are decorrelated where there are
    three planes. Raises InvalidValue for an unknown space.
    """

    def noise(*shape: int) -> Tensor:
        drawn = torch.randn(copies, planes, *shape, generator=generator) * sd
        return drawn.repeat(repeats, 1, *(1,) * len(shape)).to(device or "cpu").requires_grad_()

    high, wide = size
    colours = decorrelate and planes == 3
    if space == "fourier":
        # A quarter of it, as in Lucid, for real and imaginary parts.
        scale = spectrum_scale(high, wide).to(device or "cpu")[..., None] / 4
        return Parameters((noise(high, wide // 2 + 1, 2),), lambda t: _from_spectrum(t[0], scale, size), colours)
    if space == "pixels":
        return Parameters((noise(high, wide),), lambda t: t[0], colours)
    if space == "pyramid":
        sizes = [(max(high >> level, 1), max(wide >> level, 1)) for level in range(_LEVELS)]
        return Parameters(tuple(noise(*s) for s in sizes), lambda t: _from_pyramid(t, size), colours)
    raise InvalidValue(f"A parameterisation must be one of {', '.join(SPACES)}; got {space!r}.")


def spectrum_scale(high: int, wide: int) -> Tensor:
    """By how much each frequency of a real picture is scaled, (h, w // 2 + 1): one over it, and the picture's size."""
    rows, columns = torch.fft.fftfreq(high)[:, None], torch.fft.rfftfreq(wide)[None]
    frequency = (rows**2 + columns**2).sqrt().clamp(min=1 / max(high, wide))
    scale: Tensor = (high * wide) ** 0.5 / frequency
    return scale


def correlated(planes: Tensor) -> Tensor:
    """Colours (n, 3, h, w) as natural pictures correlate them, out of independent ones."""
    return F.conv2d(planes, _MIXED.to(planes))


def _from_spectrum(spectrum: Tensor, scale: Tensor, size: tuple[int, int]) -> Tensor:
    """The picture of a spectrum, real and imaginary parts on the last axis."""
    complex_ = torch.view_as_complex(spectrum * scale)
    picture: Tensor = torch.fft.irfft2(complex_, s=size)
    return picture


def _from_pyramid(levels: tuple[Tensor, ...], size: tuple[int, int]) -> Tensor:
    return sum(
        (F.interpolate(level, size=size, mode="bilinear", align_corners=False) for level in levels[1:]), levels[0]
    )
