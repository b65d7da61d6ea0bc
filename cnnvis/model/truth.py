"""What is known of a picture beforehand, so that an explanation of it can be checked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Box = tuple[int, int, int, int]


@dataclass(frozen=True, eq=False)
class Truth:
    """Where the thing is, and what decides: `box` (top, left, bottom, right) in pixels of the input, the last two
    exclusive; `part` (h, w) bool marks the pixels of what the network is known to look at; `name` says what that is.
    """

    box: Box
    part: NDArray[np.bool_]
    name: str = "the thing"
