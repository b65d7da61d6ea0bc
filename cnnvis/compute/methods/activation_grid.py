"""Activation grid: what a layer sees in one image, in a few parts, each with its map and a drawn image.

The layer's maps A (places × units) are split by non-negative matrix factorisation into k parts,

    A ≈ W H,     W ≥ 0 (places × k), H ≥ 0 (k × units),

and an image is drawn along each direction H_k, as in feature visualization, with the angle counted.

Olah, Satyanarayan, Johnson, Carter, Schubert, Ye, Mordvintsev, "The Building Blocks of Interpretability", Distill 2018
(doi 10.23915/distill.00010); Lucid's ChannelReducer. We differ: what is below zero, in layers without a rectifier, is
left out, and it is said how much that is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from cnnvis.compute.method import Cost, Family, Takes
from cnnvis.compute.methods.feature_visualization import halts
from cnnvis.compute.planes import centres
from cnnvis.compute.probe import Probe
from cnnvis.compute.score import checked
from cnnvis.compute.subject import Subject, subject
from cnnvis.compute.visualize.drawing import with_a_plane
from cnnvis.compute.visualize.normalise import UNKNOWN, Normalisation, channels_of, fitting, shown
from cnnvis.compute.visualize.objectives import Seen, direction
from cnnvis.compute.visualize.optimise import Climb, Optimisation
from cnnvis.compute.visualize.parameterise import parameters
from cnnvis.compute.visualize.transforms import Wobble, canvas
from cnnvis.errors import InvalidValue
from cnnvis.model.attribution import Picture
from cnnvis.model.dataset import Dataset
from cnnvis.model.network import Network
from cnnvis.model.target import Target
from cnnvis.progress import Progress, hand_over, silent


@dataclass(frozen=True, slots=True)
class ActivationGrid:
    """What a layer sees in the sample, in a few parts, strongest first: for each a map, its share, and a drawn image.

    `layer` is that layer, or None for the target's own, or the last one with a plane before it. `parts`: how many.
    `steps` of each drawing. `cosine`: how much the direction counts beside the strength. `motion`: how far images are
    moved at each step. `mean` and `std` of the input's channels, or None to learn them from the data (without any,
    ImageNet's). `rate`: the length of a step. `seed`: of the noise, the motions and the parts.
    """

    layer: str | None = None
    parts: int = 6
    steps: int = 128
    cosine: float = 2.0
    motion: float = 1.0
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    rate: float = 0.05
    seed: int = 0
    normalisation: Normalisation = field(default=UNKNOWN, metadata={"state": True}, repr=False)

    title: ClassVar[str] = "Activation grid"
    paper: ClassVar[str] = "Olah et al., The Building Blocks of Interpretability, 2018 (doi 10.23915/distill.00010)"
    family: ClassVar[Family] = "synthesis"
    takes: ClassVar[Takes] = "picture"

    def cost(self, network: Network) -> Cost:
        return Cost(self.steps * self.parts + 1, self.steps * self.parts)

    def prepared(
        self, probe: Probe, data: Dataset, rows: Sequence[int], target: Target, progress: Progress = silent
    ) -> ActivationGrid:
        """The same, knowing how the data are normalised."""
        return replace(self, normalisation=fitting(self, channels_of(probe.network), data, rows))

    def __call__(self, probe: Probe, inputs: Any, target: Target, progress: Progress = silent) -> Picture:
        """An image for each part; `facts` hold its `maps` (part, row, column), of 0–1 in all, and `shares`; `centres`
        are those of the first and the last row, and column, in pixels of the input.

        Raises InvalidValue for what does not fit.
        """
        if self.parts < 1 or self.steps < 1 or self.rate <= 0 or self.motion < 0 or self.cosine < 0:
            raise InvalidValue("ActivationGrid.parts and steps must be at least 1, rate above 0, motion not below 0.")
        checked(probe.network, target)
        layer = with_a_plane(probe.network, self.layer or target.layer)
        about = subject(probe, inputs)
        progress(0, self.steps, "splitting what the layer sees")
        maps, vectors, facts = self._split(probe, about, layer)
        optimisation = self._optimisation(probe, about, layer, vectors)
        for steps in halts(self.steps):
            optimisation.advance(steps, progress, self.steps, "drawing")
            found = Picture(shown(optimisation.images), maps.sum((1, 2)), facts | {"steps": optimisation.step})
            if optimisation.step < self.steps:
                hand_over(progress, found)
        progress(self.steps, self.steps, "drawing")
        return found

    def _split(
        self, probe: Probe, about: Subject, layer: str
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], dict[str, Any]]:
        """The maps (k, h, w) in units of the layer, the directions (k, units) of length 1, and what is said of them."""
        node = probe.network[layer]
        run = probe.run(about.put(about.x), keep=(node.response,), stop_after=(node.response,))
        with torch.no_grad():
            response = Seen(probe.network, about.x, {layer: run.values[node.response]}).maps(layer)[0].float()
        values = response.T.cpu().numpy()
        positive = np.maximum(values, 0)
        if not np.isfinite(values).all() or not positive.any():
            raise InvalidValue(f"The sample must wake {layer} to be split; no unit answers above 0. Take another.")
        weights, vectors = factors(positive, min(self.parts, *positive.shape), self.seed)
        shares = weights.sum(0) / max(float(weights.sum()), 1e-12)
        rest = float(np.linalg.norm(positive - weights @ vectors) / np.linalg.norm(positive))
        maps = weights.T.reshape(-1, *node.spatial).astype(np.float32)
        scale = max(float(maps.max()), 1e-12)
        facts: dict[str, Any] = {
            "of": "layer",
            "layer": layer,
            "maps": tuple(np.round(one / scale, 3).tolist() for one in maps),
            "centres": tuple(
                [float(c[0]), float(c[-1])] for c in (centres(node, axis, about.x.shape[2 + axis]) for axis in (0, 1))
            ),
            "shares": tuple(round(float(s), 4) for s in shares),
            "explained": 1 - rest**2,
        }
        lost = float(np.square(np.minimum(values, 0)).sum() / np.square(values).sum())
        if lost > 0.01:
            facts["says"] = f"What is below zero, {lost:.0%} of the layer's energy here, is left out."
        return maps, vectors.astype(np.float32), facts

    def _optimisation(self, probe: Probe, about: Subject, layer: str, vectors: NDArray[np.float32]) -> Optimisation:
        high, wide = about.x.shape[-2:]
        normal = fitting(self, about.x.shape[1])
        wobble = Wobble().times(self.motion) if self.motion > 0 else None
        size = (high, wide) if wobble is None else canvas((high, wide))
        with torch.inference_mode(False):
            generator = torch.Generator().manual_seed(self.seed)
            start = parameters("fourier", 1, len(vectors), normal.planes, size, generator, device=probe.device)
            climb = Climb(self.rate, wobble, seed=self.seed, size=(high, wide))
            objective = direction(layer, torch.from_numpy(vectors), self.cosine)
            return Optimisation(probe, about, start, normal, objective, climb)


def factors(values: NDArray[np.float32], parts: int, seed: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Non-negative W (places, k) and H (k, units) with W H near the values, H of length 1, largest part first."""
    from sklearn.decomposition import NMF

    # A fixed number of rounds: without a tolerance it neither stops early nor warns.
    split = NMF(parts, init="nndsvda", random_state=seed, max_iter=200, tol=0)
    weights = split.fit_transform(values.astype(np.float64))
    vectors = split.components_
    length = np.maximum(np.linalg.norm(vectors, axis=1), 1e-12)
    weights, vectors = weights * length, vectors / length[:, None]
    order = np.argsort(-weights.sum(0), kind="stable")
    return weights[:, order], vectors[order]
