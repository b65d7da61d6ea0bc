"""Explanations of many images together as JSON-ready values and arrays, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnvis.model.activations import Skipped
from cnnvis.model.attribution import Map, Vector
from cnnvis.model.together import GroupExplanation, MapCluster, MapClusters, Together
from cnnvis.storage.explained import plain_parameters, target_from_values

Arrays = dict[str, NDArray[Any]]


def group_to_values(place: str, found: GroupExplanation, arrays: Arrays) -> dict[str, Any]:
    """The header of one; its arrays go into `arrays` under names that begin with `place`."""
    arrays[f"{place}/samples"], arrays[f"{place}/labels"] = found.samples, found.labels
    arrays[f"{place}/mean"], arrays[f"{place}/spread"] = found.together.mean.values, found.together.spread
    for name in ("picture", "others"):
        if getattr(found, name) is not None:
            arrays[f"{place}/{name}"] = getattr(found, name)
    mean = found.together.mean
    return {
        "name": found.name,
        "target": found.target if isinstance(found.target, str) else asdict(found.target),
        "method": found.method,
        "parameters": dict(found.parameters),
        "versions": dict(found.versions),
        "features": list(mean.features) if isinstance(mean, Vector) else None,
        "n": found.together.n,
        "scaled": found.together.scaled,
        "aligned": found.together.aligned,
        "beside": found.together.beside,
        "clusters": None if found.clusters is None else _clusters(f"{place}/clusters", found.clusters, arrays),
        "skipped": [[one.name, one.reason] for one in found.skipped],
        "asked": found.asked,
        "label": found.label,
        "subset": found.subset,
        "seed": found.seed,
    }


def _clusters(place: str, found: MapClusters, arrays: Arrays) -> list[list[int]]:
    """The members of each; maps and numbers are arrays."""
    for name in ("coarse", "eigenvalues", "places"):
        arrays[f"{place}/{name}"] = getattr(found, name)
    for number, cluster in enumerate(found.clusters):
        arrays[f"{place}/{number}/mean"], arrays[f"{place}/{number}/examples"] = cluster.mean, cluster.examples
    return [list(cluster.members) for cluster in found.clusters]


def group_from_values(place: str, header: Mapping[str, Any], arrays: Arrays) -> GroupExplanation:
    """The explanation that `group_to_values` wrote."""
    mean, features, target = arrays[f"{place}/mean"], header["features"], header["target"]
    return GroupExplanation(
        name=str(header["name"]),
        samples=arrays[f"{place}/samples"],
        labels=arrays[f"{place}/labels"],
        target=target if target in ("own", "predicted") else target_from_values(target),
        method=str(header["method"]),
        parameters=plain_parameters(header["parameters"]),
        versions=dict(header["versions"]),
        together=Together(
            Map(mean) if features is None else Vector(mean, tuple(str(f) for f in features)),
            arrays[f"{place}/spread"],
            int(header["n"]),
            header["scaled"],
            bool(header["aligned"]),
            float(header["beside"]),
        ),
        clusters=None if header["clusters"] is None else _clusters_of(place, header["clusters"], arrays),
        picture=arrays.get(f"{place}/picture"),
        others=arrays.get(f"{place}/others"),
        skipped=tuple(Skipped(str(name), str(reason)) for name, reason in header["skipped"]),
        asked=int(header["asked"]),
        label=int(header["label"]),
        subset=str(header["subset"]),
        seed=int(header["seed"]),
    )


def _clusters_of(place: str, members: list[list[int]], arrays: Arrays) -> MapClusters:
    within = f"{place}/clusters"
    clusters = tuple(
        MapCluster(tuple(map(int, those)), arrays[f"{within}/{i}/mean"], arrays[f"{within}/{i}/examples"])
        for i, those in enumerate(members)
    )
    coarse, values, places = (np.asarray(arrays[f"{within}/{name}"]) for name in ("coarse", "eigenvalues", "places"))
    return MapClusters(clusters, coarse, values, places)
