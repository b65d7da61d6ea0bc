"""Score-CAM: each map of a layer as a mask of the input; what the target scores then is the map's weight.

    H_k = Up(A_k) scaled to 0–1      s_k = y(x ∘ H_k + fill ∘ (1 − H_k))      L(p) = Σ_k softmax(s)_k A_k(p)

No gradients: it works where they vanish, and costs a forward pass per map. The paper takes the score above that of a
baseline; the softmax makes that the same. Maps that are the same everywhere mask nothing and are left out.

Wang, Wang, Du, Yang, Zhang, Ding, Mardziel, Hu, "Score-CAM: Score-Weighted Visual Explanations for Convolutional Neural
Networks", 2019 (arXiv 1910.01279). We differ: L is not rectified, and cells stand where their receptive fields are
centred, in Up and in L. `channels` says among how many maps the weights are shared: near 1 one map rules, near their
number all count the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cnnvis.compute.evaluations import Evaluations, Fill, filling, masked
from cnnvis.compute.method import Cost, Family, Takes
from cnnvis.compute.planes import enlarged, grown, map_layer, map_of, units_first
from cnnvis.compute.probe import Probe
from cnnvis.compute.score import checked
from cnnvis.compute.subject import finite, subject
from cnnvis.model.attribution import Map
from cnnvis.model.network import Layer, Network
from cnnvis.model.target import Target
from cnnvis.progress import Progress, hand_over, silent

_SHOWN = 8
"""How often what is known so far is handed over."""


@dataclass(frozen=True, slots=True)
class ScoreCam:
    """Score-CAM's map: the maps of a layer, weighted by what the target scores where they let the input through.

    `layer` names the layer; None takes the last one with a plane before the classes. `fill` takes the place of what is
    masked: "zero" (the mean of the data where inputs are normalised), "mean" or "blur". One forward pass per map of the
    layer.
    """

    layer: str | None = None
    fill: Fill = "zero"

    title: ClassVar[str] = "Score-CAM"
    paper: ClassVar[str] = "Wang et al., Score-CAM, 2019 (arXiv 1910.01279)"
    family: ClassVar[Family] = "activation maps"
    takes: ClassVar[Takes] = "picture"

    def cost(self, network: Network) -> Cost:
        planes = [x for x in network.drawn if len(x.spatial) == 2 and x.role != "input"]
        skip = network.class_layers if self.layer is None else frozenset()
        named = [x.n_units for x in planes if x.name not in skip and self.layer in (None, x.name)]
        return Cost(1 + named[-1]) if named else Cost(1)

    def __call__(self, probe: Probe, inputs: Any, target: Target, progress: Progress = silent) -> Map:
        """The map (h, w) for one sample; `inputs` is a batch of one. Raises as Grad-CAM does, and Cancelled."""
        checked(probe.network, target)
        about = subject(probe, inputs)
        layer = map_layer(self, probe.network, target, self.layer, skip=probe.network.class_layers)
        fill = filling(about, self.fill)
        progress(0, 1 + layer.n_units, "masking the input")
        run = probe.run(about.put(about.x), keep=(layer.response,), stop_after=(layer.response,))
        maps = finite(units_first(run.values[layer.response], layer)[0].float(), f"The maps of {layer.name}")
        size = (about.x.shape[-2], about.x.shape[-1])
        maps = maps[maps.amax((1, 2)) > maps.amin((1, 2))]
        if not len(maps):
            says = "Every map of this layer is the same everywhere: there is nothing to mask with."
            return map_of(np.zeros(size, np.float32), layer, says=says)
        ask = Evaluations(probe, about, target, total=len(maps), what="masking the input", progress=progress)
        scores: list[NDArray[np.float64]] = []
        shown = 0
        for some in torch.split(maps, ask.batch):
            scores.append(ask(masked(about, [_masks(some, layer, size)], fill)))
            found = _weighted(maps[: ask.n], np.concatenate(scores))
            evidence = map_of(enlarged(found[0], layer, size), layer, channels=found[1])
            if ask.n < len(maps) and ask.n * _SHOWN // len(maps) > shown:
                shown = ask.n * _SHOWN // len(maps)
                hand_over(progress, evidence)
        return evidence


def _masks(maps: Tensor, layer: Layer, size: tuple[int, int]) -> NDArray[np.float32]:
    """Maps (n, h', w') at the size of the input, each scaled to 0–1."""
    large = grown(maps, layer, size)
    low, high = large.amin((1, 2), keepdim=True), large.amax((1, 2), keepdim=True)
    scaled = (large - low) / (high - low).clamp(min=torch.finfo(torch.float32).tiny)
    return np.ascontiguousarray(scaled.cpu().numpy())


def _weighted(maps: Tensor, scores: NDArray[np.float64]) -> tuple[Tensor, float]:
    """The maps added up by the softmax of their scores, and among how many the weights are shared."""
    weights = np.exp(scores - scores.max())
    weights /= weights.sum()
    shared = float(np.exp(-(weights * np.log(np.maximum(weights, np.finfo(np.float64).tiny))).sum()))
    found = torch.einsum("k,khw->hw", torch.from_numpy(weights).to(maps), maps)
    return found, round(shared, 3)
