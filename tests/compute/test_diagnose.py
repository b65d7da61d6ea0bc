"""The health of every layer, against the plain way and against numbers known beforehand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from nets import NETS
from reference.health import gradients, unit_gradients
from states import state_of
from torch import Tensor, nn
from torch.nn import functional as F

from cnnvis.compute import diagnose as module
from cnnvis.compute.diagnose import diagnose
from cnnvis.compute.record import record
from cnnvis.compute.trace import trace
from cnnvis.errors import Cancelled, InvalidValue, NotConnected
from cnnvis.model.activations import Activations
from cnnvis.model.measurements import Health
from cnnvis.model.network import Network
from cnnvis.sources.dataset import dataset

N = 6


class Small(nn.Module):
    """conv + BatchNorm + activation, conv + activation, linear; its rectifiers work in place."""

    def __init__(self, act: Callable[[], nn.Module] = lambda: nn.ReLU(inplace=True), outputs: int = 3) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(2, 4, 3, bias=False)
        self.bn = nn.BatchNorm2d(4)
        self.act1 = act()
        self.conv2 = nn.Conv2d(4, 5, 3)
        self.act2 = act()
        self.fc = nn.Linear(5, outputs)

    def forward(self, x: Tensor) -> Tensor:
        x = self.act1(self.bn(self.conv1(x)))
        return self.fc(self.act2(self.conv2(x)).mean((2, 3)))


def seeded(model: nn.Module) -> nn.Module:
    generator = torch.Generator().manual_seed(0)
    for parameter in model.parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator) * 0.5
    return model


def inputs(n: int = N) -> Tensor:
    return torch.randn(n, 2, 8, 8, generator=torch.Generator().manual_seed(1))


def recorded(model: nn.Module, labels: object = None) -> tuple[Network, Activations]:
    x = inputs()
    labels = np.arange(N) % 3 if labels is None else labels
    data = dataset(x.numpy(), labels)
    network = trace(model, x[0])
    return network, record(model, network, data, device="cpu")


def measured(model: nn.Module, labels: object = None, **options: object) -> Health:
    network, activations = recorded(model, labels)
    return diagnose(model, network, activations, device="cpu", **options)  # type: ignore[arg-type]


def cross_entropy() -> list[Callable[[Tensor], Tensor]]:
    return [lambda z, y=int(k % 3): F.cross_entropy(z, torch.tensor([y])) for k in range(N)]


def test_gradients_of_weights_are_those_of_plain_autograd() -> None:
    model = seeded(Small())
    health = measured(model)
    expected = gradients(model, inputs(), cross_entropy())
    for name in ("conv1", "conv2", "fc"):
        norm = float(expected[f"{name}.weight"].norm())
        assert health.layers[name].gradient == pytest.approx(norm, rel=1e-4)
        weight = float(model.get_submodule(name).weight.detach().norm())
        assert health.layers[name].norm == pytest.approx(weight, rel=1e-6)
        assert health.layers[name].ratio == pytest.approx(norm / weight, rel=1e-4)


def test_over_a_subset_gradients_and_responses_are_those_of_its_samples() -> None:
    model, some = seeded(Small()), [1, 2, 4]
    health, whole = measured(model, indices=some, subset="some"), measured(model)
    expected = gradients(model, inputs()[some], [cross_entropy()[k] for k in some])
    _, activations = recorded(model)
    for name in ("conv1", "conv2", "fc"):
        one, pooled = health.layers[name], activations[name].pooled
        assert pooled is not None
        assert one.gradient == pytest.approx(float(expected[f"{name}.weight"].norm()), rel=1e-4)
        assert one.gradient != pytest.approx(whole.layers[name].gradient, rel=1e-3)
        assert one.mean == pytest.approx(float(pooled[some].astype(float).mean()), rel=1e-3)
        assert one.spread == pytest.approx(float(pooled[some].astype(float).std(0).mean()), rel=1e-3)
        assert (one.norm, one.negative, one.negative_mass) == (
            whole.layers[name].norm, whole.layers[name].negative, whole.layers[name].negative_mass
        )  # fmt: skip
    assert (health.subset, health.n_samples) == ("some", 3)


def test_gradients_of_weights_are_the_slope_of_the_loss() -> None:
    """Central differences along the gradient's own direction, found without autograd."""
    model = seeded(Small())
    x, y = inputs().double(), torch.arange(N) % 3
    model.double().eval()
    slope, weight = {}, model.fc.weight.data
    for i in range(weight.numel()):
        step = torch.zeros_like(weight).flatten()
        step[i] = 1e-5
        losses = []
        for sign in (1, -1):
            model.fc.weight.data = weight + sign * step.view_as(weight)
            losses.append(float(F.cross_entropy(model(x), y).detach()))
        slope[i] = (losses[0] - losses[1]) / 2e-5
    model.fc.weight.data = weight
    found = measured(model.float()).layers["fc"].gradient
    assert found == pytest.approx(float(np.linalg.norm(list(slope.values()))), rel=1e-3)


