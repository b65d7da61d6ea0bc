"""Findings about classes whose evidence lies at a fixed place of the image: the mark of a shortcut.

Read from explanations of a class's images together. Things stand anywhere, so the hottest places of their maps scatter;
a tag, a watermark or a border lies at one place, or at a few, and no other class's evidence does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb

import numpy as np
from numpy.typing import NDArray

from cnnvis.model.findings.chance import SURE, at_least
from cnnvis.model.findings.finding import Finding, percent
from cnnvis.model.findings.regions import MARGIN
from cnnvis.model.session import Session
from cnnvis.model.together import GroupExplanation, MapClusters

WINDOW = 3
"""A place is so many cells of the 16 of a side: 12 pixels of 64."""
PLACES = 4
"""At most so many places are one shortcut: a mark may lie in any corner."""
SHARE = 0.7
"""At least this share of the class's images must have their hottest spot in the places."""
MOSTLY, BOTH = 0.6, 0.7
"""A cluster of maps has a place where one holds the hottest spots of this share of its images, or two of that."""
TIMES = 10
"""And at least so many times the share of the images of other classes."""
FEWEST = 20
"""Fewer maps of a class, or of the others, say nothing."""

_CAUSE = (
    "Usual cause: a shortcut. Something beside the thing – a tag, a watermark, a border – marks this class in the "
    "training images. Cover that place or move it: the prediction should not change."
)
Window = tuple[int, int]
"""The first row and column of a place, in cells."""


@dataclass(frozen=True, slots=True)
class Fixed:
    """Places at which a class's evidence lies: in `share` of its images, and in `elsewhere` of the others'."""

    windows: tuple[Window, ...]
    share: float
    elsewhere: float
    grid: int


def fixed_places(session: Session) -> list[Finding]:
    """For each class that was explained as a whole whether its evidence lies at fixed places, by the surest method."""
    best: dict[int, tuple[float, Finding]] = {}
    for group in session.measurements.groups.values():
        found = fixed(group)
        if found is not None and found.share > best.get(group.label, (0.0,))[0]:
            best[group.label] = found.share, _said(session, group, found)
    return [finding for _, finding in best.values()]


def fixed(group: GroupExplanation) -> Fixed | None:
    """The fixed places at which the evidence of a class lies; None where it scatters as that of other classes does.

    For each cluster of maps the place that holds most of the hottest spots of its members counts, where it holds 60 %
    of them, else two that hold 70 %: of few images two corners may be one cluster. The claim is tested (binomial,
    corrected for all choices of places) against the area of the places and against how often the hottest spots of other
    classes' images lie in them.
    """
    if group.label < 0 or group.clusters is None or group.others is None:
        return None
    if min(len(group.clusters.coarse), len(group.others)) < FEWEST:
        return None
    grid = group.clusters.coarse.shape[1]
    peaks, others = hottest(group.clusters.coarse), hottest(group.others)
    windows, hits = _windows(group.clusters, peaks, grid)
    if not windows:
        return None
    n, m = len(peaks), len(others)
    strays = int(np.any([_inside(others, window) for window in windows], axis=0).sum())
    usual = max((strays + 1) / (m + 2), len(windows) * WINDOW**2 / grid**2)
    tried = comb((grid - WINDOW + 1) ** 2, len(windows))
    if hits < SHARE * n or hits / n < TIMES * strays / m or at_least(hits, n, usual) * tried > SURE:
        return None
    return Fixed(windows, hits / n, strays / m, grid)


def hottest(coarse: NDArray[np.float32]) -> NDArray[np.int64]:
    """The row and column of the hottest cell of each map, (n, 2); −1 where nothing speaks for the target."""
    flat = coarse.reshape(len(coarse), -1)
    rows, columns = np.divmod(flat.argmax(1), coarse.shape[2])
    found = np.stack([rows, columns], axis=1)
    found[flat.max(1) <= 0] = -1
    return found


