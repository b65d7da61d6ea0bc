from __future__ import annotations

import runpy
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from nets import NETS, batch_of, made
from reference.connect import class_effects, contributions
from reference.connect import effects as reference
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

from cnnvis.compute import connect as connect_module
from cnnvis.compute import effects as effects_module
from cnnvis.compute.connect import connect
from cnnvis.compute.routes import whole
from cnnvis.compute.sampling import chosen_samples
from cnnvis.compute.trace import trace
from cnnvis.errors import Cancelled, InvalidValue, NotConnected, UnknownName
from cnnvis.model.activations import Activations, Samples
from cnnvis.model.connections import Connections, Mode
from cnnvis.model.groups import layer_groups, neighbours
from cnnvis.model.network import Network

N = 4


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Tiny tensors are faster without threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


class Pictures:
    """Random inputs with labels 0, 1, 0, 1 …"""

    kind, classes, features = "images", ("a", "b"), ()

    def __init__(self, shape: tuple[int, ...], n: int = N) -> None:
        self.inputs = torch.randn(n, *shape, generator=torch.Generator().manual_seed(3))
        self.labels = np.arange(n) % 2

    def __len__(self) -> int:
        return len(self.inputs)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.inputs[index], int(self.labels[index])

    def name(self, index: int) -> str:
        return str(index)

    def picture(self, index: int) -> np.ndarray:
        return np.zeros((1, 1, 3), np.uint8)


def activations(data: Pictures | None, n: int = N, n_classes: int = 2) -> Activations:
    ranked = np.zeros((n, 1), np.int32)
    samples = Samples(
        tuple(map(str, range(n))), np.arange(n), np.arange(n) % n_classes, ranked, np.ones((n, 1), "f4"),
        np.ones(n, bool),
    )  # fmt: skip
    return Activations(("a", "b"), "class", np.array([n / 2, n / 2]), {}, samples, data)


def seeded(model: nn.Module) -> nn.Module:
    """Random weights, and statistics of BatchNorm that do something."""
    generator = torch.Generator().manual_seed(1)
    for name, tensor in model.state_dict().items():
        if tensor.is_floating_point():
            noise = torch.randn(tensor.shape, generator=generator)
            tensor.copy_(noise.abs() + 0.5 if "running_var" in name else noise * (0.4 if tensor.dim() > 1 else 0.3))
    return model.eval()


def joined(
    model: nn.Module, shape: tuple[int, ...], pairs: list[tuple[str, str]], **options: object
) -> tuple[Connections, Pictures, Network]:
    data = Pictures(shape)
    network = trace(model, data.inputs[0])
    found = connect(model, network, activations(data), pairs=pairs, probe_samples=N, device="cpu", **options)  # type: ignore[arg-type]
    return found, data, network


def agrees(found: Connections, pair: tuple[str, str], expected: Tensor) -> None:
    expected = expected.detach()
    matrix = found.between(*pair).astype(np.float64) * found.scales[pair]
    assert matrix.shape == tuple(expected.shape)
    np.testing.assert_allclose(matrix, expected.numpy(), atol=2e-3 * float(expected.abs().max()))
    assert float(expected.abs().max()) > 0


class Chain(nn.Module):
    """conv, relu, [pool], conv, BatchNorm, relu, conv, pooled, linear."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 4, 3, padding=1)
        self.conv2 = nn.Conv2d(4, 6, 3, stride=2, padding=1)
        self.bn2 = nn.BatchNorm2d(6)
        self.conv3 = nn.Conv2d(6, 5, (2, 3), dilation=(2, 1))
        self.fc = nn.Linear(5, 3)

    def first(self, x: Tensor) -> Tensor:
        return F.relu(self.conv1(x))

    def second(self, x: Tensor) -> Tensor:
        return F.relu(self.bn2(self.conv2(F.max_pool2d(x, 2, stride=1))))

    def third(self, x: Tensor) -> Tensor:
        return F.relu(self.conv3(x))

    def last(self, x: Tensor) -> Tensor:
        return self.fc(x.mean((2, 3)))

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.third(self.second(self.first(x))))


class Fire(nn.Module):
    """A Fire module after pooling: squeeze, two expansions side by side, concatenated."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 6, 3)
        self.squeeze = nn.Conv2d(6, 3, 1)
        self.one = nn.Conv2d(3, 4, 1)
        self.three = nn.Conv2d(3, 5, 3, padding=1)
        self.classifier = nn.Conv2d(9, 4, 1, padding=1)

    def before(self, x: Tensor) -> Tensor:
        return F.relu(self.stem(x))

    def fire(self, x: Tensor) -> Tensor:
        x = F.relu(self.squeeze(F.max_pool2d(x, 2)))
        return torch.cat([F.relu(self.one(x)), F.relu(self.three(x))], 1)

    def last(self, x: Tensor) -> Tensor:
        return F.relu(self.classifier(x)).mean((2, 3))

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.fire(self.before(x)))


