"""A network as a graph."""

from __future__ import annotations

import dataclasses
import itertools
from pathlib import Path
from typing import Any

import pytest
import torch
from nets import NETS, Chain, batch_of, made
from states import state_of
from torch import Tensor, nn
from torch.nn import functional as F

from cnnvis.compute.nodes import class_of
from cnnvis.compute.probe import probe
from cnnvis.compute.trace import trace
from cnnvis.errors import Cancelled, InvalidValue, ModelFailure, UnknownName
from cnnvis.model.network import Edge, Network

KINDS = list(NETS)


def traced(kind: str) -> Network:
    model, example = made(kind)
    return trace(model, example, output="logits" if kind == "dict" else None)


def drawn(network: Network) -> list[str]:
    return [layer.name for layer in network.drawn]


def sources(network: Network, name: str) -> set[str]:
    return {e.source for e in network.drawn_edges if e.sink == name}


# -- every network -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_every_network_is_traced_to_a_graph_from_input_to_output(kind: str) -> None:
    network = traced(kind)
    assert network.output in network.reaches(x.name for x in network.inputs)
    assert network[network.output].n_units == len(network.classes) > 0
    assert all(sources(network, x.name) for x in network.drawn if x.role != "input")


@pytest.mark.parametrize("kind", KINDS)
def test_the_model_is_bit_identical_after_a_trace(kind: str) -> None:
    model, example = made(kind)
    model.train()
    for i, parameter in enumerate(model.parameters()):
        parameter.grad = torch.full_like(parameter, float(i))
    before = state_of(model)
    trace(model, example, output="logits" if kind == "dict" else None)
    assert state_of(model) == before


@pytest.mark.parametrize("kind", KINDS)
def test_the_model_is_bit_identical_after_a_cancel(kind: str) -> None:
    model, example = made(kind)
    model.train()
    before = state_of(model)

    def progress(done: int, total: int, what: str = "") -> None:
        if done >= total // 2:
            raise Cancelled("stop")

    with pytest.raises(Cancelled):
        trace(model, example, progress=progress)
    assert state_of(model) == before


@pytest.mark.parametrize("kind", KINDS)
def test_two_traces_are_the_same(kind: str) -> None:
    assert traced(kind).digest == traced(kind).digest


@pytest.mark.parametrize("kind", [k for k in KINDS if k != "branching"])
def test_every_parameter_is_counted_once(kind: str) -> None:
    model, _ = made(kind)
    assert traced(kind).parameters == sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize("kind", KINDS)
def test_units_lie_on_their_axis(kind: str) -> None:
    for layer in traced(kind).layers:
        if layer.n_units:
            assert layer.unit_axis is not None
            assert layer.shape[layer.unit_axis] == layer.n_units


