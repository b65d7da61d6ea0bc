"""CAM, exact where a network averages its last maps, and fitted where it does not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from nets import Windows, made
from samples import Held
from torch import Tensor, nn
from torch.nn import functional as F

from cnnvis.compute.attribute import attribute
from cnnvis.compute.method import Method
from cnnvis.compute.methods import Cam, FittedCam, GradCam
from cnnvis.compute.trace import trace
from cnnvis.errors import InvalidValue
from cnnvis.model.attribution import Map
from cnnvis.model.dataset import Dataset
from cnnvis.model.network import Network
from cnnvis.model.target import Target

SIZE = (12, 20)


def found(model: nn.Module, network: Network, x: Any, target: Target, method: Method, **more: Any) -> Map:
    evidence = attribute(model, network, x, target, method, **more).evidence
    assert isinstance(evidence, Map)
    return evidence


def networked(*head: nn.Module, width: int = 5) -> tuple[nn.Sequential, Network, Tensor]:
    """Maps of the input's own size before some head."""
    torch.manual_seed(2)
    model = nn.Sequential(nn.Conv2d(3, width, 3, padding=1), nn.ReLU(inplace=True), *head).eval()
    x = torch.randn(3, *SIZE)
    return model, trace(model, x), x


def maps_of(model: nn.Sequential, x: Tensor) -> Tensor:
    with torch.no_grad():
        return model[1](model[0](x[None]))[0]


