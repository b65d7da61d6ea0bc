"""Caricature: the sample again, drawn from what one layer makes of it, with all that matters there exaggerated.

An image x climbs from noise until a layer answers to it as to the sample, A, in direction and beyond in strength:

    x* = argmax  E_T [ (a · A) · max(0.1, cos(a, A))^p ],     a = the layer's response to T(x).

The recipe "caricature" of Lucid (github.com/tensorflow/lucid), after Olah et al., "Feature Visualization", 2017. We
differ: the sample itself is not moved, and motions are half as far, so that places keep their meaning.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import torch
from torch import Tensor

from cnnvis.compute.method import Cost, Family, Takes
from cnnvis.compute.methods.feature_visualization import halts
from cnnvis.compute.probe import Probe
from cnnvis.compute.score import checked
from cnnvis.compute.subject import Subject, subject
from cnnvis.compute.visualize.drawing import with_a_plane
from cnnvis.compute.visualize.normalise import UNKNOWN, Normalisation, channels_of, fitting, shown
from cnnvis.compute.visualize.objectives import Seen, likeness
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
class Caricature:
    """The sample drawn anew from what a layer makes of it: what the layer keeps of an image, and what it exaggerates.

    `layer` is that layer, or None for the target's own, or the last one with a plane before it. `steps`: 256 show
    what there is, 512 are finer. `cosine`: how much the direction counts beside the strength. `motion`: how far the
    image is moved at each step. `mean` and `std` of the input's channels, or None to learn them from the data
    (without any, ImageNet's). `rate`: the length of a step. `seed`: of the noise and the motions.
    """

    layer: str | None = None
    steps: int = 256
    cosine: float = 1.0
    motion: float = 0.5
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    rate: float = 0.05
    seed: int = 0
    normalisation: Normalisation = field(default=UNKNOWN, metadata={"state": True}, repr=False)

    title: ClassVar[str] = "Caricature"
    paper: ClassVar[str] = "Olah et al., Feature Visualization, 2017 (doi 10.23915/distill.00007); Lucid's recipe"
    family: ClassVar[Family] = "synthesis"
    takes: ClassVar[Takes] = "picture"

    def cost(self, network: Network) -> Cost:
        return Cost(self.steps + 1, self.steps)

    def prepared(
        self, probe: Probe, data: Dataset, rows: Sequence[int], target: Target, progress: Progress = silent
    ) -> Caricature:
        """The same, knowing how the data are normalised."""
        return replace(self, normalisation=fitting(self, channels_of(probe.network), data, rows))

    def __call__(self, probe: Probe, inputs: Any, target: Target, progress: Progress = silent) -> Picture:
        """One image; earlier ones are handed over as they grow clear. Raises InvalidValue for what does not fit."""
        if self.steps < 1 or self.rate <= 0 or self.motion < 0 or self.cosine < 0:
            raise InvalidValue("Caricature.steps must be at least 1, rate above 0, motion and cosine not below 0.")
        checked(probe.network, target)
        layer = with_a_plane(probe.network, self.layer or target.layer)
        about = subject(probe, inputs)
        wanted = _response(probe, about, about.x, layer)
        if not bool(wanted.any()):
            raise InvalidValue(f"The sample must wake {layer} to be drawn from it; every unit answers 0. Take another.")
        optimisation = self._optimisation(probe, about, layer, wanted)
        for steps in halts(self.steps):
            optimisation.advance(steps, progress, self.steps, "drawing")
            found = self._picture(probe, about, layer, wanted, optimisation)
            if optimisation.step < self.steps:
                hand_over(progress, found)
        progress(self.steps, self.steps, "drawing")
        return found

    def _optimisation(self, probe: Probe, about: Subject, layer: str, wanted: Tensor) -> Optimisation:
        high, wide = about.x.shape[-2:]
        normal = fitting(self, about.x.shape[1])
        wobble = Wobble().times(self.motion) if self.motion > 0 else None
        size = (high, wide) if wobble is None else canvas((high, wide))
        with torch.inference_mode(False):
            generator = torch.Generator().manual_seed(self.seed)
            start = parameters("fourier", 1, 1, normal.planes, size, generator, device=probe.device)
            climb = Climb(self.rate, wobble, seed=self.seed, size=(high, wide))
            return Optimisation(probe, about, start, normal, likeness(layer, wanted.clone(), self.cosine), climb)

    def _picture(self, probe: Probe, about: Subject, layer: str, wanted: Tensor, optimisation: Optimisation) -> Picture:
        """The evidence; its drive is the response along the sample's, where 1 is the sample's own."""
        response = _response(probe, about, fitting(self, about.x.shape[1])(optimisation.images), layer)
        drive = (response * wanted).sum() / wanted.square().sum()
        alike = (response * wanted).sum() / (response.norm() * wanted.norm()).clamp(min=1e-6)
        facts = {"of": "layer", "layer": layer, "steps": optimisation.step, "cosine": float(alike)}
        return Picture(shown(optimisation.images), drive.reshape(1).cpu().numpy(), facts)


def _response(probe: Probe, about: Subject, x: Tensor, layer: str) -> Tensor:
    """What a layer answers to one image, (units, places), float32."""
    node = probe.network[layer].response
    run = probe.run(about.put(x), keep=(node,), stop_after=(node,))
    with torch.no_grad():
        return Seen(probe.network, x, {layer: run.values[node]}).maps(layer)[0].float()
