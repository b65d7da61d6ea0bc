"""What it costs to draw images that drive neurons: the steps of feature visualization."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.material import published
from benchmarks.timing import Row, paired, seconds
from cnnvis.compute.probe import Probe, probe
from cnnvis.compute.subject import subject
from cnnvis.compute.trace import trace
from cnnvis.compute.visualize.drawing import Brush, Drawing
from cnnvis.compute.visualize.normalise import usual
from cnnvis.model.network import Network
from cnnvis.model.target import Target

_STEPS = 20


def step_resnet20() -> Row:
    """A neuron of the last block of ResNet-20, images of 32 pixels."""
    model, data = published("resnet20", 2)

    def first(x: Tensor) -> Tensor:
        x = F.relu(model.bn1(model.conv1(x)))
        found: Tensor = model.layer3(model.layer2(model.layer1(x)))
        return found

    what, network = "one neuron's step, ResNet-20", trace(model, data[0][0])
    return _step(what, model, network, "layer3.2/add#0", first)


def step_squeezenet() -> Row:
    """A neuron of the sixth Fire module of SqueezeNet, images of 227 pixels."""
    model, data = published("squeezenet1_0", 2)
    network = trace(model, data[0][0])
    return _step("one neuron's step, SqueezeNet 1.0", model, network, "features.9/cat#0", model.features[:10])


def _step(
    what: str, model: nn.Module, network: Network, layer: str, first: Callable[[Tensor], Tensor]
) -> Row:
    """Beside forward and backward passes up to the layer, of crops that are there already, the weights frozen."""
    shape = network.inputs[0].shape
    crops = torch.randn(1, *shape)
    for parameter in model.parameters():
        parameter.requires_grad_(False)

    def bare() -> None:
        for _ in range(_STEPS):
            x = crops.clone().requires_grad_()
            torch.autograd.grad(first(x)[:, 3].mean(), x)

    with probe(model, network) as opened:
        drawing = _drawing(opened, layer, [3])
        drawing.optimisation.advance(20)  # behind the first steps, which redirect gradients
        return paired(
            f"{what} / forward + input gradient",
            bare,
            lambda: drawing.optimisation.advance(_STEPS),
            asked="≤ 1.30",
            pairs=9,
            note=f"{_STEPS} steps up to {layer}, one image",
        )


def together_resnet20() -> Row:
    """32 neurons in one batch beside one alone, ResNet-20."""
    model, data = published("resnet20", 2)
    network, layer = trace(model, data[0][0]), "layer3.2/add#0"
    with probe(model, network) as opened:
        one, many = (_drawing(opened, layer, units) for units in ([3], range(32)))
        gains = []
        for turn in range(8):
            alone, all_ = (seconds(lambda d=d: d.optimisation.advance(_STEPS)) for d in (one, many))
            if turn:  # the first warms both up
                gains.append(32 * alone / all_)
    figure = f"{statistics.median(gains):.1f} × ({min(gains):.1f}–{max(gains):.1f} in {len(gains)} pairs)"
    return Row("32 neurons at once, throughput over one, ResNet-20", figure, "≥ 3 ×", f"{_STEPS} steps up to {layer}")


def _drawing(opened: Probe, layer: str, units: Sequence[int]) -> Drawing:
    shape = opened.network.inputs[0].shape
    about = subject(opened, torch.zeros(1, *shape))
    targets = [Target(layer, (unit,)) for unit in units]
    return Drawing(opened, about, targets, Brush((shape[1], shape[2]), usual(shape[0])))
