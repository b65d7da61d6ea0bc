"""What must hold for every explanation method, whatever its paper says.

A method joins by being in `EVERY`. One that costs too much at its defaults, learns from samples, or does not apply to
some target says so in `HOW`; nothing else is needed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from samples import Held, random_images
from sessions import made_up_session
from torch import Tensor, nn
from torch.nn import functional as F

from cnnvis.compute.attribute import attribute
from cnnvis.compute.method import Cost, Learning, Method
from cnnvis.compute.methods import EVERY
from cnnvis.compute.trace import trace
from cnnvis.errors import Cancelled, InvalidValue, ModelFailure
from cnnvis.model.attribution import Attribution, Gates, Map, Picture, Vector, WeightMap
from cnnvis.model.dataset import Dataset
from cnnvis.model.network import Network
from cnnvis.model.target import Target
from cnnvis.storage.archive import load, save
from cnnvis.storage.explained import attributions_to_values

PLANE = (16, 24)
CLASSES = 3
COLUMNS = 7


class Crowded(nn.Module):
    """Every trap at once: BatchNorm, an in-place rectifier used everywhere, one convolution called twice."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.stem = nn.Conv2d(channels, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.relu = nn.ReLU(inplace=True)
        self.conv = nn.Conv2d(4, 4, 3, padding=1)
        self.fc = nn.Linear(4, CLASSES)
        self.breaks_at = 0
        self.calls = 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        if self.calls == self.breaks_at:
            raise RuntimeError("broken on purpose")
        x = F.max_pool2d(self.relu(self.norm(self.stem(x))), 2)
        x = self.relu(self.conv(x))
        x = self.relu(self.conv(x))
        return self.fc(x.mean((2, 3)))


