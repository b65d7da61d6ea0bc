"""How often samples of one class are taken for another: counted from the table of samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from cnnvis.errors import InvalidValue
from cnnvis.model.activations import Samples, frozen


@dataclass(frozen=True, slots=True)
class Mistake:
    """`count` of the `of` samples of class `label` are taken for class `prediction`."""

    label: int
    prediction: int
    count: int
    of: int


@dataclass(frozen=True, eq=False)
class Confusion:
    """The confusion matrix: `counts` (n_classes, n_classes) int64, labels in rows, predictions in columns."""

    classes: tuple[str, ...]
    counts: NDArray[np.int64]

    def __post_init__(self) -> None:
        m = len(self.classes)
        if self.counts.shape != (m, m):
            raise InvalidValue(f"Confusion.counts must be {m} × {m}, one row a class; got {self.counts.shape}.")
        object.__setattr__(self, "counts", frozen(self.counts))

    @cached_property
    def of_class(self) -> NDArray[np.int64]:
        """How many samples each class has, (n_classes,)."""
        return np.asarray(self.counts.sum(1))

    @property
    def n_samples(self) -> int:
        return int(self.counts.sum())

    @property
    def n_right(self) -> int:
        return int(np.trace(self.counts))

    @cached_property
    def shares(self) -> NDArray[np.float64]:
        """Each row as shares of its class's samples, (n_classes, n_classes); NaN where a class has none."""
        return np.asarray(self.counts / np.where(self.of_class > 0, self.of_class, np.nan)[:, None])

    def blocks(self, groups: Sequence[Sequence[int]]) -> NDArray[np.int64]:
        """The counts between groups of classes, (n_groups, n_groups): mistakes inside a group lie on its diagonal."""
        member = np.zeros((len(groups), len(self.classes)), np.int64)
        for row, group in enumerate(groups):
            member[row, list(group)] = 1
        return np.asarray(member @ self.counts @ member.T)

    def mistakes(self, n: int) -> tuple[Mistake, ...]:
        """The n most frequent mistakes, the most frequent first; ties by the class's order."""
        wrong = self.counts.copy()
        np.fill_diagonal(wrong, 0)
        flat = wrong.ravel()
        places = np.flatnonzero(flat)
        places = places[np.argsort(-flat[places], kind="stable")][:n]
        m = len(self.classes)
        return tuple(Mistake(p // m, p % m, int(flat[p]), int(self.of_class[p // m])) for p in places.tolist())

    def sentence(self, label: int, prediction: int) -> str:
        """One cell in words: "cat taken for dog: 61 of 500"."""
        said = "predicted right" if label == prediction else f"taken for {self.classes[prediction]}"
        count, of = int(self.counts[label, prediction]), int(self.of_class[label])
        return f"{self.classes[label]} {said}: {count:,} of {of:,}"


def confusion(samples: Samples, classes: Sequence[str]) -> Confusion | None:
    """The confusion of the samples that the network has read; None where they have no class labels.

    Samples without a label, and those whose label or prediction is none of the classes, are not counted.
    Costs some milliseconds for 50,000 samples of 1,000 classes.
    """
    labels, m = samples.labels, len(classes)
    if not m or labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer):
        return None
    said = samples.predictions
    known = samples.read & (labels >= 0) & (labels < m) & (said >= 0) & (said < m)
    if not known.any():
        return None
    places = labels[known].astype(np.int64) * m + said[known]
    return Confusion(tuple(classes), np.bincount(places, minlength=m * m).reshape(m, m))
