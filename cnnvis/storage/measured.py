"""Measurements of a session as entries of its file, and back: one header, and one file of arrays for each kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnvis.model.connections import Connections
from cnnvis.model.measurements import (
    Ablation,
    Contributions,
    Edging,
    Health,
    Instance,
    LayerHealth,
    Measurements,
    SubsetMeasurements,
)
from cnnvis.model.scorecard import Scorecard
from cnnvis.storage.brought_together import group_from_values, group_to_values
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
        "contributions": _all_contributions("", found.contributions, arrays),
        "ablations": [_ablation(i, a, arrays) for i, a in enumerate(found.ablations)],
        "health": None if found.health is None else _health("", found.health, arrays),
        "connections": [_connections(i, e, c, arrays) for i, (e, c) in enumerate(found.connections.items())],
        "instances": [_instance(i, x, arrays) for i, x in enumerate(found.instances.values())],
        "scorecards": [_scorecard(i, x, arrays) for i, x in enumerate(found.scorecards.values())],
        "groups": [group_to_values(f"groups/{i}", x, arrays) for i, x in enumerate(found.groups.values())],
        "subsets": [_subset(i, name, part, arrays) for i, (name, part) in enumerate(found.subsets.items())],
    }
    return header, arrays


def measurements_from_values(header: Mapping[str, Any], arrays: Arrays) -> Measurements:
    """The measurements that `measurements_to_values` wrote."""
    instances = [_instance_of(i, entry, arrays) for i, entry in enumerate(header["instances"])]
    scorecards = [_scorecard_of(i, entry, arrays) for i, entry in enumerate(header.get("scorecards", ()))]
    groups = [group_from_values(f"groups/{i}", entry, arrays) for i, entry in enumerate(header.get("groups", ()))]
    return Measurements(
        contributions=_all_contributions_of("", header["contributions"], arrays),
        ablations=tuple(_ablation_of(i, entry, arrays) for i, entry in enumerate(header["ablations"])),
        health=None if header["health"] is None else _health_of("", header["health"], arrays),
        connections=dict(_connections_of(i, entry, arrays) for i, entry in enumerate(header["connections"])),
        instances={x.name: x for x in instances},
        scorecards={x.key: x for x in scorecards},
        groups={x.key: x for x in groups},
        subsets=dict(_subset_of(i, entry, arrays) for i, entry in enumerate(header.get("subsets", ()))),
    )


def _subset(index: int, name: str, found: SubsetMeasurements, arrays: Arrays) -> dict[str, Any]:
    within = f"subsets/{index}/"
    return {
        "name": name,
        "contributions": _all_contributions(within, found.contributions, arrays),
        "health": None if found.health is None else _health(within, found.health, arrays),
    }


def _subset_of(index: int, entry: Mapping[str, Any], arrays: Arrays) -> tuple[str, SubsetMeasurements]:
    within, name = f"subsets/{index}/", str(entry["name"])
    health = None if entry["health"] is None else _health_of(within, entry["health"], arrays, name)
    return name, SubsetMeasurements(_all_contributions_of(within, entry["contributions"], arrays, name), health)


def _all_contributions(
    within: str, found: Mapping[int | None, Contributions], arrays: Arrays
) -> list[dict[str, Any]]:
    """Those to each target; `within` is where their arrays are, "" or a place that ends in a slash."""
    return [_contributions(f"{within}contributions/{i}", one, arrays) for i, one in enumerate(found.values())]


def _all_contributions_of(
    within: str, entries: Sequence[Mapping[str, Any]], arrays: Arrays, subset: str = ""
) -> dict[int | None, Contributions]:
    found = (_contributions_of(f"{within}contributions/{i}", e, arrays, subset) for i, e in enumerate(entries))
    return {one.target: one for one in found}


def _contributions(place: str, found: Contributions, arrays: Arrays) -> dict[str, Any]:
    """The classes that have samples alone: of a thousand a subset holds a few."""
    present = found.counts > 0
    arrays[f"{place}/counts"] = found.counts
    for kind, sums in (("", found.layers), ("slopes/", found.slopes)):
        for number, values in enumerate(sums.values()):
            arrays[f"{place}/{kind}{number}"] = np.ascontiguousarray(values[:, present], np.float32)
    return {"target": found.target, "layers": list(found.layers), "slopes": list(found.slopes)}


def _contributions_of(place: str, entry: Mapping[str, Any], arrays: Arrays, subset: str) -> Contributions:
    counts = arrays[f"{place}/counts"]
    layers = {str(name): _by_class(arrays[f"{place}/{i}"], counts) for i, name in enumerate(entry["layers"])}
    names = [str(name) for name in entry.get("slopes", ())]
    slopes = {name: _by_class(arrays[f"{place}/slopes/{i}"], counts) for i, name in enumerate(names)}
    target = None if entry["target"] is None else int(entry["target"])
    return Contributions(layers, counts, target, slopes, subset)


def _by_class(values: NDArray[Any], counts: NDArray[Any]) -> NDArray[np.float64]:
    """The sums of all classes, where those of classes with samples were written; older files hold all."""
    if values.shape[1] == len(counts):
        return values.astype(np.float64)
    out = np.zeros((len(values), len(counts)))
    out[:, counts > 0] = values
    return out


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


def _health(within: str, found: Health, arrays: Arrays) -> dict[str, Any]:
    layers = []
    for index, (name, layer) in enumerate(found.layers.items()):
        arrays[f"{within}health/{index}/unit_gradients"] = layer.unit_gradients
        numbers = {key: float(getattr(layer, key)) for key in _NUMBERS}
        layers.append({"layer": name, "n_nan": layer.n_nan, "n_inf": layer.n_inf, **numbers})
    return {"layers": layers, "n_samples": found.n_samples, "compared": found.compared}


def _health_of(within: str, entry: Mapping[str, Any], arrays: Arrays, subset: str = "") -> Health:
    layers = {}
    for index, row in enumerate(entry["layers"]):
        layers[str(row["layer"])] = LayerHealth(
            layer=str(row["layer"]),
            unit_gradients=arrays[f"{within}health/{index}/unit_gradients"],
            n_nan=int(row["n_nan"]),
            n_inf=int(row["n_inf"]),
            **{key: float(row[key]) for key in _NUMBERS},
        )
    return Health(layers, int(entry["n_samples"]), str(entry["compared"]), subset)


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


def _scorecard(index: int, found: Scorecard, arrays: Arrays) -> dict[str, Any]:
    for number, values in enumerate(found.curves.values()):
        arrays[f"scorecards/{index}/{number}"] = np.ascontiguousarray(values)
    return {
        "key": found.key,
        "method": found.method,
        "scores": dict(found.scores),
        "controls": {name: dict(scores) for name, scores in found.controls.items()},
        "curves": list(found.curves),
        "facts": dict(found.facts),
        "evaluations": found.evaluations,
        "seconds": found.seconds,
        "value": found.value,
    }


def _scorecard_of(index: int, entry: Mapping[str, Any], arrays: Arrays) -> Scorecard:
    return Scorecard(
        key=str(entry["key"]),
        method=str(entry["method"]),
        scores={str(name): float(value) for name, value in entry["scores"].items()},
        controls={str(n): {str(k): float(v) for k, v in found.items()} for n, found in entry["controls"].items()},
        curves={str(name): arrays[f"scorecards/{index}/{i}"] for i, name in enumerate(entry["curves"])},
        facts={str(name): value for name, value in entry["facts"].items()},
        evaluations=int(entry["evaluations"]),
        seconds=float(entry["seconds"]),
        value=entry["value"],
    )
