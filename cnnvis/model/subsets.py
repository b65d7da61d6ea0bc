"""A subset of the samples that a user defined."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cnnvis.errors import InvalidValue
from cnnvis.model.activations import Samples


@dataclass(frozen=True, slots=True)
class Subset:
    """Samples that meet all that is named.

    `classes`: their label is one of these; `samples`: they are among these indices of the data set; `wrong`: their
    prediction is (not) their label; `below`: their confidence is less; `cell`: label and prediction are these.
    """

    name: str
    classes: tuple[int, ...] = ()
    samples: tuple[int, ...] = ()
    wrong: bool | None = None
    below: float | None = None
    cell: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        if not self.name.strip():
            raise InvalidValue("Subset.name must be some text; got none.")
        if self.below is not None and not self.below > 0:
            raise InvalidValue(f"Subset.below must be above 0; got {self.below:g}. Confidences go from 0 to 1.")

    def rows(self, samples: Samples) -> NDArray[np.int64]:
        """The rows of the table that belong to it, ascending; only samples that the network has read.

        Raises InvalidValue where it needs labels and there are none.
        """
        keep = samples.read.copy()
        if self.classes or self.wrong is not None or self.cell is not None:
            labels = samples.labels
            if not has_labels(samples):
                raise InvalidValue(
                    f"The subset {self.name!r} must be defined without labels; the images have none. "
                    "Choose images, or a confidence."
                )
            if self.classes:
                keep &= np.isin(labels, self.classes)
            if self.wrong is not None:
                keep &= (labels >= 0) & ((samples.predictions != labels) == self.wrong)
            if self.cell is not None:
                keep &= (labels == self.cell[0]) & (samples.predictions == self.cell[1])
        if self.samples:
            keep &= np.isin(samples.indices, self.samples)
        if self.below is not None:
            keep &= samples.confidences < self.below
        return np.flatnonzero(keep)

    def words(self, classes: Sequence[str]) -> str:
        """What it asks for, such as "cat or dog · wrong · confidence below 50 %"."""
        parts = []
        if self.cell is not None:
            label, said = (_named(classes, c) for c in self.cell)
            parts.append(f"{label} taken for {said}")
        if self.classes:
            shown = [_named(classes, c) for c in self.classes[:3]]
            more = len(self.classes) - len(shown)
            parts.append(" or ".join(shown) + (f" or {more} more" if more else ""))
        if self.wrong is not None:
            parts.append("wrong" if self.wrong else "right")
        if self.below is not None:
            parts.append(f"confidence below {100 * self.below:.3g} %")
        if self.samples:
            n = len(self.samples)
            parts.append("1 chosen image" if n == 1 else f"{n:,} chosen images")
        return " · ".join(parts) or "every image"

    def named(self, name: str) -> Subset:
        """The same under another name."""
        return replace(self, name=name)


def has_labels(samples: Samples) -> bool:
    """Whether samples carry classes, by which they can be chosen and are right or wrong."""
    labels = samples.labels
    return labels.ndim == 1 and np.issubdtype(labels.dtype, np.integer) and bool((labels >= 0).any())


def free_name(wanted: str, taken: Sequence[str]) -> str:
    """A name that no other subset has: the wanted one, or that with a number."""
    names, n = set(taken), 2
    found = wanted
    while found in names:
        found, n = f"{wanted} ({n})", n + 1
    return found


def _named(classes: Sequence[str], index: int) -> str:
    return classes[index] if 0 <= index < len(classes) else f"class {index}"
