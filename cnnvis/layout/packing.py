"""Squares packed by importance: on a skyline without waste, or in calm rows as a card shows them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cnnvis.errors import InvalidValue
from cnnvis.layout.marks import Box


@dataclass(frozen=True, slots=True)
class Packing:
    """Boxes of the items that found room, in the order given, inside `width` × `height`.

    `left_out` did not; `rest` is where "+n" stands for them, None for the end of the last row.
    """

    boxes: tuple[Box, ...]
    width: float
    height: float
    left_out: int = 0
    rest: Box | None = None

    @property
    def fill(self) -> float:
        """The area of the boxes over that of their bounding box, 0–1."""
        right = max((b.right for b in self.boxes), default=0.0)
        bottom = max((b.bottom for b in self.boxes), default=0.0)
        return sum(b.w * b.h for b in self.boxes) / (right * bottom) if self.boxes else 1.0


def skyline(sizes: Sequence[tuple[float, float]], width: float) -> Packing:
    """Rectangles (w, h) packed to a strip of `width`, each as low and then as far left as it fits.

    The flat bottom-left skyline of Burke, Kendall and Whitwell ("A new placement heuristic for the orthogonal
    stock-cutting problem", 2004): the lowest step of the skyline takes the tallest piece that fits it. Boxes keep
    the order of `sizes`.

    Raises InvalidValue where a rectangle is wider than the strip.
    """
    if any(w > width + 1e-9 for w, _ in sizes):
        raise InvalidValue(f"skyline.width must hold the widest rectangle; got {width:g}. Make the strip wider.")
    steps: list[list[float]] = [[0.0, 0.0, float(width)]]  # x, height, width of each step, left to right
    todo = sorted(range(len(sizes)), key=lambda i: (-sizes[i][1], -sizes[i][0], i))
    placed: dict[int, Box] = {}
    while todo:
        low = min(range(len(steps)), key=lambda i: (steps[i][1], steps[i][0]))
        x, y, room = steps[low]
        pick = next((i for i in todo if sizes[i][0] <= room + 1e-9), None)
        if pick is None:
            _raise(steps, low)
            continue
        todo.remove(pick)
        w, h = sizes[pick]
        placed[pick] = Box(x, y, w, h)
        steps[low : low + 1] = [[x, y + h, w], [x + w, y, room - w]] if room - w > 1e-9 else [[x, y + h, room]]
        _join(steps)
    boxes = tuple(placed[i] for i in range(len(sizes)))
    return Packing(boxes, width, max((b.bottom for b in boxes), default=0.0))


def _raise(steps: list[list[float]], low: int) -> None:
    """Lift a step in which nothing fits to its lower neighbour: that area stays empty."""
    around = [steps[i][1] for i in (low - 1, low + 1) if 0 <= i < len(steps)]
    steps[low][1] = min(around)
    _join(steps)


def _join(steps: list[list[float]]) -> None:
    """Make one step of neighbours of the same height."""
    i = 0
    while i + 1 < len(steps):
        if abs(steps[i][1] - steps[i + 1][1]) < 1e-9:
            steps[i][2] += steps[i + 1][2]
            del steps[i + 1]
        else:
            i += 1


def pack_squares(sides: Sequence[float], gap: float = 2.0, aspect: float = 1.2) -> Packing:
    """Squares packed without overlap, `gap` apart, into a box about `aspect` times as wide as high.

    Tries a few strip widths and keeps the fullest: at least 0.85 of the area for ten squares of mixed size or
    more. Costs about 30 ms for 100 squares.
    """
    if not sides:
        return Packing((), 0.0, 0.0)
    padded = [(s + gap, s + gap) for s in sides]
    widths = _strip_widths([w for w, _ in padded], aspect)
    best = skyline(padded, widths[0])
    for width in widths[1:]:
        if best.fill > 0.93:
            break
        best = max(best, skyline(padded, width), key=lambda found: found.fill)
    for share in np.linspace(0.72, 1.4, 48) if best.fill < 0.88 else ():  # few squares: cheap, and a matter of luck
        best = max(best, skyline(padded, max(widths[0] * float(share), *sides) + gap), key=lambda found: found.fill)
    boxes = tuple(Box(b.x, b.y, b.w - gap, b.h - gap) for b in best.boxes)
    return Packing(boxes, max(b.right for b in boxes), max(b.bottom for b in boxes))


def _strip_widths(sides: Sequence[float], aspect: float) -> list[float]:
    """Widths worth a try, the most wanted first: near the aspect, and where the largest fill a row exactly."""
    least = max(sides)
    ideal = max(math.sqrt(sum(s * s for s in sides) * aspect), least)
    widths = {max(least, ideal * f) for f in (0.82, 0.88, 0.94, 1.0, 1.06, 1.12, 1.18)}
    row = 0.0
    for side in sorted(sides, reverse=True):
        row += side
        if max(least, 0.7 * ideal) <= row <= 1.4 * ideal:
            widths.add(row)
    return sorted(widths, key=lambda w: abs(math.log(w / ideal)))[:16]


def rows(
    importance: Sequence[float], width: float, *, columns: int = 3, gap: float = 2.0, height: float = math.inf
) -> Packing:
    """Squares in rows that fill the width exactly, largest first; row by row they shrink with importance.

    `importance` ≥ 0 falls along the sequence. The first row holds `columns` squares; a row whose first square has
    less than about 2/3 (1/3) of the strongest importance, or that comes second (fourth), holds one (two) more. Where
    `height` ends, the last place is left free for "+n" and the rest is left out. Sides are whole pixels.
    """
    n = len(importance)
    top = max(importance, default=0.0) or 1.0
    boxes: list[Box] = []
    y, line = 0.0, 0
    while len(boxes) < n:
        weak = importance[len(boxes)] / top
        level = max(2 if weak < 1 / 3 else 1 if weak < 2 / 3 else 0, 0 if line < 1 else 1 if line < 3 else 2)
        per_row = columns + level
        side = math.floor((width - (per_row - 1) * gap) / per_row)
        if boxes and y + side > height + 1e-9:
            break
        pitch = (width - side) / (per_row - 1) if per_row > 1 else 0.0
        boxes += [Box(round(i * pitch), y, side, side) for i in range(min(per_row, n - len(boxes)))]
        y += side + gap
        line += 1
    left_out = n - len(boxes)
    if left_out and len(boxes) > 1:
        boxes.pop()
        left_out += 1
    return Packing(tuple(boxes), width, max(y - gap, 0.0), left_out)


def rest_box(packing: Packing) -> Box:
    """The free place at the end of the last row, where "+n" stands; right-aligned to the width."""
    last = packing.boxes[-1]
    return Box(last.right, last.y, max(packing.width - last.right, 0.0), last.h)


def grid(n: int, width: float, columns: int, gap: float = 2.0) -> Packing:
    """n equal squares in rows of `columns` that fill the width exactly; sides are whole pixels."""
    side = math.floor((width - (columns - 1) * gap) / columns)
    pitch = (width - side) / (columns - 1) if columns > 1 else 0.0
    boxes = tuple(Box(round(i % columns * pitch), i // columns * (side + gap), side, side) for i in range(n))
    return Packing(boxes, width, max((b.bottom for b in boxes), default=0.0))
