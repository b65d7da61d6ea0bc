"""Neuron MCT: what the target would lose, to first order, without each unit of each layer.

    s_k = |Σ_p a_k(p) · ∂y / ∂a_k(p)|

for the response a_k of unit k and the target y, in each layer divided by its largest.

Khakzar, Baselizadeh, Khanduja, Rupprecht, Kim, Navab, "Neural Response Interpretation through the Lens of Critical
Pathways", 2021 (arXiv 2103.16886), whose neurons are single places of maps; we sum over the places of a map first, as
Molchanov, Tyree, Karras, Aila, Kautz do ("Pruning Convolutional Neural Networks for Resource Efficient Inference",
2017, arXiv 1611.06440). Silent units count 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from cnnvis.compute.method import Cost, Family, Takes
from cnnvis.compute.methods.critical_path import gated
from cnnvis.compute.probe import Probe
from cnnvis.compute.score import checked, slopes_at
from cnnvis.compute.subject import finite
from cnnvis.model.attribution import Gates
from cnnvis.model.gates import opened
from cnnvis.model.network import Network
from cnnvis.model.target import Target
from cnnvis.progress import Progress, silent


@dataclass(frozen=True, slots=True)
class NeuronMct:
    """How much the target depends on each unit of each layer for this image: 1 for the strongest of its layer.

    The quick alternative to a critical path: one forward and one backward pass, for any target.
    """

    title: ClassVar[str] = "Neuron MCT"
    paper: ClassVar[str] = "Khakzar et al., Critical Pathways, 2021 (arXiv 2103.16886)"
    family: ClassVar[Family] = "paths"
    takes: ClassVar[Takes] = "any"

    def cost(self, network: Network) -> Cost:
        return Cost(1, 1)

    def __call__(self, probe: Probe, inputs: Any, target: Target, progress: Progress = silent) -> Gates:
        """One value per unit of each layer before the target. Raises InvalidValue where there is no layer."""
        network = probe.network
        layers = gated(network, checked(network, target).name)
        progress(0, 1, "running the network")
        found = slopes_at(probe, inputs, layers, target, must_be_finite=True)
        values, scale = {}, {}
        for layer in layers:
            maps, slope = found[layer.name]
            assert layer.unit_axis is not None
            product = finite(maps.double() * slope.double(), "The gradients").reshape(layer.shape)
            units = product.movedim(layer.unit_axis % len(layer.shape), 0).reshape(layer.n_units, -1).sum(1).abs()
            scale[layer.name] = float(units.max())
            shares = units / max(scale[layer.name], 1e-300)
            values[layer.name] = np.ascontiguousarray(shares.float().cpu().numpy())
        progress(1, 1, "running the network")
        return Gates(values, {"scale": scale, "open": opened(values)})
