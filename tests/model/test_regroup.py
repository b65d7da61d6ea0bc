from __future__ import annotations

import pytest
from graphs import NETWORKS, chain, fires, residual
from hypothesis import given, settings
from hypothesis import strategies as st

from cnnvis.errors import InvalidValue, UnknownName
from cnnvis.model.groups import Group, can_represent, layer_groups
from cnnvis.model.network import Network
from cnnvis.model.regroup import Groups, beginnings, begun, joined, split


def names(groups: Groups) -> list[str]:
    return [g.name for g in groups]


def check(groups: Groups, net: Network) -> None:
    """What every regrouping must keep."""
    members = [name for g in groups for name in g.layers]
    assert sorted(members) == sorted(x.name for x in net.drawn if x.role != "input")
    assert all(list(g.layers) == sorted(g.layers, key=net.index) for g in groups)
    assert all(g.representative in g.layers for g in groups)
    assert all(can_represent(net[g.representative]) or g.representative == net.output for g in groups)
    assert len({g.id for g in groups}) == len({g.name for g in groups}) == len(groups)


def backward(groups: Groups, net: Network) -> int:
    """The edges that lead back from a group to one left of it."""
    place = {name: i for i, g in enumerate(groups) for name in g.layers}
    return sum(place.get(e.source, -1) > place[e.sink] for e in net.drawn_edges)


@settings(max_examples=80, deadline=None, derandomize=True)
@given(st.sampled_from(NETWORKS), st.sampled_from(["modules", "runs", "layers"]), st.data())
def test_any_regrouping_keeps_every_layer_in_one_group_and_their_order(
    net: Network, rule: str, data: st.DataObject
) -> None:
    groups = layer_groups(net, rule)  # type: ignore[arg-type]
    for _ in range(data.draw(st.integers(1, 6))):
        before = backward(groups, net)
        kind = data.draw(st.sampled_from(["join", "split", "begin"]))
        ids = [g.id for g in groups]
        id = data.draw(st.sampled_from(ids))
        found = beginnings(groups, net, id)
        try:
            if kind == "join":
                groups = joined(groups, net, id)
            elif kind == "split":
                groups = split(groups, net, data.draw(st.sampled_from([x for g in groups for x in g.layers])))
            elif found:
                groups = begun(groups, net, id, data.draw(st.sampled_from(found)))
        except InvalidValue:
            continue
        check(groups, net)
        assert backward(groups, net) <= before


def test_joined_groups_are_shown_by_the_output_of_the_right_one() -> None:
    net = residual()
    groups = joined(layer_groups(net), net, 1)
    assert names(groups) == ["conv1", "layer1 – layer2", "layer3", "fc"]
    assert groups[1].id == 1
    assert groups[1].representative == "layer2.1/add#0"


def test_groups_beside_a_regrouping_stay_the_same_objects() -> None:
    net = residual()
    before = layer_groups(net)
    assert joined(before, net, 1)[0] is before[0]
    assert split(before, net, "layer2.1.conv1")[-1] is before[-1]


def test_a_split_group_is_named_after_the_modules_in_its_parts() -> None:
    net = residual(2, 5)
    groups = split(layer_groups(net), net, "layer1.2.conv1")
    assert names(groups)[1:3] == ["layer1.0–1", "layer1.2–4"]
    assert [g.representative for g in groups[1:3]] == ["layer1.1/add#0", "layer1.4/add#0"]


def test_splitting_and_joining_back_gives_the_same_layers() -> None:
    net = fires(3)
    before = layer_groups(net)
    again = joined(split(before, net, "features.3.one"), net, before[2].id)
    assert [g.layers for g in again] == [g.layers for g in before]


def test_a_representative_chosen_by_hand_stays_in_its_part() -> None:
    net = residual()
    chosen = tuple(
        Group(g.id, g.name, g.layers, "layer2.0.conv1") if g.name == "layer2" else g for g in layer_groups(net)
    )
    parts = split(chosen, net, "layer2.1.conv1")
    assert [g.representative for g in parts[2:4]] == ["layer2.0.conv1", "layer2.1/add#0"]


def test_a_boundary_moves_layers_from_one_group_to_the_next() -> None:
    net = residual()
    groups = begun(layer_groups(net), net, 2, "layer1.1.conv1")
    assert groups[1].layers == ("layer1.0.conv1", "layer1.0.conv2", "layer1.0/add#0")
    assert groups[2].layers[0] == "layer1.1.conv1"
    assert groups[2].representative == "layer2.1/add#0"
    back = begun(groups, net, 2, "layer2.0.conv1")
    assert [g.layers for g in back] == [g.layers for g in layer_groups(net)]


def test_a_group_may_begin_only_where_both_sides_keep_neurons() -> None:
    net = residual()
    groups = layer_groups(net)
    found = beginnings(groups, net, 2)
    assert found[0] == "layer1.0.conv2"
    assert found[-1] == "layer2.1/add#0"
    assert beginnings(groups, net, 0) == ()


def test_the_classes_keep_a_column_of_their_own() -> None:
    plain = chain([("conv1", "Conv2d", (4, 8, 8)), ("conv2", "Conv2d", (4, 8, 8)), ("fc", "Linear", (2,))])
    net = Network(plain.name, plain.layers, plain.edges, ("cat", "dog"), "fc")
    groups = layer_groups(net, "layers")
    with pytest.raises(InvalidValue, match="classes must keep a column"):
        joined(groups, net, 1)
    assert beginnings(groups, net, 2) == ()
    assert names(joined(layer_groups(plain, "layers"), plain, 1)) == ["conv1", "conv2 – fc"]


def test_what_cannot_be_regrouped_is_refused_in_a_sentence() -> None:
    net = residual()
    groups = layer_groups(net)
    with pytest.raises(InvalidValue, match="fc is the last"):
        joined(groups, net, groups[-1].id)
    with pytest.raises(InvalidValue, match="behind its first layer"):
        split(groups, net, "layer1.0.conv1")
    with pytest.raises(UnknownName, match=r"did you mean|Did you mean"):
        split(groups, net, "layer1.0.conv")
    with pytest.raises(UnknownName, match="A group id must be one of"):
        joined(groups, net, 99)
    with pytest.raises(InvalidValue, match="layer2 must begin at one of"):
        begun(groups, net, 2, "layer3.0.conv1")
