"""DLIME as its published program computes it, kept to be compared with `Dlime`: do not use it to explain.

From github.com/rehmanzafar/dlime_experiments, described in words. What is wrong there and is wrong here too:

1. All rows are clustered, those to test as well, in their own units, into two clusters; the nearest row is looked for
   among the training rows, and its place *among these* is looked up in the clusters of *all*: another row's cluster.
   (Two of the scripts look up the result once more; this one is the notebook's.) The two orders are the same, and the
   fault has no effect, where the training rows are all rows.
2. A feature of a row counts as 1 only where it equals the row to explain exactly: in a table of measurements nearly
   never. The regression, least squares without a ridge, sees columns of zeros, so R² is near 0.
3. The cluster's first row is overwritten by the row to explain.

Zafar, Khan, "DLIME: A Deterministic Local Interpretable Model-Agnostic Explanations Approach for Computer-Aided
Diagnosis Systems", 2019 (arXiv 1906.10263). It is deterministic, as the paper claims, for such a trivial reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from cnnvis.compute.evaluations import Value
from cnnvis.compute.local_fit import Fit, sparse_fit
from cnnvis.compute.method import Cost, Family, Takes
from cnnvis.compute.methods.dlime import MOST_ROWS
from cnnvis.compute.methods.lime_table import facts_of
from cnnvis.compute.probe import Probe
from cnnvis.compute.rows import Floats, Predict, Rows, asked, must_fit, read_rows
from cnnvis.compute.score import checked
from cnnvis.errors import InvalidValue
from cnnvis.model.attribution import Vector
from cnnvis.model.dataset import Dataset
from cnnvis.model.network import Network
from cnnvis.model.target import Target
from cnnvis.progress import Progress, silent


@dataclass(frozen=True, eq=False, slots=True)
class Everything:
    """All rows, the cluster of each in their order, and the places of the training rows among them."""

    rows: Rows
    labels: NDArray[np.int64]
    training: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class DlimeAsPublished:
    """The weight of each feature by DLIME's published program, with its faults, for comparison only.

    `n_features` at most are given a weight. `value` asks for the target's score or for the probability of a class. One
    forward pass of a row for each row of the cluster.
    """

    n_features: int = 10
    value: Value = "score"
    known: Everything | None = field(default=None, compare=False, repr=False, metadata={"state": True})

    title: ClassVar[str] = "DLIME as published"
    paper: ClassVar[str] = "Zafar, Khan, DLIME: Deterministic Local Explanations, 2019 (arXiv 1906.10263)"
    family: ClassVar[Family] = "perturbation"
    takes: ClassVar[Takes] = "row"

    def cost(self, network: Network) -> Cost:
        return Cost(1000 if self.known is None else len(self.known.rows.values) // 2)

    def prepared(
        self, probe: Probe, data: Dataset, rows: Sequence[int], target: Target, progress: Progress = silent
    ) -> DlimeAsPublished:
        if len(data) > MOST_ROWS:
            raise InvalidValue(
                f"DlimeAsPublished must be given {MOST_ROWS:,} rows at most; got {len(data):,}. Use Dlime."
            )
        read = read_rows("DlimeAsPublished", probe.network, data, range(len(data)), target, progress)
        training = np.arange(len(data)) if len(read.values) < len(data) else np.asarray(rows, np.int64)
        return replace(self, known=clustered(read, training[training < len(read.values)]))

    def __call__(self, probe: Probe, inputs: Any, target: Target, progress: Progress = silent) -> Vector:
        """The weight of each feature (p,) for one row; `inputs` is a batch of one."""
        if self.known is None:
            raise InvalidValue("DlimeAsPublished must learn from a table first. Give attribute the `data`.")
        checked(probe.network, target)
        row, predict = asked(probe, inputs, target, self.value, 0, progress)
        must_fit("DlimeAsPublished", self.known.rows, row)
        found, facts = explained(self.known, row, predict, self.n_features)
        return Vector(found.coefficients.astype(np.float32), self.known.rows.features, facts)


def clustered(rows: Rows, training: NDArray[np.int64]) -> Everything:
    """All rows in two clusters, in their own units."""
    from sklearn.cluster import AgglomerativeClustering

    return Everything(rows, AgglomerativeClustering().fit_predict(rows.values).astype(np.int64), training)


def explained(known: Everything, row: Floats, predict: Predict, n_features: int = 10) -> tuple[Fit, dict[str, Any]]:
    """The weights of a row's features, and the facts, for anything that gives a value for rows."""
    values = known.rows.values
    nearest = int(((values[known.training] - row) ** 2).sum(1).argmin())
    mine = values[known.labels == known.labels[nearest]].copy()
    design = (mine == row).astype(np.float64)
    mine[0], design[0] = row, 1.0
    weights = np.exp(-(1 - design).sum(1) / (2 * 0.75**2 * len(row)))
    found = sparse_fit(design, predict(mine), weights, n_features, 0.0)
    facts = facts_of(found, weights, known.rows.features)
    says = "Computed with the faults of the published program: compare it, do not rely on it."
    return found, facts | {"cluster_size": len(mine), "n": len(values), "says": says}
