"""A subset of the samples that a user defined, and the responses to it alone."""

from __future__ import annotations

from dataclasses import dataclass

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

    def rows(self, samples: Samples) -> NDArray[np.int64]:
        """The rows of the table that belong to it, ascending; only samples that the network has read.

        Raises InvalidValue where it needs labels and there are none.
        """
        keep = samples.read.copy()
        if self.classes or self.wrong is not None or self.cell is not None:
            labels = samples.labels
            if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer) or not (labels >= 0).any():
                raise InvalidValue(
                    f"The subset {self.name!r} must be defined without labels; the samples have none. "
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
