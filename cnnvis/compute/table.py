"""The table of samples while it is being filled: names, labels, and what the network said."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, softmax

from cnnvis.compute.grouping import Grouping, LabelForm
from cnnvis.errors import InvalidValue
from cnnvis.model.activations import Samples, Skipped, frozen
from cnnvis.model.dataset import Dataset
from cnnvis.model.network import Network

Scoring = Literal["softmax", "sigmoid", "binary", "raw"]
"""How outputs become confidences; "binary" is one output for two classes."""

RANKED = 5


def scoring(network: Network, form: LabelForm) -> Scoring:
    """How the outputs of a network become confidences, from its last layer and the form of its labels."""
    output = network[network.output]
    if form == "value" or (form == "none" and output.n_units == 1):
        return "raw"
    if output.n_units == 1:
        return "binary"
    return "sigmoid" if form == "several" else "softmax"


def ends_in_probabilities(network: Network) -> bool:
    """Whether the network's output already went through a softmax or a sigmoid."""
    output = network[network.output]
    kinds = {output.kind, *(network[name].kind for name in output.folds)}
    return any(k.lower() in ("softmax", "sigmoid", "softmax2d", "hardsigmoid") for k in kinds)


def ranked(
    outputs: NDArray[np.float32], how: Scoring, probabilities: bool
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """The strongest outputs of each sample, strongest first, and their confidences; lower class first among equals.

    Rows that hold NaN or Inf get −1 and NaN.
    """
    values = outputs.astype(np.float64)
    bad = ~np.isfinite(values).all(1)
    values[bad] = 0.0
    if how == "binary":
        one = values if probabilities else expit(values)
        values = np.concatenate([1.0 - one, one], 1)
    elif how == "softmax" and not probabilities:
        values = softmax(values, axis=1)
    elif how == "sigmoid" and not probabilities:
        values = expit(values)
    order = np.argsort(-outputs if values.shape == outputs.shape else -values, axis=1, kind="stable")[:, :RANKED]
    scores = np.take_along_axis(values, order, 1).astype(np.float32)
    found = order.astype(np.int32)
    found[bad], scores[bad] = -1, np.nan
    return found, scores


def skipped_note(n: int, of: int) -> str:
    """The sentence about samples that were skipped."""
    return f"{n} of {of} images could not be read and were skipped."


class Table:
    """One row for each sample asked for; `samples()` gives it as it stands."""

    def __init__(self, data: Dataset, indices: NDArray[np.int64]) -> None:
        n = len(indices)
        self.indices = indices
        self.names = tuple(data.name(int(i)) for i in indices)
        self.labels: NDArray[Any] = np.full(n, -1, np.int64)
        self.ranked = np.full((n, 1), -1, np.int32)
        self.scores = np.full((n, 1), np.nan, np.float32)
        self.read = np.zeros(n, bool)
        self.skipped: list[Skipped] = []

    def expect(self, form: LabelForm, known: NDArray[Any] | None, n_outputs: int) -> None:
        """Says what labels are, gives them where they are known beforehand, and how many outputs there are."""
        n = len(self.names)
        self.ranked = np.full((n, min(n_outputs, RANKED)), -1, np.int32)
        self.scores = np.full(self.ranked.shape, np.nan, np.float32)
        if known is not None and form != "none":
            self.labels = known[self.indices].copy()
        elif form == "value":
            self.labels = np.full(n, np.nan)
        elif form == "several":
            self.labels = np.zeros((n, n_outputs), np.int64)

    def label(
        self, rows: NDArray[np.int64], labels: Sequence[Any], renumber: NDArray[np.int64] | None, groups: Grouping
    ) -> None:
        """Notes the labels of some rows as the data set gave them; None leaves the row without."""
        for row, label in zip(rows, labels):
            if label is None:
                continue
            found = np.asarray(label)
            if found.shape != self.labels.shape[1:] or (found.dtype.kind == "f" and self.labels.dtype.kind != "f"):
                raise InvalidValue(
                    f"The label of {self.names[row]} must be like those before it; got {label!r}. "
                    "Labels are all class indices, all numbers, all 0/1 vectors or None."
                )
            if renumber is not None and found.ndim == 0 and 0 <= found < len(renumber):
                found = renumber[found]
            if groups.kind == "class" and found >= len(groups):
                raise InvalidValue(
                    f"The label of {self.names[row]} must be below the number of classes, {len(groups)}; got {label!r}."
                )
            self.labels[row] = found

    def fill(self, rows: NDArray[np.int64], found: NDArray[np.int32], scores: NDArray[np.float32]) -> None:
        """Notes what the network said about some rows."""
        self.ranked[rows], self.scores[rows], self.read[rows] = found, scores, True

    def skip(self, row: int, reason: str) -> None:
        """Notes that a sample cannot be read."""
        self.skipped.append(Skipped(self.names[row], reason))

    def samples(self) -> Samples:
        """The table as it stands; later changes do not reach it."""
        labels, read = frozen(self.labels.copy()), frozen(self.read.copy())
        found, scores = frozen(self.ranked.copy()), frozen(self.scores.copy())
        return Samples(self.names, self.indices, labels, found, scores, read, tuple(self.skipped))
