from __future__ import annotations

import numpy as np
import pytest

from cnnvis.compute.sums import GroupSums, Histogram, Membership, TopTable
from cnnvis.model.activations import histogram_edges


def members(rows: list[int], groups: list[int]) -> Membership:
    return Membership(np.array(rows, np.int64), np.array(groups, np.int64))


def test_sums_squares_and_maxima_are_kept_per_group() -> None:
    sums = GroupSums(3, 2)
    sums.add(np.array([[1, 2], [3, -4], [5, 6]], np.float32), members([0, 1, 2], [2, 0, 2]))
    assert sums.counts.tolist() == [1, 0, 2]
    assert sums.total.tolist() == [[3, -4], [0, 0], [6, 8]]
    assert sums.squares.tolist() == [[9, 16], [0, 0], [26, 40]]
    assert sums.highest[[0, 2]].tolist() == [[3, -4], [5, 6]]
    assert np.isneginf(sums.highest[1]).all()


def test_a_row_may_stand_in_several_groups_and_in_none() -> None:
    sums = GroupSums(2, 1)
    sums.add(np.array([[1], [10]], np.float32), members([1, 1], [0, 1]))
    sums.add(np.array([[7]], np.float32), members([], []))
    assert sums.total.tolist() == [[10], [10]]


def test_beyond_a_hundred_groups_squares_and_maxima_are_kept_over_all() -> None:
    sums = GroupSums(101, 1)
    sums.add(np.array([[1], [2]], np.float32), members([0, 1], [3, 100]))
    assert sums.squares.tolist() == [[5]]
    assert sums.highest.tolist() == [[2]]


def test_sums_of_float32_are_exact_in_float64() -> None:
    sums = GroupSums(1, 1)
    values = np.full((1000, 1), 0.1, np.float32)
    sums.add(values, members(list(range(1000)), [0] * 1000))
    assert sums.total[0, 0] == pytest.approx(1000 * float(np.float32(0.1)), rel=1e-14)


@pytest.mark.parametrize("parts", [1, 4, 50])
def test_a_top_table_keeps_the_strongest_whatever_the_parts(parts: int) -> None:
    random = np.random.default_rng(0)
    values = random.integers(0, 12, (50, 3)).astype(np.float32)
    table = TopTable(3, 5)
    for rows in np.array_split(random.permutation(50), parts):
        units, at = np.meshgrid(np.arange(3), rows)
        flat = (units.ravel(), values[at, units].ravel(), at.ravel(), np.stack([at.ravel(), units.ravel()], 1))
        table.add(*flat)
    for unit in range(3):
        order = sorted(range(50), key=lambda i: (-values[i, unit], i))[:5]
        assert table.samples[unit].tolist() == order
        assert table.values[unit].tolist() == values[order, unit].tolist()
        assert table.places[unit].tolist() == [[i, unit] for i in order]
        assert table.lowest[unit] == values[order[-1], unit]


def test_a_response_falls_into_the_bin_between_its_edges_also_on_an_edge() -> None:
    edges = histogram_edges()
    near = np.concatenate([edges.astype(np.float32)] * 3)
    near[31:62], near[62:] = np.nextafter(near[:31], np.float32(9e9)), np.nextafter(near[:31], np.float32(-1))
    random = np.random.default_rng(0)
    spread = (10.0 ** random.uniform(-9, 9, 2000)).astype(np.float32)
    values = np.concatenate([near, spread, -spread, [0.0, -0.0, 1e-45, 3e38]]).astype(np.float32)
    histogram = Histogram(2)
    histogram.add(np.stack([values, -values], 1))
    for unit, sign in enumerate((1, -1)):
        expected = np.bincount(np.searchsorted(edges, (sign * values).astype(np.float64), side="left"), minlength=32)
        assert histogram.counts[unit].tolist() == expected.tolist()
