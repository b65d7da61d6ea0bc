"""What each weight matters, against finite differences and by taking weights away."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from samples import Held
from states import state_of
from torch import Tensor, nn
from torch.nn import functional as F

from cnnvis.compute.attribute import attribute
from cnnvis.compute.methods import WeightImportance
from cnnvis.compute.probe import Probe
from cnnvis.compute.trace import trace
from cnnvis.errors import Cancelled, InvalidValue, ModelFailure
from cnnvis.model.attribution import WeightMap
from cnnvis.model.network import Network
from cnnvis.model.target import Target


def small() -> tuple[nn.Module, Network, Held]:
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(3, 4, 3, bias=False),
        nn.BatchNorm2d(4),
        nn.ReLU(inplace=True),
        nn.Conv2d(4, 5, 3),
        nn.ReLU(inplace=True),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(5, 3),
    ).eval()
    x = torch.randn(6, 3, 8, 10)
    return model, trace(model, x[0]), Held(x, np.arange(6) % 3)


def importance(model: nn.Module, network: Network, data: Held, method: WeightImportance, **more: Any) -> WeightMap:
    target = Target(network.output, (1,))
    found = attribute(model, network, data[0], target, method, data=data, **more).evidence  # type: ignore[arg-type]
    assert isinstance(found, WeightMap)
    return found


def test_the_slope_is_that_of_finite_differences_of_the_mean_loss() -> None:
    model, network, data = small()
    found = importance(model, network, data, WeightImportance("gradient"))
    double = copy.deepcopy(model).double()
    x, y = data.inputs.double(), torch.as_tensor(data.labels)
    for name, place in (("0.weight", (1, 2, 0, 1)), ("3.weight", (4, 0, 2, 2)), ("7.weight", (2, 3)), ("1.bias", (0,))):
        parameter = dict(double.named_parameters())[name]
        losses = []
        for step in (1e-5, -1e-5):
            with torch.no_grad():
                parameter[place] += step
                losses.append(float(F.cross_entropy(double(x), y)))
                parameter[place] -= step
        assert found.values[name][place] == pytest.approx(abs(losses[0] - losses[1]) / 2e-5, rel=1e-3, abs=1e-7)


@pytest.mark.parametrize("score", ["weight × gradient", "fisher"])
def test_batches_are_halved_where_memory_is_full(score: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    model, network, data = small()
    expected = importance(model, network, data, WeightImportance(score))
    sizes: list[int] = []
    run = Probe.run

    def scarce(self: Probe, inputs: Any, **asked: Any) -> Any:
        sizes.append(len(inputs[0]))
        if len(inputs[0]) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return run(self, inputs, **asked)

    monkeypatch.setattr(Probe, "run", scarce)
    found = importance(model, network, data, WeightImportance(score))
    assert sizes == ([6, 3, 2, 2, 2] if score == "weight × gradient" else [1] * 6)
    assert found.facts["samples"] == 6
    for name, values in expected.values.items():
        np.testing.assert_allclose(found.values[name], values, rtol=1e-4, atol=1e-9)


def test_a_sample_that_does_not_fit_alone_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    model, network, data = small()

    def full(self: Probe, inputs: Any, **asked: Any) -> Any:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(Probe, "run", full)
    with pytest.raises(ModelFailure, match="one image at a time"):
        importance(model, network, data, WeightImportance())


def test_weight_times_gradient_is_the_slope_times_the_weight_after_the_mean() -> None:
    model, network, data = small()
    slope = importance(model, network, data, WeightImportance("gradient"))
    found = importance(model, network, data, WeightImportance())
    for name, parameter in model.named_parameters():
        np.testing.assert_allclose(found.values[name], parameter.detach().abs().numpy() * slope.values[name], rtol=1e-5)


def test_fisher_is_the_mean_square_of_single_slopes_and_damage_half_of_it_times_the_weight_squared() -> None:
    model, network, data = small()
    squares = torch.zeros_like(model[7].weight)  # type: ignore[index]
    for x, y in zip(data.inputs, data.labels):
        model.zero_grad()
        F.cross_entropy(model(x[None]), torch.tensor([y])).backward()
        squares += model[7].weight.grad.square() / 6  # type: ignore[index]
    fisher = importance(model, network, data, WeightImportance("fisher")).values["7.weight"]
    damage = importance(model, network, data, WeightImportance("damage")).values["7.weight"]
    np.testing.assert_allclose(fisher, squares.numpy(), rtol=1e-4, atol=1e-9)
    weight = model[7].weight.detach().numpy()  # type: ignore[index]
    np.testing.assert_allclose(damage, 0.5 * fisher * weight**2, rtol=1e-5)


def test_of_a_target_it_is_the_slope_of_the_target() -> None:
    model, network, data = small()
    found = importance(model, network, data, WeightImportance("gradient", of="target"))
    pooled = model[:6](data.inputs).flatten(1).mean(0)  # type: ignore[index]
    np.testing.assert_allclose(found.values["7.weight"][1], pooled.detach().abs(), rtol=1e-4)
    assert not found.values["7.weight"][[0, 2]].any()


def test_layers_and_filters_add_up() -> None:
    model, network, data = small()
    found = importance(model, network, data, WeightImportance())
    assert list(found.facts["layers"]) == ["0", "3", "7"]
    assert found.facts["layers"]["3"] == pytest.approx(float(found.values["3.weight"].sum()))
    assert sum(found.facts["shares"].values()) == pytest.approx(1.0)
    assert found.facts["filters"]["3:2"] == pytest.approx(float(found.values["3.weight"][2].sum()))
    values = list(found.facts["filters"].values())
    assert values == sorted(values, reverse=True)


def test_samples_are_drawn_by_seed_and_the_model_is_as_before() -> None:
    model, network, data = small()
    before = state_of(model)
    one, same, other = (
        importance(model, network, data, WeightImportance(samples=3, seed=seed)).values["7.weight"]
        for seed in (0, 0, 3)
    )
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)
    assert state_of(model) == before
    assert all(p.grad is None for p in model.parameters())


def test_a_cancel_leaves_the_model_as_before() -> None:
    model, network, data = small()
    before = state_of(model)

    def stop(done: int, total: int, what: str = "") -> None:
        if done:
            raise Cancelled

    with pytest.raises(Cancelled):
        importance(model, network, data, WeightImportance("fisher"), progress=stop)
    assert state_of(model) == before


def test_samples_that_cannot_be_read_are_left_out_and_bad_parameters_named() -> None:
    model, network, data = small()
    torn = Held(data.inputs, data.labels, torn=(1, 2))
    assert importance(model, network, torn, WeightImportance()).facts["samples"] == 4
    with pytest.raises(InvalidValue, match="at least one sample"):
        importance(model, network, torn, WeightImportance(), rows=(1, 2))
    with pytest.raises(InvalidValue, match=r"WeightImportance\.score must be one of"):
        importance(model, network, data, WeightImportance("snip"))  # type: ignore[arg-type]
    with pytest.raises(InvalidValue, match="give attribute the `data`"):
        attribute(model, network, data[0], Target(network.output, (0,)), WeightImportance())


@pytest.mark.parametrize("labels", [None, np.linspace(0, 1, 6), np.eye(3)[np.arange(6) % 3]])
def test_labels_of_every_form_have_a_loss(labels: Any) -> None:
    model, network, data = small()
    found = importance(model, network, Held(data.inputs, labels), WeightImportance())
    assert found.facts["layers"]["7"] > 0


def digits() -> tuple[nn.Module, Tensor, Tensor, Tensor, Tensor]:
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    x, y = torch.tensor(x / 16, dtype=torch.float32), torch.tensor(y)
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(0))
    x, y = x[order], y[order]
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 10))
    steps = torch.optim.Adam(model.parameters(), 0.01)
    for _ in range(60):
        steps.zero_grad()
        F.cross_entropy(model(x[:1200]), y[:1200]).backward()
        steps.step()
    return model.eval(), x[:1200], y[:1200], x[1200:], y[1200:]


def test_removing_the_least_important_half_costs_less_than_removing_at_random() -> None:
    model, x, y, others, truth = digits()
    network = trace(model, x[0])
    data = Held(x, y.numpy())

    def accuracy(scores: dict[str, np.ndarray]) -> float:
        pruned = copy.deepcopy(model)
        for name, parameter in pruned.named_parameters():
            if parameter.dim() > 1:
                order = np.argsort(scores[name], axis=None)[: parameter.numel() // 2]
                parameter.data.view(-1)[torch.from_numpy(order)] = 0.0
        return float((pruned(others).argmax(1) == truth).float().mean())

    rng = np.random.default_rng(0)
    by_lot = [accuracy({n: rng.random(p.shape) for n, p in model.named_parameters()}) for _ in range(5)]
    for how in ("weight × gradient", "damage"):
        found = importance(model, network, data, WeightImportance(how, samples=400))  # type: ignore[arg-type]
        kept = accuracy(dict(found.values))
        assert kept > np.mean(by_lot) + 0.05, (how, kept, by_lot)
