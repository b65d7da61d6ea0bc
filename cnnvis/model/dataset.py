"""What cnnvis asks of a data set."""

from __future__ import annotations

from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray


@runtime_checkable
class Dataset(Protocol):
    """Samples that a network can be fed, each with a picture a person can look at.

    `self[i]` gives (input, label): the input is a float32 numpy array or torch tensor without batch axis,
    normalised as the network expects, or a tuple of several; the label is a class index, a float (regression),
    a 0/1 vector (several labels) or None. It raises `UnreadableSample` where the sample cannot be read: a pass
    skips and counts it. Safe to call from several threads at once, and picklable.
    """

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> tuple[Any, Any]: ...

    def picture(self, index: int) -> NDArray[np.uint8]:
        """The sample as the network sees it (after resize and crop), (h, w, 3) uint8 RGB.

        For a row of a table its raw values, (n,) float.
        """
        ...

    def name(self, index: int) -> str:
        """A short, stable name, such as the file's path inside its folder."""
        ...

    @property
    def kind(self) -> Literal["images", "table"]: ...

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes as the data know them; () where unlabelled."""
        ...

    @property
    def labels(self) -> NDArray[Any] | None:
        """All labels where they are known without decoding, else None.

        (n,) int with −1 for none, (n,) float, or (n, m) 0/1.
        """
        ...

    @property
    def features(self) -> tuple[str, ...]:
        """The names of a table's columns; () for images."""
        ...
