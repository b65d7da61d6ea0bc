"""How strongly the units of neighbouring drawn layers drive each other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cnnvis.errors import UnknownName
from cnnvis.model.partition import Cluster

Mode = Literal["weights", "weights × activation", "class"]


@dataclass(frozen=True, eq=False)
class Connections:
    """For each pair of neighbouring drawn layers a signed matrix (n_source, n_sink) float16.

    An entry is the mean effect of the source unit on the pooled response of the sink unit in the given mode; in mode
    "class" the part of the logit of class `target` that flows from the source unit through the sink unit.
    `scales[pair]` restores the unit of measure: effect = matrix × scale.
    `probe` counts the samples over which it was averaged (0: exact from the weights).
    """

    mode: Mode
    matrices: Mapping[tuple[str, str], NDArray[np.float16]]
    scales: Mapping[tuple[str, str], float]
    target: int | None = None
    probe: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "matrices", MappingProxyType(dict(self.matrices)))
        object.__setattr__(self, "scales", MappingProxyType(dict(self.scales)))

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        return tuple(self.matrices)

    def between(self, source: str, sink: str) -> NDArray[np.float16]:
        """The matrix of one pair, (n_source, n_sink)."""
        if (source, sink) not in self.matrices:
            raise UnknownName(f"Connections must be asked of two neighbours; {source} → {sink} are none.")
        return self.matrices[source, sink]

    def blocks(
        self, source: str, sink: str, sources: Iterable[Cluster], sinks: Iterable[Cluster]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Cluster-to-cluster strengths (positive, negative), each (n_source_clusters, n_sink_clusters), both ≥ 0.

        The sums over members of the positive and of the negative entries, divided by the size of the sink cluster;
        in mode "class", where all entries are parts of one logit, not divided. Of some clusters of a layer it costs
        as much as they hold; of whole partitions about 7 ns an entry.
        """
        matrix, above, below = self.between(source, sink), tuple(sources), tuple(sinks)
        rows, columns = _indicator(above, matrix.shape[0]), _indicator(below, matrix.shape[1])
        sizes = 1.0 if self.mode == "class" else columns.sum(0)
        if sum(map(len, below)) < matrix.shape[1]:
            held = np.flatnonzero(columns.any(1))
            matrix, columns = matrix[:, held], columns[held]
        chosen = np.flatnonzero(rows.any(1))
        picked = np.ascontiguousarray(rows[chosen].T, np.float32)
        sums = np.zeros((2, len(above), matrix.shape[1]))
        # Wide layers are summed at each regroup: in pieces that stay in the cache, in float32, which is finer
        # than the stored float16.
        for first in range(0, len(chosen), 256):
            piece = matrix[chosen[first : first + 256]].astype(np.float32)
            over: NDArray[np.float32] = np.maximum(piece, 0.0)
            sums[0] += picked[:, first : first + 256] @ over
            sums[1] += picked[:, first : first + 256] @ (over - piece)
        positive, negative = sums @ columns * (self.scales[source, sink] / sizes)
        return positive, negative


def _indicator(clusters: Sequence[Cluster], n_units: int) -> NDArray[np.float64]:
    """One row per unit, one column per cluster, 1 where it is a member."""
    out = np.zeros((n_units, len(clusters)))
    for place, cluster in enumerate(clusters):
        out[list(cluster.members), place] = 1.0
    return out
