"""Occlusion: how far a target falls where a window of the input is covered.

A window slides over the picture; D_k is the fall of the target y when window W_k is replaced by a fill,

    D_k = y(x) − y(x with W_k covered)          S(p) = mean of D_k over the windows that hold p.

Zeiler, Fergus, "Visualizing and Understanding Convolutional Networks", 2014 (arXiv 1311.2901); as a test of what a
diagnosis rests on: Kermany et al., "Identifying Medical Diagnoses and Treatable Diseases by Image-Based Deep
Learning", 2018 (Cell 172). They cover with grey and show D_k per window; we average where windows overlap, so that
every pixel has a value, and clip the last window of a row to the picture. Windows are visited from coarse to fine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from cnnvis.compute.evaluations import Evaluations, Fill, Value, filling
from cnnvis.compute.method import Cost, Family, Takes
from cnnvis.compute.probe import Probe
from cnnvis.compute.score import checked
from cnnvis.compute.subject import Subject, plane, subject
from cnnvis.errors import InvalidValue
from cnnvis.model.attribution import Map
from cnnvis.model.network import Network
from cnnvis.model.target import Target
from cnnvis.progress import Progress, hand_over, silent

Box = tuple[int, int, int, int]

_COARSE = 4
"""The first pass visits every fourth window of every fourth row."""


@dataclass(frozen=True, slots=True)
class Occlusion:
    """How far the target falls (+) or rises (−) where a window of the picture is covered, averaged over windows.

    `window` is the side of the square window in pixels, None what suits the picture's shorter side: 6 pixels of 32, 12
    of 64, 22 of 224; `stride` is the step between windows, None half a window. `fill` covers it with the mean of each
    channel, with zero (the mean of the data where inputs are normalised), or with the picture blurred. `value` asks for
    the target's score, or for the probability of a class. One forward pass for each window and one without, in batches;
    rough maps come early.
    """

    window: int | None = None
    stride: int | None = None
    fill: Fill = "mean"
    value: Value = "score"

    title: ClassVar[str] = "Occlusion"
    paper: ClassVar[str] = "Zeiler, Fergus, Visualizing and Understanding Convolutional Networks, 2014"
    family: ClassVar[Family] = "perturbation"
    takes: ClassVar[Takes] = "picture"

    def cost(self, network: Network) -> Cost:
        size = plane(network)
        return Cost(1 + self._grid(size).n) if min(size) else Cost(1)

    def __call__(self, probe: Probe, inputs: Any, target: Target, progress: Progress = silent) -> Map:
        """The map (h, w) for one sample; `inputs` is a batch of one.

        Its facts name the `hottest` box (top, left, bottom, right): that of the window with the largest fall.
        Raises InvalidValue for a window that is larger than the picture.
        """
        checked(probe.network, target)
        about = subject(probe, inputs)
        grid = self._grid((about.x.shape[-2], about.x.shape[-1]))
        cover = filling(about, self.fill)
        ask = Evaluations(
            probe, about, target, value=self.value, total=1 + grid.n, what="covering windows", progress=progress
        )
        whole = ask(about.x)[0]
        falls = np.zeros((len(grid.tops), len(grid.lefts)))
        # What fits into one batch is there at once: a rough map before it would only split the batch.
        for step, cells in grid.passes() if grid.n > ask.batch else [(1, list(np.ndindex(falls.shape)))]:
            boxes = [grid.box(*cell) for cell in cells]
            found = whole - ask(_covered(about, boxes, cover, lambda: ask.batch))
            falls[tuple(np.array(cells).T)] = found
            if step > 1:
                hand_over(progress, Map(grid.spread(_coarse(falls, step))))
        hottest = grid.box(*(int(i) for i in np.unravel_index(falls.argmax(), falls.shape)))
        facts: dict[str, Any] = {"hottest": hottest, "window": grid.window, "stride": grid.stride}
        if falls.max() <= 0:
            facts["says"] = "Covering a part of the picture lowers the target nowhere."
        return Map(grid.spread(falls), facts)

    def _grid(self, size: tuple[int, int]) -> Grid:
        side = min(size)
        usual = max(round(min(3 * side / 16, 1.5 * side**0.5)), 1)
        window = usual if self.window is None else self.window
        if not 1 <= window <= min(size):
            raise InvalidValue(
                f"Occlusion.window must fit into the picture of {size[0]}×{size[1]} pixels; got {window}. "
                f"Use None, here {usual}, or another number up to {min(size)}."
            )
        stride = max(window // 2, 1) if self.stride is None else self.stride
        if not 1 <= stride <= window:
            raise InvalidValue(
                f"Occlusion.stride must be 1 to {window}, the window's side, or pixels are left out; got {stride}."
            )
        return Grid(size, window, stride)


@dataclass(frozen=True, slots=True)
class Grid:
    """Where the windows lie in a picture of `size` (h, w); the last of a row and of a column are cut off."""

    size: tuple[int, int]
    window: int
    stride: int

    @property
    def tops(self) -> range:
        return self._starts(self.size[0])

    @property
    def lefts(self) -> range:
        return self._starts(self.size[1])

    def _starts(self, side: int) -> range:
        return range(0, max(side - self.window, 0) + self.stride, self.stride)

    @property
    def n(self) -> int:
        return len(self.tops) * len(self.lefts)

    def box(self, row: int, column: int) -> Box:
        top, left = self.tops[row], self.lefts[column]
        return top, left, min(top + self.window, self.size[0]), min(left + self.window, self.size[1])

    def passes(self) -> Iterator[tuple[int, list[tuple[int, int]]]]:
        """(step, cells) of each pass, coarse first: of every `step`-th row and column those that are new."""
        rows, columns = len(self.tops), len(self.lefts)
        step, seen = _COARSE, 0
        while step:
            cells = [
                cell
                for cell in product(range(0, rows, step), range(0, columns, step))
                if not seen or cell[0] % seen or cell[1] % seen
            ]
            if cells:
                yield step, cells
            step, seen = step // 2, step

    def spread(self, values: NDArray[np.float64]) -> NDArray[np.float32]:
        """One value a window as a map (h, w): the mean of the windows over each pixel."""
        total, n = np.zeros(self.size), np.zeros(self.size)
        for cell in np.ndindex(values.shape):
            top, left, bottom, right = self.box(*cell)
            total[top:bottom, left:right] += values[cell]
            n[top:bottom, left:right] += 1
        return (total / n).astype(np.float32)


def _coarse(values: NDArray[np.float64], step: int) -> NDArray[np.float64]:
    """The values of every `step`-th cell in the place of those between, which are not known yet."""
    rows, columns = (np.arange(n) // step * step for n in values.shape)
    return values[np.ix_(rows, columns)]


def _covered(about: Subject, boxes: Sequence[Box], cover: Tensor, batch: Callable[[], int]) -> Iterator[Tensor]:
    """Copies of the picture, each with one box covered, in batches of the size that `batch()` gives then."""
    start = 0
    while start < len(boxes):
        some = boxes[start : start + batch()]
        copies = about.x.repeat(len(some), 1, 1, 1)
        for copy, (top, left, bottom, right) in zip(copies, some):
            copy[:, top:bottom, left:right] = cover[0, :, top:bottom, left:right]
        yield copies
        start += len(some)
