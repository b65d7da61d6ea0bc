"""How some neurons respond to each class, as bars with counts."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from cnnvis.gui.panels.charts import Bar, Bars
from cnnvis.gui.panels.page import Scene, number
from cnnvis.layout.diagram import Ink
from cnnvis.layout.faces import COLOURED_CLASSES

MOST = 24
"""Beyond so many groups only the strongest are shown."""
SHOWN = 12


def profile(scene: Scene, values: NDArray[np.float64], what: str) -> Bars:
    """Bars of the mean response to each group, all of them or the strongest; hovering tells how many images."""
    found = scene.activations
    assert found is not None
    present = np.flatnonzero(np.isfinite(values) & (found.counts > 0))
    if len(values) > MOST:
        present = present[np.argsort(-values[present], kind="stable")][:SHOWN]
    coloured = len(found.groups) <= COLOURED_CLASSES
    bars = []
    for group in present.tolist():
        count = int(found.counts[group])
        bars.append(
            Bar(
                name=found.groups[group],
                value=float(values[group]),
                text=number(float(values[group])),
                tip=f"{what} over {found.noun.count(count)} of “{found.groups[group]}”.",
                ink=Ink("class", group) if coloured else Ink("muted"),
                act=_choose(scene, group),
            )
        )
    return Bars(bars, scene.theme)


def _choose(scene: Scene, group: int) -> Callable[[], None] | None:
    key = ("class", group)
    return (lambda: scene.choose(key)) if key in scene.diagram else None


def hidden(scene: Scene, values: NDArray[np.float64]) -> str:
    """A line about what `profile` leaves out; "" where it shows all."""
    found = scene.activations
    if found is None:
        return ""
    known = int((np.isfinite(values) & (found.counts > 0)).sum())
    empty = len(values) - known
    parts = []
    if len(values) > MOST and known > SHOWN:
        parts.append(f"the strongest {SHOWN} of {known:,}")
    if empty:
        parts.append(f"{empty:,} without {found.noun.many}")
    return " · ".join(parts)
