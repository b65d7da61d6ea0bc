"""Batches worked off in as large pieces as memory allows."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from typing import TypeVar

import torch

from cnnvis.compute.batches import Batch
from cnnvis.compute.probe import Probe, is_out_of_memory
from cnnvis.errors import ModelFailure

_T = TypeVar("_T")


class Pieces:
    """Does the same with batch after batch; once memory did not suffice, with halves of them."""

    def __init__(self, running: Probe, size: int) -> None:
        self._running, self._size = running, size

    def of(self, batch: Batch, work: Callable[[Batch], _T]) -> Iterator[tuple[Batch, _T]]:
        """The batch piece by piece, each with what `work` gives for it.

        Raises ModelFailure where not even one sample fits; other errors of `work` as they are.
        """
        start = 0
        while start < len(batch):
            piece = batch.part(start, start + self._size)
            try:
                found = work(piece)
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                if len(piece) == 1:
                    raise ModelFailure(
                        f"{self._running.network.name} must fit into the memory of {self._running.device} with one "
                        "image at a time; it does not. Use smaller inputs or the device 'cpu'."
                    ) from error
            else:
                yield piece, found
                start += len(piece)
                continue
            # Outside of the handler, which holds the tensors of the failed run.
            self._size = (len(piece) + 1) // 2
            gc.collect()
            if self._running.device.type == "cuda":
                torch.cuda.empty_cache()
