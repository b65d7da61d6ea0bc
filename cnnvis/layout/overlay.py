"""One image laid over the picture: how far each card stands out, and the way its strongest effects take."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from cnnvis.layout.afar import CLOSE, FAR, FARTHEST, NEAR
from cnnvis.layout.card import PAD, STRIP, STRIP_TOP, near
from cnnvis.layout.columns import Content
from cnnvis.layout.marks import EXCITE, FAINT, INHIBIT, MUTED, Box, Face, Ink, Key, Label, Link, Mark, Patch, Rect
from cnnvis.model.instances import LIVELY, Overlay, overlay_of, predicted
from cnnvis.model.partition import Cluster
from cnnvis.model.session import Session
from cnnvis.model.viewed import edging

LEAST, LEAST_OF_STILL = 0.25, 0.6
"""How strongly the patch of a neuron shows that does not stand out, and on a card that steps back as a whole."""
STILL = 0.25
"""A card whose neurons' mean deviation is below so many standard deviations steps back."""
_THICK = 2.0


def overlaid(session: Session, columns: Sequence[Content]) -> tuple[list[Content], frozenset[Key]]:
    """The columns with the look's image laid over their cards, and the keys of the cards that do not stand out.

    On a card a bar says how far its neurons' mean response to the image lies above the usual one, in their standard
    deviations, and patches of neurons that do not stand out fade. Of a comparison the bar goes from the middle to the
    right where the image's response is the higher one, else to the left, and patches are framed in the sign's colour.
    """
    overlay = overlay_of(session)
    if overlay is None:
        return list(columns), frozenset()
    found, still = [], set()
    for column in columns:
        cards: list[tuple[Key, Face]] = []
        for place, (key, face) in enumerate(column.cards):
            if key[0] == "cluster" and column.partition is not None and overlay.covers(column.layer):
                cluster = column.partition[int(key[2])]
                levels = overlay.levels(column.layer)
                level = level_of(levels, cluster)
                lively = abs(level) >= STILL and (overlay.signed or level > 0)
                face = laid_face(face, levels, level, overlay.signed, lively, _told(level, overlay))
                if not lively:
                    still.add(key)
            elif key[0] == "class" and column.outputs is not None and place < len(column.outputs):
                face = _class_face(face, int(key[1]), overlay)
            cards.append((key, face))
        found.append(replace(column, cards=tuple(cards)))
    return found, frozenset(still)


def level_of(levels: NDArray[np.float64], cluster: Cluster) -> float:
    """How far a cluster stands out: the mean over its neurons."""
    return float(levels[list(cluster.members)].mean())


def laid_face(
    face: Face, levels: NDArray[np.float64], level: float, signed: bool, lively: bool, told: str
) -> Face:
    """A cluster's face with a bar that says its level, and patches that fade by the levels of their neurons.

    Levels are full at LIVELY. Of a card that is not `lively` as a whole patches fade less: it steps back itself.
    """
    bar = Box(PAD, STRIP_TOP, face.w - 2 * PAD, STRIP)
    marks: list[Mark] = []
    silent = max((mark.zoom[1] for mark in face.marks if _in_band(mark)), default=0.0)
    for mark in face.marks:
        if _in_band(mark):
            continue
        if isinstance(mark, Rect) and mark.box.y == STRIP_TOP and mark.box.h == STRIP:
            continue  # the strip of classes: this is one image
        if isinstance(mark, Patch) and 0 <= mark.unit < len(levels):
            least = LEAST if lively else LEAST_OF_STILL
            marks += _patch_marks(mark, float(levels[mark.unit]), signed, least)
        else:
            marks.append(mark)
    if any(_lies_on(mark, bar) for mark in marks):
        bar = Box(PAD, 2.0, face.w - 2 * PAD, 3.0)
    marks += gauge(level, bar, signed, NEAR)
    marks += gauge(level, Box(PAD, 0.0, bar.w, 3.0), signed, (silent, FAR))
    marks += gauge(level, Box(PAD, PAD, bar.w, 16.0), signed, (0.0, silent))
    return replace(face, marks=tuple(marks), tooltip=f"{face.tooltip}\n{told}")


def _in_band(mark: Mark) -> bool:
    """Whether a mark is seen from the furthest away only, in the place of words: it tells of all images, too."""
    return isinstance(mark, Rect) and mark.zoom[0] == 0.0 and mark.zoom[1] <= FAR and mark.box.y >= PAD


def _lies_on(mark: Mark, bar: Box) -> bool:
    """Whether a mark that is seen from near lies where the bar would."""
    return mark.zoom[1] > NEAR[0] and mark.box.overlaps(bar) and not isinstance(mark, Label)


