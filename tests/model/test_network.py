from __future__ import annotations

import pytest

from cnnvis.errors import InvalidValue, UnknownName
from cnnvis.model.network import Edge, Field, Layer, Network
from cnnvis.model.target import Target


def residual() -> Network:
    """input → conv(bn, relu) → add → fc, with a shortcut from the input to add."""
    layers = (
        Layer("input", "input", (3, 8, 8), role="input"),
        Layer("conv", "Conv2d", (3, 8, 8), n_units=3, parameters=81, folds=("bn", "/relu#0")),
        Layer("bn", "BatchNorm2d", (3, 8, 8), role="folded"),
        Layer("/relu#0", "relu", (3, 8, 8), role="folded"),
        Layer("/add#0", "add", (3, 8, 8), role="structural", n_units=3),
        Layer("fc", "Linear", (2,), n_units=2, parameters=8),
    )
    pairs = [("input", "conv"), ("conv", "bn"), ("bn", "/relu#0"), ("/relu#0", "/add#0"), ("input", "/add#0")]
    return Network("res", layers, (*(Edge(a, b) for a, b in pairs), Edge("/add#0", "fc")), ("x", "y"), "fc")


def test_drawn_layers_leave_out_what_is_folded_in() -> None:
    assert [x.name for x in residual().drawn] == ["input", "conv", "/add#0", "fc"]


def test_drawn_edges_run_between_hosts_each_once() -> None:
    found = [(e.source, e.sink) for e in residual().drawn_edges]
    assert found == [("input", "conv"), ("input", "/add#0"), ("conv", "/add#0"), ("/add#0", "fc")]


def test_the_response_of_a_layer_is_its_last_folded_node() -> None:
    found = residual()
    assert (found["conv"].response, found["fc"].response) == ("/relu#0", "fc")
    assert found.hosts["bn"] == "conv"


def test_sources_sinks_and_reach_follow_the_edges() -> None:
    found = residual()
    assert found.sources("/add#0") == ("/relu#0", "input")
    assert found.sinks("input") == ("conv", "/add#0")
    assert found.reaches(["bn"]) == {"bn", "/relu#0", "/add#0", "fc"}


def test_the_module_of_a_node_has_neither_call_number_nor_step() -> None:
    names = ["layer1.0.conv1#1", "layer1.0/add#0", "/add#0", "fc"]
    assert [Layer(n, "x", (1,)).module for n in names] == ["layer1.0.conv1", "layer1.0", "", "fc"]


def test_units_on_the_last_axis_are_pooled_over_the_others() -> None:
    assert Layer("mlp", "Linear", (17, 64), unit_axis=-1, n_units=64).spatial == (17,)
    assert Layer("conv", "Conv2d", (64, 7, 5), n_units=64).spatial == (7, 5)
    assert Layer("fc", "Linear", (10,), n_units=10).spatial == ()
    assert Layer("x", "x", (2, 2), unit_axis=None).spatial == ()


def test_unknown_layers_get_the_nearest_names() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'conv'"):
        residual()["conv0"]


def test_two_nodes_of_one_name_are_refused() -> None:
    twice = (Layer("a", "x", (1,)), Layer("a", "x", (1,)))
    with pytest.raises(InvalidValue, match="different names"):
        Network("net", twice, (), (), "a")


def test_edges_against_the_order_are_refused() -> None:
    layers = (Layer("a", "x", (1,)), Layer("b", "x", (1,)))
    with pytest.raises(InvalidValue, match="run forward; got b → a"):
        Network("net", layers, (Edge("b", "a"),), (), "a")


def test_two_traces_of_one_architecture_share_the_digest() -> None:
    assert residual().digest == residual().digest
    layers = (*residual().layers[:-1], Layer("fc", "Linear", (3,), n_units=3))
    assert Network("res", layers, residual().edges, (), "fc").digest != residual().digest


def test_the_notebook_shows_a_table_of_drawn_layers() -> None:
    table = residual()._repr_html_()
    assert "3×8×8" in table
    assert "bn" not in table


@pytest.mark.parametrize(
    ("place", "box"),
    [((0, 0), (0, 0, 6, 6)), ((1, 1), (2, 2, 10, 10)), ((9, 9), (31, 31, 32, 32))],
    ids=["clipped at the corner", "inside", "beyond the image"],
)
def test_a_receptive_field_is_clipped_to_the_image_and_never_empty(
    place: tuple[int, int], box: tuple[int, ...]
) -> None:
    field = Field(size=(7.0, 7.0), jump=(4.0, 4.0), start=(-1.5, -1.5))
    assert field.box(place, (32, 32)) == box


def test_the_share_that_a_field_covers_is_at_most_one() -> None:
    field = Field(size=(8.0, 64.0), jump=(1.0, 1.0), start=(0.0, 0.0))
    assert field.covers((32, 32)) == 0.25


def test_a_target_is_made_of_plain_numbers() -> None:
    import numpy as np

    target = Target("conv", tuple(np.array([1, 2])), at=(np.int64(1), np.int64(0)))
    assert hash(target) == hash(Target("conv", (1, 2), at=(1, 0)))


def test_a_target_without_units_or_with_strange_ones_is_refused() -> None:
    with pytest.raises(InvalidValue, match="at least one unit"):
        Target("conv", ())
    with pytest.raises(InvalidValue, match="must be 0 or more; got -1"):
        Target("conv", (-1,))
    with pytest.raises(InvalidValue, match="as many as its units; got 1 for 2"):
        Target("conv", (0, 1), weights=(1.0,))
    with pytest.raises(InvalidValue, match="'mean', 'max' or 'sum'"):
        Target("conv", (0,), reduce="median")  # type: ignore[arg-type]


def test_layers_that_are_only_pooled_to_the_output_hold_the_classes():
    layers = (
        Layer("conv", "Conv2d", (8, 4, 4), n_units=8),
        Layer("head", "Conv2d", (3, 4, 4), n_units=3),
        Layer("/mean#0", "mean", (3,), role="structural", n_units=3),
    )
    edges = (Edge("conv", "head"), Edge("head", "/mean#0"))
    network = Network("toy", layers, edges, ("a", "b", "c"), "/mean#0")
    assert network.class_layers == {"head", "/mean#0"}
