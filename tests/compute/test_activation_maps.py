"""Explanations on the plane of a layer, against the papers' equations, closed forms and peer libraries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from nets import UNet
from reference.activation_maps import grad_cam_plus_plus, hi_res_cam, layer_cam
from torch import Tensor, nn
from torch.nn import functional as F

from cnnvis.compute.attribute import attribute
from cnnvis.compute.method import Method
from cnnvis.compute.methods import EigenCam, GradCam, GradCamPlusPlus, GuidedGradCam, HiResCam, LayerCam, ScoreCam
from cnnvis.compute.trace import trace
from cnnvis.errors import InvalidValue, UnknownName
from cnnvis.model.attribution import Map
from cnnvis.model.network import Network
from cnnvis.model.target import Target

captum = pytest.importorskip("captum.attr")
FAMILY = (GradCam, HiResCam, GradCamPlusPlus, LayerCam)
SIZE = (12, 20)


class Deep(nn.Module):
    """Two stages, so that slopes at the first differ from place to place."""

    def __init__(self, in_place: bool = False) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 5, 3, padding=1)
        self.conv2 = nn.Conv2d(5, 6, 3, padding=1)
        self.relu1, self.relu2 = nn.ReLU(in_place), nn.ReLU(in_place)
        self.fc = nn.Linear(6, 4)

    def first(self, x: Tensor) -> Tensor:
        return self.relu1(self.conv1(x))

    def rest(self, a: Tensor) -> Tensor:
        return self.fc(self.relu2(self.conv2(F.max_pool2d(a, 2))).mean((2, 3)))

    def forward(self, x: Tensor) -> Tensor:
        return self.rest(self.first(x))


def deep(in_place: bool = False) -> tuple[Deep, Network, Tensor]:
    torch.manual_seed(1)
    model, x = Deep(in_place).eval(), torch.randn(3, *SIZE)
    return model, trace(model, x), x


def pooled() -> tuple[nn.Sequential, Network, Tensor]:
    """Maps of the input's own size, averaged, and one linear layer."""
    torch.manual_seed(2)
    model = nn.Sequential(
        nn.Conv2d(3, 5, 3, padding=1), nn.ReLU(inplace=True), nn.Dropout(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(5, 4),
    ).eval()  # fmt: skip
    x = torch.randn(3, *SIZE)
    return model, trace(model, x), x


def dense() -> tuple[UNet, Network, Tensor]:
    """A map of class scores, of a network in which nothing is dead."""
    torch.manual_seed(0)
    model, x = UNet().eval(), torch.randn(3, *SIZE)
    for p in model.parameters():
        nn.init.uniform_(p, -0.1, 0.3)
    return model, trace(model, x), x


def found(model: nn.Module, network: Network, x: Any, target: Target, method: Method, **more: Any) -> Map:
    evidence = attribute(model, network, x, target, method, **more).evidence
    assert isinstance(evidence, Map)
    return evidence


@pytest.mark.parametrize(
    ("method", "expected"),
    [(HiResCam("conv1"), hi_res_cam), (LayerCam("conv1"), layer_cam), (GradCamPlusPlus("conv1"), grad_cam_plus_plus)],
    ids=["hi-res", "layer", "plus plus"],
)
def test_a_map_agrees_with_the_papers_equations(method: Method, expected: Callable[..., np.ndarray]) -> None:
    model, network, x = deep()
    maps = model.first(x[None]).detach().requires_grad_()
    (slope,) = torch.autograd.grad(model.rest(maps)[0, 2], maps)
    wanted = expected(maps[0].detach().double().numpy(), slope[0].double().numpy())
    np.testing.assert_allclose(found(model, network, x, Target("fc", (2,)), method).values, wanted, atol=1e-6)


@pytest.mark.parametrize("kind", FAMILY)
def test_an_in_place_rectifier_behind_the_layer_changes_nothing(kind: type[Any]) -> None:
    one, other = deep(), deep(in_place=True)
    other[0].load_state_dict(one[0].state_dict())
    target = Target("fc", (2,))
    a, b = (found(*net, target, kind("conv1")).values for net in (one, other))
    assert a.tobytes() == b.tobytes()


def test_behind_global_average_pooling_hi_res_cam_is_grad_cam() -> None:
    model, network, x = pooled()
    target = Target(network.output, (3,))
    a, b = (found(model, network, x, target, kind()).values for kind in (HiResCam, GradCam))
    np.testing.assert_allclose(a, b, atol=1e-7)


def test_hi_res_cam_sums_to_the_score_without_its_bias() -> None:
    model, network, x = pooled()
    with torch.no_grad():
        expected = model(x[None])[0, 3] - model[-1].bias[3]
    assert found(model, network, x, Target(network.output, (3,)), HiResCam()).values.sum() == pytest.approx(
        float(expected), abs=1e-5
    )


@pytest.mark.parametrize("kind", FAMILY)
def test_several_layers_are_averaged_at_one_scale(kind: type[Any]) -> None:
    model, network, x = deep()
    target = Target("fc", (2,))
    both = found(model, network, x, target, kind(("conv1", "conv2")))
    alone = [found(model, network, x, target, kind(name)).values for name in ("conv1", "conv2")]
    np.testing.assert_allclose(both.values, np.mean([a / np.abs(a).max() for a in alone], 0), atol=1e-6)
    assert both.facts["layer"] == "conv1, conv2"


def test_one_layer_is_never_scaled() -> None:
    model, network, x = deep()
    target = Target("fc", (2,))
    one, same = (found(model, network, x, target, GradCam(name)).values for name in ("conv1", ("conv1", "conv1")))
    assert one.tobytes() == same.tobytes()


def test_no_layer_at_all_is_refused() -> None:
    model, network, x = deep()
    with pytest.raises(InvalidValue, match=r"HiResCam\.layer must name at least one layer"):
        found(model, network, x, Target("fc", (0,)), HiResCam(()))
    with pytest.raises(UnknownName, match=r"LayerCam\.layer must be a layer of Deep with a plane.*Did you mean"):
        found(model, network, x, Target("fc", (0,)), LayerCam("conv"))


@pytest.mark.parametrize("kind", FAMILY)
def test_a_map_without_positive_evidence_says_so(kind: type[Any]) -> None:
    model, network, x = pooled()
    with torch.no_grad():
        model[-1].weight[0] = -1.0
        model[-1].weight[1] = 1.0
    against, speaking = (found(model, network, x, Target(network.output, (unit,)), kind()) for unit in (0, 1))
    assert against.facts["says"] == "Nothing in this layer speaks for the target."
    assert "says" not in speaking.facts


def test_a_place_is_explained_by_the_layer_before_it() -> None:
    model, network, x = deep()
    place = Target("conv2", (1,), at=(2, 3))
    assert found(model, network, x, place, GradCam()).facts["layer"] != "conv2"
    assert found(model, network, x, Target("conv2", (1,)), GradCam()).facts["layer"] == "conv2"
    first = Target("conv1", (1,), at=(2, 3))
    assert found(model, network, x, first, GradCam()).facts["layer"] == "conv1"


@pytest.mark.parametrize("kind", FAMILY)
def test_a_scalar_of_a_dense_output_is_explained(kind: type[Any]) -> None:
    model, network, x = dense()
    for target in (Target("out", (1,), at=(4, 15)), Target("out", (0, 2), weights=(1.0, -1.0), reduce="sum")):
        values = found(model, network, x, target, kind("join2.0")).values
        assert values.shape == (12, 20)
        assert np.isfinite(values).all()
        assert values.any()


def test_what_speaks_for_a_place_of_a_dense_output_lies_in_the_field_that_it_sees() -> None:
    model, network, x = dense()
    values = found(model, network, x, Target("out", (1,), at=(2, 3)), HiResCam("join1.0")).values
    assert np.argwhere(values).tolist() == [[2, 3]]


def test_score_cam_agrees_with_the_papers_equations() -> None:
    model, network, x = deep()
    with torch.no_grad():
        maps = model.first(x[None])[0]
        scores = []
        for one in maps:
            grown = F.interpolate(one[None, None], size=SIZE, mode="bilinear", align_corners=False)[0, 0]
            mask = (grown - grown.min()) / (grown.max() - grown.min())
            scores.append(model((x * mask)[None])[0, 2])
        expected = (torch.stack(scores).softmax(0)[:, None, None] * maps).sum(0)
    evidence = found(model, network, x, Target("fc", (2,)), ScoreCam("conv1"))
    np.testing.assert_allclose(evidence.values, expected.numpy(), atol=1e-5)
    assert 1 < evidence.facts["channels"] <= 5


def test_score_cam_leaves_out_maps_that_mask_nothing() -> None:
    model, network, x = deep()
    with torch.no_grad():
        model.conv1.bias[1] = -100.0
        maps = model.first(x[None])[0]
    assert not maps[1].any()
    evidence = found(model, network, x, Target("fc", (2,)), ScoreCam("conv1"))
    assert evidence.facts["channels"] <= 4
    with torch.no_grad():
        model.conv1.bias.fill_(-100.0)
    evidence = found(model, network, x, Target("fc", (2,)), ScoreCam("conv1"))
    assert not evidence.values.any()
    assert "nothing to mask with" in evidence.facts["says"]


def test_score_cam_shows_what_it_has_so_far() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 300, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(300, 4))
    x, handed = torch.randn(3, *SIZE), []

    class Watcher:
        def __call__(self, done: int, total: int, what: str = "") -> None: ...

        def partial(self, value: Map) -> None:
            handed.append(value)

    network = trace(model.eval(), x)
    last = found(model, network, x, Target(network.output, (1,)), ScoreCam(), progress=Watcher())
    assert [part.values.shape for part in handed] == [SIZE, SIZE]
    assert handed[-1].values.tobytes() != last.values.tobytes()


