"""Batches through a network: halved where memory does not suffice, in the memory format that it takes."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cnnvis.compute.batches import Batch, Inputs
from cnnvis.compute.probe import Probe, is_out_of_memory
from cnnvis.compute.statistics import Tally
from cnnvis.errors import ModelFailure


class Forward:
    """Stages batch after batch in a tally and gives the outputs of each."""

    def __init__(self, running: Probe, tally: Tally, size: int) -> None:
        network = running.network
        self._running = running
        self._tally = tally
        self._size = size
        # Convolutions run faster with channels last and reductions as fast; a network that calls `view` may refuse it.
        self._channels_last = any(x.kind.lower().startswith("conv") for x in network.layers)
        seen = [slot.node for slot in tally.slots]
        self._instead = running.shortcuts([*seen, network[network.output].response])
        output = network[network.output]
        self._node = output.response
        self._axis = output.unit_axis or 0
        self._recorded = next((slot.layer for slot in tally.slots if slot.node == self._node), None)
        self._seen: NDArray[np.float32] | None = None

    def run(self, batch: Batch) -> Iterator[tuple[Batch, NDArray[np.float32]]]:
        """The batch in as many pieces as memory asks for, each staged and with its outputs (b, n_outputs).

        Whoever iterates counts each piece before asking for the next one.
        """
        start = 0
        while start < len(batch):
            piece = batch.part(start, start + self._size)
            outputs = self._fitting(piece)
            if outputs is None:
                self._size = (len(piece) + 1) // 2
                gc.collect()
                if self._running.device.type == "cuda":
                    torch.cuda.empty_cache()
                continue
            yield piece, outputs
            start += len(piece)

    def _fitting(self, piece: Batch) -> NDArray[np.float32] | None:
        """The outputs of a piece, or None where memory does not suffice and a smaller piece may do."""
        try:
            return self._outputs(piece.inputs)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            if len(piece) == 1:
                raise ModelFailure(
                    f"{self._running.network.name} must fit into the memory of {self._running.device} with one image "
                    "at a time; it does not. Use smaller inputs or the device 'cpu'."
                ) from error
            return None

    def _outputs(self, inputs: Inputs) -> NDArray[np.float32]:
        if not (self._channels_last or self._instead):
            return self._once(inputs)
        try:
            return self._once(tuple(_channels_last(x) for x in inputs) if self._channels_last else inputs)
        except RuntimeError as error:  # a ModelFailure, or raised in what was put in a node's place
            if is_out_of_memory(error):
                raise
            self._channels_last, self._instead = False, {}
            return self._once(inputs)  # raises as well where the detours are not the reason

    def _once(self, inputs: Inputs) -> NDArray[np.float32]:
        visit = self._tally.visitors()
        if self._recorded is None:
            visit[self._node] = self._see
        self._running.run(inputs if len(inputs) > 1 else inputs[0], visit=visit, instead=self._instead)
        if self._recorded is not None:
            return self._tally.mean_of(self._recorded)
        assert self._seen is not None
        return self._seen

    def _see(self, value: Tensor) -> None:
        units = value.movedim(1 + self._axis % (value.ndim - 1), 1).flatten(2) if value.ndim > 2 else value
        found = units.float().mean(2) if units.ndim > 2 else units.float()
        self._seen = found.cpu().numpy().copy()


def _channels_last(x: Tensor) -> Tensor:
    return x.contiguous(memory_format=torch.channels_last) if x.ndim == 4 else x
