"""One recording from the recordings of shards: the same as one pass over all of their samples."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnvis.compute.pooled import PooledFile
from cnnvis.compute.sums import TopTable
from cnnvis.compute.table import skipped_note
from cnnvis.errors import InvalidValue
from cnnvis.model.activations import Activations, Responses, Samples, frozen


@dataclass(frozen=True, eq=False, slots=True)
class _Order:
    """Where the rows of the parts go: `rows[i]` are the rows of part i in the whole, of `n`."""

    n: int
    rows: tuple[NDArray[np.int64], ...]


def merge(parts: Sequence[Activations]) -> Activations:
    """The recording of all samples of the parts, ordered by their index in the data set.

    Sums merge exactly but for the rounding of float64; lists of strongest samples are those of one run. Pooled
    responses are copied into one temporary file; they are dropped for a layer where any part has none.

    Raises InvalidValue where there is no part, where parts differ in groups, layers or units, or share samples.
    """
    if not parts:
        raise InvalidValue("The recordings to merge must be at least one; got none.")
    first = parts[0]
    for i, part in enumerate(parts[1:], 2):
        _check_alike(first, part, i)
    if len(parts) == 1:
        return first
    order = _order(parts)
    pooled = _pooled(parts, order)
    samples = _samples([p.samples for p in parts], order)
    layers = {name: _layer([p.layers[name] for p in parts], pooled.get(name)) for name in first.layers}
    return Activations(
        first.groups,
        first.kind,
        frozen(np.sum([p.counts for p in parts], axis=0)),
        layers,
        samples,
        next((p.data for p in parts if p.data is not None), None),
        first.seed,
        _notes(parts, samples),
        first.noun,
    )


def _notes(parts: Sequence[Activations], samples: Samples) -> tuple[str, ...]:
    own = {skipped_note(len(p.samples.skipped), len(p.samples)) for p in parts}
    others = dict.fromkeys(note for p in parts for note in p.notes if note not in own)
    return (*([skipped_note(len(samples.skipped), len(samples))] if samples.skipped else []), *others)


def _check_alike(first: Activations, part: Activations, number: int) -> None:
    where = f"recording {number} of those to merge"
    if part.kind != first.kind or part.groups != first.groups:
        hint = " Quantiles of values that are known only after a pass differ from shard to shard; record them in one."
        raise InvalidValue(
            f"The groups of {where} must be those of the first, {len(first.groups)} by {first.kind}; got "
            f"{len(part.groups)} by {part.kind}{_difference(first.groups, part.groups)}."
            + (hint if "quantile" in (first.kind, part.kind) else "")
        )
    if set(part.layers) != set(first.layers):
        odd = sorted(set(part.layers) ^ set(first.layers))
        raise InvalidValue(f"The layers of {where} must be those of the first; {odd[0]!r} is only in one of them.")
    for name, layer in first.layers.items():
        other = part.layers[name]
        if other.n_units != layer.n_units or other.top_samples.shape != layer.top_samples.shape:
            raise InvalidValue(
                f"The layer {name} of {where} must have {layer.n_units} units and lists of "
                f"{layer.top_samples.shape[1]} samples as in the first; got {other.n_units} and "
                f"{other.top_samples.shape[1]}."
            )
        if (other.place is None) != (layer.place is None) or other.squares.shape != layer.squares.shape:
            raise InvalidValue(f"The layer {name} of {where} must be recorded as in the first; its arrays differ.")


def _difference(one: tuple[str, ...], other: tuple[str, ...]) -> str:
    odd = next(((a, b) for a, b in zip(one, other) if a != b), None)
    return f" ({odd[1]!r} in place of {odd[0]!r})" if odd else ""


def _order(parts: Sequence[Activations]) -> _Order:
    tables = [p.samples for p in parts]
    indices = np.concatenate([t.indices for t in tables])
    found, counts = np.unique(indices, return_counts=True)
    if (counts > 1).any():
        twice = int(found[np.argmax(counts > 1)])
        name = next(t.names[t.rows[twice]] for t in tables if twice in t.rows)
        raise InvalidValue(
            f"Recordings to merge must not share images; {int((counts > 1).sum())} are in two of them, such as {name}."
        )
    places = np.searchsorted(found, indices)
    ends = np.cumsum([len(t) for t in tables])
    return _Order(len(indices), tuple(np.split(places, ends[:-1])))


def _spread(arrays: Sequence[NDArray[Any]], order: _Order) -> NDArray[Any]:
    out = np.empty((order.n, *arrays[0].shape[1:]), np.result_type(*arrays))
    for array, rows in zip(arrays, order.rows):
        out[rows] = array
    return frozen(out)


def _widened(array: NDArray[Any], width: int, empty: float) -> NDArray[Any]:
    if array.shape[1] == width:
        return array
    return np.concatenate([array, np.full((len(array), width - array.shape[1]), empty, array.dtype)], axis=1)


def _samples(tables: Sequence[Samples], order: _Order) -> Samples:
    if len({t.labels.shape[1:] for t in tables}) > 1:
        raise InvalidValue("The labels of recordings to merge must be of one form; got vectors and single labels.")
    names = [""] * order.n
    for table, rows in zip(tables, order.rows):
        for row, name in zip(rows, table.names):
            names[row] = name
    width = max(t.ranked.shape[1] for t in tables)
    place = {name: row for row, name in enumerate(names)}
    skipped = sorted((s for t in tables for s in t.skipped), key=lambda s: place.get(s.name, order.n))
    return Samples(
        tuple(names),
        _spread([t.indices for t in tables], order),
        _spread([t.labels for t in tables], order),
        _spread([_widened(t.ranked, width, -1) for t in tables], order),
        _spread([_widened(t.scores, width, np.nan) for t in tables], order),
        _spread([t.read for t in tables], order),
        tuple(skipped),
    )


def _layer(parts: Sequence[Responses], pooled: NDArray[np.float16] | None) -> Responses:
    first = parts[0]
    top = TopTable(first.n_units, first.top_samples.shape[1])
    for part in parts:
        units, ranks = np.nonzero(part.top_samples >= 0)
        at = (units, ranks)
        top.add(units, part.top_values[at], part.top_samples[at], part.top_places[at])
    places = [p.place for p in parts if p.place is not None]
    return Responses(
        first.layer,
        total=frozen(np.sum([p.total for p in parts], axis=0)),
        squares=frozen(np.sum([p.squares for p in parts], axis=0)),
        highest=frozen(np.max([p.highest for p in parts], axis=0)),
        fired=frozen(np.sum([p.fired for p in parts], axis=0)),
        histogram=frozen(np.sum([p.histogram for p in parts], axis=0)),
        place=frozen(np.sum(places, axis=0)) if places else None,
        top_samples=frozen(top.samples),
        top_values=frozen(top.values),
        top_places=frozen(top.places),
        pooled=pooled,
    )


def _pooled(parts: Sequence[Activations], order: _Order) -> dict[str, NDArray[np.float16]]:
    """The pooled responses of all samples in one file, for the layers that have them in every part."""
    found: dict[str, list[tuple[NDArray[np.int64], NDArray[np.float16]]]] = {}
    for name in parts[0].layers:
        pieces = [(rows, p.layers[name].pooled) for p, rows in zip(parts, order.rows)]
        here = [(rows, pooled) for rows, pooled in pieces if pooled is not None]
        if len(here) == len(pieces):
            found[name] = here
    if not found:
        return {}
    with closing(PooledFile(order.n, {name: parts[0].layers[name].n_units for name in found})) as file:
        for name, here in found.items():
            file.put(name, here)
        return file.arrays()
