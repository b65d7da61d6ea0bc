"""Explanation methods compared over many images: one table, with intervals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from cnnvis.model.scorecard import CONTROLS, SCORES
from cnnvis.model.tables import Cell, Table

SECONDS = "seconds"
_DRAWS = 2000
_UNITS = frozenset({"infidelity"})
"""Scores in each method's own units: the smallest map would win."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean over `n` images and the interval that holds it with 95 %; NaN where no image has a value."""

    mean: float
    low: float
    high: float
    n: int


@dataclass(frozen=True, eq=False)
class Line:
    """One method, or a control: `scores` (n_images,) float64 by name, NaN where there is none; and `SECONDS`."""

    title: str
    scores: Mapping[str, NDArray[np.float64]]
    control: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "scores", MappingProxyType(dict(self.scores)))


@dataclass(frozen=True, eq=False)
class Comparison:
    """What every method scored on every image.

    `images` are their names, `right` (n_images,) whether the network was right about each. `left_out` says of methods
    that do not fit why. Bootstrap intervals are those of `seed`; all lines are drawn with the same images.
    """

    network: str
    images: tuple[str, ...]
    right: NDArray[np.bool_]
    lines: tuple[Line, ...]
    left_out: Mapping[str, str] = field(default_factory=dict)
    seed: int = 0
    probability: bool = True

    @cached_property
    def _draws(self) -> NDArray[np.int64]:
        n = len(self.images)
        return np.random.default_rng(self.seed).integers(0, n, (_DRAWS, n))

    @property
    def methods(self) -> tuple[Line, ...]:
        return tuple(line for line in self.lines if not line.control)

    @property
    def names(self) -> tuple[str, ...]:
        """The scores that any method has and in which methods can be compared, in the order of SCORES."""
        return tuple(n for n in SCORES if n not in _UNITS and any(n in line.scores for line in self.methods))

    def interval(self, line: Line, name: str) -> Interval:
        """The mean of a score over the images, and its 95 % interval by the percentile bootstrap."""
        values = line.scores.get(name)
        if values is None or not np.isfinite(values).any():
            return Interval(float("nan"), float("nan"), float("nan"), 0)
        known = np.isfinite(values)
        filled = np.where(known, values, 0.0)
        counts = known[self._draws].sum(1)
        means = filled[self._draws].sum(1)[counts > 0] / counts[counts > 0]
        low, high = np.quantile(means, (0.025, 0.975))
        return Interval(float(filled.sum() / known.sum()), float(low), float(high), int(known.sum()))

    def best(self, name: str) -> frozenset[str]:
        """The methods with the best mean, several where they are level."""
        means = {line.title: self.interval(line, name).mean for line in self.methods}
        known = {title: value for title, value in means.items() if np.isfinite(value)}
        if not known:
            return frozenset()
        higher = name in SCORES and SCORES[name].better == "higher"
        top = max(known.values()) if higher else min(known.values())
        return frozenset(title for title, value in known.items() if abs(value - top) <= 1e-9 * max(abs(top), 1.0))

    def table(self) -> Table:
        """One row for each method and score: mean, interval, images behind it, and the method's seconds per image."""
        columns = ("method", "score", "better", "mean", "low", "high", "n", "best", "seconds per image")
        rows: list[tuple[Cell, ...]] = []
        for line in self.lines:
            seconds = self.interval(line, SECONDS).mean
            for name in self.names:
                found = self.interval(line, name)
                if not found.n:
                    continue
                best = "yes" if not line.control and line.title in self.best(name) else ""
                numbers = (found.mean, found.low, found.high, found.n)
                rows.append((line.title, name, SCORES[name].better, *numbers, best, seconds))
        return Table("methods", columns, tuple(rows))


def control_title(name: str) -> str:
    """What a control is called in a table."""
    return f"control: {CONTROLS.get(name, name)}"