class Residual(nn.Module):
    """Two blocks; the shortcut of the second pads channels, as in ResNets for CIFAR."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3, padding=1)
        self.a1, self.a2 = nn.Conv2d(4, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)
        self.b1, self.b2 = nn.Conv2d(4, 6, 3, stride=2, padding=1), nn.Conv2d(6, 6, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.fc = nn.Linear(6, 3)

    def before(self, x: Tensor) -> Tensor:
        return F.relu(self.stem(x))

    def blocks(self, x: Tensor) -> Tensor:
        x = F.relu(self.norm(self.a2(F.relu(self.a1(x)))) + x)
        y = self.b2(F.relu(self.b1(x)))
        return F.relu(y + F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 1, 1)))

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.blocks(self.before(x)).mean((2, 3)))


class Identity(nn.Module):
    """A plain identity shortcut around one convolution, and a depthwise one behind."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3, padding=1)
        self.inner = nn.Conv2d(4, 4, 3, padding=1)
        self.deep = nn.Conv2d(4, 4, 3, padding=1, groups=4)
        self.fc = nn.Linear(4 * 25, 3)

    def before(self, x: Tensor) -> Tensor:
        return F.relu(self.stem(x))

    def block(self, x: Tensor) -> Tensor:
        return F.relu(self.deep(F.relu(self.inner(x) + x)))

    def last(self, x: Tensor) -> Tensor:
        return self.fc(F.max_pool2d(x, 2).flatten(1))

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.block(self.before(x)))


def test_one_convolution_between_agrees_with_the_definition() -> None:
    model = seeded(Chain())
    assert isinstance(model, Chain)
    pairs = [("conv1", "conv2"), ("conv2", "conv3"), ("conv3", "fc")]
    found, data, _ = joined(model, (3, 9, 11), pairs)
    a = model.first(data.inputs)
    b = model.second(a)
    c = model.third(b)
    agrees(found, pairs[0], reference(model.second, a))
    agrees(found, pairs[1], reference(model.third, b))
    agrees(found, pairs[2], reference(model.last, c))


def test_several_convolutions_between_agree_with_the_definition() -> None:
    model = seeded(Chain())
    assert isinstance(model, Chain)
    found, data, _ = joined(model, (3, 9, 11), [("conv1", "fc")])

    def rest(a: Tensor) -> Tensor:
        return model.last(model.third(model.second(a)))

    agrees(found, ("conv1", "fc"), reference(rest, model.first(data.inputs)))


def test_parallel_convolutions_and_concatenation_agree_with_the_definition() -> None:
    model = seeded(Fire())
    assert isinstance(model, Fire)
    pairs = [("stem", "/cat#0"), ("/cat#0", "/mean#0")]
    found, data, _ = joined(model, (3, 12, 12), pairs)
    a = model.before(data.inputs)
    agrees(found, pairs[0], reference(model.fire, a))
    agrees(found, pairs[1], reference(model.last, model.fire(a)))


def test_residual_blocks_agree_with_the_definition() -> None:
    model = seeded(Residual())
    assert isinstance(model, Residual)
    found, data, network = joined(model, (3, 8, 8), [("stem", "/add#1")])
    assert network["/add#1"].kind == "add"
    agrees(found, ("stem", "/add#1"), reference(model.blocks, model.before(data.inputs)))