@pytest.mark.parametrize("centred", [False, True])
def test_eigen_cam_is_the_projection_on_the_first_singular_vector(centred: bool) -> None:
    model, network, x = deep()
    with torch.no_grad():
        maps = model.first(x[None])[0].double().numpy()
    table = maps.reshape(5, -1).T
    table = table - table.mean(0) if centred else table
    _, _, right = np.linalg.svd(table, full_matrices=True)
    expected = (table @ right[0]).reshape(SIZE)
    expected *= np.sign((expected * np.abs(maps).mean(0)).sum())
    evidence = found(model, network, x, Target("fc", (2,)), EigenCam("conv1", centred))
    np.testing.assert_allclose(evidence.values, expected, atol=1e-5)


@pytest.mark.parametrize("seed", range(10))
def test_eigen_cam_is_never_upside_down(seed: int) -> None:
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Conv2d(1, 4, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2)).eval()
    nn.init.uniform_(model[0].weight, 0.5, 1)  # type: ignore[arg-type]
    nn.init.zeros_(model[0].bias)  # type: ignore[arg-type]
    x = torch.zeros(1, *SIZE)
    x[0, 3:7, 4:9] = 1
    network = trace(model, x)
    for centred in (False, True):
        values = found(model, network, x, Target(network.output, (0,)), EigenCam(None, centred)).values
        assert values[3:7, 4:9].min() > values[9:, 12:].max()


