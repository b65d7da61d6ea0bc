"""Feature visualization: images made to drive a target as far as they can.

An image x is made of parameters z, a Fourier spectrum with decorrelated colours, x = sigmoid(C · F⁻¹(z / f)). Starting
from faint noise it climbs, by Adam, what the target y answers to the image moved a little, T at random each time:

    z* = argmax  E_T [ y(T(x(z))) ].

Olah, Mordvintsev, Schubert, "Feature Visualization", Distill 2017 (doi 10.23915/distill.00007), with the defaults of
its library Lucid. We differ: all motions are one interpolation (`visualize/transforms.py`), with shifts in proportion
to the image; the network sees images of its own size; what lies outside the image is grey in place of black corners;
the weight of `diversity` is a share of the target's own value, so that it fits any network. A driven-down rectified
neuron is read before its rectifier.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal

import numpy as np

from cnnvis.compute.method import Cost, Family, Takes
from cnnvis.compute.probe import Probe
from cnnvis.compute.score import checked
from cnnvis.compute.subject import Subject, subject
from cnnvis.compute.visualize.drawing import Brush, Drawing, Toward, strongest
from cnnvis.compute.visualize.normalise import UNKNOWN, Normalisation, channels_of, fitting
from cnnvis.compute.visualize.parameterise import SPACES
from cnnvis.errors import InvalidValue
from cnnvis.model.attribution import Picture
from cnnvis.model.dataset import Dataset
from cnnvis.model.network import Network
from cnnvis.model.target import Target
from cnnvis.progress import Progress, hand_over, silent


@dataclass(frozen=True, slots=True)
class FeatureVisualization:
    """Images made from noise to drive the target as far as they can; the sample itself is not looked at.

    `steps`: 128 are enough for an icon, 512 for a picture of quality. `images`: how many, each from its own noise.
    `diversity` keeps them apart, 0 lets them be alike, 1 weighs it as much as the target. `toward` "min" drives the
    target down, "both" draws as many of each. `size`: the image's side in pixels, or None for the network's own.
    `mean` and `std` of the input's channels, or None to learn them from the data (without any, ImageNet's). `motion`:
    how far the image is moved at each step, 1 as in Lucid, 0 not at all. `compare`: how many real images the result
    is set against. `space`: what is optimised. `decorrelate`: whether colours go together as in nature. `rate`: the
    length of a step. `seed`: of the noise and the motions.
    """

    steps: int = 128
    images: int = 1
    diversity: float = 0.5
    toward: Literal["max", "min", "both"] = "max"
    size: int | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    motion: float = 1.0
    compare: int = 128
    space: Literal["fourier", "pixels", "pyramid"] = "fourier"
    decorrelate: bool = True
    rate: float = 0.05
    seed: int = 0
    normalisation: Normalisation = field(default=UNKNOWN, metadata={"state": True}, repr=False)
    strongest: float = field(default=-math.inf, metadata={"state": True}, repr=False)

    title: ClassVar[str] = "Feature visualization"
    paper: ClassVar[str] = "Olah et al., Feature Visualization, 2017 (doi 10.23915/distill.00007)"
    family: ClassVar[Family] = "synthesis"
    takes: ClassVar[Takes] = "picture"

    def cost(self, network: Network) -> Cost:
        drawn = self.steps * self.images * (2 if self.toward == "both" else 1)
        return Cost(drawn, drawn)

    def prepared(
        self, probe: Probe, data: Dataset, rows: Sequence[int], target: Target, progress: Progress = silent
    ) -> FeatureVisualization:
        """The same, knowing how the data are normalised and how far the strongest of `compare` images drives it."""
        self.must_fit()
        found = replace(self, normalisation=fitting(self, channels_of(probe.network), data, rows))
        if math.isfinite(self.strongest) or self.compare == 0 or data.kind != "images":
            return found
        checked(probe.network, target)
        spread = rows[:: max(len(rows) // self.compare, 1)][: self.compare]
        down = self.toward == "min"
        return replace(found, strongest=float(strongest(probe, data, spread, (target,), progress, down=down)[0]))

    def __call__(self, probe: Probe, inputs: Any, target: Target, progress: Progress = silent) -> Picture:
        """The images; earlier ones are handed over as they grow clear. Raises InvalidValue for what does not fit."""
        self.must_fit()
        if self.size is not None and target.at is not None:
            raise InvalidValue("FeatureVisualization.size must be None for a place in a map; got a size.")
        about = subject(probe, inputs)
        drawing = Drawing(probe, about, (target,), self.brush(about))
        for steps in halts(self.steps):
            drawing.optimisation.advance(steps, progress, self.steps, "drawing")
            if drawing.optimisation.step < self.steps:
                hand_over(progress, self.picture(drawing.pictures, drawing.drive, drawing.optimisation.step))
        progress(self.steps, self.steps, "drawing")
        return self.picture(drawing.pictures, drawing.drive, self.steps)

    def must_fit(self) -> None:
        """Raises InvalidValue for a parameter out of its range."""
        for name, low in (("steps", 1), ("images", 1), ("diversity", 0), ("compare", 0), ("motion", 0)):
            if getattr(self, name) < low:
                raise InvalidValue(f"FeatureVisualization.{name} must be at least {low}; got {getattr(self, name)}.")
        if self.toward not in ("max", "min", "both"):
            raise InvalidValue(f"FeatureVisualization.toward must be 'max', 'min' or 'both'; got {self.toward!r}.")
        if self.space not in SPACES:
            raise InvalidValue(f"FeatureVisualization.space must be one of {', '.join(SPACES)}; got {self.space!r}.")
        if self.rate <= 0 or (self.size is not None and self.size < 2):
            raise InvalidValue("FeatureVisualization.rate must be above 0, and size at least 2 pixels.")

    def brush(self, about: Subject) -> Brush:
        """How its images are drawn."""
        high, wide = about.x.shape[-2:]
        toward: Toward = self.toward
        return Brush(
            (high, wide) if self.size is None else (self.size, self.size),
            fitting(self, about.x.shape[1]),
            self.images,
            toward,
            self.diversity,
            self.space,
            self.decorrelate,
            self.motion,
            self.rate,
            self.seed,
        )

    def picture(self, values: Any, drive: Any, steps: int) -> Picture:
        """The evidence, with what it says of itself."""
        facts: dict[str, Any] = {"steps": steps, "toward": self.toward}
        if math.isfinite(self.strongest):
            down = self.toward == "min"
            facts["strongest"] = self.strongest
            best = float(np.min(drive) if down else np.max(drive))
            if self.strongest < 0 if down else self.strongest > 0:
                facts["ratio"] = best / self.strongest
            if steps == self.steps:
                facts["says"] = sentence(best, self.strongest, down=down)
        return Picture(values, drive, facts)


def sentence(drive: float, real: float, *, down: bool = False) -> str:
    """How far an image drives its target beside the strongest real one, in words; or how far `down`."""
    if down:
        lower = drive < real
        words = "down to {}, before any rectifier; the weakest real image to {}." if lower else (
            "no further down than a real image does: {} against {}."
        )
        return "Drives its target " + words.format(*(f"{x:.3g}".replace("-", "−") for x in (drive, real)))
    if real > 0 and drive > real:
        return f"Drives its target {drive / real:.1f} times as far as the strongest real image."
    if drive > real:
        return f"Drives its target to {drive:.3g}; the strongest real image to {real:.3g}."
    return (
        f"Drives its target no further than the strongest real image does: {drive:.3g} against {real:.3g}. "
        "Use more steps."
    )


def halts(steps: int) -> list[int]:
    """Steps until each time that a result is worth a look: after 16, 32, 64 … of them, and at the end."""
    found, done = [], 0
    while done < steps:
        until = min(max(2 * done, 16), steps)
        found.append(until - done)
        done = until
    return found
