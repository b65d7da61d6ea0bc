"""The facet of contribution: what the neurons add to the score of each class, and what they take from it."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from cnnvis.layout.afar import BARE, NEAR
from cnnvis.layout.card import (
    PAD,
    STRIP,
    STRIP_TOP,
    Body,
    Style,
    line,
    near,
)
from cnnvis.layout.class_groups import ClassColumn
from cnnvis.layout.marks import BORDER, EXCITE, FAINT, INHIBIT, TEXT, Box, Label, Mark, Rect
from cnnvis.layout.material import Material
from cnnvis.layout.matrix_face import (
    TICK,
    cells,
    head_marks,
    lifted,
    number_marks,
    rows_height,
    spans,
    tick_marks,
    told_columns,
    widened,
)
from cnnvis.layout.ordering import order
from cnnvis.layout.svg import text_width
from cnnvis.model.measurements import Contributions
from cnnvis.model.partition import Cluster

SAID, BELOW = 34.0, 50.0
"""Where the words stand, and where the columns begin."""
NOTHING, FAINTEST = 1e-3, 0.1
"""Of the contribution of a strong neuron: what is not worth a word, and what has bars as high as there is room."""
BARS = 20.0
"""The height of the bars of the classes."""
UNDER = 32.0
"""The height of the matrix of a closed card."""


def contribution_key(material: Material) -> Hashable:
    """What the contributions on a card depend on beside cluster and responses."""
    return material.columns_key, material.contributions


def contribution_body(material: Material, cluster: Cluster, opened: bool) -> Body:
    """The cluster's total, its sum for each class as bars, and below them each neuron's part."""
    found = material.contributions
    if found is None:
        return _missing(material)
    name = material.reading.layer.name
    units = np.array(cluster.members)
    columns = columns_of(material, found)
    effects, scale = material.effects(columns)
    parts = effects[units]
    whole = parts.sum(0)
    style = widened(material.style, len(columns)) if opened else material.style
    body = Body(style, pictured=True)
    body.marks += total_marks(found, name, units, Box(PAD, STRIP_TOP, style.inner, STRIP), NEAR)
    body.band = total_marks(found, name, units, Box(PAD, PAD + 4, style.inner, BELOW - 2 * PAD - 8), BARE)
    said = spoken(whole, columns, NOTHING * scale)
    body.marks += said_marks(said, style)
    body.said, body.room, body.clear = said[:1], Box(PAD, STRIP_TOP + STRIP, style.inner, 18), BELOW
    top = BELOW
    if opened:
        found_heads, room = head_marks(columns, (), style, top)
        body.marks += found_heads
        top += room
    ticks = tick_marks(material, columns, style, top, 0, opened)
    body.marks += ticks
    top += TICK + 2 if ticks else 0
    body.marks += bar_marks(whole, style, top, opened, FAINTEST * scale)
    top += BARS + 2
    high = rows_height(len(units), opened)
    high = high if opened else min(high, UNDER)
    turn = order(parts)
    ordered = tuple(int(u) for u in units[turn])
    span, _ = spans(style, len(columns), 0, opened)
    body.marks.append(cells(lifted(parts[turn] / scale), span, top, high, "effect", ordered))
    if opened:
        body.marks += number_marks(ordered, top, high)
    body.bottom = top + high
    one = material.reading.activations.noun.one
    aim = f"each {one}'s own class" if found.target is None else _named(material, found.target)
    body.told = [f"effect on the score of {aim}: " + ", ".join(said[:4])]
    body.told += told_columns(material, columns)
    return body


def _named(material: Material, target: int) -> str:
    """What a class, or an output, is called."""
    names = material.network.classes if len(material.network.classes) > target else material.groups
    return names[target] if target < len(names) else f"output {target}"


def columns_of(material: Material, found: Contributions) -> tuple[ClassColumn, ...]:
    """The columns of the layer's matrices; one for all samples where contributions are not by these groups."""
    if len(found.counts) == len(material.groups):
        return material.columns
    return (ClassColumn(tuple(range(len(found.counts))), f"all {material.reading.activations.noun.many}"),)


