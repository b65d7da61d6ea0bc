"""What measured health says: bad values, gradients, saturation, signs, layers that did not move."""

from __future__ import annotations

import numpy as np
import pytest
from sessions import made_up_network

from cnnvis.model.findings.finding import Finding
from cnnvis.model.findings.weights import from_health, sensitivities
from cnnvis.model.measurements import Health, LayerHealth

NAN = float("nan")


def layer(name: str, **values: float) -> LayerHealth:
    """A layer in good health, but where the test says otherwise."""
    usual = {
        "dead": 0.0, "mean": 1.0, "spread": 1.0, "saturated": 0.0, "negative": 0.5, "negative_mass": 0.5, "norm": 2.0,
        "gradient": 0.1, "ratio": 0.05,
    }  # fmt: skip
    return LayerHealth(name, **{**usual, **values}, unit_gradients=np.ones(3))  # type: ignore[arg-type]


def said(*layers: LayerHealth, compared: str = "") -> list[Finding]:
    found = {x.layer: x for x in (layer("conv1"), layer("conv2"), layer("fc"))}
    found |= {x.layer: x for x in layers}
    return from_health(Health(found, 64, compared), made_up_network())


def test_a_healthy_network_raises_nothing() -> None:
    assert said() == []


def test_values_that_are_no_numbers_are_the_gravest() -> None:
    (found,) = said(layer("conv2", n_nan=3, n_inf=1))
    assert found.text == "conv2: 4 values are not numbers"
    assert found.severity == 1.0


def test_a_layer_without_gradient_is_named() -> None:
    (found,) = said(layer("conv1", gradient=0.0))
    assert found.text == "conv1 gets no gradient at all"
    assert found.level == "warning"


def test_vanishing_and_exploding_gradients_are_alarms_with_their_factor() -> None:
    (found,) = said(layer("conv1", gradient=1e-5))
    assert found.text == "Gradients vanish towards conv1: 10,000 times smaller than at the output"
    assert (found.layer, found.level) == ("conv1", "alarm")
    (found,) = said(layer("conv1", gradient=1e4))
    assert found.text == "Gradients explode towards conv1: 100,000 times larger than at the output"


def test_a_layer_whose_weights_are_merely_scaled_is_no_finding() -> None:
    """A first layer that is fed 0–255 instead of 0–1 has small weights and large gradients, or the other way round."""
    scaled = layer("conv1", norm=2.0 * 1e4, gradient=0.1 / 1e4)
    assert said(scaled) == []
    assert sensitivities({"conv1": scaled})["conv1"] == pytest.approx(0.2)


def test_a_flat_loss_raises_nothing() -> None:
    assert said(*(layer(name, gradient=0.0) for name in ("conv1", "conv2", "fc"))) == []


def test_saturated_layers_are_one_finding_with_the_worst_in_front() -> None:
    (found,) = said(layer("conv1", saturated=0.3), layer("conv2", saturated=0.9))
    assert found.text == "conv2: 90 % of its neurons are saturated"
    assert "conv1" in found.detail
    assert found.level == "alarm"


@pytest.mark.parametrize(("mass", "word"), [(0.96, "negative"), (0.04, "positive")])
def test_weights_of_one_sign_are_a_warning(mass: float, word: str) -> None:
    (found,) = said(layer("conv1", negative_mass=mass))
    assert found.text == f"conv1: 96 % of its weights' mass is {word}"
    assert found.level == "warning"


def test_layers_that_did_not_move_are_a_hint() -> None:
    still = (layer("conv1", change=0.0), layer("conv2", change=0.1), layer("fc", change=0.2))
    (found,) = said(*still, compared="first.safetensors")
    assert found.text == "conv1 has not changed since first.safetensors"
    assert found.level == "hint"


def test_what_was_not_measured_is_not_judged() -> None:
    gone = dict.fromkeys(("saturated", "negative", "negative_mass", "norm", "gradient", "ratio"), NAN)
    assert said(layer("conv1", **gone)) == []
