"""What an image is put through before each step, so that only what survives it is kept.

Lucid pads an image of 128 pixels by 12, crops it at random by 8, scales it by 0.9 to 1.1, turns it by up to 10°, and
crops it again by 4. Here all of it is one step of interpolation, `moved`: a crop is a shift, and what lies outside the
image is grey. The shifts are shares of the image's shorter side, 4/128 and 2/128 either way and at least one pixel, so
that an image of 32 pixels is moved by 2 in all and one of 224 by 11. What the network sees is always of the size
that it asks for.

Where Lucid shows the network a grey rim beside the image, a `canvas` is optimised that is larger by a tenth all round.
The motions look at parts of it, and its middle is the image: nothing grows along the edge to stand out from the grey.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

GREY = 0.5


@dataclass(frozen=True, slots=True)
class Motion:
    """Shift by `first` (down, right) pixels, scale and turn (anticlockwise) around the centre, then shift by `last`."""

    first: tuple[float, float] = (0.0, 0.0)
    scale: float = 1.0
    degrees: float = 0.0
    last: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Wobble:
    """How far a motion may go. `first` and `last`: shifts, as shares of the shorter side; `scale` and `degrees`: either
    way. `still`: how often it is not turned.
    """

    first: float = 4 / 128
    last: float = 2 / 128
    scale: float = 0.1
    degrees: int = 10
    still: float = 5 / 26

    def drawn(self, generator: torch.Generator, size: tuple[int, int]) -> Motion:
        """A motion for an image of `size` (h, w); whole pixels, steps of a fifth of the scale, whole degrees."""
        first, last = (_shift(generator, share, size) for share in (self.first, self.last))
        steps = torch.rand(3, generator=generator).tolist()
        scale = 1 + self.scale * (math.floor(steps[0] * 11) - 5) / 5
        turn = 0 if steps[1] < self.still else math.floor(steps[2] * (2 * self.degrees + 1)) - self.degrees
        return Motion(first, scale, float(turn), last)

    def times(self, strength: float) -> Wobble:
        """A motion so many times as far."""
        return Wobble(
            self.first * strength,
            self.last * strength,
            min(self.scale * strength, 0.9),
            round(self.degrees * strength),
            self.still,
        )


def _shift(generator: torch.Generator, share: float, size: tuple[int, int]) -> tuple[float, float]:
    far = max(round(share * min(size)), 1) if share > 0 else 0
    down, right = torch.randint(-far, far + 1, (2,), generator=generator).tolist()
    return float(down), float(right)


def canvas(size: tuple[int, int], share: float = 0.1) -> tuple[int, int]:
    """The (h, w) of what is optimised for an image of `size`: larger on each side by a share of the shorter side."""
    rim = math.ceil(share * min(size))
    return size[0] + 2 * rim, size[1] + 2 * rim


def middle(images: Tensor, size: tuple[int, int]) -> Tensor:
    """The middle (n, c, h, w) of larger images, of `size`."""
    top, left = ((n - m) // 2 for n, m in zip(images.shape[-2:], size))
    return images[..., top : top + size[0], left : left + size[1]]


def moved(images: Tensor, motion: Motion, size: tuple[int, int] | None = None, fill: float = GREY) -> Tensor:
    """Images (n, c, h, w) after a motion, cut or padded around their centre to `size`; differentiable.

    Bilinear between pixels. Shifts by whole pixels and quarter turns are exact.
    """
    high, wide = images.shape[-2:]
    out_high, out_wide = size or (high, wide)
    if motion == Motion() and (high, wide) == (out_high, out_wide):
        return images
    angle = math.radians(motion.degrees)
    cos, sin = math.cos(angle) / motion.scale, math.sin(angle) / motion.scale
    down, right = motion.last
    # Where a pixel of the result comes from, in pixels from the centre: `last` undone, then the turn, then `first`.
    x, y = _centres(out_wide), _centres(out_high)[:, None]
    places = np.empty((1, out_high, out_wide, 2), np.float32)  # as grid_sample wants them: in halves of the image
    places[..., 0] = (2 / wide * cos) * x + 2 / wide * (sin * down - cos * right - motion.first[1] - sin * y)
    places[..., 1] = (2 / high * sin) * x + 2 / high * (cos * y - sin * right - cos * down - motion.first[0])
    grid = torch.from_numpy(places).to(images)
    taken = F.grid_sample(
        images - fill, grid.expand(len(images), -1, -1, -1), padding_mode="zeros", align_corners=False
    )
    return taken + fill


@lru_cache(maxsize=8)
def _centres(n: int) -> NDArray[np.float64]:
    """Where the pixels of a row of n lie, from its middle."""
    return np.arange(n, dtype=np.float64) - (n - 1) / 2