@pytest.mark.parametrize(("layer", "node"), [("conv1", "act1"), ("conv2", "act2"), ("fc", "fc")])
def test_gradients_of_units_are_those_of_their_response(layer: str, node: str) -> None:
    model = seeded(Small())
    found = measured(model).layers[layer].unit_gradients
    assert found == pytest.approx(unit_gradients(model, inputs(), cross_entropy(), node), rel=1e-4, abs=1e-7)


def test_the_split_into_batches_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    model = seeded(Small())
    whole = measured(model)
    monkeypatch.setattr(module, "AT_ONCE", 1000)
    parts = measured(model)
    for name, one in whole.layers.items():
        assert parts.layers[name].gradient == pytest.approx(one.gradient, rel=1e-4, nan_ok=True)
        assert parts.layers[name].unit_gradients == pytest.approx(one.unit_gradients, rel=1e-4, abs=1e-8)


def test_signs_of_weights_are_shares_by_number_and_by_mass() -> None:
    model = seeded(Small())
    with torch.no_grad():
        model.fc.weight.copy_(torch.tensor([[-3.0, 1.0, 0.0, 0.0, 2.0], [-1.0, 1.0, 1.0, 1.0, 0.0], [0.0] * 5]))
    one = measured(model).layers["fc"]
    assert one.negative == pytest.approx(2 / 15)
    assert one.negative_mass == pytest.approx(4 / 10)


def test_dead_mean_and_spread_are_those_of_all_samples() -> None:
    model = seeded(Small())
    with torch.no_grad():
        model.conv2.bias[2] = -1e3
    network, activations = recorded(model)
    one = diagnose(model, network, activations, samples=2, device="cpu").layers["conv2"]
    assert one.dead == pytest.approx(float((activations["conv2"].fired == 0).mean()))
    assert one.dead >= 1 / 5
    assert one.mean == pytest.approx(float(activations.mean("conv2").mean()))
    assert one.spread == pytest.approx(float(activations.spread("conv2").mean()))


def test_dead_is_said_of_rectifiers_only() -> None:
    health = measured(seeded(Small(nn.Tanh)))
    assert np.isnan(health.layers["conv2"].dead)
    assert np.isnan(health.layers["fc"].dead)


@pytest.mark.parametrize(
    ("act", "high"),
    [(nn.Sigmoid, 1e3), (nn.Sigmoid, -1e3), (nn.Tanh, 1e3), (nn.Hardtanh, -1e3), (nn.ReLU6, 1e3), (nn.Hardswish, -1e3),
     (nn.Hardsigmoid, 1e3), (lambda: nn.Hardtanh(-2.0, 5.0), 1e3), (nn.ELU, -1e3)],
)  # fmt: skip
def test_units_at_the_bound_of_their_activation_are_saturated(act: Callable[[], nn.Module], high: float) -> None:
    model = seeded(Small(act))
    with torch.no_grad():
        model.conv2.weight.mul_(1e-3)
        model.conv2.bias.zero_()
        model.conv2.bias[:2] = high
        if act is nn.Hardswish:  # near zero it is exactly zero only where its input is
            model.conv2.bias[2:] = 1.0
    assert measured(model).layers["conv2"].saturated == pytest.approx(2 / 5)


def test_a_dead_rectifier_is_not_counted_as_saturated() -> None:
    model = seeded(Small(nn.ReLU6))
    with torch.no_grad():
        model.conv2.weight.mul_(1e-3)
        model.conv2.bias.fill_(-1e3)
    one = measured(model).layers["conv2"]
    assert (one.dead, one.saturated) == (1.0, 0.0)


def test_saturation_of_an_unbounded_activation_means_nothing() -> None:
    assert np.isnan(measured(seeded(Small(nn.GELU))).layers["conv2"].saturated)


def test_values_that_are_no_numbers_are_counted() -> None:
    model = seeded(Small())
    network, activations = recorded(model)
    with torch.no_grad():
        model.fc.weight[0, :2] = float("nan")
        model.fc.bias[1] = float("inf")
    one = diagnose(model, network, activations, device="cpu").layers["fc"]
    assert one.n_nan == 2 + N  # two weights, and the first output of every sample
    assert one.n_inf == N


