"""The value of a target for many changed copies of one input."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from states import state_of
from torch import Tensor, nn

from cnnvis.compute.evaluations import Evaluations
from cnnvis.compute.probe import probe
from cnnvis.compute.subject import subject
from cnnvis.compute.trace import trace
from cnnvis.model.target import Target


def asked(model: nn.Module, x: Tensor, unit: int, copies: Tensor) -> np.ndarray:
    network = trace(model, x)
    with probe(model, network) as opened:
        ask = Evaluations(opened, subject(opened, x[None]), Target(network.output, (unit,)), value="probability")
        return ask(copies)


def classifier(*last: nn.Module) -> nn.Module:
    torch.manual_seed(0)
    pooled = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3))
    return nn.Sequential(*pooled, *last).eval()


def test_a_probability_is_the_softmax_of_the_logits() -> None:
    model, copies = classifier(), torch.randn(5, 3, 8, 6)
    with torch.no_grad():
        expected = torch.softmax(model(copies), 1)[:, 1]
    np.testing.assert_allclose(asked(model, copies[0], 1, copies), expected.numpy(), atol=1e-6)


def test_an_output_that_went_through_a_softmax_is_a_probability_already() -> None:
    model, copies = classifier(nn.Softmax(1)), torch.randn(5, 3, 8, 6)
    with torch.no_grad():
        expected = model(copies)[:, 1]
    np.testing.assert_allclose(asked(model, copies[0], 1, copies), expected.numpy(), atol=1e-6)


def test_one_output_for_two_classes_goes_through_a_sigmoid() -> None:
    torch.manual_seed(0)
    model, copies = nn.Sequential(nn.Flatten(), nn.Linear(144, 1)).eval(), torch.randn(5, 3, 8, 6)
    with torch.no_grad():
        expected = torch.sigmoid(model(copies))[:, 0]
    np.testing.assert_allclose(asked(model, copies[0], 0, copies), expected.numpy(), atol=1e-6)


def test_a_dense_output_has_a_probability_at_each_place() -> None:
    torch.manual_seed(0)
    model, copies = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 3, 1)).eval(), torch.randn(5, 3, 8, 6)
    with torch.no_grad():
        expected = torch.softmax(model(copies), 1)[:, 2].mean((1, 2))
    np.testing.assert_allclose(asked(model, copies[0], 2, copies), expected.numpy(), atol=1e-6)


class Viewed(nn.Module):
    """A network that takes no channels last: it calls `view`."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.bn = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)
        self.fc = nn.Linear(4 * 6 * 4, 3)
        with torch.no_grad():
            self.bn.running_mean += torch.randn(4)
            self.bn.running_var *= 1 + torch.rand(4)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(torch.relu(self.bn(self.conv(x))).view(len(x), -1))


class Reshaped(Viewed):
    """The same, which takes them."""

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(torch.relu(self.bn(self.conv(x))).reshape(len(x), -1))


@pytest.mark.parametrize("kind", [Viewed, Reshaped])
def test_many_copies_have_the_values_of_few_whether_the_network_takes_the_fast_way_or_not(kind: Any) -> None:
    torch.manual_seed(0)
    model, copies = kind().eval(), torch.randn(200, 3, 8, 6)
    network = trace(model, copies[0])
    before = state_of(model)
    with torch.no_grad():
        expected = model(copies)[:, 1]
    with probe(model, network) as opened:
        about = subject(opened, copies[:1])
        ask = Evaluations(opened, about, Target(network.output, (1,)), total=len(copies))
        found = ask(copies)
    np.testing.assert_allclose(found, expected.numpy(), atol=1e-5)
    assert ask.n == len(copies)
    assert state_of(model) == before


def test_many_copies_are_asked_with_batchnorm_folded() -> None:
    torch.manual_seed(0)
    model, x = Reshaped().eval(), torch.randn(3, 8, 6)
    network = trace(model, x)
    ran: list[int] = []

    class Counted(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            ran.append("batch_norm" in str(func))
            return func(*args, **(kwargs or {}))

    with probe(model, network) as opened:
        for total, expected in ((64, 0), (1, 1)):
            ask = Evaluations(opened, subject(opened, x[None]), Target(network.output, (1,)), total=total)
            ran.clear()
            with Counted():
                ask(x[None])
            assert sum(ran) == expected
