from __future__ import annotations

import itertools

import numpy as np
import pytest

from cnnvis.layout.layered import crossings, layered_crossings, order_columns, stacked


def plain_crossings(matrix):
    """Every pair of edges looked at, one by one."""
    edges = [(i, j, w) for (i, j), w in np.ndenumerate(matrix) if w]
    return sum(a[2] * b[2] for a, b in itertools.combinations(edges, 2) if (a[0] - b[0]) * (a[1] - b[1]) < 0)


def a_picture(columns, n, seed=0, skips=0):
    rng = np.random.default_rng(seed)
    edges = {(k, int(i), k + 1, int(j)) for k in range(columns - 1) for i, j in rng.integers(0, n, (2 * n, 2))}
    for _ in range(skips):
        a, b = sorted(rng.choice(columns, 2, replace=False).tolist())
        edges.add((a, int(rng.integers(n)), b, int(rng.integers(n))))
    return [n] * columns, [(*e, 1.0) for e in sorted(edges)]


def given(sizes):
    return [np.arange(n) for n in sizes]


@pytest.mark.parametrize("seed", range(5))
def test_crossings_agree_with_looking_at_every_pair(seed):
    rng = np.random.default_rng(seed)
    matrix = rng.integers(0, 3, (7, 9)).astype(float)
    assert crossings(matrix) == plain_crossings(matrix)


@pytest.mark.parametrize("seed", range(8))
def test_the_order_is_never_worse_than_the_given_one(seed):
    sizes, edges = a_picture(4, 5, seed, skips=4)
    found = order_columns(sizes, edges)
    assert layered_crossings(sizes, edges, found) <= layered_crossings(sizes, edges, given(sizes))


def test_every_column_keeps_its_cards():
    sizes, edges = a_picture(6, 9, skips=10)
    assert [sorted(o.tolist()) for o in order_columns(sizes, edges)] == [list(range(9))] * 6


def test_a_random_picture_loses_two_thirds_of_its_crossings():
    sizes, edges = a_picture(10, 10)
    found = order_columns(sizes, edges)
    assert layered_crossings(sizes, edges, found) < 0.36 * layered_crossings(sizes, edges, given(sizes))


def test_a_small_picture_finds_the_best_order():
    sizes, edges = a_picture(2, 5, seed=2)
    best = min(
        layered_crossings(sizes, edges, [np.array(a), np.array(b)])
        for a in itertools.permutations(range(5))
        for b in itertools.permutations(range(5))
    )
    assert layered_crossings(sizes, edges, order_columns(sizes, edges)) <= 1.25 * best


def test_a_fixed_column_keeps_its_order():
    sizes, edges = a_picture(4, 8, seed=3)
    assert order_columns(sizes, edges, fixed={3})[3].tolist() == list(range(8))


def test_cards_that_are_not_free_keep_their_order_among_themselves():
    sizes, edges = a_picture(5, 8, seed=4)
    free = [np.arange(8) == 2 for _ in sizes]
    for order in order_columns(sizes, edges, free=free):
        assert [i for i in order.tolist() if i != 2] == [0, 1, 3, 4, 5, 6, 7]


def test_a_heavy_edge_counts_more_than_many_light_ones():
    edges = [(0, 0, 1, 1, 10.0), (0, 1, 1, 0, 10.0), (0, 0, 1, 0, 0.1), (0, 1, 1, 1, 0.1)]
    first, second = order_columns([2, 2], edges)
    assert first.tolist() != second.tolist()


def test_a_picture_without_edges_stays_as_given():
    assert [o.tolist() for o in order_columns([3, 0, 2], [])] == [[0, 1, 2], [], [0, 1]]


def test_the_same_picture_gets_the_same_order():
    sizes, edges = a_picture(6, 9, seed=5)
    again = order_columns(sizes, edges)
    assert all((a == b).all() for a, b in zip(order_columns(sizes, edges), again))


def test_a_column_stands_in_the_middle_with_even_gaps():
    tops = stacked([100, 100, 100], 480)
    gaps = {b - a - 100 for a, b in itertools.pairwise(tops)}
    assert len(gaps) == 1
    assert abs(tops[0] - (480 - tops[-1] - 100)) <= 8
