"""Pictures that a mark holds itself: a photograph in greys under a map in the colours of the signs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cnnvis.layout.marks import Box, Raster
from cnnvis.layout.theme import Rgb, Theme

Tints = tuple[Rgb, Rgb, Rgb]
"""The colours of the plain card, of evidence for and of evidence against."""

_DARKEST, _LIGHTEST = 64.0, 244.0
"""The greys of a picture under a map: on black neither sign could be seen, on white hardly a weak one."""
_LUMA = np.array([0.299, 0.587, 0.114])


def raster(
    box: Box,
    picture: NDArray[np.uint8] | None,
    shares: NDArray[np.float64] | None,
    opacity: float = 1.0,
) -> Raster:
    """A picture (h, w, 3 or grey), a map of shares from −1 to 1 (h, w), or the map over the picture, in a box.

    Where their sizes differ, the picture is brought to that of the map.
    """
    assert picture is not None or shares is not None
    rgb, levels, shape = b"", b"", (0, 0)
    if shares is not None:
        shape = shares.shape[0], shares.shape[1]
        levels = np.rint(127 * np.clip(np.nan_to_num(shares), -1.0, 1.0)).astype(np.int8).tobytes()
    if picture is not None:
        found = coloured(picture)
        if shares is None:
            shape = found.shape[0], found.shape[1]
        rgb = resized(found, shape).tobytes()
    return Raster(box, shape, rgb, levels, opacity)


def coloured(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A picture with three channels, whatever it has."""
    found = picture.reshape(*picture.shape[:2], -1)
    return np.repeat(found[..., :1], 3, axis=2) if found.shape[2] < 3 else np.ascontiguousarray(found[..., :3])


def resized(picture: NDArray[np.uint8], shape: tuple[int, int]) -> NDArray[np.uint8]:
    """A picture (h, w, 3) of another size; itself where it has it already."""
    if picture.shape[:2] == shape:
        return picture
    from PIL import Image  # a window that only paints does not need it

    image = Image.fromarray(np.ascontiguousarray(picture))
    return np.asarray(image.resize((shape[1], shape[0]), Image.Resampling.BICUBIC))


def tints(theme: Theme) -> Tints:
    """What of a theme a raster needs."""
    return theme.roles["card"], theme.roles["excite"], theme.roles["inhibit"]


def composed(mark: Raster, tints: Tints) -> NDArray[np.uint8]:
    """The pixels of a raster, (h, w, 3)."""
    h, w = mark.shape
    card, above, below = (np.array(tint, float) for tint in tints)
    ground = np.broadcast_to(card, (h, w, 3))
    if mark.rgb:
        picture = np.frombuffer(mark.rgb, np.uint8).reshape(h, w, 3)
        if not mark.levels:
            return picture
        grey = (picture @ _LUMA)[..., None] / 255
        ground = np.broadcast_to(_DARKEST + (_LIGHTEST - _DARKEST) * grey, (h, w, 3))
    share = np.frombuffer(mark.levels, np.int8).reshape(h, w, 1) / 127.0
    sign = np.where(share >= 0, above, below)
    strength = mark.opacity * np.abs(share)
    return np.asarray(np.rint(ground + (sign - ground) * strength), np.uint8)
