"""The way into a running network."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
import torch
from nets import NETS, batch_of, made, run_of
from states import state_of
from torch import Tensor, nn
from torch.nn import functional as F

from cnnvis.compute.probe import Probe, is_out_of_memory, probe, zeroed
from cnnvis.compute.trace import trace
from cnnvis.errors import Cancelled, InvalidValue, ModelFailure, UnknownName
from cnnvis.model.network import Layer, Network

KINDS = list(NETS)
STEADY = [k for k in KINDS if k != "branching"]


def traced(kind: str) -> tuple[nn.Module, Network]:
    model, example = made(kind)
    return model, trace(model, example, output="logits" if kind == "dict" else None)


def scores(output: Any) -> Tensor:
    return output["logits"] if isinstance(output, dict) else output[0] if isinstance(output, tuple) else output


def bright(kind: str, n: int) -> Any:
    """A batch; for the net that looks at the data one that takes the traced way."""
    batch = batch_of(kind, n)
    _, example = made(kind)
    return batch.abs() * (1 if example.mean() > 0 else -1) if kind == "branching" else batch


def responses(network: Network) -> list[Layer]:
    """The response nodes of drawn layers with units, as layers."""
    return [network[layer.response] for layer in network.drawn if layer.n_units and layer.role != "input"]


def some(layers: list[Layer], n: int = 6) -> list[Layer]:
    """At most n of them, spread over the network, the last among them."""
    return [layers[-1 - round(i * (len(layers) - 1) / (n - 1))] for i in range(n)] if len(layers) > n else layers


def axis_of(layer: Layer) -> int:
    assert layer.unit_axis is not None
    return layer.unit_axis


@pytest.mark.parametrize("kind", KINDS)
def test_a_watched_run_gives_what_the_network_gives(kind: str) -> None:
    model, network = traced(kind)
    batch = bright(kind, 3)
    seen: dict[str, Tensor] = {}
    visit = {x.name: (lambda v, name=x.name: seen.__setitem__(name, v.clone())) for x in network.layers}
    with probe(model, network) as p:
        run = p.run(batch, visit=visit)
    assert torch.equal(scores(run.output), scores(run_of(model, batch)))
    assert set(seen) == {x.name for x in network.layers}


@pytest.mark.parametrize("kind", KINDS)
def test_values_have_samples_first_and_then_the_layers_shape(kind: str) -> None:
    model, network = traced(kind)
    run = probe(model, network).run(bright(kind, 3), keep=[x.name for x in network.layers])
    for layer in network.layers:
        assert tuple(run.values[layer.name].shape) == (3, *layer.shape), layer.name


@pytest.mark.parametrize("kind", KINDS)
def test_kept_values_survive_operations_in_place(kind: str) -> None:
    model, network = traced(kind)
    seen: dict[str, Tensor] = {}
    visit = {x.name: (lambda v, name=x.name: seen.__setitem__(name, v.clone())) for x in network.layers}
    with probe(model, network) as p:
        run = p.run(bright(kind, 2), visit=visit, keep=list(visit))
    for name, value in run.values.items():
        assert torch.equal(value, seen[name]), name


@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_gives_what_single_samples_give(kind: str) -> None:
    model, network = traced(kind)
    batch = bright(kind, 3)
    names = [x.name for x in network.layers]
    with probe(model, network) as p:
        whole = p.run(batch, keep=names).values
        if kind == "squeezed":  # cannot take one sample alone, as its author wrote it
            return
        one = p.run(tuple(b[1:2] for b in batch) if isinstance(batch, tuple) else batch[1:2], keep=names).values
    for name in names:
        scale = float(whole[name].abs().max()) + 1e-6
        assert torch.allclose(whole[name][1:2], one[name], atol=1e-5 * scale), name


@pytest.mark.parametrize("kind", KINDS)
def test_a_replayed_knock_out_is_bit_identical_to_the_full_run(kind: str) -> None:
    model, network = traced(kind)
    batch = bright(kind, 3)
    out = network[network.output].response
    with probe(model, network) as p:
        for layer in some(responses(network)):
            change = {layer.name: zeroed([0], axis_of(layer))}
            known = p.run(batch, keep=p.frontier([layer.name])).values
            run = p.run(batch, replace=change, keep=(out, layer.name))
            units = run.values[layer.name].movedim(axis_of(layer) + 1 if axis_of(layer) >= 0 else -1, 0)
            assert not bool(units[0].any()), layer.name
            full = run.values[out]
            replayed = p.run(batch, given=known, replace=change, keep=(out,)).values[out]
            assert torch.equal(full, replayed), layer.name


@pytest.mark.parametrize("kind", STEADY)
def test_a_replay_does_not_compute_what_lies_before_it(kind: str) -> None:
    model, network = traced(kind)
    batch = bright(kind, 3)
    last = responses(network)[-1]
    calls: list[str] = []
    for name, module in model.named_modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            module.register_forward_hook(lambda m, a, o, name=name: calls.append(name) if o.isfinite().all() else None)
    with probe(model, network) as p:
        known = p.run(batch, keep=p.frontier([last.name])).values
        calls.clear()
        p.run(batch, given=known, keep=(last.name,), stop_after=(last.name,))
    assert all(network.index(name) >= network.index(last.name) for name in calls if name in network)


@pytest.mark.parametrize("kind", STEADY)
def test_gradients_agree_with_differences(kind: str) -> None:
    model, network = traced(kind)
    model.double()
    batch = bright(kind, 2)
    out = network[network.output].response
    names = [x.name for x in some(responses(network))] + [x.name for x in network.inputs if x.n_units]
    with probe(model, network) as p:
        run = p.run(batch, keep=(out,), grad=names)
        leaves = [run.leaves[n] for n in names]
        gradients = torch.autograd.grad(run.values[out].pow(2).sum(), leaves, allow_unused=True, materialize_grads=True)
        for name, leaf, gradient in zip(names, leaves, gradients):
            torch.manual_seed(2)
            step = 1e-6 * torch.randn_like(gradient) * (leaf != 0)  # not at the kink of a rectifier
            above = p.run(batch, keep=(out,), replace={name: lambda v, s=step: v + s}).values[out].pow(2).sum()
            below = p.run(batch, keep=(out,), replace={name: lambda v, s=step: v - s}).values[out].pow(2).sum()
            slope, expected = (gradient * step).sum() * 2, above - below
            size = float(step.norm() * gradient.norm())
            assert torch.allclose(slope, expected, rtol=1e-2, atol=1e-9 + 1e-4 * size), name


@pytest.mark.parametrize("kind", KINDS)
def test_the_model_is_afterwards_as_before(kind: str) -> None:
    model, network = traced(kind)
    model.train()
    before = state_of(model)
    last = network[network.output].response
    with probe(model, network) as p:
        start = p.frontier([last])
        known = p.run(bright(kind, 2), keep=start).values
        p.run(bright(kind, 2), given=known, grad=(last,), instead={last: lambda f, *a, **k: f(*a, **k)})
    assert state_of(model) == before


@pytest.mark.parametrize("kind", KINDS)
def test_the_model_is_as_before_after_a_cancel(kind: str) -> None:
    model, network = traced(kind)
    model.train()
    before = state_of(model)

    def cancel(value: Tensor) -> None:
        raise Cancelled("stop")

    for name in (network.layers[0].name, network.layers[-1].name):
        with pytest.raises(Cancelled), probe(model, network) as p:
            p.run(bright(kind, 2), visit={name: cancel}, given={}, grad=(name,))
        assert state_of(model) == before


@pytest.mark.parametrize("surrounding", [torch.no_grad, torch.inference_mode, torch.enable_grad])
def test_gradients_work_inside_any_surrounding_mode(surrounding: Any) -> None:
    model, network = traced("in-place")
    with surrounding():
        batch = batch_of("in-place", 2)
        run = probe(model, network).run(batch, keep=("fc",), grad=("input", "conv1"))
        with torch.inference_mode(False), torch.enable_grad():
            found = torch.autograd.grad(run.values["fc"].sum(), [run.leaves["input"], run.leaves["conv1"]])
    assert all(bool(g.abs().sum() > 0) for g in found)


def test_without_a_request_nothing_is_differentiable() -> None:
    model, network = traced("chain")
    run = probe(model, network).run(batch_of("chain", 2), keep=("fc",))
    assert not run.values["fc"].requires_grad


def test_a_cut_leaves_only_the_paths_between() -> None:
    model, network = traced("residual")
    a, b, c = "/relu#0", "layer1.0/relu#1", "layer1.1/relu#1"
    with probe(model, network) as p:
        run = p.run(batch_of("residual", 2), cut=(a, b, c), stop_after=(c,))
        direct = torch.autograd.grad(run.values[c].sum(), [run.leaves[a], run.leaves[b]], allow_unused=True)
        whole = p.run(batch_of("residual", 2), grad=(a,), keep=(c,), stop_after=(c,))
        through = torch.autograd.grad(whole.values[c].sum(), whole.leaves[a])[0]
    assert direct[0] is None
    assert direct[1] is not None
    assert bool(through.abs().sum() > 0)


def test_a_value_that_ends_at_a_cut_can_be_differentiated_to_the_one_before() -> None:
    model, network = traced("chain")
    run = probe(model, network).run(batch_of("chain", 2), cut=("relu1", "relu2"), stop_after=("relu2",))
    (gradient,) = torch.autograd.grad(run.values["relu2"].sum(), run.leaves["relu1"])
    assert gradient.shape == run.leaves["relu1"].shape


def test_a_run_stops_after_the_last_node_that_was_asked_for() -> None:
    model, network = traced("residual")
    ran: list[str] = []
    for name, module in model.named_modules():
        module.register_forward_hook(lambda m, a, o, name=name: ran.append(name))
    run = probe(model, network).run(batch_of("residual", 2), keep=("stem",), stop_after=("stem",))
    assert run.output is None
    assert ran == ["stem"]


def test_another_computation_can_take_a_nodes_place() -> None:
    model, network = traced("residual")
    with probe(model, network) as p:
        run = p.run(
            batch_of("residual", 2),
            instead={"layer1.0.conv1": lambda conv, x: conv(x) * 0 + 1, "/relu#0": lambda f, x, inplace: F.softplus(x)},
            keep=("layer1.0.conv1", "/relu#0"),
        )
    assert bool((run.values["layer1.0.conv1"] == 1).all())
    assert bool((run.values["/relu#0"] > 0).all())


def test_a_repeated_call_is_reached_by_its_number() -> None:
    model, network = traced("twice")
    with probe(model, network) as p:
        plain = p.run(batch_of("twice", 2), keep=("conv", "conv#1")).values
        knocked = p.run(batch_of("twice", 2), replace={"conv#1": zeroed([0, 1, 2, 3])}, keep=("conv", "conv#1")).values
    assert torch.equal(plain["conv"], knocked["conv"])
    assert bool(plain["conv#1"].any())
    assert not bool(knocked["conv#1"].any())


def test_a_statement_that_writes_in_place_can_be_replaced() -> None:
    model, network = traced("in-place")
    with probe(model, network) as p:
        changed = p.run(batch_of("in-place", 2), replace={"/relu#1": torch.zeros_like}, keep=("/mean#0",))
    assert not bool(changed.values["/mean#0"].any())


def test_the_callers_batch_is_not_overwritten() -> None:
    class Greedy(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(4, 2)

        def forward(self, x: Tensor) -> Tensor:
            return self.fc(x.mul_(2).relu_())

    model = Greedy()
    network = trace(model, torch.randn(4))
    batch = torch.randn(3, 4)
    before = batch.clone()
    run = probe(model, network).run(batch, keep=("input",), grad=("input",))
    assert torch.equal(batch, before)
    assert torch.equal(run.values["input"].detach(), before)


def test_arrays_and_other_precisions_are_taken_as_the_network_needs_them() -> None:
    model, network = traced("mlp")
    batch = np.random.default_rng(0).normal(size=(3, 7))
    batch.flags.writeable = False
    run = probe(model, network).run(batch)
    assert run.output.dtype == torch.float32
    assert torch.equal(run.output, run_of(model, torch.from_numpy(batch.copy()).float()))


def test_inputs_by_name_come_in_the_order_of_the_signature() -> None:
    model, network = traced("two inputs")
    image, extra = batch_of("two inputs", 2)
    run = probe(model, network).run({"extra": extra, "image": image}, keep=("input", "input#1"))
    assert torch.equal(run.values["input"], image)
    assert torch.equal(run.values["input#1"], extra)


def test_a_name_that_is_no_node_is_said_with_the_nearest() -> None:
    model, network = traced("chain")
    with pytest.raises(UnknownName, match="Did you mean 'conv1'"):
        probe(model, network).run(batch_of("chain", 1), keep=("conv_1",))


def test_a_node_on_the_way_not_taken_is_said_only_if_asked_for() -> None:
    model, _ = made("branching")
    bright_one = torch.rand(3, 16, 16)
    network = trace(model, bright_one, also=[-bright_one])
    with probe(model, network) as p:
        p.run(bright_one[None], keep=("bright",))
        p.run(-bright_one[None], keep=("dark",))
        with pytest.raises(ModelFailure, match="must reach 'dark'"):
            p.run(bright_one[None], keep=("dark",))


def test_a_failing_network_is_a_sentence_with_the_shapes() -> None:
    model, network = traced("vgg")
    before = state_of(model)
    with pytest.raises(ModelFailure, match=r"shape \(2, 3, 9, 9\).*RuntimeError") as caught:
        probe(model, network).run(torch.randn(2, 3, 9, 9))
    assert isinstance(caught.value.__cause__, RuntimeError)
    assert state_of(model) == before


def test_a_callbacks_own_error_comes_through_as_it_is() -> None:
    model, network = traced("chain")

    def fail(value: Tensor) -> Tensor:
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        probe(model, network).run(batch_of("chain", 1), replace={"conv1": fail})


def test_a_replacement_of_another_shape_is_refused() -> None:
    model, network = traced("chain")
    with pytest.raises(InvalidValue, match="keep the shape"):
        probe(model, network).run(batch_of("chain", 1), replace={"conv1": lambda v: v[:, :2]})


def test_given_values_of_other_samples_are_refused() -> None:
    model, network = traced("chain")
    with probe(model, network) as p:
        known = p.run(batch_of("chain", 2), keep=("relu1",)).values
        with pytest.raises(InvalidValue, match="same 3 samples"):
            p.run(batch_of("chain", 3), given=known)


def test_running_out_of_memory_is_told_from_other_failures() -> None:
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory"))
    assert is_out_of_memory(RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"))
    assert not is_out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))


def test_running_out_of_memory_in_the_network_comes_through() -> None:
    model, network = traced("chain")
    model.register_forward_pre_hook(lambda m, a: (_ for _ in ()).throw(torch.OutOfMemoryError("CUDA out of memory")))
    with pytest.raises(torch.OutOfMemoryError):
        probe(model, network).run(batch_of("chain", 1))


def test_two_threads_probe_one_model_at_once() -> None:
    model, network = traced("residual")
    model.train()
    before = state_of(model)
    names = [x.response for x in network.drawn]
    batches = [batch_of("residual", 4, seed) for seed in range(4)]
    with probe(model, network) as p:
        alone = [p.run(b, keep=names, replace={"layer1.0/relu#1": zeroed([i])}).values for i, b in enumerate(batches)]
    failed: list[str] = []

    def work(i: int) -> None:
        with probe(model, network) as own:
            start = own.frontier(["layer1.0/relu#1"])
            for _ in range(5):
                known = own.run(batches[i], keep=start).values
                change = {"layer1.0/relu#1": zeroed([i])}
                values = own.run(batches[i], keep=names[-3:], given=known, replace=change).values
                failed.extend(n for n in values if not torch.equal(values[n], alone[i][n]))

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert state_of(model) == before


def test_the_last_borrower_gives_the_model_back() -> None:
    model, network = traced("chain")
    model.train()
    outer, inner = Probe(model, network), Probe(model, network)
    with outer:
        with inner:
            assert not model.training
        assert not model.training
    assert model.training
    assert model.bn1.training


def test_units_to_hold_must_be_named() -> None:
    with pytest.raises(InvalidValue, match="at least one"):
        zeroed([])


@pytest.mark.real
def test_a_knock_out_in_a_published_network_is_bit_identical(shared: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(shared / "models"))
    import zoo

    model = zoo.resnet20()
    network = trace(model, torch.randn(3, 32, 32))
    batch = torch.randn(2, 3, 32, 32)
    with probe(model, network) as p:
        known = p.run(batch, keep=p.frontier(["layer3.0/relu#0"])).values
        full = p.run(batch, replace={"layer3.0/relu#0": zeroed([3])}, keep=("linear",)).values["linear"]
        again = p.run(batch, given=known, replace={"layer3.0/relu#0": zeroed([3])}, keep=("linear",)).values["linear"]
    assert torch.equal(full, again)


def test_what_the_probe_does_itself_is_no_step_of_the_network() -> None:
    class Copies(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc1 = nn.Linear(4, 4)
            self.relu = nn.ReLU(inplace=True)
            self.fc2 = nn.Linear(4, 2)

        def forward(self, x: Tensor) -> Tensor:
            x = self.relu(self.fc1(x))
            return self.fc2(x.flatten(1).abs())

    model = Copies()
    network = trace(model, torch.randn(4))
    names = [x.name for x in network.layers]
    visit = {n: lambda v: v.abs().flatten() for n in names}
    run = probe(model, network).run(torch.randn(3, 4), grad=names, visit=visit)
    assert set(run.values) == set(names)
