"""The value of a target for many changed copies of one input."""

from __future__ import annotations

import numpy as np
import torch
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
