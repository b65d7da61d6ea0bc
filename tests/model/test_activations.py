from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cnnvis.errors import InvalidValue, UnknownName
from cnnvis.model.activations import HISTOGRAM_BINS, Activations, Responses, Samples, frozen, histogram_edges
from cnnvis.model.features import importance, profiles, ranked_members
from cnnvis.model.partition import Cluster


def samples(n: int, skipped: int = 0) -> Samples:
    labels = np.arange(n) % 2
    ranked = np.stack([labels, 1 - labels], 1).astype(np.int32)
    read = np.arange(n) < n - skipped
    return Samples(tuple(f"{i}.png" for i in range(n)), np.arange(n) * 10, labels, ranked, np.ones((n, 2), "f4"), read)


def activations(means: list[list[float]], counts: list[float]) -> Activations:
    """Responses that never vary inside a group."""
    mean, count = np.array(means, float), np.array(counts, float)
    n, m = mean.shape
    found = Responses(
        "conv",
        total=mean * count,
        squares=mean**2 * count,
        highest=mean.astype("f4"),
        fired=((mean > 0) * count).sum(1).astype(np.int64),
        histogram=np.zeros((n, HISTOGRAM_BINS), np.int64),
        place=None,
        top_samples=np.zeros((n, 1), np.int64),
        top_values=np.zeros((n, 1), "f4"),
        top_places=np.zeros((n, 1, 2), np.int32),
    )
    return Activations(tuple("abcdef"[:m]), "class", count, {"conv": found}, samples(int(count.sum())))


def test_means_are_nan_where_a_group_is_empty() -> None:
    found = activations([[1.0, 2.0, 0.0]], [2, 4, 0])
    np.testing.assert_array_equal(found.means("conv"), [[1.0, 2.0, np.nan]])
    assert found.present.tolist() == [True, True, False]


def test_the_mean_weighs_groups_by_their_samples() -> None:
    found = activations([[1.0, 4.0]], [2, 1])
    assert found.mean("conv").tolist() == [2.0]
    np.testing.assert_allclose(found.spread("conv"), [np.std([1, 1, 4])])


def test_the_dead_fraction_counts_samples_without_any_response() -> None:
    assert activations([[0.0, 1.0], [0.0, 0.0]], [3, 1]).dead_fraction("conv").tolist() == [0.75, 1.0]


def test_an_unrecorded_layer_is_refused() -> None:
    with pytest.raises(UnknownName, match="'conv'"):
        activations([[1.0]], [1])["con"]


def test_counts_must_match_the_groups() -> None:
    with pytest.raises(InvalidValue, match="got 1 for 2"):
        replace(activations([[1.0, 1.0]], [1, 1]), counts=np.ones(1))


def test_accuracy_counts_only_samples_that_were_read_and_labelled() -> None:
    found = samples(4, skipped=1)
    assert found.accuracy == 1.0
    wrong = replace(found, ranked=found.ranked[:, ::-1])
    assert wrong.accuracy == 0.0
    assert replace(wrong, labels=np.array([-1, 1, 1, 1])).accuracy == 0.5
    assert replace(found, labels=np.full(4, -1)).accuracy is None
    assert replace(found, labels=np.ones(4) / 2).accuracy is None


def test_the_accuracy_of_a_class_that_has_no_samples_is_unknown() -> None:
    assert samples(4).accuracy_of(1) == 1.0
    assert samples(4).accuracy_of(7) is None


def test_rows_lead_from_the_data_set_to_the_table() -> None:
    assert samples(3).rows == {0: 0, 10: 1, 20: 2}


def test_histogram_edges_divide_eight_decades() -> None:
    edges = histogram_edges()
    assert (len(edges), edges[0], edges[-1]) == (HISTOGRAM_BINS - 1, 1e-4, 1e4)


def test_a_frozen_array_cannot_be_written() -> None:
    with pytest.raises(ValueError, match="read-only"):
        frozen(np.zeros(2))[0] = 1


def test_profiles_tell_selectivity_not_strength() -> None:
    rows = profiles(activations([[1.0, 2.0, 1.0], [10.0, 20.0, 10.0], [2.0, 1.0, 1.0]], [1, 1, 1]), "conv")
    np.testing.assert_allclose(rows[0], rows[1])
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1.0)
    assert rows[0].argmax() == 1
    assert rows[2].argmax() == 0


def test_profiles_with_magnitude_keep_the_strength() -> None:
    rows = profiles(activations([[1.0, 2.0], [10.0, 20.0]], [1, 1]), "conv", magnitude=True)
    np.testing.assert_allclose(rows[1], 10 * rows[0])


def test_profiles_leave_out_empty_groups_and_units_that_never_vary_are_zero() -> None:
    rows = profiles(activations([[0.1, 0.1, 5.0], [1.0, 2.0, 5.0]], [1, 1, 0]), "conv")
    assert rows.shape == (2, 2)
    assert rows[0].tolist() == [0.0, 0.0]


def test_profiles_without_any_sample_are_one_column_of_zeros() -> None:
    assert profiles(activations([[0.0], [0.0]], [0]), "conv").tolist() == [[0.0], [0.0]]


def test_importance_is_relative_to_the_strongest_unit() -> None:
    assert importance(activations([[1.0, 3.0], [-4.0, -4.0]], [1, 1]), "conv").tolist() == [0.5, 1.0]
    assert importance(activations([[0.0, 0.0]], [1, 1]), "conv").tolist() == [0.0]


def test_the_medoid_represents_a_cluster_then_the_most_important() -> None:
    found = activations([[9.0, 0.0, 0.0], [1.0, 0.9, 0.0], [1.0, 2.0, 0.0], [0.1, 1.0, 0.0]], [1, 1, 1, 1][:3])
    ranked = ranked_members(found, "conv", Cluster(0, (0, 1, 2, 3)))
    rows = profiles(found, "conv")
    assert ranked[0] == int(np.argmax((rows @ rows.T).sum(1)))
    rest = [u for u in (0, 2, 1, 3) if u != ranked[0]]
    assert list(ranked[1:]) == rest


def test_what_a_hand_pinned_represents_a_cluster_before_the_medoid() -> None:
    found = activations([[9.0, 0.0, 0.0], [1.0, 0.9, 0.0], [1.0, 2.0, 0.0], [0.1, 1.0, 0.0]], [1, 1, 1])
    plain = ranked_members(found, "conv", Cluster(0, (0, 1, 2, 3)))
    assert ranked_members(found, "conv", Cluster(0, (0, 1, 2, 3), pinned=(plain[3],))) == (plain[3], *plain[:3])
