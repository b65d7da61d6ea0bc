"""Groups of layers: the columns of the picture."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Group:
    """Neighbouring layers shown as one column, and the layer that stands for them.

    `layers` are names of drawn layers in topological order; `representative` is one of them.
    """

    id: int
    name: str
    layers: tuple[str, ...]
    representative: str
