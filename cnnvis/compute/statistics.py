"""What is kept of every batch: sums that merge, reduced inside the visit of a node so that no map outlives it.

`Tally` holds the statistics of all recorded units side by side (units 0 … n−1, layer after layer): one set of small
matrix operations per batch serves every layer. A batch is first staged by the visitors and counted by `commit`, so
that a batch that fails half-way (out of memory, an exception, a cancel) leaves no trace.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cnnvis.compute.sums import GroupSums, Histogram, TopTable
from cnnvis.errors import ModelFailure
from cnnvis.model.activations import Responses, frozen

PLACE = 8
"""The side of the mean map."""


@dataclass(frozen=True, slots=True)
class Slot:
    """Where the units of a layer lie among all recorded units, and where in its response."""

    layer: str
    node: str
    start: int
    stop: int
    unit_axis: int
    plane: bool

    @property
    def units(self) -> slice:
        return slice(self.start, self.stop)


@dataclass(frozen=True, eq=False, slots=True)
class Reduced:
    """What remains of one layer's maps of one batch of b samples.

    mean, peak (b, units) float32: 0 and −inf where a map holds NaN or Inf (`faulty` (b, units); None: nowhere).
    place (units, 8, 8): sum of the maps pooled, or None. rows, units, places: for the maps that may enter a top list
    the sample in the batch, the unit in the layer, and where the peak is, (p,), (p,) and (p, 2).
    """

    mean: NDArray[np.float32]
    peak: NDArray[np.float32]
    faulty: NDArray[np.bool_] | None
    place: NDArray[np.float64] | None
    rows: NDArray[np.int64]
    units: NDArray[np.int64]
    places: NDArray[np.int64]


def reduced(value: Tensor, unit_axis: int, plane: bool, lowest: NDArray[np.float32], k: int) -> Reduced:
    """One layer's response to one batch, reduced; three passes over it and no copy where units lie last in memory.

    lowest (units,): the value that a peak must exceed to enter its unit's top list of k.
    """
    if value.dtype != torch.float32:
        value = value.float()
    last = value.movedim(1 + unit_axis % (value.ndim - 1), -1)
    shape = tuple(last.shape[1:-1])
    rows = last.reshape(len(last), math.prod(shape[:-1]), math.prod(shape[-1:]), last.shape[-1])
    ridges = rows.amax(2 if _by_rows(rows) else 1)
    peak = _array(ridges.amax(1))
    mean = _array(rows.flatten(1, 2).sum(1)) / np.float32(math.prod(shape))
    faulty = None if np.isfinite(mean.sum()) else ~np.isfinite(mean)
    if faulty is not None:
        mean[faulty], peak = 0.0, np.where(faulty, np.float32(-np.inf), peak)
        rows = rows.masked_fill(torch.from_numpy(faulty).to(rows.device)[:, None, None], 0.0)
    samples, units = _entering(peak, lowest, k)
    places = _places(rows, ridges, samples, units, shape)
    return Reduced(mean, peak, faulty, _place(rows.sum(0)) if plane else None, samples, units, places)


def _array(tensor: Tensor) -> NDArray[np.float32]:
    """A small tensor in numpy, whose operations have a fraction of torch's overhead."""
    return np.asarray(tensor.cpu().numpy())


def _by_rows(rows: Tensor) -> bool:
    """Whether the largest value of each row of a map (else of each column) is found first.

    On a CPU torch takes maxima fast along rows only where the units fill its vectors, along columns always.
    """
    width = rows.shape[-1]
    return rows.device.type != "cpu" or width % 32 == 0 or width >= 256


