"""Methods compared, as a dot plot: a panel for each score, a row for each method, its mean and interval on an axis."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from cnnvis.layout.diagram import Diagram
from cnnvis.layout.marks import ACCENT, BORDER, FAINT, MUTED, TEXT, Box, Card, Entry, Face, Ink, Label, Mark, Rect
from cnnvis.layout.sheet import short
from cnnvis.layout.svg import text_width
from cnnvis.model.comparison import SECONDS, Comparison, Interval, Line, control_title
from cnnvis.model.scorecard import CONTROLS, SCORES

_PANEL, _GAP, _ROW, _HEAD, _FOOT, _EDGE = 132.0, 22.0, 18.0, 40.0, 22.0, 12.0
_ACROSS = 5
_LOGARITHMIC = frozenset({SECONDS, "max-sensitivity"})
_SHOWN = (
    "deletion/blur", "insertion/blur", "deletion/mean", "insertion/mean", "mufidelity",
    "infidelity/scaled", "randomised", "max-sensitivity", "jaccard", "completeness",
    "pointing", "box overlap", "on part", SECONDS,
)  # fmt: skip
_DASHES = {"random": (4.0, 3.0), "centre": (1e9, 0.0), "edges": (1.5, 2.5)}
"""How long the dashes and gaps of each control's line are, so that they are told apart in print."""


