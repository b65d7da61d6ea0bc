"""DLIME: LIME for tables without chance, from real rows like the one to explain.

The training rows are standardised and clustered by agglomeration (Ward). The row to explain belongs to the cluster of
its nearest training row; with z the standardised values of that cluster's rows and of the row itself,

    y ≈ b + Σ_k w_k z_k,   weighted by exp(−d² / 2 width²), d = |z − z(row)|, width = 0.75 sqrt(p),

first on all features, then on the `n_features` of largest |w_k z_k(row)|. The evidence is w_k z_k(row): what the
feature adds compared with a mean row. Nothing is drawn, so a second run gives the same numbers.

Zafar, Khan, "DLIME: A Deterministic Local Interpretable Model-Agnostic Explanations Approach for Computer-Aided
Diagnosis Systems", 2019 (arXiv 1906.10263); "Deterministic Local Interpretable Model-Agnostic Explanations for Stable
Explainability", 2021. This is what the paper means; its published program is another thing: see `DlimeAsPublished`.
We differ: features are standardised before clustering and in the regression, only training rows are clustered, and a
ridge of 0.001 holds features that say the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from cnnvis.compute.evaluations import Value
from cnnvis.compute.local_fit import sparse_fit
from cnnvis.compute.method import Cost, Family, Takes
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

_ALPHA = 1e-3
MOST_ROWS = 4000
"""Agglomeration takes memory by the square of the rows; of more, evenly spaced ones are taken."""


@dataclass(frozen=True, eq=False, slots=True)
class Clusters:
    """Training rows, their mean and spread, and the cluster of each."""

    rows: Rows
    mean: Floats
    spread: Floats
    labels: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Dlime:
    """How much each feature of a row adds to the target (+) or takes from it (−), compared with a mean row.

    `n_clusters` is how many clusters the training rows are put into: more are nearer to the row, and smaller.
    `n_features` at most are given a weight. `value` asks for the target's score or for the probability of a class. The
    same numbers each time. One forward pass of a row for each row of the cluster.
    """

    n_clusters: int = 2
    n_features: int = 10
    value: Value = "score"
    known: Clusters | None = field(default=None, compare=False, repr=False, metadata={"state": True})

    title: ClassVar[str] = "DLIME"
    paper: ClassVar[str] = "Zafar, Khan, DLIME: Deterministic Local Explanations, 2019 (arXiv 1906.10263)"
    family: ClassVar[Family] = "perturbation"
    takes: ClassVar[Takes] = "row"

    def cost(self, network: Network) -> Cost:
        known = 1000 if self.known is None else len(self.known.rows.values)
        return Cost(1 + known // max(self.n_clusters, 1))

    def prepared(
        self, probe: Probe, data: Dataset, rows: Sequence[int], target: Target, progress: Progress = silent
    ) -> Dlime:
        found = clustered(read_rows("Dlime", probe.network, data, rows, target, progress), self.n_clusters)
        return replace(self, known=found)

    def __call__(self, probe: Probe, inputs: Any, target: Target, progress: Progress = silent) -> Vector:
        """What each feature adds (p,) for one row; `inputs` is a batch of one.

        Raises InvalidValue where the row's cluster holds too few rows to fit a line.
        """
        if self.known is None:
            raise InvalidValue("Dlime must learn from a table first. Give attribute the `data`, or call prepared.")
        checked(probe.network, target)
        row, predict = asked(probe, inputs, target, self.value, 0, progress)
        must_fit("Dlime", self.known.rows, row)
        found, facts = explained(self.known, row, predict, self.n_features)
        return Vector(found.astype(np.float32), self.known.rows.features, facts)


def clustered(rows: Rows, n_clusters: int) -> Clusters:
    """Training rows in clusters. Raises InvalidValue where they are fewer than the clusters."""
    from sklearn.cluster import AgglomerativeClustering

    values = rows.values[:: -(-len(rows.values) // MOST_ROWS)]
    if not 1 <= n_clusters <= len(values) // 2:
        raise InvalidValue(
            f"Dlime.n_clusters must be 1 to {len(values) // 2}, half of the rows to learn from; got {n_clusters}."
        )
    mean, spread = values.mean(0), values.std(0)
    spread = np.where(spread > 1e-12 * np.maximum(np.abs(mean), 1e-300), spread, 1.0)
    if n_clusters == 1:
        return Clusters(Rows(values, rows.features), mean, spread, np.zeros(len(values), np.int64))
    labels = AgglomerativeClustering(n_clusters).fit_predict((values - mean) / spread)
    return Clusters(Rows(values, rows.features), mean, spread, labels.astype(np.int64))


def explained(known: Clusters, row: Floats, predict: Predict, n_features: int = 10) -> tuple[Floats, dict[str, Any]]:
    """What each feature of a row adds by DLIME, (p,), and the facts, for anything that gives a value for rows."""
    values, p = known.rows.values, len(row)
    standard, here = (values - known.mean) / known.spread, (row - known.mean) / known.spread
    nearest = int(((standard - here) ** 2).sum(1).argmin())
    mine = known.labels == known.labels[nearest]
    least = min(n_features, p) + 2
    if mine.sum() < least:
        raise InvalidValue(
            f"Dlime's row must belong to a cluster of at least {least} training rows to fit {least - 2} features; its "
            f"nearest row is in one of {mine.sum()}. Use fewer clusters or features."
        )
    z = np.vstack([here, standard[mine]])
    weights = np.exp(-((z - here) ** 2).sum(1) / (2 * 0.75**2 * p))
    found = sparse_fit(z, predict(np.vstack([row, values[mine]])), weights, n_features, _ALPHA)
    added = found.coefficients * here
    facts = facts_of(replace(found, coefficients=added), weights, known.rows.features)
    return added, facts | {"cluster_size": int(mine.sum()), "n": len(values), "cluster": int(known.labels[nearest])}
