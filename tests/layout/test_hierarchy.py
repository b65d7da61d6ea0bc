"""Squares packed so that those of similar things lie together."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnnvis.layout.hierarchy import families, nested
from cnnvis.layout.packing import pack_squares

SIDES = st.lists(st.floats(0.25, 1.0), min_size=1, max_size=60)


def features_for(n, seed=0):
    return np.random.default_rng(seed).normal(size=(n, 4))


def overlapping(packing):
    return [(a, b) for a, b in itertools.combinations(packing.boxes, 2) if a.grown(-1e-6).overlaps(b.grown(-1e-6))]


@given(SIDES, st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_nested_squares_do_not_overlap_and_keep_their_sides(sides, seed):
    packing = nested(features_for(len(sides), seed), sides, gap=0.0)
    assert not overlapping(packing)
    assert [box.w for box in packing.boxes] == pytest.approx(sides)


@given(st.lists(st.floats(0.25, 1.0), min_size=10, max_size=60), st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_nested_squares_fill_two_thirds_of_their_box(sides, seed):
    assert nested(features_for(len(sides), seed), sides, gap=0.0).fill >= 0.65


@given(st.integers(10, 100), st.integers(0, 9999))
@settings(max_examples=30, deadline=None)
def test_flat_squares_of_mixed_size_fill_most_of_their_box(n, seed):
    sides = np.random.default_rng(seed).uniform(0.25, 1.0, n).tolist()
    assert pack_squares(sides, gap=0.0).fill >= 0.85


def test_a_strip_is_as_wide_as_asked_for():
    packing = nested(features_for(30), [10.0] * 30, gap=2.0, width=80.0)
    assert packing.width <= 80.0
    assert not overlapping(packing)


def test_neighbours_keep_the_gap():
    packing = nested(features_for(25), np.linspace(8, 30, 25).tolist(), gap=3.0)
    assert not any(a.grown(1.49).overlaps(b.grown(1.49)) for a, b in itertools.combinations(packing.boxes, 2))


def test_similar_squares_lie_closer_to_each_other_than_others():
    rng = np.random.default_rng(1)
    kind = np.repeat(np.arange(6), 6)
    features = np.eye(6)[kind] + 0.01 * rng.normal(size=(36, 6))
    packing = nested(features, [10.0] * 36)
    centres = np.array([(b.x + b.w / 2, b.middle) for b in packing.boxes])
    apart = np.linalg.norm(centres[:, None] - centres[None], axis=2)
    same = kind[:, None] == kind[None]
    assert apart[same & ~np.eye(36, dtype=bool)].mean() < 0.6 * apart[~same].mean()


def test_families_are_branches_that_hold_every_row_once():
    kind = np.repeat(np.arange(4), 5)
    features = np.eye(4)[kind] + 0.01 * features_for(20)
    found = families(features, 5)
    assert sorted(i for part in found for i in part) == list(range(20))
    assert sorted({tuple({int(kind[i]) for i in part}) for part in found}) == [(0,), (1,), (2,), (3,)]
    assert max(len(part) for part in found) <= 5


def test_nothing_packs_to_nothing():
    assert nested(np.zeros((0, 3)), []).boxes == ()


def test_equal_things_are_packed_too():
    assert nested(np.zeros((12, 3)), [5.0] * 12, gap=0.0).fill >= 0.65
