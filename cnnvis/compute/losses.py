"""The loss whose gradients are measured, by the network's task."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from cnnvis.compute.grouping import label_form
from cnnvis.compute.table import ends_in_probabilities
from cnnvis.errors import InvalidValue
from cnnvis.model.activations import Samples
from cnnvis.model.network import Layer, Network

Loss = Literal["by task", "cross-entropy", "binary cross-entropy", "hinge", "squared error"]
LOSSES: tuple[Loss, ...] = ("by task", "cross-entropy", "binary cross-entropy", "hinge", "squared error")

Measured = Callable[[Tensor, NDArray[np.int64]], Tensor]
"""From the output layer's value (samples first) and the samples' rows to the sum of their losses."""


def loss_of(network: Network, samples: Samples, wanted: Loss) -> Measured:
    """The sum of the losses of some samples. Targets are the labels; where a sample has none, what the network said.

    By task: cross-entropy for classes, binary cross-entropy for several labels or a single output, squared error for
    numbers, of as many outputs as there are numbers. Raises InvalidValue where the labels do not suit the loss.
    """
    if wanted not in LOSSES:
        raise InvalidValue(f"diagnose.loss must be one of {', '.join(map(repr, LOSSES))}; got {wanted!r}.")
    output = network[network.output]
    kind, targets = _task(samples, output.n_units)
    name = kind if wanted == "by task" else wanted
    if (name in ("cross-entropy", "hinge")) != (kind == "cross-entropy"):
        raise InvalidValue(f"diagnose.loss must suit the labels, which ask for {kind}; got {name!r}.")
    measure = _LOSSES[name]
    probabilities = ends_in_probabilities(network)

    def total(value: Tensor, rows: NDArray[np.int64]) -> Tensor:
        scores = _scores(value, output)
        if probabilities and name in ("cross-entropy", "binary cross-entropy"):
            scores = _logits(scores, name)
        return measure(scores, torch.as_tensor(targets[rows]).to(scores.device))

    return total


def batch_loss(network: Network, labels: Sequence[Any]) -> Callable[[Tensor], Tensor]:
    """From the output layer's value of one batch to the sum of its samples' losses, by task.

    `labels` are as a data set gives them, in the network's order of classes. Where a sample has none, it is what the
    network says of it. Raises InvalidValue for labels of several forms, or of classes that the network does not have.
    """
    output = network[network.output]
    form, probabilities = label_form(labels), ends_in_probabilities(network)

    def total(value: Tensor) -> Tensor:
        scores = _scores(value, output)
        said = (scores[:, 0] > 0.5 * probabilities).long() if output.n_units == 1 else scores.argmax(1)
        if form == "several":
            known = torch.tensor(np.stack([np.asarray(x, np.float32) for x in labels])).to(scores)
            return F.binary_cross_entropy_with_logits(_logits(scores, "") if probabilities else scores, known,
                                                      reduction="sum")  # fmt: skip
        if form == "value":
            known = torch.tensor([float("nan") if x is None else float(x) for x in labels]).to(scores)
            return F.mse_loss(scores[:, 0], torch.where(known.isnan(), scores[:, 0].detach(), known), reduction="sum")
        given = torch.tensor([-1 if x is None else int(x) for x in labels]).to(said)
        known = torch.where(given >= 0, given, said)
        if output.n_units == 1:
            logits = _logits(scores, "") if probabilities else scores
            return F.binary_cross_entropy_with_logits(logits[:, 0], known.to(logits), reduction="sum")
        if int(known.max()) >= output.n_units:
            raise InvalidValue(
                f"A label must be below the network's number of classes, {output.n_units}; got {int(known.max())}."
            )
        return F.cross_entropy(_logits(scores, "cross-entropy") if probabilities else scores, known, reduction="sum")

    return total


def _task(samples: Samples, n_outputs: int) -> tuple[Loss, NDArray[Any]]:
    """The loss that the labels ask for, and a target for each row of the table."""
    labels = samples.labels
    if labels.ndim == 2:
        return "binary cross-entropy", labels.astype(np.float32)
    if np.issubdtype(labels.dtype, np.floating):
        return "squared error", labels.astype(np.float32)[:, None]
    known = np.where(labels >= 0, labels, samples.predictions).astype(np.int64)
    if n_outputs == 1:
        return "binary cross-entropy", known.astype(np.float32)[:, None]
    return "cross-entropy", known


def _scores(value: Tensor, output: Layer) -> Tensor:
    """The output as (n, n_outputs): the mean over the places of a dense one."""
    axis = output.unit_axis or 0
    value = value.reshape(-1, *output.shape)
    return value.movedim(1 + axis % (value.ndim - 1), 1).flatten(2).mean(2) if value.ndim > 2 else value


def _logits(scores: Tensor, name: str) -> Tensor:
    small = torch.finfo(scores.dtype).tiny
    if name == "cross-entropy":
        return scores.clamp_min(small).log()
    return torch.logit(scores, eps=torch.finfo(scores.dtype).eps)


_LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "cross-entropy": lambda z, y: F.cross_entropy(z, y, reduction="sum"),
    "hinge": lambda z, y: F.multi_margin_loss(z, y, reduction="sum"),
    "binary cross-entropy": lambda z, y: F.binary_cross_entropy_with_logits(z, y, reduction="sum"),
    "squared error": lambda z, y: F.mse_loss(z[:, : y.shape[1]], y, reduction="sum"),
}
