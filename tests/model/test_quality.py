from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sessions import made_up_session
from sklearn.metrics import silhouette_samples

from cnnvis.model import quality
from cnnvis.model.activations import Activations
from cnnvis.model.features import comparable
from cnnvis.model.partition import Cluster, Partition
from cnnvis.model.quality import at_hand, silhouettes

LAYER = "conv1"


def activations(n: int = 40, seed: int = 0, classes: int = 5) -> Activations:
    found = made_up_session((n, 4), classes, seed=seed).activations
    assert found is not None
    return found


def reference(data: Activations, partition: Partition) -> np.ndarray:
    """By scikit-learn, from all distances."""
    live = np.array([m for c in partition if not c.dead for m in c.members])
    found = np.full(partition.n_units, np.nan)
    found[live] = silhouette_samples(comparable(data, LAYER)[live], partition.labels[live])
    return found


@pytest.mark.parametrize("k", [2, 5, 17])
def test_silhouettes_agree_with_scikit_learn(k: int) -> None:
    data, partition = activations(), Partition.from_labels(np.arange(40) * 7 % k)
    found = silhouettes(data, LAYER, partition)
    assert found is not None
    np.testing.assert_allclose(found.units, reference(data, partition), atol=1e-9)
    assert found.mean == pytest.approx(np.mean(reference(data, partition)))
    assert found.clusters[1] == pytest.approx(found.units[list(partition[1].members)].mean())


@settings(max_examples=30, deadline=None, derandomize=True)
@given(st.data())
def test_they_still_agree_after_any_edits(data: st.DataObject) -> None:
    found, partition = activations(24), Partition.from_labels(np.arange(24) % 4)
    for _ in range(data.draw(st.integers(1, 6))):
        units = data.draw(st.sets(st.integers(0, 23), min_size=1, max_size=6))
        ids = [c.id for c in partition]
        if data.draw(st.booleans()) or any(units == set(c.members) for c in partition):
            partition = partition.move(units, data.draw(st.sampled_from(ids)))
        else:
            partition = partition.gather(units)
        if len(partition) < 2:
            return
        rated = silhouettes(found, LAYER, partition)
        assert rated is not None
        np.testing.assert_allclose(rated.units, reference(found, partition), atol=1e-9)


def test_neurons_that_never_fire_are_not_rated() -> None:
    data, partition = activations(9), Partition.from_labels(np.arange(9) % 3, dead=np.arange(9) > 6)
    found = silhouettes(data, LAYER, partition)
    assert found is not None
    assert np.isnan(found.units).tolist() == 7 * [False] + 2 * [True]
    np.testing.assert_allclose(found.units, reference(data, partition), atol=1e-9)
    assert set(found.clusters) == {0, 1, 2}


def test_equal_neurons_in_different_clusters_have_no_silhouette_but_zero() -> None:
    session = made_up_session((8, 4), 3)
    assert session.activations is not None
    session.activations[LAYER].total[:] = session.activations[LAYER].total[0]
    found = silhouettes(session.activations, LAYER, Partition.from_labels(np.arange(8) % 2))
    assert found is not None
    assert found.units.tolist() == 8 * [0.0]


def test_there_is_nothing_to_compare_in_one_cluster_or_in_singletons() -> None:
    data = activations(6)
    for partition in (
        Partition.from_labels([0] * 6),
        Partition.from_labels(range(6)),
        Partition.from_labels([0] * 6, dead=[True] * 6),
        Partition((Cluster(0, (0, 1, 2)), Cluster(1, (3, 4, 5), dead=True))),
    ):
        assert silhouettes(data, LAYER, partition) is None


def test_a_large_layer_is_rated_by_a_drawn_part(monkeypatch: pytest.MonkeyPatch) -> None:
    data, partition = activations(60), Partition.from_labels(np.arange(60) % 3)
    monkeypatch.setattr(quality, "MOST_ROWS", 20)
    found = silhouettes(data, LAYER, partition)
    assert found is not None
    rated = ~np.isnan(found.units)
    assert rated.sum() == 20
    np.testing.assert_allclose(found.units[rated], reference(data, partition)[rated], atol=1e-9)


def test_a_known_partition_and_its_edits_are_at_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    data, partition = activations(60), Partition.from_labels(np.arange(60) % 3)
    monkeypatch.setattr(quality, "CHEAP", 60 * 5 * 4)
    assert not at_hand(data, LAYER, partition)
    silhouettes(data, LAYER, partition)
    assert at_hand(data, LAYER, partition)
    assert at_hand(data, LAYER, partition.move([0, 3], 1))
    assert at_hand(data, LAYER, partition.merge(0, 1))
    assert not at_hand(data, LAYER, Partition.from_labels(np.arange(60) // 20))
