"""The section on contributions in the pages of a layer, a cluster, a neuron and a class."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from cnnvis.gui.panels.charts import Bar, Bars
from cnnvis.gui.panels.page import Page, Scene, command, number
from cnnvis.layout.diagram import Ink
from cnnvis.model.measurements import Silenced
from cnnvis.model.viewed import shown_subset

MOST = 12
"""Beyond so many classes only the extremes are shown."""
EXTREMES = 6


def contribution(page: Page, scene: Scene, units: Silenced) -> None:
    """What some neurons add to the score of each sample's own class, and to the chosen one where it was measured."""
    measured = scene.session.measurements
    chosen = scene.session.look.chosen
    shown = [m for m in (measured.own, measured.contributions.get(chosen) if chosen is not None else None) if m]
    before_output = not any(layer in scene.session.analysis.network.class_layers for layer, _ in units)
    if scene.activations is None or not before_output:
        return
    for found in shown:
        if any(layer not in found for layer, _ in units):
            continue
        sums = np.sum([found.total(layer)[list(chosen)].sum(0) for layer, chosen in units], axis=0)
        with np.errstate(invalid="ignore", divide="ignore"):
            values = sums / found.counts
        to = "own class" if found.target is None else class_name(scene, found.target)
        basis = f"the mean over the images of each class, {found.n_samples:,} in all"
        page.section(
            f"Contribution to {to}",
            f"Response × slope of the score, summed over maps and neurons: {basis}. A knock-out tells how true it is.",
        )
        if found.subset:
            page.text(f"over the {counted(found.n_samples)} of “{found.subset}”", "small")
        what = "adds to their score" if found.target is None else f"adds to the score of “{to}”"
        page.add(class_bars(scene, values, partial(_tell, what, found.counts)))
        rest = left_out(values)
        if rest:
            page.text(rest, "small")
    if measured.own is None:
        title = "Contribution to own class" if shown else "Contribution"
        page.section(title, "What these neurons add to the score of each image's own class.")
        if subset := shown_subset(scene.session):
            page.text(f"not measured over “{subset}” yet", "small")
        page.buttons(command(scene, "Measure contributions", "contribute", "About a forward and a backward pass"))


def class_bars(
    scene: Scene,
    values: NDArray[np.float64],
    tell: Callable[[int, float], str],
    *,
    ticks: NDArray[np.float64] | None = None,
    write: Callable[[float], str] = number,
    order: NDArray[np.int64] | None = None,
) -> Bars:
    """Signed bars by class, blue above zero and orange below: all of them, or the extremes of many.

    tell: what hovering says after the class. ticks: values to compare with. order: the classes to show.
    """
    found = scene.activations
    assert found is not None
    bars = []
    for group in (extremes(values) if order is None else order).tolist():
        value = float(values[group])
        bars.append(
            Bar(
                name=found.groups[group],
                value=value,
                text=signed(value, write),
                tip=f"{found.groups[group]}: {tell(group, value)}",
                ink=Ink("excite" if value >= 0 else "inhibit"),
                act=_choose(scene, group),
                tick=None if ticks is None else float(ticks[group]),
            )
        )
    return Bars(bars, scene.theme)


def extremes(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """The classes to show: all that are known in their order, or the six largest and the six smallest, falling."""
    known = np.flatnonzero(np.isfinite(values))
    if len(known) <= MOST:
        return known
    falling = known[np.argsort(-values[known], kind="stable")]
    return np.concatenate([falling[:EXTREMES], falling[-EXTREMES:]])


def left_out(values: NDArray[np.float64]) -> str:
    """A line about the classes that `extremes` leaves out; "" where it shows all."""
    known = int(np.isfinite(values).sum())
    parts = [f"the {EXTREMES} largest and the {EXTREMES} smallest of {known:,}"] if known > MOST else []
    if known < len(values):
        parts.append(f"{len(values) - known:,} without images")
    return " · ".join(parts)


def signed(value: float, write: Callable[[float], str] = number) -> str:
    """A number with its sign, also where it is positive."""
    return f"+{write(value)}" if value > 0 else write(value)


def counted(n: float) -> str:
    """So many samples, in words."""
    return "1 image" if n == 1 else f"{int(n):,} images"


def _tell(what: str, counts: NDArray[np.float64], group: int, value: float) -> str:
    return f"{what} {signed(value)}, over {counted(counts[group])}"


def class_name(scene: Scene, index: int) -> str:
    """What a class, or an output, is called."""
    names = scene.session.analysis.network.classes
    found = scene.activations
    if found is not None and found.kind != "quantile" and index < len(found.groups):
        return found.groups[index]
    return names[index] if index < len(names) else f"output {index}"


def _choose(scene: Scene, group: int) -> Callable[[], None] | None:
    key = ("class", group)
    return (lambda: scene.choose(key)) if key in scene.diagram else None