def spoken(whole: NDArray[np.float64], columns: Sequence[ClassColumn], least: float) -> list[str]:
    """The effects above `least` in words: the strongest addition, the strongest loss, then the next ones."""
    known = [i for i in np.argsort(-np.abs(np.nan_to_num(whole)), kind="stable") if np.isfinite(whole[i])]
    top = max((abs(float(whole[i])) for i in known), default=0.0)
    strong = [i for i in known if abs(float(whole[i])) > max(0.02 * top, least)]
    first = [i for sign in (1, -1) for i in [j for j in strong if sign * whole[j] > 0][:1]]
    rest = [i for i in strong if i not in first]
    names = [c.title if len(c.classes) < 3 else c.title.split(",")[0] + "…" for c in columns]
    return [f"{signed(float(whole[i]))} {names[i]}" for i in (*first, *rest)]


def said_marks(said: Sequence[str], style: Style) -> list[Mark]:
    """The two strongest effects in words, one at the left and one at the right; one alone where both find no room."""
    if not said:
        return [line("no effect", style, SAID)]
    if len(said) == 1:
        return [line(said[0], style, SAID, TEXT)]
    first, second = (text_width(text, 11.0, False) + 6 for text in said[:2])  # signs and digits are wide
    spare = style.inner - 8 - first - second
    if spare < 0:  # the bars and the tooltip tell the second one too: better none than half a word
        return [line(said[0], style, SAID, TEXT)]
    left = Box(PAD, SAID, first + spare / 2, 14)
    right = Box(left.right + 8, SAID, second + spare / 2, 14)
    return [near(Label(said[0], left, 11)), near(Label(said[1], right, 11, align="right"))]


def signed(value: float) -> str:
    """A number with its sign, a true minus, and two figures."""
    size = abs(value)
    return ("+" if value >= 0 else "−") + (f"{size:.0f}" if size >= 10 else f"{size:#.2g}".rstrip("."))


def total_marks(
    found: Contributions, layer: str, units: NDArray[np.int64], box: Box, zoom: tuple[float, float]
) -> list[Mark]:
    """A bar from the middle: the share of the layer's whole effect that these neurons add (right) and take (left)."""
    means = found.mean(layer)
    all_ = max(float(np.abs(means).sum()), 1e-300)
    mine = means[units]
    half = box.w / 2
    middle = box.x + half
    marks: list[Mark] = [Rect(box, FAINT, radius=2, zoom=zoom)]
    plus = half * min(float(mine[mine > 0].sum()) / all_, 1.0)
    minus = half * min(float(-mine[mine < 0].sum()) / all_, 1.0)
    if plus > 0.5:
        marks.append(Rect(replace(box, x=middle, w=plus), EXCITE, zoom=zoom))
    if minus > 0.5:
        marks.append(Rect(replace(box, x=middle - minus, w=minus), INHIBIT, zoom=zoom))
    marks.append(Rect(Box(middle - 0.5, box.y - 2, 1, box.h + 4), BORDER, zoom=zoom))
    return marks


def bar_marks(whole: NDArray[np.float64], style: Style, top: float, opened: bool, least: float) -> list[Mark]:
    """One bar for each column, up in blue or down in orange; the strongest is full, unless it is below `least`."""
    (left, width), _ = spans(style, len(whole), 0, opened)
    values = np.nan_to_num(whole)
    high, low = max(float(values.max(initial=0.0)), 0.0), max(float(-values.min(initial=0.0)), 0.0)
    span = max(high + low, least)
    zero = top + BARS * high / span
    pitch = width / len(whole)
    gap = 2.0 if pitch >= 8 else 1.0 if pitch >= 3 else 0.0
    marks: list[Mark] = [Rect(Box(left, round(zero) - 0.5, width, 1), BORDER, zoom=NEAR)]
    for i, value in enumerate(values.tolist()):
        size = BARS * abs(value) / span
        if size >= 0.5:
            box = Box(left + i * pitch, zero - size if value > 0 else zero, pitch - gap, size)
            marks.append(Rect(box, EXCITE if value > 0 else INHIBIT))
    return marks


def _missing(material: Material) -> Body:
    """A calm place where contributions will stand once they are measured."""
    style = material.style
    body = Body(style)
    body.marks.append(Rect(Box(PAD, STRIP_TOP, style.inner, STRIP), FAINT, radius=2, zoom=NEAR))
    body.marks.append(line("not measured yet", style, SAID))
    body.marks.append(Rect(Box(PAD, BELOW, style.inner, BARS), FAINT, radius=2, zoom=NEAR))
    body.bottom = BELOW + BARS
    body.room = Box(PAD, STRIP_TOP + STRIP, style.inner, 18)
    body.told = ["contributions are not measured yet"]
    return body