def test_shortcuts_depthwise_convolutions_and_flattening_agree_with_the_definition() -> None:
    model = seeded(Identity())
    assert isinstance(model, Identity)
    pairs = [("stem", "deep"), ("deep", "fc")]
    found, data, _ = joined(model, (3, 10, 10), pairs)
    a = model.before(data.inputs)
    agrees(found, pairs[0], reference(model.block, a))
    agrees(found, pairs[1], reference(model.last, model.block(a)))


def test_an_addition_adds_a_source_unit_to_its_own_sink_unit() -> None:
    model = seeded(Identity())
    assert isinstance(model, Identity)
    found, data, _ = joined(model, (3, 10, 10), [("stem", "/add#0"), ("inner", "/add#0")])
    a = model.before(data.inputs)
    inner = model.inner(a)
    agrees(found, ("stem", "/add#0"), reference(lambda x: F.relu(inner[: len(x)] * 0 + x), a) * 0 + _only(inner, a))
    agrees(found, ("inner", "/add#0"), _only(a, inner))


def _only(fixed: Tensor, moved: Tensor) -> Tensor:
    """The definition where `fixed` is held and only `moved` counts, on the diagonal."""
    gate = ((fixed + moved) > 0).float()
    return torch.diag((gate * moved).mean((0, 2, 3)))


def test_the_mode_weights_leaves_the_activation_out() -> None:
    model = seeded(Chain())
    assert isinstance(model, Chain)
    found, data, _ = joined(model, (3, 9, 11), [("conv1", "conv2"), ("conv3", "fc")], mode="weights")
    a = model.first(data.inputs)
    agrees(found, ("conv1", "conv2"), reference(model.second, a, weights_only=True))
    agrees(found, ("conv3", "fc"), model.fc.weight.T)


def for_class(
    model: nn.Module, shape: tuple[int, ...], pairs: list[tuple[str, str]], target: int, **options: object
) -> tuple[Connections, Pictures, Network]:
    """Edges for a class. The samples are labelled 0 and 1: for others all of them are taken."""
    return joined(model, shape, pairs, mode="class", target=target, **options)


def test_edges_for_a_class_agree_with_the_definition_through_one_and_several_convolutions() -> None:
    model = seeded(Chain())
    assert isinstance(model, Chain)
    pairs = [("conv1", "conv2"), ("conv2", "fc")]
    found, data, _ = for_class(model, (3, 9, 11), pairs, target=2)
    a = model.first(data.inputs)
    b = model.second(a)

    def rest(b: Tensor) -> Tensor:
        return model.last(model.third(b))

    agrees(found, pairs[0], class_effects(model.second, lambda s, _: rest(s)[:, 2], a))
    agrees(found, pairs[1], class_effects(rest, lambda s, _: s[:, 2], b))
    assert (found.mode, found.target) == ("class", 2)


def test_edges_for_a_class_agree_with_the_definition_through_a_concatenation() -> None:
    model = seeded(Fire())
    assert isinstance(model, Fire)
    found, data, _ = for_class(model, (3, 12, 12), [("stem", "/cat#0")], target=3)
    a = model.before(data.inputs)
    agrees(found, ("stem", "/cat#0"), class_effects(model.fire, lambda s, _: model.last(s)[:, 3], a))


def test_edges_for_a_class_agree_with_the_definition_where_a_shortcut_passes_the_sink() -> None:
    model = seeded(Identity())
    assert isinstance(model, Identity)
    found, data, _ = for_class(model, (3, 10, 10), [("stem", "inner")], target=2)
    a = model.before(data.inputs)

    def logit(inner: Tensor, a: Tensor) -> Tensor:
        return model.last(F.relu(model.deep(F.relu(inner + a))))[:, 2]

    agrees(found, ("stem", "inner"), class_effects(model.inner, logit, a))


