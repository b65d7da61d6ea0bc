"""What is kept of every batch: sums that merge, reduced inside the visit of a node so that no map outlives it.

`Tally` holds the statistics of all recorded units side by side (units 0 … n−1, layer after layer): one set of small
matrix operations per batch serves every layer. A batch is first staged by the visitors and counted by `commit`, so
that a batch that fails half-way (out of memory, an exception, a cancel) leaves no trace.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from cnnvis.compute.sums import GroupSums, TopTable
from cnnvis.errors import ModelFailure
from cnnvis.model.activations import HISTOGRAM_BINS, Responses, frozen, histogram_edges

PLACE = 8
"""The side of the mean map."""

_NARROW = 48
"""Fewer units than this in the last axis: torch's reductions do not vectorise there, halving by `maximum` does."""


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
    """What remains of one layer's maps of one batch of b samples, on the CPU.

    mean, peak (b, units) float32: 0 and −inf where a map holds NaN or Inf (`faulty` (b, units); None: nowhere).
    place (units, 8, 8): sum of the maps pooled, or None. rows, units, places: for the maps that may enter a top list
    the sample in the batch, the unit in the layer, and where the peak is, (p,), (p,) and (p, 2).
    """

    mean: Tensor
    peak: Tensor
    faulty: Tensor | None
    place: Tensor | None
    rows: Tensor
    units: Tensor
    places: Tensor


def reduced(value: Tensor, unit_axis: int, plane: bool, lowest: Tensor, k: int) -> Reduced:
    """One layer's response to one batch, reduced; three passes over it and no copy where units lie last in memory.

    lowest (units,): the value that a peak must exceed to enter its unit's top list of k.
    """
    axis = 1 + unit_axis % (value.ndim - 1)
    if value.dtype != torch.float32:
        value = value.float()
    last = value.movedim(axis, -1)
    shape = tuple(last.shape[1:-1])
    rows = last.reshape(len(last), math.prod(shape[:-1]), math.prod(shape[-1:]), last.shape[-1])
    ridges = _row_peaks(rows)
    peak = ridges.amax(1)
    mean = _sums(rows) / math.prod(shape)
    bad = ~torch.isfinite(mean)
    faulty = bad if bool(bad.any()) else None
    if faulty is not None:
        mean, peak = mean.masked_fill(bad, 0.0), peak.masked_fill(bad, -math.inf)
        rows = rows.masked_fill(bad[:, None, None], 0.0)
    samples, units, where = _found(rows, ridges, _entering(peak, lowest.to(peak.device), k))
    return Reduced(
        mean.cpu(),
        peak.cpu(),
        None if faulty is None else faulty.cpu(),
        _place(rows.sum(0)) if plane else None,
        samples.cpu(),
        units.cpu(),
        torch.stack(_coordinates(where.cpu(), shape), 1),
    )


def _row_peaks(rows: Tensor) -> Tensor:
    """The largest value of each row of a map, (b, rows, units)."""
    if rows.shape[-1] >= _NARROW or rows.device.type != "cpu":
        return rows.amax(2)
    while rows.shape[2] > 1:
        half = rows.shape[2] // 2
        front, back, rest = rows[:, :, :half], rows[:, :, half : 2 * half], rows[:, :, 2 * half :]
        rows = torch.maximum(front, back)
        if rest.shape[2]:
            rows[:, :, :1] = torch.maximum(rows[:, :, :1], rest)
    return rows[:, :, 0]


def _sums(rows: Tensor) -> Tensor:
    """The sum of each map, (b, units)."""
    return rows.flatten(1, 2).sum(1)


def _entering(peak: Tensor, lowest: Tensor, k: int) -> Tensor:
    """Which maps may enter a top list, (b, units) bool; at most k per unit, earlier samples first among equals."""
    mask = peak > lowest
    if len(peak) > k and bool((mask.sum(0) > k).any()):
        first = peak.sort(dim=0, descending=True, stable=True).indices[:k]
        mask &= torch.zeros_like(mask).scatter_(0, first, True)
    return mask


