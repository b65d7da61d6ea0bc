"""The parts that a layer sees in one image, as an activation grid finds them: for each its map and a drawn image."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnvis.layout.marks import MUTED, Box, Label, Mark, Rect
from cnnvis.layout.rasters import raster

_GAP, _APART, _LINE = 3.0, 12.0, 16.0
PAIRS = 2
"""So many parts stand beside each other."""


def has_parts(facts: Mapping[str, Any]) -> bool:
    """Whether drawn images have maps of the sample beside them."""
    maps = facts.get("maps")
    return isinstance(maps, (tuple, list)) and len(maps) > 0


def part_marks(
    images: NDArray[np.uint8],
    facts: Mapping[str, Any],
    picture: NDArray[np.uint8] | None,
    opacity: float,
    width: float,
) -> tuple[list[Mark], float]:
    """Each part's map over the picture, its drawn image beside it, its share below; and how high they are."""
    side = (width - _APART * (PAIRS - 1) - _GAP * PAIRS) / (2 * PAIRS)
    size = (picture if picture is not None else images[0]).shape[:2]
    high = side * size[0] / size[1]
    shares = facts.get("shares", ())
    marks: list[Mark] = []
    for k, image in enumerate(images):
        left, top = (k % PAIRS) * (2 * side + _GAP + _APART), (k // PAIRS) * (high + _LINE + 6)
        here, there = Box(left, top, side, high), Box(left + side + _GAP, top, side, high)
        cells = np.asarray(facts["maps"][k], float)
        # Each on its own scale: the share says how strong it is, and a weak part must be seen, too.
        found = laid(cells / (cells.max() or 1.0), facts.get("centres"), (size[0], size[1]))
        marks.append(raster(here, picture, found, opacity))
        if picture is None:
            marks.append(Rect(here, None, MUTED, 2.0))
        marks.append(raster(there, image, None))
        words = f"part {k + 1}" + (f" · {100 * float(shares[k]):.0f} %" if k < len(shares) else "")
        marks.append(Label(words, Box(left, top + high + 1, 2 * side + _GAP, _LINE), 11, MUTED))
    return marks, -(-len(images) // PAIRS) * (high + _LINE + 6) - 5


def laid(cells: NDArray[np.float64], centres: Any, size: tuple[int, int]) -> NDArray[np.float64]:
    """The values of cells (h, w) at the pixels of a picture of `size`, linear between the cells' centres.

    `centres` are those of the first and the last row and column, in pixels; None: cells are spread evenly.
    """
    ends = centres or tuple(((0.5 * n / m) - 0.5, n - 0.5 * n / m - 0.5) for n, m in zip(size, cells.shape))
    shares = []
    for (first, last), n, m in zip(ends, size, cells.shape):
        places = np.linspace(float(first), float(last), m)
        shares.append(np.stack([np.interp(np.arange(n), places, unit) for unit in np.eye(m)], axis=1))
    return np.asarray(shares[0] @ cells @ shares[1].T)
