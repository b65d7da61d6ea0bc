"""Images that were drawn for the neurons of a layer, in the place of patches of real ones."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

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

    @property
    def beyond(self) -> float:
        """The share of images that drive their unit further than any real one, where that is known; NaN: nowhere."""
        known = np.isfinite(self.strongest)
        return float(np.mean(self.drive[known] > self.strongest[known])) if known.any() else float("nan")
