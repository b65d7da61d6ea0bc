"""Explanations as JSON-ready values and arrays, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnvis.model.attribution import Attribution, Evidence, Gates, Map, Picture, Vector, WeightMap
from cnnvis.model.target import Target

Arrays = dict[str, NDArray[Any]]


def attributions_to_values(found: Sequence[Attribution]) -> tuple[list[dict[str, Any]], Arrays]:
    """Headers and arrays; those of the i-th explanation are called "i" or "i/…"."""
    headers: list[dict[str, Any]] = []
    arrays: Arrays = {}
    for i, one in enumerate(found):
        kind, mine = _evidence_to_values(one.evidence)
        headers.append(
            {
                "sample": one.sample,
                "image": one.image,
                "target": asdict(one.target),
                "method": one.method,
                "parameters": dict(one.parameters),
                "versions": dict(one.versions),
                "evidence": kind | {"facts": dict(one.evidence.facts)},
            }
        )
        arrays |= {f"{i}/{name}" if name else str(i): values for name, values in mine.items()}
    return headers, arrays


def attributions_from_values(headers: Sequence[Mapping[str, Any]], arrays: Arrays) -> tuple[Attribution, ...]:
    """The explanations that `attributions_to_values` wrote."""
    found = []
    for i, header in enumerate(headers):
        prefix = f"{i}/"
        mine = {name[len(prefix) :]: values for name, values in arrays.items() if name.startswith(prefix)}
        if str(i) in arrays:
            mine[""] = arrays[str(i)]
        found.append(
            Attribution(
                evidence=_evidence_from_values(header["evidence"], mine),
                sample=int(header["sample"]),
                target=target_from_values(header["target"]),
                method=str(header["method"]),
                parameters=plain_parameters(header["parameters"]),
                versions=dict(header["versions"]),
                image=str(header.get("image", "")),
            )
        )
    return tuple(found)


def _evidence_to_values(evidence: Evidence) -> tuple[dict[str, Any], Arrays]:
    match evidence:
        case Map():
            return {"kind": "map"}, {"": evidence.values}
        case Vector():
            return {"kind": "vector", "features": list(evidence.features)}, {"": evidence.values}
        case Picture():
            return {"kind": "picture"}, {"": evidence.values, "drive": evidence.drive}
        case Gates():
            return {"kind": "gates", "names": list(evidence.values)}, dict(evidence.values)
        case WeightMap():
            return {"kind": "weights", "names": list(evidence.values)}, dict(evidence.values)


def _evidence_from_values(header: Mapping[str, Any], arrays: Arrays) -> Evidence:
    facts = plain_parameters(header.get("facts", {}))
    match header["kind"]:
        case "vector":
            return Vector(arrays[""], tuple(str(f) for f in header["features"]), facts)
        case "picture":
            return Picture(arrays[""].astype(np.uint8, copy=False), arrays["drive"], facts)
        case "gates":
            return Gates(_ordered(header, arrays), facts)
        case "weights":
            return WeightMap(_ordered(header, arrays), facts)
        case _:
            return Map(arrays[""], facts)


def _ordered(header: Mapping[str, Any], arrays: Arrays) -> Arrays:
    """The arrays in the order in which they were written: a file keeps its own."""
    return {str(name): arrays[str(name)] for name in header.get("names", arrays)}


def plain_parameters(values: Mapping[str, Any]) -> dict[str, Any]:
    """JSON knows no tuples: lists were tuples."""
    return {str(name): tuple(v) if isinstance(v, list) else v for name, v in values.items()}


def target_from_values(aim: Mapping[str, Any]) -> Target:
    """A target that was written by `asdict`."""
    return Target(
        layer=str(aim["layer"]),
        units=tuple(int(u) for u in aim["units"]),
        at=None if aim["at"] is None else tuple(int(p) for p in aim["at"]),
        reduce=aim["reduce"],
        weights=None if aim["weights"] is None else tuple(float(w) for w in aim["weights"]),
    )
