"""Explanations side by side: images × methods as a picture, exported like any other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnvis.errors import InvalidValue
from cnnvis.layout.diagram import Diagram
from cnnvis.layout.displays import WHAT, Drawn, Setting, Shown, Sign, drawn, picture_box, signed_word
from cnnvis.layout.facts import aim_word, has_signs, side_word, told
from cnnvis.layout.marks import MUTED, TEXT, Box, Card, Entry, Face, Ink, Key, Label, Mark
from cnnvis.layout.part_marks import has_parts
from cnnvis.layout.rasters import raster
from cnnvis.layout.sheet import Scale, short
from cnnvis.model.attribution import Attribution, Map, Picture
from cnnvis.model.instances import find_instance
from cnnvis.model.session import Session

EDGE, GAP, PAD = 8.0, 12.0, 8.0
_LINE = 15.0
ACROSS = 6
"""So many maps stand side by side in a figure."""
LIST = 288.0
"""The least width of a list of bars: names need room."""
NO_EVIDENCE = "There is nothing to show yet: no explanation was asked for."


@dataclass(frozen=True, eq=False)
class Cell:
    """A card with one piece of evidence, or with a picture alone; `area` is where its pixels lie in the diagram."""

    key: Key
    card: Card
    attribution: Attribution | None
    sign: Sign = "both"
    area: Box | None = None
    picture: NDArray[np.uint8] | None = None

    def pixel(self, x: float, y: float) -> tuple[int, int] | None:
        """The row and column of the pixel at a point of the diagram; None beside it."""
        if self.area is None or not self.area.holds(x, y):
            return None
        h, w = self.shape
        row, column = int((y - self.area.y) / self.area.h * h), int((x - self.area.x) / self.area.w * w)
        return min(row, h - 1), min(column, w - 1)

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in pixels; (0, 0) where there are none."""
        if self.attribution is not None and isinstance(self.attribution.evidence, Map):
            found = self.attribution.evidence.values.shape
            return found[0], found[1]
        return (self.picture.shape[0], self.picture.shape[1]) if self.picture is not None else (0, 0)


@dataclass(frozen=True, eq=False)
class Explanations:
    """Explanations as they are shown: a picture, its cells, and the one scale of all maps (None: each its own)."""

    diagram: Diagram
    cells: tuple[Cell, ...]
    scale: Scale | None

    def at(self, x: float, y: float) -> Cell | None:
        """The cell at a point."""
        return next((cell for cell in self.cells if cell.card.box.holds(x, y)), None)

    def reading(self, session: Session, x: float, y: float) -> str:
        """What stands at a point, in words; "" where there is nothing to read."""
        cell = self.at(x, y)
        place = cell.pixel(x, y) if cell is not None else None
        if cell is None or place is None:
            return ""
        row, column = place
        where = f"row {row}, column {column}"
        if cell.attribution is None or not isinstance(cell.attribution.evidence, Map):
            return where
        value = float(cell.attribution.evidence.values[row, column])
        side = side_word(cell.attribution, "for" if value >= 0 else "against")
        word = signed_word(value) if has_signs(cell.attribution) else short(value)
        return f"{where} · {word} · {side} {aim_word(session, cell.attribution)}"


def explanations(
    session: Session,
    shown: Sequence[Attribution],
    setting: Setting | None = None,
    width: float | None = None,
    images: Mapping[str, NDArray[np.uint8]] | None = None,
) -> Explanations:
    """The cells of explanations in the order given, side by side within `width` pixels.

    Those of one image follow its picture; with several images each cell says whose it is. `images` holds pictures that
    the session does not keep, by name. Raises InvalidValue where there are none.
    """
    if not shown:
        raise InvalidValue(NO_EVIDENCE)
    setting = setting or Setting()
    maps = [a.evidence.values for a in shown if isinstance(a.evidence, Map)]
    scale = _scale(maps) if setting.shared and maps else None
    one_method = len({a.method for a in shown}) == 1
    groups = [list(found) for _, found in groupby(shown, key=lambda a: (a.sample, a.image))]
    cells: list[Cell] = []
    for group in groups:
        picture = picture_of(session, group[0], images or {})
        if picture is not None and (len(groups) == 1 or setting.manner == "beside"):
            cells.append(_image_cell(session, group[0], picture, setting))
        for one in group:
            apart = setting.apart and isinstance(one.evidence, Map) and has_signs(one)
            signs: tuple[Sign, ...] = ("for", "against") if apart else ("both",)
            for sign in signs:
                own = scale or _scale([one.evidence.values] if isinstance(one.evidence, Map) else [])
                sign = "for" if sign == "both" and not has_signs(one) else sign
                what = Shown(one, picture, own, setting, sign, scale is None)
                cells.append(_evidence_cell(session, what, len(groups) > 1, one_method))
    return _arranged(session, cells, scale, shown, setting, width)


