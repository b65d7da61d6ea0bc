"""Where activation functions end."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

NEAR = 0.01
"""So near to the bound of a smooth activation, as a share of its range, its slope is all but gone."""

Limit = tuple[float | None, float | None, bool]

# The zero of ReLU and ReLU6 is no bound here: a unit that never leaves it is dead, which is told apart.
LIMITS: Mapping[str, Limit] = MappingProxyType(
    {
        "sigmoid": (0.0, 1.0, False),
        "tanh": (-1.0, 1.0, False),
        "softsign": (-1.0, 1.0, False),
        "hardtanh": (-1.0, 1.0, True),
        "relu6": (None, 6.0, True),
        "hardsigmoid": (0.0, 1.0, True),
        "hardswish": (0.0, None, True),
        "elu": (-1.0, None, False),
        "celu": (-1.0, None, False),
        "selu": (-1.7580993408473766, None, False),
    }
)
"""By the kind of the step in lower case the least and the largest value (None: it goes on), and whether these are
reached rather than approached."""
