"""Stored copies of exemplars' pictures: JPEG for photographs, PNG for small images."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SMALL = 96
"""Below this side, in pixels, a picture is kept without loss."""
QUALITY = 88
LIMIT = 64_000_000
"""No stored picture has more pixels than this; a larger one is refused."""


def encode_picture(picture: NDArray[np.uint8]) -> bytes:
    """The picture (h, w, 3) uint8 as the bytes of a PNG where a side is small, else of a JPEG."""
    image = Image.fromarray(np.ascontiguousarray(picture), "RGB" if picture.ndim == 3 else "L").convert("RGB")
    out = io.BytesIO()
    if min(image.size) < SMALL:
        image.save(out, "PNG", compress_level=6)
    else:
        image.save(out, "JPEG", quality=QUALITY, subsampling=0)
    return out.getvalue()


@dataclass(frozen=True, eq=False)
class StoredPictures:
    """Copies of pictures, by the index of their sample; call it to get one, or None where there is no copy.

    Decoded pictures are remembered, a few hundred at a time.
    """

    encoded: Mapping[int, bytes]

    def __post_init__(self) -> None:
        object.__setattr__(self, "encoded", MappingProxyType(dict(self.encoded)))
        object.__setattr__(self, "_decode", lru_cache(maxsize=512)(self._read))

    def __len__(self) -> int:
        return len(self.encoded)

    @property
    def n_bytes(self) -> int:
        """The size of all copies together."""
        return sum(len(b) for b in self.encoded.values())

    def __call__(self, sample: int) -> NDArray[np.uint8] | None:
        found: NDArray[np.uint8] | None = self._decode(sample)  # type: ignore[attr-defined]
        return found

    def _read(self, sample: int) -> NDArray[np.uint8] | None:
        held = self.encoded.get(sample)
        if held is None:
            return None
        try:
            with Image.open(io.BytesIO(held), formats=("PNG", "JPEG")) as image:
                if image.width * image.height > LIMIT:
                    return None
                picture = np.asarray(image.convert("RGB"))
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
            return None
        picture.flags.writeable = False
        return picture