def _scale(maps: Sequence[NDArray[np.float32]]) -> Scale:
    values = np.concatenate([np.ravel(m) for m in maps]).astype(np.float64) if maps else np.zeros(1)
    return Scale.of(values, WHAT, signed=True)


def picture_of(
    session: Session, one: Attribution, images: Mapping[str, NDArray[np.uint8]]
) -> NDArray[np.uint8] | None:
    """The image that an explanation is about, from the session or from `images` by name; None where neither has it."""
    if one.sample >= 0:
        return session.picture(one.sample)
    found = find_instance(session, one.image)
    return found.picture if found is not None and found.picture is not None else images.get(one.image)


def image_name(session: Session, one: Attribution) -> str:
    """The name of the image, without its folders, that an explanation is about."""
    if one.sample < 0 and isinstance(n := one.evidence.facts.get("images"), int):
        return f"mean of {n:,} images"
    if one.sample < 0:
        return one.image.rsplit("/", 1)[-1] or "image"
    found = session.activations
    row = found.samples.rows.get(one.sample) if found is not None else None
    return found.samples.names[row].rsplit("/", 1)[-1] if found is not None and row is not None else str(one.sample)


# One cell


def _image_cell(session: Session, one: Attribution, picture: NDArray[np.uint8], setting: Setting) -> Cell:
    box = picture_box(picture.shape[0], picture.shape[1], setting.side)
    name = image_name(session, one)
    what = Drawn((raster(box, picture, None),), box.h, box)
    key: Key = ("picture", one.sample, one.image)
    return _cell(key, name, [], what, [], setting.side, None, picture=picture)


def _evidence_cell(session: Session, shown: Shown, several: bool, one_method: bool) -> Cell:
    one = shown.attribution
    if not isinstance(one.evidence, (Map, Picture)) or has_parts(one.evidence.facts):
        shown = replace(shown, setting=replace(shown.setting, side=max(shown.setting.side, LIST)))
    title = image_name(session, one) if several else one.method
    method = f"{one.method}, " if several and not one_method else ""
    above = [f"{method}{side_word(one, shown.sign)} {aim_word(session, one)}"]
    below = told(session, one, shown.setting.side)
    key: Key = ("evidence", one.key, shown.sign)
    return _cell(key, title, above, drawn(shown), below, shown.setting.side, one, shown.sign)


def _cell(
    key: Key,
    title: str,
    above: Sequence[str],
    what: Drawn,
    below: Sequence[str],
    width: float,
    one: Attribution | None,
    sign: Sign = "both",
    picture: NDArray[np.uint8] | None = None,
) -> Cell:
    marks: list[Mark] = [Label(title, Box(PAD, PAD - 2, width, 16), 12, TEXT, bold=True, elide="middle")]
    top = PAD + 16.0
    for text in above or (" ",):  # so that pictures beside each other begin at the same height
        marks.append(Label(text, Box(PAD, top, width, _LINE), 11, MUTED, elide="end"))
        top += _LINE
    top += 4
    marks += [moved(mark, PAD, top) for mark in what.marks]
    area = replace(what.area, x=what.area.x + PAD, y=what.area.y + top) if what.area is not None else None
    top += what.height + 4
    for text in below:
        marks.append(Label(text, Box(PAD, top, width, _LINE), 11, MUTED, elide="end"))
        top += _LINE
    face = Face(width + 2 * PAD, top + PAD - 2, tuple(marks), title)
    return Cell(key, Card(key, Box(0, 0, face.w, face.h), face), one, sign, area, picture)


def moved(mark: Mark, dx: float, dy: float) -> Mark:
    """The same mark elsewhere."""
    return replace(mark, box=replace(mark.box, x=mark.box.x + dx, y=mark.box.y + dy))


