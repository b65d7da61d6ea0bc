"""Caricature and activation grid: what a layer makes of one image, drawn."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from cnnvis.compute.attribute import attribute
from cnnvis.compute.methods import ActivationGrid, Caricature
from cnnvis.compute.methods.activation_grid import factors
from cnnvis.compute.trace import trace
from cnnvis.compute.visualize.normalise import usual
from cnnvis.errors import InvalidValue
from cnnvis.model.attribution import Picture
from cnnvis.model.network import Network
from cnnvis.model.target import Target


def small() -> tuple[nn.Sequential, Network, torch.Tensor]:
    torch.manual_seed(0)
    steps = (nn.Conv2d(3, 6, 3, padding=1), nn.ReLU(), nn.Conv2d(6, 8, 3, padding=1), nn.ReLU(inplace=True))
    head = (nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 3))
    model, x = nn.Sequential(*steps, *head).eval(), torch.randn(3, 16, 12)
    return model, trace(model, x), x


def drawn(method: Caricature | ActivationGrid, x: torch.Tensor | None = None, unit: int = 1) -> Picture:
    model, network, sample = small()
    target = Target(network.output, (unit,))
    found = attribute(model, network, sample if x is None else x, target, method).evidence
    assert isinstance(found, Picture)
    return found


def test_a_caricature_answers_in_the_direction_of_its_sample_and_further() -> None:
    model, _, x = small()
    found = drawn(Caricature(steps=128))
    assert found.values.shape == (1, 16, 12, 3)
    assert found.facts["layer"] == "2"
    with torch.no_grad():
        inputs = usual(3)(torch.from_numpy(found.values).permute(0, 3, 1, 2) / 255)
        response, wanted = (model[:4](z).flatten() for z in (inputs, x[None]))
    cosine = float(response @ wanted / (response.norm() * wanted.norm()))
    assert found.facts["cosine"] == pytest.approx(cosine, abs=0.02)
    assert found.drive[0] == pytest.approx(float(response @ wanted / (wanted @ wanted)), rel=0.03)
    early = drawn(Caricature(steps=1))
    assert found.drive[0] > early.drive[0]
    faithful, strong = (drawn(Caricature(steps=64, cosine=power)).facts["cosine"] for power in (4.0, 0.0))
    assert faithful > strong


def test_a_caricature_depends_on_its_sample_and_its_layer() -> None:
    _, _, x = small()
    found = drawn(Caricature(steps=16)).values
    assert drawn(Caricature(steps=16)).values.tobytes() == found.tobytes()
    assert drawn(Caricature(steps=16), x.flip(1)).values.tobytes() != found.tobytes()
    assert drawn(Caricature("0", steps=16)).values.tobytes() != found.tobytes()


def test_a_grid_has_a_map_a_share_and_an_image_for_each_part() -> None:
    found = drawn(ActivationGrid(parts=3, steps=16))
    assert found.values.shape == (3, 16, 12, 3)
    assert np.shape(found.facts["maps"]) == (3, 16, 12)
    assert np.max(found.facts["maps"]) == 1
    assert sum(found.facts["shares"]) == pytest.approx(1, abs=1e-3)
    assert list(found.facts["shares"]) == sorted(found.facts["shares"], reverse=True)
    assert 0.5 < found.facts["explained"] <= 1
    assert "says" not in found.facts


def test_parts_are_found_where_they_were_put() -> None:
    places = np.zeros((20, 6), np.float32)
    places[:8, :3] = [1, 2, 3]
    places[8:, 3:] = [0.5, 0.5, 0.1]
    weights, vectors = factors(places, 2, 0)
    np.testing.assert_allclose(weights @ vectors, places, atol=1e-3)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-9)
    assert (weights[:8, 0] > 1).all()
    assert (weights[8:, 0] < 1e-3).all()


def test_what_a_layer_without_rectifier_loses_is_said() -> None:
    model, _, x = small()
    plain = nn.Sequential(model[0], nn.Conv2d(6, 8, 3, padding=1), *model[4:])
    found = attribute(plain, trace(plain, x), x, Target("1", (0,)), ActivationGrid(parts=2, steps=2)).evidence
    assert "is left out" in found.facts["says"]


def test_a_sample_that_wakes_nothing_is_refused_in_a_sentence() -> None:
    model, network, x = small()
    with torch.no_grad():
        model[2].bias.fill_(-100.0)
    for method in (Caricature(steps=2), ActivationGrid(steps=2)):
        with pytest.raises(InvalidValue, match="must wake 2"):
            attribute(model, network, x, Target(network.output, (0,)), method)


def test_what_does_not_fit_is_said() -> None:
    with pytest.raises(InvalidValue, match=r"Caricature\.steps must be at least 1"):
        drawn(Caricature(steps=0))
    with pytest.raises(InvalidValue, match=r"ActivationGrid\.parts and steps"):
        drawn(ActivationGrid(parts=0))
    with pytest.raises(InvalidValue, match=r"Caricature\.mean and std must be given together"):
        drawn(Caricature(mean=(0.5,)))