class Tabular(nn.Module):
    """Two linear layers and a rectifier, for rows of a table."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden = nn.Linear(COLUMNS, 8)
        self.relu = nn.ReLU(inplace=True)
        self.fc = nn.Linear(8, CLASSES)
        self.breaks_at = 0
        self.calls = 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        if self.calls == self.breaks_at:
            raise RuntimeError("broken on purpose")
        return self.fc(self.relu(self.hidden(x)))


TARGETS: Mapping[str, Mapping[str, Target]] = {
    "picture": {
        "class": Target("fc", (1,)),
        "neuron": Target("conv", (2,)),
        "second call": Target("conv#1", (2,), reduce="max"),
        "cluster": Target("conv#1", (0, 1, 3), weights=(1.0, -0.5, 2.0)),
        "place": Target("conv#1", (1,), at=(3, 5)),
    },
    "row": {
        "class": Target("fc", (1,)),
        "neuron": Target("hidden", (2,)),
        "cluster": Target("hidden", (0, 1, 3), weights=(1.0, -0.5, 2.0)),
    },
}


@dataclass(frozen=True)
class How:
    """How a method is tried: cheap parameters, and for each target that it refuses a piece of the sentence.

    `rows`: on the network of linear layers, also where pictures are taken, too.
    """

    parameters: Mapping[str, Any] = field(default_factory=dict)
    refuses: Mapping[str, str] = field(default_factory=dict)
    rows: bool = False


_EACH = r"reads the places of relu#2 each for itself\. Use FittedCam"
_CLASS = "must be one class of Crowded; got units of conv"

HOW: Mapping[str, How] = {
    "Cam": How(refuses={"second call": _EACH, "place": _EACH}),
    "FittedCam": How(refuses=dict.fromkeys(("neuron", "second call", "cluster", "place"), _CLASS)),
    "ConnectionWeights": How(rows=True),
    "CriticalPath": How(
        {"steps": 4}, dict.fromkeys(("neuron", "second call", "cluster", "place"), "must be a class of")
    ),
    "ActivationGrid": How(parameters={"steps": 16, "parts": 2}),
    "Caricature": How(parameters={"steps": 16}),
    "FeatureVisualization": How(parameters={"steps": 20, "compare": 16}),
}


@dataclass(frozen=True, eq=False)
class Setting:
    """A network with a sample and the other samples to learn from."""

    model: Any
    network: Network
    x: Tensor
    data: Dataset
    targets: Mapping[str, Target]

    def ask(self, method: Method, target: Target, x: Tensor | None = None, **more: Any) -> Attribution:
        data = self.data if isinstance(method, Learning) else None
        sample = self.x if x is None else x
        return attribute(self.model, self.network, sample, target, method, index=5, data=data, **more)


def setting(kind: type[Method], channels: int = 3, dtype: torch.dtype = torch.float32) -> Setting:
    torch.manual_seed(0)
    of_rows = kind.takes == "row" or HOW.get(kind.__name__, How()).rows
    model = Tabular() if of_rows else Crowded(channels)
    if isinstance(model, Crowded):
        model.norm.running_mean = torch.randn(4)
        nn.init.constant_(model.conv.bias, 0.2)
    shape = (COLUMNS,) if of_rows else (channels, *PLANE)
    inputs = random_images(36, shape)
    model = model.to(dtype)
    network = trace(model, inputs[0].to(dtype), classes=tuple("abc"[:CLASSES]))
    data = Held(inputs, np.arange(len(inputs)) % CLASSES, tuple("abc"[:CLASSES]))
    if of_rows:
        data.kind, data.features = "table", tuple(f"column {i}" for i in range(COLUMNS))
    model.calls = 0
    return Setting(model, network, inputs[5].clone(), data, TARGETS["row" if of_rows else "picture"])


def made(kind: type[Method]) -> Method:
    return kind(**HOW.get(kind.__name__, How()).parameters)


def first_target(kind: type[Method], found: Setting) -> Target:
    refused = HOW.get(kind.__name__, How()).refuses
    return next(target for name, target in found.targets.items() if name not in refused)


def arrays(found: Attribution) -> dict[str, np.ndarray]:
    return attributions_to_values([found])[1]


def same(one: Attribution, other: Attribution) -> bool:
    a, b = arrays(one), arrays(other)
    return (
        list(a) == list(b)
        and all(x.tobytes() == y.tobytes() for x, y in zip(a.values(), b.values()))
        and repr(dict(one.evidence.facts)) == repr(dict(other.evidence.facts))
    )


def state(model: nn.Module) -> dict[str, Any]:
    """All that a method must leave alone, to be compared bit by bit."""
    return {
        "values": {k: (v.numpy(force=True).tobytes() if v.dtype != torch.bfloat16 else v.float().numpy().tobytes())
                   for k, v in model.state_dict().items()},
        "tensors": [id(v) for v in (*model.parameters(), *model.buffers())],
        "modes": [m.training for m in model.modules()],
        "trainable": [p.requires_grad for p in model.parameters()],
        "gradients": [None if p.grad is None else (id(p.grad), p.grad.tolist()) for p in model.parameters()],
        "hooks": [
            [*m._forward_hooks, *m._forward_pre_hooks, *m._backward_hooks, *m._backward_pre_hooks]
            for m in model.modules()
        ],
        "forward": [m.__dict__.get("forward") for m in model.modules()],
        "tensor hooks": [len(p._backward_hooks or {}) for p in model.parameters()],
    }  # fmt: skip


def lived_in(model: nn.Module) -> nn.Module:
    """The model as a user may have it: half in training, one weight frozen, a gradient and a hook of the user's."""
    model.train()
    next(m for m in model.modules() if isinstance(m, nn.ReLU)).eval()
    first, second, *_ = model.parameters()
    first.requires_grad_(False)
    second.grad = torch.full_like(second, 0.5)
    model.fc.register_forward_hook(lambda module, args, output: None)
    return model


def check_form(found: Attribution, where: Setting) -> None:
    evidence = found.evidence
    match evidence:
        case Map():
            assert evidence.values.shape == PLANE
            assert evidence.values.dtype == np.float32
        case Vector():
            assert evidence.values.shape == (len(evidence.features),)
            assert evidence.values.dtype == np.float32
        case Picture():
            assert evidence.values.dtype == np.uint8
            assert evidence.values.shape == (len(evidence.drive), *evidence.values.shape[1:3], 3)
        case Gates():
            assert all(v.shape == (where.network[name].n_units,) for name, v in evidence.values.items())
        case WeightMap():
            shapes = {name: tuple(p.shape) for name, p in where.model.named_parameters()}
            assert evidence.values
            assert all(v.shape == shapes[name] for name, v in evidence.values.items())
    for values in arrays(found).values():
        assert np.isfinite(values).all()
        assert values.flags.c_contiguous


every = pytest.mark.parametrize("kind", EVERY, ids=lambda kind: kind.__name__)


@every
def test_every_target_gives_finite_evidence_of_the_right_form_or_one_sentence(kind: type[Method]) -> None:
    where, method = setting(kind), made(kind)
    refuses = HOW.get(kind.__name__, How()).refuses
    for name, target in where.targets.items():
        if name in refuses:
            with pytest.raises(InvalidValue, match=refuses[name]):
                where.ask(method, target)
        else:
            check_form(where.ask(method, target), where)


