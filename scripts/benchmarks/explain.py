"""What it costs to explain by perturbation: beside the forward passes of the same number of copies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch

from benchmarks.material import published
from benchmarks.timing import Row, paired
from cnnvis.compute.attribute import attribute
from cnnvis.compute.method import Method
from cnnvis.compute.methods import Lime, Occlusion
from cnnvis.compute.trace import trace
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


def _against_forward(name: Literal["resnet20", "squeezenet1_0"], made: Callable[[], Method], *, pairs: int) -> Row:
    """Beside the network on the same number of copies, in batches of the size that the method uses."""
    model, data = published(name, 2)
    network = trace(model, data[0][0], classes=data.classes)
    target, method = Target(network.output, (3,)), made()
    n, size = method.cost(network).forward, 128 if name == "resnet20" else 12
    batches = [x.clone() for x in data.inputs[:1].repeat(n, 1, 1, 1).split(size)]

    def bare() -> None:
        with torch.inference_mode():
            for inputs in batches:
                model(inputs)

    return paired(
        f"{method.title} / bare forward, {'ResNet-20' if name == 'resnet20' else 'SqueezeNet 1.0'}",
        bare,
        lambda: attribute(model, network, data[0], target, method),
        asked="≤ 1.05",
        pairs=pairs,
        note=f"{n} evaluations",
    )