def _entering(
    peak: NDArray[np.float32], lowest: NDArray[np.float32], k: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Sample and unit of the maps that may enter a top list; at most k per unit, earlier samples first among equals."""
    mask = peak > lowest
    samples, units = mask.nonzero()
    if len(samples) <= k or int(np.bincount(units).max()) <= k:
        return samples, units
    first = np.argsort(-peak, axis=0, kind="stable")[:k]
    best = np.zeros_like(mask)
    np.put_along_axis(best, first, True, axis=0)
    samples, units = (mask & best).nonzero()
    return samples, units


def _places(
    rows: Tensor, ridges: Tensor, samples: NDArray[np.int64], units: NDArray[np.int64], shape: tuple[int, ...]
) -> NDArray[np.int64]:
    """Row and column of the first largest value of each of some maps, (p, 2): a map's first two axes, 0 where fewer."""
    places = np.zeros((len(samples), 2), np.int64)
    if not len(samples) or not shape:
        return places
    along = _picked(ridges, samples, units)
    first = along.argmax(1)
    if _by_rows(rows):
        flat = first * rows.shape[2] + _picked(rows, samples, units, row=first).argmax(1)
    else:
        flat = _picked(rows, samples, units, column=first).argmax(1) * rows.shape[2] + first
        tied = (along == along[np.arange(len(first)), first, None]).sum(1) > 1
        if tied.any():  # another column may hold it in an earlier row
            flat[tied] = _picked(rows.flatten(1, 2), samples[tied], units[tied]).argmax(1)
    inner = math.prod(shape[1:])
    places[:, 0], places[:, 1] = flat // inner, flat % inner // math.prod(shape[2:])
    return places


def _picked(
    tensor: Tensor,
    samples: NDArray[np.int64],
    units: NDArray[np.int64],
    row: NDArray[np.int64] | None = None,
    column: NDArray[np.int64] | None = None,
) -> NDArray[np.float32]:
    """Of some maps (units last) everything, or one row or one column each, (p, n)."""
    keys: list[Any] = [samples, slice(None), units]
    if tensor.ndim == 4:
        keys[1:2] = [slice(None) if row is None else row, slice(None) if column is None else column]
    if tensor.device.type == "cpu":
        return np.asarray(tensor.numpy()[tuple(keys)])
    return _array(tensor[tuple(k if isinstance(k, slice) else torch.from_numpy(k).to(tensor.device) for k in keys)])


def _place(total: Tensor) -> NDArray[np.float64]:
    """A sum of maps (rows, columns, units) pooled to (units, 8, 8), over the boxes of `adaptive_avg_pool2d`."""
    n, m, units = total.shape
    if (n, m) != (PLACE, PLACE):
        down, across = (_boxes(side).to(total.device) for side in (n, m))
        total = across @ (down @ total.reshape(n, m * units)).reshape(PLACE, m, units)
    return np.asarray(_array(total).transpose(2, 0, 1), np.float64)


@lru_cache(maxsize=64)
def _boxes(side: int) -> Tensor:
    """The matrix (8, side) that averages over eight boxes, which overlap where the side does not divide."""
    weights = np.zeros((PLACE, side), np.float32)
    for i in range(PLACE):
        start, stop = i * side // PLACE, -(-(i + 1) * side // PLACE)
        weights[i, start:stop] = 1.0 / (stop - start)
    return torch.from_numpy(weights)


class Tally:
    """The statistics of all recorded units so far."""

    def __init__(self, slots: Sequence[Slot], k: int) -> None:
        self.slots = tuple(slots)
        self.n_units = slots[-1].stop if slots else 0
        self.k = k
        self.groups = GroupSums(1, self.n_units)
        self.top = TopTable(self.n_units, k)
        self.fired = np.zeros(self.n_units, np.int64)
        self.histogram = Histogram(self.n_units)
        self.places = {s.layer: np.zeros((s.stop - s.start, PLACE, PLACE)) for s in slots if s.plane}
        self.faulty = dict.fromkeys((s.layer for s in slots), 0)
        self._staged: dict[str, Reduced] = {}

    def visitors(self) -> dict[str, Callable[[Tensor], None]]:
        """For every recorded node what to call with its value. Forgets what an earlier batch has staged."""
        self._staged.clear()
        return {slot.node: self._visitor(slot) for slot in self.slots}

    def _visitor(self, slot: Slot) -> Callable[[Tensor], None]:
        lowest = self.top.lowest[slot.units]

        def visit(value: Tensor) -> None:
            with torch._C.DisableTorchFunction():  # a probe watches by a mode, which costs more than a small reduction
                found = reduced(value, slot.unit_axis, slot.plane, lowest, self.k)
            if found.mean.shape[1] != slot.stop - slot.start:
                raise ModelFailure(
                    f"The response of {slot.layer} must have {slot.stop - slot.start} units as when it was traced; "
                    f"got {found.mean.shape[1]}. Trace the network with an input of the size of the data."
                )
            self._staged[slot.layer] = found

        return visit

    def pooled(self) -> NDArray[np.float32]:
        """The mean responses of the staged batch, (b, n_units)."""
        return np.concatenate([self._staged[s.layer].mean for s in self.slots], 1)

    def mean_of(self, layer: str) -> NDArray[np.float32]:
        """The mean responses of one layer in the staged batch, (b, units); NaN where a map holds NaN or Inf."""
        found = self._staged[layer]
        return found.mean if found.faulty is None else np.where(found.faulty, np.float32(np.nan), found.mean)

    def commit(self, samples: NDArray[np.int64]) -> NDArray[np.float32]:
        """Counts the staged batch, whose rows are these samples of the data set; gives its pooled responses.

        Sums over groups are added by the caller (`groups.add`), because groups may be known only later.
        """
        staged = [self._staged[slot.layer] for slot in self.slots]
        pooled = self.pooled()
        peaks = np.concatenate([s.peak for s in staged], 1)
        self.fired += (peaks > 0).sum(0)
        self.histogram.add(pooled)
        for slot, found in zip(self.slots, staged):
            self.faulty[slot.layer] += 0 if found.faulty is None else int(found.faulty.sum())
            if found.place is not None:
                self.places[slot.layer] += found.place
        rows = np.concatenate([s.rows for s in staged])
        units = np.concatenate([s.units + slot.start for slot, s in zip(self.slots, staged)])
        places = np.concatenate([s.places for s in staged])
        self.top.add(units, peaks[rows, units], samples[rows], places)
        self._staged.clear()
        return pooled

    def responses(self, slot: Slot, pooled: NDArray[np.float16] | None) -> Responses:
        """The statistics of one layer so far; copies, so that they stay as they are while the pass goes on."""
        units, place = slot.units, self.places.get(slot.layer)
        return Responses(
            slot.layer,
            total=_copied(self.groups.total[:, units].T),
            squares=_copied(self.groups.squares[:, units].T),
            highest=_copied(self.groups.highest[:, units].T),
            fired=_copied(self.fired[units]),
            histogram=_copied(self.histogram.counts[units]),
            place=None if place is None else _copied(place),
            top_samples=_copied(self.top.samples[units]),
            top_values=_copied(self.top.values[units]),
            top_places=_copied(self.top.places[units]),
            pooled=pooled,
        )


def _copied(array: NDArray[Any]) -> NDArray[Any]:
    return frozen(np.array(array, order="C"))
