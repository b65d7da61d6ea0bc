"""The facet of health: which neurons fire, how strongly, and whether they learn."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

from cnnvis.layout.afar import BARE, NEAR
from cnnvis.layout.card import (
    PAD,
    STRIP_TOP,
    Body,
    Style,
    near,
)
from cnnvis.layout.marks import BORDER, INHIBIT, MUTED, TEXT, Box, Cells, Ink, Label, Mark, Rect, levels_of
from cnnvis.layout.material import Material
from cnnvis.model.measurements import LayerHealth
from cnnvis.model.partition import Cluster

WAFFLE = 32.0
"""The height that the squares of the neurons may take on a closed card."""
CURVE = 20.0
"""The height of the histogram."""
FACT = 14.0
RARE = 0.01
"""A neuron that fires on a smaller share of the images stands out."""
WEAK, WILD = 0.01, 100.0
"""A gradient that is so many times the layer's median stands out."""
UNKNOWN = "not measured"
"""In the place of a gradient; a longer text would run into its name on a narrow card."""


def health_key(material: Material) -> Hashable:
    """What the health on a card depends on beside cluster and responses."""
    return material.health


def health_body(material: Material, cluster: Cluster, opened: bool) -> Body:
    """A square for each neuron, the histogram of responses, and three figures; only what is alarming is orange."""
    body = Body(material.style)
    units = np.array(cluster.members)
    fires = firing(material)
    waffle, bottom = waffle_marks(units, fires, material.style, opened)
    body.marks += waffle
    if opened:
        body.style = Style(max(box.box.right + PAD for box in waffle), material.style.columns)
        body.style = Style(max(body.style.width, material.style.width), material.style.columns)
    bars = histogram_marks(material, units, body.style, bottom + 6)
    body.marks += bars
    top = bottom + 6 + (CURVE + 4 if bars else 0.0)
    found = facts(material, units, fires)
    body.room = Box(PAD, top, body.style.inner, FACT * len(found))
    for name, value, bad in found:
        body.marks += fact_marks(name, value, bad, body.style, top)
        body.told.append(f"{name}: {value}")
        if bad and not body.alarm:
            body.said, body.alarm = [f"{name} {value}".replace("fires on", "fires")], True
        top += FACT
    body.said = body.said or [body.told[0].replace(":", "").replace("fires on", "fires")]
    body.pictured, body.clear = True, STRIP_TOP + 2
    ink = INHIBIT if body.alarm else Ink("heat", 0, 0.15 + 0.45 * float(fires[units].mean()))
    body.band = [Rect(Box(PAD, PAD, body.style.inner, STRIP_TOP - 1.5 * PAD), ink, radius=2, zoom=BARE)]
    body.bottom = top
    return body


def firing(material: Material) -> NDArray[np.float64]:
    """The share of images on which each unit of the layer fires, (n_units,); 1 where no rectifier stands behind it."""
    reading = material.reading
    if not reading.layer.rectified:
        return np.ones(reading.layer.n_units)
    return 1.0 - reading.activations.dead_fraction(reading.layer.name)


