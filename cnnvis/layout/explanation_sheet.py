"""Methods compared by eye: a row for each image, a column for each method, as papers show them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from cnnvis.errors import InvalidValue
from cnnvis.layout.diagram import Diagram
from cnnvis.layout.displays import WHAT, Setting, Shown, Sign, drawn, picture_box
from cnnvis.layout.explanation import caption, image_name, legend, moved, picture_of
from cnnvis.layout.facts import has_signs, wrapped
from cnnvis.layout.marks import BORDER, MUTED, TEXT, Box, Card, Face, Label, Mark, Rect
from cnnvis.layout.rasters import raster
from cnnvis.layout.sheet import Scale
from cnnvis.model.attribution import Attribution, Map
from cnnvis.model.session import Session
from cnnvis.model.target_names import target_name

SIDE = 84.0
_GAP, _EDGE, _LINE, _NAME = 6.0, 12.0, 13.0, 92.0
_HEAD = 9.0
_Pictures = Mapping[str, NDArray[np.uint8]]


def explanation_sheet(
    session: Session, shown: Sequence[Attribution], setting: Setting | None = None, images: _Pictures | None = None
) -> Diagram:
    """Maps of several methods for several images as one figure; images and methods in the order in which they come.

    Each map has its own scale, so that methods whose values differ by orders can be compared by where they point.
    `images` holds pictures that the session does not keep, by name. Raises InvalidValue where there is no map.
    """
    setting = setting or Setting(side=SIDE)
    maps = [one for one in shown if isinstance(one.evidence, Map)]
    if not maps:
        raise InvalidValue("A sheet must have at least one map; none of the explanations is one. Export them singly.")
    methods = list(dict.fromkeys(one.method for one in maps))
    rows: dict[tuple[int, str, str], dict[str, Attribution]] = {}
    for one in maps:
        rows.setdefault((one.sample, one.image, target_name(session, one.target)), {})[one.method] = one
    marks, top = _heads(["image", *methods], setting.side)
    for (_, _, target), found in rows.items():
        first = next(iter(found.values()))
        picture = picture_of(session, first, images or {})
        high = _height(first, setting.side)
        marks += _name(image_name(session, first), target, top, high)
        if picture is not None:
            box = picture_box(picture.shape[0], picture.shape[1], setting.side)
            marks.append(raster(_shifted(box, _NAME, top), picture, None))
        for column, method in enumerate(methods, 1):
            marks += _map(found.get(method), picture, setting, _left(column, setting.side), top)
        top += high + _GAP
    return _diagram(session, maps, setting, marks, _left(1 + len(methods), setting.side) - _GAP, top - _GAP)


def _diagram(
    session: Session, maps: Sequence[Attribution], setting: Setting, marks: Sequence[Mark], width: float, height: float
) -> Diagram:
    card = Card(("sheet",), Box(_EDGE, _EDGE, width, height), Face(width, height, tuple(marks), "Sheet", framed=False))
    return Diagram(
        columns=(),
        cards=(card,),
        links=(),
        width=width + 2 * _EDGE,
        height=height + 2 * _EDGE,
        caption=caption(session, maps, setting),
        legend=legend(maps, None),
        session=session,
    )


def _left(column: int, side: float) -> float:
    return _NAME + column * (side + _GAP)


def _heads(names: Sequence[str], side: float) -> tuple[list[Mark], float]:
    """The names above the columns, their last lines at one height, and where the rows begin."""
    lines = [wrapped(name, side, _HEAD) for name in names]
    most = max(map(len, lines))
    marks: list[Mark] = []
    for column, words in enumerate(lines):
        for place, word in enumerate(words):
            top = (most - len(words) + place) * _LINE
            ink = MUTED if column == 0 else TEXT
            box = Box(_left(column, side) - _GAP / 2, top, side + _GAP, _LINE)
            marks.append(Label(word, box, _HEAD, ink, align="centre", elide="end"))
    return marks, most * _LINE + 4


def _height(one: Attribution, side: float) -> float:
    assert isinstance(one.evidence, Map)
    high, wide = one.evidence.values.shape
    return picture_box(high, wide, side).h


def _name(name: str, target: str, top: float, high: float) -> list[Mark]:
    """Whose row it is and for what, in the middle of its height."""
    words = wrapped(target, _NAME - 10, 11)[:3]
    y = top + max((high - _LINE * (1 + len(words))) / 2, 0)
    marks: list[Mark] = [Label(name, Box(0, y, _NAME - 10, _LINE), 10, MUTED, align="right", elide="middle")]
    for place, word in enumerate(words, 1):
        box = Box(0, y + place * _LINE, _NAME - 10, _LINE)
        marks.append(Label(word, box, 11, TEXT, align="right", elide="end"))
    return marks


def _map(
    one: Attribution | None, picture: NDArray[np.uint8] | None, setting: Setting, left: float, top: float
) -> list[Mark]:
    """A map over its image; an empty frame where a method has none for it."""
    if one is None or not isinstance(one.evidence, Map):
        return [Rect(Box(left, top, setting.side, setting.side), None, BORDER)]
    values = one.evidence.values
    scale = Scale.of(np.ravel(values).astype(np.float64), WHAT, signed=True)
    sign: Sign = "both" if has_signs(one) else "for"
    found = drawn(Shown(one, picture, scale, setting, sign, own=False))
    return [moved(mark, left, top) for mark in found.marks]


def _shifted(box: Box, dx: float, dy: float) -> Box:
    return Box(box.x + dx, box.y + dy, box.w, box.h)
