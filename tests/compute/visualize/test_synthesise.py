"""The verbs `visualize` and `icons`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import cnnvis as cv
from cnnvis.compute.record import record
from cnnvis.compute.trace import trace
from cnnvis.errors import Cancelled, InvalidValue
from cnnvis.model.network import Network
from cnnvis.model.synthesis import Icons
from cnnvis.model.target import Target
from cnnvis.sources.dataset import dataset

QUICK = cv.methods.FeatureVisualization(24, compare=8)


class Wide(nn.Module):
    """Takes images of any size up to its classifier, which does not."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 6, 3, stride=2, padding=1)
        self.conv2 = nn.Conv2d(6, 8, 3, stride=2, padding=1)
        self.fc = nn.Linear(8 * 24 * 24, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(F.relu(self.conv2(F.relu(self.conv1(x)))).flatten(1))


def wide() -> tuple[Wide, Network]:
    torch.manual_seed(0)
    model = Wide().eval()
    return model, trace(model, torch.randn(3, 96, 96))


def pictures() -> Any:
    return dataset(np.random.default_rng(0).integers(0, 256, (12, 96, 96, 3), dtype=np.uint8), mean=(0.5,), std=(0.2,))


def test_several_targets_give_a_picture_each_and_one_gives_one() -> None:
    model, network = wide()
    one = cv.visualize(model, network, Target("conv2", (3,)), QUICK)
    several = cv.visualize(model, network, [Target("conv2", (1,)), Target("conv2", (3,))], QUICK)
    assert one.values.shape == (1, 96, 96, 3)
    assert "ratio" not in one.facts
    assert len(several) == 2
    assert np.abs(several[1].values.astype(int) - one.values).mean() < 1
    assert several[0].values.tobytes() != several[1].values.tobytes()


def test_the_data_say_how_to_normalise_and_what_real_images_do() -> None:
    model, network = wide()
    found = cv.visualize(model, network, Target("conv2", (3,)), QUICK, data=pictures())
    plain = cv.visualize(model, network, Target("conv2", (3,)), QUICK)
    assert found.facts["strongest"] > 0
    assert found.facts["ratio"] == pytest.approx(found.drive[0] / found.facts["strongest"])
    assert found.values.tobytes() != plain.values.tobytes()


def test_a_recording_knows_the_strongest_image_without_a_pass() -> None:
    model, network = wide()
    activations = record(model, network, pictures())
    one = cv.visualize(model, network, Target("conv2", (3,)), QUICK, activations=activations)
    assert one.facts["strongest"] == pytest.approx(activations["conv2"].highest[3].max())
    peak = cv.visualize(model, network, Target("conv2", (3,), reduce="max"), QUICK, activations=activations)
    assert peak.facts["strongest"] == pytest.approx(activations["conv2"].top_values[3].max())
    asked = cv.methods.FeatureVisualization(2, compare=12)
    passed = cv.visualize(model, network, [Target("conv2", (3,))], asked, data=pictures())[0]
    assert passed.facts["strongest"] == pytest.approx(one.facts["strongest"], rel=1e-4)


def test_icons_of_a_layer_are_as_small_as_its_neurons_see() -> None:
    model, network = wide()
    found = cv.icons(model, network, "conv2", method=QUICK, activations=record(model, network, pictures()))
    assert found.units == tuple(range(8))
    assert found.values.shape == (8, 64, 64, 3)
    assert found.drive.shape == found.strongest.shape == (8,)
    assert 0 <= found.beyond <= 1
    picture = found.of(5)
    assert picture is not None
    assert picture.tobytes() == found.values[5].tobytes()


def test_icons_behind_a_fixed_size_are_as_large_as_the_input() -> None:
    model, network = wide()
    found = cv.icons(model, network, "fc", [2, 0], QUICK)
    assert found.values.shape == (2, 96, 96, 3)
    assert found.units == (2, 0)
    assert found.of(1) is None
    assert np.isnan(found.beyond)


def test_all_icons_are_coarse_before_one_is_fine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cnnvis.compute.synthesise._MOST", 3)
    model, network = wide()
    came: list[Icons] = []

    class Watching:
        def __call__(self, done: int, total: int, what: str = "") -> None:
            assert 0 <= done <= total == 24 * 8

        def partial(self, value: Icons) -> None:
            came.append(value)

    found = cv.icons(model, network, "conv2", method=QUICK, progress=Watching())
    assert [(len(x.units), x.drawn(0)) for x in came] == [(3, 16), (6, 16), (8, 16), (8, 24), (8, 24), (8, 24)]
    monkeypatch.setattr("cnnvis.compute.synthesise._MOST", 64)
    at_once = cv.icons(model, network, "conv2", method=QUICK)
    assert np.abs(found.values.astype(int) - at_once.values).mean() < 1


def test_icons_can_be_cancelled_and_are_halved_where_memory_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    model, network = wide()

    def stop(done: int, total: int, what: str = "") -> None:
        if done:
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        cv.icons(model, network, "conv2", method=QUICK, progress=stop)

    plain, sizes = model.conv1.forward, []

    def full(x: Tensor) -> Tensor:
        sizes.append(len(x))
        if len(x) > 2:
            raise RuntimeError("CUDA out of memory")
        return plain(x)

    monkeypatch.setattr(model.conv1, "forward", full)
    found = cv.icons(model, network, "conv2", [0, 1, 2, 3], QUICK)
    assert len(found.values) == 4
    assert 4 in sizes
    assert sizes[-1] == 2


def test_what_does_not_fit_is_said_in_a_sentence() -> None:
    model, network = wide()
    with pytest.raises(InvalidValue, match="at least one unit; got none"):
        cv.icons(model, network, "conv2", [])
    with pytest.raises(InvalidValue, match="below its 8 units; got 8"):
        cv.icons(model, network, "conv2", [8])
    with pytest.raises(InvalidValue, match="at least one; got none"):
        cv.visualize(model, network, [])
    with pytest.raises(InvalidValue, match="must be of one layer"):
        cv.visualize(model, network, [Target("conv1", (0,)), Target("conv2", (0,))])


class Viewing(Wide):
    """Looks at its maps by `view`, which wants them to lie in memory as they usually do."""

    def forward(self, x: Tensor) -> Tensor:
        maps = F.relu(self.conv2(F.relu(self.conv1(x))))
        return self.fc(maps.view(len(maps), -1))


def test_a_network_that_views_its_maps_is_drawn_alike() -> None:
    torch.manual_seed(0)
    model = Viewing().eval()
    network = trace(model, torch.randn(3, 96, 96))
    found = cv.icons(model, network, "fc", [2], QUICK)
    plain = cv.icons(*wide(), "fc", [2], QUICK)
    assert np.abs(found.values.astype(int) - plain.values).mean() < 1
