"""Values as JSON-ready dictionaries and named arrays, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnvis.model.activations import Activations, Responses, Samples, Skipped
from cnnvis.model.connections import Connections

Arrays = dict[str, NDArray[Any]]


def samples_to_values(samples: Samples) -> tuple[dict[str, Any], Arrays]:
    """The table of samples as JSON-ready values and arrays."""
    table = {"names": list(samples.names), "skipped": [[s.name, s.reason] for s in samples.skipped]}
    arrays = {name: getattr(samples, name) for name in ("indices", "labels", "ranked", "scores", "read")}
    return table, arrays


def samples_from_values(table: Mapping[str, Any], arrays: Arrays) -> Samples:
    """The table that `samples_to_values` wrote."""
    return Samples(
        names=tuple(str(n) for n in table["names"]),
        skipped=tuple(Skipped(str(name), str(reason)) for name, reason in table["skipped"]),
        indices=arrays["indices"],
        labels=arrays["labels"],
        ranked=arrays["ranked"],
        scores=arrays["scores"],
        read=arrays["read"],
    )


def responses_to_arrays(found: Responses, counts: NDArray[np.float64], exact: bool) -> Arrays:
    """The arrays of one layer: exact sums, or means as scaled float16 and the rest in the smallest fitting type."""
    place = {} if found.place is None else {"place": found.place if exact else found.place.astype(np.float32)}
    kept: Arrays = {
        **place,
        "top_samples": found.top_samples.astype(np.int32),
        "top_values": found.top_values,
        "top_places": found.top_places.astype(np.uint16),
        "highest": found.highest,
    }
    if exact:
        same = {name: getattr(found, name) for name in ("total", "squares", "fired", "histogram")}
        return kept | same
    present = counts > 0
    means = found.total[:, present] / counts[present]
    scale = float(np.abs(means[np.isfinite(means)]).max(initial=0.0)) or 1.0
    kept["means"] = (means / scale).astype(np.float16)
    kept["scale"] = np.array([scale])
    kept["squares"] = found.squares.astype(np.float32)
    kept["fired"] = found.fired.astype(np.int32)
    kept["histogram"] = found.histogram.astype(np.int32)
    return kept


def responses_from_arrays(layer: str, counts: NDArray[np.float64], arrays: Arrays) -> Responses:
    """The statistics that `responses_to_arrays` wrote."""
    if "total" in arrays:
        total = arrays["total"]
    else:
        means = arrays["means"].astype(np.float64) * float(arrays["scale"][0])
        total = np.zeros((len(means), len(counts)))
        total[:, counts > 0] = means * counts[counts > 0]
    return Responses(
        layer=layer,
        total=total,
        squares=arrays["squares"].astype(np.float64),
        highest=arrays["highest"],
        fired=arrays["fired"].astype(np.int64),
        histogram=arrays["histogram"].astype(np.int64),
        place=arrays["place"].astype(np.float64) if "place" in arrays else None,
        top_samples=arrays["top_samples"].astype(np.int64),
        top_values=arrays["top_values"],
        top_places=arrays["top_places"].astype(np.int32),
        pooled=arrays.get("pooled"),
    )


def activations_header(activations: Activations) -> dict[str, Any]:
    """What is not an array: groups, layers, seed, notes."""
    return {
        "groups": list(activations.groups),
        "kind": activations.kind,
        "layers": list(activations.layers),
        "seed": activations.seed,
        "notes": list(activations.notes),
        "inputs": activations.noun.many,
    }


def connections_to_values(connections: Connections) -> tuple[dict[str, Any], Arrays]:
    """The connections as JSON-ready values and one array per pair."""
    pairs = connections.pairs
    header = {
        "mode": connections.mode,
        "target": connections.target,
        "probe": connections.probe,
        "pairs": [[a, b, connections.scales[a, b]] for a, b in pairs],
    }
    return header, {str(i): connections.matrices[pair] for i, pair in enumerate(pairs)}


def connections_from_values(header: Mapping[str, Any], arrays: Arrays) -> Connections:
    """The connections that `connections_to_values` wrote."""
    pairs = [(str(a), str(b)) for a, b, _ in header["pairs"]]
    return Connections(
        mode=header["mode"],
        matrices={pair: arrays[str(i)] for i, pair in enumerate(pairs)},
        scales={pair: float(entry[2]) for pair, entry in zip(pairs, header["pairs"])},
        target=None if header["target"] is None else int(header["target"]),
        probe=int(header["probe"]),
    )
