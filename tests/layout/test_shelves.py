"""Squares in two flush rows: large, medium, and blocks of small ones."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnnvis.layout.shelves import shelves

WIDTHS = st.sampled_from([(136.0, 3), (176.0, 4)])
IMPORTANCE = st.lists(st.floats(0.0, 1.0), min_size=1, max_size=60).map(lambda v: sorted(v, reverse=True))


def packed(importance, width=136.0, columns=3):
    return shelves(importance, range(len(importance)), width, columns=columns)


@given(IMPORTANCE, WIDTHS)
@settings(max_examples=100, deadline=None)
def test_squares_lie_apart_inside_the_room_of_a_card(importance, room):
    packing = packed(importance, *room)
    boxes = [*packing.boxes, *([packing.rest] if packing.rest else [])]
    assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))
    assert all(b.w == b.h == int(b.w) for b in packing.boxes)
    assert max(b.right for b in boxes) <= room[0]
    assert packing.height <= 80
    assert min(b.w for b in packing.boxes) >= 18


@given(IMPORTANCE, WIDTHS)
@settings(max_examples=100, deadline=None)
def test_all_are_shown_or_counted_and_sides_fall_with_importance(importance, room):
    packing = packed(importance, *room)
    assert len(packing.boxes) + packing.left_out == len(importance)
    sides = [b.w for b in packing.boxes]
    assert sides == sorted(sides, reverse=True)
    assert (packing.rest is not None) == (packing.left_out > 0)


@pytest.mark.parametrize(("n", "columns", "width"), [(13, 3, 136.0), (17, 4, 176.0)])
def test_a_dozen_and_more_find_room(n, columns, width):
    assert packed([1.0] * n, width, columns).left_out == 0


@pytest.mark.parametrize("n", [3, 7, 30])
def test_a_full_upper_row_ends_flush_with_the_card(n):
    packing = packed([1.0] * n)
    assert max(b.right for b in packing.boxes if b.y < 1) == 136


def test_a_weak_square_is_small():
    sides = [b.w for b in packed([1.0, 0.9, 0.1]).boxes]
    assert sides[0] == sides[1] == 2 * sides[2] + 2


def test_small_siblings_share_a_block():
    order = [0, 5, 9, 1, 6, 10, 2, 7, 11, 3, 8, 12, 4]
    packing = shelves([1.0] * 13, order, 136.0)
    small = sorted((i for i, b in enumerate(packing.boxes) if b.w == 21), key=order.index)
    first = [packing.boxes[i] for i in small[:4]]
    assert max(b.right for b in first) - min(b.x for b in first) == 44


def test_nothing_packs_to_nothing():
    assert packed([]).boxes == ()
