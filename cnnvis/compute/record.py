"""One streaming pass of a data set through a network: how every unit responds to each group, and to what most."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from cnnvis.compute.batches import Batch, batches
from cnnvis.compute.devices import chosen, placed
from cnnvis.compute.forward import Forward
from cnnvis.compute.probe import probe
from cnnvis.compute.recording import Recording, Showing
from cnnvis.compute.statistics import Slot
from cnnvis.errors import Cancelled, InvalidValue
from cnnvis.model.activations import Activations
from cnnvis.model.dataset import Dataset
from cnnvis.model.network import Layer, Network
from cnnvis.progress import Progress, silent

JOINED = frozenset({"add", "sub", "mul", "cat", "stack", "maximum", "minimum", "max", "min"})
"""Structural steps whose output is recorded: where branches meet."""

Partial = Callable[[Activations], None]

SMALL = 4096
"""Bytes of a map up to which a network is bound by overhead, so that larger batches pay."""


def record(
    model: nn.Module,
    network: Network,
    data: Dataset,
    *,
    layers: Sequence[str] | None = None,
    device: str = "auto",
    batch: int | None = None,
    indices: Sequence[int] | None = None,
    seed: int = 0,
    top: int = 9,
    keep: str | os.PathLike[str] | None = None,
    progress: Progress = silent,
    partial: Partial | None = None,
) -> Activations:
    """The responses of a network's units to the samples of a data set, from one pass over it.

    layers: drawn layers to record; None for every compute layer and every place where branches meet. device: "auto",
    "cpu", "cuda", "mps". batch: samples at once; None chooses by the size of the maps; halved where memory does not
    suffice. indices: which samples (a shard is `range(i, n, k)`); None for all. top: how many strongest samples are
    kept per unit. keep: folder for the pooled responses, 2 bytes per sample and unit; None for an unnamed temporary
    file. seed: noted for what is drawn from the recording later. partial: called with the state so far after the
    first batch, then about every two seconds, and before a cancel is passed on.

    Groups are the classes of labelled data (several per sample where labels are 0/1 vectors), else the predicted
    classes; for regression five quantiles of the label, else of the output. Samples that cannot be read are skipped
    and named. Costs about one forward pass; memory does not grow with the number of samples but for their table.
    The model is as before afterwards, also after an exception or a cancel; on another device a copy of it runs.

    Raises InvalidValue for a data set without samples or whose samples cannot be stacked, labels that the network has
    no class for, and weights that are NaN or infinite; UnknownName for a layer; ModelFailure where the network fails.
    """
    wanted = _indices(data, indices)
    slots = recorded(network, layers)
    _check_weights(model)
    place = chosen(device)
    size = batch if batch is not None else batch_size(network, place)
    if size < 1 or top < 1:
        raise InvalidValue(f"record.batch and record.top must be 1 or more; got {size} and {top}.")
    what = "reading rows" if data.kind == "table" else "reading images"
    progress(0, len(wanted), what)
    with (
        probe(placed(model, place), network) as running,
        closing(batches(data, wanted, size)) as reader,
        closing(Recording(network, data, wanted, slots, top=top, folder=keep, seed=seed)) as state,
    ):
        forward = Forward(running, state.tally, size)
        _pass(reader, forward, state, Showing(partial), lambda done: progress(done, len(wanted), what))
        return state.finish()


def _pass(
    reader: Iterable[Batch], forward: Forward, state: Recording, show: Showing, progress: Callable[[int], None]
) -> None:
    """All batches through the network and into the state; what was read stays usable after a cancel."""
    try:
        for found in reader:
            state.begin(found)
            for piece, outputs in forward.run(found):
                state.count(piece, outputs)
            show(state)
            progress(found.done)
    except Cancelled:
        show(state, always=True)
        raise


def recorded(network: Network, layers: Sequence[str] | None = None) -> tuple[Slot, ...]:
    """The layers that `record` records, and where their units lie side by side."""
    if layers is None:
        found = [x for x in network.drawn if (x.role == "compute" or x.kind in JOINED) and _answers(network, x)]
    else:
        found = [network[name] for name in dict.fromkeys(layers)]
        for layer in found:
            if network.hosts[layer.name] != layer.name or not _answers(network, layer):
                raise InvalidValue(f"A layer to record must be drawn and have units and samples; got {layer.name!r}.")
        found.sort(key=lambda x: network.index(x.name))
    if not found:
        raise InvalidValue(f"The layers to record must be at least one; {network.name} has none with units.")
    slots: list[Slot] = []
    start = 0
    for layer in found:
        axis = 0 if layer.unit_axis is None else layer.unit_axis
        response = network[layer.response]
        slots.append(Slot(layer.name, response.name, start, start + layer.n_units, axis, len(layer.spatial) == 2))
        start += layer.n_units
    return tuple(slots)


def _answers(network: Network, layer: Layer) -> bool:
    """Whether a layer has units that answer to each sample; a table of positions does not."""
    return bool(layer.n_units) and layer.unit_axis is not None and network[layer.response].batch_axis is not None


def batch_size(network: Network, device: torch.device) -> int:
    """How many samples to run at once: a power of two whose largest map stays moderate."""
    on_cpu = device.type == "cpu"
    largest = 4 * max((math.prod(x.shape) for x in network.layers), default=1)
    most = 64 if on_cpu and largest > SMALL else 256
    fits = max((64 << 20 if on_cpu else 512 << 20) // max(largest, 1), 1)
    return min(1 << (fits.bit_length() - 1), most)


def _indices(data: Dataset, indices: Sequence[int] | None) -> NDArray[np.int64]:
    wanted = np.arange(len(data)) if indices is None else np.asarray(indices, np.int64)
    if not len(wanted):
        raise InvalidValue("A data set to record must hold at least one image; got none.")
    ordered = np.unique(wanted)
    if len(ordered) != len(wanted) or ordered[0] < 0 or ordered[-1] >= len(data):
        raise InvalidValue(
            f"record.indices must be different samples of 0 … {len(data) - 1}; got others, or the same twice."
        )
    ordered.flags.writeable = False
    return ordered


def _check_weights(model: nn.Module) -> None:
    for name, parameter in model.named_parameters():
        if parameter.is_floating_point() and not parameter.is_meta and not bool(torch.isfinite(parameter).all()):
            n = int((~torch.isfinite(parameter)).sum())
            raise InvalidValue(
                f"The network's weights must be finite; {n} of {parameter.numel()} values of {name} are NaN or "
                "infinite. Take an earlier checkpoint."
            )
