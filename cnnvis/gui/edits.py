"""What a hand can do to an analysis: the new value, its words for the history, and the Python that does the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cnnvis.errors import UnknownName
from cnnvis.model.analysis import Analysis, Recipe
from cnnvis.model.groups import Group
from cnnvis.model.partition import Partition
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
    if partition == analysis.clusters[layer]:
        return Edit(analysis, label, python)  # nothing changes: no step
    return Edit(analysis.with_clusters(layer, partition), label, python)


def _clusters(analysis: Analysis, layer: str) -> Partition:
    """The clusters of a layer. Raises UnknownName where nobody has opened it yet."""
    if layer not in analysis.clusters:
        raise UnknownName(f"The neurons of {layer} must be clustered to be edited; they are not yet. Open it first.")
    return analysis.clusters[layer]


# Clusters


def renamed(analysis: Analysis, layer: str, id: int, name: str) -> Edit:
    """A cluster under another name; "" takes the name away."""
    clusters = _clusters(analysis, layer)
    label = f"renamed “{clusters[id].title}” to “{name.strip()}”" if name.strip() else "took a name away"
    return _edit(analysis, layer, clusters.rename(id, name), label, f"rename({id}, {name.strip()!r})")


def noted(analysis: Analysis, layer: str, id: int, note: str) -> Edit:
    """A note on a cluster."""
    clusters = _clusters(analysis, layer)
    label = f"note on “{clusters[id].title}”"
    return _edit(analysis, layer, clusters.annotate(id, note), label, f"annotate({id}, {note!r})")


def noted_name(analysis: Analysis, name: str, note: str) -> Edit:
    """A note on a layer or a neuron."""
    return Edit(analysis.with_note(name, note), f"note on {name}", f"analysis = analysis.with_note({name!r}, {note!r})")


def coloured(analysis: Analysis, layer: str, ids: Sequence[int], colour: str) -> Edit:
    """Clusters marked with a hex colour; "" takes it away."""
    clusters, calls = _clusters(analysis, layer), []
    for id in ids:
        clusters = clusters.recolour(id, colour)
        calls.append(f"recolour({id}, {colour!r})")
    what = f"“{clusters[ids[0]].title}”" if len(ids) == 1 else f"{len(ids)} clusters of {layer}"
    label = f"coloured {what}" if colour else f"took the colour of {what} away"
    return _edit(analysis, layer, clusters, label, ".".join(calls))


def merged(analysis: Analysis, layer: str, ids: Sequence[int]) -> Edit:
    """Several clusters as one."""
    clusters = _clusters(analysis, layer)
    call = f"merge({', '.join(map(str, ids))})"
    return _edit(analysis, layer, clusters.merge(*ids), f"merged {len(ids)} clusters of {layer}", call)


def split(analysis: Analysis, layer: str, id: int, units: Sequence[int]) -> Edit:
    """Some neurons of a cluster as a new one."""
    clusters = _clusters(analysis, layer)
    units = sorted(units)
    label = f"split “{clusters[id].title}” in two"
    return _edit(analysis, layer, clusters.split(id, units), label, f"split({id}, {list(units)})")


def gathered(analysis: Analysis, layer: str, units: Sequence[int]) -> Edit:
    """Neurons of one or several clusters as a new one."""
    clusters = _clusters(analysis, layer)
    label = f"made a cluster of {_neurons(layer, units)}"
    return _edit(analysis, layer, clusters.gather(units), label, f"gather({sorted(units)})")


def moved(analysis: Analysis, layer: str, units: Sequence[int], to: int) -> Edit:
    """Neurons in another cluster."""
    clusters = _clusters(analysis, layer)
    label = f"moved {_neurons(layer, units)} to “{clusters[to].title}”"
    return _edit(analysis, layer, clusters.move(units, to), label, f"move({sorted(units)}, {to})")


def locked(analysis: Analysis, layer: str, id: int) -> Edit:
    """A cluster that keeps its members when its layer is clustered again, or no longer does."""
    clusters = _clusters(analysis, layer)
    now = not clusters[id].locked
    label = f"{'locked' if now else 'unlocked'} “{clusters[id].title}”"
    return _edit(analysis, layer, clusters.lock(id, now), label, f"lock({id}, {now})")


def pinned(analysis: Analysis, layer: str, unit: int) -> Edit:
    """A neuron that represents its cluster before all others, or no longer does."""
    clusters = _clusters(analysis, layer)
    now = unit not in clusters.cluster_of(unit).pinned
    label = f"{'pinned' if now else 'unpinned'} {layer}:{unit}"
    return _edit(analysis, layer, clusters.pin(unit, now), label, f"pin({unit}, {now})")


def reclustered(analysis: Analysis, found: Analysis, recipe: Recipe, layers: Sequence[str], keep_locked: bool) -> Edit:
    """Some layers, or all where none are named, clustered by another recipe; `found` is what came out."""
    label = f"clustered {', '.join(layers) or 'all layers'} by {str(recipe).removesuffix('()')}"
    named = f", layers={list(layers)}" if layers else ""
    dropped = "" if keep_locked else ", keep_locked=False"
    return Edit(found, label, f"analysis = cv.recluster(analysis, activations, cv.{recipe!r}{named}{dropped})")


def _neurons(layer: str, units: Sequence[int]) -> str:
    return f"{layer}:{units[0]}" if len(units) == 1 else f"{len(units)} neurons of {layer}"


# Layer groups


def represented(analysis: Analysis, layer: str) -> Edit:
    """The layer that stands for its group."""
    group = analysis.group_of(layer)
    label = f"let {layer} stand for {group.name}"
    python = f"analysis = analysis.with_representative({group.id}, {layer!r})"
    return Edit(analysis.with_representative(group.id, layer), label, python)


def joined(analysis: Analysis, id: int) -> Edit:
    """A group and the one right of it as one."""
    found = analysis.join_groups(id)
    label = f"joined two groups to {_named(found, id).name}"
    return Edit(found, label, f"analysis = analysis.join_groups({id})")


def parted(analysis: Analysis, layer: str) -> Edit:
    """The group of a layer as two."""
    label = f"split {analysis.group_of(layer).name} before {layer}"
    return Edit(analysis.split_group(layer), label, f"analysis = analysis.split_group({layer!r})")


def begun(analysis: Analysis, id: int, layer: str) -> Edit:
    """A group that begins at another layer."""
    label = f"let {_named(analysis, id).name} begin at {layer}"
    return Edit(analysis.begin_group(id, layer), label, f"analysis = analysis.begin_group({id}, {layer!r})")


def _named(analysis: Analysis, id: int) -> Group:
    return next(group for group in analysis.groups if group.id == id)
