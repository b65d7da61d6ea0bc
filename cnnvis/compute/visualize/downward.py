"""Where a target is read that shall be driven down: before the rectifier that would hold it at zero."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from cnnvis.compute.visualize.objectives import Objective, Seen, of_targets, own
from cnnvis.model.network import Network
from cnnvis.model.target import Target

_POOLS = ("mean", "AdaptiveAvgPool2d", "adaptive_avg_pool2d", "AvgPool2d", "avg_pool2d", "flatten", "Flatten")


def unrectified(network: Network, target: Target) -> tuple[str, Target]:
    """What an objective calls the node before a target's rectifier, and the target there; where there is none, itself.

    The rectifier may stand before a concatenation, in one of its branches, or before the mean of a whole map.
    """
    here: Target | None = target
    while here is not None:
        nodes = (here.layer, *network[here.layer].folds)
        if len(nodes) > 1 and network[nodes[-1]].kind.lower() in ("relu", "relu6"):
            return own(nodes[-2]), here
        here = _before(network, here)
    return target.layer, target


def _before(network: Network, target: Target) -> Target | None:
    """The same value, read one layer earlier; None where that layer is no join of branches and no mean of maps."""
    layer, sources = network[target.layer], network.sources(target.layer)
    hosts = [network[network.hosts[source]] for source in sources]
    if not hosts or len(layer.folds) or any(h.response != s or h.unit_axis is None for h, s in zip(hosts, sources)):
        return None
    if layer.kind in _POOLS and len(hosts) == 1 and hosts[0].n_units == layer.n_units:
        averages = target.reduce == "mean" and target.at is None and layer.spatial in ((), (1, 1))
        return replace(target, layer=hosts[0].name) if averages else None
    if layer.kind != "cat" or sum(host.n_units for host in hosts) != layer.n_units:
        return None
    first = 0
    for host in hosts:
        if all(first <= unit < first + host.n_units for unit in target.units):
            return replace(target, layer=host.name, units=tuple(unit - first for unit in target.units))
        first += host.n_units
    return None


def downward(network: Network, targets: Sequence[Target]) -> Objective:
    """The value of a target for each image, before its rectifier; each target has as many images, its own first."""
    places = [unrectified(network, target) for target in targets]
    keys = tuple(dict.fromkeys(key for key, _ in places))
    if len(keys) == 1:
        return of_targets(network, [target for _, target in places], keys[0])

    def of(seen: Seen) -> Tensor:
        copies = len(seen.images) // len(targets)
        parts, order = [], []
        for key in keys:
            mine = [i for i, (name, _) in enumerate(places) if name == key]
            rows = [i * copies + copy for i in mine for copy in range(copies)]
            response = seen.responses[key].reshape(-1, *seen.live(key))[rows]
            some = Seen(network, seen.images[rows], {key: response})
            parts.append(of_targets(network, [places[i][1] for i in mine], key)(some))
            order += rows
        return torch.cat(parts)[torch.from_numpy(np.argsort(order))]

    return Objective(of, keys)
