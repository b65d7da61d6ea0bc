"""SpRAy against its steps written out, and on maps whose kinds are known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import spray as slow

from cnnvis.compute.spray import affinity, eigenvalues, number, pooled, spray
from cnnvis.errors import InvalidValue
from cnnvis.model.attribution import Attribution, Map, Vector
from cnnvis.model.target import Target

CORNERS = ((3, 3), (3, 28), (28, 3), (28, 28))


def blob(row: float, column: float, n: int = 32) -> np.ndarray:
    y, x = np.mgrid[:n, :n]
    return np.exp(-((y - row) ** 2 + (x - column) ** 2) / 8)


def answers(maps: list[np.ndarray]) -> list[Attribution]:
    return [
        Attribution(Map(m.astype(np.float32)), i, Target("fc", (0,)), "Grad-CAM", {}, {}) for i, m in enumerate(maps)
    ]


def in_corners(kinds: int, each: int = 12, seed: int = 0) -> tuple[list[np.ndarray], np.ndarray]:
    rng = np.random.default_rng(seed)
    which = rng.permutation(np.repeat(np.arange(kinds), each))
    maps = [rng.uniform(1, 50) * blob(*(np.array(CORNERS[k]) + rng.normal(0, 0.8, 2))) for k in which]
    return maps, which


def test_pooling_is_that_of_a_plain_loop() -> None:
    values = np.random.default_rng(0).normal(size=(32, 48)).astype(np.float32)
    np.testing.assert_allclose(pooled(values), slow.pooled(values, 16), rtol=1e-5)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 60), st.integers(1, 60), st.integers(0, 99))
def test_pooling_keeps_the_whole_whatever_the_sides(h: int, w: int, seed: int) -> None:
    values = np.random.default_rng(seed).random((h, w)).astype(np.float32) + 0.01
    found = pooled(values)
    assert found.sum() == pytest.approx(1, abs=1e-5)
    assert found.min() >= 0


def test_the_graph_and_its_eigenvalues_are_those_of_the_definition() -> None:
    flat = np.random.default_rng(1).normal(size=(20, 9))
    graph = affinity(flat)
    np.testing.assert_array_equal(graph, slow.affinity(flat))
    np.testing.assert_allclose(eigenvalues(graph), np.linalg.eigvalsh(slow.laplacian(graph)), atol=1e-10)


def test_the_number_of_clusters_lies_before_the_largest_gap() -> None:
    assert number(np.array([0, 0.01, 0.02, 0.6, 0.7, 0.8])) == 3
    assert number(np.array([0, 0.9, 0.95])) == 1
    assert number(np.zeros(1)) == 1
    assert number(np.linspace(0, 0.1, 12) + (np.arange(12) > 9)) <= 8


@pytest.mark.parametrize("kinds", [2, 3, 4])
def test_as_many_kinds_are_found_as_there_are_each_whole(kinds: int) -> None:
    maps, which = in_corners(kinds)
    found = spray(answers(maps))
    assert len(found.clusters) == kinds
    for cluster in found.clusters:
        assert len({int(which[i]) for i in cluster.members}) == 1
    assert sorted(i for c in found.clusters for i in c.members) == list(range(len(maps)))


def test_the_most_typical_member_comes_first_and_its_map_is_kept() -> None:
    maps, _ = in_corners(2)
    for cluster in spray(answers(maps)).clusters:
        flat = np.stack([slow.pooled(maps[i], 16).ravel() for i in cluster.members])
        away = np.linalg.norm(flat - flat.mean(0), axis=1)
        assert np.all(np.diff(away) >= -1e-7)
        first = maps[cluster.members[0]]
        np.testing.assert_allclose(cluster.examples[0].astype(float), first / first.max(), atol=1e-3)
        assert cluster.mean.sum() == pytest.approx(1, abs=1e-4)


def test_the_same_seed_gives_the_same_clusters_and_places() -> None:
    maps, _ = in_corners(3)
    one, other = spray(answers(maps), seed=4), spray(answers(maps), seed=4)
    assert [c.members for c in one.clusters] == [c.members for c in other.clusters]
    np.testing.assert_array_equal(one.places, other.places)


def test_alike_maps_lie_near_each_other_in_the_plane() -> None:
    maps, which = in_corners(3)
    places = spray(answers(maps)).places
    centres = np.stack([places[which == k].mean(0) for k in range(3)])
    nearest = np.linalg.norm(places[:, None] - centres[None], axis=2).argmin(1)
    assert (nearest == which).mean() > 0.95


def test_a_few_maps_are_one_kind() -> None:
    found = spray(answers([blob(3, 3), blob(28, 28), blob(3, 28)]))
    assert [len(c) for c in found.clusters] == [3]
    assert (found.places == 0).all()


def test_maps_of_which_nothing_speaks_for_the_target_are_held() -> None:
    found = spray(answers([np.zeros((32, 32))] * 10))
    assert found.coarse.sum() == 0
    assert sum(map(len, found.clusters)) == 10


def test_evidence_that_is_no_map_is_refused() -> None:
    row = Attribution(Vector(np.ones(2, np.float32), ("a", "b")), 0, Target("fc", (0,)), "m", {}, {})
    with pytest.raises(InvalidValue, match="must be maps"):
        spray([row])
