"""Squares in a small fixed room: large, medium and small ones in two flush rows, the small ones in blocks of siblings.

The hierarchical packing of a card (see `hierarchy`) where there is room for a dozen squares only: free packing leaves
holes there that a reader takes for meaning. A large square and a block of four small ones have the same side, so that a
row of them ends flush with the card; important squares are large, and the small ones of a block are siblings.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from cnnvis.layout.marks import Box
from cnnvis.layout.packing import Packing

WEAK = 1 / 4
"""Below this share of the strongest importance a square is small."""


@dataclass(frozen=True, slots=True)
class Share:
    """How many squares are large, medium and small; how many are left out."""

    large: int
    medium: int
    small: int
    left_out: int = 0


def shelves(
    importance: Sequence[float], order: Sequence[int], width: float, *, columns: int = 3, gap: float = 2.0
) -> Packing:
    """Squares by falling `importance` ≥ 0, of which siblings are neighbours in `order`: the `most` first, permuted.

    The upper row is `columns` large squares wide, the lower one holds a third more, of medium size. The least
    important become small, four in the place of a large one, as far as that is needed to show all; what still finds no
    room is left out, and "+n" stands in its place. Boxes come in the order given; sides are whole pixels.
    """
    n = len(importance)
    if not n:
        return Packing((), width, 0.0)
    top = max(importance) or 1.0
    share = divided(n, sum(value / top < WEAK for value in importance[1:]), columns)
    shown = n - share.left_out
    place = {item: turn for turn, item in enumerate(order)}
    large = sorted(range(share.large), key=place.__getitem__)
    medium = sorted(range(share.large, share.large + share.medium), key=place.__getitem__)
    small = sorted(range(share.large + share.medium, shown), key=place.__getitem__)
    side = math.floor((width - (columns - 1) * gap) / columns)
    boxes = _upper(large, small, width, side, columns, gap)
    height = max(side if large or len(small) > 1 else 0.0, *(b.bottom for b in boxes.values()))
    rest = None
    if medium or share.left_out:
        many = wider(columns)
        lower = math.floor((width - (many - 1) * gap) / many)
        pitch = (width - lower) / (many - 1)
        y = height + gap
        boxes |= {item: Box(round(i * pitch), y, lower, lower) for i, item in enumerate(medium)}
        height = y + lower
        if share.left_out:
            rest = Box(round(len(medium) * pitch), y, width - round(len(medium) * pitch), lower)
    return Packing(tuple(boxes[i] for i in range(shown)), width, height, share.left_out, rest)


def wider(columns: int) -> int:
    """How many medium squares stand where `columns` large ones do."""
    return math.floor(4 * columns / 3)


def most(columns: int) -> int:
    """How many squares find room at most."""
    return 1 + 4 * (columns - 1) + wider(columns)


def divided(n: int, weak: int, columns: int) -> Share:
    """How n squares are shared out, of which the last `weak` should be small; the first is always large.

    One small square alone would leave a hole in the middle of two rows: it is medium then.
    """
    small = min(weak - (weak % 4 == 1 and n > columns), 4 * (columns - 1))
    while True:
        large = min(columns - math.ceil(small / 4), n - small)
        medium = n - small - large
        if medium <= wider(columns):
            return Share(large, medium, small)
        if small >= 4 * (columns - 1):
            medium = wider(columns) - 1
            return Share(large, medium, small, n - large - medium - small)
        small = min(4 * (small // 4 + 1), 4 * (columns - 1))


def _upper(
    large: Sequence[int], small: Sequence[int], width: float, side: int, columns: int, gap: float
) -> dict[int, Box]:
    """The upper row: large squares, then blocks of four small ones, read column by column."""
    pitch = (width - side) / (columns - 1)
    boxes = {item: Box(round(i * pitch), 0.0, side, side) for i, item in enumerate(large)}
    half = math.floor((side - gap) / 2)
    for i, item in enumerate(small):
        block, spot = divmod(i, 4)
        x = round((len(large) + block) * pitch)
        boxes[item] = Box(x + (side - half) * (spot // 2), float((side - half) * (spot % 2)), half, half)
    return boxes
