from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from layout_sessions import a_network, a_session

from cnnvis.layout.links import Lane, blocks, drawn_pairs, kept, singles
from cnnvis.model.connections import Connections
from cnnvis.model.partition import Partition


def lanes(seed=0, sizes=(5, 7, 4)):
    rng = np.random.default_rng(seed)
    return [
        Lane(k, k + 1, rng.random((a, b)) * 10**k, rng.random((a, b)) * 10**k)
        for k, (a, b) in enumerate(itertools.pairwise(sizes))
    ]


@pytest.mark.parametrize("share", [0.0, 0.1, 0.35, 1.0])
def test_each_card_keeps_its_strongest_edge_in_and_out(share):
    found = lanes()
    for lane, mask in zip(found, kept(found, share)):
        rows, columns = np.indices(mask.shape)
        assert mask[rows[:, 0], lane.strength.argmax(1)].all()
        assert mask[lane.strength.argmax(0), columns[0]].all()


@pytest.mark.parametrize("share", [0.0, 0.1, 0.35, 1.0])
def test_the_strongest_share_of_all_edges_is_kept(share):
    found = lanes()
    strength = np.concatenate([b.strength.ravel() for b in found])
    mask = np.concatenate([m.ravel() for m in kept(found, share)])
    n = round(share * len(strength))
    assert mask[np.argsort(-strength)[:n]].all()
    assert mask.sum() <= n + 2 * (5 + 7 + 4)


def test_strength_does_not_depend_on_the_scale_of_the_layers():
    a, b = lanes(0)
    scaled = Lane(b.source, b.sink, b.positive * 1000, b.negative * 1000)
    assert all((x == y).all() for x, y in zip(kept([a, b], 0.3), kept([a, scaled], 0.3)))


def test_edges_of_zero_are_never_drawn():
    nothing = Lane(0, 1, np.zeros((3, 4)), np.zeros((3, 4)))
    assert not kept([nothing], 1.0)[0].any()
    assert kept([], 0.5) == []


def test_numbers_that_are_not_finite_are_no_edges():
    broken = np.array([[np.nan, 1.0], [np.inf, 2.0]])
    (mask,) = kept([Lane(0, 1, broken, np.zeros((2, 2)))], 1.0)
    assert mask.tolist() == [[False, True], [False, True]]


def test_block_sums_are_remembered_for_the_same_partitions():
    session = a_session()
    a, b = (session.analysis.clusters[n] for n in ("layer1.conv2", "layer2.conv2"))
    first = blocks(session.connections, "layer1.conv2", "layer2.conv2", a, b)
    assert blocks(session.connections, "layer1.conv2", "layer2.conv2", a, b) is first
    other = a.rename(a.clusters[0].id, "x")
    assert blocks(session.connections, "layer1.conv2", "layer2.conv2", other, b) is not first


def test_single_units_are_clusters_of_their_own():
    assert [c.members for c in singles(3)] == [(0,), (1,), (2,)]


def test_a_pair_over_a_column_is_drawn_where_the_network_has_a_shortcut():
    places = {"layer1.conv2": 0, "layer2.conv2": 1, "linear": 2}
    pairs = [("layer1.conv2", "layer2.conv2"), ("layer2.conv2", "linear"), ("layer1.conv2", "linear")]
    assert drawn_pairs(a_network(shortcut=True), pairs, places) == pairs
    assert drawn_pairs(a_network(), pairs, places) == pairs[:2]


def test_a_pair_over_a_column_is_drawn_while_no_chain_stands_for_it():
    places = {"layer1.conv2": 0, "layer2.conv2": 1, "linear": 2}
    assert drawn_pairs(a_network(), [("layer1.conv2", "linear")], places) == [("layer1.conv2", "linear")]


def test_pairs_of_layers_that_are_not_shown_are_left_out():
    assert drawn_pairs(a_network(), [("layer1.conv2", "layer2.conv2")], {"layer1.conv2": 0}) == []


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.data())
def test_blocks_after_any_edits_are_those_found_anew(data):
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(20, 15)).astype(np.float16)
    one, fresh = (Connections("weights", {("a", "b"): matrix}, {("a", "b"): 2.0}) for _ in range(2))
    sides = [Partition.from_labels(np.arange(n) % 5) for n in (20, 15)]
    for _ in range(data.draw(st.integers(1, 5))):
        blocks(one, "a", "b", *sides)
        side = data.draw(st.integers(0, 1))
        ids = [c.id for c in sides[side]]
        if data.draw(st.booleans()) and len(ids) > 2:
            sides[side] = sides[side].merge(*data.draw(st.permutations(ids))[:2])
        else:
            units = data.draw(st.sets(st.integers(0, 14), min_size=1, max_size=4))
            sides[side] = sides[side].move(sorted(units), data.draw(st.sampled_from(ids)))
    for found, expected in zip(blocks(one, "a", "b", *sides), fresh.blocks("a", "b", *sides)):
        np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_an_edit_reads_only_the_neurons_that_it_touches(monkeypatch):
    matrix = np.ones((20, 15), np.float16)
    found = Connections("weights", {("a", "b"): matrix}, {("a", "b"): 1.0})
    rows, columns = (Partition.from_labels(np.arange(n) % 5) for n in (20, 15))
    blocks(found, "a", "b", rows, columns)
    asked = []
    whole = Connections.blocks

    def seen(self, source, sink, above, below):
        asked.append((sum(map(len, above)), sum(map(len, below))))
        return whole(self, source, sink, above, below)

    monkeypatch.setattr(Connections, "blocks", seen)
    blocks(found, "a", "b", rows.move([0], 1), columns)
    assert asked == [(8, 15)]
