"""The health of the layers over some of the samples alone, as far as it is known without the network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from cnnvis.model.activations import Activations, frozen
from cnnvis.model.lazy import Lazy
from cnnvis.model.measurements import Health, LayerHealth
from cnnvis.model.network import Network

_NAN = float("nan")
_NOTHING: NDArray[np.float64] = frozen(np.zeros(0))
_Made = tuple[LayerHealth, LayerHealth | None, LayerHealth]

_KNOWN: WeakKeyDictionary[Activations, dict[str, _Made]] = WeakKeyDictionary()
"""The layers that were made, with what they were made from: cards know by the object whether anything has changed."""


def health_over(
    network: Network, some: Activations, whole: Health | None, measured: Health | None, subset: str
) -> Health | None:
    """The health over the samples of `some`, which are those of a subset; None where none was measured at all.

    Dead share, mean and spread are read from `some`, layer by layer when it is looked at; NaN where their responses
    are missing. Weights are those of `whole`, measured over all samples, which cannot differ. Gradients and saturation
    are those that were `measured` over the subset, else NaN; bad values stay those that were met.
    """
    base = whole or measured
    if base is None:
        return None
    found = measured.layers if measured is not None else {}
    make: dict[str, Callable[[], LayerHealth]] = {
        name: partial(_layer, network, some, one, found.get(name)) for name, one in base.layers.items()
    }
    n = measured.n_samples if measured is not None else 0
    return Health(MappingProxyType(Lazy(make)), n, base.compared, subset)


def _layer(network: Network, some: Activations, base: LayerHealth, measured: LayerHealth | None) -> LayerHealth:
    made = _KNOWN.setdefault(some, {})
    known = made.get(base.layer)
    if known is None or known[0] is not base or known[1] is not measured:
        known = made[base.layer] = (base, measured, _made(network, some, base, measured))
    return known[2]


def _made(network: Network, some: Activations, base: LayerHealth, measured: LayerHealth | None) -> LayerHealth:
    name = base.layer
    known = name in some.layers
    fired = some[name].fired if known else np.zeros(0)
    of_samples = replace(base, saturated=_NAN, gradient=_NAN, ratio=_NAN, unit_gradients=_NOTHING)
    if measured is not None:
        names = ("saturated", "gradient", "ratio", "unit_gradients", "n_nan", "n_inf")
        of_samples = replace(base, **{each: getattr(measured, each) for each in names})
    return replace(
        of_samples,
        dead=float((fired == 0).mean()) if len(fired) and network[name].rectified else _NAN,
        mean=float(some.mean(name).mean()) if known else _NAN,
        spread=float(some.spread(name).mean()) if known else _NAN,
    )
