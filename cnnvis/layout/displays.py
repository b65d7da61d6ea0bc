"""How each kind of evidence looks. `DISPLAYS` says which function draws which kind; a new kind adds its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from cnnvis.layout.contours import contours
from cnnvis.layout.facts import has_signs
from cnnvis.layout.marks import ACCENT, EXCITE, INHIBIT, MUTED, Box, Cells, Ink, Label, Lines, Mark, Rect
from cnnvis.layout.part_marks import has_parts, part_marks
from cnnvis.layout.rasters import raster
from cnnvis.layout.sheet import Scale, alike, short
from cnnvis.layout.svg import text_width
from cnnvis.layout.waterfall import is_sum, steps_of, waterfall_marks
from cnnvis.layout.weight_maps import foremost, weight_marks, weight_scale
from cnnvis.model.attribution import Attribution, Evidence, Gates, Map, Picture, Vector, WeightMap
from cnnvis.model.gates import open_units

Manner = Literal["overlay", "contour", "beside"]
Sign = Literal["both", "for", "against"]

WHAT = "evidence"
SMOOTH = 0.02
"""Contours are those of the map smoothed by this share of its side: else noise would cover the picture with rings."""
_HEIGHTS = ((0.25, 0.9), (0.5, 1.5), (0.75, 2.4))
"""Shares of the scale at which contours run, with the widths of their lines."""
_LISTED, _ROW, _BAR = 16, 17.0, 9.0
_LAYERS, _VOTERS, _PARAMETERS, _FILTERS = 24, 10, 6, 6
"""So many have a bar or a matrix of their own in a cell; figures of one card have room for more."""
_NAMED = 0.58
"""Names of layers take at most this share of a list: what differs in them may stand in the middle."""
_SCALE = 18.0


@dataclass(frozen=True, slots=True)
class Setting:
    """How explanations are shown. `opacity` of an overlay, 0–1; `shared`: one scale for all maps, else each its own;
    `apart`: what speaks for and what against in cells of their own; `side` is the longer side of a picture in pixels.
    """

    manner: Manner = "overlay"
    opacity: float = 0.8
    shared: bool = False
    apart: bool = False
    side: float = 176.0


@dataclass(frozen=True, eq=False)
class Shown:
    """One piece of evidence to draw: over which picture, on which scale, which sign of it. `own`: it has its own scale,
    which is drawn below it.
    """

    attribution: Attribution
    picture: NDArray[np.uint8] | None
    scale: Scale
    setting: Setting
    sign: Sign = "both"
    own: bool = True

    @property
    def evidence(self) -> Evidence:
        return self.attribution.evidence


@dataclass(frozen=True, eq=False)
class Drawn:
    """Marks from (0, 0) on, and how high they are; `area` is where the pixels of a map lie."""

    marks: tuple[Mark, ...]
    height: float
    area: Box | None = None


Display = Callable[[Shown], Drawn]


def drawn(shown: Shown) -> Drawn:
    """The marks of a piece of evidence; a line of text for a kind that nobody draws."""
    display = DISPLAYS.get(type(shown.evidence))
    if display is None:
        word = f"{type(shown.evidence).__name__} evidence has no picture here."
        return Drawn((Label(word, Box(0, 0, shown.setting.side, 16), 11, MUTED),), 16.0)
    return display(shown)


def picture_box(h: int, w: int, side: float) -> Box:
    """The box of a picture whose longer side has a length."""
    scale = side / max(h, w, 1)
    return Box(0, 0, w * scale, h * scale)


def signed(values: NDArray[Any], sign: Sign) -> NDArray[np.float64]:
    """The values of one sign; of both as they are."""
    found = np.asarray(values, np.float64)
    return found if sign == "both" else np.maximum(found, 0) if sign == "for" else np.minimum(found, 0)


def _map(shown: Shown) -> Drawn:
    assert isinstance(shown.evidence, Map)
    values = signed(shown.evidence.values, shown.sign)
    h, w = values.shape
    box, setting, picture = picture_box(h, w, shown.setting.side), shown.setting, shown.picture
    shares = values / shown.scale.top
    marks: list[Mark]
    if setting.manner == "contour" and picture is not None:
        marks = [raster(box, picture, None), *_contours(values, shown.scale.top, box)]
    elif setting.manner == "overlay" and picture is not None:
        marks = [raster(box, picture, shares, setting.opacity)]
    else:
        marks = [raster(box, None, shares), Rect(box, None, Ink("border"), 2.0)]
    hottest = shown.evidence.facts.get("hottest")
    if isinstance(hottest, (tuple, list)) and len(hottest) == 4 and shown.sign != "against":
        marks.append(_frame(hottest, box, w))
    height = box.h
    if shown.own:
        marks += scale_marks(shown.scale, Box(0, box.h + 6, box.w, 12), shown.sign)
        height += _SCALE
    return Drawn(tuple(marks), height, box)


def _frame(hottest: Any, box: Box, w: int) -> Rect:
    top, left, bottom, right = (float(v) * box.w / w for v in hottest)
    return Rect(Box(box.x + left, box.y + top, right - left, bottom - top), None, ACCENT)


def _contours(values: NDArray[np.float64], top: float, box: Box) -> list[Mark]:
    from scipy.ndimage import gaussian_filter  # not at the top: a window that shows no explanation does not need it

    smooth = gaussian_filter(values, SMOOTH * min(values.shape), mode="nearest")
    marks: list[Mark] = []
    for sign, ink in ((1.0, EXCITE), (-1.0, INHIBIT)):
        for share, width in _HEIGHTS:
            paths = contours(sign * smooth, share * top, box.w, box.h)
            if paths:
                marks.append(Lines(box, paths, ink, width))
    return marks


def scale_marks(scale: Scale, box: Box, sign: Sign = "both") -> list[Mark]:
    """Which colour stands for which number: a bar with its ends."""
    low, high = (-127 if scale.signed and sign != "for" else 0), (0 if sign == "against" else 127)
    levels = np.linspace(low, high, 64).round().astype(np.int8)
    steps = scale.steps
    words = (steps[0][1] if low < 0 else "0", steps[-1][1] if high > 0 else "0")
    room = min(56.0, box.w * 0.3)
    bar = Box(box.x + room + 4, box.y + 2, box.w - 2 * room - 8, 8)
    return [
        Label(words[0], Box(box.x, box.y, room, 12), 10, MUTED, align="right", elide="none"),
        Cells(bar, levels.tobytes(), (1, 64), scale.ramp),
        Label(words[1], Box(bar.right + 4, box.y, room, 12), 10, MUTED, elide="none"),
    ]


def _vector(shown: Shown) -> Drawn:
    """A bar for each feature, the weightiest first, from a common zero; votes that sum to a logit as a waterfall."""
    assert isinstance(shown.evidence, Vector)
    if is_sum(shown.evidence):
        found, bottom = waterfall_marks(steps_of(shown.evidence, _VOTERS), Box(0, 2, shown.setting.side, 0))
        return Drawn(tuple(found), bottom + 4)
    values = signed(shown.evidence.values, shown.sign)
    order = [i for i in np.argsort(-np.abs(values), kind="stable").tolist() if values[i]][:_LISTED]
    signs, width = has_signs(shown.attribution), shown.setting.side
    names, words = [shown.evidence.features[i] for i in order], alike([float(values[i]) for i in order], signed=signs)
    named, room = _room(names, _NAMED * width), _room(words, 0.26 * width)
    space = width - named - room
    low, high = min(float(values.min(initial=0.0)), 0.0), max(float(values.max(initial=0.0)), 0.0)
    scale = space / ((high - low) or 1.0)
    zero = named - low * scale
    marks: list[Mark] = []
    for row, (i, name, word) in enumerate(zip(order, names, words)):
        top, value = row * _ROW, float(values[i])
        end = zero + value * scale
        bar = Box(min(zero, end), top + (_ROW - _BAR) / 2, max(abs(end - zero), 1.0), _BAR)
        ink = MUTED if not signs else EXCITE if value >= 0 else INHIBIT
        marks.append(Label(name, Box(0, top, named - 8, _ROW), 11, elide="middle"))
        marks.append(Rect(bar, ink, radius=2.0))
        marks.append(Label(word, Box(width - room + 4, top, room - 4, _ROW), 11, MUTED, align="right"))
    rest, height = len(values) - len(order), len(order) * _ROW
    if rest > 0:
        some = int(np.count_nonzero(values)) > len(order)
        weaker = f"none above {words[-1].lstrip('+−')}" if some else "all 0"
        marks.append(Label(f"{rest:,} more, {weaker}", Box(0, height, width, _ROW), 11, MUTED))
        height += _ROW
    return Drawn(tuple(marks), height)


def _room(words: Sequence[str], most: float) -> float:
    """The width of a column of words, with some space, up to a most."""
    longest = max((text_width(word, 11, False) for word in words), default=0.0)
    return min(1.15 * longest + 8, most)  # a system's own font may be wider than the estimate


def signed_word(value: float) -> str:
    """A number in three figures with its sign."""
    return ("+" if value > 0 else "") + short(value)


def _picture(shown: Shown) -> Drawn:
    """The images, two beside each other where there are several, with how far each drives its target."""
    assert isinstance(shown.evidence, Picture)
    images, drive, facts = shown.evidence.values, shown.evidence.drive, shown.evidence.facts
    if has_parts(facts):
        found, height = part_marks(images, facts, shown.picture, shown.setting.opacity, shown.setting.side)
        return Drawn(tuple(found), height)
    real = float(shown.evidence.facts.get("strongest", 0.0))
    across = 1 if len(images) == 1 else 2
    side = (shown.setting.side - 8 * (across - 1)) / across
    marks: list[Mark] = []
    pitch = 0.0
    for k, image in enumerate(images):
        box = picture_box(image.shape[0], image.shape[1], side)
        pitch = box.h + 22
        left, top = (k % across) * (side + 8), (k // across) * pitch
        marks.append(raster(Box(left, top, box.w, box.h), image, None))
        words = again(float(drive[k])) if facts.get("of") == "layer" else driven(float(drive[k]), real)
        marks.append(Label(words, Box(left, top + box.h + 2, side, 16), 11, MUTED))
    return Drawn(tuple(marks), -(-len(images) // across) * pitch)


def driven(drive: float, real: float) -> str:
    """How far an image drives its target, against the strongest `real` one where that is known and above 0."""
    if not np.isfinite(drive):
        return ""
    said = f"drives {drive / real:.2g}×" if real > 0 else f"drives to {drive:.3g}"
    return said.replace("-", "−")


def again(drive: float) -> str:
    """How far an image that was drawn from another one's response gives that response."""
    return f"{drive:.2g}× as strong"


