"""Decoding a picture's bytes as a network wants them, whatever a camera, scanner or broken disk has made of them."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from cnnvis.errors import UnreadableSample

_FORMATS = "JPEG MPO PNG BMP DIB GIF WEBP TIFF PPM JPEG2000 TGA ICO AVIF".split()  # none of them starts a program
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True)
class Preparation:
    """What happens to a picture before the network sees it.

    The shorter side becomes `resize` pixels; `crop` (height, width) is cut from the centre (a smaller picture is
    enlarged to cover it); then it is stretched to `size` (height, width) where that differs. `depth` is the number of
    channels; `mean` and `std` belong to the network's channels, of values from 0 to 1.
    """

    size: tuple[int, int] | None = None
    resize: int | None = None
    crop: tuple[int, int] | None = None
    interpolation: str = "bilinear"
    channels: Literal["rgb", "bgr", "grey"] = "rgb"
    depth: int = 3
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None

    def image(self, content: bytes, name: str) -> Image.Image:
        """The picture in RGB, resized and cropped. Raises `UnreadableSample`."""
        return self.fitted(decoded(content, name, self._least))

    def picture(self, image: Image.Image) -> NDArray[np.uint8]:
        """A fitted picture as the network sees it, (h, w, 3) uint8 RGB; read-only."""
        found = np.array(image.convert("L").convert("RGB") if self.channels == "grey" else image)
        found.flags.writeable = False
        return found

    def input(self, image: Image.Image) -> NDArray[np.float32]:
        """What the network is fed of a fitted picture, (channels, h, w) float32, normalised."""
        found = np.asarray(image.convert("L") if self.channels == "grey" else image)
        planes = found[None] if found.ndim == 2 else found.transpose(2, 0, 1)
        if self.channels == "bgr":
            planes = planes[::-1]
        elif self.channels == "grey" and self.depth > 1:
            planes = np.repeat(planes, self.depth, axis=0)
        scale, shift = self._affine
        out: NDArray[np.float32] = np.multiply(planes, scale, dtype=np.float32, order="C")
        out += shift
        return out

    def fitted(self, image: Image.Image) -> Image.Image:
        """A picture in RGB, resized and cropped."""
        how = Image.Resampling[self.interpolation.upper()]
        if self.resize is not None and min(image.size) != self.resize:
            image = image.resize(_shorter(image.size, self.resize), how)
        if self.crop is not None:
            image = _cropped(image, self.crop, how)
        if self.size is not None and image.size != self.size[::-1]:
            image = image.resize(self.size[::-1], how)
        return image

    @cached_property
    def _affine(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """x / 255, minus mean, over std, as one factor and one sum for each channel, (channels or 1, 1, 1) each."""
        mean = np.array(self.mean or (0.0,))
        std = np.array(self.std or (1.0,))
        return _column(1 / (255 * std)), _column(-mean / std)

    def unprepared(self, values: NDArray[np.floating]) -> NDArray[np.uint8]:
        """The picture behind an input (c, h, w) that this normalisation made, (h, w, 3) uint8 RGB."""
        scale, shift = self._affine
        plain = np.nan_to_num((np.asarray(values, np.float64) - shift) / scale)
        return rgb(np.clip(np.rint(plain), 0, 255).astype(np.uint8), self.channels == "bgr")

    @cached_property
    def _least(self) -> int | None:
        """Twice the side that is needed in the end: a large photograph need not be decoded in more detail."""
        if self.resize is not None:
            return 2 * max(self.resize, *(self.crop or (0,)))
        if self.crop is not None or self.size is None:
            return None
        return 2 * max(self.size)


def decoded(content: bytes, name: str, least: int | None = None) -> Image.Image:
    """A picture in RGB, upright, transparent parts over white; where `least` is given it may be smaller than in the
    file, but neither side below that.

    Raises `UnreadableSample` that says why: empty, torn, no picture, too large.
    """
    if not content:
        raise UnreadableSample(f"{name} is empty.")
    _hush()
    try:
        with Image.open(io.BytesIO(content), formats=_formats()) as image:
            if least is not None:
                image.draft(None, _shorter(image.size, least))
            image.load()
            turn = _TURNS.get(_orientation(image))
            found = _as_rgb(image, name)
            return found if turn is None else found.transpose(turn)
    except UnreadableSample:
        raise
    except Image.DecompressionBombError:
        most = 2 * (Image.MAX_IMAGE_PIXELS or 0) // 1_000_000
        raise UnreadableSample(f"{name} has more than {most} million pixels.") from None
    except UnidentifiedImageError:
        raise UnreadableSample(f"{name} is not a picture.") from None
    except MemoryError:
        raise UnreadableSample(f"{name} is too large for the memory.") from None
    except Exception as error:  # decoders of torn files raise whatever their parsers stumble over
        said = (str(error).splitlines() or [""])[0].rstrip(".") or type(error).__name__
        raise UnreadableSample(f"{name} is torn or of an unknown kind: {said}.") from error


def rgb(planes: NDArray[np.uint8], bgr: bool = False) -> NDArray[np.uint8]:
    """Planes (c, h, w) as a picture (h, w, 3), read-only: the first three of them, or one of them in grey."""
    found = planes[:3] if planes.shape[0] >= 3 else np.repeat(planes[:1], 3, axis=0)
    picture = np.ascontiguousarray((found[::-1] if bgr else found).transpose(1, 2, 0))
    picture.flags.writeable = False
    return picture


def _column(values: NDArray[np.float64]) -> NDArray[np.float32]:
    return values.astype(np.float32).reshape(-1, 1, 1)


@cache
def _formats() -> tuple[str, ...]:
    Image.init()
    return tuple(name for name in _FORMATS if name in Image.OPEN)


_PILLOW = r"PIL\."


def _hush() -> None:
    """Pillow warns of odd metadata and cut files; what matters of that is an error here, and the rest is noise.

    A filter is added instead of catching: warnings cannot be caught in several threads at once.
    """
    if not any(getattr(known[3], "pattern", None) == _PILLOW for known in warnings.filters[:1]):
        warnings.filterwarnings("ignore", module=_PILLOW)


def _shorter(size: tuple[int, int], side: int) -> tuple[int, int]:
    """A (width, height) scaled so that its shorter side is `side`; the longer one is cut to whole pixels."""
    wide, high = size
    if wide <= high:
        return side, max(side, int(side * high / wide))
    return max(side, int(side * wide / high)), side


def _cropped(image: Image.Image, crop: tuple[int, int], how: Image.Resampling) -> Image.Image:
    high, wide = crop
    if image.width < wide or image.height < high:
        factor = max(wide / image.width, high / image.height)
        larger = (max(wide, round(image.width * factor)), max(high, round(image.height * factor)))
        image = image.resize(larger, how)
    left, top = round((image.width - wide) / 2.0), round((image.height - high) / 2.0)
    if (left, top, wide, high) == (0, 0, *image.size):
        return image
    return image.crop((left, top, left + wide, top + high))


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(0x0112, 1))
    except Exception:  # noqa: BLE001  # torn metadata make no picture unreadable
        return 1


def _as_rgb(image: Image.Image, name: str) -> Image.Image:
    mode = image.mode
    if mode.startswith("I") or mode == "F":
        return Image.fromarray(_to_bytes(np.asarray(image), name)).convert("RGB")
    if mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        shown = image.convert("RGBA")
        found = Image.new("RGB", shown.size, (255, 255, 255))
        found.paste(shown, mask=shown.getchannel("A"))
        return found
    return image.convert("RGB")  # copies an RGB picture, so that the file can be closed


def _to_bytes(values: NDArray[np.generic], name: str) -> NDArray[np.uint8]:
    """Grey values of more than 8 bits in 8: whole numbers of 16 bits scaled, floats from 0 to 1 or to 255."""
    whole = values.dtype.kind in "iu"
    low, high = float(values.min()), float(values.max())
    if not np.isfinite([low, high]).all():
        raise UnreadableSample(f"{name} has values that are not finite.")
    if low < 0 or high > 65535 or (not whole and high > 255):
        raise UnreadableSample(f"{name} has values from {low:g} to {high:g}, of which the white is not known.")
    if whole:
        factor = 1 / 257 if values.dtype.itemsize == 2 or high > 255 else 1.0
    else:
        factor = 255.0 if high <= 1 else 1.0
    return np.rint(values.astype(np.float64) * factor).astype(np.uint8)