def test_eigen_cam_does_not_look_at_the_target_and_says_so() -> None:
    model, network, x = deep()
    one, other = (found(model, network, x, Target("fc", (unit,)), EigenCam()) for unit in (0, 1))
    assert one.values.tobytes() == other.values.tobytes()
    assert "does not look at the target" in one.facts["says"]


def test_guided_grad_cam_agrees_with_captum() -> None:
    model, network, x = deep()
    with pytest.warns(UserWarning, match="backward hooks"):
        expected = captum.GuidedGradCam(model, model.relu2).attribute(
            x.clone()[None].requires_grad_(), target=2, interpolate_mode="bilinear"
        )[0]
    evidence = found(model, network, x, Target("fc", (2,)), GuidedGradCam("conv2"))
    np.testing.assert_allclose(evidence.values, expected.detach().sum(0).numpy(), atol=1e-6)
    assert evidence.values.any()


@pytest.mark.parametrize("layer", ["conv1", "conv2"])
def test_grad_cam_agrees_with_captum(layer: str) -> None:
    model, network, x = deep(in_place=True)
    module = {"conv1": model.relu1, "conv2": model.relu2}[layer]
    low = captum.LayerGradCam(model, module).attribute(x.clone()[None].requires_grad_(), target=2)
    expected = F.interpolate(low, size=SIZE, mode="bilinear", align_corners=False)[0, 0]
    values = found(model, network, x, Target("fc", (2,)), GradCam(layer)).values
    np.testing.assert_allclose(values, expected.detach().numpy(), atol=1e-6)


