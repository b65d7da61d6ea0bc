"""What it costs to ask what a unit is for: contributions, and knock-outs that are replayed."""

from __future__ import annotations

import torch
from torch import nn

from benchmarks.material import Held, published
from benchmarks.timing import Row, paired
from cnnvis.compute.ablate import ablate
from cnnvis.compute.contribute import contribute
from cnnvis.compute.record import batch_size, record
from cnnvis.compute.replay import Cache
from cnnvis.compute.trace import trace


def contribute_resnet20() -> Row:
    """All 28 recorded layers of ResNet-20, 1,000 CIFAR-10 images."""
    model, data = published("resnet20", 1000)
    return _against_backward("contribute / bare forward + backward, ResNet-20", model, data, pairs=5)


def contribute_squeezenet() -> Row:
    """All recorded layers of SqueezeNet, 64 photographs."""
    model, data = published("squeezenet1_0", 64)
    return _against_backward("contribute / bare forward + backward, SqueezeNet 1.0", model, data, pairs=5)


def _against_backward(what: str, model: nn.Module, data: Held, *, pairs: int) -> Row:
    """Beside a pass that differentiates the own logits with respect to the images, the weights frozen."""
    network = trace(model, data[0][0], classes=data.classes)
    activations = record(model, network, data, device="cpu")
    batch = batch_size(network, torch.device("cpu"))
    batches = list(zip(data.batches(batch), torch.as_tensor(data.labels).clamp(min=0).split(batch)))

    def bare() -> None:
        for parameter in model.parameters():
            parameter.requires_grad_(False)
        for images, labels in batches:
            inputs = images.clone().requires_grad_()
            own = model(inputs).flatten(1).gather(1, labels[:, None])
            torch.autograd.grad(own.sum(), inputs)

    return paired(
        what,
        bare,
        lambda: contribute(model, network, activations, device="cpu", batch=batch),
        asked="≤ 1.30",
        pairs=pairs,
        note=f"{len(data)} images in batches of {batch}, every recorded layer",
    )


def ablate_resnet20() -> Row:
    """A quarter of the middle stage's last block, 1,000 images."""
    model, data = published("resnet20", 1000)
    return _against_forward("knock-out / bare forward, ResNet-20", model, data, "layer2.2/add#0", pairs=5)


def ablate_squeezenet() -> Row:
    """A quarter of the fourth Fire module, of eight, 64 photographs."""
    model, data = published("squeezenet1_0", 64)
    return _against_forward("knock-out / bare forward, SqueezeNet 1.0", model, data, "features.7/cat#0", pairs=5)


def _against_forward(what: str, model: nn.Module, data: Held, layer: str, *, pairs: int) -> Row:
    """A knock-out whose start the cache knows, beside a pass through the whole network."""
    network = trace(model, data[0][0], classes=data.classes)
    activations = record(model, network, data, device="cpu")
    batch = batch_size(network, torch.device("cpu"))
    batches = data.batches(batch)
    units = range(network[layer].n_units // 4)

    def bare() -> None:
        with torch.inference_mode():
            for inputs in batches:
                model(inputs)

    with Cache() as cache:
        return paired(
            what,
            bare,
            lambda: ablate(model, network, activations, {layer: units}, cache=cache, device="cpu", batch=batch),
            asked="≤ 0.50",
            pairs=pairs,
            note=f"{len(data)} images, {len(units)} units of {layer}, cache warm",
        )
