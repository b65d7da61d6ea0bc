"""Which colour each ink is: a light and a dark theme, and the blending that keeps edges quiet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cnnvis.errors import UnknownName
from cnnvis.layout.marks import Ink, Ramp

Rgb = tuple[int, int, int]

QUIET = 0.30
"""How strongly an edge shows while nobody asks for it."""
ASKED = 0.90
"""How strongly the edges of what is selected or hovered show."""
DIMMED = 0.35
"""The opacity of a card that steps back."""


def parse(text: str) -> Rgb:
    """The colour of "#rrggbb" or "#rgb"."""
    digits = text.lstrip("#")
    if len(digits) == 3:
        digits = "".join(2 * c for c in digits)
    return int(digits[0:2], 16), int(digits[2:4], 16), int(digits[4:6], 16)


def blend(colour: Rgb, ground: Rgb, share: float) -> Rgb:
    """`share` (0–1) of a colour over its ground, as one opaque colour."""
    r, g, b = (round(share * c + (1 - share) * under) for c, under in zip(colour, ground))
    return r, g, b


def contrast(one: Rgb, other: Rgb) -> float:
    """The contrast ratio of WCAG 2, from 1 to 21."""

    def light(colour: Rgb) -> float:
        parts = [c / 255 for c in colour]
        r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
        return 0.2126 * r + 0.7152 * g + 0.0722 * b

    high, low = sorted((light(one), light(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@dataclass(frozen=True)
class Theme:
    """A colour for every role, and one for each of 12 classes; further classes take the muted one."""

    name: Literal["light", "dark", "print"]
    roles: Mapping[str, Rgb]
    classes: tuple[Rgb, ...]

    def rgb(self, ink: Ink, over: str = "card") -> Rgb:
        """The opaque colour of an ink, blended by its strength with what lies below (a role)."""
        if ink.role.startswith("#"):
            colour = parse(ink.role)
        elif ink.role == "class":
            colour = self.classes[ink.index] if ink.index < len(self.classes) else self.roles["muted"]
        elif ink.role in self.roles:
            colour = self.roles[ink.role]
        else:
            raise UnknownName(f"The role of an ink must be one of {sorted(self.roles)}; got {ink.role!r}.")
        return colour if ink.strength >= 1 else blend(colour, self.roles[over], max(ink.strength, 0.0))

    def hex(self, ink: Ink, over: str = "card") -> str:
        """The same as "#rrggbb"."""
        return "#{:02x}{:02x}{:02x}".format(*self.rgb(ink, over))

    def quiet(self, ink: Ink, share: float = QUIET) -> Rgb:
        """The colour of an edge, pre-blended with the canvas: opaque strokes paint many times faster."""
        return blend(self.rgb(ink), self.roles["canvas"], share)

    def cells(self, levels: NDArray[np.int8], ramp: Ramp) -> NDArray[np.uint8]:
        """The colours of the levels of Cells, (…, 3) uint8; faint where there is none."""
        return _ramp(self.roles, ramp)[levels.astype(np.int64) + 128]


def _ramp(roles: Mapping[str, Rgb], ramp: Ramp) -> NDArray[np.uint8]:
    """The colours of levels −128 … 127, (256, 3): from close to the card to the full colour."""
    share = np.abs(np.arange(-128, 128)) / 127.0
    ends = (ramp, ramp) if ramp == "response" else ("inhibit", "excite" if ramp == "effect" else "response")
    full = np.array([roles[ends[0]]] * 128 + [roles[ends[1]]] * 128, float)
    ground = np.array(roles["card"], float)
    share = _LEAST + (1.0 - _LEAST) * share
    found = ground + (full - ground) * share[:, None]
    found[0] = roles["faint"]
    return np.asarray(np.rint(found), np.uint8)


_LEAST = 0.05
"""How strongly a cell shows whose level is 0: enough to be told from the card."""


def _theme(name: Literal["light", "dark", "print"], roles: dict[str, str], classes: str) -> Theme:
    return Theme(name, MappingProxyType({k: parse(v) for k, v in roles.items()}), tuple(map(parse, classes.split())))


# Twelve muted hues that keep away from the blue and the orange of the signs and from the accent's violet.
_CLASSES_LIGHT = "#3f8f86 #b8607f #7d8f3c #8c6a56 #c29a2c #5a9c5e #a34a52 #74848f #9a6fa6 #4f7a52 #c9897a #5d6b73"
_CLASSES_DARK = "#5cb3a9 #d585a2 #a3b65e #b08f7a #dbb84f #7fbf83 #cc747b #9babb5 #bd96c8 #78a67b #e2aa9c #8797a0"

CLUSTER_COLOURS: Mapping[str, str] = MappingProxyType(
    {
        "Teal": "#3f938a",
        "Green": "#5a9c5e",
        "Olive": "#84913c",
        "Gold": "#b08a1e",
        "Taupe": "#9a8172",
        "Rose": "#c0607f",
        "Plum": "#a06a98",
        "Slate": "#74848f",
    }
)
"""What a user may mark a cluster with: legible on white and on the dark theme's cards, and neither of the signs."""

LIGHT = _theme(
    "light",
    {
        "canvas": "#f4f6f8",
        "card": "#ffffff",
        "border": "#dce1e7",
        "text": "#1a202c",
        "muted": "#5a6675",
        "faint": "#eceff3",
        "accent": "#6b46c1",
        "excite": "#2b6cb0",
        "inhibit": "#dd6b20",
        "heat": "#4a5568",
        "response": "#3d4a5c",
    },
    _CLASSES_LIGHT,
)
DARK = _theme(
    "dark",
    {
        "canvas": "#15191e",
        "card": "#1f252b",
        "border": "#353d47",
        "text": "#edf0f3",
        "muted": "#9aa7b4",
        "faint": "#2a313a",
        "accent": "#a98bf5",
        "excite": "#5fa8e8",
        "inhibit": "#f0954a",
        "heat": "#a9b6c4",
        "response": "#c3ced9",
    },
    _CLASSES_DARK,
)
PRINT = Theme("print", MappingProxyType({**LIGHT.roles, "canvas": (255, 255, 255)}), LIGHT.classes)
"""The light theme on white paper."""
