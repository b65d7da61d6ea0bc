"""From a scikit-learn clusterer to the recipe that remembers it, and back."""

from __future__ import annotations

import math
from typing import Any, Protocol

import numpy as np
import sklearn.cluster
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, clone

from cnnvis.errors import InvalidValue, UnknownName, did_you_mean
from cnnvis.model.analysis import Recipe

OFFERED = ("KMeans", "MeanShift", "AgglomerativeClustering", "HDBSCAN")
"""The clusterers that a form offers; a recipe may name any other of scikit-learn."""


class Clusterer(Protocol):
    """A scikit-learn estimator that gives each row a label (−1: noise)."""

    def fit_predict(self, X: Any, y: Any = None) -> NDArray[Any]: ...
    def get_params(self, deep: bool = True) -> dict[str, Any]: ...
    def set_params(self, **parameters: Any) -> Any: ...


def default_k(n: int) -> int:
    """The number of clusters for n neurons: √(n/2), from 4 to 16, and no more than n."""
    return min(max(round(math.sqrt(n / 2)), 4), 16, max(n, 1))


def takes_k(estimator: Clusterer) -> bool:
    """Whether the number of clusters is its parameter (and no distance takes its place)."""
    parameters = estimator.get_params(deep=False)
    return "n_clusters" in parameters and parameters.get("distance_threshold") is None


def recipe_of(neurons: Clusterer | Recipe | str, seed: int = 0) -> Recipe:
    """What can be remembered of a clusterer: its name, what differs from its defaults, its seed.

    Raises InvalidValue for something that is no clusterer or has a parameter that cannot be written down.
    """
    if isinstance(neurons, Recipe):
        _class_of(neurons.clusterer)
        return neurons
    if isinstance(neurons, str):
        _class_of(neurons)
        return Recipe(neurons, seed=seed)
    name = type(neurons).__name__
    if isinstance(neurons, type) or not (hasattr(neurons, "fit_predict") and hasattr(neurons, "get_params")):
        raise InvalidValue(
            f"cluster.neurons must be a scikit-learn clusterer such as KMeans(8), a name or a recipe; got {neurons!r}."
        )
    given, defaults = neurons.get_params(deep=False), type(neurons)().get_params(deep=False)
    k = given.get("n_clusters") if takes_k(neurons) else None
    own_seed = given.get("random_state")
    changed = {
        key: _plain(name, key, value)
        for key, value in given.items()
        if key != "random_state" and not (key == "n_clusters" and k is not None)
        if value is not defaults.get(key) and not _same(value, defaults.get(key))
    }
    return Recipe(
        name,
        None if k is None else int(k),
        tuple(sorted(changed.items())),
        int(own_seed) if isinstance(own_seed, (int, np.integer)) else seed,
    )


def clusterer_of(recipe: Recipe, n_units: int, like: Clusterer | None = None) -> Any:
    """A fresh, seeded clusterer as the recipe says, for `n_units` neurons; `like` is cloned where it is given.

    Only clusterers of `sklearn.cluster` are made from a recipe. Raises UnknownName for others, InvalidValue for
    parameters that the clusterer does not have.
    """
    if like is not None:
        estimator = clone(like)
    else:
        kind = _class_of(recipe.clusterer)
        known = kind().get_params(deep=False)
        for key, _ in recipe.parameters:
            if key not in known:
                raise InvalidValue(
                    f"A parameter of {recipe.clusterer} must be one of its own; got {key!r}. {did_you_mean(key, known)}"
                )
        estimator = kind(**dict(recipe.parameters))
    has = estimator.get_params(deep=False)
    if takes_k(estimator):
        estimator.set_params(n_clusters=min(recipe.k or default_k(n_units), max(n_units, 1)))
    if "random_state" in has:
        estimator.set_params(random_state=recipe.seed)
    for key in ("min_samples", "min_cluster_size"):  # a layer of few neurons has no crowds
        if isinstance(has.get(key), int):
            estimator.set_params(**{key: max(min(has[key], n_units // 2), 2)})
    if isinstance(estimator, sklearn.cluster.HDBSCAN):
        estimator.set_params(copy=True)  # scikit-learn warns where this is left open
    return estimator


def _class_of(name: str) -> Any:
    """The clusterer of `sklearn.cluster` of that name: a look-up in one module, so a session file names no code."""
    kind = getattr(sklearn.cluster, name, None) if name in sklearn.cluster.__all__ else None
    fits = isinstance(kind, type) and issubclass(kind, BaseEstimator) and callable(getattr(kind, "fit_predict", None))
    if not fits:
        raise UnknownName(
            f"A clusterer must be one of scikit-learn's with fit_predict; got {name!r}. {did_you_mean(name, OFFERED)}"
        )
    return kind


def _same(a: Any, b: Any) -> bool:
    return type(a) is type(b) and isinstance(a, (bool, int, float, str, type(None))) and a == b


def _plain(clusterer: str, key: str, value: Any) -> bool | int | float | str | None:
    """The value as something a session file can hold."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise InvalidValue(
        f"{clusterer}.{key} must be a number, a text or a truth value, so that it can be saved; got "
        f"{type(value).__name__}."
    )