def test_edges_for_a_class_agree_with_the_definition_through_residual_blocks() -> None:
    model = seeded(Residual())
    assert isinstance(model, Residual)
    found, data, _ = for_class(model, (3, 8, 8), [("stem", "/add#1")], target=2)
    a = model.before(data.inputs)
    agrees(found, ("stem", "/add#1"), class_effects(model.blocks, lambda s, _: model.fc(s.mean((2, 3)))[:, 2], a))


def test_all_edges_out_of_a_unit_for_a_class_sum_to_its_contribution() -> None:
    model = seeded(Identity())
    assert isinstance(model, Identity)
    found, data, _ = for_class(
        model, (3, 10, 10), [("stem", "inner"), ("stem", "/add#0"), ("inner", "/add#0")], target=2
    )
    a = model.before(data.inputs)
    sums = sum(
        found.between("stem", sink).astype("f8").sum(1) * found.scales["stem", sink] for sink in ("inner", "/add#0")
    )
    expected = contributions(lambda a: model.last(model.block(a))[:, 2], a).numpy()
    np.testing.assert_allclose(sums, expected, atol=2e-3 * np.abs(expected).max())


def test_edges_into_the_classes_reach_only_the_one_in_question() -> None:
    found, _, _ = for_class(seeded(Chain()), (3, 9, 11), [("conv3", "fc")], target=1)
    matrix = found.between("conv3", "fc")
    assert matrix[:, 1].any()
    assert not np.delete(matrix, 1, axis=1).any()


def test_edges_for_a_class_are_taken_over_its_own_samples_where_it_has_any() -> None:
    model, pairs = seeded(Chain()), [("conv1", "conv2")]
    of_class = for_class(model, (3, 9, 11), pairs, target=1)[0]
    chosen = for_class(model, (3, 9, 11), pairs, target=1, indices=[1, 3])[0]
    assert (of_class.probe, for_class(model, (3, 9, 11), pairs, target=2)[0].probe) == (2, N)
    assert of_class.between(*pairs[0]).tobytes() == chosen.between(*pairs[0]).tobytes()


def test_edges_of_one_sample_are_its_share_of_the_mean() -> None:
    model, pair = seeded(Chain()), ("conv1", "fc")
    whole = joined(model, (3, 9, 11), [pair])[0]
    each = [joined(model, (3, 9, 11), [pair], indices=[k])[0] for k in range(N)]
    mean = np.mean([c.between(*pair).astype("f8") * c.scales[pair] for c in each], axis=0)
    np.testing.assert_allclose(
        mean, whole.between(*pair).astype("f8") * whole.scales[pair], atol=2e-3 * whole.scales[pair]
    )
    assert [c.probe for c in each] == [1] * N


def test_samples_are_drawn_among_those_named_and_of_the_class_where_it_has_any() -> None:
    table = activations(None, n=40, n_classes=4)
    assert chosen_samples(table, 99, 0, among=[3, 7, 8, 77]).tolist() == [3, 7, 8]
    assert chosen_samples(table, 99, 0, of=3).tolist() == list(range(3, 40, 4))
    assert chosen_samples(table, 99, 0, among=[3, 7, 8], of=3).tolist() == [3, 7]
    assert chosen_samples(table, 99, 0, among=[8, 9], of=3).tolist() == [8, 9]


