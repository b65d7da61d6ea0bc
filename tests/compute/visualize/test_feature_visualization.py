"""Feature visualization as a method: images of neurons, made in any network, which is left as it was."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cnnvis.compute.attribute import attribute
from cnnvis.compute.methods import FeatureVisualization
from cnnvis.compute.probe import probe
from cnnvis.compute.subject import subject
from cnnvis.compute.trace import trace
from cnnvis.compute.visualize import objectives as o
from cnnvis.compute.visualize.drawing import Brush, Drawing
from cnnvis.compute.visualize.normalise import usual
from cnnvis.compute.visualize.optimise import Climb, Optimisation
from cnnvis.compute.visualize.parameterise import parameters
from cnnvis.errors import Cancelled, InvalidValue
from cnnvis.model.attribution import Picture
from cnnvis.model.network import Network
from cnnvis.model.target import Target
from cnnvis.sources.dataset import dataset


class Small(nn.Module):
    """Two convolutions and a classifier; the second rectifier is functional, the first works in place."""

    def __init__(self, channels: int = 3) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 6, 3, padding=1)
        self.relu1 = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(6, 8, 3, padding=1)
        self.fc = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.conv2(F.max_pool2d(self.relu1(self.conv1(x)), 2)))
        return self.fc(x.mean((2, 3)))


def small(channels: int = 3, high: int = 16, wide: int = 12) -> tuple[Small, Network, Tensor]:
    torch.manual_seed(0)
    model, x = Small(channels).eval(), torch.randn(channels, high, wide)
    return model, trace(model, x), x


def drawn(model: nn.Module, network: Network, x: Any, target: Target, **fields: Any) -> Picture:
    found = attribute(model, network, x, target, FeatureVisualization(**{"steps": 12, **fields})).evidence
    assert isinstance(found, Picture)
    return found


EVERY_OBJECTIVE = {
    "channel": lambda n: o.channel("conv2", 1),
    "neuron": lambda n: o.neuron("conv1", 2),
    "neuron at a place": lambda n: o.neuron("conv2", 1, at=5),
    "direction": lambda n: o.direction("conv2", torch.linspace(-1, 1, 8)),
    "direction by cosine": lambda n: o.direction("conv2", torch.linspace(-1, 1, 8), cosine=2.0),
    "direction at a place": lambda n: o.direction("conv2", torch.linspace(-1, 1, 8), at=3),
    "likeness": lambda n: o.likeness("conv2", torch.rand(8, 48), 1.0),
    "deepdream": lambda n: o.deepdream("conv2"),
    "class": lambda n: o.class_logit(n, 2),
    "place": lambda n: o.of_targets(n, [Target("conv2", (1, 3), at=(2, 2))]),
    "weighted": lambda n: o.of_targets(n, [Target("conv2", (1, 3), weights=(1.0, -2.0))]),
    "sum of two": lambda n: o.channel("conv1", 1) + 0.5 * o.channel("conv2", 2),
    "less alike": lambda n: -o.diversity("conv1", 3),
    "aligned": lambda n: o.alignment("conv1"),
    "smooth": lambda n: -o.total_variation(),
    "faint": lambda n: -o.l1(),
    "short": lambda n: -o.l2(),
    "blurred": lambda n: -o.roughness(),
    "quiet borders": lambda n: -o.borders(3),
}


@pytest.mark.parametrize("name", EVERY_OBJECTIVE)
def test_every_objective_grows_within_three_steps(name: str) -> None:
    model, network, x = small()
    objective = EVERY_OBJECTIVE[name](network)
    with probe(model, network) as opened:
        about = subject(opened, x[None])
        start = parameters("fourier", 3, 1, 3, (16, 12), torch.Generator().manual_seed(0), sd=0.1)
        climb = Optimisation(opened, about, start, usual(3), objective, Climb(0.1, None))

        def value() -> Tensor:
            images = climb.images
            run = opened.run(usual(3)(images), keep=("relu1", "/relu#0", "fc"))
            responses = {"conv1": run.values["relu1"], "conv2": run.values["/relu#0"], "fc": run.values["fc"]}
            return objective(o.Seen(network, images, responses)).mean()

        before = value()
        climb.advance(3)
        assert value() > before


def test_an_image_drives_its_neuron_further_than_any_real_one() -> None:
    model, network, _ = small()
    pictures = np.random.default_rng(0).integers(0, 256, (30, 16, 12, 3), dtype=np.uint8)
    data = dataset(pictures, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
    target = Target("conv2", (1,))
    found = attribute(model, network, data[0], target, FeatureVisualization(96), data=data).evidence
    assert isinstance(found, Picture)
    with torch.no_grad():
        inputs = torch.from_numpy(np.stack([data[i][0] for i in range(30)]))
        real = F.relu(model.conv2(F.max_pool2d(model.relu1(model.conv1(inputs)), 2)))[:, 1].mean((1, 2)).max()
    assert found.facts["strongest"] == pytest.approx(float(real), rel=1e-4)
    assert found.facts["ratio"] == pytest.approx(found.drive[0] / float(real), rel=1e-4)
    assert found.drive[0] > float(real)
    assert found.facts["says"].startswith("Drives its target ")


def test_the_drive_is_the_networks_own_answer_to_the_picture() -> None:
    model, network, x = small()
    found = drawn(model, network, x, Target("fc", (1,)), images=2)
    with torch.no_grad():
        inputs = usual(3)(torch.from_numpy(found.values).permute(0, 3, 1, 2) / 255)
        torch.testing.assert_close(torch.from_numpy(found.drive), model(inputs)[:, 1], atol=0.02, rtol=0.05)


def test_down_reads_a_rectified_neuron_before_its_rectifier() -> None:
    model, network, x = small()
    found = drawn(model, network, x, Target("conv2", (1,)), toward="both", steps=40)
    assert found.values.shape == (2, 16, 12, 3)

    def answer(image: np.ndarray) -> float:
        inputs = usual(3)(torch.from_numpy(image).permute(2, 0, 1)[None] / 255)
        maps = model.conv2(F.max_pool2d(model.relu1(model.conv1(inputs)), 2))
        return float(maps[0, 1].mean().detach())

    up, down = (answer(image) for image in found.values)
    assert up > 0 > -0.1 > down


def test_a_neuron_that_starts_dead_is_woken_by_redirected_gradients() -> None:
    model, network, x = small()
    with torch.no_grad():
        model.conv2.bias[1] = -0.3
    with probe(model, network) as opened:
        about = subject(opened, x[None])

        def images(redirect: int) -> Tensor:
            start = parameters("fourier", 1, 1, 3, (16, 12), torch.Generator().manual_seed(0))
            climb = Optimisation(
                opened, about, start, usual(3), o.channel("conv2", 1), Climb(wobble=None, redirect=redirect)
            )
            grey = climb.images
            climb.advance(40)
            return (climb.images - grey).abs().max()

        assert images(0) == 0
        assert images(16) > 0.1
    assert drawn(model, network, x, Target("conv2", (1,)), steps=1).drive[0] == 0
    assert drawn(model, network, x, Target("conv2", (1,)), steps=64).drive[0] > 0


def test_only_images_without_any_gradient_are_redirected() -> None:
    from cnnvis.compute.visualize.redirect import _Redirect

    x = torch.tensor([[-1.0, 2.0], [-1.0, -2.0], [-1.0, -2.0]], requires_grad=True)
    slope = torch.tensor([[3.0, 4.0], [3.0, -4.0], [-3.0, -4.0]])
    _Redirect.apply(x, float("inf")).backward(slope)
    assert x.grad is not None
    assert x.grad.tolist() == [[0, 4], [3, 0], [0, 0]]


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_any_number_of_channels_gives_pictures_of_the_networks_size(channels: int) -> None:
    model, network, x = small(channels)
    found = drawn(model, network, x, Target("conv2", (0,)))
    assert found.values.shape == (1, 16, 12, 3)
    assert found.values.dtype == np.uint8
    assert found.drive.shape == (1,)
    if channels == 1:
        assert (found.values[..., 0] == found.values[..., 2]).all()


def test_the_same_seed_gives_the_same_bytes() -> None:
    model, network, x = small()
    first, again, other = (drawn(model, network, x, Target("conv2", (0,)), seed=s) for s in (1, 1, 2))
    assert first.values.tobytes() == again.values.tobytes()
    assert first.values.tobytes() != other.values.tobytes()


def test_the_sample_and_the_global_generator_play_no_part() -> None:
    model, network, x = small()
    first = drawn(model, network, x, Target("conv2", (0,)))
    torch.manual_seed(5)
    before = torch.get_rng_state()
    again = drawn(model, network, x * 0, Target("conv2", (0,)))
    assert torch.equal(torch.get_rng_state(), before)
    assert first.values.tobytes() == again.values.tobytes()


def test_neurons_drawn_together_are_as_drawn_alone() -> None:
    model, network, x = small()
    targets = [Target("conv2", (unit,)) for unit in (1, 3, 6)]
    brush = Brush((16, 12), usual(3), copies=2)
    with probe(model, network) as opened:
        about = subject(opened, x[None])

        def images(some: list[Target]) -> Tensor:
            drawing = Drawing(opened, about, some, brush)
            drawing.optimisation.advance(10)
            return drawing.optimisation.images

        together = images(targets)
        alone = torch.cat([images([target]) for target in targets])
    torch.testing.assert_close(together, alone, atol=2e-2, rtol=0)
    assert (together - alone).abs().mean() < 1e-3


def test_going_on_is_as_going_at_once() -> None:
    model, network, x = small()
    with probe(model, network) as opened:
        about = subject(opened, x[None])
        once, twice = (Drawing(opened, about, [Target("conv2", (1,))], Brush((16, 12), usual(3))) for _ in range(2))
        once.optimisation.advance(20)
        for _ in range(2):
            twice.optimisation.advance(10)
    assert torch.equal(once.optimisation.images, twice.optimisation.images)


def test_diverse_images_are_less_alike() -> None:
    model, network, x = small()

    def likeness(diversity: float) -> float:
        found = drawn(model, network, x, Target("conv2", (1,)), images=3, diversity=diversity, steps=48)
        with torch.no_grad():
            inputs = usual(3)(torch.from_numpy(found.values).permute(0, 3, 1, 2) / 255)
            maps = F.relu(model.conv2(F.max_pool2d(model.relu1(model.conv1(inputs)), 2)))
        return float(o.diversity("conv2", 3)(o.Seen(network, inputs, {"conv2": maps})).mean())

    assert likeness(2.0) < likeness(0.0)


def test_nothing_is_computed_beyond_the_target() -> None:
    model, network, x = small()
    calls = []
    model.fc.forward = lambda value: calls.append(1)  # type: ignore[assignment]
    drawn(model, network, x, Target("conv2", (0,)))
    assert calls == []


def test_the_network_is_left_as_it_was() -> None:
    model, network, x = small()
    model.train()
    before = {k: v.clone() for k, v in model.state_dict().items()}
    drawn(model, network, x, Target("conv2", (0,)))
    assert all(torch.equal(before[k], v) for k, v in model.state_dict().items())
    assert all(m.training for m in model.modules())
    assert all(p.grad is None and p.requires_grad for p in model.parameters())


def test_partial_pictures_come_coarse_first_and_a_cancel_stops() -> None:
    model, network, x = small()
    came: list[int] = []

    class Watching:
        def __call__(self, done: int, total: int, what: str = "") -> None:
            if done > 40:
                raise Cancelled("stopped")

        def partial(self, value: Picture) -> None:
            came.append(value.facts["steps"])

    with pytest.raises(Cancelled):
        attribute(model, network, x, Target("conv2", (0,)), FeatureVisualization(64), progress=Watching())
    assert came == [16, 32]


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_it_works_where_gradients_are_off(mode: Any) -> None:
    model, network, x = small()
    with mode():
        assert drawn(model, network, x, Target("conv2", (1,)), steps=40).drive[0] > 0


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_draws_too(dtype: torch.dtype) -> None:
    model, network, x = small()
    found = drawn(model.to(dtype), network, x, Target("conv2", (1,)))
    assert found.values.shape == (1, 16, 12, 3)


def test_an_in_place_step_after_the_target_changes_nothing() -> None:
    class After(Small):
        def forward(self, x: Tensor) -> Tensor:
            x = self.conv1(x)
            x = x.sigmoid_().mul_(2.0)  # overwrites what the way back through sigmoid needs
            return self.fc(F.relu_(self.conv2(x)).mean((2, 3)))

    torch.manual_seed(0)
    model, x = After().eval(), torch.randn(3, 16, 12)
    found = drawn(model, trace(model, x), x, Target("fc", (1,)), steps=20)
    assert found.values.std() > 1


class Normed(nn.Module):
    """A network whose BatchNorm can be folded, and which calls `view` or does not."""

    def __init__(self, views: bool) -> None:
        super().__init__()
        self.conv, self.bn, self.fc, self.views = nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6), nn.Linear(6 * 140, 3), views
        with torch.no_grad():
            self.bn.running_mean += torch.randn(6)
            self.bn.running_var *= 1 + torch.rand(6)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.bn(self.conv(x)))
        return self.fc(x.view(len(x), -1) if self.views else x.flatten(1))


@pytest.mark.parametrize("views", [False, True])
def test_the_fast_way_leads_where_the_plain_one_does(views: bool) -> None:
    torch.manual_seed(0)
    model, x = Normed(views).eval(), torch.randn(3, 16, 12)
    network = trace(model, x)
    with probe(model, network) as p:
        about = subject(p, x[None])
        fast, plain = (Drawing(p, about, [Target("fc", (1,))], Brush((16, 12), usual(3))) for _ in range(2))
        del plain.optimisation._ways[0]
        for drawing in (fast, plain):
            drawing.optimisation.advance(20)
        ways = fast.optimisation._ways
        torch.testing.assert_close(fast.optimisation.images, plain.optimisation.images, rtol=0, atol=1e-3)
    assert ways[0] == ("plain" if views else "fast")


def test_what_does_not_fit_is_said_in_a_sentence() -> None:
    model, network, x = small()
    for fields, said in (
        ({"steps": 0}, r"steps must be at least 1; got 0"),
        ({"toward": "up"}, r"toward must be 'max', 'min' or 'both'"),
        ({"space": "wavelet"}, r"space must be one of"),
        ({"mean": (0.5,)}, r"mean and std must be given together"),
        ({"mean": (0.5, 0.5), "std": (1.0, 1.0)}, r"one for each of 3 channels; got 2"),
    ):
        with pytest.raises(InvalidValue, match=said):
            drawn(model, network, x, Target("conv2", (0,)), **fields)
    with pytest.raises(InvalidValue, match="units of conv2 must be below its 8 units"):
        drawn(model, network, x, Target("conv2", (8,)))
    with pytest.raises(InvalidValue, match="size must be None for a place"):
        drawn(model, network, x, Target("conv2", (0,), at=(1, 1)), size=8)


def test_nan_gradients_are_said() -> None:
    model, network, x = small()
    with torch.no_grad():
        model.conv1.weight[0] = float("nan")
    with pytest.raises(InvalidValue, match="must be finite"):
        drawn(model, network, x, Target("conv2", (0,)))