def _gates(shown: Shown) -> Drawn:
    """How many gates are open in each layer, in the network's order."""
    assert isinstance(shown.evidence, Gates)
    rows = []
    for layer, gates in shown.evidence.values.items():
        n = int(open_units(gates).sum())
        rows.append((layer, n / max(len(gates), 1), f"{n:,} of {len(gates):,}"))
    return _listed(rows, shown.setting.side, _LAYERS)


def _weights(shown: Shown) -> Drawn:
    """How much each layer matters, the most important first, and the filters of the first."""
    assert isinstance(shown.evidence, WeightMap)
    known, width = shown.evidence.values, shown.setting.side
    listed = _listed(_of_weights(shown.evidence), width, _PARAMETERS)
    if not any(values.ndim > 1 for values in known.values()):
        return listed
    name = foremost(shown.evidence)
    scale = weight_scale(known[name], WHAT)
    below = listed.height + 8
    filters, bottom = weight_marks(known[name], scale, Box(0, below + 18, width, 0), _FILTERS)
    heading = Label(name, Box(0, below, width, 16), 11, bold=True, elide="middle")
    signs: Sign = "both" if scale.signed else "for"
    scales = scale_marks(scale, Box(0, bottom + 4, width, 12), signs)
    return Drawn((*listed.marks, heading, *filters, *scales), bottom + _SCALE)


