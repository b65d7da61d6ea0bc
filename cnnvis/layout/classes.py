"""The last column: which classes are shown, and what stands on their cards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from cnnvis.layout.afar import BARE, FAR, from_afar
from cnnvis.layout.card import COLOURED_CLASSES, PAD, near
from cnnvis.layout.marks import BORDER, FAINT, MUTED, Box, Face, Ink, Label, Mark, Rect
from cnnvis.model.activations import Activations
from cnnvis.model.nouns import IMAGE, Noun

SHOWN = 32
"""How many classes have a card of their own before the rest shares one."""
ROOMY = 16
"""Up to so many classes get a card of two lines."""
WIDTH, NARROW = 128.0, 160.0
LOW = 32.0
"""The height of a card of one line."""
ENOUGH = 5
"""With fewer samples a percentage would say more than is known."""


@dataclass(frozen=True, slots=True)
class Outputs:
    """The classes with a card, by index, in the order of the network; `rest` share one card."""

    shown: tuple[int, ...]
    rest: int

    def __len__(self) -> int:
        return len(self.shown)


def choose(
    n_classes: int, activations: Activations | None, strength: NDArray[np.float64] | None, chosen: Sequence[int] = ()
) -> Outputs:
    """The classes worth a card: all up to SHOWN, else those with most samples, then by their edges.

    `strength` (n_classes,) ≥ 0 ranks them by their edges; the chosen classes are always among them.
    """
    if n_classes <= SHOWN:
        return Outputs(tuple(range(n_classes)), 0)
    counts = np.zeros(n_classes)
    if activations is not None and len(activations.counts) == n_classes:
        counts = activations.counts
    edges = strength if strength is not None else np.zeros(n_classes)
    wanted = np.lexsort((np.arange(n_classes), -edges, -counts))
    first = np.array(list(dict.fromkeys(chosen)), np.int64)
    wanted = np.concatenate([first, wanted[~np.isin(wanted, first)]])
    shown = tuple(sorted(int(i) for i in wanted[:SHOWN]))
    return Outputs(shown, n_classes - SHOWN)


_FACES: WeakKeyDictionary[Activations, dict[tuple[int, tuple[str, ...], int], Face]] = WeakKeyDictionary()


def class_face(index: int, classes: tuple[str, ...], activations: Activations, n_shown: int) -> Face:
    """The card of one class: its colour where there are few, its name, its accuracy; composed once."""
    known = _FACES.setdefault(activations, {})
    key = (index, classes, n_shown)
    if key not in known:
        known[key] = _class_face(index, classes, activations, n_shown)
    return known[key]


def _class_face(index: int, classes: tuple[str, ...], activations: Activations, n_shown: int) -> Face:
    name = classes[index]
    second, told = _told(index, classes, activations)
    coloured = len(classes) <= COLOURED_CLASSES
    tooltip = name + (f"\n{told}" if told else "")
    if n_shown > ROOMY:
        return _narrow(index, name, second, tooltip)
    marks: list[Mark] = []
    left = PAD
    if coloured:
        marks.append(Rect(Box(PAD, 8, 6, 28), Ink("class", index), radius=2))
        left = 22.0
    inner = WIDTH - PAD - left
    two = bool(second)
    marks.append(near(Label(name, Box(left, 5 if two else 13, inner, 18), 13, bold=True, elide="middle")))
    if two:
        marks.append(near(Label(second, Box(left, 23, inner, 15), 11, MUTED)))
    marks += from_afar(Label(name, Box(left, 4, inner, 36), bold=True), fewest=4)  # all of a column or none
    ink = Ink("class", index) if coloured else FAINT
    marks.append(Rect(Box(PAD, 8, WIDTH - 2 * PAD, 28), ink, radius=2, zoom=BARE))
    return Face(WIDTH, 44.0, tuple(marks), name, tooltip)


def _narrow(index: int, name: str, second: str, tooltip: str) -> Face:
    """One line: the name and, at the right, the figure."""
    right = 46.0 if second else 0.0
    marks: list[Mark] = [near(Label(name, Box(PAD, 8, NARROW - 2 * PAD - right, 16), 12, elide="middle"))]
    if second:
        box = Box(NARROW - PAD - right + 4, 8, right - 4, 16)
        marks.append(near(Label(second, box, 11, MUTED, align="right", elide="none")))
    words = from_afar(Label(name, Box(PAD, 0, NARROW - 2 * PAD, LOW)), fewest=4)
    words = [replace(mark, box=replace(mark.box, h=LOW - 4)) for mark in words]  # descenders reach below
    silent = min((mark.zoom[0] for mark in words), default=FAR)
    marks += [*words, Rect(Box(PAD, 12, (NARROW - 2 * PAD) * 0.6, 8), BORDER, radius=2, zoom=(0.0, silent))]
    return Face(NARROW, LOW, tuple(marks), name, tooltip)


def rest_face(rest: int, n_shown: int, noun: Noun = IMAGE) -> Face:
    """The card that stands for all classes without one."""
    width, height = (NARROW, LOW) if n_shown > ROOMY else (WIDTH, 44.0)
    text = f"+{rest:,} more classes"
    box = Box(PAD, 0, width - 2 * PAD, height)
    told = f"{rest:,} classes with fewer {noun.many} or weaker edges"
    short = from_afar(Label(f"+{rest:,}", box, ink=MUTED))
    return Face(width, height, (near(Label(text, box, 11, MUTED, elide="none")), *short), text, told, framed=False)


def _told(index: int, classes: tuple[str, ...], activations: Activations) -> tuple[str, str]:
    """The figure on a card and the sentence behind it; empty where there is none."""
    accuracy, noun = activations.samples.accuracy_of(index), activations.noun
    if accuracy is not None:
        n = int((activations.samples.read & (activations.samples.labels == index)).sum())
        if n < ENOUGH:
            right = round(accuracy * n)
            return f"{right} of {n}", f"{right} of {noun.count(n)} predicted right"
        return f"{100 * accuracy:.0f} %", f"{100 * accuracy:.1f} % of {noun.count(n)} are predicted right"
    if activations.kind in ("class", "prediction") and len(activations.counts) == len(classes):
        n = int(activations.counts[index])
        if activations.kind == "class":
            return (f"no {noun.many}", f"no {noun.many} of this class") if n == 0 else (f"{n:,}", noun.count(n))
        return noun.count(n), f"predicted for {noun.count(n)}"
    return "", ""


def waiting_class(name: str, index: int, n_classes: int, n_shown: int) -> Face:
    """The card of a class while nothing is known of it."""
    if n_shown > ROOMY:
        return Face(NARROW, LOW, (Label(name, Box(PAD, 8, NARROW - 2 * PAD, 16), 12, MUTED, elide="middle"),), name)
    chip = Ink("class", index) if n_classes <= COLOURED_CLASSES else FAINT
    marks: tuple[Mark, ...] = (
        Rect(Box(PAD, 8, 6, 28), chip, radius=2),
        Label(name, Box(22, 5, WIDTH - 30, 18), 13, MUTED, True, elide="middle"),
        Rect(Box(22, 26, 32, 8), FAINT, radius=2),
    )
    return Face(WIDTH, 44.0, marks, name, waiting=True)
