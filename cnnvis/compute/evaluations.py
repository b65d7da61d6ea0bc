"""The value of a target for many changed copies of one input: what every method by perturbation asks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from cnnvis.compute.fused import refused
from cnnvis.compute.probe import Probe, is_out_of_memory
from cnnvis.compute.routes import upstream
from cnnvis.compute.score import checked, score
from cnnvis.compute.subject import Subject, finite
from cnnvis.compute.table import ends_in_probabilities
from cnnvis.errors import InvalidValue
from cnnvis.model.target import Target
from cnnvis.progress import Progress, silent

Value = Literal["score", "probability"]
Fill = Literal["mean", "zero", "blur"]
FILLS: tuple[Fill, ...] = ("mean", "zero", "blur")

_ELEMENTS, _MOST = 2_000_000, 128
"""Numbers of input in a batch, and samples at most: more do not make a forward pass cheaper."""
_MANY = 32
"""From so many copies on it pays to fold weights before."""


class Evaluations:
    """Asks a network for the value of a target, batch by batch; never differentiates.

    value: "score" is the target as it is; "probability" the softmax of the output, at each place of a dense one, at the
    target's class, which then must be one unit of the network's output. An output that went through a softmax already
    stays as it is. `n` counts the copies asked so far, of `total` where that is known. Many are asked the fast way:
    BatchNorm folded, rectifiers in place, channels last.
    """

    def __init__(
        self,
        probe: Probe,
        about: Subject,
        target: Target,
        *,
        value: Value = "score",
        total: int = 0,
        what: str = "running the network",
        progress: Progress = silent,
        batch: int | None = None,
    ) -> None:
        self._probe, self._about, self._target, self._value = probe, about, target, value
        self._layer = checked(probe.network, target)
        if value == "probability" and not self._is_class:
            raise InvalidValue(
                f"A probability must be that of one class; {target.layer} is not the output of {probe.network.name}. "
                "Use value='score'."
            )
        self._total, self._what, self._progress = total, what, progress
        self.batch = batch or int(np.clip(_ELEMENTS // max(about.x[0].numel(), 1), 1, _MOST))
        self.n = 0
        sink = self._layer.response
        within = upstream(probe.network, sink) if total >= _MANY else ()
        self._fast = bool(within)
        self._instead = probe.shortcuts([sink], within) if within else {}
        self._channels_last = self._fast and any(x.kind.lower().startswith("conv") for x in probe.network.layers)

    @property
    def _is_class(self) -> bool:
        network = self._probe.network
        return network.hosts[self._target.layer] == network.hosts[network.output] and len(self._target.units) == 1

    def __call__(self, copies: Tensor | Iterable[Tensor]) -> NDArray[np.float64]:
        """The value for each of the copies (n, …), or of as many batches of them as come. Raises Cancelled."""
        parts = [copies] if isinstance(copies, Tensor) else copies
        found = [self._batch(batch) for part in parts for batch in torch.split(part, self.batch)]
        return np.concatenate(found) if found else np.empty(0)

    def _batch(self, copies: Tensor) -> NDArray[np.float64]:
        self._progress(self.n, self._total, self._what)
        try:
            values = self._values(copies)
        except RuntimeError as error:
            if self._fast and not is_out_of_memory(error) and refused(error):
                self._fast = self._channels_last = False
                self._instead = {}
                return self._batch(copies)
            if not is_out_of_memory(error) or len(copies) == 1:
                raise
            self.batch = max(len(copies) // 2, 1)
            return np.concatenate([self._batch(half) for half in torch.split(copies, self.batch)])
        self.n += len(copies)
        self._progress(self.n, self._total, self._what)
        return values

    def _values(self, copies: Tensor) -> NDArray[np.float64]:
        sink = self._layer.response
        if self._channels_last and copies.dim() == 4:
            copies = copies.contiguous(memory_format=torch.channels_last)
        run = self._probe.run(self._about.put(copies), keep=(sink,), stop_after=(sink,), instead=self._instead)
        with torch.no_grad():
            response = run.values[sink]
            if self._value == "probability" and not ends_in_probabilities(self._probe.network):
                response = self._softened(response)
            values = score(response, self._layer, self._target).float()
        return finite(values, "The target's value").double().cpu().numpy()

    def _softened(self, response: Tensor) -> Tensor:
        """The output as probabilities over its units, at each place where it has several."""
        assert self._layer.unit_axis is not None
        values = response.reshape(-1, *self._layer.shape).float()
        if self._layer.n_units == 1:
            return torch.sigmoid(values)
        return F.softmax(values, self._layer.unit_axis % len(self._layer.shape) + 1)


def filling(about: Subject, fill: Fill) -> Tensor:
    """What takes the place of removed pixels, (1, c, h, w): each channel's mean, zero (the mean of the data where
    inputs are normalised), or the picture blurred until nothing can be told.
    """
    x = about.x
    if fill == "zero":
        return torch.zeros_like(x)
    if fill == "mean":
        return x.mean((2, 3), keepdim=True).expand_as(x)
    if fill == "blur":
        return blurred(x, 0.1 * min(x.shape[-2:]))
    raise InvalidValue(f"The fill must be one of {', '.join(FILLS)}; got {fill!r}.")


def blurred(x: Tensor, sigma: float) -> Tensor:
    """Pictures (n, c, h, w) under a Gaussian of `sigma` pixels; edges are mirrored outward."""
    from scipy.ndimage import gaussian_filter

    values = x.detach().float().cpu().numpy()
    smooth = gaussian_filter(values, sigma=(0, 0, sigma, sigma), mode="reflect")
    return torch.from_numpy(np.ascontiguousarray(smooth)).to(x)


def masked(about: Subject, masks: Iterable[NDArray[np.float32]], fill: Tensor) -> Iterator[Tensor]:
    """Copies of a picture from which what a mask (h, w) says 0 of is removed, for batches (n, h, w) of masks."""
    for some in masks:
        keep = torch.from_numpy(np.ascontiguousarray(some)).to(about.x)[:, None]
        yield keep * about.x + (1 - keep) * fill
