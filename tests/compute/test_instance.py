"""One image through a network agrees with its row of a recording, and with plain gradients."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from nets import Chain, Residual
from states import state_of
from torch import nn

import cnnvis as cv
from cnnvis.compute.instance import confidences, instance
from cnnvis.errors import UnreadableSample


def pictures(n: int = 5, side: int = 12) -> np.ndarray:
    return np.random.default_rng(2).normal(size=(n, 3, side, side)).astype(np.float32)


@pytest.mark.parametrize("make", [Chain, Residual])
def test_responses_and_scores_are_those_of_the_recording(make: type[nn.Module]) -> None:
    torch.manual_seed(0)
    model, data = make().eval(), cv.dataset(pictures())
    network = cv.trace(model, data[0][0])
    recorded = cv.record(model, network, data, device="cpu")
    before = state_of(model)
    found = instance(model, network, data, 3, device="cpu")
    assert state_of(model) == before
    for layer, responses in recorded.layers.items():
        np.testing.assert_allclose(found.responses[layer], responses.pooled[3], rtol=2e-3, atol=1e-4)  # type: ignore[index]
    row = recorded.samples
    np.testing.assert_allclose(found.scores[row.ranked[3]], row.scores[3], rtol=1e-4)
    assert found.scores.sum() == pytest.approx(1.0, rel=1e-5)
    assert found.picture is not None
    assert found.picture.shape == (12, 12, 3)


def test_contributions_are_activation_times_slope() -> None:
    torch.manual_seed(1)
    model, data = Chain().eval(), cv.dataset(pictures())
    network = cv.trace(model, data[0][0])
    found = instance(model, network, data, 1, device="cpu")
    x = torch.from_numpy(data[1][0])[None]
    maps = torch.relu(model.bn1(model.conv1(x))).detach().requires_grad_()
    later = torch.relu(model.conv2(model.pool(maps)))
    logits = model.fc(later.mean((2, 3)))
    (slope,) = torch.autograd.grad(logits[0, int(found.scores.argmax())], maps)
    np.testing.assert_allclose(found.contributions["conv1"], (maps * slope).sum((0, 2, 3)).detach(), rtol=1e-4)


def test_the_sum_of_contributions_behind_a_linear_end_is_the_logit() -> None:
    torch.manual_seed(1)
    model, data = Chain().eval(), cv.dataset(pictures())
    model.fc.bias.data.zero_()
    network = cv.trace(model, data[0][0])
    found = instance(model, network, data, 1, device="cpu")
    with torch.no_grad():
        logit = model(torch.from_numpy(data[1][0])[None]).max()
    assert found.contributions["conv2"].sum() == pytest.approx(float(logit), rel=1e-4)


def test_classes_that_exclude_nobody_are_scored_each_alone() -> None:
    torch.manual_seed(0)
    model, data = Chain().eval(), cv.dataset(pictures())
    network = cv.trace(model, data[0][0])
    outputs = np.array([0.0, 2.0, -1.0, 0.5, 0.1], np.float32)
    np.testing.assert_allclose(confidences(network, outputs, several=True), 1 / (1 + np.exp(-outputs)), rtol=1e-6)
    np.testing.assert_allclose(confidences(network, outputs), np.exp(outputs) / np.exp(outputs).sum(), rtol=1e-6)


def test_a_sample_that_cannot_be_read_says_why() -> None:
    torch.manual_seed(0)
    values = pictures()
    model, data = Chain().eval(), cv.dataset(values)
    network = cv.trace(model, data[0][0])
    values[2] = np.nan
    with pytest.raises(UnreadableSample, match="not finite"):
        instance(model, network, data, 2, device="cpu")
