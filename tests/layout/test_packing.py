from __future__ import annotations

import itertools

import numpy as np
import pytest

from cnnvis.errors import InvalidValue
from cnnvis.layout.packing import Packing, grid, pack_squares, rest_box, rows, skyline


def overlapping(packing: Packing) -> bool:
    return any(a.overlaps(b) for a, b in itertools.combinations(packing.boxes, 2))


def sides(seed: int, n: int) -> list[float]:
    rng = np.random.default_rng(seed)
    return np.sort(rng.uniform(12, 44, n))[::-1].tolist()


@pytest.mark.parametrize("n", [1, 2, 5, 10, 40, 100])
def test_packed_squares_do_not_overlap(n):
    packing = pack_squares(sides(n, n))
    assert len(packing.boxes) == n
    assert not overlapping(packing)


@pytest.mark.parametrize("seed", range(20))
def test_ten_squares_or_more_fill_the_box(seed):
    n = 10 + 4 * seed
    assert pack_squares(sides(seed, n), gap=0).fill >= 0.85


def test_equal_squares_of_any_number_fill_the_box():
    assert min(pack_squares([5.0] * n, gap=0).fill for n in range(10, 40)) >= 0.85


def test_a_packed_square_keeps_its_side_and_its_place_in_the_order():
    wanted = sides(3, 12)
    assert [b.w for b in pack_squares(wanted).boxes] == pytest.approx(wanted)


def test_neighbours_keep_the_gap():
    packing = pack_squares(sides(4, 30), gap=3)
    grown = Packing(tuple(b.grown(1.49) for b in packing.boxes), packing.width, packing.height)
    assert not overlapping(grown)


def test_nothing_packs_to_nothing():
    assert pack_squares([]).boxes == ()


def test_a_rectangle_wider_than_the_strip_is_refused():
    with pytest.raises(InvalidValue, match="wider"):
        skyline([(10, 5)], 8)


def test_rows_end_flush_with_the_width():
    packing = rows([1.0] * 11, 136, columns=3)
    ends = {b.y: max(c.right for c in packing.boxes if c.y == b.y) for b in packing.boxes}
    assert set(ends.values()) == {136}


def test_squares_in_rows_shrink_with_importance():
    widths = [b.w for b in rows(np.linspace(1, 0.1, 14).tolist(), 136).boxes]
    assert widths == sorted(widths, reverse=True)
    assert widths[0] > widths[-1]


def test_rows_leave_out_what_finds_no_room_and_keep_a_place_for_its_number():
    packing = rows([1.0] * 50, 136, height=80)
    assert packing.height <= 80
    assert len(packing.boxes) + packing.left_out == 50
    assert rest_box(packing).w >= 20


def test_one_square_is_no_larger_than_its_place_in_a_full_row():
    assert rows([1.0], 136).boxes[0].w == rows([1.0] * 3, 136).boxes[0].w


def test_a_grid_holds_all_in_equal_squares():
    packing = grid(23, 200, 5)
    assert len(packing.boxes) == 23
    assert len({b.w for b in packing.boxes}) == 1
    assert not overlapping(packing)
