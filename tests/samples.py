"""A data set of tensors held in memory, with labels of any form."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import torch

from cnnvis.errors import UnreadableSample


class Held:
    """`inputs` (n, …) or a tuple of several; `labels` as in `Dataset.labels`, None for none; some cannot be read."""

    kind: Literal["images", "table"] = "images"
    features: tuple[str, ...] = ()

    def __init__(
        self, inputs: Any, labels: Any = None, classes: tuple[str, ...] = (), torn: tuple[int, ...] = ()
    ) -> None:
        self.inputs, self.classes, self.torn = inputs, classes, torn
        self.labels = None if labels is None else np.asarray(labels)

    def __len__(self) -> int:
        return len(self.inputs[0] if isinstance(self.inputs, tuple) else self.inputs)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        if index in self.torn:
            raise UnreadableSample("it is torn")
        label = None if self.labels is None else self.labels[index]
        if isinstance(label, np.generic):
            label = label.item()
        one = tuple(x[index] for x in self.inputs) if isinstance(self.inputs, tuple) else self.inputs[index]
        return one, label

    def name(self, index: int) -> str:
        return f"{index}.png"

    def picture(self, index: int) -> np.ndarray:
        return np.zeros((2, 2, 3), np.uint8)


def random_images(n: int, shape: tuple[int, ...] = (3, 16, 16), seed: int = 0) -> torch.Tensor:
    return torch.randn(n, *shape, generator=torch.Generator().manual_seed(seed))