def pooled() -> tuple[nn.Sequential, Network, Tensor]:
    return networked(nn.Dropout(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(), nn.Linear(5, 4))


class AsFunctions(nn.Module):
    """Pooling and the linear layer as people write them without modules."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.conv, self.how = nn.Conv2d(3, 5, 3, padding=1), how
        self.weight, self.bias = nn.Parameter(torch.randn(4, 5)), nn.Parameter(torch.randn(4))

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.conv(x))
        match self.how:
            case "mean":
                x = x.mean((2, 3))
            case "twice":
                x = x.mean(3).mean(2)
            case "avg_pool2d":
                x = F.avg_pool2d(x, x.shape[2:]).view(len(x), -1)
            case "flat":
                x = x.flatten(2).mean(-1)
            case "squeeze":
                x = torch.flatten(F.adaptive_avg_pool2d(x, (1, 1)), 1)
        return F.linear(x, self.weight, self.bias)


def test_the_weights_of_the_linear_layer_apply_to_the_maps() -> None:
    model, network, x = pooled()
    expected = torch.einsum("k,khw->hw", model[-1].weight[3].detach(), maps_of(model, x))
    evidence = found(model, network, x, Target(network.output, (3,)), Cam())
    np.testing.assert_allclose(evidence.values, expected.numpy(), atol=1e-6)
    assert evidence.facts["layer"] == "0"


def test_cam_is_the_area_of_the_plane_times_grad_cam() -> None:
    model, network, x = pooled()
    target = Target(network.output, (3,))
    cam, grad = (found(model, network, x, target, method).values for method in (Cam(), GradCam()))
    np.testing.assert_allclose(cam, SIZE[0] * SIZE[1] * grad, atol=1e-5)


def test_the_mean_of_cam_and_the_bias_are_the_score() -> None:
    model, network, x = pooled()
    with torch.no_grad():
        expected = float(model(x[None])[0, 3] - model[-1].bias[3])
    values = found(model, network, x, Target(network.output, (3,)), Cam()).values
    assert values.mean() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("how", ["mean", "twice", "avg_pool2d", "flat", "squeeze"])
def test_functions_are_found_in_the_graph(how: str) -> None:
    torch.manual_seed(2)
    model, x = AsFunctions(how).eval(), torch.randn(3, *SIZE)
    network = trace(model, x)
    with torch.no_grad():
        expected = torch.einsum("k,khw->hw", model.weight[3], F.relu(model.conv(x)))
    values = found(model, network, x, Target(network.output, (3,)), Cam()).values
    np.testing.assert_allclose(values, expected.numpy(), atol=1e-6)


def test_a_convolution_of_what_is_averaged_is_a_linear_layer() -> None:
    model, network, x = networked(nn.AdaptiveAvgPool2d(1), nn.Conv2d(5, 4, 1), nn.Flatten())
    expected = torch.einsum("k,khw->hw", model[-2].weight[3, :, 0, 0].detach(), maps_of(model, x))
    values = found(model, network, x, Target(network.output, (3,)), Cam()).values
    np.testing.assert_allclose(values, expected.numpy(), atol=1e-6)


@pytest.mark.parametrize("rectified", [True, False])
def test_where_each_class_has_a_map_of_its_own_it_is_the_cam(rectified: bool) -> None:
    last = nn.ReLU(inplace=True) if rectified else nn.Identity()
    model, network, x = networked(nn.Dropout(), nn.Conv2d(5, 4, 1), last, nn.AdaptiveAvgPool2d(1), nn.Flatten())
    with torch.no_grad():
        expected = model[:5](x[None])[0, 3]
    values = found(model, network, x, Target(network.output, (3,)), Cam()).values
    np.testing.assert_allclose(values, expected.numpy(), atol=1e-6)


def test_maps_whose_units_lie_on_the_last_axis_have_a_cam() -> None:
    torch.manual_seed(0)
    model, x = Windows().eval(), torch.randn(3, 16, 16)
    network = trace(model, x)
    evidence = found(model, network, x, Target("head", (2,)), Cam())
    assert evidence.facts["layer"] == "merge"
    assert np.isfinite(evidence.values).all()


def test_a_second_input_that_joins_behind_the_average_does_not_matter() -> None:
    model, (picture, vector) = made("two inputs")
    network = trace(model, (picture, vector))
    assert found(model, network, (picture, vector), Target("fc", (1,)), Cam()).facts["layer"] == "conv"


def test_a_head_that_is_not_linear_is_named_and_the_fitted_one_offered() -> None:
    model, network, x = networked(
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(5, 6), nn.ReLU(), nn.Linear(6, 4)
    )
    with pytest.raises(InvalidValue, match=r"before it comes ReLU \(5\), which is not linear\. Use FittedCam"):
        found(model, network, x, Target(network.output, (3,)), Cam())


def test_a_head_that_reads_every_place_is_refused() -> None:
    model, network, x = networked(nn.Flatten(), nn.Linear(5 * 12 * 20, 4))
    with pytest.raises(InvalidValue, match="reads the places of 1 each for itself"):
        found(model, network, x, Target(network.output, (3,)), Cam())


def test_a_maximum_is_no_average() -> None:
    model, network, x = networked(nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(5, 4))
    with pytest.raises(InvalidValue, match=r"before it comes AdaptiveMaxPool2d \(2\), which is not linear"):
        found(model, network, x, Target(network.output, (3,)), Cam())


# -- fitted --------------------------------------------------------------------------------------------------------


def scenes(n: int = 60, classes: int = 3) -> tuple[Tensor, np.ndarray]:
    """Pictures with a patch somewhere, in the colour of their class."""
    rng = np.random.default_rng(0)
    x, labels = torch.from_numpy(rng.normal(0, 0.05, (n, 3, 16, 16)).astype(np.float32)), np.arange(n) % classes
    for i, label in enumerate(labels):
        top, left = rng.integers(0, 11, 2)
        x[i, label, top : top + 5, left : left + 5] += 2
    return x, labels


def fully_connected() -> tuple[nn.Sequential, Network, Tensor, np.ndarray]:
    """Maps that answer to one colour each, nearly, before a layer that reads every place."""
    torch.manual_seed(4)
    model = nn.Sequential(nn.Conv2d(3, 5, 3, padding=1), nn.ReLU(True), nn.Flatten(), nn.Linear(5 * 16 * 16, 5)).eval()
    with torch.no_grad():
        model[0].weight.mul_(0.1)[torch.arange(3), torch.arange(3), 1, 1] = 1.0
    x, labels = scenes()
    return model, trace(model, x[0], classes=tuple("abcde")), x, labels


def learned(data: Dataset, method: FittedCam | None = None, unit: int = 2, **more: Any) -> Map:
    model, network, x, _ = fully_connected()
    target = Target(network.output, (unit,))
    return found(model, network, x[2], target, method or FittedCam("0"), data=data, **more)


def test_a_fitted_head_is_logistic_regression_on_averaged_maps() -> None:
    from sklearn.linear_model import LogisticRegression

    model, _, x, labels = fully_connected()
    with torch.no_grad():
        maps = model[:2](x)
    features = maps.mean((2, 3)).numpy()
    spread = features.std(0)
    scaled = (features - features.mean(0)) / spread
    fit = LogisticRegression(max_iter=1000).fit(scaled, labels)
    expected = torch.einsum("k,khw->hw", torch.as_tensor(fit.coef_[2] / spread).float(), maps[2])
    evidence = learned(Held(x, labels))
    np.testing.assert_allclose(evidence.values, expected.numpy(), atol=1e-3 * float(expected.abs().max()))
    assert evidence.facts["samples"] == 60
    assert evidence.facts["accuracy"] > 0.8


def test_the_fitted_map_is_hottest_on_the_object() -> None:
    x, labels = scenes()
    values = learned(Held(x, labels)).values
    top, left = np.unravel_index(values.argmax(), values.shape)
    assert x[2, 2, top, left] > 1


def test_two_classes_speak_against_each_other() -> None:
    x, labels = scenes(classes=2)
    one, other = (learned(Held(x, labels), unit=unit).values for unit in (0, 1))
    np.testing.assert_allclose(one, -other, atol=1e-6)


def test_without_labels_it_learns_what_the_network_answers() -> None:
    model, network, x, labels = fully_connected()
    with torch.no_grad():
        model[-1].bias.sub_(model(x).mean(0))
        said = model(x).argmax(1).numpy()
    assert len(set(said.tolist())) > 1
    target = Target(network.output, (int(said[0]),))

    def ask(data: Dataset, learns: Any) -> bytes:
        return found(model, network, x[2], target, FittedCam("0", learns), data=data).values.tobytes()

    assert ask(Held(x), "labels") == ask(Held(x, labels), "answers") == ask(Held(x, said), "labels")


def test_of_several_labels_only_the_one_asked_about_counts() -> None:
    x, labels = scenes()
    several = np.zeros((60, 5), np.int64)
    several[np.arange(60), labels] = 1
    several[:, 4] = np.arange(60) % 2
    evidence = learned(Held(x, several))
    assert evidence.facts["accuracy"] > 0.8
    assert not np.array_equal(evidence.values, learned(Held(x, several), unit=4).values)


def test_a_layer_before_the_classes_is_chosen() -> None:
    model, network, x = networked(nn.Conv2d(5, 4, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    data = Held(torch.randn(40, 3, *SIZE), np.arange(40) % 4)
    assert found(model, network, x, Target(network.output, (3,)), FittedCam(), data=data).facts["layer"] == "0"


def test_what_cannot_teach_the_class_is_said_in_a_sentence() -> None:
    x, labels = scenes()
    with pytest.raises(InvalidValue, match="learns from other samples; give attribute the `data`"):
        learned(None)  # type: ignore[arg-type]
    with pytest.raises(InvalidValue, match=r"at least 10 samples, of the target's class and of others; got 9"):
        learned(Held(x, labels), rows=range(9))
    with pytest.raises(InvalidValue, match="got 60, of 3 classes without that one"):
        learned(Held(x, labels), unit=3)
    with pytest.raises(InvalidValue, match=r"must learn from classes; got the label 0\.5"):
        learned(Held(x, labels + 0.5))
    with pytest.raises(InvalidValue, match=r"FittedCam\.learns must be 'labels' or 'answers'"):
        learned(Held(x, labels), FittedCam(learns="guesses"))  # type: ignore[arg-type]
    with pytest.raises(InvalidValue, match="strictness above 0"):
        learned(Held(x, labels), FittedCam(strictness=0.0))


def test_samples_that_cannot_be_read_are_passed_over() -> None:
    x, labels = scenes()
    assert learned(Held(x, labels, torn=(0, 7))).facts["samples"] == 58


def test_a_head_that_learned_nothing_says_so() -> None:
    x, labels = scenes()
    shuffled = np.random.default_rng(1).permutation(labels)
    bad, good = learned(Held(torch.randn_like(x), shuffled)), learned(Held(x, labels))
    assert "no better than a guess" in bad.facts["says"]
    assert "says" not in good.facts


def test_a_class_of_one_sample_can_be_asked_about() -> None:
    x, labels = scenes()
    for place in range(2, 60, 7):
        rare = labels % 2
        rare[place] = 2
        assert np.isfinite(learned(Held(x, rare)).values).all()
