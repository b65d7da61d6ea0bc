"""Rows in an order in which similar ones touch."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cnnvis.layout.ordering import EXACT, length, order, short_order

TABLES = arrays(
    np.float64,
    st.tuples(st.integers(0, 40), st.integers(1, 6)),
    elements=st.one_of(st.floats(-1e3, 1e3, width=32), st.just(float("nan"))),
)


def shortest(rows: np.ndarray) -> float:
    """The length of the best of all orders, tried one by one."""
    return min(length(rows, np.array(p)) for p in itertools.permutations(range(len(rows))))


@given(TABLES)
@settings(max_examples=60, deadline=None)
def test_an_order_is_a_permutation_and_never_longer_than_the_given_one(rows):
    found = order(rows)
    assert sorted(found) == list(range(len(rows)))
    assert length(rows, found) <= length(rows, np.arange(len(rows))) + 1e-9


@pytest.mark.parametrize("seed", range(6))
def test_an_order_of_few_rows_is_nearly_the_shortest_of_all(seed):
    rows = np.random.default_rng(seed).normal(size=(7, 3))
    assert length(rows, order(rows)) <= 1.03 * shortest(rows)


def test_rows_on_a_line_come_in_the_order_of_the_line():
    rows = np.random.default_rng(1).permutation(60).astype(float)[:, None]
    assert abs(np.diff(rows[order(rows), 0])).tolist() == [1.0] * 59


def test_columns_without_values_do_not_count():
    rows = np.random.default_rng(2).normal(size=(12, 4))
    with_gap = np.insert(rows, 2, np.nan, axis=1)
    assert order(with_gap).tolist() == order(rows).tolist()


def test_equal_rows_and_rows_without_values_keep_their_order():
    assert order(np.ones((9, 3))).tolist() == list(range(9))
    assert order(np.full((5, 2), np.nan)).tolist() == list(range(5))


def test_the_same_rows_give_the_same_order():
    rows = np.random.default_rng(3).normal(size=(80, 5))
    assert order(rows).tolist() == order(rows.copy()).tolist()


def test_very_many_rows_are_ordered_without_waiting():
    rows = np.random.default_rng(4).normal(size=(EXACT + 10, 3))
    assert length(rows, order(rows)) < 0.8 * length(rows, np.arange(len(rows)))


@given(TABLES)
@settings(max_examples=60, deadline=None)
def test_a_short_order_is_a_permutation_and_not_longer_than_the_given_one(rows):
    found = short_order(rows)
    assert sorted(found) == list(range(len(rows)))
    scale = max(float(np.abs(np.nan_to_num(rows)).max(initial=0.0)), 1.0)
    assert length(rows, found) <= length(rows, np.arange(len(rows))) + 1e-6 * scale * len(rows)
