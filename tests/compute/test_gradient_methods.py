"""Explanations by gradients at the input, against closed forms, plain versions and captum."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from nets import UNet
from torch import Tensor, nn
from torch.nn import functional as F

from cnnvis.compute.attribute import attribute
from cnnvis.compute.method import Method
from cnnvis.compute.methods import (
    GradCam,
    GradientTimesInput,
    GuidedBackprop,
    IntegratedGradients,
    Saliency,
    SmoothGrad,
)
from cnnvis.compute.trace import trace
from cnnvis.errors import InvalidValue
from cnnvis.model.attribution import Map
from cnnvis.model.network import Network
from cnnvis.model.target import Target

captum = pytest.importorskip("captum.attr")
SIZE = (12, 20)


class Modules(nn.Module):
    """Rectifiers as modules, as captum needs them; none is used twice."""

    def __init__(self, activation: Callable[[], nn.Module] = nn.ReLU) -> None:
        super().__init__()
        self.conv1, self.act1 = nn.Conv2d(3, 5, 3, padding=1), activation()
        self.conv2, self.act2 = nn.Conv2d(5, 6, 3, stride=2), activation()
        self.fc = nn.Linear(6, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.act2(self.conv2(self.act1(self.conv1(x)))).mean((2, 3)))


class Functions(Modules):
    """The same network with functional rectifiers, in place and not, as expressions and as statements."""

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv1(x)
        F.relu(x, inplace=True)
        x = self.conv2(x)
        return self.fc(torch.relu(x).mean((2, 3)))


class Statements(Modules):
    def forward(self, x: Tensor) -> Tensor:
        x = self.conv1(x)
        x.relu_()
        return self.fc(F.relu(self.conv2(x), True).mean((2, 3)))


class Shared(Modules):
    """One module that rectifies in place, called twice."""

    def forward(self, x: Tensor) -> Tensor:
        act = self.act1
        return self.fc(act(self.conv2(act(self.conv1(x)))).mean((2, 3)))


def traced(model: nn.Module) -> tuple[nn.Module, Network, Tensor]:
    torch.manual_seed(3)
    for p in model.parameters():
        nn.init.normal_(p, std=0.4)
    x = torch.randn(3, *SIZE)
    return model.eval(), trace(model, x), x


def found(model: nn.Module, network: Network, x: Any, target: Target, method: Method, **more: Any) -> Map:
    evidence = attribute(model, network, x, target, method, **more).evidence
    assert isinstance(evidence, Map)
    return evidence


TARGET = Target("fc", (2,))


def test_saliency_agrees_with_captum() -> None:
    model, network, x = traced(Modules())
    expected = captum.Saliency(model).attribute(x.clone()[None].requires_grad_(), target=2)[0].amax(0)
    np.testing.assert_allclose(found(model, network, x, TARGET, Saliency()).values, expected.numpy(), atol=1e-6)


def test_gradient_times_input_agrees_with_captum() -> None:
    model, network, x = traced(Modules())
    expected = captum.InputXGradient(model).attribute(x.clone()[None].requires_grad_(), target=2)[0].sum(0)
    values = found(model, network, x, TARGET, GradientTimesInput()).values
    np.testing.assert_allclose(values, expected.detach().numpy(), atol=1e-6)


def test_without_biases_gradient_times_input_sums_to_the_score() -> None:
    model, network, x = traced(Modules())
    with torch.no_grad():
        for p in (model.conv1.bias, model.conv2.bias, model.fc.bias):
            p.zero_()
        expected = float(model(x[None])[0, 2])
    assert found(model, network, x, TARGET, GradientTimesInput()).values.sum() == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("steps", [7, 50, 130])
def test_integrated_gradients_agree_with_captum(steps: int) -> None:
    model, network, x = traced(Modules())
    expected = captum.IntegratedGradients(model).attribute(x[None], target=2, n_steps=steps)[0].sum(0)
    values = found(model, network, x, TARGET, IntegratedGradients(steps)).values
    np.testing.assert_allclose(values, expected.detach().numpy(), atol=1e-5)


@pytest.mark.parametrize("baseline", ["zero", "mean", "blur"])
def test_integrated_gradients_add_up_to_the_change_from_the_baseline(baseline: Any) -> None:
    model, network, x = traced(Modules(nn.Softplus))
    evidence = found(model, network, x, TARGET, IntegratedGradients(20, baseline))
    assert evidence.values.sum() == pytest.approx(evidence.facts["expected_sum"], abs=1e-5)
    assert evidence.facts["gap"] == pytest.approx(0, abs=1e-5)


def test_the_expected_sum_is_the_score_minus_that_of_the_baseline() -> None:
    model, network, x = traced(Modules())
    with torch.no_grad():
        expected = model(x[None])[0, 2] - model(x.mean((1, 2), keepdim=True).expand_as(x)[None])[0, 2]
    evidence = found(model, network, x, TARGET, IntegratedGradients(3, "mean"))
    assert evidence.facts["expected_sum"] == pytest.approx(float(expected), abs=1e-5)
    assert evidence.facts["gap"] == pytest.approx(float(evidence.values.sum() - expected), abs=1e-5)


def test_smooth_grad_is_the_mean_slope_of_its_noisy_copies() -> None:
    model, network, x = traced(Modules())
    generator = torch.Generator().manual_seed(5)
    total = torch.zeros_like(x)
    for _ in range(70):
        noisy = (x + torch.randn(x.shape, generator=generator) * 0.2 * (x.max() - x.min())).requires_grad_()
        total += torch.autograd.grad(model(noisy[None])[0, 2], noisy)[0] / 70
    for channels, expected in (("max", total.abs().amax(0)), ("sum", total.sum(0))):
        values = found(model, network, x, TARGET, SmoothGrad(70, 0.2, channels, 5)).values  # type: ignore[arg-type]
        np.testing.assert_allclose(values, expected.numpy(), atol=1e-6)


def test_smooth_grad_without_noise_is_saliency() -> None:
    model, network, x = traced(Modules())
    calm = found(model, network, x, TARGET, SmoothGrad(2, 0.0)).values
    np.testing.assert_allclose(calm, found(model, network, x, TARGET, Saliency()).values, atol=1e-7)


def test_another_seed_gives_another_noise() -> None:
    model, network, x = traced(Modules())
    one, other = (found(model, network, x, TARGET, SmoothGrad(2, seed=seed)).values for seed in (0, 1))
    assert np.abs(one - other).max() > 1e-4


def test_smooth_grad_shows_what_it_has_so_far() -> None:
    model, network, x = traced(Modules())

    class Watcher:
        maps: list[Map] = []  # noqa: RUF012

        def __call__(self, done: int, total: int, what: str = "") -> None: ...

        def partial(self, value: Map) -> None:
            self.maps.append(value)

    watcher = Watcher()
    last = found(model, network, x, TARGET, SmoothGrad(130), progress=watcher)
    assert [m.values.shape for m in watcher.maps] == [SIZE, SIZE]
    assert not np.array_equal(watcher.maps[-1].values, last.values)


def test_running_out_of_memory_halves_the_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    from cnnvis.compute import input_slopes

    model, network, x = traced(Modules())
    expected = found(model, network, x, TARGET, SmoothGrad(9)).values
    plain, sizes = input_slopes.slopes, []

    def small_memory(probe: Any, inputs: Tensor, *rest: Any) -> Any:
        sizes.append(len(inputs))
        if len(inputs) > 3:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return plain(probe, inputs, *rest)

    monkeypatch.setattr(input_slopes, "slopes", small_memory)
    np.testing.assert_allclose(found(model, network, x, TARGET, SmoothGrad(9)).values, expected, atol=1e-6)
    assert sizes == [9, 4, 2, 2, 2, 2, 1]


def test_guided_backpropagation_agrees_with_captum() -> None:
    model, network, x = traced(Modules())
    with pytest.warns(UserWarning, match="backward hooks"):
        expected = captum.GuidedBackprop(model).attribute(x.clone()[None].requires_grad_(), target=2)[0].detach()
    for channels, wanted in (("sum", expected.sum(0)), ("max", expected.abs().amax(0))):
        values = found(model, network, x, TARGET, GuidedBackprop(channels)).values  # type: ignore[arg-type]
        np.testing.assert_allclose(values, wanted.numpy(), atol=1e-6)


@pytest.mark.parametrize("kind", [Functions, Statements, Shared])
def test_functional_in_place_and_shared_rectifiers_are_guided_alike(kind: type[Modules]) -> None:
    plain = found(*traced(Modules()), TARGET, GuidedBackprop()).values
    in_place = kind(lambda: nn.ReLU(inplace=True))
    np.testing.assert_allclose(found(*traced(in_place), TARGET, GuidedBackprop()).values, plain, atol=1e-6)


def test_relu6_stops_what_it_has_cut_above() -> None:
    model, network, x = traced(Modules(nn.ReLU6))
    values = found(model, network, 20 * x, TARGET, GuidedBackprop()).values

    def through(a: Tensor, slope: Tensor) -> Tensor:
        return slope.clamp(min=0) * ((a > 0) & (a < 6))

    first = model.conv1(20 * x[None]).detach().requires_grad_()
    second = model.conv2(model.act1(first).detach().requires_grad_()).detach().requires_grad_()
    (slope,) = torch.autograd.grad(model.fc(second.mean((2, 3)))[0, 2], second)
    slope = F.conv_transpose2d(through(second, slope), model.conv2.weight, stride=2, output_padding=1)
    slope = F.conv_transpose2d(through(first, slope), model.conv1.weight, padding=1)
    np.testing.assert_allclose(values, slope[0].sum(0).detach().numpy(), atol=1e-5)


def test_a_network_without_rectifiers_is_told_why_not() -> None:
    model, network, x = traced(Modules(nn.GELU))
    with pytest.raises(InvalidValue, match=r"Guided backpropagation must find a rectifier.*Modules has none there"):
        found(model, network, x, TARGET, GuidedBackprop())


def test_a_mixture_of_activations_is_named() -> None:
    model = Modules()
    model.act2 = nn.SiLU()
    assert found(*traced(model), TARGET, GuidedBackprop()).facts["says"] == (
        "Only rectifiers are guided; 1 other activation keeps the usual slope."
    )


def test_guided_backpropagation_gives_the_numbers_that_captum_asserts() -> None:
    from captum.testing.helpers.basic_models import BasicModel_ConvNet_One_Conv

    class Picture(BasicModel_ConvNet_One_Conv):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x)

    model, x = Picture().eval(), torch.arange(16.0).view(1, 4, 4)
    network = trace(model, x)
    values = found(model, network, x, Target(network.output, (0,)), GuidedBackprop()).values
    assert values.tolist() == [[0, 1, 1, 1], [1, 3, 3, 2], [1, 3, 3, 2], [1, 2, 2, 1]]


@pytest.mark.parametrize(
    "method",
    [SmoothGrad(0), SmoothGrad(noise=-1.0), SmoothGrad(channels="mean"), GuidedBackprop("mean"), Saliency("mean"),
     IntegratedGradients(0), IntegratedGradients(baseline="black")],
    ids=repr,
)  # fmt: skip
def test_a_parameter_that_does_not_fit_is_said_in_a_sentence(method: Method) -> None:
    with pytest.raises(InvalidValue, match="must be"):
        found(*traced(Modules()), TARGET, method)


@pytest.mark.parametrize(
    "method", [GradientTimesInput(), SmoothGrad(3), IntegratedGradients(3), GuidedBackprop(), Saliency()], ids=repr
)
def test_a_scalar_of_a_dense_output_is_explained_within_what_it_sees(method: Method) -> None:
    torch.manual_seed(0)
    model, x = UNet(), torch.randn(3, 24, 40)
    for p in model.parameters():
        nn.init.uniform_(p, -0.1, 0.3)
    network = trace(model.eval(), x)
    values = found(model, network, x, Target("out", (0, 2), at=(4, 7), weights=(1.0, 2.0)), method).values
    assert values.shape == (24, 40)
    assert values[:12, :16].any()
    assert not values[20:, 24:].any()


def test_gradients_that_are_no_numbers_are_refused() -> None:
    model, network, x = traced(Modules())
    with torch.no_grad():
        model.conv1.weight[0, 0, 0, 0] = float("nan")
    with pytest.raises(InvalidValue, match="must be finite; the network gave NaN"):
        found(model, network, x, TARGET, SmoothGrad(2))


@pytest.mark.parametrize("method", [Saliency(), GradCam(), GradientTimesInput()], ids=lambda m: m.title)
def test_a_target_that_is_no_number_is_refused_though_its_slopes_are(method: Method) -> None:
    model, network, x = traced(Modules())
    with torch.no_grad():
        model.fc.bias.fill_(float("nan"))
    with pytest.raises(InvalidValue, match=r"The target's value at fc must be finite; the network gave NaN"):
        found(model, network, x, TARGET, method)


def test_a_guided_slope_that_never_arrives_is_said() -> None:
    model, network, x = traced(Modules())
    with torch.no_grad():
        model.fc.weight.fill_(-1.0)
    evidence = found(model, network, x, TARGET, GuidedBackprop())
    assert not evidence.values.any()
    assert evidence.facts["says"] == "No slope that speaks for the target reaches the input."


def test_a_sum_that_is_far_off_is_said_in_words() -> None:
    model, x = nn.Sequential(nn.Conv2d(1, 1, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1)), torch.ones(1, *SIZE)
    nn.init.constant_(model[0].weight, 1.0)  # type: ignore[arg-type]
    nn.init.constant_(model[0].bias, -0.9)  # type: ignore[arg-type]
    network = trace(model.eval(), x)
    few, many = (found(model, network, x, Target("0", (0,)), IntegratedGradients(n)).facts for n in (1, 200))
    assert few["expected_sum"] == pytest.approx(0.1)
    assert few["gap"] == pytest.approx(-0.1)
    assert "more steps" in few["says"]
    assert "says" not in many
