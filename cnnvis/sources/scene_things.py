"""The ten things of the demo scenes, each drawn from named parts with random proportions, colours and textures."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from types import MappingProxyType

import numpy as np

from cnnvis.sources.scene_pen import (
    Colour,
    Pen,
    Point,
    darker,
    distance,
    ellipse,
    jitter,
    lighter,
    mix,
    rectangle,
    unlike,
)

WHITE: Colour = (250, 250, 246)
INK: Colour = (34, 36, 48)
GLASS: Colour = (190, 224, 240)
WOOD: tuple[Colour, ...] = ((134, 88, 54), (160, 104, 60), (108, 74, 52))
LEAVES: tuple[Colour, ...] = ((74, 150, 70), (52, 122, 74), (122, 172, 60), (220, 140, 44), (204, 84, 48))
SKIN: tuple[Colour, ...] = (
    (255, 221, 188), (238, 190, 148), (206, 148, 104), (148, 98, 66), (110, 74, 54), (255, 214, 84),
)  # fmt: skip
HAIR: tuple[Colour, ...] = (
    (52, 40, 36), (108, 66, 40), (226, 176, 86), (186, 78, 40), (150, 150, 160), (122, 62, 130),
)  # fmt: skip
PATTERNS = ("plain", "half", "stripes", "bands", "diagonal", "dots", "checks")

Draw = Callable[[Pen, np.random.Generator, Sequence[Colour]], None]


def _one(choices: Sequence[Colour], rng: np.random.Generator, behind: Sequence[Colour], apart: float = 130.0) -> Colour:
    """One of the choices that does not vanish before what is behind; the farthest where all would."""
    best, widest = choices[0], -1.0
    for k in rng.permutation(len(choices)):
        colour = jitter(choices[k], rng, hue=0.015)
        gap = min((distance(colour, b) for b in behind), default=1e9)
        if gap >= apart:
            return colour
        if gap > widest:
            best, widest = colour, gap
    return best


def _pattern(rng: np.random.Generator, *allowed: str) -> str:
    names = allowed or PATTERNS
    return names[int(rng.integers(len(names)))]


def _shade(colour: Colour, rng: np.random.Generator) -> Colour:
    return darker(colour, 0.2) if rng.random() < 0.6 else lighter(colour, 0.4)


def _eye(pen: Pen, x: float, y: float, r: float) -> None:
    pen.ellipse(x, y, r, r, WHITE)
    pen.ellipse(x + 0.15 * r, y, 0.58 * r, 0.58 * r, INK)


def house(pen: Pen, rng: np.random.Generator, behind: Sequence[Colour]) -> None:
    wall = unlike(behind, rng)
    roof = unlike([wall, *behind], rng)
    wide, peak, eave = rng.uniform(0.62, 0.8), rng.uniform(-0.95, -0.75), rng.uniform(-0.2, -0.05)
    if rng.random() < 0.7:
        side = rng.choice([-1, 1])
        pen.fill(rectangle(side * 0.45 - 0.11, peak + 0.05, side * 0.45 + 0.11, eave), darker(wall, 0.4))
        pen.part("chimney", side * 0.45, peak + 0.16)
    bricks = _pattern(rng, "plain", "bands", "half")
    pen.textured(rectangle(-wide, eave, wide, 0.9), wall, _shade(wall, rng), bricks, 0.24)
    ridge = rng.choice([0.0, 0.0, 0.35])
    over = wide + 0.18
    gable = [(-over, eave), (-ridge, peak), (ridge, peak), (over, eave)]
    pen.textured(gable, roof, _shade(roof, rng), _pattern(rng, "plain", "bands", "checks", "diagonal"), 0.22)
    pen.part("roof", 0.0, (eave * 2 + peak) / 3)
    side = rng.choice([-1, 1]) * 0.34
    door = unlike([wall], rng)
    pen.fill(rectangle(side - 0.17, 0.28, side + 0.17, 0.9), door)
    pen.ellipse(side + 0.09, 0.6, 0.04, 0.04, lighter(door, 0.7))
    pen.part("door", side, 0.59)
    x, y, half = -side, rng.uniform(0.25, 0.4), rng.uniform(0.17, 0.22)
    pen.fill(rectangle(x - half - 0.05, y - half - 0.05, x + half + 0.05, y + half + 0.05), WHITE)
    lit: Colour = (255, 226, 120) if rng.random() < 0.5 else (120, 176, 214)
    pen.fill(rectangle(x - half, y - half, x + half, y + half), lit)
    pen.line([(x - half, y), (x + half, y)], 0.06, WHITE)
    pen.line([(x, y - half), (x, y + half)], 0.06, WHITE)
    pen.part("window", x, y)


def fish(pen: Pen, rng: np.random.Generator, behind: Sequence[Colour]) -> None:
    body = unlike(behind, rng)
    fins = unlike([body, *behind], rng, 150.0)
    tall, reach = rng.uniform(0.36, 0.56), rng.uniform(0.34, 0.5)
    pen.fill([(-0.4, 0.0), (-0.98, -reach), (-0.82, 0.0), (-0.98, reach)], fins)
    pen.part("tail", -0.78, 0.0)
    pen.fill([(-0.3, -tall * 0.7), (-0.1, -tall - 0.3), (0.3, -tall - 0.16), (0.42, -tall * 0.7)], fins)
    pen.part("back fin", 0.08, -tall - 0.08)
    pen.fill([(-0.1, tall * 0.8), (-0.26, tall + 0.24), (0.2, tall * 0.9)], fins)
    outline = ellipse(0.14, 0.0, 0.74, tall)
    pen.textured(outline, body, _shade(body, rng), _pattern(rng, "plain", "stripes", "bands", "dots", "diagonal"), 0.26)
    pen.part("body", 0.14, 0.0)
    pen.fill([(-0.02, 0.04), (-0.32, -0.1), (-0.36, 0.26), (-0.1, 0.2)], fins)
    pen.part("side fin", -0.2, 0.1)
    _eye(pen, 0.56, -0.12, 0.13)
    pen.part("eye", 0.56, -0.12)
    pen.line([(0.86, 0.12), (0.7, 0.17), (0.6, 0.12)], 0.06, darker(body, 0.65))
    pen.part("mouth", 0.72, 0.15)


def clock(pen: Pen, rng: np.random.Generator, behind: Sequence[Colour]) -> None:
    rim = unlike(behind, rng)
    dial = lighter(jitter(_one([WHITE, (252, 240, 206), (214, 234, 244)], rng, [rim]), rng), 0.3)
    if rng.random() < 0.45:  # an alarm clock: bells and feet
        for side in (-1, 1):
            pen.ellipse(side * 0.5, -0.72, 0.3, 0.2, darker(rim, 0.3), side * 0.65)
            pen.line([(side * 0.4, 0.6), (side * 0.62, 0.94)], 0.16, darker(rim, 0.35))
        pen.part("bells", 0.0, -0.76)
    pen.textured(ellipse(0, 0, 0.86, 0.86, n=48), rim, darker(rim, 0.18), "half", 1.0)
    thick = rng.uniform(0.12, 0.22)
    pen.ellipse(0, 0, 0.86 - thick, 0.86 - thick, dial)
    pen.part("face", 0.0, 0.0)
    radius = 0.86 - thick
    ink = _one([INK, (40, 60, 110), (110, 40, 40)], rng, [dial])
    for k in range(12):
        a, start = math.pi * k / 6, 0.78 if k % 3 == 0 else 0.86
        near, far = (start * radius, 0.93 * radius)
        pen.line([(near * math.sin(a), near * math.cos(a)), (far * math.sin(a), far * math.cos(a))], 0.07, ink)
    hour = rng.uniform(0, 2 * math.pi)
    minute = hour + rng.uniform(0.6, 2 * math.pi - 0.6)
    for a, length, width in ((hour, 0.5, 0.12), (minute, 0.74, 0.085)):
        pen.line([(0, 0), (length * radius * math.sin(a), -length * radius * math.cos(a))], width, ink)
    pen.part("hour hand", 0.27 * radius * math.sin(hour), -0.27 * radius * math.cos(hour))
    pen.part("minute hand", 0.4 * radius * math.sin(minute), -0.4 * radius * math.cos(minute))
    pen.ellipse(0, 0, 0.085, 0.085, rim)


def tree(pen: Pen, rng: np.random.Generator, behind: Sequence[Colour]) -> None:
    bark = _one(WOOD, rng, behind, 90.0)
    leaf = _one(LEAVES, rng, behind)
    half = rng.uniform(0.09, 0.14)
    trunk = [(-half, 0.0), (half, 0.0), (half * 1.5, 0.95), (-half * 1.5, 0.95)]
    pen.textured(trunk, bark, darker(bark, 0.3), "half", 1.0)
    pen.part("trunk", 0.0, 0.75)
    if rng.random() < 0.45:
        wide, tiers = rng.uniform(0.58, 0.72), int(rng.integers(2, 4))
        for k in range(tiers):
            low, w = 0.5 - 0.95 * k / tiers, wide * (1 - 0.24 * k)
            tip = low - 0.85 if k < tiers - 1 else -0.98
            tone = lighter(leaf, 0.09 * k)
            pen.textured([(-w, low), (0.0, tip), (w, low)], tone, darker(tone, 0.16), "half", 1.0)
        pen.part("crown", 0.0, -0.1)
        return
    wide = rng.uniform(0.36, 0.46)
    for x, y in ((-0.38, 0.02), (0.38, 0.02), (-0.2, -0.42), (0.24, -0.42), (0.0, -0.1)):
        r = wide + (0.08 if x == 0 else 0.0)
        pen.ellipse(x, y, r, r, darker(leaf, 0.14) if y > 0 else leaf)
    pen.ellipse(-0.14, -0.46, 0.2, 0.17, lighter(leaf, 0.22))
    pen.part("crown", 0.0, -0.2)
    if rng.random() < 0.5:
        fruit = unlike([leaf], rng, 220.0)
        for x, y in ((-0.42, 0.02), (0.02, -0.12), (0.4, -0.06), (0.22, -0.52), (-0.2, -0.36)):
            pen.ellipse(x + rng.uniform(-0.06, 0.06), y, 0.085, 0.085, fruit)
        pen.part("fruit", 0.02, -0.12)


def car(pen: Pen, rng: np.random.Generator, behind: Sequence[Colour]) -> None:
    paint = unlike(behind, rng)
    top, front, back = rng.uniform(-0.6, -0.42), rng.uniform(0.5, 0.68), rng.uniform(-0.82, -0.55)
    cabin: list[Point] = [(back, -0.02), (back + 0.2, top), (front - 0.36, top), (front, -0.02)]
    pen.fill(cabin, darker(paint, 0.12))
    glass = jitter(GLASS, rng)
    middle = (back + front) / 2 - 0.06
    high, a, b = top + 0.1, middle - 0.05, middle + 0.05
    pen.fill([(back + 0.13, -0.04), (back + 0.27, high), (a, high), (a, -0.04)], glass)
    pen.fill([(b, -0.04), (b, high), (front - 0.4, high), (front - 0.13, -0.04)], glass)
    pen.part("window", middle, top / 2)
    hull = rectangle(-0.98, -0.08, 0.98, 0.42, 0.16)
    pen.textured(hull, paint, lighter(paint, 0.35), _pattern(rng, "plain", "plain", "bands"), 0.6)
    pen.part("body", 0.0, 0.16)
    pen.fill(rectangle(0.82, 0.0, 0.98, 0.16), (255, 232, 140))
    pen.part("light", 0.9, 0.08)
    pen.line([(middle, 0.0), (middle, 0.34)], 0.035, darker(paint, 0.45))
    radius = rng.uniform(0.22, 0.29)
    for name, x in (("back wheel", -0.55), ("front wheel", 0.55)):
        pen.ellipse(x, 0.42, radius, radius, INK)
        pen.ellipse(x, 0.42, radius * 0.52, radius * 0.52, (206, 210, 216))
        pen.part(name, x, 0.42)


def boat(pen: Pen, rng: np.random.Generator, behind: Sequence[Colour]) -> None:
    hull = unlike(behind, rng)
    sail = _one([WHITE, *(unlike([hull, *behind], rng) for _ in range(2))], rng, behind)
    deck = rng.uniform(0.3, 0.42)
    mast = rng.uniform(-0.15, 0.05)
    pen.line([(mast, deck), (mast, -0.96)], 0.07, _one(WOOD, rng, behind, 60.0))
    pen.part("mast", mast, -0.3)
    pattern = _pattern(rng, "plain", "bands", "half", "diagonal")
    canvas = [(mast + 0.07, -0.86), (mast + 0.07, deck - 0.1), (0.84, deck - 0.1)]
    pen.textured(canvas, sail, _shade(sail, rng), pattern, 0.32)
    pen.part("sail", mast + 0.3, deck - 0.4)
    if rng.random() < 0.75:
        jib = sail if rng.random() < 0.5 else unlike([*behind], rng)
        pen.fill([(mast - 0.08, -0.66), (mast - 0.08, deck - 0.1), (-0.8, deck - 0.1)], jib)
        pen.part("jib", mast - 0.3, deck - 0.3)
    flag = unlike(behind, rng)
    pen.fill([(mast, -0.98), (mast, -0.78), (mast - 0.3, -0.88)], flag)
    pen.part("flag", mast - 0.1, -0.88)
    keel = rng.uniform(0.72, 0.86)
    pen.fill([(-0.98, deck), (0.98, deck), (0.62, keel), (-0.66, keel)], hull)
    pen.fill([(-0.98, deck), (0.98, deck), (0.9, deck + 0.1), (-0.9, deck + 0.1)], lighter(hull, 0.55))
    pen.part("hull", 0.0, (deck + keel) / 2)


def face(pen: Pen, rng: np.random.Generator, behind: Sequence[Colour]) -> None:
    skin = _one(SKIN, rng, behind)
    hair = _one(HAIR, rng, [skin, *behind], 100.0)
    wide = rng.uniform(0.66, 0.76)
    long = rng.random() < 0.4
    if long:
        pen.fill(rectangle(-wide - 0.14, -0.7, wide + 0.14, 0.72, 0.3), hair)
    for side in (-1, 1):
        pen.ellipse(side * wide, 0.08, 0.15, 0.2, darker(skin, 0.1))
    pen.ellipse(0.0, 0.08, wide, 0.84, skin)
    fringe = rng.uniform(-0.42, -0.26)
    cap = [p for p in ellipse(0.0, 0.0, wide + 0.07, 0.92, n=64) if p[1] <= fringe]
    pen.fill(sorted(cap, key=lambda p: math.atan2(p[1] - fringe - 0.01, p[0])), hair)
    pen.part("hair", 0.0, -0.66)
    iris = _one([INK, (60, 90, 150), (70, 110, 70), (96, 60, 40)], rng, [skin])
    for name, side in (("left eye", -1), ("right eye", 1)):
        pen.ellipse(side * 0.3, -0.02, 0.15, 0.13, WHITE)
        pen.ellipse(side * 0.3, -0.02, 0.085, 0.095, iris)
        pen.line([(side * 0.17, -0.2), (side * 0.43, -0.21)], 0.06, darker(hair, 0.2))
        pen.part(name, side * 0.3, -0.02)
    pen.line([(0.02, 0.06), (0.07, 0.26), (-0.03, 0.27)], 0.06, darker(skin, 0.35))
    pen.part("nose", 0.02, 0.2)
    lip, y = jitter((196, 62, 66), rng), 0.5
    if rng.random() < 0.5:
        pen.fill([p for p in ellipse(0.0, y - 0.04, 0.3, 0.24) if p[1] >= y - 0.045], lip)
        pen.fill(rectangle(-0.2, y - 0.05, 0.2, y + 0.02), WHITE)
    else:
        pen.line([(-0.28, y - 0.06), (-0.14, y + 0.04), (0.14, y + 0.04), (0.28, y - 0.06)], 0.085, lip)
    pen.part("mouth", 0.0, y)


def cup(pen: Pen, rng: np.random.Generator, behind: Sequence[Colour]) -> None:
    clay = unlike(behind, rng)
    rim, foot, low = rng.uniform(0.56, 0.66), rng.uniform(0.38, 0.56), rng.uniform(0.6, 0.74)
    top = -0.3
    if rng.random() < 0.6:
        pen.ellipse(0.0, low + 0.04, 0.96, 0.17, darker(clay, 0.2))
        pen.ellipse(0.0, low, 0.94, 0.14, lighter(clay, 0.3))
        pen.part("saucer", 0.8, low)
    pen.ring(rim + 0.06, 0.1, 0.33, 0.13, darker(clay, 0.12))
    pen.part("handle", rim + 0.26, 0.1)
    right = [(rim, top), (foot, low - 0.04), (foot - 0.12, low + 0.04)]
    bowl = right + [(-x, y) for x, y in reversed(right)]
    pen.textured(bowl, clay, _shade(clay, rng), _pattern(rng), 0.26)
    pen.part("bowl", 0.0, 0.2)
    pen.ellipse(0.0, top, rim, 0.17, lighter(clay, 0.45))
    pen.ellipse(0.0, top + 0.01, rim - 0.08, 0.12, _one([(84, 50, 34), (196, 128, 66), (120, 40, 44)], rng, [clay]))
    pen.part("drink", 0.0, top)
    if rng.random() < 0.7:
        steam = lighter(behind[0], 0.6) if distance(behind[0], WHITE) > 200 else darker(behind[0], 0.25)
        for x in (-0.24, 0.12):
            pen.line([(x, -0.5), (x + 0.1, -0.64), (x - 0.02, -0.78), (x + 0.08, -0.95)], 0.075, steam)
        pen.part("steam", 0.0, -0.72)


def bird(pen: Pen, rng: np.random.Generator, behind: Sequence[Colour]) -> None:
    body = unlike(behind, rng)
    wing = unlike([body], rng, 150.0)
    beak = _one([(244, 164, 40), (232, 104, 44), (250, 208, 84), INK], rng, [body, *behind])
    pen.fill([(-0.45, 0.0), (-1.0, -0.3), (-1.02, -0.06), (-0.92, 0.14), (-0.4, 0.3)], darker(body, 0.25))
    pen.part("tail", -0.84, -0.04)
    for x in (-0.02, 0.2):
        pen.line([(x, 0.5), (x + 0.02, 0.88), (x + 0.16, 0.9)], 0.07, darker(beak, 0.2))
    pen.part("legs", 0.12, 0.78)
    pen.fill([(0.68, -0.52), (1.02, -0.36), (0.68, -0.26)], beak)
    pen.part("beak", 0.82, -0.38)
    pen.ellipse(0.02, 0.14, 0.64, 0.45, body, -0.3)
    belly = lighter(body, 0.5)
    pen.ellipse(0.2, 0.26, 0.36, 0.28, belly, -0.5)
    pen.ellipse(0.46, -0.4, 0.34, 0.33, body)
    pen.part("head", 0.46, -0.4)
    flap = rng.uniform(-0.35, 0.15)
    tip = [(-0.12, -0.2 + flap * 0.4), (-0.72, flap), (-0.5, 0.24 + flap * 0.5)]
    feathers = [(0.2, -0.08), *tip, (-0.1, 0.32), (0.16, 0.18)]
    pen.textured(feathers, wing, _shade(wing, rng), _pattern(rng, "plain", "bands", "diagonal", "stripes"), 0.22)
    pen.part("wing", -0.2, 0.08 + flap * 0.4)
    _eye(pen, 0.54, -0.46, 0.11)
    pen.part("eye", 0.54, -0.46)


def flower(pen: Pen, rng: np.random.Generator, behind: Sequence[Colour]) -> None:
    petal = unlike(behind, rng)
    heart = unlike([petal], rng, 230.0)
    green = _one(LEAVES[:3], rng, behind, 100.0)
    y = -0.34
    bend = rng.uniform(-0.12, 0.12)
    pen.line([(0.0, y), (bend, 0.35), (bend * 0.3, 0.98)], 0.1, green)
    pen.part("stem", bend, 0.4)
    for side in (-1, 1)[: int(rng.integers(1, 3))]:
        pen.ellipse(bend + side * 0.26, 0.58, 0.27, 0.12, green if side < 0 else darker(green, 0.15), side * -0.5)
        pen.part("leaf", bend + side * 0.26, 0.58)
    n = int(rng.integers(5, 9))
    start, long = rng.uniform(0, 2 * math.pi), rng.uniform(0.29, 0.34)
    broad = min(0.94 * math.pi * 0.3 / n + 0.06, 0.24)
    for k in range(n):
        a = start + 2 * math.pi * k / n
        tone = petal if k % 2 else mix(petal, darker(petal, 0.2), 0.6)
        pen.ellipse(0.33 * math.cos(a), y + 0.33 * math.sin(a), long, broad, tone, a)
    pen.part("petals", 0.36 * math.cos(start), y + 0.36 * math.sin(start))
    r = rng.uniform(0.17, 0.24)
    pen.textured(ellipse(0.0, y, r, r), heart, darker(heart, 0.25), _pattern(rng, "plain", "dots", "half"), 0.12)
    pen.part("centre", 0.0, y)


DRAWN: MappingProxyType[str, Draw] = MappingProxyType(
    {
        "bird": bird,
        "boat": boat,
        "car": car,
        "clock": clock,
        "cup": cup,
        "face": face,
        "fish": fish,
        "flower": flower,
        "house": house,
        "tree": tree,
    }
)
