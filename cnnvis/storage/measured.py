"""Measurements of a session as entries of its file, and back: one header, and one file of arrays for each kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnvis.model.connections import Connections
from cnnvis.model.measurements import Ablation, Contributions, Edging, Health, Instance, LayerHealth, Measurements
from cnnvis.storage.encode import connections_from_values, connections_to_values

Arrays = dict[str, NDArray[Any]]

_NUMBERS = (
    "dead", "mean", "spread", "saturated", "negative", "negative_mass", "norm", "gradient", "ratio", "change",
)  # fmt: skip


def measurements_to_values(found: Measurements) -> tuple[dict[str, Any], Arrays]:
    """Everything that was measured as one JSON-ready header and named arrays.

    Pictures of instances are arrays too; `images` of the session's file says whether they may be written.
    """
    arrays: Arrays = {}
    header: dict[str, Any] = {
        "contributions": [_contributions(i, c, arrays) for i, c in enumerate(found.contributions.values())],
        "ablations": [_ablation(i, a, arrays) for i, a in enumerate(found.ablations)],
        "health": None if found.health is None else _health(found.health, arrays),
        "connections": [_connections(i, e, c, arrays) for i, (e, c) in enumerate(found.connections.items())],
        "instances": [_instance(i, x, arrays) for i, x in enumerate(found.instances.values())],
    }
    return header, arrays


def measurements_from_values(header: Mapping[str, Any], arrays: Arrays) -> Measurements:
    """The measurements that `measurements_to_values` wrote."""
    contributions = [_contributions_of(i, entry, arrays) for i, entry in enumerate(header["contributions"])]
    instances = [_instance_of(i, entry, arrays) for i, entry in enumerate(header["instances"])]
    return Measurements(
        contributions={c.target: c for c in contributions},
        ablations=tuple(_ablation_of(i, entry, arrays) for i, entry in enumerate(header["ablations"])),
        health=None if header["health"] is None else _health_of(header["health"], arrays),
        connections=dict(_connections_of(i, entry, arrays) for i, entry in enumerate(header["connections"])),
        instances={x.name: x for x in instances},
    )


def _contributions(index: int, found: Contributions, arrays: Arrays) -> dict[str, Any]:
    place = f"contributions/{index}"
    arrays[f"{place}/counts"] = found.counts
    for number, values in enumerate(found.layers.values()):
        arrays[f"{place}/{number}"] = values.astype(np.float32)
    for number, values in enumerate(found.slopes.values()):
        arrays[f"{place}/slopes/{number}"] = values.astype(np.float32)
    return {"target": found.target, "layers": list(found.layers), "slopes": list(found.slopes)}


def _contributions_of(index: int, entry: Mapping[str, Any], arrays: Arrays) -> Contributions:
    place = f"contributions/{index}"
    layers = {str(name): arrays[f"{place}/{i}"].astype(np.float64) for i, name in enumerate(entry["layers"])}
    names = [str(name) for name in entry.get("slopes", ())]
    slopes = {name: arrays[f"{place}/slopes/{i}"].astype(np.float64) for i, name in enumerate(names)}
    target = None if entry["target"] is None else int(entry["target"])
    return Contributions(layers, arrays[f"{place}/counts"], target, slopes)


def _ablation(index: int, found: Ablation, arrays: Arrays) -> dict[str, Any]:
    for name in ("counts", "change", "accuracy", "flips"):
        arrays[f"ablations/{index}/{name}"] = np.ascontiguousarray(getattr(found, name))
    if found.foretold is not None:
        arrays[f"ablations/{index}/foretold"] = found.foretold
    silenced = [[layer, list(units)] for layer, units in found.silenced]
    return {"silenced": silenced, "fill": found.fill, "subset": found.subset}


def _ablation_of(index: int, entry: Mapping[str, Any], arrays: Arrays) -> Ablation:
    place = f"ablations/{index}"
    return Ablation(
        silenced=tuple((str(layer), tuple(int(u) for u in units)) for layer, units in entry["silenced"]),
        fill=entry["fill"],
        counts=arrays[f"{place}/counts"],
        change=arrays[f"{place}/change"],
        accuracy=arrays[f"{place}/accuracy"],
        flips=arrays[f"{place}/flips"],
        foretold=arrays.get(f"{place}/foretold"),
        subset=str(entry["subset"]),
    )


def _health(found: Health, arrays: Arrays) -> dict[str, Any]:
    layers = []
    for index, (name, layer) in enumerate(found.layers.items()):
        arrays[f"health/{index}/unit_gradients"] = layer.unit_gradients
        numbers = {key: float(getattr(layer, key)) for key in _NUMBERS}
        layers.append({"layer": name, "n_nan": layer.n_nan, "n_inf": layer.n_inf, **numbers})
    return {"layers": layers, "n_samples": found.n_samples, "compared": found.compared}


def _health_of(entry: Mapping[str, Any], arrays: Arrays) -> Health:
    layers = {}
    for index, row in enumerate(entry["layers"]):
        layers[str(row["layer"])] = LayerHealth(
            layer=str(row["layer"]),
            unit_gradients=arrays[f"health/{index}/unit_gradients"],
            n_nan=int(row["n_nan"]),
            n_inf=int(row["n_inf"]),
            **{key: float(row[key]) for key in _NUMBERS},
        )
    return Health(layers, int(entry["n_samples"]), str(entry["compared"]))


def _connections(index: int, edging: Edging, found: Connections, arrays: Arrays) -> dict[str, Any]:
    header, matrices = connections_to_values(found)
    for name, values in matrices.items():
        arrays[f"connections/{index}/{name}"] = values
    asked = {"mode": edging.mode, "target": edging.target, "subset": edging.subset, "instance": edging.instance}
    return {"edging": asked, "header": header}


def _connections_of(index: int, entry: Mapping[str, Any], arrays: Arrays) -> tuple[Edging, Connections]:
    asked, header = entry["edging"], entry["header"]
    own = {str(i): arrays[f"connections/{index}/{i}"] for i in range(len(header["pairs"]))}
    target = None if asked["target"] is None else int(asked["target"])
    edging = Edging(asked["mode"], target, str(asked["subset"]), str(asked["instance"]))
    return edging, connections_from_values(header, own)


def _instance(index: int, found: Instance, arrays: Arrays) -> dict[str, Any]:
    place = f"instances/{index}"
    arrays[f"{place}/scores"] = found.scores
    if found.picture is not None:
        arrays[f"{place}/picture"] = np.ascontiguousarray(found.picture)
    for kind in ("responses", "contributions"):
        for number, values in enumerate(getattr(found, kind).values()):
            arrays[f"{place}/{kind}/{number}"] = np.ascontiguousarray(values, np.float32)
    return {
        "name": found.name,
        "sample": found.sample,
        "responses": list(found.responses),
        "contributions": list(found.contributions),
    }


def _instance_of(index: int, entry: Mapping[str, Any], arrays: Arrays) -> Instance:
    place = f"instances/{index}"
    responses, contributions = (
        {str(name): arrays[f"{place}/{kind}/{i}"] for i, name in enumerate(entry[kind])}
        for kind in ("responses", "contributions")
    )
    return Instance(
        name=str(entry["name"]),
        scores=arrays[f"{place}/scores"],
        responses=responses,
        contributions=contributions,
        picture=arrays.get(f"{place}/picture"),
        sample=int(entry["sample"]),
    )
