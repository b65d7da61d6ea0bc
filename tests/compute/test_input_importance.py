"""Slopes on the scale of a table."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from samples import Held
from torch import nn

from cnnvis.compute.attribute import attribute
from cnnvis.compute.methods import InputImportance
from cnnvis.compute.trace import trace
from cnnvis.errors import InvalidValue
from cnnvis.model.attribution import Vector
from cnnvis.model.target import Target

NAMES = ("age", "weight", "height")


def found(model: nn.Module, data: Held, method: InputImportance, index: int = 4) -> Vector:
    network = trace(model, data[0][0])
    evidence = attribute(model, network, data[index], Target(network.output, (1,)), method, data=data).evidence
    assert isinstance(evidence, Vector)
    return evidence


def table(n: int = 50) -> Held:
    values = torch.randn(n, 3, generator=torch.Generator().manual_seed(0)) * torch.tensor([1.0, 10.0, 0.1]) + 2
    data = Held(values)
    data.kind, data.features = "table", NAMES
    return data


def test_a_linear_model_has_its_weights_times_the_spread_with_their_signs() -> None:
    torch.manual_seed(0)
    model, data = nn.Sequential(nn.Linear(3, 2)).eval(), table()
    weight = model[0].weight[1].detach().numpy()
    evidence = found(model, data, InputImportance())
    assert evidence.features == NAMES
    np.testing.assert_allclose(evidence.values, weight * data.inputs.numpy().std(0), rtol=1e-4)
    summed = found(model, data, InputImportance("integrated", 1))
    np.testing.assert_allclose(summed.values, weight * (data.inputs[4] - data.inputs.mean(0)).numpy(), rtol=1e-3)


def test_integrated_slopes_sum_to_the_difference_from_a_mean_row() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 16), nn.Tanh(), nn.Linear(16, 2)).eval()
    evidence = found(model, table(), InputImportance("integrated", 200))
    assert float(evidence.values.sum()) == pytest.approx(evidence.facts["expected_sum"], rel=0.01)


def test_what_does_not_fit_is_refused_in_a_sentence() -> None:
    model = nn.Sequential(nn.Linear(3, 2)).eval()
    with pytest.raises(InvalidValue, match=r"way must be 'slope' or 'integrated'; got 'both'"):
        found(model, table(), InputImportance("both"))  # type: ignore[arg-type]
    with pytest.raises(InvalidValue, match="steps must be 1 or more"):
        found(model, table(), InputImportance("integrated", 0))