@pytest.mark.parametrize("mode", ["weights × activation", "class"])
@pytest.mark.parametrize("kind", NETS)
def test_the_closed_forms_agree_with_plain_differentiation(
    kind: str, mode: Mode, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, example = made(kind)
    network = trace(model, example)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    inputs = batch_of(kind, 3)
    data = Pictures((1,), 3)
    data.inputs = list(zip(*inputs)) if isinstance(inputs, tuple) else inputs
    table = activations(data, n=3)
    groups = layer_groups(network, "layers")
    target = 0 if mode == "class" else None
    quick = connect(model, network, table, groups=groups, mode=mode, target=target, device="cpu")
    monkeypatch.setattr(connect_module, "find_routes", lambda m, n, sink, sources, stops: whole(n, sink, sources))
    plain = connect(model, network, table, groups=groups, mode=mode, target=target, device="cpu")
    assert quick.pairs == neighbours(groups, network)
    for pair in quick.pairs:
        one, other = (c.between(*pair).astype("f8") * c.scales[pair] for c in (quick, plain))
        np.testing.assert_allclose(one, other, atol=2e-3 * plain.scales[pair])
    assert all(torch.equal(before[k], v) for k, v in model.state_dict().items())


class Shuffle(nn.Module):
    """Mixes maps, although its name says otherwise."""

    def forward(self, x: Tensor) -> Tensor:
        return x.flip(1)


def test_a_step_that_is_not_what_its_name_says_is_found_out() -> None:
    turned = type("ReLU", (Shuffle,), {})
    model = seeded(nn.Sequential(nn.Conv2d(3, 4, 1), turned(), nn.Conv2d(4, 5, 1), turned(), nn.Flatten()))
    found, data, network = joined(model, (3, 4, 4), [("0", "2")])
    assert isinstance(model, nn.Sequential)
    first, last = (int(network[name].response) + 1 for name in ("0", "2"))
    agrees(found, ("0", "2"), reference(model[first:last], model[:first](data.inputs)))


def test_ways_through_another_representative_are_left_to_it() -> None:
    model = seeded(Chain())
    found, _, _ = joined(model, (3, 9, 11), [("conv1", "conv3"), ("conv2", "conv3")])
    assert not found.between("conv1", "conv3").any()
    assert found.scales["conv1", "conv3"] == 1.0
    assert found.between("conv2", "conv3").any()


def test_matrices_lie_within_one_and_cannot_be_written() -> None:
    found, _, _ = joined(seeded(Chain()), (3, 9, 11), [("conv1", "conv2")])
    matrix = found.between("conv1", "conv2")
    assert (matrix.dtype, matrix.flags.writeable, float(np.abs(matrix).max())) == (np.float16, False, 1.0)
    assert (found.probe, found.mode) == (N, "weights × activation")


def test_batches_and_chunks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = [("conv1", "conv2"), ("conv1", "fc")]
    model = seeded(Chain())
    at_once = [joined(model, (3, 9, 11), [pair])[0] for pair in pairs]
    monkeypatch.setattr(connect_module, "AT_ONCE", 1)
    monkeypatch.setitem(effects_module.NUMBERS, "cpu", 1)
    one_by_one = [joined(model, (3, 9, 11), [pair])[0] for pair in pairs]
    for pair, one, other in zip(pairs, at_once, one_by_one):
        np.testing.assert_allclose(one.between(*pair).astype("f8"), other.between(*pair).astype("f8"), atol=1e-3)


def test_the_same_seed_gives_the_same_bytes() -> None:
    model = seeded(Fire())
    one, other = (joined(model, (3, 12, 12), [("stem", "/cat#0")])[0] for _ in range(2))
    assert one.between("stem", "/cat#0").tobytes() == other.between("stem", "/cat#0").tobytes()


def test_the_model_is_as_before_also_after_a_cancel() -> None:
    model = seeded(Chain()).train()
    before = {k: v.clone() for k, v in model.state_dict().items()}
    calls: list[tuple[int, int]] = []

    def stop(done: int, total: int, what: str = "") -> None:
        calls.append((done, total))
        if done:
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        joined(model, (3, 9, 11), [("conv1", "fc")], progress=stop)
    assert calls[0] == (0, 3 * N)
    assert model.training
    assert all(p.requires_grad and p.grad is None for p in model.parameters())
    assert all(torch.equal(before[k], v) for k, v in model.state_dict().items())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())


@pytest.mark.parametrize("surrounding", [torch.no_grad, torch.inference_mode], ids=["no_grad", "inference_mode"])
def test_a_surrounding_no_grad_changes_nothing(surrounding: type) -> None:
    model = seeded(Fire())
    with surrounding():
        inside, _, _ = joined(model, (3, 12, 12), [("stem", "/cat#0")])
    outside, _, _ = joined(model, (3, 12, 12), [("stem", "/cat#0")])
    assert inside.between("stem", "/cat#0").tobytes() == outside.between("stem", "/cat#0").tobytes()


