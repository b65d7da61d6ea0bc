"""Drawing of one flat object in its own frame: shapes, textures, and where its named parts came to lie."""

from __future__ import annotations

import colorsys
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageDraw

Colour = tuple[int, int, int]
Point = tuple[float, float]

OVERSAMPLED = 3  # drawn at three times the size without antialiasing, then averaged: smooth edges in any Pillow

VIVID: tuple[Colour, ...] = (
    (228, 87, 46), (243, 156, 18), (246, 205, 85), (118, 176, 65), (42, 157, 143), (32, 178, 190),
    (61, 125, 202), (91, 95, 199), (142, 95, 191), (214, 71, 143), (193, 68, 60), (176, 108, 60),
    (240, 232, 214), (70, 90, 110),
)  # fmt: skip


def jitter(colour: Colour, rng: np.random.Generator, hue: float = 0.02, light: float = 0.06) -> Colour:
    """The colour with a slightly different hue, saturation and lightness."""
    h, s, v = colorsys.rgb_to_hsv(*(c / 255 for c in colour))
    h = (h + rng.uniform(-hue, hue)) % 1.0
    s = min(max(s + rng.uniform(-light, light), 0.0), 1.0)
    v = min(max(v + rng.uniform(-light, light), 0.0), 1.0)
    r, g, b = colorsys.hsv_to_rgb(h, s, v)
    return round(r * 255), round(g * 255), round(b * 255)


def mix(a: Colour, b: Colour, share: float) -> Colour:
    """The colour `share` of the way from a to b."""
    red, green, blue = (round(x + (y - x) * share) for x, y in zip(a, b))
    return red, green, blue


def darker(colour: Colour, share: float = 0.25) -> Colour:
    return mix(colour, (18, 20, 36), share)


def lighter(colour: Colour, share: float = 0.35) -> Colour:
    return mix(colour, (255, 255, 255), share)


def distance(a: Colour, b: Colour) -> float:
    """How different two colours look, 0 to about 765 (a redmean approximation)."""
    red = (a[0] + b[0]) / 2
    dr, dg, db = (x - y for x, y in zip(a, b))
    return math.sqrt((2 + red / 256) * dr * dr + 4 * dg * dg + (2 + (255 - red) / 256) * db * db)


def unlike(others: Sequence[Colour], rng: np.random.Generator, apart: float = 190.0) -> Colour:
    """A vivid colour that is told apart from all the others; the most different of eight where none is."""
    best, widest = VIVID[0], -1.0
    for _ in range(8):
        colour = jitter(VIVID[int(rng.integers(len(VIVID)))], rng)
        gap = min((distance(colour, o) for o in others), default=1e9)
        if gap >= apart:
            return colour
        if gap > widest:
            best, widest = colour, gap
    return best


@dataclass(frozen=True, slots=True)
class Frame:
    """Where an object stands: its own frame is about [−1, 1]², x to the right and y down."""

    centre: Point  # (x, y) in drawn pixels
    scale: float  # drawn pixels per unit
    angle: float  # radians, clockwise
    mirrored: bool

    def place(self, x: float, y: float) -> Point:
        """(x, y) of the object's frame in drawn pixels."""
        x = -x if self.mirrored else x
        c, s = math.cos(self.angle), math.sin(self.angle)
        return self.centre[0] + self.scale * (c * x - s * y), self.centre[1] + self.scale * (s * x + c * y)

    def within(self, xs: NDArray[np.float32], ys: NDArray[np.float32]) -> tuple[NDArray[np.float32], ...]:
        """The object's own coordinates of drawn pixels."""
        c, s = np.float32(math.cos(self.angle)), np.float32(math.sin(self.angle))
        dx, dy = (xs - self.centre[0]) / self.scale, (ys - self.centre[1]) / self.scale
        u, v = c * dx + s * dy, c * dy - s * dx
        return (-u if self.mirrored else u), v


