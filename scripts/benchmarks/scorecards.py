"""What it costs to judge an explanation, beside what was foretold."""

from __future__ import annotations

import statistics
from typing import Literal

from benchmarks.material import published
from benchmarks.timing import Row, seconds
from cnnvis.compute.attribute import attribute
from cnnvis.compute.method import Method
from cnnvis.compute.methods import FittedCam, GradCam, Occlusion, SmoothGrad
from cnnvis.compute.scorecard.card import cost, scorecard
from cnnvis.compute.trace import trace
from cnnvis.model.target import Target


def scorecard_resnet20() -> list[Row]:
    """All measures on one CIFAR-10 image, of methods of two passes, by perturbation, by many slopes, that learn."""
    some = (GradCam(), 5), (Occlusion(), 3), (SmoothGrad(), 3), (FittedCam(), 3)
    return [_foretold("resnet20", method, pairs) for method, pairs in some]


def scorecard_squeezenet() -> list[Row]:
    """All measures on one photograph."""
    return [_foretold("squeezenet1_0", GradCam(), 3), _foretold("squeezenet1_0", SmoothGrad(), 1)]


def _foretold(name: Literal["resnet20", "squeezenet1_0"], method: Method, pairs: int) -> Row:
    """The ratio of the seconds it took to those foretold just before, in pairs."""
    model, data = published(name, 40 if name == "resnet20" else 4)
    network = trace(model, data[0][0], classes=data.classes)
    target = Target(network.output, (int(data.labels[0]),))
    found = attribute(model, network, data[0], target, method, data=data)
    asked = (model, network, data[0], found, method)
    ratios, foretold, took = [], [], []
    for _ in range(pairs):  # the first forecast is also the first pass: nothing is warmed up for it
        known = cost(*asked, data=data)
        real = seconds(lambda: scorecard(*asked, data=data))
        foretold.append(known.seconds)
        took.append(real)
        ratios.append(real / known.seconds)
    beside = f"{statistics.median(took):.2f} s against {statistics.median(foretold):.2f} s"
    return Row(
        f"scorecard / foretold, {method.title} on {name}",
        f"{statistics.median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f} in {pairs} pairs)",
        "0.80–1.20",
        f"{beside}; {known.evaluations:,} evaluations, {known.runs} runs",
    )
