"""What a hand can do to an analysis: the new value, its words for the history, and the Python that does the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from cnnvis.errors import InvalidValue
from cnnvis.model.activations import Activations
from cnnvis.model.analysis import Analysis, Recipe
from cnnvis.model.features import profiles
from cnnvis.model.partition import Cluster, Partition
from cnnvis.model.session import Session


@dataclass(frozen=True, eq=False)
class Edit:
    """A new state of the analysis, ready to be committed."""

    analysis: Analysis
    label: str
    python: str


Change = Callable[[Session], Edit]


def _edit(analysis: Analysis, layer: str, partition: Partition, label: str, call: str) -> Edit:
    python = f"analysis = analysis.with_clusters({layer!r}, analysis.clusters[{layer!r}].{call})"
    return Edit(analysis.with_clusters(layer, partition), label, python)


def renamed(analysis: Analysis, layer: str, id: int, name: str) -> Edit:
    """A cluster under another name; "" takes the name away."""
    clusters = analysis.clusters[layer]
    label = f"renamed “{clusters[id].title}” to “{name.strip()}”" if name.strip() else "took a name away"
    return _edit(analysis, layer, clusters.rename(id, name), label, f"rename({id}, {name.strip()!r})")


def noted(analysis: Analysis, layer: str, id: int, note: str) -> Edit:
    """A note on a cluster."""
    clusters = analysis.clusters[layer]
    label = f"note on “{clusters[id].title}”"
    return _edit(analysis, layer, clusters.annotate(id, note), label, f"annotate({id}, {note!r})")


def noted_name(analysis: Analysis, name: str, note: str) -> Edit:
    """A note on a layer or a neuron."""
    return Edit(analysis.with_note(name, note), f"note on {name}", f"analysis = analysis.with_note({name!r}, {note!r})")


def merged(analysis: Analysis, layer: str, ids: Sequence[int]) -> Edit:
    """Several clusters as one."""
    clusters = analysis.clusters[layer]
    call = f"merge({', '.join(map(str, ids))})"
    return _edit(analysis, layer, clusters.merge(*ids), f"merged {len(ids)} clusters of {layer}", call)


def split(analysis: Analysis, layer: str, id: int, units: Sequence[int]) -> Edit:
    """Some neurons of a cluster as a new one."""
    clusters = analysis.clusters[layer]
    units = sorted(units)
    return _edit(
        analysis, layer, clusters.split(id, units), f"split “{clusters[id].title}”", f"split({id}, {list(units)})"
    )


def moved(analysis: Analysis, layer: str, units: Sequence[int], to: int) -> Edit:
    """Neurons in another cluster."""
    clusters = analysis.clusters[layer]
    what = f"{layer}:{units[0]}" if len(units) == 1 else f"{len(units)} neurons of {layer}"
    label = f"moved {what} to “{clusters[to].title}”"
    return _edit(analysis, layer, clusters.move(units, to), label, f"move({sorted(units)}, {to})")


def locked(analysis: Analysis, layer: str, id: int) -> Edit:
    """A cluster that keeps its members when its layer is clustered again, or no longer does."""
    clusters = analysis.clusters[layer]
    now = not clusters[id].locked
    label = f"{'locked' if now else 'unlocked'} “{clusters[id].title}”"
    return _edit(analysis, layer, clusters.lock(id, now), label, f"lock({id}, {now})")


def reclustered(analysis: Analysis, layer: str, recipe: Recipe, partition: Partition) -> Edit:
    """A layer clustered by another recipe."""
    label = f"clustered {layer} by {recipe}"
    python = f"analysis = analysis.with_recipe({layer!r}, {recipe!r}, partition)"
    return Edit(analysis.with_recipe(layer, recipe, partition), label, python)


def halves(activations: Activations, layer: str, cluster: Cluster) -> tuple[int, ...]:
    """The smaller side of a cluster, divided where its neurons differ most: by the first principal component of
    their profiles. Deterministic. Raises InvalidValue for a cluster of one.
    """
    if len(cluster) < 2:
        raise InvalidValue("A cluster must hold two neurons or more to be split; this one holds one.")
    rows = profiles(activations, layer)[list(cluster.members)]
    centred = rows - rows.mean(0)
    side = centred @ np.linalg.svd(centred, full_matrices=False)[2][0] > 0
    if not side.any() or side.all():  # neurons that do not differ
        side = np.arange(len(cluster)) >= len(cluster) // 2 + len(cluster) % 2
    if side.sum() * 2 > len(side):
        side = ~side
    return tuple(int(u) for u in np.asarray(cluster.members)[side])