def _patch_marks(patch: Patch, level: float, signed: bool, least: float) -> list[Mark]:
    share = float(np.clip((abs(level) if signed else level) / LIVELY, 0.0, 1.0))
    faded: list[Mark] = [replace(patch, strength=least + (1.0 - least) * share)]
    if signed and share >= 0.25:
        ink = replace(EXCITE if level > 0 else INHIBIT, strength=0.4 + 0.6 * share)
        sides = patch.box.grown(1.0)
        faded += [Rect(sides.grown(-0.5 * k), None, ink, radius=2.5, zoom=patch.zoom) for k in range(int(_THICK) + 1)]
    return faded


def gauge(level: float, box: Box, signed: bool, zoom: tuple[float, float]) -> list[Mark]:
    """A bar that is full at LIVELY standard deviations; a signed one starts in the middle."""
    share = float(np.clip(level / LIVELY, -1.0 if signed else 0.0, 1.0))
    marks: list[Mark] = [Rect(box, FAINT, radius=box.h / 2, zoom=zoom)]
    if signed:
        half = box.w / 2
        where = Box(box.x + half + min(share, 0.0) * half, box.y, abs(share) * half, box.h)
        if where.w >= 0.5:
            marks.append(Rect(where, EXCITE if share > 0 else INHIBIT, radius=box.h / 2, zoom=zoom))
        marks.append(Rect(Box(box.x + half - 0.5, box.y - 1, 1, box.h + 2), MUTED, zoom=zoom))
    elif share > 0:
        marks.append(Rect(replace(box, w=max(share * box.w, box.h)), Ink("heat"), radius=box.h / 2, zoom=zoom))
    return marks


def _told(level: float, overlay: Overlay) -> str:
    name = overlay.instance.name.rsplit("/", 1)[-1]
    value = f"{abs(level):.2g} standard deviations"
    if overlay.against is not None:
        other = overlay.against.name.rsplit("/", 1)[-1]
        return f"{name}: {value} {'above' if level >= 0 else 'below'} {other}"
    return f"{name}: {value} {'above' if level >= 0 else 'below'} the usual response"


def _class_face(face: Face, index: int, overlay: Overlay) -> Face:
    """A class with the confidence in it, or the difference of the two, in the place of its accuracy."""
    score = overlay.score(index)
    text = _percent(score, overlay.signed)
    narrow = face.h < 40
    marks: list[Mark] = []
    for mark in face.marks:
        if isinstance(mark, Label) and mark.size == 11:
            continue
        if isinstance(mark, Label) and not narrow and mark.size == 13:
            mark = replace(mark, box=replace(mark.box, y=5.0))
        elif isinstance(mark, Label) and narrow and mark.size == 12:
            mark = replace(mark, box=replace(mark.box, w=face.w - 2 * PAD - 46))
        marks.append(mark)
    strong = Ink("text") if abs(score) >= 0.1 else MUTED
    row = Box(face.w - PAD - 42, 8, 42, 16) if narrow else Box(face.w - PAD - 44, 23, 44, 15)
    marks.append(near(Label(text, row, 11, strong, align="right", elide="none")))
    if not narrow:
        left = 22.0 if any(isinstance(m, Rect) and m.box.w == 6 for m in face.marks) else PAD
        marks += _score_bar(score, Box(left, 28, row.x - left - 2, 6), overlay.signed, (CLOSE, math.inf))
        marks += _score_bar(score, Box(left, 38, face.w - PAD - left, 4), overlay.signed, (FARTHEST, CLOSE))
    told = f"{face.title}: {text}" + (f" more than {overlay.against.name}" if overlay.against is not None else "")
    return replace(face, marks=tuple(marks), tooltip=told)


def _score_bar(score: float, box: Box, signed: bool, zoom: tuple[float, float]) -> list[Mark]:
    if signed:
        return gauge(score * LIVELY, box, True, zoom)
    marks: list[Mark] = [Rect(box, FAINT, radius=box.h / 2, zoom=zoom)]
    if score >= 0.005:
        marks.append(Rect(replace(box, w=max(score * box.w, box.h)), Ink("heat"), radius=box.h / 2, zoom=zoom))
    return marks


def _percent(score: float, signed: bool) -> str:
    value = 100 * score
    if not signed:
        return f"{value:.0f} %" if value >= 0.95 else "<1 %"
    sign = "+" if value > 0 else "−"
    return f"{sign}{abs(value):.0f} %" if abs(value) >= 0.5 else "±0 %"


def path_of(session: Session, links: Sequence[Link]) -> tuple[Link, ...]:
    """The way back from the class that the look's image is taken for, along each card's strongest exciting edge.

    None where the edges of this image are not known: those of all images say nothing of its way.
    """
    overlay = overlay_of(session)
    if overlay is None or edging(session.look) not in session.measurements.connections:
        return ()
    goal: Key = ("class", predicted(overlay.instance))
    into: dict[Key, list[Link]] = {}
    for link in links:
        into.setdefault(link.sink, []).append(link)
    found: list[Link] = []
    while any(link.positive > link.negative for link in into.get(goal, ())):
        best = max(into[goal], key=lambda link: link.positive - link.negative)
        found.append(best)
        goal = best.source
    return tuple(found)

