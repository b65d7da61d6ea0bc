"""The responses to some of the samples alone, from the pooled responses: without the network, in milliseconds."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from threading import Lock
from types import MappingProxyType
from weakref import WeakKeyDictionary, WeakSet

import numpy as np
from numpy.typing import NDArray

from cnnvis.errors import InvalidValue
from cnnvis.model.activations import HISTOGRAM_BINS, Activations, Responses, Samples, frozen, histogram_edges
from cnnvis.model.lazy import Lazy

UNKNOWN = -1
"""Row and column of a peak whose place nobody has recorded."""
_KEPT = 8
"""So many subsets of one recording are remembered."""

Members = tuple[NDArray[np.int64], NDArray[np.int64]]
"""Pairs of a row and a group that it belongs to."""

_MEMORY: WeakKeyDictionary[Activations, OrderedDict[bytes, Activations]] = WeakKeyDictionary()
_EXACT: WeakSet[Activations] = WeakSet()
_LOCK = Lock()


def restricted(activations: Activations, rows: NDArray[np.int64]) -> Activations:
    """The responses to the samples of some rows of the table alone; the same object for the same rows.

    Sums, spreads, maxima and histograms are those of the pooled responses, to the precision of float16. The strongest
    samples keep the places of their peaks as far as the whole recording knows them; further ones are ranked by
    their pooled response, with the place (−1, −1). `fired` counts pooled responses above 0, which behind a rectifier is
    exact. `place` is None. Layers whose pooled responses were dropped are missing (see `dropped`). A recording of
    exactly these rows takes its place once `keep_exact` was given one.

    `rows` (n,) ascending, of samples that were read. Costs some ten milliseconds for a layer of 64 units and
    thousands of samples, when the layer is first looked at. Raises InvalidValue where there is no row.
    """
    if not len(rows):
        raise InvalidValue("A subset must hold at least one image that was read; got none. Choose it wider.")
    known = _known(activations, rows)
    if known is None:
        known = _keep(activations, rows, _restricted(activations, np.asarray(rows, np.int64)))
    return known


def keep_exact(activations: Activations, rows: NDArray[np.int64], exact: Activations) -> bool:
    """Let a recording of these rows alone stand for them from now on; whether it fits.

    It does not where its groups are others: quantiles are cut anew by every recording.
    """
    if exact.groups != activations.groups or len(exact.samples) != len(rows):
        return False
    _EXACT.add(_keep(activations, rows, replace(exact, data=activations.data, notes=())))
    return True


def is_exact(activations: Activations, rows: NDArray[np.int64]) -> bool:
    """Whether a recording of these rows alone stands for them."""
    known = _known(activations, rows)
    return known is not None and known in _EXACT


def _known(activations: Activations, rows: NDArray[np.int64]) -> Activations | None:
    found = _MEMORY.get(activations)
    return found.get(_key(rows)) if found is not None else None


def _key(rows: NDArray[np.int64]) -> bytes:
    return np.ascontiguousarray(rows, np.int64).tobytes()


def _keep(activations: Activations, rows: NDArray[np.int64], found: Activations) -> Activations:
    with _LOCK:  # the picture is drawn in one thread while panels read in another
        known = _MEMORY.setdefault(activations, OrderedDict())
        known[_key(rows)] = found
        while len(known) > _KEPT:
            known.popitem(last=False)
    return found


def dropped(activations: Activations) -> tuple[str, ...]:
    """The recorded layers of which no response of the single samples is left: they cannot be restricted."""
    return tuple(name for name, found in activations.layers.items() if found.pooled is None)


def mean_over(activations: Activations, layer: str, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """The mean pooled response of each unit over some rows, (n_units,): one more column beside those of the classes.

    NaN where there is no row. Raises InvalidValue where the layer's pooled responses were dropped.
    """
    pooled = activations[layer].pooled
    if pooled is None:
        raise InvalidValue(f"{layer} must keep its pooled responses to be asked for a subset. Connect the network.")
    if not len(rows):
        return np.full(activations[layer].n_units, np.nan)
    return np.asarray(pooled[rows].mean(0, dtype=np.float64))


def members(activations: Activations) -> Members:
    """Which rows of the table belong to which group, as pairs; a row may belong to several, or to none."""
    table, n = activations.samples, len(activations.groups)
    if activations.kind == "label":
        rows, groups = np.nonzero((table.labels > 0) & table.read[:, None])
        return rows.astype(np.int64), groups.astype(np.int64)
    if activations.kind == "quantile":
        return _of_quantiles(activations)
    found = (table.labels if activations.kind == "class" else table.predictions).astype(np.int64)
    rows = np.flatnonzero(table.read & (found >= 0) & (found < n))
    return rows, found[rows]


def _of_quantiles(activations: Activations) -> Members:
    """Quantiles follow each other in the order of the values, equal values in one: their counts say where they end."""
    table = activations.samples
    floats = table.labels.ndim == 1 and np.issubdtype(table.labels.dtype, np.floating)
    values = np.asarray(table.labels if floats else table.confidences, np.float64)
    rows = np.flatnonzero(table.read & ~np.isnan(values))
    rows = rows[np.argsort(values[rows], kind="stable")]
    ends = np.cumsum(activations.counts).astype(np.int64)
    rows = rows[: int(ends[-1])] if len(ends) else rows[:0]
    return rows, np.searchsorted(ends, np.arange(len(rows)), side="right")


def _restricted(activations: Activations, rows: NDArray[np.int64]) -> Activations:
    table = part_of(activations.samples, rows)
    all_rows, groups = members(activations)
    place = np.full(len(activations.samples), -1, np.int64)
    place[rows] = np.arange(len(rows))
    inside = place[all_rows] >= 0
    mine: Members = place[all_rows[inside]], groups[inside]
    counts = np.bincount(mine[1], minlength=len(activations.groups)).astype(np.float64)

    n_groups, n_all = len(activations.groups), activations.n_samples  # not the activations: they may go before these

    def maker(found: Responses) -> Callable[[], Responses]:
        return lambda: _responses(found, rows, table.indices, mine, n_groups, n_all)

    make = {name: maker(found) for name, found in activations.layers.items() if found.pooled is not None}
    return replace(
        activations, counts=frozen(counts), layers=MappingProxyType(Lazy(make)), samples=table, notes=()
    )


def part_of(samples: Samples, rows: NDArray[np.int64]) -> Samples:
    """Some rows of the table of samples."""
    return Samples(
        names=tuple(samples.names[r] for r in rows.tolist()),
        indices=frozen(samples.indices[rows]),
        labels=frozen(samples.labels[rows]),
        ranked=frozen(samples.ranked[rows]),
        scores=frozen(samples.scores[rows]),
        read=frozen(samples.read[rows]),
    )


def _responses(
    found: Responses, rows: NDArray[np.int64], indices: NDArray[np.int64], mine: Members, n_groups: int, n_all: int
) -> Responses:
    """One layer, restricted; `mine` are pairs of a place in `rows` and a group; `n_all` samples in the whole."""
    assert found.pooled is not None
    pooled = np.array(found.pooled[rows])
    values = pooled.astype(np.float64)
    wide = found.squares.shape[1]
    total = _by_group(values, mine, n_groups, np.add)
    kept: Members = (mine[0], np.zeros_like(mine[1])) if wide == 1 else mine
    squares = _by_group(values**2, kept, wide, np.add)
    highest = _by_group(values, kept, wide, np.maximum, -np.inf)
    top_samples, top_values, top_places = _strongest(found, pooled, indices)
    return Responses(
        found.layer,
        total=frozen(total),
        squares=frozen(squares),
        highest=frozen(highest.astype(np.float32)),
        fired=frozen(np.where(found.fired == n_all, len(rows), (values > 0).sum(0)).astype(np.int64)),
        histogram=frozen(_histogram(values)),
        place=None,
        top_samples=frozen(top_samples),
        top_values=frozen(top_values),
        top_places=frozen(top_places),
        pooled=frozen(pooled),
    )


def _by_group(
    values: NDArray[np.float64], mine: Members, n_groups: int, how: np.ufunc, empty: float = 0.0
) -> NDArray[np.float64]:
    """The values (n, units) of each group's rows reduced, (units, n_groups)."""
    rows, groups = mine
    out = np.full((n_groups, values.shape[1]), empty)
    order = np.argsort(groups, kind="stable")
    found, starts = np.unique(groups[order], return_index=True)
    if len(found):
        out[found] = how.reduceat(values[rows[order]], starts, axis=0)
    return out.T


