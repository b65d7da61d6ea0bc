from __future__ import annotations

import numpy as np
import pytest

from cnnvis.errors import UnknownName
from cnnvis.model.connections import Connections
from cnnvis.model.partition import Partition


def connections(matrix: np.ndarray, scale: float = 1.0) -> Connections:
    return Connections("weights × activation", {("a", "b"): matrix.astype(np.float16)}, {("a", "b"): scale})


def test_blocks_keep_positive_and_negative_parts_apart() -> None:
    matrix = np.array([[1.0, -2.0], [0.5, 4.0], [-1.0, 0.0]])
    one = Partition.from_labels([0, 0, 1])
    positive, negative = connections(matrix).blocks("a", "b", one, Partition.from_labels([0, 1]))
    assert positive.tolist() == [[1.5, 4.0], [0.0, 0.0]]
    assert negative.tolist() == [[0.0, 2.0], [1.0, 0.0]]


def test_blocks_are_sums_over_sources_and_means_over_sinks() -> None:
    matrix = np.ones((6, 4))
    positive, _ = connections(matrix).blocks(
        "a", "b", Partition.from_labels([0] * 6), Partition.from_labels([0, 0, 0, 1])
    )
    assert positive.tolist() == [[6.0, 6.0]]


def test_the_scale_restores_the_unit_of_measure() -> None:
    one = Partition.from_labels([0])
    positive, _ = connections(np.array([[0.5]]), scale=30.0).blocks("a", "b", one, one)
    assert positive.tolist() == [[15.0]]


def test_blocks_follow_the_drawn_order_not_the_ids() -> None:
    matrix = np.array([[1.0], [2.0]])
    turned = Partition.from_labels([0, 1]).reorder([1, 0])
    positive, _ = connections(matrix).blocks("a", "b", turned, Partition.from_labels([0]))
    assert positive.tolist() == [[2.0], [1.0]]


def test_regrouping_loses_nothing() -> None:
    rng = np.random.default_rng(0)
    found = connections(rng.normal(size=(12, 9)))
    sinks = Partition.from_labels(rng.integers(0, 3, 9))
    totals = [
        found.blocks("a", "b", Partition.from_labels(rng.integers(0, k, 12)), sinks)[0].sum(0) for k in (1, 3, 5)
    ]
    np.testing.assert_allclose(totals[1], totals[0])
    np.testing.assert_allclose(totals[2], totals[0])


def test_layers_that_are_no_neighbours_are_refused() -> None:
    with pytest.raises(UnknownName, match="b → a are none"):
        connections(np.eye(2)).between("b", "a")


def test_some_clusters_have_the_blocks_that_they_have_among_all() -> None:
    rng = np.random.default_rng(0)
    found = connections(rng.normal(size=(12, 9)))
    rows, columns = (Partition.from_labels(rng.integers(0, 4, n)) for n in (12, 9))
    whole = found.blocks("a", "b", rows, columns)
    part = found.blocks("a", "b", [rows[2], rows[0]], [columns[3]])
    for all_, some in zip(whole, part):
        np.testing.assert_allclose(some, all_[np.ix_([2, 0], [3])], rtol=1e-6)
