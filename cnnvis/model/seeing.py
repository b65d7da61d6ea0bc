"""Which neurons answer most inside a region of one image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Seeing:
    """How strongly each unit answers to one image inside a box (top, left, bottom, right) and outside it.

    `inside[layer]` and `outside[layer]` (n_units,) float32: the highest response among the places whose middle lies in
    the box, and among the others. Layers no place of which lies in the box, or all, are missing.
    """

    box: tuple[int, int, int, int]
    inside: Mapping[str, NDArray[np.float32]]
    outside: Mapping[str, NDArray[np.float32]]

    def lead(self, layer: str) -> NDArray[np.float64]:
        """How far each unit answers more inside than anywhere outside, (n_units,); negative where it does not."""
        return np.asarray(self.inside[layer].astype(np.float64) - self.outside[layer])

    def ranked(self, layer: str, spread: NDArray[np.float64] | None = None) -> list[tuple[int, float]]:
        """The units whose strongest place lies in the box, with their lead, the clearest first.

        Leads are in units of `spread` (n_units,), where it is given: so that loud units do not outshout the others.
        """
        lead = self.lead(layer)
        sees = (lead > 0) & (self.inside[layer] > 0)
        if spread is not None:
            lead = np.divide(lead, spread, out=np.zeros_like(lead), where=spread > 1e-12)
        order = np.argsort(-np.where(sees, lead, -np.inf), kind="stable")
        return [(int(u), float(lead[u])) for u in order if sees[u] and lead[u] > 0]
