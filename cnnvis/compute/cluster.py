"""Similar neurons together: the clusters of each layer, from their profiles over the classes.

A neuron's profile says to which classes it responds more than it usually does (`cnnvis.model.features.profiles`);
neurons of one cluster look for similar things. After Liu, Shi, Li, Li, Zhu, Liu, "Towards Better Analysis of Deep
Convolutional Neural Networks", 2017 (arXiv 1604.07043), section 5.2. We differ: profiles are centred and of length one,
so that a neuron's selectivity counts and not its strength; a recipe can ask for the strength.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import MeanShift, estimate_bandwidth
from sklearn.decomposition import PCA
from sklearn.metrics import pairwise_distances

from cnnvis.compute.clusterer import Clusterer, clusterer_of, default_k, recipe_of, takes_k
from cnnvis.errors import InvalidValue
from cnnvis.model.activations import Activations
from cnnvis.model.analysis import Analysis, Recipe
from cnnvis.model.features import comparable
from cnnvis.model.groups import Group, Rule, layer_groups
from cnnvis.model.network import Network
from cnnvis.model.partition import Cluster, Partition
from cnnvis.progress import Progress, silent

N_COMPONENTS = 50
MANY_CLASSES = 100


def cluster(
    network: Network,
    activations: Activations,
    *,
    neurons: Clusterer | Recipe | str = "KMeans",
    layers: Rule | tuple[Group, ...] = "modules",
    seed: int = 0,
    progress: Progress = silent,
) -> Analysis:
    """The network's layer groups, and the clusters of the neurons of each group's representative.

    `neurons` is a scikit-learn clusterer (it is cloned, and seeded where it has a free `random_state`), the name of
    one, or a recipe; without a number of clusters a layer of n neurons gets √(n/2), from 4 to 16. `layers` is a
    rule of `layer_groups` or the groups themselves. Neurons that never fire behind a rectifier form one
    reserved cluster; what a density-based clusterer leaves over forms one named "other"; the classes of the output
    layer stand one by one. Clusters are numbered by size, then best class, then smallest member. Every other
    recorded layer keeps the recipe, to be clustered by `cluster_layer` when it is opened. Milliseconds a layer.

    Raises UnknownName for a representative that was not recorded or a clusterer that scikit-learn does not have,
    InvalidValue for parameters that it refuses.
    """
    recipe = recipe_of(neurons, seed)
    groups = layer_groups(network, layers) if isinstance(layers, str) else tuple(layers)
    named = [network.resolve(g.representative) for g in groups if network[g.representative].n_units]
    found: dict[str, Partition] = {}
    for done, layer in enumerate(dict.fromkeys(named)):
        progress(done, len(named), f"clustering {layer}")
        found[layer] = _partition(network, activations, layer, recipe, neurons, None)
    progress(len(named), len(named), "clustering")
    recorded = [layer.name for layer in network.drawn if layer.name in activations.layers]
    return Analysis(network, groups, found, dict.fromkeys(recorded, recipe))


def cluster_layer(
    network: Network,
    activations: Activations,
    layer: str,
    recipe: Recipe | None = None,
    *,
    locked: Partition | None = None,
) -> Partition:
    """The clusters of one recorded layer's neurons by a recipe; locked clusters of `locked` keep members and ids.

    With clusters locked, a recipe's k counts all clusters together. Deterministic. Raises as `cluster` does.
    """
    return _partition(network, activations, network.resolve(layer), recipe or Recipe(), None, locked)


def recluster(
    analysis: Analysis,
    activations: Activations,
    neurons: Clusterer | Recipe | str,
    *,
    layers: Sequence[str] = (),
    keep_locked: bool = True,
    seed: int = 0,
    progress: Progress = silent,
) -> Analysis:
    """The analysis with the neurons of some layers clustered anew; where none are named, of all.

    `neurons` and `seed` are as for `cluster`; they become the recipe of these layers. Locked clusters keep their
    members, ids and marks unless `keep_locked` is False; other clusters, and what a hand did to them, are replaced.
    Without `layers`, those that nobody has opened get the recipe only. The classes of the output stay one by one.
    Deterministic. Raises as `cluster` does.
    """
    network, recipe = analysis.network, recipe_of(neurons, seed)
    named = [network.resolve(layer) for layer in layers]
    if not named:
        analysis = replace(analysis, recipes={**analysis.recipes, **dict.fromkeys(analysis.recipes, recipe)})
        named = [layer for layer in analysis.clusters if layer not in network.class_layers]
    for done, layer in enumerate(dict.fromkeys(named)):
        progress(done, len(named), f"clustering {layer}")
        locked = analysis.clusters.get(layer) if keep_locked else None
        analysis = analysis.with_recipe(layer, recipe, _partition(network, activations, layer, recipe, neurons, locked))
    progress(len(named), len(named), "clustering")
    return analysis


def open_layers(analysis: Analysis, activations: Activations, layers: Sequence[str]) -> Analysis:
    """The analysis in which the neurons of these layers are clustered, those of other layers as before.

    Layers that nobody has opened yet get the clusters of their recipe; the others keep theirs.
    """
    for layer in map(analysis.network.resolve, layers):
        if layer not in analysis.clusters:
            found = cluster_layer(analysis.network, activations, layer, analysis.recipe(layer))
            analysis = analysis.with_partition(layer, found)
    return analysis


def split_in_two(
    activations: Activations, layer: str, cluster: Cluster, recipe: Recipe | None = None
) -> tuple[int, ...]:
    """The smaller of the two parts into which a recipe's clusterer divides the neurons of one cluster.

    Where the clusterer chooses the number of clusters itself, K-Means divides; neurons that do not differ are halved.
    Deterministic. Raises InvalidValue for a cluster of one.
    """
    members = np.asarray(cluster.members)
    if len(members) < 2:
        raise InvalidValue("A cluster must hold two neurons or more to be split; this one holds one.")
    recipe = replace(recipe or Recipe(), k=2)
    if not takes_k(clusterer_of(recipe, len(members))):
        recipe = Recipe(k=2, seed=recipe.seed, magnitude=recipe.magnitude)
    labels = _labels(comparable(activations, layer, recipe.magnitude)[members], recipe, None, 0, layer)
    sides = [members[labels == label] for label in np.unique(labels)]
    if len(sides) != 2:
        sides = [members[: (len(members) + 1) // 2], members[(len(members) + 1) // 2 :]]
    return tuple(int(unit) for unit in min(reversed(sides), key=len))


def _partition(
    network: Network,
    activations: Activations,
    layer: str,
    recipe: Recipe,
    given: Clusterer | Recipe | str | None,
    locked: Partition | None,
) -> Partition:
    n = network[layer].n_units
    if layer in network.class_layers:  # they are known even where the output only pools what was recorded
        return _one_each(network, n)
    kept = [c for c in locked if c.locked] if locked is not None else []
    held = np.zeros(n, bool)
    for c in kept:
        held[list(c.members)] = True
    dead = dead_units(network, activations, layer) & ~held
    free = np.flatnonzero(~held & ~dead)
    rows = comparable(activations, layer, recipe.magnitude)
    parts: list[tuple[NDArray[np.int64], str]] = []
    if len(free):
        labels = _labels(rows[free], recipe, given, sum(not c.dead for c in kept), layer)
        parts = [(free[labels == label], "" if label >= 0 else "other") for label in np.unique(labels)]
        if len(parts) == 1:
            parts = [(free, "")]
    return _numbered(parts, np.flatnonzero(dead), kept, rows)


def dead_units(network: Network, activations: Activations, layer: str) -> NDArray[np.bool_]:
    """Which units never fired behind a rectifier, (n_units,); none where no sample was read."""
    if not network[layer].rectified or activations.n_samples == 0:
        return np.zeros(activations[layer].n_units, bool)
    return np.asarray(activations[layer].fired == 0)


def _one_each(network: Network, n: int) -> Partition:
    names = network.classes if len(network.classes) == n else tuple(f"output {i}" for i in range(n))
    return Partition(tuple(Cluster(i, (i,), name=name) for i, name in enumerate(names)))


def _labels(
    rows: NDArray[np.float64], recipe: Recipe, given: Clusterer | Recipe | str | None, n_kept: int, layer: str
) -> NDArray[np.int64]:
    """A label for each row; −1 for what the clusterer calls noise."""
    distinct = len(np.unique(rows.round(9), axis=0))
    if distinct < 2:
        return np.zeros(len(rows), np.int64)
    estimator = clusterer_of(recipe, len(rows), like=given if not isinstance(given, (str, Recipe)) else None)
    if takes_k(estimator):
        k = (recipe.k or default_k(len(rows))) - (n_kept if recipe.k else 0)
        estimator.set_params(n_clusters=min(max(k, 1), distinct))
    if rows.shape[1] > MANY_CLASSES:
        n_components = min(N_COMPONENTS, *rows.shape)
        kind = PCA(n_components, svd_solver="randomized", iterated_power=3, random_state=recipe.seed)
        rows = kind.fit_transform(rows)
    if isinstance(estimator, MeanShift) and estimator.bandwidth is None:
        estimator.set_params(bandwidth=_bandwidth(rows))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a degenerate layer is no news to the user
            return np.asarray(estimator.fit_predict(rows), dtype=np.int64)
    except ValueError as error:
        raise InvalidValue(
            f"The clusterer of {layer} must be able to cluster {len(rows)} neurons; got {recipe}, which says: {error}"
        ) from error


def _bandwidth(rows: NDArray[np.float64]) -> float:
    """scikit-learn's estimate, or the median distance where many equal rows or very few make it vanish."""
    found = float(estimate_bandwidth(rows, quantile=0.3))
    if found > 0:
        return found
    apart = pairwise_distances(rows)
    return float(np.median(apart[apart > 0]))


def _numbered(
    parts: Iterable[tuple[NDArray[np.int64], str]],
    dead: NDArray[np.int64],
    kept: list[Cluster],
    rows: NDArray[np.float64],
) -> Partition:
    """Largest first, then by best class, then by smallest member; the dead last. New ids avoid the kept ones."""
    new = [Cluster(-1, tuple(int(m) for m in members), name=name) for members, name in parts]
    if len(dead):
        new.append(Cluster(-1, tuple(int(m) for m in dead), dead=True))

    def place(c: Cluster) -> tuple[Any, ...]:
        best = int(np.argmax(rows[list(c.members)].sum(0)))
        return c.dead, -len(c), best, min(c.members)

    taken = {c.id for c in kept}
    ids = (i for i in range(len(new) + len(kept)) if i not in taken)
    found = []
    for c in sorted([*kept, *new], key=place):
        found.append(c if c.id >= 0 else Cluster(next(ids), c.members, name=c.name, dead=c.dead))
    return Partition(tuple(found))