def test_progress_counts_sink_units_times_samples() -> None:
    calls: list[tuple[int, int]] = []
    joined(
        seeded(Chain()),
        (3, 9, 11),
        [("conv1", "conv2"), ("conv2", "fc")],
        progress=lambda done, total, what="": calls.append((done, total)),
    )
    assert calls[-1] == (9 * N, 9 * N)
    assert [done for done, _ in calls] == sorted(done for done, _ in calls)


def test_probed_samples_are_balanced_over_the_classes() -> None:
    table = activations(None, n=40, n_classes=4)
    indices = chosen_samples(table, 10, seed=0)
    assert sorted(np.bincount(indices % 4).tolist()) == [2, 2, 3, 3]
    assert indices.tolist() == sorted(set(indices.tolist()))
    assert chosen_samples(table, 10, seed=0).tolist() == indices.tolist()
    assert chosen_samples(table, 10, seed=1).tolist() != indices.tolist()
    assert len(chosen_samples(table, 99, seed=0)) == 40


def test_samples_that_were_never_read_are_not_probed() -> None:
    table = activations(None, n=8)
    read = np.arange(8) >= 5
    assert chosen_samples(replace(table, samples=replace(table.samples, read=read)), 8, seed=0).tolist() == [5, 6, 7]


def test_what_cannot_be_connected_is_said_in_a_sentence() -> None:
    model = seeded(Chain())
    data = Pictures((3, 9, 11))
    network = trace(model, data.inputs[0])
    with pytest.raises(NotConnected, match="data set must be connected"):
        connect(model, network, activations(None), pairs=[("conv1", "conv2")])
    with pytest.raises(UnknownName, match="Did you mean 'conv1'"):
        connect(model, network, activations(data), pairs=[("conv11", "conv2")])
    with pytest.raises(InvalidValue, match="no way leads from conv2 to conv1"):
        connect(model, network, activations(data), pairs=[("conv2", "conv1")])
    with pytest.raises(InvalidValue, match=r"mode must be .* got 'gradient'"):
        connect(model, network, activations(data), mode="gradient")  # type: ignore[arg-type]
    with pytest.raises(InvalidValue, match=r"index of one of 3 classes in mode 'class'; got 3"):
        connect(model, network, activations(data), mode="class", target=3)
    with pytest.raises(InvalidValue, match=r"got None"):
        connect(model, network, activations(data), mode="class")
    with pytest.raises(InvalidValue, match="target must be left out in mode 'weights'"):
        connect(model, network, activations(data), mode="weights", target=1)
    with pytest.raises(InvalidValue, match="at least one image"):
        connect(model, network, activations(data), pairs=[("conv1", "conv2")], indices=[99])
    with pytest.raises(InvalidValue, match="probe_samples must be 1 or more"):
        connect(model, network, activations(data), probe_samples=0)


def test_a_network_of_several_inputs_and_neighbours_by_default() -> None:
    model, example = made("two inputs")
    network = trace(model, example)
    data = Pictures((1,), 3)
    data.inputs = list(zip(*batch_of("two inputs", 3)))
    found = connect(model, network, activations(data, n=3), device="cpu")
    assert found.pairs == neighbours(layer_groups(network), network)


@pytest.mark.real
def test_resnet20_sends_exactly_its_logits_to_the_classes(shared: Path) -> None:
    zoo = runpy.run_path(str(shared / "models" / "zoo.py"))
    model = zoo["resnet20"]()
    model.load_state_dict(load_file(shared / "data" / "resnet20_cifar10.safetensors"))
    data = Pictures((3, 32, 32))
    network = trace(model.eval(), data.inputs[0])
    found = connect(model, network, activations(data), probe_samples=N, device="cpu")
    last = found.pairs[-1]
    assert last[1] == "linear"
    with torch.no_grad():
        logits = model(data.inputs).mean(0)
    total = found.between(*last).astype("f8").sum(0) * found.scales[last] + model.linear.bias.detach().numpy()
    np.testing.assert_allclose(total, logits.numpy(), atol=2e-2)
    assert [m.shape for m in found.matrices.values()] == [(16, 16), (16, 32), (32, 64), (64, 10)]
