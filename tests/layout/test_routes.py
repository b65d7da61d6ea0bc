from __future__ import annotations

import itertools

from cnnvis.layout.diagram import Box, flatten
from cnnvis.layout.routes import Wire, route, width_of

SIDES = [(0.0, 100.0), (160.0, 260.0), (320.0, 420.0)]
BANDS = [(0.0, 300.0), (50.0, 250.0), (0.0, 300.0)]


def card(column, y, h=80.0):
    return Box(SIDES[column][0], y, 100, h)


def test_a_link_leaves_and_enters_level_at_the_middle_of_its_cards():
    (points,) = route([Wire(0, 1, card(0, 0), card(1, 150), 3)], BANDS, SIDES)
    assert points[0] == (100, 40)
    assert points[-1] == (160, 190)
    assert points[1][1] == 40
    assert points[-2][1] == 190


def test_links_of_one_side_leave_in_the_order_of_their_far_ends():
    wires = [Wire(0, 1, card(0, 100), card(1, y, 20), 2) for y in (210, 60, 140)]
    starts = [points[0][1] for points in route(wires, BANDS, SIDES)]
    assert starts[1] < starts[2] < starts[0]


def test_many_links_of_one_side_stay_at_its_middle():
    wires = [Wire(0, 1, card(0, 100), card(1, y), 5) for y in range(60, 160, 2)]
    starts = [points[0][1] for points in route(wires, BANDS, SIDES)]
    assert max(abs(y - 140) for y in starts) <= 0.2 * 80


def test_a_link_over_columns_touches_no_card_in_between():
    (points,) = route([Wire(0, 2, card(0, 100), card(2, 120), 3)], BANDS, SIDES)
    between = Box(160, 50, 100, 200)
    assert not any(between.holds(x, y) for x, y in flatten(points))


def test_links_over_columns_run_side_by_side():
    wires = [Wire(0, 2, card(0, y), card(2, y), 1) for y in (0, 10, 20)]
    heights = sorted(points[4][1] for points in route(wires, BANDS, SIDES))
    assert all(b - a >= 5 for a, b in itertools.pairwise(heights))


def test_a_link_from_the_bottom_goes_around_below():
    (points,) = route([Wire(0, 2, card(0, 220), card(2, 220), 1)], BANDS, SIDES)
    assert points[4][1] > 250


def test_a_narrow_card_is_led_out_level_past_a_wide_one():
    (points,) = route([Wire(0, 1, Box(0, 0, 60, 40), card(1, 200), 1)], BANDS, SIDES)
    assert all(y == points[0][1] for x, y in points if x <= 100)


def test_a_stroke_is_one_to_five_pixels_wide():
    assert [width_of(s) for s in (-1, 0, 0.5, 1, 2)] == [1, 1, 3, 5, 5]
