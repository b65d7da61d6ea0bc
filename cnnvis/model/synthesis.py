"""Images that were drawn for the neurons of a layer, in the place of patches of real ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnvis.errors import InvalidValue


@dataclass(frozen=True, eq=False)
class Icons:
    """One drawn image for each of some units of a layer.

    values (n, h, w, 3) uint8 RGB. drive (n,) float32: how far each drives its unit, the mean of its map. strongest
    (n,) float32: how far the strongest real image does; −inf where nobody knows. `steps`: how long they were drawn.
    """

    layer: str
    units: tuple[int, ...]
    values: NDArray[np.uint8]
    drive: NDArray[np.float32]
    strongest: NDArray[np.float32]
    steps: int

    def __post_init__(self) -> None:
        n = len(self.units)
        if not len(self.values) == len(self.drive) == len(self.strongest) == n:
            raise InvalidValue(f"Icons must be one for each of {n} units; got {len(self.values)}.")

    @cached_property
    def rows(self) -> dict[int, int]:
        """For each unit its row in the arrays."""
        return {unit: row for row, unit in enumerate(self.units)}

    def of(self, unit: int) -> NDArray[np.uint8] | None:
        """A unit's image (h, w, 3), or None where none was drawn."""
        row = self.rows.get(unit)
        return None if row is None else self.values[row]

    def joined(self, other: Icons) -> Icons:
        """These and those of other units of the layer; of a unit in both the other's. Only those where sizes differ."""
        mine = [row for row, unit in enumerate(self.units) if unit not in other.rows]
        if self.values.shape[1:] != other.values.shape[1:]:
            return other
        order = np.argsort(np.array([*(self.units[row] for row in mine), *other.units]), kind="stable")

        def both(one: NDArray[Any], two: NDArray[Any]) -> NDArray[Any]:
            return np.concatenate([one[mine], two])[order]

        return Icons(
            self.layer,
            tuple(int(u) for u in np.array([*(self.units[row] for row in mine), *other.units])[order]),
            both(self.values, other.values),
            both(self.drive, other.drive),
            both(self.strongest, other.strongest),
            max(self.steps, other.steps),
        )

    @property
    def beyond(self) -> float:
        """The share of images that drive their unit further than any real one, where that is known; NaN: nowhere."""
        known = np.isfinite(self.strongest)
        return float(np.mean(self.drive[known] > self.strongest[known])) if known.any() else float("nan")


_STEPS, _UNITS = 2**16, 2**24


@dataclass(frozen=True, eq=False)
class Synthesis:
    """The icons of layers, by layer. Marks of a picture name a drawn image by a number below −1, a real one by its
    sample: painters ask `Session.picture` for either. A number is another one when an icon was drawn further.
    """

    icons: Mapping[str, Icons] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not isinstance(self.icons, MappingProxyType):
            object.__setattr__(self, "icons", MappingProxyType(dict(self.icons)))

    def __contains__(self, layer: object) -> bool:
        return layer in self.icons

    def with_icons(self, found: Icons) -> Synthesis:
        """The same with these icons in the place of the layer's earlier ones."""
        return Synthesis({**self.icons, found.layer: found})

    def number(self, layer: str, unit: int) -> int | None:
        """What a unit's image is called in a picture; None where there is none."""
        found = self.icons.get(layer)
        if found is None or unit not in found.rows:
            return None
        place = list(self.icons).index(layer)
        return -2 - ((place * _UNITS + unit) * _STEPS + min(found.steps, _STEPS - 1))

    def picture(self, number: int) -> NDArray[np.uint8] | None:
        """The image of such a number, (h, w, 3); None where it is gone."""
        rest = (-2 - number) // _STEPS
        place, unit = divmod(rest, _UNITS)
        layers = list(self.icons)
        return self.icons[layers[place]].of(unit) if 0 <= place < len(layers) else None