@dataclass(frozen=True, slots=True)
class Axis:
    """Values from `low` to `high` along a panel, in even steps or in even factors."""

    low: float
    high: float
    logarithmic: bool = False

    @classmethod
    def over(cls, values: list[float], logarithmic: bool) -> Axis:
        """The axis that holds some values, with room beside them."""
        known = [v for v in values if math.isfinite(v) and (v > 0 or not logarithmic)]
        if not known:
            return cls(0.1, 1.0, True) if logarithmic else cls(0.0, 1.0)
        low, high = min(known), max(known)
        if logarithmic:
            return cls(low / 1.4, high * 1.4, True)
        room = 0.06 * (high - low) or 0.05 * max(abs(high), 1.0)
        return cls(low - room, high + room)

    def at(self, value: float) -> float:
        """The share of the panel at which a value stands, 0–1."""
        value = min(max(value, self.low), self.high)
        if self.logarithmic:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    @property
    def ticks(self) -> tuple[float, ...]:
        """Two to four round values."""
        if self.logarithmic:
            powers = range(math.ceil(math.log10(self.low)), math.floor(math.log10(self.high)) + 1)
            found = [10.0**p for p in powers]
            if len(found) >= 2:
                return tuple(found[:: -(-len(found) // 4)])
            rounds = [m * 10.0**p for p in range(-6, 7) for m in (1, 2, 5)]
            return tuple(v for v in rounds if self.low <= v <= self.high)[:3]
        raw = (self.high - self.low) / 3
        power = 10.0 ** math.floor(math.log10(raw))
        step = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= raw * 0.999)
        first = math.ceil(self.low / step - 1e-9)
        return tuple(round(k * step, 10) for k in range(first, math.floor(self.high / step + 1e-9) + 1))


def shown(found: Comparison) -> tuple[str, ...]:
    """The scores that a figure has a panel for: those in which methods differ, and the seconds."""
    names = []
    for name in _SHOWN:
        means = [found.interval(line, name).mean for line in found.methods]
        known = [m for m in means if math.isfinite(m)]
        if known and (np.ptp(known) > 1e-9 or name in ("deletion/blur", "insertion/blur", SECONDS)):
            names.append(name)
    return tuple(names)


def comparison_diagram(found: Comparison) -> Diagram:
    """The comparison as a picture, to be exported as svg, pdf or png; its rows stand as in the table."""
    names = shown(found)
    titles = max(text_width(line.title, 11, False) for line in found.methods) + 16
    marks: list[Mark] = []
    top = 0.0
    across = min(_ACROSS, -(-len(names) // max(-(-len(names) // _ACROSS), 1)))  # blocks as even as may be
    for first in range(0, len(names), across):
        block = names[first : first + across]
        marks += _rows(found, titles, top + _HEAD, titles + len(block) * (_PANEL + _GAP))
        for place, name in enumerate(block):
            marks += _panel(found, name, titles + place * (_PANEL + _GAP), top)
        top += _HEAD + len(found.methods) * _ROW + _FOOT + 14
    width = titles + across * (_PANEL + _GAP)
    face = Face(width, top - 14, tuple(marks), "Comparison", framed=False)
    card = Card(("sheet",), Box(_EDGE, _EDGE, face.w, face.h), face)
    return Diagram(
        columns=(),
        cards=(card,),
        links=(),
        width=face.w + 2 * _EDGE,
        height=face.h + 2 * _EDGE,
        caption=caption(found),
        legend=_legend(found),
    )


def caption(found: Comparison) -> str:
    """What the figure shows and how it was made."""
    n, right = len(found.images), int(found.right.sum())
    known = [CONTROLS[k] for k in CONTROLS if any(x.title == control_title(k) for x in found.lines)]
    beside = f" Vertical lines: {', '.join(known)}, maps that know nothing of the network." if known else ""
    left = f" Not applicable: {', '.join(found.left_out)}." if found.left_out else ""
    return (
        f"Explanations of the predicted class by {found.network}, {n} images, {right} of them predicted right. Dots "
        f"are means, bars 95 % intervals (bootstrap over images, seed {found.seed}); violet: the best mean."
        f"{beside}{left}"
    )


def _legend(found: Comparison) -> tuple[Entry, ...]:
    entries = [Entry("mean and 95 % interval", TEXT, "square"), Entry("best mean", ACCENT, "square")]
    for key, words in CONTROLS.items():
        if any(line.title == control_title(key) for line in found.lines):
            how = {"random": "dashed", "centre": "solid", "edges": "dotted"}[key]
            entries.append(Entry(f"{words} ({how})", _ink(key), "line"))
    return tuple(entries)


def _ink(control: str) -> Ink:
    return Ink("inhibit") if control == "centre" else MUTED


def _rows(found: Comparison, titles: float, top: float, right: float) -> list[Mark]:
    """The methods' names, and hairlines that lead the eye."""
    marks: list[Mark] = []
    for row, line in enumerate(found.methods):
        y = top + row * _ROW
        marks.append(Label(line.title, Box(0, y, titles - 12, _ROW), 11, TEXT, elide="middle"))
        marks.append(Rect(Box(titles, y + _ROW / 2 - 0.25, right - titles - _GAP, 0.5), FAINT))
    return marks


def _panel(found: Comparison, name: str, x: float, top: float) -> list[Mark]:
    """One score: its name, which way is better, the axis, controls and methods."""
    intervals = [found.interval(line, name) for line in found.methods]
    controls = {
        key: found.interval(line, name).mean
        for key in CONTROLS
        for line in found.lines
        if line.title == control_title(key)
    }
    values = [v for i in intervals for v in (i.mean, i.low, i.high)] + list(controls.values())
    axis = Axis.over(values, name in _LOGARITHMIC)
    title, better = ("Seconds", "lower") if name == SECONDS else (SCORES[name].title, SCORES[name].better)
    marks: list[Mark] = [
        Label(title, Box(x, top, _PANEL, 16), 11, TEXT, bold=True, elide="end"),
        Label("← better" if better == "lower" else "better →", Box(x, top + 15, _PANEL, 14), 10, MUTED,
              align="left" if better == "lower" else "right"),
    ]  # fmt: skip
    base, high = top + _HEAD, len(intervals) * _ROW
    marks += _axis(axis, x, base, high)
    for key, value in controls.items():
        if math.isfinite(value):
            marks += _dashed(x + axis.at(value) * _PANEL, base, high, *_DASHES[key], _ink(key))
    best = found.best(name)
    for row, (line, interval) in enumerate(zip(found.methods, intervals)):
        marks += _dot(axis, interval, x, base + (row + 0.5) * _ROW, line, best)
    return marks


def _axis(axis: Axis, x: float, top: float, high: float) -> list[Mark]:
    marks: list[Mark] = [Rect(Box(x, top + high + 2, _PANEL, 1), BORDER)]
    last = -math.inf
    for tick in axis.ticks:
        place = x + axis.at(tick) * _PANEL
        word = short(tick)
        wide = text_width(word, 10, False)
        marks.append(Rect(Box(place - 0.5, top + high + 2, 1, 4), BORDER))
        if place - wide / 2 > last + 6:
            marks.append(Label(word, Box(place - 24, top + high + 6, 48, 13), 10, MUTED, align="centre", elide="none"))
            last = place + wide / 2
    return marks


def _dashed(x: float, top: float, high: float, dash: float, gap: float, ink: Ink) -> list[Mark]:
    marks: list[Mark] = []
    y = top
    while y < top + high:
        marks.append(Rect(Box(x - 0.5, y, 1.0, min(dash, top + high - y)), ink))
        y += dash + gap
    return marks


def _dot(axis: Axis, found: Interval, x: float, y: float, line: Line, best: frozenset[str]) -> list[Mark]:
    """The mean as a dot on its interval; "–" where there is none."""
    if not found.n:
        return [Label("–", Box(x, y - 8, 12, 16), 11, MUTED)]
    ink = ACCENT if line.title in best else TEXT
    low, mean, high = (x + axis.at(v) * _PANEL for v in (found.low, found.mean, found.high))
    bar = Rect(Box(low, y - 0.75, max(high - low, 0.5), 1.5), ink)
    size = 7.0 if line.title in best else 6.0
    return [bar, Rect(Box(mean - size / 2, y - size / 2, size, size), ink, radius=size / 2)]
