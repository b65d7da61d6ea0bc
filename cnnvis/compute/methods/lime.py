"""LIME for pictures: which segments a target rests on, by a linear model of masked copies.

The picture is cut into K segments. A mask z of {0, 1}^K keeps those that are 1 and fills the others; the target's
values y(z) are fitted by

    y ≈ b + Σ_k w_k z_k,   weighted by exp(−d² / 2 width²) with d = 1 − sqrt(Σz / K), ridge of strength 1,

and every pixel is given the w of its segment (d is the cosine distance from z to all ones).

Ribeiro, Singh, Guestrin, "'Why Should I Trust You?': Explaining the Predictions of Any Classifier", 2016 (arXiv
1602.04938), with the defaults of the authors' program. We differ: segments are SLIC's and as many as fit the picture,
for theirs make one of a small picture; the masks are by default no random ones but `design` "hadamard", rows of a
Hadamard matrix with scrambled columns, each followed by its complement: segments are on in half of the masks, any two
independently, and a second run gives the same map. How far the fit can be trusted is always said.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar, Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cnnvis.compute.evaluations import Evaluations, Fill, Value, filling
from cnnvis.compute.local_fit import Fit, agreement, effective, fit
from cnnvis.compute.method import Cost, Family, Takes
from cnnvis.compute.probe import Probe
from cnnvis.compute.score import checked
from cnnvis.compute.subject import plane, subject
from cnnvis.errors import CnnvisError, InvalidValue
from cnnvis.model.attribution import Map
from cnnvis.model.network import Network
from cnnvis.model.target import Target
from cnnvis.progress import Progress, hand_over, silent

Design = Literal["hadamard", "random"]
Masks = NDArray[np.bool_]

FEWEST = 6
"""With fewer segments a linear model says nothing that a few occlusions would not."""

_COMPACTNESS = (20, 60, 200)
"""How far SLIC minds places beside colours: more, where grain would fall apart into one segment."""

_ALPHA = 1.0


@dataclass(frozen=True, slots=True)
class Lime:
    """How much each segment of the picture adds to the target (+) or takes from it (−), by a local linear model.

    `n_segments` is about how many segments the picture is cut into, None as many as suit its size: 30 at 32 pixels,
    80 at 224. `design` chooses the masks: "hadamard" a fixed balanced design, "random" the paper's coin tosses.
    `n_samples` is how many masks are tried, None about twelve a segment; a Hadamard design takes the next power of two.
    `fill` covers segments that are off with their own mean, with the mean of each channel, with zero, or with the
    picture blurred. `width` is the kernel's: smaller counts masks that leave most of the picture more. `value` asks
    for the target's score or for the probability of a class; `seed` draws the masks. One forward pass a mask.
    """

    n_segments: int | None = None
    n_samples: int | None = None
    design: Design = "hadamard"
    fill: Literal["segment", "mean", "zero", "blur"] = "segment"
    width: float = 0.25
    value: Value = "score"
    seed: int = 0

    title: ClassVar[str] = "LIME"
    paper: ClassVar[str] = "Ribeiro et al., Why Should I Trust You?, 2016 (arXiv 1602.04938)"
    family: ClassVar[Family] = "perturbation"
    takes: ClassVar[Takes] = "picture"

    def cost(self, network: Network) -> Cost:
        wanted = self._wanted(plane(network))
        return Cost(_n_of_design(self.design, wanted, self._asked(wanted)))

    def __call__(self, probe: Probe, inputs: Any, target: Target, progress: Progress = silent) -> Map:
        """The map (h, w) for one sample; `inputs` is a batch of one.

        Raises InvalidValue for a picture that does not fall into six segments.
        """
        self._check()
        checked(probe.network, target)
        about = subject(probe, inputs)
        wanted = self._wanted((about.x.shape[-2], about.x.shape[-1]))
        segments = segmented(about.x[0], wanted)
        masks = designed(self.design, int(segments.max()) + 1, self._asked(wanted), self.seed)
        cover = _means(about.x, segments) if self.fill == "segment" else filling(about, _other(self.fill))
        ask = Evaluations(
            probe, about, target, value=self.value, total=len(masks), what="masking segments", progress=progress
        )
        values = np.empty(0)
        for start, stop in _passes(len(masks)):
            found = ask(_masked(about.x, segments, cover, masks[start:stop], ask))
            values = np.concatenate([values, found])
            if stop < len(masks):
                early = self._fit(masks[:stop], values)
                hand_over(progress, Map(early.coefficients[segments].astype(np.float32)))
        best = self._fit(masks, values)
        facts = self._facts(masks, values, best)
        return Map(best.coefficients[segments].astype(np.float32), facts)

    def _check(self) -> None:
        if self.design not in get_args(Design):
            raise InvalidValue(f"Lime.design must be {' or '.join(map(repr, get_args(Design)))}; got {self.design!r}.")
        if not self.width > 0:
            raise InvalidValue(f"Lime.width must be above 0; got {self.width}. Use 0.25.")
        for name, given, least in (("n_segments", self.n_segments, FEWEST), ("n_samples", self.n_samples, 2)):
            if given is not None and given < least:
                raise InvalidValue(f"Lime.{name} must be at least {least}, or None for what suits; got {given}.")

    def _wanted(self, size: tuple[int, int]) -> int:
        return self.n_segments or round(30 * (size[0] * size[1] / 1024) ** 0.25)

    def _asked(self, n: int) -> int:
        return self.n_samples or _power_of_two(12 * n)

    def _weights(self, masks: Masks) -> NDArray[np.float64]:
        distance = 1 - np.sqrt(masks.mean(1))
        weights: NDArray[np.float64] = np.exp(-(distance**2) / (2 * self.width**2))
        return weights

    def _fit(self, masks: Masks, values: NDArray[np.float64]) -> Fit:
        return fit(masks.astype(np.float64), values, self._weights(masks), _ALPHA)

    def _facts(self, masks: Masks, values: NDArray[np.float64], best: Fit) -> dict[str, Any]:
        alike, tops = self._stability(masks, values)
        facts: dict[str, Any] = {
            "r2": best.r2,
            "effective_samples": effective(self._weights(masks)),
            "n_samples": len(masks),
            "n_segments": masks.shape[1],
            "stability": alike,
            "stability_of_top_5": tops,
        }
        if not best.varies:
            facts["says"] = "The target does not change, whatever part of the picture is covered."
        elif best.r2 < 0.3:
            facts["says"] = f"Adding up segments explains only {max(best.r2, 0):.0%} of how the target answers."
        elif alike < 0.6:
            facts["says"] = f"Half of the samples agree with the other half by {alike:.2f} only. Use more samples."
        return facts

    def _stability(self, masks: Masks, values: NDArray[np.float64]) -> tuple[float, float]:
        pairs = np.arange(len(masks) // 2 * 2).reshape(-1, 2)  # a mask of the fixed design and its complement
        return agreement(pairs, lambda half: self._fit(masks[half], values[half]).coefficients, 5, self.seed)


def segmented(x: Tensor, wanted: int) -> NDArray[np.int64]:
    """The segment of each pixel (h, w) of a picture (c, h, w), about `wanted` of them, numbered from 0.

    Raises InvalidValue where they are fewer than six, CnnvisError where scikit-image is not installed.
    """
    try:
        import skimage.segmentation  # noqa: F401
    except ImportError as missing:
        raise CnnvisError('LIME needs scikit-image to cut pictures. Run: pip install "cnnvis[lime]".') from missing
    values = x.detach().float().cpu().numpy().transpose(1, 2, 0)
    values = values if values.shape[2] == 3 else values.mean(2, keepdims=True).repeat(3, 2)
    scaled = (values - values.min()) / max(float(np.ptp(values)), 1e-12)
    for compactness in _COMPACTNESS:
        n, labels = _slic(scaled, wanted, compactness)
        if n < 0.9 * wanted:  # SLIC joins small segments: ask for more
            n, labels = _slic(scaled, round(wanted * min(wanted / n, 3)), compactness)
        if 2 * n >= wanted:
            break
    if n < FEWEST:
        raise InvalidValue(
            f"LIME's picture must fall into at least {FEWEST} segments; this one of {x.shape[1]}×{x.shape[2]} pixels "
            f"falls into {n}. Raise n_segments, now {wanted}, or use occlusion."
        )
    return labels


def _slic(picture: NDArray[np.float32], wanted: int, compactness: float) -> tuple[int, NDArray[np.int64]]:
    """How many segments were found, and the segment of each pixel of a picture (h, w, 3) of 0–1."""
    from skimage.segmentation import slic

    grain = min(picture.shape[:2]) / 224  # smoothed away, or borders of segments follow it
    labels = slic(picture, n_segments=wanted, compactness=compactness, sigma=grain, start_label=0, channel_axis=-1)
    known, found = np.unique(labels, return_inverse=True)
    return len(known), found.reshape(labels.shape).astype(np.int64)


def designed(design: Design, n_segments: int, n_samples: int, seed: int) -> Masks:
    """Masks (n, n_segments), the first of all ones; those of a Hadamard design come in pairs, mask and complement."""
    rng = np.random.default_rng(seed)
    n = _n_of_design(design, n_segments, n_samples)
    if design == "random":
        masks = rng.random((n, n_segments)) < 0.5
        masks[0] = True
        return masks
    from scipy.linalg import hadamard

    # The first column is the intercept's. Unscrambled, the first columns repeat after the next power of two.
    order = n // 2
    columns = 1 + rng.permutation(order - 1)[:n_segments]
    rows = np.concatenate([[0], 1 + rng.permutation(order - 1)])
    kept = hadamard(order)[np.ix_(rows, columns)] > 0
    return np.stack([kept, ~kept], 1).reshape(n, n_segments)


def _n_of_design(design: Design, n_segments: int, n_samples: int) -> int:
    if design == "random":
        return n_samples
    return _power_of_two(max(n_samples, 2 * (n_segments + 1)))


def _power_of_two(least: int) -> int:
    return 1 << max(least - 1, 0).bit_length()


def _passes(n: int) -> list[tuple[int, int]]:
    """A quarter, a half, the rest: where a rough map is worth showing."""
    cuts = [0, n // 4 // 2 * 2, n // 2 // 2 * 2, n]
    return [(a, b) for a, b in pairwise(cuts) if b > a]


def _other(fill: str) -> Fill:
    if fill not in ("mean", "zero", "blur"):
        raise InvalidValue(f"Lime.fill must be one of segment, mean, zero, blur; got {fill!r}.")
    return fill  # type: ignore[return-value]


def _means(x: Tensor, segments: NDArray[np.int64]) -> Tensor:
    """The picture (1, c, h, w) with every segment in its mean colour."""
    where = torch.from_numpy(segments.ravel()).to(x.device)
    flat = x[0].flatten(1).float()
    total = torch.zeros(len(flat), int(segments.max()) + 1, device=x.device).index_add_(1, where, flat)
    return (total / torch.bincount(where))[:, where].reshape(x.shape).to(x)


def _masked(x: Tensor, segments: NDArray[np.int64], cover: Tensor, masks: Masks, ask: Evaluations) -> Iterator[Tensor]:
    where = torch.from_numpy(segments).to(x.device)
    start = 0
    while start < len(masks):
        some = torch.from_numpy(masks[start : start + ask.batch]).to(x.device)
        yield torch.where(some[:, where][:, None], x, cover)
        start += len(some)
