"""From a job to the live network and data it names."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnnvis.errors import InvalidValue, UnreadableSample
from cnnvis.model.dataset import Dataset

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, eq=False)
class Sources:
    """A live network with its weights loaded, and the samples to show it."""

    model: nn.Module
    data: Dataset
    classes: tuple[str, ...]

    def example(self) -> Any:
        """The input of the first sample that can be read. Raises InvalidValue where none can."""
        reason = "it is empty"
        for index in range(min(len(self.data), 100)):
            try:
                return self.data[index][0]
            except UnreadableSample as error:
                reason = f"the first fails: {error}"
        raise InvalidValue(f"The data set must hold at least one readable sample; {reason}. Check data.source.")


def digest(path: Path) -> str:
    """The sha256 of a file, in hex."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