def _histogram(values: NDArray[np.float64]) -> NDArray[np.int64]:
    n_units = values.shape[1]
    bins = np.searchsorted(histogram_edges(), values, side="left")
    flat = np.bincount((bins + HISTOGRAM_BINS * np.arange(n_units)).ravel(), minlength=HISTOGRAM_BINS * n_units)
    return flat.reshape(n_units, HISTOGRAM_BINS).astype(np.int64)


def _strongest(
    found: Responses, pooled: NDArray[np.float16], indices: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.int32]]:
    """The strongest samples, their peaks and places.

    Those of the whole recording's lists that are in the subset lead: nothing in it has a higher peak. A mean is never
    above its peak, so what follows, ranked by means, stays in falling order.
    """
    k = found.top_samples.shape[1]
    n, n_units = pooled.shape
    known = np.isin(found.top_samples, indices) & (found.top_samples >= 0)
    more = min(2 * k, n)
    best = np.argpartition(-pooled.astype(np.float32), more - 1, axis=0)[:more] if more < n else None
    best = np.tile(np.arange(n)[:, None], (1, n_units)) if best is None else np.sort(best, axis=0)
    strength = np.take_along_axis(pooled, best, 0).astype(np.float32)
    order = np.argsort(-strength, axis=0, kind="stable")
    samples = indices[np.take_along_axis(best, order, 0)].T
    values = np.take_along_axis(strength, order, 0).T
    new = ~((samples[:, :, None] == found.top_samples[:, None, :]) & known[:, None, :]).any(2)
    all_samples = np.concatenate([found.top_samples, samples], 1)
    all_values = np.concatenate([found.top_values, values], 1)
    all_places = np.concatenate([found.top_places, np.full((*samples.shape, 2), UNKNOWN, np.int32)], 1)
    usable = np.concatenate([known, new], 1)
    pick = np.argsort(~usable, axis=1, kind="stable")[:, :k]
    here = np.take_along_axis(usable, pick, 1)
    return (
        np.where(here, np.take_along_axis(all_samples, pick, 1), -1),
        np.where(here, np.take_along_axis(all_values, pick, 1), -np.inf).astype(np.float32),
        np.where(here[..., None], np.take_along_axis(all_places, pick[..., None], 1), 0).astype(np.int32),
    )