def waffle_marks(
    units: NDArray[np.int64], fires: NDArray[np.float64], style: Style, opened: bool
) -> tuple[list[Cells], float]:
    """One square for each neuron, the darker the more images it fires on, orange where it never does; and the end."""
    ranked = units[np.lexsort((units, -fires[units]))]
    side, wide = 12.0, max(int((style.inner + 2) / 14), math.ceil(math.sqrt(1.6 * len(units)) / 4) * 4)
    if not opened:
        for side in (8.0, 6.0, 4.0, 3.0):
            wide = int((style.inner + 2) // (side + 2))
            lines = math.ceil(len(units) / wide)
            if lines == 1 or (side < 8 and lines * (side + 2) <= WAFFLE + 2):
                break
        ranked = ranked[-wide * int((WAFFLE + 2) // (side + 2)) :]  # the worst are shown
    marks: list[Cells] = []
    full = len(ranked) // wide * wide
    top = STRIP_TOP + 2
    for part in (ranked[:full].reshape(-1, wide), ranked[full:].reshape(1, -1)):
        if part.size:
            rows, columns = part.shape
            box = Box(PAD, top, columns * (side + 2) - 2, rows * (side + 2) - 2)
            shares = np.where(fires[part] > 0, 0.15 + 0.45 * fires[part], -1.0)
            named = tuple(int(u) for u in part.ravel())
            marks.append(Cells(box, levels_of(shares), (rows, columns), "alarm", named, 2.0))
            top = box.bottom + 2
    return marks, top - 2


def histogram_marks(material: Material, units: NDArray[np.int64], style: Style, top: float) -> list[Mark]:
    """How strongly the neurons respond, on the logarithmic bins that the layer uses; silence is a paler bar."""
    counts = material.reading.activations[material.reading.layer.name].histogram
    used = np.flatnonzero(counts.sum(0))
    if not len(used):
        return []
    low, high = max(int(used[0]), 0), int(used[-1]) + 1
    mine = counts[units].sum(0)[low:high].astype(float)
    share = np.sqrt(mine / max(float(mine.max(initial=0.0)), 1.0))
    pitch = style.inner / len(share)
    gap = 1.0 if pitch >= 3 else 0.0
    marks: list[Mark] = [Rect(Box(PAD, top + CURVE, style.inner, 1), BORDER, zoom=NEAR)]
    for i, part in enumerate(share.tolist()):
        if part > 0:
            size = max(CURVE * part, 1.0)
            silent = low + i == 0
            ink = Ink("heat", 0, 0.25 if silent else 0.6)
            marks.append(Rect(Box(PAD + i * pitch, top + CURVE - size, pitch - gap, size), ink))
    return marks


def facts(material: Material, units: NDArray[np.int64], fires: NDArray[np.float64]) -> list[tuple[str, str, bool]]:
    """Name, value and whether it is alarming: how often they fire, how strongly, how much they learn."""
    reading, name = material.reading, material.reading.layer.name
    mean = float(reading.activations.mean(name)[units].mean())
    spread = float(reading.activations.spread(name)[units].mean())
    found = []
    if reading.layer.rectified:
        share = float(fires[units].mean())
        found.append(("fires on", percent(share), share < RARE or bool((fires[units] <= 0).mean() > 0.5)))
    found.append(("mean", f"{figure(mean)} ± {figure(spread)}", not math.isfinite(mean + spread)))
    found.append(_gradient(material, units))
    return found


def _gradient(material: Material, units: NDArray[np.int64]) -> tuple[str, str, bool]:
    health = material.health
    if health is None or len(health.unit_gradients) <= int(units.max()):
        return "gradient", UNKNOWN, False
    known = health.unit_gradients[np.isfinite(health.unit_gradients)]
    middle = float(np.median(known)) if known.size else 0.0
    mine = float(health.unit_gradients[units].mean())
    if not math.isfinite(mine):
        return "gradient", "NaN", True
    if middle <= 0:
        return "gradient", "none" if mine <= 0 else figure(mine), mine <= 0
    times = mine / middle
    return "gradient", f"{figure(times)} × median", not WEAK <= times <= WILD


def fact_marks(name: str, value: str, bad: bool, style: Style, top: float) -> list[Mark]:
    """One line: what it is at the left, its value at the right, in orange where it is alarming."""
    left, right = Box(PAD, top, style.inner / 2, FACT), Box(PAD + style.inner / 3, top, style.inner * 2 / 3, FACT)
    ink = INHIBIT if bad else MUTED if value == UNKNOWN else TEXT
    return [near(Label(name, left, 11, MUTED)), near(Label(value, right, 11, ink, bad, align="right", elide="none"))]


def layer_facts(health: LayerHealth) -> Sequence[tuple[str, bool]]:
    """What is measured of a layer as a whole, in a few words each, and whether that is alarming.

    NaN and Inf; saturated neurons; how far weights moved since the second checkpoint, ‖ΔW‖/‖W‖; gradients beside
    weights; the share of negative weights.
    """
    found = []
    if health.n_nan or health.n_inf:
        found.append((f"{health.n_nan:,} NaN · {health.n_inf:,} Inf", True))
    if health.saturated > 0.005:
        found.append((f"{percent(health.saturated)} saturated", health.saturated > 0.5))
    if math.isfinite(health.change):
        found.append((f"moved {percent(health.change)}", False))
    if math.isfinite(health.ratio):
        found.append((f"‖g‖/‖w‖ {figure(health.ratio)}", False))
    if math.isfinite(health.negative):
        found.append((f"{percent(health.negative)} negative", not 0.05 < health.negative < 0.95))
    return found


def figure(value: float) -> str:
    """Two figures, with a true minus; what is below all bins of the histogram is 0."""
    if abs(value) < 1e-4:
        return "0"
    return f"{value:#.2g}".rstrip(".").replace("-", "−") if math.isfinite(value) else "NaN"


def percent(share: float) -> str:
    """A share as a percentage; "<1 %" where it is small but not nothing."""
    return "<1 %" if 0 < share < 0.01 else f"{100 * share:.0f} %"