@pytest.mark.parametrize(
    "kind", ["chain", "residual", "in-place", "inception", "u-net", "dense", "vgg", "own", "windows"]
)
def test_a_receptive_field_holds_all_pixels_with_influence(kind: str) -> None:
    model, _ = made(kind)
    network = traced(kind)
    batch = batch_of(kind, 1)
    names = [x.name for x in network.layers if x.field is not None and x.role != "input"]
    with probe(model, network) as p:
        run = p.run(batch, grad=("input",), keep=names)
        for name in names:
            layer, value = network[name], run.values[name][0].movedim(network[name].unit_axis or 0, -1)
            last = tuple(n - 1 for n in value.shape[:-1])
            assert layer.field is not None
            for place in {(0, 0), last, (last[0] // 2, last[1] // 3)}:
                (found,) = torch.autograd.grad(value[place].sum(), run.leaves["input"], retain_graph=True)
                top, left, bottom, right = layer.field.box(place, (16, 16))
                outside = found[0].abs().sum(0)
                outside[top:bottom, left:right] = 0
                assert not bool(outside.any()), (name, place)


# -- names and folding -------------------------------------------------------------------------------------------------


def test_batch_norm_activation_and_dropout_fold_into_their_producer() -> None:
    network = traced("chain")
    assert drawn(network) == ["input", "conv1", "pool", "conv2", "/mean#0", "fc"]
    assert network["conv1"].folds == ("bn1", "relu1")
    assert network["conv1"].response == "relu1"
    assert network["/mean#0"].folds == ("drop",)
    assert network["conv1"].parameters == 3 * 4 * 9 + 4 + 8
    assert network["bn1"].role == "folded"


def test_a_fork_ends_the_response() -> None:
    network = traced("residual")
    assert network["stem"].folds == ("/relu#0",)
    assert sources(network, "layer1.0/add#0") == {"stem", "layer1.0.conv2"}


def test_the_rectifier_behind_a_sum_folds_into_the_sum() -> None:
    layer = traced("residual")["layer1.0/add#0"]
    assert layer.folds == ("layer1.0/relu#1",)
    assert (layer.role, layer.n_units, layer.unit_axis, layer.rectified) == ("structural", 4, 0, True)


def test_an_identity_on_a_shortcut_vanishes() -> None:
    network = traced("residual")
    assert "layer1.0.shortcut" not in network
    assert network["layer2.0.shortcut"].kind == "Conv2d"


def test_a_concatenation_joins_its_branches() -> None:
    network = traced("inception")
    assert sources(network, "mixed1/cat#0") == {"mixed1.one", "mixed1.three.2", "mixed1.five", "mixed1.pooled"}
    assert network["mixed1/cat#0"].n_units == 16
    assert network["mixed1/cat#0"].rectified


def test_skips_of_a_u_net_reach_over_its_bottom() -> None:
    network = traced("u-net")
    assert sources(network, "/cat#0") == {"up2", "down2.0"}
    assert sources(network, "/cat#1") == {"/interpolate#0", "down1.0"}
    assert network["out"].shape == (3, 16, 16)


def test_batch_norm_before_a_convolution_folds_into_the_concatenation() -> None:
    network = traced("dense")
    assert network["/cat#1"].folds == ("norms.1", "/relu#1")
    assert sources(network, "/cat#3") == {"stem", "convs.0", "convs.1", "convs.2"}


def test_batch_norm_behind_a_fork_stands_alone() -> None:
    class Forked(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 1)
            self.norm = nn.BatchNorm2d(4)
            self.fc = nn.Linear(4, 2)

        def forward(self, x: Tensor) -> Tensor:
            x = self.conv(x)
            return self.fc((x + F.relu(self.norm(x))).mean((2, 3)))

    network = trace(Forked(), torch.randn(3, 4, 4))
    layer = network["norm"]
    assert (layer.role, layer.folds, layer.n_units, layer.rectified) == ("structural", ("/relu#0",), 4, True)


def test_repeated_calls_get_a_number() -> None:
    network = traced("twice")
    assert "conv#1" in network
    assert network["conv#1"].folds == ("relu#2",)
    assert "block/add#1" in network
    assert network["block.conv1#1"].module == "block.conv1"


def test_in_place_operations_are_the_newest_origin_of_their_data() -> None:
    network = traced("in-place")
    assert network["conv1"].folds == ("bn1", "relu")
    assert sources(network, "/add#0") == {"conv1", "conv2"}
    assert network["/add#0"].folds == ("/relu#0",)
    assert sources(network, "/add#1") == {"/add#0", "conv3"}
    assert sources(network, "/mean#0") == {"/setitem#0"}
    assert network["/setitem#0"].folds == ("/relu#1",)


def test_writing_through_a_view_is_followed() -> None:
    class Views(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(4, 4)
            self.out = nn.Linear(4, 2)

        def forward(self, x: Tensor) -> Tensor:
            x = self.fc(x)
            x.view(-1).relu_()
            return self.out(x)

    network = trace(Views(), torch.randn(4))
    assert sources(network, "out") == {"/relu#0"}


def test_attention_is_followed_through_reshapes() -> None:
    network = traced("vit, function")
    attention = "blocks.0.attention/scaled_dot_product_attention#0"
    assert sources(network, attention) == {"blocks.0.attention.qkv"}
    assert sources(network, "blocks.0.attention.proj") == {attention}
    assert network["blocks.0.mlp.0"].unit_axis == -1


def test_attention_by_hand_is_two_products() -> None:
    network = traced("vit, by hand")
    assert sources(network, "blocks.0.attention/matmul#1") == {"blocks.0.attention.qkv", "blocks.0.attention/matmul#0"}
    assert network["blocks.0.attention/matmul#0"].folds[-1].endswith("softmax#0")


def test_what_happens_inside_modules_of_torch_is_no_node() -> None:
    network = traced("vit, module")
    assert network["blocks.0.attention"].kind == "MultiheadAttention"
    assert not any("blocks.0.attention/" in x.name for x in network.layers)


def test_samples_are_found_on_another_axis() -> None:
    layer = traced("lstm")["lstm"]
    assert (layer.batch_axis, layer.shape, layer.unit_axis, layer.n_units) == (1, (7, 8), -1, 8)


def test_windows_that_join_the_samples_are_told_apart() -> None:
    layer = traced("windows")["attention.qkv"]
    assert (layer.batch_axis, layer.parts, layer.shape) == (0, 4, (4, 16, 24))


def test_channels_at_the_end_are_the_units() -> None:
    network = traced("windows")
    assert network["/add#0"].unit_axis == -1
    assert network["/cat#0"].n_units == 32


def test_a_net_that_needs_two_samples_is_traced() -> None:
    assert traced("squeezed")["fc"].shape == (5,)


def test_several_inputs_are_numbered() -> None:
    network = traced("two inputs")
    assert [x.name for x in network.inputs] == ["input", "input#1"]
    assert network["/cat#0"].shape == (8,)


def test_a_module_called_input_keeps_its_name() -> None:
    class Named(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.input = nn.Linear(4, 3)
            self.output = nn.Linear(3, 2)

        def forward(self, x: Tensor) -> Tensor:
            return self.output(torch.relu(self.input(x)))

    model = Named()
    network = trace(model, torch.randn(4))
    assert drawn(network) == ["/input", "input", "output"]
    assert probe(model, network).run(torch.randn(2, 4), keep=("/input", "input")).values["/input"].shape == (2, 4)


def test_weights_used_by_functions_make_layers() -> None:
    network = traced("own")
    assert network["/conv2d#0"].role == "compute"
    assert network["/conv2d#0"].folds == ("/mul#0", "/relu#0")
    assert network["/conv2d#0"].kernel == (3, 3)
    assert network["/conv2d#0"].stride == (2, 2)
    assert network["/matmul#0"].role == "compute"
    assert network["conv"].kind == "OwnConv"


def test_what_no_output_depends_on_is_no_node() -> None:
    assert "/mean#0" not in traced("own")


def test_a_gate_does_not_hide_the_receptive_field() -> None:
    network = traced("gated")
    assert sources(network, "/mul#0") == {"conv", "excite"}
    assert network["/mul#0"].field == network["conv"].field


def test_windows_and_owners_are_noted() -> None:
    layer = traced("chain")["conv2"]
    assert (layer.kernel, layer.stride, layer.source) == ((3, 3), (2, 2), "torch.nn.modules.conv.Conv2d")
    assert traced("chain")["/mean#0"].source == "nets.Chain"


def test_only_values_of_rectifiers_are_rectified() -> None:
    network = traced("chain")
    found = [x.name for x in network.drawn if x.rectified]
    assert found == ["conv1", "pool", "conv2", "/mean#0"]
    assert not traced("gated")["conv"].rectified
    assert traced("gated")["deep"].rectified


def test_a_compiled_or_wrapped_model_is_unwrapped() -> None:
    model, example = made("chain")
    assert trace(nn.DataParallel(model), example).digest == traced("chain").digest


# -- output and classes ------------------------------------------------------------------------------------------------


def test_a_softmax_at_the_end_is_not_the_output() -> None:
    network = traced("gated")
    assert network.output == "fc"
    assert network["fc"].folds == ()
    assert network["/softmax#0"].role == "structural"


def test_the_first_row_of_numbers_is_the_output_of_several() -> None:
    assert traced("tuple").output == "fc"
    model, example = made("dict")
    assert trace(model, example).output == "aux"


def test_the_output_can_be_named() -> None:
    model, example = made("dict")
    assert trace(model, example, output="logits").output == "fc"
    assert trace(*made("tuple"), output=0).output == "fc"


def test_an_unknown_output_is_said_with_what_there_is() -> None:
    model, example = made("dict")
    with pytest.raises(UnknownName, match=r"'logit'.*Did you mean 'logits'"):
        trace(model, example, output="logit")


def test_a_part_of_a_value_can_be_the_output() -> None:
    class First(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(4, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.fc(x)[:, 0]

    model = First()
    network = trace(model, torch.randn(6, 4))
    batch = torch.randn(2, 6, 4)
    run = probe(model, network).run(batch, keep=(network[network.output].response,))
    assert torch.equal(run.values[network.output], run.output)
    assert len(network.classes) == 3


def test_classes_have_default_names() -> None:
    assert traced("mlp").classes == ("class 0", "class 1", "class 2")


def test_a_wrong_number_of_classes_is_refused() -> None:
    model, example = made("mlp")
    with pytest.raises(InvalidValue, match="as many as the 3 units of its output fc3; got 2"):
        trace(model, example, classes=("a", "b"))


def test_an_output_that_ignores_the_input_is_refused() -> None:
    class Constant(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(4, 2)

        def forward(self, x: Tensor) -> Tensor:
            return self.fc(torch.ones(1, 4))

    with pytest.raises(InvalidValue, match="must depend on its input"):
        trace(Constant(), torch.randn(4))


# -- failures and variation --------------------------------------------------------------------------------------------


def test_a_wrong_input_size_is_a_sentence_with_the_shape() -> None:
    model, _ = made("vgg")
    before = state_of(model)
    with pytest.raises(ModelFailure, match=r"shape \(1, 3, 9, 9\).*mat1 and mat2"):
        trace(model, torch.randn(3, 9, 9))
    assert state_of(model) == before


def test_uninitialised_weights_are_refused() -> None:
    with pytest.raises(InvalidValue, match=r"lazy '0\.weight'"):
        trace(nn.Sequential(nn.LazyLinear(3)), torch.randn(4))


def test_torchscript_is_refused() -> None:
    scripted = object.__new__(torch.jit.ScriptModule)
    with pytest.raises(InvalidValue, match="TorchScript"):
        trace(scripted, torch.randn(4))


def test_two_ways_through_a_network_form_one_graph() -> None:
    model, _ = made("branching")
    image = torch.rand(3, 16, 16)
    network = trace(model, image, also=[-image])
    assert network.varies
    assert sources(network, "/relu#1") == {"bright", "dark"}
    assert sources(network, "dark") == {"stem"}


def test_a_network_that_reads_values_may_vary() -> None:
    assert traced("branching").varies
    assert not any(traced(kind).varies for kind in KINDS if kind != "branching")


def test_progress_is_told_of_every_module() -> None:
    seen: list[tuple[int, int]] = []
    trace(Chain(), torch.randn(3, 16, 16), progress=lambda done, total, what="": seen.append((done, total)))
    assert seen[-1] == (8, 8)
    assert all(a <= b for a, b in itertools.pairwise(d for d, _ in seen))


def test_names_do_not_depend_on_the_size_of_the_input() -> None:
    model, _ = made("residual")
    names = [x.name for x in trace(model, torch.randn(3, 16, 16)).layers]
    assert names == [x.name for x in trace(model, torch.randn(3, 24, 20)).layers]


# -- published networks ------------------------------------------------------------------------------------------------


@pytest.fixture
def zoo(shared: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(shared / "models"))
    import zoo

    return zoo


@pytest.mark.real
def test_resnet20_reads_as_its_paper_draws_it(zoo: Any) -> None:
    network = trace(zoo.resnet20(), torch.randn(3, 32, 32))
    assert drawn(network)[:5] == ["input", "conv1", "layer1.0.conv1", "layer1.0.conv2", "layer1.0/add#0"]
    assert len(network.drawn) == 33
    assert network["layer2.0/pad#0"].field is not None
    assert network["layer3.2/add#0"].field == network["layer3.2.conv2"].field
    assert Edge("layer1.2/add#0", "layer2.0/pad#0") in network.drawn_edges
    assert (network.output, network.parameters) == ("linear", 269_722)


@pytest.mark.real
def test_squeezenet_ends_in_the_mean_of_its_last_map(zoo: Any) -> None:
    network = trace(zoo.squeezenet1_0(), torch.randn(3, 227, 227))
    assert (network.output, network["/mean#0"].n_units) == ("/mean#0", 1000)
    assert network["features.12/cat#0"].rectified
    field = network["features.12/cat#0"].field
    assert field is not None
    assert (field.size, field.jump) == ((155.0, 155.0), (16.0, 16.0))


def test_fields_pass_modules_that_only_move_values() -> None:
    class ToLast(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.permute(0, 2, 3, 1)

    class Mixed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3)
            self.last = ToLast()
            self.wide = nn.Linear(4, 8)
            self.deep = nn.Conv2d(8, 8, 3, stride=2)
            self.fc = nn.Linear(8, 2)

        def forward(self, x: Tensor) -> Tensor:
            x = F.gelu(self.wide(self.last(self.conv(x)))).permute(0, 3, 1, 2)
            n, c, h, w = x.shape
            x = x.view(n, 2, c // 2, h, w).transpose(1, 2).reshape(n, c, h, w)
            return self.fc(self.deep(x).mean((2, 3)))

    network = trace(Mixed(), torch.randn(3, 11, 12))
    assert "last" not in network
    assert (network["wide"].unit_axis, network["wide"].folds) == (-1, ("/gelu#0",))
    assert network["wide"].field == network["conv"].field
    assert network["deep"].field is not None
    assert network["deep"].field.size == (5.0, 5.0)


def test_an_output_of_fields_with_names_is_searched() -> None:
    @dataclasses.dataclass
    class Scores:
        hidden: Tensor
        logits: Tensor

    class Named(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = nn.Linear(4, 6)
            self.head = nn.Linear(6, 3)

        def forward(self, values: Tensor, scale: Tensor) -> Scores:
            hidden = torch.relu(self.body(values)) * scale
            return Scores(hidden, self.head(hidden))

    network = trace(Named(), {"scale": torch.ones(1), "values": torch.randn(4)}, output="logits")
    assert network.output == "head"
    assert [x.shape for x in network.inputs] == [(4,), (1,)]


def test_a_class_of_a_users_file_goes_by_the_name_of_its_file():
    module = type("Block", (nn.Module,), {"__module__": "_cnnvis_0123456789ab_zoo"})()
    assert class_of(module) == "zoo.Block"
    assert class_of(nn.ReLU()) == "torch.nn.modules.activation.ReLU"
