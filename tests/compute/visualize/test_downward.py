"""Neurons driven down are read before what holds them at zero."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import cnnvis as cv
from cnnvis.compute.trace import trace
from cnnvis.compute.visualize.downward import unrectified
from cnnvis.compute.visualize.objectives import own
from cnnvis.errors import InvalidValue
from cnnvis.model.network import Network
from cnnvis.model.target import Target
from cnnvis.sources.dataset import dataset

DOWN = cv.methods.FeatureVisualization(24, toward="min", compare=12)


class Fire(nn.Module):
    """Two rectified branches, joined and averaged."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(3, 6, 3, padding=1)
        self.plain = nn.Conv2d(10, 5, 1)

    def forward(self, x: Tensor) -> Tensor:
        joined = torch.cat([F.relu(self.one(x)), F.relu(self.two(x))], 1)
        return F.relu(self.plain(joined)).mean((2, 3))


def fire() -> tuple[Fire, Network]:
    torch.manual_seed(0)
    model = Fire().eval()
    return model, trace(model, torch.randn(3, 64, 64))


def pictures() -> object:
    return dataset(np.random.default_rng(0).integers(0, 256, (12, 64, 64, 3), dtype=np.uint8), mean=(0.5,), std=(0.2,))


def test_a_rectifier_before_a_join_or_a_mean_is_found() -> None:
    network = fire()[1]
    join = next(layer.name for layer in network.drawn if layer.kind == "cat")
    assert unrectified(network, Target(join, (2,))) == (own("one"), Target("one", (2,)))
    assert unrectified(network, Target(join, (7,))) == (own("two"), Target("two", (3,)))
    across = Target(join, (2, 7))
    assert unrectified(network, across) == (join, across)
    assert unrectified(network, Target(network.output, (1,))) == (own("plain"), Target("plain", (1,)))


def test_neurons_of_several_branches_are_driven_below_zero_in_one_batch() -> None:
    model, network = fire()
    join = next(layer.name for layer in network.drawn if layer.kind == "cat")
    found = cv.icons(model, network, join, [7, 2, 8], DOWN, data=pictures())  # type: ignore[arg-type]
    assert found.way == "min"
    assert (found.drive < 0).all()
    assert found.beyond == 1.0
    alone = cv.icons(model, network, "two", [3], DOWN, data=pictures())  # type: ignore[arg-type]
    assert found.drive[0] == pytest.approx(alone.drive[0], rel=1e-3)
    assert found.strongest[0] == pytest.approx(alone.strongest[0], rel=1e-5)


def test_how_far_down_real_images_drive_a_neuron_is_read_before_its_rectifier() -> None:
    model, network = fire()
    data = pictures()
    found = cv.icons(model, network, "two", [3], DOWN, data=data)  # type: ignore[arg-type]
    inputs = torch.stack([torch.as_tensor(data[i][0]) for i in range(12)])  # type: ignore[index]
    with torch.no_grad():
        lowest = model.two(inputs)[:, 3].mean((1, 2)).min()
    assert found.strongest[0] == pytest.approx(float(lowest), rel=1e-4)


def test_a_picture_drawn_down_says_how_far() -> None:
    model, network = fire()
    found = cv.visualize(model, network, Target("two", (3,)), DOWN, data=pictures())  # type: ignore[arg-type]
    assert found.drive[0] < found.facts["strongest"]
    assert found.facts["says"].startswith("Drives its target down to −")
    both = cv.methods.FeatureVisualization(24, toward="both", images=2)
    up = cv.visualize(model, network, Target("two", (3,)), both)
    assert (up.drive[:2] > 0).all()
    assert (up.drive[2:] < 0).all()


def test_several_icons_of_each_neuron_lie_together() -> None:
    model, network = fire()
    several = cv.methods.FeatureVisualization(16, images=3)
    found = cv.icons(model, network, "two", [1, 4], several)
    assert (found.way, found.copies, found.values.shape[0], found.drive.shape) == ("diverse", 3, 6, (6,))
    alone = cv.icons(model, network, "two", [4], several)
    assert np.abs(found.values[3:].astype(int) - alone.values).mean() < 1
    with pytest.raises(InvalidValue, match="'max' or 'min' for icons; got 'both'"):
        cv.icons(model, network, "two", [1], cv.methods.FeatureVisualization(16, toward="both"))


def test_coarse_icons_have_the_size_of_finished_ones() -> None:
    torch.manual_seed(0)
    model = Fire().eval()
    network = trace(model, torch.randn(3, 160, 160))
    whole = cv.methods.FeatureVisualization(64)
    seen: list[int] = []
    plain = model.one.forward

    def watched(x: Tensor) -> Tensor:
        seen.append(x.shape[-1])
        return plain(x)

    model.one.forward = watched  # type: ignore[method-assign]
    coarse = cv.icons(model, network, network.output, [0], whole, coarse=True)
    assert coarse.drawn(0) == 32
    assert coarse.values.shape == (1, 80, 80, 3)
    assert seen[-1] == 40
