from __future__ import annotations

from collections.abc import Iterator
from dataclasses import FrozenInstanceError, dataclass
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from nets import NETS, batch_of, made
from reference.grad_cam import grad_cam
from torch import Tensor, nn
from torch.nn import functional as F

import cnnvis
from cnnvis.compute.attribute import attribute, batch_of_one
from cnnvis.compute.methods import GradCam
from cnnvis.compute.score import checked, score
from cnnvis.compute.trace import trace
from cnnvis.errors import Cancelled, InvalidValue, UnknownName
from cnnvis.model.attribution import Map
from cnnvis.model.network import Network
from cnnvis.model.target import Target


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Tiny tensors are faster without threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


class Small(nn.Module):
    """Two convolutions with a pooling between, and a classifier."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 4, 3, padding=1)
        self.conv2 = nn.Conv2d(4, 6, 3, padding=1)
        self.fc = nn.Linear(6, 3)

    def first(self, x: Tensor) -> Tensor:
        return F.relu(self.conv1(x))

    def second(self, a: Tensor) -> Tensor:
        return F.relu(self.conv2(F.max_pool2d(a, 2)))

    def last(self, b: Tensor) -> Tensor:
        return self.fc(b.mean((2, 3)))

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.second(self.first(x)))


def small() -> tuple[Small, Network, Tensor]:
    torch.manual_seed(0)
    model, x = Small().eval(), torch.randn(3, 10, 14)
    return model, trace(model, x), x


def values(model: nn.Module, network: Network, x: Any, target: Target, method: GradCam) -> np.ndarray:
    evidence = attribute(model, network, x, target, method).evidence
    assert isinstance(evidence, Map)
    return evidence.values


def test_a_class_agrees_with_the_papers_equations() -> None:
    model, network, x = small()
    found = values(model, network, x, Target("fc", (1,)), GradCam())
    expected = grad_cam(model.second(model.first(x[None])), lambda b: model.last(b)[0, 1], (10, 14))
    np.testing.assert_allclose(found, expected.numpy(), atol=1e-6)
    assert found.dtype == np.float32


def test_a_cluster_of_a_middle_layer_agrees_with_the_papers_equations() -> None:
    model, network, x = small()
    target = Target("conv2", (0, 2, 5), weights=(1.0, -0.5, 2.0))
    found = values(model, network, x, target, GradCam("conv1"))
    weights = torch.tensor(target.weights)
    expected = grad_cam(
        model.first(x[None]), lambda a: (model.second(a).mean((2, 3))[0, [0, 2, 5]] * weights).sum(), (10, 14)
    )
    np.testing.assert_allclose(found, expected.numpy(), atol=1e-6)


def test_a_layer_with_a_plane_is_its_own_map() -> None:
    model, network, x = small()
    found = values(model, network, x, Target("conv2", (3,)), GradCam())
    maps = model.second(model.first(x[None]))[:, 3:4] / 35
    expected = F.interpolate(maps, size=(10, 14), mode="bilinear")[0, 0] / 35 * 35
    np.testing.assert_allclose(found, expected.detach().numpy(), atol=1e-6)


@pytest.mark.parametrize(
    "target",
    [Target("conv2", (1,), reduce="max"), Target("conv2", (1, 2), at=(2, 3)), Target("conv2", (4,), reduce="sum")],
    ids=["max", "place", "sum"],
)
def test_any_target_can_be_explained(target: Target) -> None:
    model, network, x = small()

    def scored(a: Tensor) -> Tensor:
        maps = model.second(a)[0, list(target.units)]
        if target.at is not None:
            return maps[:, target.at[0], target.at[1]].sum()
        return maps.amax() if target.reduce == "max" else maps.sum()

    expected = grad_cam(model.first(x[None]), scored, (10, 14))
    np.testing.assert_allclose(values(model, network, x, target, GradCam("conv1")), expected.numpy(), atol=1e-5)


def test_an_attribution_says_how_to_compute_it_again() -> None:
    model, network, x = small()
    found = attribute(model, network, (x, 2), Target("fc", (2,)), GradCam("conv1"), index=17)
    assert (found.method, dict(found.parameters), found.sample) == ("Grad-CAM", {"layer": "conv1"}, 17)
    assert set(found.versions) == {"cnnvis", "torch", "numpy"}
    assert found.versions["cnnvis"] == cnnvis.__version__
    again = attribute(model, network, (x, 2), found.target, GradCam(**found.parameters))
    assert isinstance(found.evidence, Map)
    assert isinstance(again.evidence, Map)
    assert found.evidence.values.tobytes() == again.evidence.values.tobytes()


def test_the_notebook_line_works_through_the_public_names() -> None:
    model, network, x = small()
    cam = cnnvis.attribute(model, network, (x.numpy(), 0), cnnvis.Target("conv2", (0,)), cnnvis.methods.GradCam())
    assert cam.evidence.values.shape == (10, 14)


def test_grad_cam_is_a_frozen_value_that_can_be_called() -> None:
    assert GradCam() == GradCam(None)
    assert repr(GradCam("conv1")) == "GradCam(layer='conv1')"
    assert "2017" in GradCam.paper
    with pytest.raises(FrozenInstanceError):
        GradCam().layer = "conv1"  # type: ignore[misc]


IMAGES = [kind for kind, net in NETS.items() if kind not in ("lstm", "gru", "mlp", "transformer", "two inputs")]


@pytest.mark.parametrize("kind", IMAGES)
def test_every_image_network_is_explained_and_left_as_it_was(kind: str) -> None:
    model, example = made(kind)
    network = trace(model, example)
    model.train()
    before = {k: v.clone() for k, v in model.state_dict().items()}
    with torch.no_grad():
        found = values(model, network, example, Target(network.output, (1,)), GradCam())
    assert found.shape == (16, 16)
    assert np.isfinite(found).all()
    assert all(torch.equal(before[k], v) for k, v in model.state_dict().items())
    assert all(m.training for m in model.modules())
    assert all(p.grad is None for p in model.parameters())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())


def test_several_inputs_are_told_from_an_input_and_its_label() -> None:
    model, _ = made("two inputs")
    picture, vector = (x[0] for x in batch_of("two inputs", 1))
    network = trace(model, (picture, vector))
    target = Target(network.output, (0,))
    one = values(model, network, (picture, vector), target, GradCam())
    other = values(model, network, ((picture, vector), 1), target, GradCam())
    assert one.shape == (16, 16)
    assert one.tobytes() == other.tobytes()


def test_progress_may_stop_it() -> None:
    model, network, x = small()

    def stop(done: int, total: int, what: str = "") -> None:
        raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        attribute(model, network, x, Target("fc", (0,)), GradCam(), progress=stop)


def test_a_method_of_ones_own_is_a_dataclass_with_a_title() -> None:
    @dataclass(frozen=True, slots=True)
    class Nothing:
        strength: float = 0.0
        title: ClassVar[str] = "Nothing"
        paper: ClassVar[str] = ""

        def __call__(self, probe: Any, inputs: Any, target: Target, progress: Any = None) -> Map:
            return Map(np.full(inputs.shape[2:], self.strength, np.float32))

    model, network, x = small()
    found = attribute(model, network, x, Target("fc", (0,)), Nothing(0.5))
    assert (found.method, dict(found.parameters)) == ("Nothing", {"strength": 0.5})


def test_what_does_not_fit_is_said_in_a_sentence() -> None:
    model, network, x = small()
    with pytest.raises(UnknownName, match="Did you mean 'conv2'"):
        attribute(model, network, x, Target("conv_2", (0,)), GradCam())
    with pytest.raises(InvalidValue, match="units of fc must be below its 3 units; got 3"):
        attribute(model, network, x, Target("fc", (3,)), GradCam())
    with pytest.raises(InvalidValue, match=r"Target\.at must be a place of the map of conv2 \(5 × 7\); got \(5, 0\)"):
        attribute(model, network, x, Target("conv2", (0,), at=(5, 0)), GradCam())
    with pytest.raises(UnknownName, match=r"GradCam\.layer must be a layer of Small with a plane"):
        attribute(model, network, x, Target("conv1", (0,)), GradCam("conv2"))
    with pytest.raises(UnknownName, match="Did you mean 'conv1'"):
        attribute(model, network, x, Target("fc", (0,)), GradCam("conv11"))
    with pytest.raises(InvalidValue, match=r"attribute\.method must be a method"):
        attribute(model, network, x, Target("fc", (0,)), GradCam)  # type: ignore[arg-type]
    with pytest.raises(InvalidValue, match=r"attribute\.sample must be an array or a tensor.*got str"):
        attribute(model, network, "cat.png", Target("fc", (0,)), GradCam())


def test_a_network_without_planes_has_no_grad_cam() -> None:
    model, example = made("mlp")
    network = trace(model, example)
    with pytest.raises(InvalidValue, match="depend on a layer with a plane"):
        attribute(model, network, example, Target(network.output, (0,)), GradCam())


def test_a_batch_of_one_comes_from_arrays_tensors_and_labelled_samples() -> None:
    x = np.zeros((3, 4, 4), np.float32)
    assert batch_of_one(x).shape == (1, 3, 4, 4)
    assert batch_of_one((torch.from_numpy(x), None)).shape == (1, 3, 4, 4)
    assert batch_of_one({"a": x})["a"].shape == (1, 3, 4, 4)
    with pytest.raises(InvalidValue, match="network's 2 inputs"):
        batch_of_one(x, 2)


def test_the_score_of_a_direction_weighs_its_units() -> None:
    _, network, _ = small()
    target = Target("fc", (0, 2), weights=(1.0, -1.0))
    assert score(torch.tensor([[5.0, 1.0, 2.0]]), checked(network, target), target).tolist() == [3.0]
