"""Squares packed so that those of similar things lie together: a tree whose branches are packed boxes.

After the hierarchical rectangle packing of Liu et al., "Towards Better Analysis of Deep Convolutional Neural Networks"
(2017, arXiv 1604.07043), which leaves the details open. Here the tree is average linkage with its leaves in optimal
order. Branches of about √n leaves are packed to boxes of several shapes; the whole takes of each the shape that fits
best. Both levels use the bottom-left skyline, in the order of the leaves where that wastes little.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from cnnvis.layout.marks import Box
from cnnvis.layout.packing import Packing

Size = tuple[float, float]
EPS = 1e-9
FULL = 0.8
"""A packing this full is not improved any further."""
POOR = 0.7
"""A packing that is not this full is tried with branches of one square."""
SHAPES = (0.45, 0.7, 0.9, 1.15, 1.5, 2.25)
"""Between two neighbours lie the proportions (width : height) of which a branch offers its fullest box.

A longer box might be fuller, but its squares would lie nearer to those of other branches than to each other.
"""


@dataclass(frozen=True, slots=True)
class Branch:
    """One shape of a packed branch: its size and, leaf by leaf, where these lie in it."""

    w: float
    h: float
    places: tuple[tuple[float, float], ...]


class Skyline:
    """The upper border of what lies in a strip so far, from left to right; the strip begins at the top (0)."""

    def __init__(self, width: float) -> None:
        self.steps: list[tuple[float, float, float]] = [(0.0, 0.0, width)]  # x, height, width
        self.width = width

    def resting(self, w: float) -> Iterator[tuple[float, float, float, int]]:
        """Where a box of width w could lie: (top, area wasted under it, x, index of the step it begins at)."""
        steps = self.steps
        for first, (x, _, _) in enumerate(steps):
            if x + w > self.width + EPS:
                return
            top, end = 0.0, x + w - EPS
            last = first
            while last < len(steps) and steps[last][0] < end:
                top = max(top, steps[last][1])
                last += 1
            wasted = sum((top - y) * (min(a + b, x + w) - a) for a, y, b in steps[first:last])
            yield top, wasted, x, first

    def lay(self, first: int, x: float, top: float, size: Size) -> None:
        """Put a box where `resting` said."""
        w, h = size
        end = x + w
        after: list[tuple[float, float, float]] = [(x, top + h, w)]
        for a, y, b in self.steps[first:]:
            if a + b > end + EPS:
                after.append((max(a, end), y, a + b - max(a, end)))
        joined: list[tuple[float, float, float]] = []
        for a, y, b in (*self.steps[:first], *after):
            if joined and abs(joined[-1][1] - y) < EPS:
                joined[-1] = (joined[-1][0], y, joined[-1][2] + b)
            else:
                joined.append((a, y, b))
        self.steps = joined


def families(features: NDArray[np.float64], most: int) -> list[list[int]]:
    """The rows of `features` (n, d) in branches of the tree of at most `most` leaves; leaves in optimal order."""
    n = len(features)
    if n < 3:
        return [[i] for i in range(n)] if most < n else [list(range(n))] * bool(n)
    from scipy.cluster.hierarchy import linkage, to_tree

    branches = [to_tree(linkage(features, "average", optimal_ordering=True))]
    found: list[list[int]] = []
    while branches:
        branch = branches.pop()
        if branch.count <= most:
            found.append([int(i) for i in branch.pre_order()])
        else:
            branches += [branch.right, branch.left]
    return found


def nested(
    features: NDArray[np.float64], sides: Sequence[float], *, gap: float = 2.0, aspect: float = 1.4, width: float = 0.0
) -> Packing:
    """Squares of the given sides, `gap` apart, near those of similar `features` (n, d); boxes in the order given.

    Fills a strip of `width` from the top; where that is 0, a box about `aspect` times as wide as high. The squares
    take at least 0.65 of their bounding box from ten on, where none is larger than four times another. Costs about
    40 ms for 100 squares. A strip is at least as wide as its largest square.
    """
    n = len(sides)
    if not n:
        return Packing((), 0.0, 0.0)
    padded = [float(s) + gap for s in sides]
    parts = families(np.asarray(features, np.float64), max(3, math.ceil(math.sqrt(n))))
    area = sum(s * s for s in padded)
    strips = [width + gap] if width else [math.sqrt(area * aspect * f / FULL) for f in (1.0, 0.85, 1.2, 0.7, 1.45)]
    strips = [max(strip, *padded) for strip in strips]
    fill, boxes = _fullest(parts, padded, strips)
    if fill < POOR:
        plain = _fullest([[i] for part in parts for i in part], padded, strips)
        fill, boxes = max((fill, boxes), plain, key=lambda found: found[0])
    placed = tuple(Box(b.x, b.y, b.w - gap, b.h - gap) for b in (boxes[i] for i in range(n)))
    return Packing(placed, max(b.right for b in placed), max(b.bottom for b in placed))


def _fullest(
    parts: Sequence[Sequence[int]], sides: Sequence[float], strips: Sequence[float]
) -> tuple[float, dict[int, Box]]:
    """The best of some strips, and how full it is; the order of the leaves is left only where that gains something."""
    offers = [branches(tuple(sides[i] for i in part)) for part in parts]
    area = sum(s * s for s in sides)
    best: tuple[float, dict[int, Box]] = 0.0, {}
    for strip in strips:
        for turn in (range(len(parts)), sorted(range(len(parts)), key=lambda k: -offers[k][0].w * offers[k][0].h)):
            boxes = _laid([offers[k] for k in turn], [parts[k] for k in turn], sides, strip)
            right, bottom = max(b.right for b in boxes.values()), max(b.bottom for b in boxes.values())
            fill = area / (right * bottom)
            if fill > best[0] + 0.02:
                best = fill, boxes
        if best[0] >= FULL:
            break
    return best


def _laid(
    offers: Sequence[tuple[Branch, ...]], parts: Sequence[Sequence[int]], sides: Sequence[float], strip: float
) -> dict[int, Box]:
    """Where each square lies when the branches are laid into a strip one after another."""
    sky = Skyline(strip)
    boxes: dict[int, Box] = {}
    for shapes, part in zip(offers, parts):
        fitting = [s for s in shapes if s.w <= strip + EPS] or [_in_strip(tuple(sides[i] for i in part), strip)]
        spots = [
            (top + 0.5 * shape.h + wasted / shape.w, x, k, top, first)
            for k, shape in enumerate(fitting)
            for top, wasted, x, first in sky.resting(shape.w)
        ]
        _, x, k, top, first = min(spots)
        shape = fitting[k]
        sky.lay(first, x, top, (shape.w, shape.h))
        for leaf, (dx, dy) in zip(part, shape.places):
            boxes[leaf] = Box(x + dx, top + dy, sides[leaf], sides[leaf])
    return boxes


@lru_cache(maxsize=4096)
def branches(sides: tuple[float, ...]) -> tuple[Branch, ...]:
    """The shapes that a branch of squares in this order can take, the fullest of each proportion; never none."""
    if len(sides) == 1:
        return (Branch(sides[0], sides[0], ((0.0, 0.0),)),)
    area = sum(s * s for s in sides)
    ideal = math.sqrt(area)
    row = np.cumsum(sides).tolist()
    strips = {max(w, *sides) for w in (*row, *np.cumsum(sorted(sides, reverse=True)), 0.8 * ideal, ideal, 1.25 * ideal)}
    tried = [_in_strip(sides, strip, falling=falling) for strip in sorted(strips) for falling in (False, True)]
    found = []
    for low, high in pairwise(SHAPES):
        fitting = [b for b in tried if low <= b.w / b.h < high]
        if fitting:
            found.append(min(fitting, key=lambda b: b.w * b.h))
    found = found or [min(tried, key=lambda b: (abs(math.log(b.w / b.h)), b.w * b.h))]
    return tuple(sorted(found, key=lambda b: b.w * b.h))


def _in_strip(sides: tuple[float, ...], strip: float, *, falling: bool = False) -> Branch:
    """Squares laid into a strip in their order, or from the largest to the smallest."""
    sky = Skyline(max(strip, *sides, 0.0))
    places: dict[int, tuple[float, float]] = {}
    for i in sorted(range(len(sides)), key=lambda i: -sides[i]) if falling else range(len(sides)):
        top, _, x, first = min(sky.resting(sides[i]))
        sky.lay(first, x, top, (sides[i], sides[i]))
        places[i] = (x, top)
    w = max(places[i][0] + side for i, side in enumerate(sides))
    h = max(places[i][1] + side for i, side in enumerate(sides))
    return Branch(w, h, tuple(places[i] for i in range(len(sides))))
