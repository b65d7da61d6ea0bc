"""The spread of responses against a direct count with the network at hand."""

from __future__ import annotations

import numpy as np
import torch
from samples import Held, random_images
from torch import nn

from cnnvis.compute.record import record
from cnnvis.compute.trace import trace
from cnnvis.model.distributions import distributions


def test_the_dead_rate_of_a_rectifier_is_that_of_a_direct_count() -> None:
    torch.manual_seed(3)
    head = (nn.Flatten(), nn.Linear(8 * 196, 16), nn.ReLU(), nn.Linear(16, 3))
    model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), *head)
    model[0].bias.data -= torch.linspace(0, 3.5, 8)
    inputs = random_images(40)
    network = trace(model.eval(), inputs[0])
    found = record(model, network, Held(inputs, np.arange(40) % 3), device="cpu")
    with torch.no_grad():
        maps = model[1](model[0](inputs))
        hidden = model[4](model[3](model[2](maps)))
    for layer, direct in (("0", (maps.amax((2, 3)) <= 0).float().mean(0)), ("3", (hidden <= 0).float().mean(0))):
        rate = distributions(found, network, layer).dead
        np.testing.assert_allclose(rate, direct.numpy(), atol=1e-7)
        np.testing.assert_allclose(rate, found.dead_fraction(layer), atol=1e-7)
        assert 0 < rate.mean() < 1
