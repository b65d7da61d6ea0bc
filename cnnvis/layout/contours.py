"""Lines of equal height in a map, by marching squares."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Path = tuple[tuple[float, float], ...]
_Edge = tuple[int, int, int]
"""Which side of which square: 0 its upper side, 1 its left one; row; column."""

# For each of the 16 patterns of corners above the level (bits: upper left, upper right, lower right, lower left) the
# sides that a line joins: 0 above, 1 right, 2 below, 3 left. Patterns 5 and 10 depend on the middle.
_JOINED: dict[int, tuple[tuple[int, int], ...]] = {
    1: ((3, 0),), 2: ((0, 1),), 3: ((3, 1),), 4: ((1, 2),), 6: ((0, 2),), 7: ((3, 2),), 8: ((2, 3),),
    9: ((2, 0),), 11: ((2, 1),), 12: ((1, 3),), 13: ((1, 0),), 14: ((0, 3),),
    5: ((3, 0), (1, 2)), 10: ((0, 1), (2, 3)),
}  # fmt: skip
_OTHER = {5: ((3, 2), (1, 0)), 10: ((0, 3), (2, 1))}


def contours(values: NDArray[np.float64], level: float, wide: float, high: float) -> tuple[Path, ...]:
    """The closed lines around what lies above a level of a map (h, w), as points (x, y) of a map `wide` and `high`.

    A pixel's value stands at its middle; what reaches the border is closed along it.
    """
    h, w = values.shape
    low = min(float(values.min()), level) - 1.0
    padded = np.pad(np.pad(np.asarray(values, np.float64), 1, mode="edge"), 1, constant_values=low)
    joined = _segments(padded, level)
    places = {edge: _place(padded, level, edge) for edge in joined}

    def shown(edge: _Edge) -> tuple[float, float]:
        x, y = places[edge]
        return wide * min(max(x, 0.0), w) / w, high * min(max(y, 0.0), h) / h

    return tuple(tuple(shown(edge) for edge in loop) for loop in _loops(joined))


def _segments(padded: NDArray[np.float64], level: float) -> dict[_Edge, list[_Edge]]:
    """For each side that a line crosses the two that it leads to."""
    above = padded > level
    corners = above[:-1, :-1] + 2 * above[:-1, 1:] + 4 * above[1:, 1:] + 8 * above[1:, :-1]
    joined: dict[_Edge, list[_Edge]] = {}
    for i, j in np.argwhere((corners > 0) & (corners < 15)).tolist():
        pattern = int(corners[i, j])
        pairs = _JOINED[pattern]
        if pattern in _OTHER and padded[i : i + 2, j : j + 2].mean() > level:
            pairs = _OTHER[pattern]
        sides: tuple[_Edge, ...] = ((0, i, j), (1, i, j + 1), (0, i + 1, j), (1, i, j))
        for a, b in pairs:
            joined.setdefault(sides[a], []).append(sides[b])
            joined.setdefault(sides[b], []).append(sides[a])
    return joined


def _place(padded: NDArray[np.float64], level: float, edge: _Edge) -> tuple[float, float]:
    """Where a line crosses a side, in pixels of the map."""
    kind, i, j = edge
    one, other = padded[i, j], padded[i, j + 1] if kind == 0 else padded[i + 1, j]
    t = float(np.clip((level - one) / (other - one), 0.0, 1.0)) if other != one else 0.5
    x, y = (j + t, float(i)) if kind == 0 else (float(j), i + t)
    return x - 1.5, y - 1.5  # the pad is two pixels, a pixel's middle half a pixel from its corner


def _loops(joined: dict[_Edge, list[_Edge]]) -> list[list[_Edge]]:
    """The closed ways along the segments."""
    left, loops = set(joined), []
    for start in joined:
        if start not in left:
            continue
        loop, here = [], start
        while here in left:
            left.discard(here)
            loop.append(here)
            here = next((edge for edge in joined[here] if edge in left), here)
        if len(loop) > 2:
            loops.append(loop)
    return loops
