"""The loop: images that climb an objective, step by step, many in one batch.

Each step moves the images (see `transforms`), runs the network up to the last layer that the objective reads, and
differentiates back to what the images are made of. Nothing is differentiated with respect to weights. An image's
gradient is its own, so that images in one batch are what each would be alone. BatchNorm is folded into the convolution
before it, and on a processor channels come last, where the network takes that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from cnnvis.compute.fused import refused
from cnnvis.compute.probe import Instead, Probe, is_out_of_memory
from cnnvis.compute.routes import upstream
from cnnvis.compute.subject import Subject
from cnnvis.compute.visualize.normalise import Normalisation
from cnnvis.compute.visualize.objectives import Objective, Seen, node_of
from cnnvis.compute.visualize.parameterise import Parameters
from cnnvis.compute.visualize.redirect import redirected
from cnnvis.compute.visualize.transforms import Wobble, middle, moved
from cnnvis.errors import InvalidValue, ModelFailure
from cnnvis.progress import Progress, silent

REDIRECTED = 16
"""The steps, at the start, in which dead rectifiers let gradients through."""
_CHECKED = 16
"""How often gradients are looked at: each look waits for the device."""


@dataclass(frozen=True, slots=True)
class Climb:
    """How images are optimised: the step of Adam, the motions (None: none), and what draws them.

    `size` (h, w) is that of the images, where a larger canvas is optimised.
    """

    rate: float = 0.05
    wobble: Wobble | None = field(default_factory=Wobble)
    redirect: int = REDIRECTED
    seed: int = 0
    size: tuple[int, int] | None = None


class Optimisation:
    """Images on their way; `advance` may be called again and again, as if it had been called once.

    `about` says which input the images are given to; the others stay as they are.
    """

    def __init__(
        self,
        probe: Probe,
        about: Subject,
        parameters: Parameters,
        normalisation: Normalisation,
        objective: Objective,
        climb: Climb | None = None,
    ) -> None:
        self._probe, self._about = probe, about
        self._parameters, self._normalisation, self._objective = parameters, normalisation, objective
        self._climb = climb or Climb()
        self._nodes = {name: node_of(probe.network, name) for name in objective.layers}
        self._generator = torch.Generator().manual_seed(self._climb.seed + 1)
        self._adam = Adam(parameters.tensors, self._climb.rate)
        self._above = frozenset().union(*(upstream(probe.network, node) for node in self._nodes.values()))
        self._redirected = redirected(probe.network, tuple(self._nodes.values()), parameters.n)
        self._folded = probe.shortcuts(tuple(self._nodes.values()), self._above, in_place=False)
        self._ways = ["fast", "plain", "guarded"]
        self._guarded: tuple[str, ...] = ()
        self._on_cpu = probe.device.type == "cpu"
        self.step = 0

    @property
    def images(self) -> Tensor:
        """The images as they are, (n, planes, h, w), values 0–1."""
        with torch.no_grad():
            return self._middle(self._parameters.images)

    def _middle(self, canvas: Tensor) -> Tensor:
        return canvas if self._climb.size is None else middle(canvas, self._climb.size)

    def advance(self, steps: int, progress: Progress = silent, total: int = 0, what: str = "drawing") -> None:
        """Climb so many steps. Raises Cancelled, InvalidValue where gradients are NaN, ModelFailure."""
        for _ in range(steps):
            progress(self.step, total, what)
            with torch.inference_mode(False), torch.enable_grad():
                while not self._one_or_slower():
                    pass
            self.step += 1
            if self.step % _CHECKED == 0:
                self._adam.must_be_finite()
        self._adam.must_be_finite()

    def _one_or_slower(self) -> bool:
        """One step; where it fails, False, and the next try goes a surer way. Raises where there is none left."""
        try:
            self._one()
        except RuntimeError as error:
            if is_out_of_memory(error) or len(self._ways) == 1:
                raise
            if self._ways[0] == "fast":
                if not refused(error):
                    raise
            elif isinstance(error, ModelFailure):
                raise
            else:  # an in-place step of the network may have overwritten what the way back needs
                self._guard()
            del self._ways[0]
            return False
        return True

    def _guard(self) -> None:
        network = self._probe.network
        leading = network.reaches([self._about.layer.name]) & self._above
        kept = leading.difference({self._about.layer.name}, self._nodes.values())
        self._guarded = tuple(sorted(kept, key=network.index))

    def _one(self) -> None:
        tensors = self._parameters.tensors
        for tensor in tensors:
            tensor.grad = None
        canvas = self._parameters.images
        images, wobble = self._middle(canvas), self._climb.wobble
        high, wide = images.shape[-2:]
        state = self._generator.get_state()
        crops = images if wobble is None else moved(canvas, wobble.drawn(self._generator, (high, wide)), (high, wide))
        inputs = self._normalisation(crops)
        fast = self._ways[0] == "fast"
        given = inputs.detach()
        if fast and self._on_cpu:  # a quarter faster there: convolutions need not sort their values first
            given = given.contiguous(memory_format=torch.channels_last)
        folded = self._folded if fast else {}
        instead = {**folded, **self._redirected} if self.step < self._climb.redirect else folded
        try:
            responses, leaf = responses_to(self._probe, self._about, given, self._nodes, instead, self._guarded)
            value = self._objective(Seen(self._probe.network, images, responses))
            value.sum().backward(inputs=[leaf, *tensors])  # type: ignore[no-untyped-call]
        except RuntimeError:
            self._generator.set_state(state)  # the same step again must be the same
            raise
        if leaf.grad is not None:
            inputs.backward(leaf.grad.to(inputs), inputs=list(tensors))  # type: ignore[no-untyped-call]
        self._adam.climb(self.step + 1)


def responses_to(
    probe: Probe,
    about: Subject,
    inputs: Tensor,
    nodes: Mapping[str, str],
    instead: Mapping[str, Instead] | None = None,
    guarded: tuple[str, ...] = (),
) -> tuple[dict[str, Tensor], Tensor]:
    """The responses of layers (name → node) to a batch of inputs, and the leaf to differentiate with respect to.

    Nothing behind the last of these layers is computed.
    """
    source, kept = about.layer.name, tuple(dict.fromkeys(nodes.values()))
    if not kept:  # an objective of the image alone
        return {}, inputs.clone().requires_grad_()
    run = probe.run(about.put(inputs), grad=(source,), keep=(*kept, *guarded), stop_after=kept, instead=instead or {})
    return {name: run.values[node] for name, node in nodes.items()}, run.leaves[source]


class Adam:
    """Kingma and Ba, "Adam", 2014 (arXiv 1412.6980), upward. torch's own takes 2 s to load its compiler at the first
    step, and three times as long for the few tensors here.
    """

    def __init__(self, tensors: tuple[Tensor, ...], rate: float) -> None:
        self._tensors, self._rate = tensors, rate
        self._means = [torch.zeros_like(t) for t in tensors]
        self._squares = [torch.zeros_like(t) for t in tensors]

    def climb(self, step: int) -> None:
        """One step along the gradients of the tensors; `step` counts from 1."""
        with torch.no_grad():
            for tensor, mean, square in zip(self._tensors, self._means, self._squares):
                slope = tensor.grad
                if slope is None:
                    continue
                mean.mul_(0.9).add_(slope, alpha=0.1)
                square.mul_(0.999).addcmul_(slope, slope, value=0.001)
                scale = square.div(1 - 0.999**step).sqrt_().add_(1e-8)
                tensor.addcdiv_(mean, scale, value=self._rate / (1 - 0.9**step))

    def must_be_finite(self) -> None:
        """Raises InvalidValue where a gradient was NaN or Inf: its square stays so."""
        if not all(bool(torch.isfinite(square.sum())) for square in self._squares):
            raise InvalidValue(
                "The gradients of a feature visualization must be finite; the network gave NaN or Inf. "
                "Look at the health of its layers, or use float32 weights."
            )
