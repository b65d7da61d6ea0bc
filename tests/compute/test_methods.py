"""What is true of every explanation method."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import is_dataclass

import numpy as np
import pytest
import torch
from torch import nn

from cnnvis.compute.attribute import attribute, parameters
from cnnvis.compute.method import Method
from cnnvis.compute.methods import EVERY, GradCam, Saliency, by_title
from cnnvis.compute.trace import trace
from cnnvis.errors import InvalidValue, UnknownName
from cnnvis.model.attribution import Map
from cnnvis.model.network import Network
from cnnvis.model.target import Target


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Tiny tensors are faster without threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def small() -> tuple[nn.Module, Network, torch.Tensor]:
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)
    ).eval()
    x = torch.randn(3, 8, 12)
    return model, trace(model, x), x


@pytest.mark.parametrize("kind", EVERY, ids=lambda kind: kind.__name__)
def test_a_method_is_a_frozen_dataclass_that_can_be_found_by_its_title(kind: type[Method]) -> None:
    assert is_dataclass(kind)
    method = kind()
    assert all((method.title, method.paper, method.family, method.takes))
    assert by_title(method.title, parameters(method)) == method
    assert by_title(kind.__name__) == method
    assert kind.__dataclass_params__.frozen  # type: ignore[attr-defined]


def test_titles_differ() -> None:
    assert len({kind.title for kind in EVERY}) == len(EVERY)


def test_an_unknown_method_or_parameter_is_named_with_what_is_meant() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'Grad-CAM'"):
        by_title("Grad-CAN")
    with pytest.raises(InvalidValue, match="Did you mean 'layer'"):
        by_title("Grad-CAM", {"layr": "conv1"})


def test_saliency_is_the_strongest_slope_of_the_channels() -> None:
    model, network, x = small()
    leaf = x.clone().requires_grad_()
    model(leaf[None])[0, 1].backward()
    assert leaf.grad is not None
    found = attribute(model, network, x, Target(network.output, (1,)), Saliency()).evidence
    assert isinstance(found, Map)
    np.testing.assert_allclose(found.values, leaf.grad.abs().amax(0).numpy(), atol=1e-6)
    summed = attribute(model, network, x, Target(network.output, (1,)), Saliency("sum")).evidence
    assert isinstance(summed, Map)
    np.testing.assert_allclose(summed.values, leaf.grad.sum(0).numpy(), atol=1e-6)


def test_the_same_question_has_the_same_key() -> None:
    model, network, x = small()
    first, again = (
        attribute(model, network, x, Target(network.output, (1,)), GradCam(), image="cat.png") for _ in range(2)
    )
    other = attribute(model, network, x, Target(network.output, (2,)), GradCam(), image="cat.png")
    assert first.key == again.key
    assert first.key != other.key
