"""What weights alone say of the inputs."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from nets import made
from scipy.stats import spearmanr
from torch import nn

from cnnvis.compute.attribute import attribute
from cnnvis.compute.methods import ConnectionWeights
from cnnvis.compute.trace import trace
from cnnvis.errors import InvalidValue
from cnnvis.model.attribution import Vector
from cnnvis.model.target import Target
from cnnvis.sources.tables import TableData


def found(model: nn.Module, x: torch.Tensor, target: Target | None = None, rule: str = "olden") -> Vector:
    network = trace(model.eval(), x)
    target = target or Target(network.output, (0,))
    evidence = attribute(model, network, x, target, ConnectionWeights(rule)).evidence  # type: ignore[arg-type]
    assert isinstance(evidence, Vector)
    return evidence


def layered() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 5), nn.ReLU(), nn.Dropout(), nn.Linear(5, 2))


def test_olden_is_the_product_of_the_weight_matrices() -> None:
    model = layered()
    expected = model[5].weight @ model[2].weight @ model[0].weight
    network = trace(model.eval(), torch.randn(4))
    for c in range(2):
        values = found(model, torch.randn(4), Target(network.output, (c,))).values
        np.testing.assert_allclose(values, expected[c].detach().numpy(), rtol=1e-5)


def test_garson_on_the_worked_example_of_one_hidden_layer() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.Sigmoid(), nn.Linear(2, 1))
    model[0].weight.data = torch.tensor([[1.0, -3.0], [2.0, 2.0]])
    model[2].weight.data = torch.tensor([[-4.0, 1.0]])
    shares = found(model, torch.randn(2), rule="garson").values
    np.testing.assert_allclose(shares, [0.25 * 0.8 + 0.5 * 0.2, 0.75 * 0.8 + 0.5 * 0.2], rtol=1e-6)
    assert found(model, torch.randn(2)).values.tolist() == [-2.0, 14.0]


def test_garson_shares_sum_to_one_through_any_number_of_layers() -> None:
    shares = found(layered(), torch.randn(4), rule="garson").values
    assert shares.sum() == pytest.approx(1.0)
    assert shares.min() > 0


def test_a_batch_norm_counts_with_its_scale_and_sign() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 1)).eval()
    model[1].weight.data = torch.tensor([1.0, -2.0, 0.5, 0.0])
    model[1].running_var = torch.tensor([1.0, 4.0, 0.25, 9.0])
    scale = model[1].weight / (model[1].running_var + model[1].eps).sqrt()
    expected = (model[3].weight * scale) @ model[0].weight
    np.testing.assert_allclose(found(model, torch.randn(3)).values, expected[0].detach().numpy(), rtol=1e-5)


def test_pixels_of_a_flattened_picture_are_named_by_their_places() -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(12, 2))
    values = found(model, torch.randn(1, 3, 4))
    assert values.features[5] == "input[0, 1, 1]"
    np.testing.assert_allclose(values.values, model[1].weight[0].detach().numpy())


@pytest.mark.parametrize(("kind", "why"), [("chain", "is a "), ("residual", "is a |joins several ways")])
def test_convolutions_and_branches_are_refused_in_one_sentence(kind: str, why: str) -> None:
    model, x = made(kind)
    with pytest.raises(InvalidValue, match=rf"linear layers in a chain; .*({why}).*Use gradients there"):
        found(model, x)


def test_on_simulated_data_olden_ranks_inputs_better_than_garson() -> None:
    """As Olden, Joy, Death report (2004): signs cancel ways that Garson counts twice."""
    true = np.array([0.8, 0.6, 0.4, 0.2, 0.0])
    olden, garson = [], []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        x = torch.tensor(rng.normal(size=(400, 5)), dtype=torch.float32)
        y = (x @ torch.tensor(true, dtype=torch.float32) + 0.3 * torch.tensor(rng.normal(size=400)).float())[:, None]
        torch.manual_seed(seed)
        model = nn.Sequential(nn.Linear(5, 8), nn.Tanh(), nn.Linear(8, 1))
        steps = torch.optim.Adam(model.parameters(), 0.02)
        for _ in range(150):
            steps.zero_grad()
            nn.functional.mse_loss(model(x), y).backward()
            steps.step()
        olden.append(spearmanr(found(model, x[0]).values, true).statistic)
        garson.append(spearmanr(found(model, x[0], rule="garson").values, true).statistic)
    assert np.mean(olden) > 0.9
    assert np.mean(olden) > np.mean(garson) + 0.1


def test_inputs_go_by_the_names_of_the_features_where_the_data_has_some() -> None:
    model, names = layered().eval(), ("age", "height", "pulse", "weight")
    values = np.random.default_rng(0).normal(size=(6, 4))
    data = TableData(values, np.zeros(6, np.int64), ("a", "b"), names, np.zeros(4), np.ones(4), np.arange(6))
    network = trace(model, data[0][0])
    evidence = attribute(model, network, data[0], Target(network.output, (0,)), ConnectionWeights(), data=data).evidence
    assert isinstance(evidence, Vector)
    assert evidence.features == names
    bare = attribute(model, network, data[0], Target(network.output, (0,)), ConnectionWeights()).evidence
    assert isinstance(bare, Vector)
    assert bare.features == tuple(f"input:{i}" for i in range(4))


def test_only_olden_tells_signs() -> None:
    signed = [found(layered(), torch.randn(4), rule=rule).facts["signed"] for rule in ("olden", "garson")]
    assert signed == [True, False]
