"""Groups of layers: the columns of the picture."""

from __future__ import annotations

import pytest
from graphs import NETWORKS, Row, chain, fires, network, residual

from cnnvis.errors import InvalidValue
from cnnvis.model.groups import MOST_COLUMNS, Group, layer_groups, neighbours
from cnnvis.model.network import Network


def shown(groups: tuple[Group, ...]) -> dict[str, str]:
    return {g.name: g.representative for g in groups}


@pytest.mark.parametrize("net", NETWORKS)
@pytest.mark.parametrize("rule", ["modules", "runs", "layers"])
def test_every_drawn_layer_but_the_input_is_in_one_group(net: Network, rule: str) -> None:
    groups = layer_groups(net, rule)  # type: ignore[arg-type]
    members = [name for g in groups for name in g.layers]
    assert sorted(members) == sorted(x.name for x in net.drawn if x.role != "input")
    assert [g.id for g in groups] == list(range(len(groups)))
    assert len({g.name for g in groups}) == len(groups)
    for group in groups:
        assert group.representative in group.layers
        assert list(group.layers) == sorted(group.layers, key=net.index)


@pytest.mark.parametrize("net", NETWORKS)
@pytest.mark.parametrize("rule", ["modules", "runs", "layers"])
def test_the_output_is_the_last_representative(net: Network, rule: str) -> None:
    groups = layer_groups(net, rule)  # type: ignore[arg-type]
    assert groups[-1].representative == net.output
    order = [net.index(g.representative) for g in groups]
    assert order == sorted(order)


@pytest.mark.parametrize("net", NETWORKS)
@pytest.mark.parametrize("rule", ["modules", "runs"])
def test_there_are_at_most_twelve_columns(net: Network, rule: str) -> None:
    assert 2 <= len(layer_groups(net, rule)) <= MOST_COLUMNS  # type: ignore[arg-type]


def test_the_top_level_modules_are_the_columns() -> None:
    assert shown(layer_groups(residual())) == {
        "conv1": "conv1",
        "layer1": "layer1.1/add#0",
        "layer2": "layer2.1/add#0",
        "layer3": "layer3.1/add#0",
        "fc": "fc",
    }


def test_a_module_that_holds_nearly_everything_is_taken_apart() -> None:
    assert shown(layer_groups(fires(3))) == {
        "features.0": "features.0",
        "features.2": "features.2/cat#0",
        "features.3": "features.3/cat#0",
        "features.4": "features.4/cat#0",
        "classifier": "/mean#0",
    }


def test_too_many_modules_are_joined_where_their_maps_have_one_size() -> None:
    groups = layer_groups(fires(20))
    assert [g.name for g in groups] == ["features.0", "features.2–21", "classifier"]


def test_every_linear_layer_is_a_column() -> None:
    parts = [(f"features.{i}", "Conv2d", (4, 32, 32)) for i in range(3)]
    heads = [(f"classifier.{i}", "Linear", (10,)) for i in range(3)]
    groups = layer_groups(chain([*parts, ("flatten", "Flatten", (4096,)), *heads]))
    assert [g.name for g in groups][-3:] == ["classifier.0", "classifier.1", "classifier.2"]
    assert groups[2].layers == ("features.2", "flatten")


def test_a_linear_layer_inside_a_gate_is_no_column() -> None:
    rows: list[Row] = [
        ("input", "input", (3, 8, 8), ""),
        ("block1.conv", "Conv2d", (4, 8, 8), "input"),
        ("block1.gate", "Linear", (4,), "block1.conv"),
        ("block1/mul#0", "mul", (4, 8, 8), "block1.conv block1.gate"),
        ("block2.conv", "Conv2d", (4, 8, 8), "block1/mul#0"),
        ("block3.conv", "Conv2d", (4, 8, 8), "block2.conv"),
        ("/mean#0", "mean", (4,), "block3.conv"),
        ("fc", "Linear", (3,), "/mean#0"),
    ]
    assert shown(layer_groups(network(rows, "fc"))) == {
        "block1": "block1/mul#0",
        "block2": "block2.conv",
        "block3": "block3.conv",
        "fc": "fc",
    }


def test_a_pooling_behind_a_group_is_not_what_it_shows() -> None:
    groups = layer_groups(fires(3))
    assert groups[0].layers == ("features.0", "features.1")
    assert groups[0].representative == "features.0"


def test_runs_end_where_the_map_changes_its_size() -> None:
    parts = [("a", "Conv2d", (4, 32, 32)), ("b", "Conv2d", (4, 32, 32)), ("p", "MaxPool2d", (4, 16, 16))]
    parts += [("c", "Conv2d", (4, 16, 16)), ("d", "Conv2d", (4, 8, 8)), ("e", "Linear", (10,))]
    groups = layer_groups(chain(parts), "runs")
    assert [g.layers for g in groups] == [("a", "b", "p"), ("c",), ("d",), ("e",)]
    assert groups[0].name == "a – b"


def test_runs_end_at_a_concatenation_and_keep_branches_together() -> None:
    groups = layer_groups(fires(3), "runs")
    assert groups[1].layers == ("features.2.squeeze", "features.2.one", "features.2.three", "features.2/cat#0")


def test_alone_every_layer_is_a_group() -> None:
    net = residual()
    assert [g.representative for g in layer_groups(net, "layers")] == [
        x.name for x in net.drawn if x.role != "input" and x.kind != "mean"
    ]


def test_an_unknown_rule_is_refused() -> None:
    with pytest.raises(InvalidValue, match="one of modules, runs, layers; got 'blocks'"):
        layer_groups(residual(), "blocks")  # type: ignore[arg-type]


def test_neighbours_are_joined_past_no_other_representative() -> None:
    net = residual()
    pairs = neighbours(layer_groups(net), net)
    assert pairs == (
        ("conv1", "layer1.1/add#0"),
        ("layer1.1/add#0", "layer2.1/add#0"),
        ("layer2.1/add#0", "layer3.1/add#0"),
        ("layer3.1/add#0", "fc"),
    )


def test_a_skip_over_columns_makes_neighbours() -> None:
    rows: list[Row] = [
        ("input", "input", (3, 8, 8), ""),
        ("down", "Conv2d", (4, 8, 8), "input"),
        ("bottom", "Conv2d", (4, 4, 4), "down"),
        ("up", "ConvTranspose2d", (4, 8, 8), "bottom"),
        ("/cat#0", "cat", (8, 8, 8), "up down"),
        ("join", "Conv2d", (4, 8, 8), "/cat#0"),
        ("out", "Conv2d", (2, 8, 8), "join"),
    ]
    net = network(rows, "out")
    pairs = neighbours(layer_groups(net), net)
    assert ("down", "bottom") in pairs
    assert any(source == "down" and sink != "bottom" for source, sink in pairs)
    assert pairs[-1] == ("join", "out")
