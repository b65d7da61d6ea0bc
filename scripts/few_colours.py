"""Small files for the pictures of the documents: as few colours as a reader does not miss."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.spatial import cKDTree

EXACT = 48
"""So many of the most frequent colours are kept as they are: paper, lines, text, the steps of a scale."""


def few(picture: Image.Image, n: int = 256) -> Image.Image:
    """The picture in n colours at most: the most frequent as they are, then such that maps and photographs are smooth,
    some of them far from all others.
    """
    whole = picture.convert("RGB")
    exact, rare = min(EXACT, n // 4), n // 5
    codes = np.asarray(whole, np.uint32) @ np.array([1 << 16, 1 << 8, 1], np.uint32)
    known, places, counts = np.unique(codes, return_inverse=True, return_counts=True)
    colours = np.stack([known >> 16, known >> 8 & 255, known & 255], axis=1)
    often = colours[np.argsort(-counts, kind="stable")[:exact]]
    smooth = _palette(whole.quantize(n - exact - rare, Image.Quantize.MEDIANCUT, kmeans=4))
    apart = _palette(whole.quantize(rare, Image.Quantize.MAXCOVERAGE))
    palette = np.concatenate([often, smooth, apart])[:n]
    nearest = cKDTree(palette).query(colours)[1]  # Pillow's own search is coarse: it makes white a little grey
    found = Image.fromarray(nearest[places.ravel()].astype(np.uint8).reshape(whole.height, whole.width), "P")
    found.putpalette(palette.astype(np.uint8).tobytes())
    return found


def _palette(picture: Image.Image) -> NDArray[np.uint8]:
    return np.array(picture.getpalette() or [], np.uint8).reshape(-1, 3)


def shrink(path: Path, n: int = 256) -> int:
    """Write a picture anew in few colours; the bytes of its file."""
    with Image.open(path) as image:
        dpi, small = image.info.get("dpi"), few(image, n)
    small.save(path, optimize=True, **({"dpi": dpi} if dpi else {}))
    return path.stat().st_size
