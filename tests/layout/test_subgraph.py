from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference.pagerank import pagerank

from cnnvis.layout.links import Lane
from cnnvis.layout.subgraph import DAMPING, contributions, ranks, subgraph


def lanes_of(widths: tuple[int, ...], seed: int, sparse: float = 0.0, shortcut: bool = False) -> list[Lane]:
    """Random signed lanes between neighbouring columns, and one from the first column to the third."""
    rng = np.random.default_rng(seed)
    pairs = [(k, k + 1) for k in range(len(widths) - 1)] + ([(0, 2)] if shortcut and len(widths) > 2 else [])
    found = []
    for a, b in pairs:
        parts = rng.gamma(0.5, 1.0, (2, widths[a], widths[b])) * (rng.random((2, widths[a], widths[b])) >= sparse)
        found.append(Lane(a, b, *parts))
    return found


networks = st.builds(
    lanes_of,
    st.lists(st.integers(1, 12), min_size=2, max_size=5).map(tuple),
    st.integers(0, 2**16),
    st.sampled_from([0.0, 0.5, 0.9]),
    st.booleans(),
)


def ends(lanes: list[Lane]) -> tuple[int, int]:
    """A card of the last column."""
    return max(lane.sink for lane in lanes), 0


@settings(max_examples=60, deadline=None)
@given(networks, st.integers(1, 6))
def test_every_card_lies_on_a_way_of_kept_edges_to_the_class(lanes: list[Lane], top: int) -> None:
    goal = ends(lanes)
    found = subgraph(lanes, goal, top=top)
    edges = {
        ((lane.source, i), (lane.sink, j))
        for lane, mask in zip(lanes, found.masks)
        for i, j in np.argwhere(mask).tolist()
    }
    met = {goal}
    while more := {a for a, b in edges if b in met} - met:
        met |= more
    assert found.cards == met
    assert {place for edge in edges for place in edge} <= met


@settings(max_examples=60, deadline=None)
@given(networks, st.integers(1, 6))
def test_kept_edges_are_among_the_strongest_into_their_card(lanes: list[Lane], top: int) -> None:
    found = subgraph(lanes, ends(lanes), top=top)
    for column in {lane.sink for lane in lanes}:
        into = [(lane, mask) for lane, mask in zip(lanes, found.masks) if lane.sink == column]
        values = np.concatenate([lane.positive + lane.negative for lane, _ in into])
        kept = np.concatenate([mask for _, mask in into])
        assert (kept.sum(0) <= top).all()
        for j in np.flatnonzero(kept.any(0)):
            assert kept[int(values[:, j].argmax()), j]
            assert values[kept[:, j], j].min() >= np.sort(values[:, j])[::-1][:top].min()
            assert values[kept[:, j], j].min() > 0


def test_ranks_agree_with_a_plain_power_iteration() -> None:
    goal = (3, 1)
    lanes = [lane if lane.sink != 3 else only(lane, 1) for lane in lanes_of((7, 6, 9, 3), seed=4, shortcut=True)]
    places = [*sorted({(lane.source, i) for lane in lanes for i in range(len(lane.positive))}), goal]
    weights = np.zeros((len(places), len(places)))
    for lane in lanes:
        for i, j in np.ndindex(lane.positive.shape):
            if (lane.sink, j) in places:
                row, column = places.index((lane.sink, j)), places.index((lane.source, i))
                weights[row, column] = lane.positive[i, j] + lane.negative[i, j]
    for row in weights:
        row[np.argsort(-row)[5:]] = 0.0
    starts = np.array([contributions(lanes, goal)[place] for place in places])
    touched = weights.any(0) | weights.any(1)
    found = ranks(lanes, goal)
    assert set(found) == {place for place, t in zip(places, touched) if t}
    expected = pagerank(weights[np.ix_(touched, touched)], starts[touched], DAMPING)
    np.testing.assert_allclose([found[p] for p, t in zip(places, touched) if t], expected, atol=1e-8)


def only(lane: Lane, sink: int) -> Lane:
    """The lane with the edges into one card: those for a class reach no other."""
    keep = np.arange(lane.positive.shape[1]) == sink
    return Lane(lane.source, lane.sink, lane.positive * keep, lane.negative * keep)


def test_a_card_contributes_the_net_of_its_edges() -> None:
    first = Lane(0, 1, np.array([[1.0, 2.0], [0.0, 0.0]]), np.array([[0.0, 0.5], [3.0, 0.0]]))
    last = Lane(1, 2, np.array([[2.0], [1.0]]), np.array([[0.0], [4.0]]))
    assert contributions([first, last], (2, 0)) == {(0, 0): 2.5, (0, 1): 3.0, (1, 0): 2.0, (1, 1): 3.0, (2, 0): 1.0}


def test_a_strong_way_is_kept_and_weak_ones_are_not() -> None:
    weak = np.full((6, 6), 0.01)
    strong = weak.copy()
    strong[2, 4] = 5.0
    last = np.full((6, 1), 0.01)
    last[4] = 5.0
    lanes = [Lane(0, 1, strong, weak * 0), Lane(1, 2, last, last * 0)]
    found = subgraph(lanes, (2, 0))
    assert found.cards == {(0, 2), (1, 4), (2, 0)}
    assert [np.argwhere(mask).tolist() for mask in found.masks] == [[[2, 4]], [[4, 0]]]


@pytest.mark.parametrize("value", [0.0, np.nan])
def test_without_any_influence_the_class_stands_alone(value: float) -> None:
    nothing = np.full((3, 2), value)
    found = subgraph([Lane(0, 1, nothing, nothing)], (1, 0))
    assert found.cards == {(1, 0)}
    assert not found.masks[0].any()
