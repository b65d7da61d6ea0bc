"""What a network answers to one image: its scores, its responses, and what each unit adds to the predicted class."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing, suppress

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, softmax
from torch import nn

from cnnvis.compute.batches import Batch, batches
from cnnvis.compute.devices import chosen, placed
from cnnvis.compute.forward import Forward
from cnnvis.compute.probe import Probe, probe
from cnnvis.compute.record import recorded
from cnnvis.compute.score import slopes_at
from cnnvis.compute.statistics import Slot, Tally
from cnnvis.compute.table import ends_in_probabilities, scoring
from cnnvis.errors import ModelFailure, UnreadableSample
from cnnvis.model.activations import frozen
from cnnvis.model.dataset import Dataset
from cnnvis.model.measurements import Instance
from cnnvis.model.network import Network
from cnnvis.model.target import Target


def instance(
    model: nn.Module,
    network: Network,
    data: Dataset,
    index: int = 0,
    *,
    layers: Sequence[str] | None = None,
    several: bool = False,
    contributions: bool = True,
    device: str = "auto",
    name: str = "",
) -> Instance:
    """One sample of a data set as the network answers it: scores, pooled responses and contributions.

    layers: drawn layers, by default those that `record` records. several: whether classes are not exclusive, so that
    scores come by a sigmoid. contributions: Σ over places of A · dz/dA for each unit, with z the logit of the predicted
    class, as in `Contributions`; none where the network cannot be differentiated. name: of the instance, by default
    that of the sample. Costs a forward and a backward pass of one sample; the model is as before afterwards.

    Raises UnreadableSample where the sample cannot be read, ModelFailure where the network fails on it.
    """
    slots = recorded(network, layers)
    tally = Tally(slots, 1)
    with probe(placed(model, chosen(device)), network) as running:
        batch = _twice(data, index)
        _, outputs = next(iter(Forward(running, tally, len(batch)).run(batch)))
        pooled = tally.pooled()[0]
        scores = confidences(network, outputs[0], several)
        found: dict[str, NDArray[np.float32]] = {}
        if contributions and len(scores):
            with suppress(ModelFailure):  # the way to the output cannot be differentiated: the image has none
                found = _contributions(running, batch, slots, int(np.argmax(outputs[0])))
    return Instance(
        name or data.name(index),
        frozen(scores),
        {slot.layer: frozen(pooled[slot.units].copy()) for slot in slots},
        found,
        frozen(np.array(data.picture(index))) if data.kind == "images" else None,
    )


def confidences(network: Network, outputs: NDArray[np.float32], several: bool = False) -> NDArray[np.float32]:
    """The outputs of one sample as confidences, (n_classes,); one output for two classes gives both."""
    values = outputs.astype(np.float64)
    how = scoring(network, "several" if several else "class")
    ready = ends_in_probabilities(network)
    if how == "binary":
        one = values if ready else expit(values)
        return np.array([1.0 - one[0], one[0]], np.float32)
    if ready:
        return values.astype(np.float32)
    return np.asarray(expit(values) if how == "sigmoid" else softmax(values), np.float32)


def _twice(data: Dataset, index: int) -> Batch:
    """The sample as a batch of two: some networks drop an axis of one."""
    with closing(batches(data, np.array([index, index]), 2)) as reader:
        batch = next(reader)
    if not len(batch):
        raise UnreadableSample(f"The image must be readable; {batch.skipped[0][1]}")
    return batch


def _contributions(
    running: Probe, batch: Batch, slots: Sequence[Slot], predicted: int
) -> dict[str, NDArray[np.float32]]:
    network = running.network
    output = network[network.output]
    layers = [network[slot.layer] for slot in slots]
    layers = [x for x in layers if x.response == output.response or output.response in network.reaches([x.response])]
    unit = min(predicted, output.n_units - 1)
    inputs = batch.inputs if len(batch.inputs) > 1 else batch.inputs[0]
    found = {}
    for name, (maps, slope) in slopes_at(running, inputs, layers, Target(network.output, (unit,))).items():
        axis = 1 + (network[name].unit_axis or 0) % (maps.ndim - 1)
        part = (maps * slope).movedim(axis, 1).flatten(2).sum(2) if maps.ndim > 2 else maps * slope
        found[name] = frozen(np.array(part[0].detach().float().cpu().numpy()))
    return found
