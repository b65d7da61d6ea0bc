from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from reference import bicliques as reference

from cnnvis.layout import bicliques
from cnnvis.layout.bicliques import cover, maximal

SMALL = arrays(np.bool_, st.tuples(st.integers(1, 7), st.integers(1, 7)))


def places(mask: int) -> frozenset[int]:
    return frozenset(k for k in range(mask.bit_length()) if mask >> k & 1)


@pytest.fixture
def few(monkeypatch):
    """Nearly every matrix has too many bicliques to list them."""
    monkeypatch.setattr(bicliques, "MOST", 1)
    bicliques._cover.cache_clear()
    yield
    bicliques._cover.cache_clear()


def sound(matrix: np.ndarray, found: tuple[bicliques.Biclique, ...]) -> None:
    met = set()
    for one in found:
        assert matrix[np.ix_(one.rows, one.columns)].all()
        assert set(one.edges) <= set(itertools.product(one.rows, one.columns))
        assert {i for i, _ in one.edges} == set(one.rows)
        assert {j for _, j in one.edges} == set(one.columns)
        assert min(len(one.rows), len(one.columns)) >= 2
        assert one.saved > 0
        assert not met & set(one.edges)
        met |= set(one.edges)


@given(SMALL)
@settings(max_examples=150, deadline=None)
def test_all_maximal_bicliques_are_found(matrix):
    found = maximal(matrix)
    assert {(places(a), places(c)) for a, c in found} == reference.maximal(matrix)
    assert len(set(found)) == len(found)


@given(SMALL)
@settings(max_examples=100, deadline=None)
def test_the_cover_takes_what_saves_most_first(matrix):
    wanted = reference.saved_by_greedy(matrix, reference.maximal(matrix))
    found = cover(matrix)
    assert len(found) == len(wanted)
    assert all(one.saved >= gain for one, gain in zip(found, wanted))  # more where it could be trimmed


@given(SMALL)
@settings(max_examples=100, deadline=None)
def test_every_edge_belongs_to_one_bundle_at_most(matrix):
    sound(matrix, cover(matrix))


@given(arrays(np.bool_, st.tuples(st.integers(2, 12), st.integers(2, 12))))
@settings(max_examples=100, deadline=None)
def test_grown_bicliques_are_bicliques_too(matrix):
    open_ = bicliques._masks(matrix)
    sound(matrix, tuple(bicliques._trimmed(*chosen) for chosen in bicliques._grown(matrix, open_)))


def test_a_block_hidden_in_any_order_is_found_whole():
    rng = np.random.default_rng(0)
    matrix = np.zeros((40, 40), bool)
    rows, columns = rng.permutation(40)[:9], rng.permutation(40)[:7]
    matrix[np.ix_(rows, columns)] = True
    (one,) = cover(matrix)
    assert (set(one.rows), set(one.columns)) == (set(rows.tolist()), set(columns.tolist()))


def test_growing_finds_a_hidden_block_among_noise(few):
    rng = np.random.default_rng(0)
    matrix = rng.random((40, 40)) < 0.1
    matrix[np.ix_(range(9), range(20, 27))] = True
    assert cover(matrix)[0].saved >= 9 * 7 - 9 - 7


@pytest.mark.parametrize("n", [32, 64, 300])
def test_a_matrix_with_endless_bicliques_is_covered_at_once(n):
    matrix = ~np.eye(n, dtype=bool)  # 2 ** n maximal bicliques
    assert maximal(matrix) is None
    found = cover(matrix)
    sound(matrix, found)
    assert sum(one.saved for one in found) > n


@pytest.mark.parametrize("shape", [(0, 5), (5, 0), (1, 9), (9, 1)])
def test_a_lane_that_is_too_small_has_no_bundle(shape):
    assert cover(np.ones(shape, bool)) == ()


def test_two_by_two_is_not_worth_a_box():
    assert cover(np.ones((2, 2), bool)) == ()
    assert cover(np.ones((2, 3), bool))[0].saved == 1


def test_a_cover_is_remembered_for_the_same_edges():
    matrix = np.random.default_rng(0).random((20, 20)) < 0.4
    assert cover(matrix) is cover(matrix.copy())
    assert cover(matrix.T) is not cover(matrix)


def test_turning_a_matrix_turns_its_bicliques():
    matrix = np.random.default_rng(3).random((9, 14)) < 0.5
    assert sorted((c, a) for a, c in maximal(matrix)) == maximal(matrix.T)
