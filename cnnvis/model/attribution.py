"""An explanation, and the evidence it rests on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnvis.model.target import Target


def _fixed(value: object, *names: str) -> None:
    """Make the mappings of a frozen value read-only."""
    for name in names:
        object.__setattr__(value, name, MappingProxyType(dict(getattr(value, name))))


@dataclass(frozen=True, eq=False)
class Map:
    """Signed evidence per pixel of the input, (h, w) float32; positive speaks for the target.

    Raw values: a display may scale them, the evidence is never scaled. `facts` are what the method says of its own
    result, by name: numbers, texts or lists of them, such as the R² of a fit, the layer chosen or the hottest box.
    """

    values: NDArray[np.float32]
    facts: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _fixed(self, "facts")


@dataclass(frozen=True, eq=False)
class Vector:
    """Signed evidence per feature, (n,) float32: a column of a table, or a unit of a layer. `facts` as of a Map."""

    values: NDArray[np.float32]
    features: tuple[str, ...]
    facts: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _fixed(self, "facts")


@dataclass(frozen=True, eq=False)
class Picture:
    """Images made to drive a target: (n, h, w, 3) uint8, and how far each drives it, (n,) float32."""

    values: NDArray[np.uint8]
    drive: NDArray[np.float32]
    facts: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _fixed(self, "facts")


@dataclass(frozen=True, eq=False)
class Gates:
    """How far each unit is needed, per drawn layer (n_units,) float32: 0 closed, 1 as it was."""

    values: Mapping[str, NDArray[np.float32]]
    facts: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _fixed(self, "values", "facts")


@dataclass(frozen=True, eq=False)
class WeightMap:
    """Evidence per weight, by the parameter's name in the model; each of the parameter's shape, float32."""

    values: Mapping[str, NDArray[np.float32]]
    facts: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _fixed(self, "values", "facts")


Evidence = Map | Vector | Picture | Gates | WeightMap


@dataclass(frozen=True, eq=False)
class Attribution:
    """Why a target answered as it did to one sample: the evidence, and everything needed to compute it again.

    `sample` is the index in the data set, or −1 for an input from elsewhere, which is then called `image`. `method` is
    the method's title, `parameters` its fields, `versions` the libraries' versions.
    """

    evidence: Evidence
    sample: int
    target: Target
    method: str
    parameters: Mapping[str, Any]
    versions: Mapping[str, str]
    image: str = ""

    def __post_init__(self) -> None:
        _fixed(self, "parameters", "versions")

    @property
    def key(self) -> str:
        """The same for whatever asks the same of the same sample, also after saving and loading."""
        return question_key(self.method, self.parameters, self.target, self.sample, self.image)


def question_key(method: str, parameters: Mapping[str, Any], target: Target, sample: int, image: str = "") -> str:
    """The key of the attribution that answers a question, known before it is asked."""
    asked = [method, dict(parameters), asdict(target), sample, image]
    return hashlib.sha256(json.dumps(asked, sort_keys=True, default=str).encode()).hexdigest()[:16]
