"""Groups of layers: the columns of the picture."""

from __future__ import annotations

import pytest

from cnnvis.errors import InvalidValue
from cnnvis.model.groups import MOST_COLUMNS, Group, layer_groups, neighbours
from cnnvis.model.network import Edge, Field, Layer, Network

Row = tuple[str, str, tuple[int, ...], str]
PLANE = Field((3.0, 3.0), (1.0, 1.0), (0.0, 0.0))


def network(rows: list[Row], output: str) -> Network:
    """A network from rows of (name, kind, shape, sources with a blank between)."""
    layers, edges = [], []
    for name, kind, shape, sources in rows:
        compute = kind in ("Conv2d", "Linear", "MultiheadAttention")
        role = "input" if kind == "input" else "compute" if compute else "structural"
        axis = -1 if len(shape) == 2 else 0
        field = PLANE if len(shape) == 3 else None
        layers.append(Layer(name, kind, shape, role, axis, shape[axis], field=field))
        edges += [Edge(s, name) for s in sources.split()]
    return Network("net", tuple(layers), tuple(edges), (), output)


def chain(parts: list[tuple[str, str, tuple[int, ...]]]) -> Network:
    rows: list[Row] = [("input", "input", (3, 32, 32), "")]
    for name, kind, shape in parts:
        rows.append((name, kind, shape, rows[-1][0]))
    return network(rows, rows[-1][0])


def shown(groups: tuple[Group, ...]) -> dict[str, str]:
    return {g.name: g.representative for g in groups}


def block(path: str, before: str, shape: tuple[int, ...]) -> list[Row]:
    return [
        (f"{path}.conv1", "Conv2d", shape, before),
        (f"{path}.conv2", "Conv2d", shape, f"{path}.conv1"),
        (f"{path}/add#0", "add", shape, f"{path}.conv2 {before}"),
    ]


def residual(n_stages: int = 3, n_blocks: int = 2) -> Network:
    rows: list[Row] = [("input", "input", (3, 32, 32), ""), ("conv1", "Conv2d", (4, 32, 32), "input")]
    for stage in range(1, n_stages + 1):
        for i in range(n_blocks):
            rows += block(f"layer{stage}.{i}", rows[-1][0], (4 * stage, 32 // stage, 32 // stage))
    rows += [("/mean#0", "mean", (4 * n_stages,), rows[-1][0]), ("fc", "Linear", (10,), "/mean#0")]
    return network(rows, "fc")


def fires(n: int) -> Network:
    rows: list[Row] = [("input", "input", (3, 32, 32), ""), ("features.0", "Conv2d", (8, 30, 30), "input")]
    rows.append(("features.1", "MaxPool2d", (8, 15, 15), "features.0"))
    for i in range(n):
        path, before = f"features.{2 + i}", rows[-1][0]
        rows.append((f"{path}.squeeze", "Conv2d", (2, 15, 15), before))
        rows.append((f"{path}.one", "Conv2d", (4, 15, 15), f"{path}.squeeze"))
        rows.append((f"{path}.three", "Conv2d", (4, 15, 15), f"{path}.squeeze"))
        rows.append((f"{path}/cat#0", "cat", (8, 15, 15), f"{path}.one {path}.three"))
    rows.append(("classifier", "Conv2d", (10, 15, 15), rows[-1][0]))
    rows.append(("/mean#0", "mean", (10,), "classifier"))
    return network(rows, "/mean#0")


NETWORKS = [residual(), residual(2, 5), fires(3), fires(20)]


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