class Pen:
    """Draws one object; afterwards `layer` holds its colours, `mask` its silhouette and `parts` its parts."""

    def __init__(self, side: int, frame: Frame) -> None:
        self.frame = frame
        self.layer = Image.new("RGB", (side, side))
        self.mask = Image.new("L", (side, side))
        self.parts: dict[str, Point] = {}
        self._paint = ImageDraw.Draw(self.layer)
        self._cut = ImageDraw.Draw(self.mask)

    def part(self, name: str, x: float, y: float) -> None:
        """Remembers the centre of a named part."""
        px, py = self.frame.place(x, y)
        self.parts[name] = ((py + 0.5) / OVERSAMPLED - 0.5, (px + 0.5) / OVERSAMPLED - 0.5)

    def fill(self, points: Sequence[Point], colour: Colour) -> None:
        """A filled polygon."""
        placed = [self.frame.place(x, y) for x, y in points]
        self._paint.polygon(placed, fill=colour)
        self._cut.polygon(placed, fill=255)

    def textured(self, points: Sequence[Point], colour: Colour, second: Colour, pattern: str, pitch: float) -> None:
        """A filled polygon with a pattern of a second colour; `pitch` is its period in the object's frame."""
        self.fill(points, colour)
        if pattern == "plain":
            return
        placed = [self.frame.place(x, y) for x, y in points]
        side = self.layer.width
        xs, ys = [p[0] for p in placed], [p[1] for p in placed]
        left, top = max(math.floor(min(xs)), 0), max(math.floor(min(ys)), 0)
        right, bottom = min(math.ceil(max(xs)) + 1, side), min(math.ceil(max(ys)) + 1, side)
        if right <= left or bottom <= top:
            return
        inside = Image.new("L", (right - left, bottom - top))
        ImageDraw.Draw(inside).polygon([(x - left, y - top) for x, y in placed], fill=255)
        gx, gy = np.meshgrid(np.arange(left, right, dtype=np.float32), np.arange(top, bottom, dtype=np.float32))
        u, v = self.frame.within(gx, gy)
        marked = Image.fromarray(np.where(_marked(pattern, u / pitch, v / pitch), np.uint8(255), np.uint8(0)))
        self.layer.paste(second, (left, top), ImageChops.darker(inside, marked))

    def ellipse(self, x: float, y: float, rx: float, ry: float, colour: Colour, turn: float = 0.0) -> None:
        self.fill(ellipse(x, y, rx, ry, turn), colour)

    def ring(self, x: float, y: float, outer: float, thick: float, colour: Colour) -> None:
        """A ring whose hole shows what lies behind the object."""
        n = 36
        for k in range(n):
            a, b = 2 * math.pi * k / n, 2 * math.pi * (k + 1.05) / n
            inner = outer - thick
            corners = [(outer, a), (outer, b), (inner, b), (inner, a)]
            self.fill([(x + r * math.cos(t), y + r * math.sin(t)) for r, t in corners], colour)

    def line(self, points: Sequence[Point], width: float, colour: Colour) -> None:
        """A stroke with round ends and joints."""
        for (x0, y0), (x1, y1) in pairwise(points):
            length = math.hypot(x1 - x0, y1 - y0) or 1.0
            nx, ny = -(y1 - y0) / length * width / 2, (x1 - x0) / length * width / 2
            self.fill([(x0 + nx, y0 + ny), (x1 + nx, y1 + ny), (x1 - nx, y1 - ny), (x0 - nx, y0 - ny)], colour)
        for x, y in points:
            self.fill(ellipse(x, y, width / 2, width / 2, n=12), colour)


def _marked(pattern: str, u: NDArray[np.float32], v: NDArray[np.float32]) -> NDArray[np.bool_]:
    if pattern == "stripes":
        return np.asarray(np.mod(u, 1.0) < 0.42)
    if pattern == "bands":
        return np.asarray(np.mod(v, 1.0) < 0.42)
    if pattern == "diagonal":
        return np.asarray(np.mod((u + v) * 0.7071, 1.0) < 0.42)
    if pattern == "dots":
        row = np.floor(v)
        du, dv = np.mod(u + 0.5 * np.mod(row, 2.0), 1.0) - 0.5, v - row - 0.5
        return np.asarray(du * du + dv * dv < 0.085)
    if pattern == "checks":
        return np.asarray(np.mod(np.floor(u) + np.floor(v), 2.0) < 1.0)
    return np.asarray(u > 0.0)  # "half": one side in the shade


def ellipse(x: float, y: float, rx: float, ry: float, turn: float = 0.0, n: int = 32) -> list[Point]:
    """The outline of an ellipse, turned clockwise by `turn` radians."""
    c, s = math.cos(turn), math.sin(turn)
    around = [(rx * math.cos(2 * math.pi * k / n), ry * math.sin(2 * math.pi * k / n)) for k in range(n)]
    return [(x + c * a - s * b, y + s * a + c * b) for a, b in around]


def rectangle(left: float, top: float, right: float, bottom: float, corner: float = 0.0) -> list[Point]:
    """The outline of a rectangle, with corners rounded by a radius."""
    if corner <= 0:
        return [(left, top), (right, top), (right, bottom), (left, bottom)]
    outline = []
    corners = [(right - corner, top + corner, -0.5), (right - corner, bottom - corner, 0.0),
               (left + corner, bottom - corner, 0.5), (left + corner, top + corner, 1.0)]  # fmt: skip
    for cx, cy, start in corners:
        for k in range(6):
            a = math.pi * (start + 0.1 * k)
            outline.append((cx + corner * math.cos(a), cy + corner * math.sin(a)))
    return outline
