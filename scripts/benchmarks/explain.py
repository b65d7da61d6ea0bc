"""What it costs to explain by perturbation: beside the forward passes of the same number of copies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import torch
from torch import nn

from benchmarks.material import published, resnet
from benchmarks.timing import Row, paired
from cnnvis.compute.attribute import attribute
from cnnvis.compute.method import Method
from cnnvis.compute.methods import Lime, Occlusion
from cnnvis.compute.trace import trace
from cnnvis.model.network import Network
from cnnvis.model.target import Target


def occlusion_resnet20() -> Row:
    """101 evaluations of a CIFAR-10 image."""
    return _against_forward("resnet20", lambda: Occlusion(), pairs=9)


def occlusion_squeezenet() -> Row:
    """About 400 evaluations of a photograph."""
    return _against_forward("squeezenet1_0", lambda: Occlusion(), pairs=3)


def lime_resnet20() -> Row:
    """512 evaluations of a CIFAR-10 image."""
    return _against_forward("resnet20", lambda: Lime(n_samples=512), pairs=9)


def lime_squeezenet() -> Row:
    """256 evaluations of a photograph."""
    return _against_forward("squeezenet1_0", lambda: Lime(n_samples=256), pairs=3)


def occlusion_resnet50() -> Row:
    """37 evaluations of a picture of 224 pixels, in the shape of ResNet-50 with random weights."""
    return _of_resnet50(Occlusion(window=64, stride=32))


def lime_resnet50() -> Row:
    """256 evaluations of a picture of 224 pixels, in the shape of ResNet-50 with random weights."""
    return _of_resnet50(Lime(n_samples=64))


def _of_resnet50(method: Method) -> Row:
    torch.manual_seed(0)
    model, x = resnet((3, 4, 6, 3)), torch.rand(3, 224, 224)
    return _paired("ResNet-50's shape", model, trace(model, x), x, method, size=12, pairs=5)


def _against_forward(name: Literal["resnet20", "squeezenet1_0"], made: Callable[[], Method], *, pairs: int) -> Row:
    """A published network and one of its images."""
    model, data = published(name, 2)
    network = trace(model, data[0][0], classes=data.classes)
    called, size = ("ResNet-20", 128) if name == "resnet20" else ("SqueezeNet 1.0", 12)
    return _paired(called, model, network, data[0], made(), size=size, pairs=pairs)


def _paired(
    called: str, model: nn.Module, network: Network, sample: Any, method: Method, *, size: int, pairs: int
) -> Row:
    """Beside the network on the same number of copies, in batches of the size that the method uses."""
    target = Target(network.output, (3,))
    x = sample[0] if isinstance(sample, tuple) else sample
    n = method.cost(network).forward
    batches = [x.clone() for x in torch.as_tensor(x)[None].repeat(n, 1, 1, 1).split(size)]

    def bare() -> None:
        with torch.inference_mode():
            for inputs in batches:
                model(inputs)

    return paired(
        f"{method.title} / bare forward, {called}",
        bare,
        lambda: attribute(model, network, sample, target, method),
        asked="≤ 1.05",
        pairs=pairs,
        note=f"{n} evaluations",
    )
