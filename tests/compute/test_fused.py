from __future__ import annotations

import pytest
import torch
from nets import NETS, batch_of, made
from states import state_of
from torch import Tensor, nn
from torch.nn import functional as F

from cnnvis.compute.fused import fused
from cnnvis.compute.probe import probe
from cnnvis.compute.trace import trace
from cnnvis.model.network import Network


def values(model: nn.Module, network: Network, batch: object, quick: bool) -> dict[str, Tensor]:
    """Copies of the responses of all drawn layers."""
    seen: dict[str, Tensor] = {}
    nodes = [x.response for x in network.drawn if x.role != "input"]
    visit = {name: (lambda v, name=name: seen.update({name: v.clone()})) for name in nodes}
    with probe(model, network) as running:
        instead = fused(running.model, network, nodes) if quick else {}
        running.run(batch, visit=visit, instead=instead)
    return seen


@pytest.mark.parametrize("kind", [kind for kind in NETS if kind != "branching"])
def test_fused_networks_of_every_kind_give_the_same_responses(kind: str) -> None:
    model, example = made(kind)
    network, batch = trace(model, example), batch_of(kind, 4)
    before = state_of(model)
    plain, quick = (values(model, network, batch, way) for way in (False, True))
    assert state_of(model) == before
    for name, value in plain.items():
        scale = float(value.abs().max()) if value.is_floating_point() else 1.0
        torch.testing.assert_close(quick[name], value, rtol=0, atol=2e-6 * max(scale, 1e-3))


class Small(nn.Module):
    def __init__(self, again: bool = False, norm: nn.Module | None = None) -> None:
        super().__init__()
        self.conv, self.bn, self.again = nn.Conv2d(3, 4, 3), norm or nn.BatchNorm2d(4), again

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn(self.conv(x))
        z = F.relu(y)
        return (z + y if self.again else z).mean((2, 3))


def names(model: nn.Module, seen: tuple[str, ...] = ()) -> list[str]:
    return sorted(fused(model, trace(model, torch.randn(3, 8, 8)), seen))


def test_a_norm_goes_into_its_convolution_and_a_relu_works_in_place() -> None:
    assert names(Small()) == ["/relu#0", "bn", "conv"]


def test_a_value_that_others_read_is_not_overwritten() -> None:
    assert names(Small(again=True)) == ["bn", "conv"]


def test_a_convolution_whose_own_value_is_wanted_keeps_it() -> None:
    assert names(Small(), ("conv",)) == ["/relu#0"]


def test_a_norm_by_the_batch_and_modules_with_hooks_are_left_alone() -> None:
    assert names(Small(norm=nn.BatchNorm2d(4, track_running_stats=False))) == ["/relu#0"]
    hooked = Small()
    hooked.conv.register_forward_hook(lambda *_: None)
    assert names(hooked) == ["/relu#0"]


def test_what_was_written_to_in_place_is_not_overwritten() -> None:
    class Aliased(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Linear(3, 4), nn.Linear(3, 4)

        def forward(self, x: Tensor) -> Tensor:
            y = self.a(x)
            part = y[:, :2]
            y += self.b(x)
            return F.relu(y)[:, :2] * part

    torch.manual_seed(0)
    model = Aliased()
    network, batch = trace(model, torch.randn(3)), torch.randn(5, 3)
    with probe(model, network) as running:
        plain = running.run(batch).output
        quick = running.run(batch, instead=fused(running.model, network, ())).output
    assert torch.equal(plain, quick)
