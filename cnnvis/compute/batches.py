"""Samples of a data set in batches, read ahead by a few threads; what cannot be read is skipped and named."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cnnvis.errors import InvalidValue, UnreadableSample
from cnnvis.model.dataset import Dataset

READERS = 3
"""Threads that decode; more do not help, because decoding is far cheaper than a pass."""

_AT_ONCE = 16
"""Samples that a thread reads for one request at most: handing over each alone costs more than reading it."""

Inputs = tuple[Tensor, ...]


@dataclass(frozen=True, eq=False, slots=True)
class Batch:
    """Some samples, ready for the network.

    rows (b,): their places in the list of indices asked for, ascending. inputs: one tensor (b, …) per argument of the
    network; () where b is 0. labels: as the data set gives them. skipped: (row, reason) of samples met on the way that
    cannot be read. done: how many of the samples asked for have been dealt with so far.
    """

    rows: NDArray[np.int64]
    inputs: Inputs
    labels: tuple[Any, ...]
    skipped: tuple[tuple[int, str], ...]
    done: int

    def __len__(self) -> int:
        return len(self.rows)

    def part(self, start: int, stop: int) -> Batch:
        """Some of its samples; what was skipped stays with the whole."""
        inputs = tuple(x[start:stop] for x in self.inputs)
        return Batch(self.rows[start:stop], inputs, self.labels[start:stop], (), self.done)


@dataclass(frozen=True, eq=False, slots=True)
class _Item:
    row: int
    inputs: Inputs
    label: Any
    reason: str | None = None


def batches(data: Dataset, indices: NDArray[np.int64], size: int) -> Generator[Batch, None, None]:
    """The samples of `indices` in order, `size` at a time (the last batch may be smaller); close it when done early.

    Decoding runs ahead by two batches. Raises InvalidValue where samples differ in shape.
    """
    chunk = max(1, min(_AT_ONCE, size // READERS))
    starts = iter(range(0, len(indices), chunk))
    pool = ThreadPoolExecutor(READERS, thread_name_prefix="read")
    ahead: deque[Future[list[_Item]]] = deque()

    def ask() -> None:
        start = next(starts, None)
        if start is not None:
            ahead.append(pool.submit(_read, data, indices, start, start + chunk))

    try:
        for _ in range(max(READERS, 2 * size // chunk)):
            ask()
        items: list[_Item] = []
        skipped: list[tuple[int, str]] = []
        done = 0
        while ahead:
            found = ahead.popleft().result()
            ask()
            for item in found:
                done += 1
                if item.reason is not None:
                    skipped.append((item.row, item.reason))
                    continue
                items.append(item)
                if len(items) == size:
                    yield _batch(data, indices, items, skipped, done)
                    items, skipped = [], []
        if items or skipped:
            yield _batch(data, indices, items, skipped, done)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _read(data: Dataset, indices: NDArray[np.int64], start: int, stop: int) -> list[_Item]:
    found = []
    for row in range(start, min(stop, len(indices))):
        try:
            value, label = data[int(indices[row])]
        except UnreadableSample as error:
            found.append(_Item(row, (), None, str(error) or "it cannot be read"))
        else:
            parts = value if isinstance(value, (tuple, list)) else (value,)
            found.append(_Item(row, tuple(torch.as_tensor(part) for part in parts), label))
    return found


def _batch(
    data: Dataset, indices: NDArray[np.int64], items: list[_Item], skipped: list[tuple[int, str]], done: int
) -> Batch:
    first = items[0] if items else None
    for item in items:
        if first is not None and [x.shape for x in item.inputs] != [x.shape for x in first.inputs]:
            one, other = (data.name(int(indices[i.row])) for i in (first, item))
            shapes = " and ".join(" + ".join(str(tuple(x.shape)) for x in i.inputs) for i in (first, item))
            raise InvalidValue(
                f"The images of a data set must all be of one shape; got {shapes} for {one} and {other}. "
                "Set a size to resize and crop to."
            )
    columns = zip(*(item.inputs for item in items))
    rows = np.array([item.row for item in items], np.int64)
    return Batch(rows, tuple(torch.stack(c) for c in columns), tuple(i.label for i in items), tuple(skipped), done)
