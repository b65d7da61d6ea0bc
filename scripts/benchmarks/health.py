"""What it costs to measure health: one forward and backward pass over 64 images, with every layer's gradient."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from benchmarks.material import published
from benchmarks.timing import Row, paired
from cnnvis.compute.diagnose import diagnose
from cnnvis.compute.record import record
from cnnvis.compute.trace import trace


def diagnose_resnet20() -> Row:
    """64 CIFAR-10 images; beside a step of training without the optimiser."""
    model, data = published("resnet20", 64)
    network = trace(model, data[0][0], classes=data.classes)
    activations = record(model, network, data, device="cpu")
    (images,), labels = data.batches(64), torch.as_tensor(data.labels)

    def bare() -> None:
        for parameter in model.parameters():
            parameter.requires_grad_(True)
        torch.autograd.grad(F.cross_entropy(model(images), labels), list(model.parameters()))

    return paired(
        "diagnose / bare forward + backward, ResNet-20",
        bare,
        lambda: diagnose(model, network, activations, device="cpu"),
        asked="",
        pairs=7,
        note="64 images; gradients of all weights and all units, saturation, signs",
    )
