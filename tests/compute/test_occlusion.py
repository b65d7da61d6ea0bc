"""Occlusion against captum, a linear model, and windows that do not fit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from cnnvis.compute.attribute import attribute
from cnnvis.compute.methods import Occlusion
from cnnvis.compute.trace import trace
from cnnvis.errors import InvalidValue
from cnnvis.model.attribution import Map
from cnnvis.model.network import Network
from cnnvis.model.target import Target


def small(channels: int = 3, size: tuple[int, int] = (12, 17)) -> tuple[nn.Module, Network, torch.Tensor]:
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(channels, 6, 3, padding=1), nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(6 * size[0] * size[1], 3)
    ).eval()
    x = torch.randn(channels, *size)
    return model, trace(model, x), x


def found(model: nn.Module, network: Network, x: Any, method: Occlusion, progress: Any = None) -> Map:
    more = {} if progress is None else {"progress": progress}
    evidence = attribute(model, network, x, Target(network.output, (1,)), method, **more).evidence
    assert isinstance(evidence, Map)
    return evidence


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize(("window", "stride"), [(5, 3), (4, 4), (3, 1), (12, 7)])
def test_it_agrees_with_captum(channels: int, window: int, stride: int) -> None:
    captum = pytest.importorskip("captum.attr")
    model, network, x = small(channels)
    expected = captum.Occlusion(lambda batch: model(batch)[:, 1]).attribute(
        x[None], (channels, window, window), (channels, stride, stride), baselines=0
    )
    values = found(model, network, x, Occlusion(window, stride, "zero")).values
    np.testing.assert_allclose(values, expected[0, 0].detach().numpy(), atol=1e-5)


def test_windows_of_one_pixel_give_the_terms_of_a_linear_model() -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(2 * 5 * 7, 3)).eval()
    x = torch.randn(2, 5, 7, generator=torch.Generator().manual_seed(0))
    terms = (model[1].weight[1].reshape(2, 5, 7) * x).sum(0)
    values = found(model, trace(model, x), x, Occlusion(1, fill="zero")).values
    np.testing.assert_allclose(values, terms.detach().numpy(), atol=1e-5)


def test_the_hottest_box_is_that_of_the_window_with_the_largest_fall() -> None:
    model = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1, 2)).eval()
    with torch.no_grad():
        model[2].weight.fill_(1.0)
    x = torch.zeros(1, 16, 24)
    x[0, 9, 13] = 5.0
    x[0, 11, 14] = 5.0
    evidence = found(model, trace(model, x), x, Occlusion(4, fill="zero"))
    top, left, bottom, right = evidence.facts["hottest"]
    assert (bottom - top, right - left) == (4, 4)
    assert top <= 9
    assert bottom > 11
    assert left <= 13
    assert right > 14


def test_a_picture_may_be_of_any_fill_and_asks_the_cost_it_foretold() -> None:
    model, network, x = small()
    asked = []

    def count(done: int, total: int, what: str = "") -> None:
        asked.append((done, total))

    for fill in ("mean", "zero", "blur"):
        assert np.isfinite(found(model, network, x, Occlusion(fill=fill), count).values).all()
    total = Occlusion().cost(network).forward
    assert asked[-1] == (total, total)


def test_rough_maps_come_before_the_last() -> None:
    class Watching:
        def __init__(self) -> None:
            self.partial_maps: list[Map] = []

        def __call__(self, done: int, total: int, what: str = "") -> None: ...

        def partial(self, value: Map) -> None:
            self.partial_maps.append(value)

    model, network, x = small()
    watching = Watching()
    last = found(model, network, x, Occlusion(2), watching)
    assert len(watching.partial_maps) == 2
    errors = [float(np.abs(early.values - last.values).mean()) for early in watching.partial_maps]
    assert errors[0] > errors[1] > 0


def test_a_probability_needs_a_class() -> None:
    model, network, x = small()
    values = found(model, network, x, Occlusion(6, value="probability")).values
    assert np.abs(values).max() <= 1
    with pytest.raises(InvalidValue, match="Use value='score'"):
        attribute(model, network, x, Target("0", (1,)), Occlusion(value="probability"))


def test_nothing_that_lowers_the_target_is_said() -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 2)).eval()
    with torch.no_grad():
        model[1].weight.fill_(-1.0)
    x = torch.ones(1, 8, 8)
    assert "nowhere" in found(model, trace(model, x), x, Occlusion(fill="zero")).facts["says"]


def test_a_window_that_does_not_fit_is_refused_in_a_sentence() -> None:
    model, network, x = small()
    with pytest.raises(InvalidValue, match=r"must fit into the picture of 12×17 pixels; got 13\. Use None, here 2"):
        found(model, network, x, Occlusion(13))
    with pytest.raises(InvalidValue, match=r"Occlusion\.stride must be 1 to 4"):
        found(model, network, x, Occlusion(4, 5))
    with pytest.raises(InvalidValue, match="fill must be one of"):
        found(model, network, x, Occlusion(fill="black"))  # type: ignore[arg-type]
