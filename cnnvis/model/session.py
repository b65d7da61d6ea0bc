"""All that one session file remembers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from cnnvis.errors import InvalidValue
from cnnvis.model.activations import Activations
from cnnvis.model.analysis import Analysis
from cnnvis.model.attribution import Attribution
from cnnvis.model.connections import Connections
from cnnvis.model.job import Job

Pictures = Callable[[int], NDArray[np.uint8] | None]
"""From the index of a sample to its picture as the network saw it, (h, w, 3) uint8 RGB, or None where there is none."""


@dataclass(frozen=True)
class Look:
    """How the picture is shown: saved with the session, not undone.

    `expanded` names the groups that show their layers; `opened` the clusters (layer, id) that show every
    neuron. `share` of the strongest edges is kept, 0–1. `chosen` is a class index. `bounds` are the width and
    height of the window's view in the picture's units with its centre, or None for "fit".
    """

    expanded: frozenset[str] = frozenset()
    opened: frozenset[tuple[str, int]] = frozenset()
    share: float = 0.35
    chosen: int | None = None
    theme: Literal["system", "light", "dark"] = "system"
    bounds: tuple[float, float, float, float] | None = None

    def __post_init__(self) -> None:
        if not 0.0 <= self.share <= 1.0:
            raise InvalidValue(f"Look.share must be from 0 to 1; got {self.share}.")


@dataclass(frozen=True, eq=False)
class Session:
    """A network seen through its responses: everything the window shows and a file keeps.

    `activations` and `connections` are None while they are being computed. `pictures` finds stored copies of
    exemplars where the data set is not connected. `provenance` says with what it was made (versions, device,
    seconds).
    """

    analysis: Analysis
    activations: Activations | None = None
    connections: Connections | None = None
    attributions: tuple[Attribution, ...] = ()
    look: Look = field(default_factory=Look)
    job: Job | None = None
    pictures: Pictures | None = None
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not isinstance(self.provenance, MappingProxyType):
            object.__setattr__(self, "provenance", MappingProxyType(dict(self.provenance)))

    def picture(self, sample: int) -> NDArray[np.uint8] | None:
        """The picture of a sample: the stored copy, else from the connected data set, else None."""
        if self.pictures is not None:
            found = self.pictures(sample)
            if found is not None:
                return found
        data = self.activations.data if self.activations is not None else None
        return data.picture(sample) if data is not None and data.kind == "images" else None

    def with_analysis(self, analysis: Analysis) -> Session:
        """The same session, seen differently."""
        return replace(self, analysis=analysis)

    def with_look(self, look: Look) -> Session:
        """The same session, shown differently."""
        return replace(self, look=look)
