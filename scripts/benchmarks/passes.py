"""What it costs to run the network: trace, record, and the memory of a long pass."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import torch
from torch import nn

from benchmarks.material import Held, Noise, published, resnet, vgg16
from benchmarks.timing import Row, paired, peak_megabytes, timed
from cnnvis.compute.record import batch_size, record
from cnnvis.compute.trace import trace


def record_resnet20() -> Row:
    """One pass over 2,000 CIFAR-10 images."""
    model, data = published("resnet20", 2000)
    return _against_bare("record / bare forward, ResNet-20", model, data, pairs=7)


def record_squeezenet() -> Row:
    """One pass over 128 photographs."""
    model, data = published("squeezenet1_0", 128)
    return _against_bare("record / bare forward, SqueezeNet 1.0", model, data, pairs=5)


def record_vgg16() -> Row:
    """One pass over 32 random pictures of 224×224."""
    torch.manual_seed(1)
    data = Held(torch.randn(32, 3, 224, 224), torch.arange(32).numpy() % 10, tuple("0123456789"))
    return _against_bare("record / bare forward, VGG-16-shaped", vgg16(), data, pairs=3)


def _against_bare(what: str, model: nn.Module, data: Held, *, pairs: int) -> Row:
    network = trace(model, data[0][0], classes=data.classes)
    batch = batch_size(network, torch.device("cpu"))
    batches = data.batches(batch)

    def bare() -> None:
        with torch.inference_mode():
            for inputs in batches:
                model(inputs)

    return paired(
        what,
        bare,
        lambda: record(model, network, data, device="cpu", batch=batch),
        asked="≤ 1.10",
        pairs=pairs,
        note=f"{len(data)} images in batches of {batch}",
    )


def trace_152() -> Row:
    """The graph of the 152-layer network at 224×224."""
    model, example = resnet(), torch.zeros(3, 224, 224)
    return timed("trace, 152-layer residual network, 224×224", lambda: trace(model, example), asked="< 1 s", repeats=7)


def memory() -> list[Row]:
    """Peak memory of a pass over 1,000 and over 10,000 images, each in a process of its own."""
    peaks = []
    for n in (1_000, 10_000):
        code = f"from benchmarks.passes import peak_of_pass; print(peak_of_pass({n}))"
        folder = Path(__file__).resolve().parents[1]
        command = [sys.executable, "-c", f"import sys; sys.path[:0] = {[str(folder.parent), str(folder)]!r}; {code}"]
        run = subprocess.run(command, capture_output=True, text=True, check=True)
        peaks.append(float(run.stdout.split()[-1]))
    rows = [Row(f"peak memory of record, {n} images", f"{p:.0f} MB") for n, p in zip(("1,000", "10,000"), peaks)]
    return [*rows, Row("peak memory, 10,000 / 1,000 images", f"{peaks[1] / peaks[0]:.2f}", "≤ 1.10")]


def peak_of_pass(n: int) -> float:
    """The peak memory in MB of one pass of a small residual network over n images that are made on the way."""
    data = Noise(n)
    model = resnet((1, 1, 1, 1), classes=10)
    network = trace(model, torch.as_tensor(data[0][0]), classes=data.classes)
    record(model, network, data, device="cpu")
    return peak_megabytes()