def _of_weights(found: WeightMap) -> list[tuple[str, float, str]]:
    """The share of each layer where the method tells it; else the mean of each parameter against the largest."""
    shares = found.facts.get("shares")
    if isinstance(shares, Mapping) and shares:
        order = sorted(shares, key=lambda name: -shares[name])
        return [(name, shares[name] / (shares[order[0]] or 1.0), f"{100 * shares[name]:.1f} %") for name in order]
    means = {name: float(np.abs(values).mean()) for name, values in found.values.items() if values.size}
    top = max(means.values(), default=0.0) or 1.0
    order = sorted(means, key=lambda name: -means[name])
    words = alike([means[name] for name in order])
    return [(name.removesuffix(".weight"), means[name] / top, word) for name, word in zip(order, words)]


def _listed(rows: list[tuple[str, float, str]], width: float, most: int) -> Drawn:
    """Bars of shares from 0 to 1, each with its name and its number."""
    named, room = _room([name for name, _, _ in rows], _NAMED * width), 0.26 * width
    marks: list[Mark] = []
    for row, (name, share, word) in enumerate(rows[:most]):
        top = row * _ROW
        bar = Box(named, top + (_ROW - _BAR) / 2, max(share * (width - named - room), 1.0), _BAR)
        marks.append(Label(name, Box(0, top, named - 8, _ROW), 11, elide="middle"))
        marks.append(Rect(bar, MUTED, radius=2.0))
        marks.append(Label(word, Box(width - room + 4, top, room - 4, _ROW), 11, MUTED, align="right"))
    height = min(len(rows), most) * _ROW
    if len(rows) > most:
        marks.append(Label(f"{len(rows) - most:,} more", Box(0, height, width, _ROW), 11, MUTED))
        height += _ROW
    return Drawn(tuple(marks), height)


DISPLAYS: dict[type, Display] = {Map: _map, Vector: _vector, Picture: _picture, Gates: _gates, WeightMap: _weights}
