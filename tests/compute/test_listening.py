"""Where the probe listens when the same is asked of a network again and again."""

from __future__ import annotations

import pytest
import torch
from nets import NETS, batch_of, made
from states import state_of
from torch import Tensor, nn
from torch.nn import functional as F

from cnnvis.compute.probe import probe
from cnnvis.compute.trace import trace
from cnnvis.errors import Cancelled
from cnnvis.model.network import Network

STEADY = [kind for kind in NETS if kind != "branching"]


def steps_of(network: Network) -> list[str]:
    """A few nodes that are functional steps, spread over the network."""
    found = [layer.name for layer in network.layers if "/" in layer.name]
    return found[:: max(len(found) // 8, 1)]


@pytest.mark.parametrize("kind", STEADY)
def test_a_step_asked_for_again_and_again_has_the_value_of_a_run_that_hears_all(kind: str) -> None:
    model, example = made(kind)
    network = trace(model, example, output="logits" if kind == "dict" else None)
    batch = batch_of(kind, 2)
    every = [layer.name for layer in network.layers]
    with probe(model, network) as p:
        known = p.run(batch, keep=every).values
        for name in steps_of(network):
            runs = [p.run(batch, keep=(name,), stop_after=(name,)).values[name] for _ in range(3)]
            assert all(torch.equal(value, known[name]) for value in runs), name


@pytest.mark.parametrize("kind", STEADY)
def test_a_step_can_be_replaced_again_and_again(kind: str) -> None:
    model, example = made(kind)
    network = trace(model, example, output="logits" if kind == "dict" else None)
    batch, out = batch_of(kind, 2), network[network.output].response
    with probe(model, network) as p:
        for name in steps_of(network):
            runs = [p.run(batch, replace={name: torch.zeros_like}, keep=(out,)).values[out] for _ in range(2)]
            assert torch.equal(*runs), name


def test_a_first_run_hears_all_and_a_second_only_what_stands_beside_the_step() -> None:
    model, example = made("residual")
    network = trace(model, example)
    batch = batch_of("residual", 1)
    with probe(model, network) as p:
        seen: list[set[str]] = []
        visit = {"layer2.1/add#0": lambda value: seen.append(hooked(model))}
        for _ in range(2):
            p.run(batch, visit=visit)
    assert seen[0] > seen[1]
    assert seen[1] == {f"layer2.1.{name}" for name in ("conv1", "bn1", "conv2", "bn2", "shortcut")}


def hooked(model: nn.Module) -> set[str]:
    return {path for path, m in model.named_modules() if m._forward_hooks or m._forward_pre_hooks}


class Block(nn.Module):
    """A block that calls a module of its friend, which stands elsewhere in the network."""

    def __init__(self, friend: nn.Module) -> None:
        super().__init__()
        self.friends, self.own = [friend], nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.friends[0](x)) + F.relu(-self.own(x))


class Stepped(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.own = nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.own(x) - 0.5) + F.relu(0.5 - x)


class Friends(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stepped = Stepped()
        self.block = Block(self.stepped)
        self.fc = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.block(self.stepped(x)).mean((2, 3)))


def test_steps_of_a_module_that_stands_elsewhere_are_not_taken_for_those_of_its_caller() -> None:
    model = Friends()
    network = trace(model, torch.randn(4, 5, 5))
    batch = torch.randn(2, 4, 5, 5)
    name = "block/relu#1"
    assert name in network
    with probe(model, network) as p:
        runs = [p.run(batch, keep=(name,)).values[name] for _ in range(3)]
    expected = F.relu(-model.stepped(batch))
    assert all(torch.equal(value, expected) for value in runs)


class Wrapped(nn.Linear):
    """One node, for torch defines what it computes; inside it runs a block whose steps are none of the network's."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__(4, 4)
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(self.inner(x))


class Hidden(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stepped = Stepped()
        self.fc = Wrapped(self.stepped)

    def forward(self, x: Tensor) -> Tensor:
        return self.stepped(self.fc(x))


def test_a_block_that_runs_inside_a_node_as_well_is_counted_where_it_is_a_step() -> None:
    model = Hidden()
    network = trace(model, torch.randn(4))
    batch = torch.randn(3, 4)
    with probe(model, network) as p:
        runs = [p.run(batch, keep=("stepped/relu#0",)).values["stepped/relu#0"] for _ in range(3)]
    assert all(torch.equal(value, F.relu(model.fc(batch) - 0.5)) for value in runs)


def test_hooks_of_the_users_own_on_a_block_do_not_move_its_steps() -> None:
    model, example = made("residual")
    block = model.layer2[1]
    block.register_forward_hook(lambda m, a, output: F.relu(output + 1))
    network = trace(model, example)
    names = [layer.name for layer in network.layers if layer.name.startswith("layer2.1/")]
    batch = batch_of("residual", 2)
    with probe(model, network) as p:
        known = p.run(batch, keep=names).values
        for name in names:
            runs = [p.run(batch, keep=(name,)).values[name] for _ in range(3)]
            assert all(torch.equal(value, known[name]) for value in runs), name


def test_a_cancel_beside_a_step_leaves_no_mode_behind() -> None:
    model, example = made("residual")
    network = trace(model, example)
    batch, before = batch_of("residual", 1), state_of(model)
    calls = 0

    def cancel(value: Tensor) -> None:
        nonlocal calls
        calls += 1
        if calls > 1:
            raise Cancelled("stop")

    with probe(model, network) as p:
        p.run(batch, visit={"layer2.1/add#0": cancel})
        with pytest.raises(Cancelled):
            p.run(batch, visit={"layer2.1/add#0": cancel})
    assert torch._C._len_torch_function_stack() == 0
    assert state_of(model) == before


def test_another_computation_takes_the_place_of_one_call_alone() -> None:
    model, example = made("twice")
    network, batch = trace(model, example), batch_of("twice", 2)
    with probe(model, network) as p:
        plain = p.run(batch, keep=("conv", "conv#1")).values
        for call in ("conv", "conv#1"):
            asked: list[Tensor] = []
            instead = {call: lambda f, x, asked=asked: asked.append(x) or f(x)}
            for _ in range(2):
                p.run(batch, instead=instead)
            assert len(asked) == 2
            assert torch.equal(model.conv(asked[1]), plain[call])
