"""Which columns a matrix has: classes in an order in which confusable ones touch, or groups of such classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from cnnvis.layout.ordering import order
from cnnvis.model.activations import Activations
from cnnvis.model.network import Network
from cnnvis.model.session import Look

COLUMNS = 50
"""So many classes have a column each; more are put into groups."""
FEWEST, MOST = 12, 24
"""How many groups of classes there are at least and at most."""
PAIRWISE = 2500
"""Up to so many classes all distances are looked at."""


@dataclass(frozen=True, slots=True)
class ClassColumn:
    """One column of a matrix: a group of the samples, or several whose samples are taken together.

    `classes` index the groups of the activations. `group` is the first class of the group of confusable classes that
    it stands for or was unfolded from, −1 where classes are not put into groups; `Look.unfolded` holds such numbers.
    """

    classes: tuple[int, ...]
    title: str
    group: int = -1


@dataclass(frozen=True, slots=True)
class _Classes:
    """The classes in order, and the groups of them from left to right; one group where there are few."""

    order: NDArray[np.int64]
    groups: tuple[tuple[int, ...], ...]
    titles: tuple[str, ...]


_KNOWN: WeakKeyDictionary[Activations, _Classes] = WeakKeyDictionary()


def class_order(
    activations: Activations, network: Network, look: Look, values: NDArray[np.float64] | None = None
) -> NDArray[np.int64]:
    """The groups of samples in an order in which those that the last layers confuse touch, (n_groups,).

    One order for the whole network; with `look.order` "local" and the `values` (n_units, n_groups) of a cluster its
    own. Groups without a sample come last; quantiles keep their order. The former is found once for the same
    activations.
    """
    found = _classes(activations, network).order
    if look.order == "local" and values is not None and activations.kind != "quantile":
        n = int(activations.present.sum())
        return np.concatenate([found[:n][order(values[:, found[:n]].T)], found[n:]])
    return found


def class_columns(
    activations: Activations, network: Network, look: Look, values: NDArray[np.float64] | None = None
) -> tuple[ClassColumn, ...]:
    """The columns of a matrix, from left to right.

    Up to COLUMNS classes with samples have one each; beyond, groups of classes that the last layers confuse, of which
    `look.unfolded` show each class. With `look.order` "local" and the `values` (n_units, n_groups) of a cluster,
    columns follow these instead of the whole network. Found in milliseconds after the first time.
    """
    found = _classes(activations, network)
    names = activations.groups
    columns: list[ClassColumn] = []
    for members, title in zip(found.groups, found.titles):
        if len(found.groups) == 1:
            columns += [ClassColumn((c,), names[c]) for c in members]
        elif members[0] in look.unfolded:
            columns += [ClassColumn((c,), names[c], members[0]) for c in members]
        else:
            columns.append(ClassColumn(members, title, members[0]))
    if look.order == "local" and values is not None and activations.kind != "quantile":
        of = by_column(values, columns, activations.counts)
        return tuple(columns[i] for i in order(np.nan_to_num(of.T)))
    return tuple(columns)


def column_means(
    total: NDArray[np.float64], counts: NDArray[np.float64], columns: Sequence[ClassColumn]
) -> NDArray[np.float64]:
    """Sums by class (n, n_groups), over `counts` samples each, as means by column (n, n_columns); NaN without one."""
    member = np.zeros((len(counts), len(columns)))
    for place, column in enumerate(columns):
        member[list(column.classes), place] = counts[list(column.classes)] > 0
    n = counts @ member
    return np.asarray((total @ member) / np.where(n > 0, n, np.nan))


def by_column(
    values: NDArray[np.float64], columns: Sequence[ClassColumn], counts: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Means by class (n, n_groups) as means by column (n, n_columns), each class weighted by its number of samples.

    NaN where a column has no sample.
    """
    return column_means(np.where(counts > 0, values * counts, 0.0), counts, columns)


def _classes(activations: Activations, network: Network) -> _Classes:
    found = _KNOWN.get(activations)
    if found is None:
        found = _KNOWN[activations] = _found(activations, network)
    return found


def _found(activations: Activations, network: Network) -> _Classes:
    present = np.flatnonzero(activations.counts > 0)
    empty = np.flatnonzero(activations.counts <= 0)
    names = activations.groups
    if activations.kind == "quantile" or len(present) < 3:
        whole = tuple(range(len(names)))
        return _Classes(np.arange(len(names)), (whole,), ("",))
    rows = _profiles(activations, network)[present]
    if len(present) <= COLUMNS:
        sorted_ = present[order(rows)]
        rest = empty if len(names) <= COLUMNS else empty[:0]
        whole = tuple(int(c) for c in (*sorted_, *rest))
        return _Classes(np.concatenate([sorted_, empty]), (whole,), ("",))
    k = int(np.clip(round(np.sqrt(len(present))), FEWEST, MOST))
    labels = _parted(rows, k)
    parts = [np.flatnonzero(labels == i) for i in np.unique(labels)]
    turn = order(np.stack([rows[part].mean(0) for part in parts]))
    groups, titles = [], []
    for i in turn:
        part = parts[i][order(rows[parts[i]])] if len(parts[i]) <= PAIRWISE else parts[i]
        groups.append(tuple(int(c) for c in present[part]))
        centre = rows[part].mean(0)
        typical = np.argsort(-(rows[part] @ centre), kind="stable")
        titles.append(title_of([names[int(present[part[j]])] for j in typical]))
    flat = np.array([c for group in groups for c in group], np.int64)
    return _Classes(np.concatenate([flat, empty]), tuple(groups), tuple(titles))


def _profiles(activations: Activations, network: Network) -> NDArray[np.float64]:
    """One row of unit length for each group of samples: how the last two recorded layers answer to it."""
    recorded = [layer.name for layer in network.drawn if layer.name in activations.layers][-2:]
    parts = []
    for name in recorded:
        means = np.nan_to_num(activations.means(name))
        known = means[:, activations.present]
        spread = known.std(1)
        alive = spread > 1e-9 * max(float(np.abs(known).max(initial=0.0)), 1e-300)
        rows = ((means[alive] - known[alive].mean(1, keepdims=True)) / spread[alive, None]).T
        size = np.linalg.norm(rows, axis=1, keepdims=True)
        parts.append(np.divide(rows, size, out=np.zeros_like(rows), where=size > 0))
    return np.hstack(parts) if parts else np.zeros((len(activations.groups), 1))


def _parted(rows: NDArray[np.float64], k: int) -> NDArray[np.int64]:
    """At most k groups of similar rows, by number."""
    if len(rows) <= PAIRWISE:
        from scipy.cluster.hierarchy import fcluster, linkage

        return np.asarray(fcluster(linkage(rows, "ward"), k, "maxclust"), np.int64)
    from scipy.cluster.vq import kmeans2

    return np.asarray(kmeans2(rows, k, minit="++", seed=0)[1], np.int64)


def title_of(names: list[str]) -> str:
    """What a group of classes is called: its two most typical, and how many more there are."""
    return ", ".join(names[:2]) + (f" +{len(names) - 2}" if len(names) > 2 else "")