def test_a_second_checkpoint_tells_how_far_each_layer_has_moved() -> None:
    model, before = seeded(Small()), seeded(Small())
    with torch.no_grad():
        model.conv1.weight.add_(0.1)
    health = measured(model, before=before, compared="first.safetensors")
    base = before.conv1.weight.detach().numpy()
    assert health.compared == "first.safetensors"
    expected = 0.1 * np.sqrt(base.size) / np.linalg.norm(base)
    assert health.layers["conv1"].change == pytest.approx(expected, rel=1e-4)
    assert health.layers["fc"].change == 0.0
    as_state = measured(model, before=before.state_dict())
    assert as_state.layers["conv1"].change == pytest.approx(expected, rel=1e-4)
    assert np.isnan(measured(model).layers["conv1"].change)


@pytest.mark.parametrize("other", [Small(outputs=4), nn.Linear(2, 2)])
def test_a_checkpoint_of_another_architecture_is_refused_in_one_sentence(other: nn.Module) -> None:
    with pytest.raises(InvalidValue, match="second checkpoint must be of the same architecture"):
        measured(seeded(Small()), before=other)


@pytest.mark.parametrize(
    ("labels", "outputs", "loss"),
    [
        (np.eye(3, dtype=np.int64)[np.arange(N) % 3], 3, "binary cross-entropy"),
        (np.linspace(-1, 1, N), 1, "squared error"),
        (np.arange(N) % 2, 1, "binary cross-entropy"),
    ],
)
def test_the_loss_follows_from_the_task(labels: np.ndarray, outputs: int, loss: str) -> None:
    model = seeded(Small(outputs=outputs))
    y = torch.as_tensor(labels, dtype=torch.float32).view(N, -1)
    measure = F.mse_loss if loss == "squared error" else F.binary_cross_entropy_with_logits
    losses = [lambda z, k=k: measure(z, y[k : k + 1], reduction="sum") for k in range(N)]
    expected = gradients(model, inputs(), losses)["fc.weight"].norm()
    assert measured(model, labels).layers["fc"].gradient == pytest.approx(float(expected), rel=1e-4)


def test_a_hinge_loss_can_be_asked_for() -> None:
    model = seeded(Small())
    losses = [lambda z, y=k % 3: F.multi_margin_loss(z, torch.tensor([y])) for k in range(N)]
    expected = gradients(model, inputs(), losses)["conv2.weight"].norm()
    assert measured(model, loss="hinge").layers["conv2"].gradient == pytest.approx(float(expected), rel=1e-4)


def test_a_loss_that_the_labels_do_not_suit_is_refused() -> None:
    with pytest.raises(InvalidValue, match="must suit the labels"):
        measured(seeded(Small(outputs=1)), np.linspace(-1, 1, N), loss="cross-entropy")
    with pytest.raises(InvalidValue, match="must be one of"):
        measured(seeded(Small()), loss="cross_entropy")


def test_a_softmax_at_the_end_is_undone() -> None:
    model = seeded(Small())
    ended = nn.Sequential(model, nn.Softmax(1))
    assert measured(ended).layers["0.conv2"].gradient == pytest.approx(
        measured(model).layers["conv2"].gradient, rel=1e-3
    )


def test_samples_are_drawn_by_the_seed() -> None:
    model = seeded(Small())
    one, same, other = (measured(model, samples=3, seed=s).layers["conv1"].gradient for s in (0, 0, 1))
    assert one == same
    assert one != other


def test_without_its_images_nothing_can_be_measured() -> None:
    model = seeded(Small())
    network, activations = recorded(model)
    with pytest.raises(NotConnected):
        diagnose(model, network, replace(activations, data=None))


def test_the_model_stays_as_it_was_also_after_a_cancel() -> None:
    model = seeded(Small())
    network, activations = recorded(model)
    before = state_of(model)
    seen = []

    def stop(done: int, total: int, what: str = "") -> None:
        seen.append((done, total, what))
        if done:
            raise Cancelled("stop")

    with pytest.raises(Cancelled):
        diagnose(model, network, activations, device="cpu", progress=stop)
    diagnose(model, network, activations, device="cpu")
    assert state_of(model) == before
    assert seen[0] == (0, N, "measuring health")


@pytest.mark.parametrize("kind", ["residual", "in-place", "inception", "vit, function", "own", "squeezed"])
def test_any_network_is_measured(kind: str) -> None:
    torch.manual_seed(0)
    model, n = NETS[kind].make(), 4
    x = torch.randn(n, 3, 16, 16)
    network = trace(model, x[0])
    outputs = network[network.output].n_units
    activations = record(model, network, dataset(x.numpy(), np.arange(n) % outputs), device="cpu")
    health = diagnose(model, network, activations, device="cpu")
    assert set(health.layers) == set(activations.layers)
    assert health.n_samples == n
    weighted = [one for one in health.layers.values() if one.norm > 0]
    assert weighted
    assert all(np.isfinite(one.gradient) for one in weighted)
    assert any(one.gradient > 0 for one in weighted)
