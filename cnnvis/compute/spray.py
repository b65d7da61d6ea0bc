"""SpRAy: the kinds of maps there are among those of many images, by spectral clustering.

A network that is right for the wrong reason looks at the same wrong place again and again: such maps lie close
together. What speaks for the target in each map is summed over a coarse grid and scaled to a sum of 1; two maps are
joined where one is among the k nearest of the other (Euclidean); the eigenvalues of the normalised Laplacian

    L = I − D^(−1/2) A D^(−1/2)

of this graph tell how many clusters there are, by their largest gap, and spectral clustering finds them.

Lapuschkin, Wäldchen, Binder, Montavon, Samek, Müller, "Unmasking Clever Hans predictors and assessing what machines
really learn", 2019 (arXiv 1902.10178). We differ: any method's maps are taken, not those of LRP alone; k is √n, not
ln n, which falls apart for few images; at most eight clusters are looked for.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import SpectralClustering
from sklearn.manifold import TSNE
from sklearn.neighbors import kneighbors_graph

from cnnvis.compute.together import framed, unit
from cnnvis.errors import InvalidValue
from cnnvis.model.attribution import Attribution, Map
from cnnvis.model.together import MapCluster, MapClusters

GRID = 16
MOST = 8
"""So many clusters are looked for at most."""
EXAMPLES = 5
_FEWEST = 8
"""Fewer maps are one cluster."""


def spray(attributions: Sequence[Attribution], *, seed: int = 0) -> MapClusters:
    """The clusters of the maps of many images, the largest first, each with its mean and its most typical members.

    Deterministic for a seed. Costs well under a second for 100 maps, some seconds for 1,000. Raises InvalidValue where
    the evidence is no map.
    """
    maps = [one.evidence.values for one in attributions if isinstance(one.evidence, Map)]
    if not maps or len(maps) < len(attributions):
        raise InvalidValue("Evidence to cluster must be maps, at least one. Choose a method that gives maps.")
    coarse = np.stack([pooled(m) for m in maps])
    flat = coarse.reshape(len(coarse), -1).astype(np.float64)
    graph = affinity(flat)
    values = eigenvalues(graph)
    labels = _labels(graph, number(values) if len(flat) >= _FEWEST else 1, seed)
    members = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    members.sort(key=lambda found: (-len(found), int(found[0])))
    clusters = tuple(_cluster(maps, flat, found) for found in members)
    return MapClusters(clusters, coarse, values[: MOST + 1], _plane(flat, seed))


def pooled(values: NDArray[np.float32], grid: int = GRID) -> NDArray[np.float32]:
    """What speaks for the target, summed over a grid of cells of equal area, with a sum of 1; 0 where nothing does."""
    found = np.maximum(values.astype(np.float64), 0)
    h, w = found.shape
    summed = _cells(grid, h) @ found @ _cells(grid, w).T
    total = summed.sum()
    return (summed / total if total > 0 else summed).astype(np.float32)


def _cells(grid: int, n: int) -> NDArray[np.float64]:
    """How much of each of n pixels lies in each cell of a side, (grid, n); columns sum to 1."""
    edges, pixels = np.linspace(0, n, grid + 1), np.arange(n)
    low = np.maximum(edges[:-1, None], pixels[None])
    high = np.minimum(edges[1:, None], pixels[None] + 1)
    return np.asarray(np.maximum(high - low, 0.0))


def affinity(flat: NDArray[np.float64]) -> NDArray[np.float64]:
    """1 where one of two maps is among the √n nearest of the other, else 0, (n, n); symmetric, 0 on the diagonal."""
    n = len(flat)
    k = min(math.ceil(math.sqrt(n)), n - 1)
    if k < 1:
        return np.zeros((n, n))
    near = kneighbors_graph(flat, k, include_self=False).toarray()
    return np.asarray(np.maximum(near, near.T))


def eigenvalues(graph: NDArray[np.float64]) -> NDArray[np.float64]:
    """Those of the normalised Laplacian of a graph, ascending; as many of them 0 as it has parts."""
    degree = graph.sum(1)
    root = 1 / np.sqrt(np.where(degree > 0, degree, 1))
    laplacian = np.diag((degree > 0).astype(float)) - root[:, None] * graph * root[None]
    return np.asarray(np.linalg.eigvalsh(laplacian))


def number(values: NDArray[np.float64]) -> int:
    """How many clusters lie before the largest gap of the eigenvalues, 1 to MOST."""
    gaps = np.diff(values[: MOST + 1])
    return int(gaps.argmax()) + 1 if len(gaps) else 1


def _labels(graph: NDArray[np.float64], k: int, seed: int) -> NDArray[np.int64]:
    if k == 1:
        return np.zeros(len(graph), np.int64)
    model = SpectralClustering(k, affinity="precomputed", random_state=seed)
    with warnings.catch_warnings():  # a graph of several parts is what is looked for
        warnings.filterwarnings("ignore", message="Graph is not fully connected")
        return np.asarray(model.fit_predict(graph), np.int64)


def _cluster(maps: Sequence[NDArray[np.float32]], flat: NDArray[np.float64], found: NDArray[np.int64]) -> MapCluster:
    """The members by their distance from the mean, and the maps of the first few."""
    away = np.linalg.norm(flat[found] - flat[found].mean(0), axis=1)
    order = found[np.argsort(away, kind="stable")]
    shape = maps[0].shape
    mean = np.zeros(shape)
    for i in order:
        mean += framed(unit(np.maximum(maps[i], 0), "sum"), None, shape)
    examples = [framed(unit(np.maximum(maps[i], 0), "max"), None, shape) for i in order[:EXAMPLES]]
    members = tuple(int(i) for i in order)
    return MapCluster(members, (mean / len(order)).astype(np.float32), np.stack(examples).astype(np.float16))


def _plane(flat: NDArray[np.float64], seed: int) -> NDArray[np.float32]:
    """The maps in a plane by t-SNE; all at one place where they are alike or fewer than five."""
    n = len(flat)
    if n < 5 or float(np.ptp(flat, axis=0).max()) < 1e-9:
        return np.zeros((n, 2), np.float32)
    found = TSNE(2, perplexity=min(30.0, (n - 1) / 3), random_state=seed).fit_transform(flat)
    return np.asarray(found, np.float32)
