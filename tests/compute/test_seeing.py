"""Which neurons see a region of an image."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from cnnvis.compute.seeing import seeing
from cnnvis.compute.trace import trace
from cnnvis.errors import InvalidValue
from cnnvis.model.network import Network
from cnnvis.model.seeing import Seeing


class Channels(nn.Module):
    """Neuron i of its first layer answers to channel i alone."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 1, bias=False)
        with torch.no_grad():
            self.conv.weight.copy_(torch.eye(3)[:, :, None, None])
        self.fc = nn.Linear(3, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(torch.relu(self.conv(x)).mean((2, 3)))


@pytest.fixture(scope="module")
def net() -> tuple[nn.Module, Network, torch.Tensor]:
    """Red in the upper left corner, green in the lower right one, blue everywhere."""
    image = torch.zeros(3, 16, 16)
    image[0, :4, :4], image[1, 12:, 12:], image[2] = 1.0, 1.0, 0.5
    model = Channels()
    return model, trace(model, image), image


def test_the_neuron_that_answers_inside_leads_and_the_others_do_not(net) -> None:
    model, network, image = net
    found = seeing(model, network, image, (0, 0, 8, 8))
    (layer,) = found.inside
    assert found.ranked(layer) == [(0, 1.0)]
    assert found.lead(layer).tolist() == [1.0, -1.0, 0.0]


def test_leads_are_told_in_the_usual_spread(net) -> None:
    model, network, image = net
    found = seeing(model, network, image, (8, 8, 16, 16))
    (layer,) = found.inside
    assert found.ranked(layer, np.array([1.0, 4.0, 1.0])) == [(1, 0.25)]


def test_a_region_smaller_than_a_place_still_has_one(net) -> None:
    model, network, image = net
    found = seeing(model, network, image, (1, 1, 2, 2))
    assert found.ranked(next(iter(found.inside))) == []  # the rest of the red corner answers as much
    assert found.inside[next(iter(found.inside))][0] == 1.0


def test_a_region_that_holds_all_tells_nothing_apart(net) -> None:
    model, network, image = net
    assert dict(seeing(model, network, image, (0, 0, 16, 16)).inside) == {}


def test_a_region_without_an_area_is_refused(net) -> None:
    model, network, image = net
    with pytest.raises(InvalidValue, match="must have an area"):
        seeing(model, network, image, (4, 4, 4, 9))


def test_silent_neurons_see_nothing() -> None:
    found = Seeing((0, 0, 1, 1), {"a": np.array([0.0, -1.0], np.float32)}, {"a": np.array([-1.0, -2.0], np.float32)})
    assert found.ranked("a") == []