@every
@pytest.mark.parametrize("channels", [1, 4])
def test_any_number_of_channels_will_do(kind: type[Method], channels: int) -> None:
    where = setting(kind, channels)
    check_form(where.ask(made(kind), first_target(kind, where)), where)


@every
def test_it_gives_the_same_twice_whatever_the_random_state_gradients_or_freezing(kind: type[Method]) -> None:
    where, method = setting(kind), made(kind)
    target = first_target(kind, where)
    before = where.ask(method, target)
    for p in where.model.parameters():
        p.requires_grad_(False)
    torch.manual_seed(99)
    np.random.seed(99)
    with torch.no_grad():
        assert same(before, where.ask(method, target))
    with torch.inference_mode():
        assert same(before, where.ask(method, target))


@every
def test_the_model_and_the_sample_are_left_as_they_were(kind: type[Method]) -> None:
    where, method = setting(kind), made(kind)
    lived_in(where.model)
    x = where.x.clone().requires_grad_()
    x.grad = torch.ones_like(x)
    mine, before, values = x.grad, state(where.model), x.detach().clone()
    generator = torch.get_rng_state()
    where.ask(method, first_target(kind, where), x)
    assert state(where.model) == before
    assert x.grad is mine
    assert x.grad.eq(1).all()
    assert x.requires_grad
    assert torch.equal(x.detach(), values)
    assert torch.equal(torch.get_rng_state(), generator)


@every
def test_an_exception_of_the_network_in_the_middle_leaves_the_model_as_it_was(kind: type[Method]) -> None:
    where, method = setting(kind), made(kind)
    target = first_target(kind, where)
    where.ask(method, target)
    runs, where.model.calls = where.model.calls, 0
    if not runs:
        pytest.skip("it never runs the network")
    lived_in(where.model)
    before = state(where.model)
    where.model.breaks_at = (runs + 1) // 2
    with pytest.raises(ModelFailure, match="broken on purpose"):
        where.ask(method, target)
    assert state(where.model) == before


@every
def test_progress_is_called_and_may_stop_it_anywhere(kind: type[Method]) -> None:
    where, method = setting(kind), made(kind)
    target = first_target(kind, where)
    lived_in(where.model)
    before, seen = state(where.model), []

    def count(done: int, total: int, what: str = "") -> None:
        seen.append((done, total, what))

    where.ask(method, target, progress=count)
    assert seen
    assert all(what and (total == 0 or 0 <= done <= total) for done, total, what in seen)
    for k in sorted({1, (len(seen) + 1) // 2, len(seen)}):
        with pytest.raises(Cancelled):
            where.ask(method, target, progress=stopping(k))
        assert state(where.model) == before


def stopping(k: int) -> Callable[..., None]:
    """A progress that cancels at its k-th call."""
    calls = iter(range(1, k + 1))

    def progress(done: int, total: int, what: str = "") -> None:
        if next(calls) == k:
            raise Cancelled("stopped")

    return progress


@every
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=["float16", "bfloat16"])
def test_inputs_of_half_precision_count_as_what_they_are(kind: type[Method], dtype: torch.dtype) -> None:
    where, method = setting(kind), made(kind)
    target, x = first_target(kind, where), where.x.to(dtype)
    assert same(where.ask(method, target, x), where.ask(method, target, x.float()))


@every
def test_a_network_of_half_precision_is_explained_in_single_precision(kind: type[Method]) -> None:
    where = setting(kind, dtype=torch.bfloat16)
    check_form(where.ask(made(kind), first_target(kind, where)), where)


@every
def test_it_survives_saving_and_loading(kind: type[Method], tmp_path: Path) -> None:
    where = setting(kind)
    found = where.ask(made(kind), first_target(kind, where))
    session = replace(made_up_session(), attributions=(found,))
    (after,) = load(save(session, tmp_path / "mine")).attributions
    assert type(after.evidence) is type(found.evidence)
    assert same(after, found)
    assert after.key == found.key
    assert (after.method, dict(after.parameters)) == (found.method, dict(found.parameters))


@every
def test_its_cost_is_known_beforehand(kind: type[Method]) -> None:
    where = setting(kind)
    cost = made(kind).cost(where.network)
    assert isinstance(cost, Cost)
    assert min(cost.forward, cost.backward) >= 0


def test_whoever_is_in_the_table_is_a_method() -> None:
    assert set(HOW) <= {kind.__name__ for kind in EVERY}
    assert all(re.compile(sentence) for how in HOW.values() for sentence in how.refuses.values())
