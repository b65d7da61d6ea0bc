"""What the cards of one column are made from."""

from __future__ import annotations

import math
from collections.abc import Hashable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from cnnvis.layout.card import COLOURED_CLASSES, Style
from cnnvis.layout.class_groups import ClassColumn, class_columns, column_means
from cnnvis.layout.marks import Box, Ink
from cnnvis.layout.readings import Reading, Table
from cnnvis.model.measurements import Contributions, LayerHealth
from cnnvis.model.network import Network
from cnnvis.model.partition import Cluster
from cnnvis.model.session import DRAWN, Look
from cnnvis.model.subsets import Subset
from cnnvis.model.synthesis import Synthesis

Crop = tuple[int, int, int, int]
_AWAITED = 0.3
"""How strongly a real image is seen where a drawn one is awaited."""
_WHOLE = Box(0, 0, 1, 1)


@dataclass(frozen=True, slots=True)
class Piece:
    """A picture, or the crop of it, in a part of the square that stands for a neuron; `part` in shares of its sides."""

    picture: int
    crop: Crop | None = None
    part: Box = _WHOLE
    strength: float = 1.0

    def inside(self, square: Box) -> Box:
        """Its box in a square."""
        part = self.part
        return Box(square.x + part.x * square.w, square.y + part.y * square.h, part.w * square.w, part.h * square.h)


@dataclass(frozen=True, eq=False)
class Material:
    """Everything that is known of one layer and how it is looked at.

    `table` where the samples are rows of a table; `contributions` and `health` are None where they were not measured;
    `subsets` are those of the user whose samples are known; `synthesis` where images drawn for neurons take the place
    of real ones.
    """

    reading: Reading
    style: Style
    network: Network
    look: Look
    table: Table | None = None
    contributions: Contributions | None = None
    health: LayerHealth | None = None
    subsets: tuple[Subset, ...] = ()
    synthesis: Synthesis | None = None

    def pieces(self, unit: int, used: set[int]) -> tuple[Piece, ...]:
        """What stands for a unit: what was drawn for it, or a piece of a real image that is not `used`.

        That is a pale one where drawn ones are looked at.
        """
        drawn, layer = self.synthesis, self.reading.layer.name
        if drawn is None or all(drawn.number(layer, unit, way) is None for way in DRAWN[self.look.source]):
            found = self.reading.exemplar(unit, used)
            return () if found is None else (Piece(*found, strength=1.0 if drawn is None else _AWAITED),)
        known = [icons for way in DRAWN[self.look.source] if (icons := drawn.of(layer, way)) is not None]
        each = [drawn.number(layer, unit, icons.way, copy) for icons in known for copy in range(icons.copies)]
        numbers = [number for number in each if number is not None]
        if self.look.source == "extremes" and len(numbers) == 2:
            return tuple(_half(number, drawn, place) for place, number in enumerate(numbers))
        across = math.ceil(math.sqrt(len(numbers)))
        share = 1 / max(across, 1)
        places = [Box(k % across * share, k // across * share, share, share) for k in range(len(numbers))]
        return tuple(Piece(number, None, place) for number, place in zip(numbers, places))

    @property
    def drawn_key(self) -> Hashable:
        """What is shown of drawn images: none of the images themselves, so that it can be kept."""
        if self.synthesis is None:
            return None
        found = (self.synthesis.of(self.reading.layer.name, way) for way in DRAWN[self.look.source])
        told = ((x.way, x.units, np.asarray(x.steps).tobytes(), x.copies, x.seed) for x in found if x is not None)
        return self.look.source, tuple(told)

    @property
    def groups(self) -> tuple[str, ...]:
        return self.reading.activations.groups

    @property
    def coloured(self) -> bool:
        """Whether each group of samples has a colour of its own."""
        return len(self.groups) <= COLOURED_CLASSES and self.reading.activations.kind != "quantile"

    @cached_property
    def columns(self) -> tuple[ClassColumn, ...]:
        """The columns of matrices in the order of the network."""
        return class_columns(self.reading.activations, self.network, self.look)

    @property
    def columns_key(self) -> tuple[str, frozenset[int]]:
        """What the columns depend on beside the responses."""
        return self.look.order, self.look.unfolded

    def columns_of(self, cluster: Cluster) -> tuple[ClassColumn, ...]:
        """The columns of one cluster: those of the network, or in an order of its own."""
        if self.look.order != "local":
            return self.columns
        found = self.reading.activations
        total = found[self.reading.layer.name].total[list(cluster.members)]
        with np.errstate(invalid="ignore", divide="ignore"):
            means = np.where(found.counts > 0, total / found.counts, np.nan)
        return class_columns(found, self.network, self.look, means)

    def effects(self, columns: tuple[ClassColumn, ...]) -> tuple[NDArray[np.float64], float]:
        """The mean contribution of each unit of the layer by column, (n_units, n_columns), and the size of strong ones.

        Only a hundredth of all are larger than that.
        """
        found = self.contributions
        assert found is not None
        known = self.reading.effects.get(found, {})
        if columns not in known:
            values = column_means(found.total(self.reading.layer.name), found.counts, columns)
            sizes = np.abs(values[np.isfinite(values)])
            scale = max(float(np.percentile(sizes, 99)), 1e-300) if sizes.size else 1.0
            known[columns] = values, scale
            self.reading.effects[found] = known
        return known[columns]

    def tick(self, column: ClassColumn) -> Ink:
        """The colour above a column: that of its class where classes have colours."""
        return Ink("class", column.classes[0]) if self.coloured and len(column.classes) == 1 else Ink("heat", 0, 0.35)


def _half(number: int, drawn: Synthesis, place: int) -> Piece:
    """The middle of an image in the left (0) or the right half (1) of a square."""
    picture = drawn.picture(number)
    assert picture is not None
    high, wide = picture.shape[:2]
    return Piece(number, (0, wide // 4, high, wide - wide // 4), Box(place / 2, 0, 0.5, 1))
