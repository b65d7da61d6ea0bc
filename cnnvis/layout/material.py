"""What the cards of one column are made from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from cnnvis.layout.card import COLOURED_CLASSES, Style
from cnnvis.layout.class_groups import ClassColumn, class_columns, column_means
from cnnvis.layout.marks import Ink
from cnnvis.layout.readings import Reading, Table
from cnnvis.model.measurements import Contributions, LayerHealth
from cnnvis.model.network import Network
from cnnvis.model.partition import Cluster
from cnnvis.model.session import Look
from cnnvis.model.subsets import Subset
from cnnvis.model.synthesis import Synthesis


@dataclass(frozen=True, eq=False)
class Material:
    """Everything that is known of one layer and how it is looked at.

    `table` where the samples are rows of a table; `contributions` and `health` are None where they were not measured;
    `subsets` are those of the user whose samples are known; `synthesis` where images drawn for the neurons of the
    layer take the place of real ones.
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

    def exemplar(self, unit: int, used: set[int]) -> tuple[int, tuple[int, int, int, int] | None] | None:
        """The picture and the crop of it that stand for a unit: one drawn for it, or a real one that is not `used`."""
        if self.synthesis is None:
            return self.reading.exemplar(unit, used)
        number = self.synthesis.number(self.reading.layer.name, unit)
        return None if number is None else (number, None)

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
