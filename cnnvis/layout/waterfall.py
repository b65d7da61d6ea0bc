"""Votes as a waterfall: bars from the bias to the logit, the largest voters first, the others summed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from cnnvis.errors import InvalidValue
from cnnvis.layout.diagram import Diagram
from cnnvis.layout.marks import BORDER, EXCITE, INHIBIT, MUTED, TEXT, Box, Entry, Face, Ink, Label, Mark, Rect
from cnnvis.layout.sheet import face_diagram, short
from cnnvis.layout.svg import text_width
from cnnvis.model.attribution import Attribution, Vector
from cnnvis.model.gates import path_said
from cnnvis.model.session import Session

LISTED = 12
"""So many voters have a bar of their own."""
_ROW, _BAR, _SPACE, _SIDE = 20.0, 12.0, 360.0, 12.0
_NAMED = 0.42
"""Names take at most this share of the width."""
Kind = Literal["start", "vote", "others", "sum"]


@dataclass(frozen=True, slots=True)
class Step:
    """One bar from `start` to `stop`, in units of the logit."""

    name: str
    start: float
    stop: float
    kind: Kind

    @property
    def value(self) -> float:
        return self.stop - self.start

    @property
    def ink(self) -> Ink:
        """Blue where it adds, orange where it takes; what stands on its own is grey."""
        if self.kind in ("start", "sum"):
            return MUTED
        return EXCITE if self.value >= 0 else INHIBIT


def steps_of(votes: Vector, listed: int = LISTED) -> tuple[Step, ...]:
    """The bars of a waterfall: the bias, the largest votes, the others together, and the logit that they sum to.

    Votes to first order start from their rest instead of the bias. Units of the layer that votes go by their numbers.
    Raises InvalidValue where the evidence is no sum.
    """
    if not is_sum(votes):
        raise InvalidValue("A waterfall must be of votes that sum to a logit. Use the method Votes.")
    values = votes.values.astype(np.float64)
    order = np.argsort(-np.abs(values), kind="stable")
    n_voting = int(np.count_nonzero(values))
    if len(order) == listed + 1:
        listed += 1  # one other has a name of its own as well
    listed = min(listed, max(n_voting, 1))
    now = float(votes.facts.get("bias", votes.facts.get("rest")))
    steps = [Step("bias" if "bias" in votes.facts else "elsewhere", 0.0, now, "start")]
    for i in order[:listed].tolist():
        name = votes.features[i]
        if name.startswith(prefix := f"{votes.facts.get('layer')}:"):
            name = f"neuron {name[len(prefix):]}"
        steps.append(Step(name, now, now + float(values[i]), "vote"))
        now = steps[-1].stop
    if len(order) > listed:
        steps.append(Step(f"{len(order) - listed:,} others", now, now + float(values[order[listed:]].sum()), "others"))
    return (*steps, Step("logit", 0.0, float(votes.facts["logit"]), "sum"))


def is_sum(votes: Vector) -> bool:
    """Whether votes sum to a logit, so that a waterfall can be drawn of them."""
    return "logit" in votes.facts and ("bias" in votes.facts or "rest" in votes.facts)


def waterfall_face(steps: tuple[Step, ...], title: str) -> Face:
    """The bars from top to bottom below their title, wide enough for every name and value."""
    named, room = _columns(steps)
    inner = named + _SPACE + room
    title_mark = Label(title, Box(_SIDE, 8, inner, 20), 13, bold=True, elide="middle")
    marks, bottom = waterfall_marks(steps, Box(_SIDE, 36, inner, 0))
    return Face(inner + 2 * _SIDE, bottom + 10, (title_mark, *marks), title, framed=False)


def waterfall_marks(steps: tuple[Step, ...], area: Box) -> tuple[list[Mark], float]:
    """Bars as wide as an area, each starting where the one before ended, and how far down they reach.

    Names stand at the left and are elided where there is little room; values at the right.
    """
    named, room = _columns(steps)
    named = min(named, _NAMED * area.w)
    space = area.w - named - room
    low = min(0.0, *(min(s.start, s.stop) for s in steps))
    high = max(0.0, *(max(s.start, s.stop) for s in steps))
    scale = space / ((high - low) or 1.0)
    left, top = area.x + named, area.y

    def x(value: float) -> float:
        return left + (value - low) * scale

    bottom, words = top + len(steps) * _ROW + 6, _words(steps)
    marks: list[Mark] = [Rect(Box(x(0.0) - 0.5, top - 2, 1, bottom - top), BORDER)]
    for row, step in enumerate(steps):
        y = top + row * _ROW + (6.0 if step.kind == "sum" else 0.0)
        strong = step.kind == "sum"
        if strong:
            marks.append(Rect(Box(area.x, y - 3, area.w, 1), BORDER))
        elif row + 1 < len(steps) - 1:
            marks.append(Rect(Box(x(step.stop) - 0.5, y + (_ROW + _BAR) / 2, 1, _ROW - _BAR), MUTED))
        begin, end = sorted((x(step.start), x(step.stop)))
        bar = Box(begin, y + (_ROW - _BAR) / 2, max(end - begin, 1.0), _BAR)
        name = Label(step.name, Box(area.x, y, named - 6, _ROW), 11, TEXT if strong else MUTED, strong, elide="middle")
        value = Box(left + space, y, room, _ROW)
        ink = replace(step.ink, strength=0.55) if step.kind == "others" else step.ink
        marks += [name, Rect(bar, ink, radius=1.5)]
        marks.append(Label(words[row], value, 11, TEXT if strong else MUTED, strong, "right", elide="none"))
    return marks, bottom


def _columns(steps: tuple[Step, ...]) -> tuple[float, float]:
    """The widths of the names and of the values."""
    named = min(1.15 * max((text_width(s.name, 11, s.kind == "sum") for s in steps), default=0.0), 168.0) + 12
    words = zip(steps, _words(steps))
    return named, 1.15 * max(text_width(word, 11, s.kind == "sum") for s, word in words) + 10


def _words(steps: tuple[Step, ...]) -> list[str]:
    """The values with their signs and as many decimals each: two, or three figures of the largest."""
    top = max(abs(s.value) for s in steps)
    n = 2 if top >= 1 or top == 0 else 2 - int(np.floor(np.log10(top)))
    words = [f"{round(s.value, n) + 0.0:.{n}f}".replace("-", "−") for s in steps]  # no −0
    return [word if s.kind == "sum" or word.startswith("−") else f"+{word}" for s, word in zip(steps, words)]


def waterfall_diagram(session: Session, found: Attribution, listed: int = LISTED) -> Diagram:
    """The votes of an explanation as a picture, to be exported as svg, pdf or png."""
    if not isinstance(found.evidence, Vector):
        raise InvalidValue(f"A waterfall must be of votes; got {type(found.evidence).__name__} of {found.method}.")
    steps = steps_of(found.evidence, listed)
    about = path_said(session, found)
    layer = str(found.evidence.facts.get("layer", found.target.layer))
    caption = (
        f"{session.analysis.network.name}: {about}, by the neurons of {layer}. Bars run from the "
        f"{steps[0].name} to the logit, {short(steps[-1].stop)}; the largest come first."
    )
    if says := found.evidence.facts.get("says"):
        caption += f" {says}"
    legend = (Entry("adds to the logit", EXCITE, "square"), Entry("takes from it", INHIBIT, "square"))
    return face_diagram(waterfall_face(steps, f"{about[:1].upper()}{about[1:]}"), caption, legend, session)