@pytest.mark.parametrize(("method", "peer"), [(GradCam("conv1"), "GradCAM"), (LayerCam("conv1"), "LayerCAM")])
def test_a_map_agrees_with_torch_cam_which_keeps_what_is_positive(method: Method, peer: str) -> None:
    torchcam = pytest.importorskip("torchcam.methods")
    model, network, x = deep()
    with getattr(torchcam, peer)(model, target_layer=model.relu1) as extractor:
        (expected,) = extractor(2, model(x[None]), normalized=False)
    values = found(model, network, x, Target("fc", (2,)), method).values
    np.testing.assert_allclose(np.maximum(values, 0), expected[0].detach().numpy(), atol=1e-6)


def test_grad_cam_gives_the_numbers_that_captum_asserts() -> None:
    from captum.testing.helpers.basic_models import BasicModel_ConvNet_One_Conv

    class Picture(BasicModel_ConvNet_One_Conv):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x)

    model, x = Picture().eval(), torch.arange(16.0).view(1, 4, 4)
    network = trace(model, x)
    values = found(model, network, x, Target(network.output, (0,)), GradCam("conv1")).values
    np.testing.assert_allclose(values[1:3, 1:3], [[0, 4], [28, 32.5]], atol=1e-4)  # where the four fields are centred


@pytest.mark.parametrize("method", [ScoreCam("bottom.0"), EigenCam("bottom.0"), GuidedGradCam("bottom.0")], ids=repr)
def test_the_others_explain_a_scalar_of_a_dense_output_too(method: Method) -> None:
    model, network, x = dense()
    values = found(model, network, x, Target("out", (0, 2), at=(4, 15), weights=(1.0, 2.0)), method).values
    assert values.shape == SIZE
    assert np.isfinite(values).all()
    assert values.any()


@pytest.mark.parametrize("method", [ScoreCam(), EigenCam()], ids=repr)
def test_maps_of_the_classes_themselves_are_passed_over_where_all_maps_count(method: Method) -> None:
    torch.manual_seed(0)
    head = (nn.Conv2d(5, 4, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    model, x = nn.Sequential(nn.Conv2d(3, 5, 3), nn.ReLU(), *head).eval(), torch.randn(3, *SIZE)
    network = trace(model, x)
    assert found(model, network, x, Target(network.output, (1,)), method).facts["layer"] == "0"


def test_the_cost_of_score_cam_is_a_pass_for_each_map() -> None:
    _, network, _ = deep()
    assert ScoreCam().cost(network).forward == 1 + 6
    assert ScoreCam("conv1").cost(network).forward == 1 + 5
    _, network, _ = dense()
    assert ScoreCam().cost(network).forward == 1 + 4
    assert ScoreCam("out").cost(network).forward == 1 + 3