def _found(rows: Tensor, ridges: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Sample, unit and flat position of the first largest value of each map of `mask`."""
    samples, units = mask.nonzero(as_tuple=True)
    row = ridges[samples, :, units].argmax(1)
    column = rows[samples, row, :, units].argmax(1)
    return samples, units, row * rows.shape[2] + column


def _coordinates(flat: Tensor, shape: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """Row and column of flat positions: the first two axes of a map, 0 where it has fewer."""
    inner = math.prod(shape[1:])
    row, rest = flat // inner, flat % inner
    return row, rest // math.prod(shape[2:])


def _place(total: Tensor) -> Tensor:
    """A sum of maps (rows, columns, units) pooled to (units, 8, 8) float64."""
    maps = total.permute(2, 0, 1)
    if maps.device.type == "mps":  # cannot pool to sides that do not divide
        maps = maps.cpu()
    return F.adaptive_avg_pool2d(maps.contiguous(), PLACE).cpu().double()


class Tally:
    """The statistics of all recorded units so far."""

    def __init__(self, slots: Sequence[Slot], k: int) -> None:
        self.slots = tuple(slots)
        self.n_units = slots[-1].stop if slots else 0
        self.k = k
        self.groups = GroupSums(1, self.n_units)
        self.top = TopTable(self.n_units, k)
        self.fired = np.zeros(self.n_units, np.int64)
        self.histogram = np.zeros(self.n_units * HISTOGRAM_BINS, np.int64)
        self.places = {s.layer: np.zeros((s.stop - s.start, PLACE, PLACE)) for s in slots if s.plane}
        self.faulty = dict.fromkeys((s.layer for s in slots), 0)
        self._staged: dict[str, Reduced] = {}
        # The largest float32 ≤ each edge: for a float32 response the same comparison as with the edge itself.
        edges = histogram_edges()
        single = edges.astype(np.float32)
        self._edges = torch.from_numpy(np.where(single > edges, np.nextafter(single, np.float32(-np.inf)), single))

    def visitors(self) -> dict[str, Callable[[Tensor], None]]:
        """For every recorded node what to call with its value. Forgets what an earlier batch has staged."""
        self._staged.clear()
        return {slot.node: self._visitor(slot) for slot in self.slots}

    def _visitor(self, slot: Slot) -> Callable[[Tensor], None]:
        lowest = torch.from_numpy(self.top.lowest[slot.units])

        def visit(value: Tensor) -> None:
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
        return torch.cat([self._staged[s.layer].mean for s in self.slots], 1).numpy()

    def mean_of(self, layer: str) -> NDArray[np.float32]:
        """The mean responses of one layer in the staged batch, (b, units); NaN where a map holds NaN or Inf."""
        found = self._staged[layer]
        return (found.mean if found.faulty is None else found.mean.masked_fill(found.faulty, math.nan)).numpy()

    def commit(self, samples: NDArray[np.int64]) -> NDArray[np.float32]:
        """Counts the staged batch, whose rows are these samples of the data set; gives its pooled responses.

        Sums over groups are added by the caller (`groups.add`), because groups may be known only later.
        """
        staged = [self._staged[slot.layer] for slot in self.slots]
        pooled = self.pooled()
        peaks = torch.cat([s.peak for s in staged], 1).numpy()
        self.fired += (peaks > 0).sum(0)
        bins = torch.bucketize(torch.from_numpy(pooled), self._edges)
        bins += torch.arange(0, self.n_units * HISTOGRAM_BINS, HISTOGRAM_BINS)
        self.histogram += torch.bincount(bins.flatten(), minlength=len(self.histogram)).numpy()
        for slot, found in zip(self.slots, staged):
            self.faulty[slot.layer] += 0 if found.faulty is None else int(found.faulty.sum())
            if found.place is not None:
                self.places[slot.layer] += found.place.numpy()
        rows = torch.cat([s.rows for s in staged]).numpy()
        units = torch.cat([s.units + slot.start for slot, s in zip(self.slots, staged)]).numpy()
        places = torch.cat([s.places for s in staged]).numpy()
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
            histogram=_copied(self.histogram.reshape(self.n_units, HISTOGRAM_BINS)[units]),
            place=None if place is None else _copied(place),
            top_samples=_copied(self.top.samples[units]),
            top_values=_copied(self.top.values[units]),
            top_places=_copied(self.top.places[units]),
            pooled=pooled,
        )


def _copied(array: NDArray[Any]) -> NDArray[Any]:
    return frozen(np.array(array, order="C"))