# All of them


def _arranged(
    session: Session,
    cells: Sequence[Cell],
    scale: Scale | None,
    shown: Sequence[Attribution],
    setting: Setting,
    width: float | None,
) -> Explanations:
    room = width if width is not None else 2 * EDGE + ACROSS * (setting.side + 2 * PAD + GAP) - GAP
    placed: list[Cell] = []
    top = EDGE
    for row in _rows(cells, room - 2 * EDGE):
        high, x = max(cell.card.box.h for cell in row), EDGE
        for cell in row:
            placed.append(_put(cell, x, top, high))
            x += cell.card.box.w + GAP
        top += high + GAP
    diagram = Diagram(
        columns=(),
        cards=tuple(cell.card for cell in placed),
        links=(),
        width=max(cell.card.box.right for cell in placed) + EDGE,
        height=top - GAP + EDGE,
        caption=caption(session, shown, setting),
        legend=legend(shown, scale),
        session=session,
    )
    return Explanations(diagram, tuple(placed), scale)


def legend(shown: Sequence[Attribution], scale: Scale | None) -> tuple[Entry, ...]:
    """What the colours mean, of those that there are."""
    signed = any(has_signs(one) for one in shown)
    if scale is not None:
        steps = [(share, word) for share, word in scale.steps if signed or share > 0]
        entries = [Entry(word, scale.ink(share), "square") for share, word in steps]
        return (replace(entries[0], text=f"{WHAT}: {entries[0].text}"), *entries[1:])
    if not signed:
        return ()
    return (Entry("for", Ink("excite"), "square"), Entry("against", Ink("inhibit"), "square"))


def _rows(cells: Sequence[Cell], room: float) -> list[list[Cell]]:
    """As many cells side by side as fit, at least one."""
    rows: list[list[Cell]] = [[]]
    used = 0.0
    for cell in cells:
        wide = cell.card.box.w
        if rows[-1] and used + wide > room + 0.5:
            rows.append([])
            used = 0.0
        rows[-1].append(cell)
        used += wide + GAP
    return rows


def _put(cell: Cell, x: float, y: float, high: float) -> Cell:
    """A cell at a place, as high as its row."""
    face = replace(cell.card.face, h=high)
    card = Card(cell.key, Box(x, y, face.w, high), face)
    area = replace(cell.area, x=cell.area.x + x, y=cell.area.y + y) if cell.area is not None else None
    return replace(cell, card=card, area=area)


def caption(session: Session, shown: Sequence[Attribution], setting: Setting) -> str:
    """What a figure shows and how it was made: target, image, methods with parameters and seeds, versions."""
    targets = list(dict.fromkeys(aim_word(session, one) for one in shown))
    names = list(dict.fromkeys(image_name(session, one) for one in shown))
    made = dict.fromkeys(f"{one.method}{_parameters(one)}" for one in shown)
    versions = dict(v for one in shown for v in one.versions.items())
    what = ", ".join(names) if len(names) <= 3 else f"{len(names)} images"
    signed = any(has_signs(one) for one in shown)
    side = side_word(shown[0], "for")
    about = "Evidence for (blue) and against (orange)" if signed else "Seen at" if side == "at" else side.capitalize()
    parts = [
        f"{about} {' and '.join(targets) if len(targets) <= 3 else 'their targets'} in {what}; "
        f"{session.analysis.network.name}.",
        f"{'; '.join(made)}.",
    ]
    if setting.manner == "contour":
        parts.append("Contours at 25, 50 and 75 % of the scale, of maps smoothed by 2 % of their side.")
    parts.append("One scale for all." if setting.shared else "Each map on its own scale.")
    parts.append(", ".join(f"{name} {version}" for name, version in versions.items()) + ".")
    return " ".join(part for part in parts if part != ".")


def _parameters(one: Attribution) -> str:
    known = {name: value for name, value in one.parameters.items() if value is not None}
    layer = one.evidence.facts.get("layer")
    if isinstance(layer, str):
        known["layer"] = layer
    words = ", ".join(f"{name.replace('_', ' ')} {_word(value)}" for name, value in known.items())
    return f" ({words})" if words else ""


def _word(value: Any) -> str:
    return "–".join(map(str, value)) if isinstance(value, (tuple, list)) else str(value)

