"""Paths through a network: gates of one explanation, and the mean of those of several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from cnnvis.errors import InvalidValue
from cnnvis.model.attribution import Attribution, Gates

OPEN = 0.5
"""A gate is open where it is above this share of the widest of its layer."""


def open_units(gates: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which gates of a layer are open, (n_units,)."""
    widest = float(gates.max(initial=0.0))
    return np.asarray((gates > OPEN * widest) & (gates > 0))


def opened(gates: Mapping[str, NDArray[np.float32]]) -> float:
    """The share of all gates that are open."""
    n = sum(len(values) for values in gates.values())
    return sum(int(open_units(values).sum()) for values in gates.values()) / max(n, 1)


def mean_path(found: Sequence[Attribution]) -> Attribution:
    """The path of a class: the mean of the gates of several images that were asked the same.

    It says in its facts of how many images it is the mean. Raises InvalidValue where the explanations are none, are no
    gates, or differ in target, method or parameters.
    """
    if not found:
        raise InvalidValue("A mean path must be of one explanation or more; got none.")
    first = found[0]
    if any(
        (x.target, x.method, dict(x.parameters)) != (first.target, first.method, dict(first.parameters)) for x in found
    ):
        raise InvalidValue("A mean path must be of explanations of one target by one method; got several.")
    gates = [x.evidence for x in found if isinstance(x.evidence, Gates)]
    if len(gates) < len(found):
        raise InvalidValue(f"A mean path must be of gates, such as Critical path gives; got those of {first.method}.")
    shared = set.intersection(*(set(g.values) for g in gates))
    values = {
        name: np.mean([g.values[name] for g in gates], axis=0).astype(np.float32)
        for name in gates[0].values
        if name in shared
    }
    facts = {"images": len(found), "open": opened(values)}
    return replace(first, evidence=Gates(values, facts), sample=-1, image=_called(found))


def _called(found: Sequence[Attribution]) -> str:
    names = sorted(x.image or str(x.sample) for x in found)
    return f"mean of {len(found)} images: {', '.join(names)}"
