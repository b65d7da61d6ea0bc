"""An explanation, and the evidence it rests on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnvis.model.target import Target


@dataclass(frozen=True, eq=False)
class Map:
    """Signed evidence per pixel of the input, (h, w) float32; positive speaks for the target."""

    values: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Vector:
    """Signed evidence per feature of a table's row, (n,) float32."""

    values: NDArray[np.float32]
    features: tuple[str, ...]


Evidence = Map | Vector


@dataclass(frozen=True, eq=False)
class Attribution:
    """Why a target answered as it did to one sample: the evidence, and everything needed to compute it again.

    `sample` is the index in the data set, or −1 for an input from elsewhere. `method` is the method's title,
    `parameters` its fields, `versions` the libraries' versions.
    """

    evidence: Evidence
    sample: int
    target: Target
    method: str
    parameters: Mapping[str, Any]
    versions: Mapping[str, str]

    def __post_init__(self) -> None:
        object.__setattr__(self, "parameters", MappingProxyType(dict(self.parameters)))
        object.__setattr__(self, "versions", MappingProxyType(dict(self.versions)))
