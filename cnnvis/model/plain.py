"""Values as JSON-ready dictionaries, and back: the network, the analysis of it, and the look."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Literal, get_args

from cnnvis.model.analysis import Analysis, Recipe
from cnnvis.model.connections import Mode
from cnnvis.model.groups import Group
from cnnvis.model.network import Edge, Field, Layer, Network
from cnnvis.model.partition import Cluster, Partition
from cnnvis.model.session import BundleKey, Bundling, ClassOrder, Facet, Look, Packing, Signs, Source
from cnnvis.model.subsets import Subset


def network_to_dict(network: Network) -> dict[str, Any]:
    """The network as JSON-ready values."""
    return {
        "name": network.name,
        "layers": [asdict(layer) for layer in network.layers],
        "edges": [[edge.source, edge.sink] for edge in network.edges],
        "classes": list(network.classes),
        "output": network.output,
        "varies": network.varies,
    }


def network_from_dict(found: Mapping[str, Any]) -> Network:
    """The network that `network_to_dict` wrote."""
    layers = []
    for entry in found["layers"]:
        seen = entry["field"]
        layers.append(
            Layer(
                name=str(entry["name"]),
                kind=str(entry["kind"]),
                shape=_ints(entry["shape"]),
                role=entry["role"],
                unit_axis=None if entry["unit_axis"] is None else int(entry["unit_axis"]),
                n_units=int(entry["n_units"]),
                parameters=int(entry["parameters"]),
                stride=_ints(entry["stride"]),
                kernel=_ints(entry["kernel"]),
                folds=tuple(str(f) for f in entry["folds"]),
                source=str(entry["source"]),
                rectified=bool(entry["rectified"]),
                batch_axis=None if entry["batch_axis"] is None else int(entry["batch_axis"]),
                parts=int(entry["parts"]),
                field=None if seen is None else Field(*(_floats(seen[k]) for k in ("size", "jump", "start"))),
            )
        )
    return Network(
        name=str(found["name"]),
        layers=tuple(layers),
        edges=tuple(Edge(str(a), str(b)) for a, b in found["edges"]),
        classes=tuple(str(c) for c in found["classes"]),
        output=str(found["output"]),
        varies=bool(found.get("varies", False)),
    )


def analysis_to_dict(analysis: Analysis) -> dict[str, Any]:
    """The analysis, its network included, as JSON-ready values."""
    return {
        "network": network_to_dict(analysis.network),
        "groups": [asdict(group) for group in analysis.groups],
        "clusters": {name: [asdict(c) for c in partition] for name, partition in analysis.clusters.items()},
        "recipes": {
            name: asdict(recipe) | {"parameters": [list(pair) for pair in recipe.parameters]}
            for name, recipe in analysis.recipes.items()
        },
        "edited": sorted(analysis.edited),
        "notes": dict(analysis.notes),
        "subsets": [asdict(subset) for subset in analysis.subsets],
    }


def analysis_from_dict(found: Mapping[str, Any]) -> Analysis:
    """The analysis that `analysis_to_dict` wrote."""
    return Analysis(
        network=network_from_dict(found["network"]),
        groups=tuple(
            Group(int(g["id"]), str(g["name"]), tuple(str(x) for x in g["layers"]), str(g["representative"]))
            for g in found["groups"]
        ),
        clusters={str(name): Partition(tuple(_cluster(c) for c in cs)) for name, cs in found["clusters"].items()},
        recipes={str(name): _recipe(r) for name, r in found["recipes"].items()},
        edited=frozenset(str(x) for x in found["edited"]),
        notes={str(k): str(v) for k, v in found["notes"].items()},
        subsets=tuple(_subset(s) for s in found["subsets"]),
    )


def _subset(found: Mapping[str, Any]) -> Subset:
    cell = found["cell"]
    return Subset(
        name=str(found["name"]),
        classes=_ints(found["classes"]),
        samples=_ints(found["samples"]),
        wrong=None if found["wrong"] is None else bool(found["wrong"]),
        below=None if found["below"] is None else float(found["below"]),
        cell=None if cell is None else (int(cell[0]), int(cell[1])),
    )


def _cluster(found: Mapping[str, Any]) -> Cluster:
    return Cluster(
        id=int(found["id"]),
        members=_ints(found["members"]),
        name=str(found["name"]),
        locked=bool(found["locked"]),
        dead=bool(found["dead"]),
        note=str(found["note"]),
        colour=str(found["colour"]),
        pinned=_ints(found.get("pinned", ())),
    )


def _recipe(found: Mapping[str, Any]) -> Recipe:
    return Recipe(
        clusterer=str(found["clusterer"]),
        k=None if found["k"] is None else int(found["k"]),
        parameters=tuple((str(name), value) for name, value in found["parameters"]),
        seed=int(found["seed"]),
        magnitude=bool(found["magnitude"]),
    )


def look_to_dict(look: Look) -> dict[str, Any]:
    """The look as JSON-ready values."""
    sets = {name: sorted(map(_listed, getattr(look, name))) for name in ("expanded", "opened", "facets", "unbundled")}
    return asdict(look) | sets | {"unfolded": sorted(look.unfolded)}


def _listed(value: str | tuple[Any, ...]) -> Any:
    return value if isinstance(value, str) else list(value)


def look_from_dict(found: Mapping[str, Any]) -> Look:
    """The look that `look_to_dict` wrote."""
    bounds = found["bounds"]
    return Look(
        expanded=frozenset(str(x) for x in found["expanded"]),
        opened=frozenset((str(layer), int(id)) for layer, id in found["opened"]),
        share=float(found["share"]),
        chosen=None if found["chosen"] is None else int(found["chosen"]),
        theme=_one(found["theme"], Literal["system", "light", "dark"]),
        bounds=None if bounds is None else tuple(float(x) for x in bounds),  # type: ignore[arg-type]
        facet=_one(found["facet"], Facet),
        facets=frozenset((str(layer), int(id), _one(facet, Facet)) for layer, id, facet in found["facets"]),
        packing=_one(found["packing"], Packing),
        order=_one(found["order"], ClassOrder),
        unfolded=frozenset(int(x) for x in found["unfolded"]),
        mode=_one(found["mode"], Mode),
        signs=_one(found["signs"], Signs),
        bundles=_one(found["bundles"], Bundling),
        unbundled=frozenset(_bundle_key(key) for key in found["unbundled"]),
        moved=tuple((_bundle_key(key), float(x), float(y)) for key, x, y in found["moved"]),
        subset=str(found["subset"]),
        instance=str(found["instance"]),
        against=str(found["against"]),
        path=str(found.get("path", "")),  # older files have none
        cards=tuple((str(layer), _ints(ids)) for layer, ids in found.get("cards", ())),  # older files have none
        source=_one(found.get("source", "images"), Source),  # older files have none
    )


def _one(value: Any, choices: Any) -> Any:
    """A value that must be one of those of a Literal."""
    if value not in get_args(choices):
        raise ValueError(f"{value!r} is none of {get_args(choices)}")
    return value


def _bundle_key(found: Any) -> BundleKey:
    source, sink, number = found
    return str(source), str(sink), int(number)


def _ints(values: Any) -> tuple[int, ...]:
    return tuple(int(v) for v in values)


def _floats(values: Any) -> tuple[float, ...]:
    return tuple(float(v) for v in values)
