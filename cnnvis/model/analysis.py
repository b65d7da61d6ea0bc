"""How a user sees a network: its layer groups, and the clusters of each layer's neurons. What undo brings back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from cnnvis.errors import InvalidValue, UnknownName, did_you_mean
from cnnvis.model import regroup
from cnnvis.model.groups import Group
from cnnvis.model.network import Network
from cnnvis.model.partition import Partition
from cnnvis.model.subsets import Subset


@dataclass(frozen=True, slots=True)
class Recipe:
    """How the neurons of a layer are clustered, so that it can be done again.

    `clusterer` is the class name of a scikit-learn clusterer, `parameters` its parameters as sorted pairs; `k`
    the number of clusters where it takes one (None: chosen by the layer's size). `magnitude` keeps the strength
    of a neuron's responses beside their selectivity.
    """

    clusterer: str = "KMeans"
    k: int | None = None
    parameters: tuple[tuple[str, Any], ...] = ()
    seed: int = 0
    magnitude: bool = False

    def __str__(self) -> str:
        inside = [f"k={self.k}"] if self.k is not None else []
        inside += [f"{name}={value!r}" for name, value in self.parameters]
        return f"{self.clusterer}({', '.join(inside)})"


@dataclass(frozen=True, eq=False)
class Analysis:
    """A network, its layer groups, and per layer a recipe and the partition of its neurons.

    `clusters[layer]` is the partition of a layer's neurons; layers that nobody has opened may be missing.
    `edited` names the layers whose partition a hand has changed. `notes` are keyed by a layer's or unit's name.
    `subsets` of the samples are defined by the user; their names differ.
    """

    network: Network
    groups: tuple[Group, ...]
    clusters: Mapping[str, Partition]
    recipes: Mapping[str, Recipe]
    edited: frozenset[str] = frozenset()
    notes: Mapping[str, str] = field(default_factory=dict)
    subsets: tuple[Subset, ...] = ()

    def __post_init__(self) -> None:
        for name in ("clusters", "recipes", "notes"):
            value = getattr(self, name)
            if not isinstance(value, MappingProxyType):
                object.__setattr__(self, name, MappingProxyType(dict(value)))
        for layer, partition in self.clusters.items():
            n = self.network[layer].n_units
            if partition.n_units != n:
                raise InvalidValue(f"The partition of {layer} must hold its {n} units; got {partition.n_units}.")

    def recipe(self, layer: str) -> Recipe:
        """The recipe of a layer, or the default one."""
        return self.recipes.get(self.network.resolve(layer), Recipe())

    def group_of(self, layer: str) -> Group:
        """The group that a drawn layer belongs to."""
        for group in self.groups:
            if layer in group.layers:
                return group
        known = [name for group in self.groups for name in group.layers]
        raise UnknownName(f"A layer of a group must be named; got {layer!r}. {did_you_mean(layer, known)}")

    def with_clusters(self, layer: str, partition: Partition) -> Analysis:
        """The same analysis with another partition of one layer, made by hand; other layers stay the same objects."""
        clusters = {**self.clusters, self.network.resolve(layer): partition}
        return replace(self, clusters=clusters, edited=self.edited | {layer})

    def with_recipe(self, layer: str, recipe: Recipe, partition: Partition) -> Analysis:
        """The same analysis with one layer clustered anew by a recipe."""
        clusters = {**self.clusters, self.network.resolve(layer): partition}
        recipes = {**self.recipes, layer: recipe}
        return replace(self, clusters=clusters, recipes=recipes, edited=self.edited - {layer})

    def with_partition(self, layer: str, partition: Partition) -> Analysis:
        """The same analysis, now holding the partition that its recipe gives for a layer (not an edit)."""
        return replace(self, clusters={**self.clusters, self.network.resolve(layer): partition})

    def with_groups(self, groups: tuple[Group, ...]) -> Analysis:
        """The same analysis with other layer groups."""
        return replace(self, groups=groups)

    def with_representative(self, group_id: int, layer: str) -> Analysis:
        """The same analysis; `layer` stands for the group."""
        found = []
        for group in self.groups:
            if group.id == group_id:
                if layer not in group.layers:
                    raise UnknownName(
                        f"The representative of {group.name} must be one of its layers; got {layer!r}. "
                        f"{did_you_mean(layer, group.layers)}"
                    )
                if group.representative == layer:
                    return self
                group = replace(group, representative=layer)
            found.append(group)
        return replace(self, groups=tuple(found))

    def join_groups(self, id: int) -> Analysis:
        """The same analysis; the group `id` and the one right of it are one, represented by the right one's layer."""
        return self.with_groups(regroup.joined(self.groups, self.network, id))

    def split_group(self, layer: str) -> Analysis:
        """The same analysis; the group of `layer` is two, of which `layer` begins the right one."""
        return self.with_groups(regroup.split(self.groups, self.network, layer))

    def begin_group(self, id: int, layer: str) -> Analysis:
        """The same analysis; the group `id` begins at `layer`, which was in it or in the group left of it."""
        return self.with_groups(regroup.begun(self.groups, self.network, id, layer))

    def with_note(self, name: str, note: str) -> Analysis:
        """The same analysis with a note on a layer or unit; an empty note removes it."""
        notes = {key: text for key, text in self.notes.items() if key != name}
        return replace(self, notes={**notes, name: note} if note.strip() else notes)

    def with_subset(self, subset: Subset) -> Analysis:
        """The same analysis with one more subset; one of the same name is replaced."""
        return replace(self, subsets=(*(s for s in self.subsets if s.name != subset.name), subset))

    def without_subset(self, name: str) -> Analysis:
        """The same analysis without a subset."""
        return replace(self, subsets=tuple(s for s in self.subsets if s.name != name))

    def subset(self, name: str) -> Subset:
        """The subset of a name. Raises UnknownName."""
        known = {s.name: s for s in self.subsets}
        if name not in known:
            raise UnknownName(f"A subset must be one that was defined; got {name!r}. {did_you_mean(name, known)}")
        return known[name]

    def __repr__(self) -> str:
        columns = ", ".join(f"{g.name} ({len(self.clusters.get(g.representative, ()))})" for g in self.groups)
        return f"Analysis({self.network.name}: {columns})"

    def _repr_html_(self) -> str:
        """A table of the groups for a notebook."""
        from html import escape

        rows = "".join(
            f"<tr><td>{escape(g.name)}</td><td>{escape(g.representative)}</td>"
            f"<td style='text-align:right'>{self.network[g.representative].n_units}</td>"
            f"<td>{escape(', '.join(c.title for c in self.clusters.get(g.representative, ())))}</td></tr>"
            for g in self.groups
        )
        head = "<tr><th>group</th><th>representative</th><th>neurons</th><th>clusters</th></tr>"
        return f"<p><b>{escape(self.network.name)}</b></p><table>{head}{rows}</table>"
