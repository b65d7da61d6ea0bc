"""What is read from afar: the further away, the fewer and larger the words, and none where no eye could read them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from cnnvis.layout.marks import LEGIBLE, MUTED, Box, Ink, Label
from cnnvis.layout.svg import text_width

CLOSE = LEGIBLE / 11
"""From this zoom on the small words of a card can be read."""
STEP = 4 / 3
FAR = CLOSE / STEP
"""Below this zoom a card has few and large words."""
FARTHEST = CLOSE / STEP**3
"""Below this zoom it has none: what is pictured on it is a mosaic, with a band of colour above."""
NEAR: tuple[float, float] = (FAR, math.inf)
AWAY: tuple[float, float] = (0.0, FAR)
BARE: tuple[float, float] = (0.0, FARTHEST)
EVER_SMALLER = 0.05
"""The lowest zoom of the window."""
LARGE = 9.0
"""Words seen from afar are at least so many pixels high on the screen."""
_FEWEST = 6
"""Of a word that is cut so many letters must find room, else it is left out."""
_WIDE = 0.6
"""The width of a letter, as a part of its size."""


@dataclass(frozen=True, slots=True)
class Tier:
    """A range of zooms, and the size of words (in diagram pixels) that are read well in all of it."""

    zoom: tuple[float, float]
    size: float


def _tiers() -> tuple[Tier, ...]:
    found, high = [], CLOSE
    while high > EVER_SMALLER:
        low = high / STEP
        found.append(Tier((low, high), float(math.ceil(LARGE / low))))
        high = low
    return tuple(found)


TIERS = _tiers()
"""From the closest to the furthest; together they cover all zooms below CLOSE."""


def high_enough(size: float, height: float) -> bool:
    """Whether words of a size fit into a row: capitals and descenders do, the font's own air need not."""
    return 0.94 * size <= height


def wide_enough(text: str, size: float, width: float, bold: bool = False, fewest: int = _FEWEST) -> bool:
    """Whether a text fits into a width, or enough of it to be told by."""
    return width >= min(fewest * _WIDE * size, text_width(text, size, bold))


def from_afar(label: Label, fewest: int = _FEWEST) -> list[Label]:
    """A label for each range of zooms below CLOSE, as large as it must be there, where it finds room.

    Where it is cut so many letters must be left.
    """
    return [
        replace(label, size=tier.size, zoom=tier.zoom)
        for tier in TIERS
        if high_enough(tier.size, label.box.h)
        and wide_enough(label.text, tier.size, label.box.w, label.bold, fewest)
    ]


@dataclass(frozen=True, slots=True)
class Words:
    """A line that a card says from afar; a `whole` one is left out rather than cut."""

    text: str
    ink: Ink = MUTED
    bold: bool = False
    whole: bool = False

    def fits(self, size: float, width: float) -> bool:
        """Whether it finds room across a card."""
        if self.whole:
            return text_width(self.text, size, self.bold) <= width
        return wide_enough(self.text, size, width, self.bold)


def stacked(lines: Sequence[Words], tier: Tier, rooms: Sequence[Box]) -> list[Label]:
    """As many of the lines as find place in the rooms, one after the other, in the size of a tier."""
    found: list[Label] = []
    left = list(lines)
    for room in rooms:
        y = room.y
        while left and high_enough(tier.size, room.bottom - y):
            high = min(math.ceil(1.15 * tier.size), room.bottom - y)
            words = left.pop(0)
            if words.fits(tier.size, room.w):
                box = Box(room.x, y, room.w, high)
                found.append(Label(words.text, box, tier.size, words.ink, words.bold, zoom=tier.zoom))
                y += high
    return found
