"""Images that were drawn for the neurons of a layer, in the place of patches of real ones."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from cnnvis.errors import InvalidValue

Way = Literal["max", "min", "diverse"]
"""Drawn to drive a neuron as far up as it goes, as far down, or up in several ways that are unlike each other."""
WAYS: tuple[Way, ...] = ("max", "min", "diverse")
_LEAST, _MOST, _FIELDS = 64, 80, 1.5


def icon_side(field: tuple[float, ...] | None) -> int:
    """The pixels of an icon's side for a neuron that sees so many (None: all): one and a half of its field, 64 to 80.

    What a neuron answers to lies in the middle of its field. A larger picture repeats it, in lines too fine for a card,
    and takes four times as long where it is twice as wide.
    """
    return _MOST if field is None else min(max(_LEAST, 8 * math.ceil(_FIELDS * max(field) / 8)), _MOST)


@dataclass(frozen=True, eq=False)
class Icons:
    """One drawn image, or `copies` of them, for each of some units of a layer.

    values (n × copies, h, w, 3) uint8 RGB: of each unit its copies, and then the next. drive (n × copies,) float32: how
    far each drives its unit, the mean of its map; `way` "min": before its rectifier. strongest (n,) float32: how far
    the strongest real image does, of "min" the furthest down; not finite where nobody knows. steps (n,): how long
    they were drawn; one number stands for all. `seed`: of the noise and the motions.
    """

    layer: str
    units: tuple[int, ...]
    values: NDArray[np.uint8]
    drive: NDArray[np.float32]
    strongest: NDArray[np.float32]
    steps: NDArray[np.int64] | int
    way: Way = "max"
    copies: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        n = len(self.units)
        if not len(self.values) == len(self.drive) == n * self.copies or len(self.strongest) != n:
            many = f"{self.copies} for each" if self.copies > 1 else "one for each"
            raise InvalidValue(f"Icons must be {many} of {n} units; got {len(self.values)}.")
        object.__setattr__(self, "steps", np.broadcast_to(np.asarray(self.steps, np.int64), (n,)))

    @cached_property
    def rows(self) -> dict[int, int]:
        """For each unit its row in the arrays."""
        return {unit: row for row, unit in enumerate(self.units)}

    def of(self, unit: int, copy: int = 0) -> NDArray[np.uint8] | None:
        """A unit's image (h, w, 3), or None where none was drawn."""
        row = self.rows.get(unit)
        return None if row is None or copy >= self.copies else self.values[row * self.copies + copy]

    def drawn(self, unit: int) -> int:
        """For how many steps a unit's image was drawn; 0 where there is none."""
        row = self.rows.get(unit)
        return 0 if row is None else int(np.asarray(self.steps)[row])

    def driven(self, unit: int) -> tuple[NDArray[np.float32], float]:
        """How far a unit is driven by each of its images, (copies,), and by the strongest real one."""
        row = self.rows[unit]
        return self.drive[row * self.copies : (row + 1) * self.copies], float(self.strongest[row])

    def joined(self, other: Icons) -> Icons:
        """These and those of other units of the layer; of a unit in both the other's. Only those where sizes differ."""
        if (self.values.shape[1:], self.copies) != (other.values.shape[1:], other.copies):
            return other
        mine = [row for row, unit in enumerate(self.units) if unit not in other.rows]
        units = np.array([*(self.units[row] for row in mine), *other.units])
        order = np.argsort(units, kind="stable")

        def both(one: NDArray[Any], two: NDArray[Any], many: int = 1) -> NDArray[Any]:
            parts = [found.reshape(-1, many, *found.shape[1:]) for found in (one, two)]
            found = np.concatenate([parts[0][mine], parts[1]])[order]
            return found.reshape(-1, *one.shape[1:])

        return replace(
            other,
            units=tuple(int(u) for u in units[order]),
            values=both(self.values, other.values, self.copies),
            drive=both(self.drive, other.drive, self.copies),
            strongest=both(self.strongest, other.strongest),
            steps=both(np.asarray(self.steps), np.asarray(other.steps)),
        )

    @property
    def beyond(self) -> float:
        """The share of images that drive their unit further than any real one, where that is known; NaN: nowhere."""
        real = np.repeat(self.strongest, self.copies)
        known = np.isfinite(real)
        further = self.drive < real if self.way == "min" else self.drive > real
        return float(np.mean(further[known])) if known.any() else float("nan")


_STEPS, _UNITS, _COPIES = 2**16, 2**24, 2**6


@dataclass(frozen=True, eq=False)
class Synthesis:
    """The icons of layers, by layer and way. Marks of a picture name a drawn image by a number below −1, a real one by
    its sample: painters ask `Session.picture` for either. A number is another one when an icon was drawn further.
    """

    icons: Mapping[tuple[str, Way], Icons] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not isinstance(self.icons, MappingProxyType):
            object.__setattr__(self, "icons", MappingProxyType(dict(self.icons)))

    def of(self, layer: str, way: Way = "max") -> Icons | None:
        """The icons of a layer that were drawn in a way; None where there are none."""
        return self.icons.get((layer, way))

    def with_icons(self, found: Icons) -> Synthesis:
        """The same with these icons in the place of the layer's earlier ones of that way."""
        return Synthesis({**self.icons, (found.layer, found.way): found})

    def number(self, layer: str, unit: int, way: Way = "max", copy: int = 0) -> int | None:
        """What a unit's image is called in a picture; None where there is none."""
        found = self.of(layer, way)
        if found is None or unit not in found.rows or copy >= found.copies:
            return None
        place = list(self.icons).index((layer, way))
        return -2 - (((place * _UNITS + unit) * _COPIES + copy) * _STEPS + min(found.drawn(unit), _STEPS - 1))

    def picture(self, number: int) -> NDArray[np.uint8] | None:
        """The image of such a number, (h, w, 3); None where it is gone."""
        rest, copy = divmod((-2 - number) // _STEPS, _COPIES)
        place, unit = divmod(rest, _UNITS)
        found = list(self.icons.values())
        return found[place].of(unit, copy) if 0 <= place < len(found) else None
