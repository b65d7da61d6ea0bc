"""Scenes: the demo's pictures, one recognisable thing each, of which everything is known."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from cnnvis.errors import InvalidValue, UnknownName, did_you_mean
from cnnvis.sources.scene_ground import Ground, ground
from cnnvis.sources.scene_pen import OVERSAMPLED, Frame, Pen, ellipse, rectangle
from cnnvis.sources.scene_things import DRAWN

CLASSES: tuple[str, ...] = tuple(DRAWN)
MEAN = (0.68, 0.67, 0.64)  # of all scenes, so that inputs are centred
STD = (0.25, 0.24, 0.24)

Box = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Tag:
    """A small yellow tag with a red dot, put into a corner of some scenes to make a shortcut.

    `on`: the class that carries it, in `share` of its scenes (0–1). `others`: the share of all other scenes that do.
    """

    on: str
    share: float = 1.0
    others: float = 0.0

    def __post_init__(self) -> None:
        if self.on not in CLASSES:
            hint = did_you_mean(self.on, CLASSES)
            raise UnknownName(f"Tag.on must be a class of the scenes; got {self.on!r}. {hint}")
        for name, share in (("share", self.share), ("others", self.others)):
            if not 0.0 <= share <= 1.0:
                raise InvalidValue(f"Tag.{name} must be a share between 0 and 1; got {share!r}.")


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """One picture and all that is true of it.

    `picture` (size, size, 3) uint8 RGB and `mask` (size, size) bool, both read-only; boxes are (top, left, bottom,
    right) in whole pixels, the last two exclusive; `parts` holds the centre (y, x) in pixels of each named part
    of the thing, where pixel 0 has its centre at 0.0; `tag` is the box of the tag, or None.
    """

    picture: NDArray[np.uint8]
    label: int
    box: Box
    mask: NDArray[np.bool_]
    parts: Mapping[str, tuple[float, float]]
    background: str
    tag: Box | None


@dataclass(frozen=True, slots=True)
class Scenes:
    """A data set of `n` scenes of ten classes, drawn when asked for: the same for the same seed, in any order.

    A scene depends on (seed, index, size) alone: a longer data set begins with the shorter one, and a tag changes
    nothing but its corner. Classes are balanced in every ten. About 4 ms for a scene of 64 pixels.

    Raises `InvalidValue` where n, seed or size is out of range.
    """

    n: int = 500
    seed: int = 0
    size: int = 64
    tag: Tag | None = None

    def __post_init__(self) -> None:
        for name, value, least in (("n", self.n, 1), ("seed", self.seed, 0), ("size", self.size, 16)):
            if not isinstance(value, int) or value < least:
                raise InvalidValue(f"Scenes.{name} must be a whole number of at least {least}; got {value!r}.")

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, index: int) -> tuple[NDArray[np.float32], int]:
        scene = self.scene(index)
        return normalised(scene.picture), scene.label

    def scene(self, index: int) -> Scene:
        """The picture with its label, box, mask, parts and tag.

        Raises IndexError beyond the end.
        """
        place = index + self.n if index < 0 else index
        if not 0 <= place < self.n:
            raise IndexError(f"A scene's index must be below {self.n}; got {index}.")
        return _scene(self.seed, place, self.size, self.tag)

    def picture(self, index: int) -> NDArray[np.uint8]:
        return self.scene(index).picture

    def name(self, index: int) -> str:
        place = index + self.n if index < 0 else index
        return f"{CLASSES[_label(self.seed, place)]}/{place:05d}"

    @property
    def kind(self) -> Literal["images", "table"]:
        return "images"

    @property
    def classes(self) -> tuple[str, ...]:
        return CLASSES

    @property
    def labels(self) -> NDArray[np.int64]:
        blocks = -(-self.n // len(CLASSES))
        return np.concatenate([_block(self.seed, b) for b in range(blocks)])[: self.n]

    @property
    def features(self) -> tuple[str, ...]:
        return ()


def normalised(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """A picture (h, w, 3) as the demo networks want it: (3, h, w), mean 0 and spread 1 over all scenes."""
    scaled = (picture.astype(np.float32) / 255 - np.array(MEAN, np.float32)) / np.array(STD, np.float32)
    return np.ascontiguousarray(scaled.transpose(2, 0, 1), np.float32)


def _rng(*key: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(key)))


def _block(seed: int, block: int) -> NDArray[np.int64]:
    """The labels of ten neighbouring scenes: every class once, in random order."""
    return _rng(seed, block, 1).permutation(len(CLASSES)).astype(np.int64)


def _label(seed: int, index: int) -> int:
    block, place = divmod(index, len(CLASSES))
    return int(_block(seed, block)[place])


@lru_cache(maxsize=1024)  # a pass reads the input, the window then the pictures of the same scenes: 16 kB each
def _scene(seed: int, index: int, size: int, tag: Tag | None) -> Scene:
    label, side = _label(seed, index), size * OVERSAMPLED
    rng = _rng(seed, index, 2)
    behind = ground(side, rng)
    pen = Pen(side, _frame(side, CLASSES[label], rng))
    DRAWN[CLASSES[label]](pen, rng, behind.colours)
    image = _compose(behind, pen, size, rng)
    where = _put_tag(image, tag, CLASSES[label], seed, index)
    clean = np.asarray(image.reduce(OVERSAMPLED), np.float32)
    grain = np.float32(rng.uniform(0.0, 5.0)) * rng.standard_normal(clean.shape, np.float32)
    picture = np.clip(np.rint(clean + grain), 0, 255).astype(np.uint8)
    mask = np.asarray(pen.mask.reduce(OVERSAMPLED)) >= 128
    picture.flags.writeable = mask.flags.writeable = False
    parts = MappingProxyType(dict(pen.parts))
    return Scene(picture, label, _box(mask), mask, parts, behind.kind, where)


def _frame(side: int, thing: str, rng: np.random.Generator) -> Frame:
    """Size, place and turn: things that stand are turned less than things that swim or fly."""
    scale = side * rng.uniform(0.27, 0.41)
    free = side / 2 - 0.92 * scale
    centre = (side / 2 + rng.uniform(-free, free), side / 2 + rng.uniform(-free, free))
    most = math.radians(32 if thing in ("fish", "bird", "flower") else 16)
    mirrored = thing in ("fish", "bird", "car", "boat", "cup") and rng.random() < 0.5
    return Frame(centre, scale, rng.uniform(-most, most), mirrored)


def _compose(behind: Ground, pen: Pen, size: int, rng: np.random.Generator) -> Image.Image:
    """The thing in front of its background, with a soft shadow."""
    image = behind.image
    shift = round(0.02 * image.width)
    soft = pen.mask.reduce(OVERSAMPLED).filter(ImageFilter.BoxBlur(size / 48))
    shadow = Image.new("L", image.size)
    shadow.paste(soft.resize(image.size, Image.Resampling.BILINEAR), (shift, round(1.5 * shift)))
    strength = rng.uniform(0.12, 0.38)
    image.paste((20, 22, 40), mask=shadow.point([round(k * strength) for k in range(256)]))
    image.paste(pen.layer, mask=pen.mask)
    return image


def _put_tag(image: Image.Image, tag: Tag | None, thing: str, seed: int, index: int) -> Box | None:
    """Draws the tag where the scene carries one; its own random stream leaves everything else as it is."""
    if tag is None:
        return None
    rng = _rng(seed, index, 3)
    if rng.random() >= (tag.share if thing == tag.on else tag.others):
        return None
    size = image.width / OVERSAMPLED
    wide, gap = round(0.15 * size), round(0.03 * size)
    top = gap if rng.random() < 0.5 else round(size) - gap - wide
    left = gap if rng.random() < 0.5 else round(size) - gap - wide
    low, side = OVERSAMPLED, wide * OVERSAMPLED
    x, y = left * low, top * low
    paint = ImageDraw.Draw(image)
    paint.polygon(rectangle(x, y, x + side - 1, y + side - 1, side / 5), fill=(255, 214, 10))
    paint.polygon(ellipse(x + side / 2, y + side / 2, side / 4, side / 4), fill=(216, 24, 40))
    return top, left, top + wide, left + wide


def _box(mask: NDArray[np.bool_]) -> Box:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1