def _windows(clusters: MapClusters, peaks: NDArray[np.int64], grid: int) -> tuple[tuple[Window, ...], int]:
    """The places of the largest clusters that have some, and how many images have their hottest spot in their own."""
    windows: list[Window] = []
    hits = 0
    for cluster in clusters.clusters:
        mine, count = _places_of(peaks[list(cluster.members)], grid)
        fresh = [window for window in mine if window not in windows]
        if mine and len(windows) + len(fresh) <= PLACES:
            windows += fresh
            hits += count
    return tuple(windows), hits


def _places_of(peaks: NDArray[np.int64], grid: int) -> tuple[list[Window], int]:
    """The place that holds most of a cluster's peaks, or two that hold more, and how many; none where they scatter.

    A place of two images alone is chance.
    """
    first, count = _fullest(peaks, grid)
    if count >= max(MOSTLY * len(peaks), 3):
        return [first], count
    second, more = _fullest(peaks[~_inside(peaks, first)], grid)
    both = count + more
    return ([first, second], both) if more >= 3 and both >= BOTH * len(peaks) else ([], 0)


def _fullest(peaks: NDArray[np.int64], grid: int) -> tuple[Window, int]:
    """The place that holds most peaks, and how many; of equals the one that they lie nearest to the middle of."""
    best, most = (0, 0), (-1, 0.0)
    for row in range(grid - WINDOW + 1):
        for column in range(grid - WINDOW + 1):
            inside = _inside(peaks, (row, column))
            off = np.abs(peaks[inside] - (row + 1, column + 1)).sum()
            if (int(inside.sum()), -float(off)) > most:
                best, most = (row, column), (int(inside.sum()), -float(off))
    return best, most[0]


def _inside(peaks: NDArray[np.int64], window: Window) -> NDArray[np.bool_]:
    return np.asarray(((peaks >= window) & (peaks < np.add(window, WINDOW))).all(1))


def _said(session: Session, group: GroupExplanation, found: Fixed) -> Finding:
    name = session.classes[group.label] if group.label < len(session.classes) else f"class {group.label}"
    assert group.clusters is not None
    sides = [round(WINDOW / found.grid * n) for n in group.clusters.clusters[0].mean.shape]
    size = f"{sides[0]} × {sides[1]} pixels"
    words = dict.fromkeys(_where(window, found.grid) for window in found.windows)
    if len(found.windows) == 1:
        where = f"{next(iter(words))}, in the same {size}"
    elif all("corner" in word for word in words):
        where = f"in one of {len(found.windows)} corners, in the same {size} of each"
    else:
        where = f"at one of {len(found.windows)} places of {size}"
    return Finding(
        f"In {percent(found.share)} of the images of {name} the evidence lies {where}, wherever the thing is",
        f"{percent(found.elsewhere)} of the images of other classes have theirs there; {len(group):,} maps by "
        f"{group.method}, {_counted(group.clusters.clusters)}",
        session.analysis.network.output,
        target=group.label,
        cause=_CAUSE,
        severity=0.9 + 0.05 * found.share,
        kind="shortcut",
    )


def _counted(clusters: Sequence[object]) -> str:
    return "of one kind" if len(clusters) == 1 else f"of {len(clusters)} kinds"


def _where(window: Window, grid: int) -> str:
    """A place in words: a corner, an edge, or where in the image it is."""
    near = MARGIN * grid
    middle = [first + WINDOW / 2 for first in window]
    high = "top" if middle[0] < near else "bottom" if middle[0] > grid - near else ""
    wide = "left" if middle[1] < near else "right" if middle[1] > grid - near else ""
    if high and wide:
        return f"in the {high} {wide} corner"
    if high or wide:
        return f"at the {high or wide} edge"
    return f"{round(100 * middle[0] / grid)} % from the top and {round(100 * middle[1] / grid)} % from the left"
