"""What stands behind the thing of a demo scene: backgrounds and small shapes that mean nothing."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from cnnvis.sources.scene_pen import Colour, Point, darker, ellipse, jitter, lighter, mix, rectangle, unlike

CALM: tuple[Colour, ...] = (
    (244, 239, 228), (220, 233, 242), (227, 240, 220), (249, 220, 208), (233, 224, 243), (207, 229, 227),
    (251, 233, 183), (232, 213, 181), (183, 203, 217), (168, 198, 159), (214, 170, 160), (176, 168, 200),
    (47, 62, 85), (58, 74, 70), (74, 59, 79), (92, 106, 122),
)  # fmt: skip
KINDS = ("plain", "gradient", "glow", "stripes", "checks", "dots", "noise", "horizon")


@dataclass(frozen=True, slots=True)
class Ground:
    """A background as drawn, its kind, and the colours that a thing in front must be told apart from."""

    image: Image.Image
    kind: str
    colours: tuple[Colour, ...]


def ground(side: int, rng: np.random.Generator) -> Ground:
    """A random background with its distractors, `side` drawn pixels wide and high."""
    kind = KINDS[int(rng.integers(len(KINDS)))]
    first = jitter(CALM[int(rng.integers(len(CALM)))], rng, hue=0.03)
    second = _second(kind, first, rng)
    half = side // 2  # drawn at half the resolution: edges inside a background may be a little soft
    share = _field(kind, half, rng)[..., None]
    a, b = np.array(first, np.float32), np.array(second, np.float32)
    pixels = np.clip(a + (b - a) * share + 0.5, 0, 255).astype(np.uint8)
    image = Image.fromarray(pixels).resize((side, side), Image.Resampling.BILINEAR)
    _scatter(image, (first, second), rng)
    return Ground(image, kind, (first, second))


def _second(kind: str, first: Colour, rng: np.random.Generator) -> Colour:
    """A second colour near the first where it fills a pattern, freer where it fades in slowly."""
    if kind in ("gradient", "glow", "horizon", "noise"):
        other = jitter(CALM[int(rng.integers(len(CALM)))], rng, hue=0.03)
        return mix(first, other, 0.75 if kind == "horizon" else 0.55)
    return darker(first, rng.uniform(0.08, 0.2)) if rng.random() < 0.5 else lighter(first, rng.uniform(0.2, 0.45))


def _field(kind: str, side: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """The share of the second colour at every pixel, 0–1."""
    v, u = np.meshgrid(*(np.linspace(-1, 1, side, dtype=np.float32),) * 2, indexing="ij")
    angle = rng.uniform(0, 2 * math.pi)
    along = np.float32(math.cos(angle)) * u + np.float32(math.sin(angle)) * v
    across = np.float32(math.cos(angle)) * v - np.float32(math.sin(angle)) * u
    period = np.float32(rng.uniform(0.22, 0.5))
    if kind == "plain":
        return np.zeros_like(u)
    if kind == "gradient":
        return _clip(along * 0.45 + 0.5)
    if kind == "glow":
        x, y = (np.float32(c) for c in rng.uniform(-0.5, 0.5, 2))
        return _clip(1.1 - np.hypot(u - x, v - y))
    if kind == "stripes":
        return _step(np.abs(np.mod(along / period, 1.0) - 0.5) - 0.25, 0.06)
    if kind == "checks":
        waves = np.sin(along * np.pi / period) * np.sin(across * np.pi / period)
        return _step(waves, 0.12)
    if kind == "dots":
        du, dv = np.mod(along / period, 1.0) - 0.5, np.mod(across / period, 1.0) - 0.5
        return _step(0.26 - np.hypot(du, dv), 0.06)
    if kind == "noise":
        return _clouds(side, rng)
    hills = np.float32(rng.uniform(0.05, 0.5)) + 0.1 * np.sin(u * np.float32(rng.uniform(1, 4)) + np.float32(angle))
    return _step(v - hills, 0.015)


def _clip(field: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    return np.asarray(np.clip(field, 0.0, 1.0), np.float32)


def _step(field: NDArray[np.floating[Any]], soft: float) -> NDArray[np.float32]:
    return _clip(field / soft + 0.5)


def _clouds(side: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Smooth value noise of two octaves."""
    total = np.zeros((side, side), np.float32)
    for cells, weight in ((4, 0.65), (10, 0.35)):
        coarse = Image.fromarray(rng.integers(0, 256, (cells, cells), dtype=np.uint8))
        total += weight * np.asarray(coarse.resize((side, side), Image.Resampling.BICUBIC), np.float32) / 255
    return _clip((total - 0.5) * 1.6 + 0.5)


def _scatter(image: Image.Image, colours: tuple[Colour, Colour], rng: np.random.Generator) -> None:
    """Small muted shapes anywhere: few as a rule, many in one picture of five (clutter)."""
    paint = ImageDraw.Draw(image)
    n = int(rng.integers(8, 16)) if rng.random() < 0.2 else int(rng.integers(0, 5))
    for _ in range(n):
        x, y = rng.uniform(0.0, 1.0, 2) * image.width
        r = rng.uniform(0.025, 0.085) * image.width
        vivid = unlike(colours, rng, 120.0)
        colour = mix(colours[0], vivid, rng.uniform(0.25, 0.75))
        paint.polygon(_shape(int(rng.integers(5)), x, y, r, rng.uniform(0, 2 * math.pi)), fill=colour)


def _shape(which: int, x: float, y: float, r: float, turn: float) -> list[Point]:
    if which == 0:
        return ellipse(x, y, r, r, n=24)
    if which == 1:
        return ellipse(x, y, r, r, turn, n=3)
    if which == 2:
        return ellipse(x, y, r, r, turn, n=4)
    c, s = math.cos(turn), math.sin(turn)
    bar = rectangle(-1.7 * r, -0.28 * r, 1.7 * r, 0.28 * r, 0.27 * r) if which == 3 else _star(r)
    return [(x + c * a - s * b, y + s * a + c * b) for a, b in bar]


def _star(r: float) -> list[Point]:
    rays = [(r if k % 2 == 0 else 0.45 * r, math.pi * k / 5) for k in range(10)]
    return [(radius * math.sin(a), -radius * math.cos(a)) for radius, a in rays]
