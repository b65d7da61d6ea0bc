"""Figures that mean something on a shared machine: ratios in pairs, or times beside a fixed loop."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: what was measured, the figure, what is asked, and what stands beside it."""

    what: str
    figure: str
    asked: str = ""
    beside: str = ""


def seconds(work: Callable[[], object]) -> float:
    """How long one call takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def calibrate() -> float:
    """Seconds of a loop that never changes, half numpy and half Python: how fast the machine was just then."""
    matrix = np.linspace(0.0, 1.0, 400 * 400, dtype=np.float32).reshape(400, 400)

    def loop() -> None:
        total = 0
        for _ in range(4):
            np.matmul(matrix, matrix)
        for i in range(120_000):
            total += i * i

    return seconds(loop)


def paired(
    what: str, plain: Callable[[], object], ours: Callable[[], object], *, asked: str, pairs: int = 5, note: str = ""
) -> Row:
    """The ratio ours / plain, each pair timed back to back, in turns of order; both are warmed up once."""
    plain()
    ours()
    ratios, plains, ourses = [], [], []
    for turn in range(pairs):
        if turn % 2:
            mine, bare = seconds(ours), seconds(plain)
        else:
            bare, mine = seconds(plain), seconds(ours)
        ratios.append(mine / bare)
        plains.append(bare)
        ourses.append(mine)
    low, high = min(ratios), max(ratios)
    beside = f"{statistics.median(ourses):.2f} s against {statistics.median(plains):.2f} s"
    figure = f"{statistics.median(ratios):.2f} ({low:.2f}–{high:.2f} in {pairs} pairs)"
    return Row(what, figure, asked, f"{beside}; {note}" if note else beside)


def timed(
    what: str, work: Callable[[], object], *, asked: str = "", repeats: int = 20, warm: int = 1, note: str = ""
) -> Row:
    """Median and p95 of one call, with the calibration loop run between the calls."""
    for _ in range(warm):
        work()
    times, fixed = [], []
    for _ in range(repeats):
        fixed.append(calibrate())
        times.append(seconds(work))
    return summary(what, times, fixed, asked=asked, note=note)


def summary(what: str, times: Sequence[float], fixed: Sequence[float], *, asked: str = "", note: str = "") -> Row:
    """A row from times (seconds) and those of the calibration loop in the same run."""
    p95 = float(np.quantile(times, 0.95))
    beside = f"calibration loop {1000 * statistics.median(fixed):.0f} ms"
    figure = f"median {_span(statistics.median(times))}, p95 {_span(p95)}"
    return Row(what, figure, asked, f"{beside}; {note}" if note else beside)


def _span(value: float) -> str:
    return f"{value:.2f} s" if value >= 1.0 else f"{1000 * value:.1f} ms"


def peak_megabytes() -> float:
    """The largest resident memory of this process so far."""
    import resource  # Unix only

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10
