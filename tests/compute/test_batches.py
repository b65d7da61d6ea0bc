from __future__ import annotations

import threading
from contextlib import closing
from typing import Any

import numpy as np
import pytest

from cnnvis.compute.batches import READERS, batches
from cnnvis.errors import UnreadableSample


class Numbers:
    """Sample i is the number i; multiples of `broken` cannot be read. Remembers who asked for what."""

    def __init__(self, n: int, broken: int = 0) -> None:
        self.n, self.broken = n, broken
        self.asked: list[int] = []
        self.threads: set[str] = set()

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        self.asked.append(index)
        self.threads.add(threading.current_thread().name)
        if self.broken and index % self.broken == 0:
            raise UnreadableSample("broken")
        return np.full(2, index, np.float32), index

    def name(self, index: int) -> str:
        return str(index)


def read(data: Any, size: int, indices: Any = None) -> list[Any]:
    wanted = np.arange(len(data)) if indices is None else np.asarray(indices)
    with closing(batches(data, wanted, size)) as reader:
        return list(reader)


@pytest.mark.parametrize("size", [1, 3, 8, 100])
def test_samples_come_in_order_and_full_batches(size: int) -> None:
    found = read(Numbers(20), size)
    assert np.concatenate([b.rows for b in found]).tolist() == list(range(20))
    assert [len(b) for b in found[:-1]] == [size] * (len(found) - 1)
    assert [b.done for b in found][-1] == 20
    assert all(b.inputs[0][:, 0].tolist() == list(b.labels) for b in found)


def test_rows_are_places_among_the_indices() -> None:
    (found,) = read(Numbers(20), 8, [4, 9, 19])
    assert found.rows.tolist() == [0, 1, 2]
    assert found.labels == (4, 9, 19)


def test_batches_are_filled_up_behind_samples_that_cannot_be_read() -> None:
    found = read(Numbers(10, broken=4), 3)
    assert [b.labels for b in found] == [(1, 2, 3), (5, 6, 7), (9,)]
    assert [b.skipped for b in found] == [((0, "broken"),), ((4, "broken"),), ((8, "broken"),)]


def test_skipped_samples_at_the_end_are_told() -> None:
    found = read(Numbers(5, broken=4), 3)
    assert [len(b) for b in found] == [3, 0]
    assert found[-1].skipped == ((4, "broken"),)


def test_reading_runs_ahead_in_a_few_threads_but_not_far() -> None:
    data = Numbers(1000)
    with closing(batches(data, np.arange(1000), 10)) as reader:  # type: ignore[arg-type]
        next(reader)
        next(reader)
    assert len(data.asked) < 100
    assert len(data.threads) <= READERS
    assert not [t for t in threading.enumerate() if t.name.startswith("read")]


def test_an_error_of_the_data_set_comes_through_and_ends_the_threads() -> None:
    class Failing(Numbers):
        def __getitem__(self, index: int) -> tuple[Any, Any]:
            raise KeyError("no such file")

    with pytest.raises(KeyError, match="no such file"):
        read(Failing(9), 3)
    assert not [t for t in threading.enumerate() if t.name.startswith("read")]
