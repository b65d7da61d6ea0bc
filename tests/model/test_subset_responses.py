"""Responses restricted to a subset agree with plain sums over its samples."""

from __future__ import annotations

import gc
import weakref
from dataclasses import replace

import numpy as np
import pytest
from sessions import made_up_session

from cnnvis.errors import InvalidValue
from cnnvis.model.activations import Activations, histogram_edges
from cnnvis.model.subset_responses import dropped, is_exact, keep_exact, mean_over, members, restricted

ROWS = np.array([1, 2, 3, 7, 8, 15, 22])


def whole(seed: int = 0) -> Activations:
    found = made_up_session(seed=seed).activations
    assert found is not None
    return found


def test_sums_counts_and_maxima_are_those_of_the_chosen_samples() -> None:
    a = whole()
    found = restricted(a, ROWS)
    labels = a.samples.labels[ROWS]
    assert found.counts.tolist() == [float((labels == c).sum()) for c in range(4)]
    for name, layer in a.layers.items():
        values = layer.pooled[ROWS].astype(float)  # type: ignore[index]
        for c in range(4):
            mine = values[labels == c]
            np.testing.assert_allclose(found[name].total[:, c], mine.sum(0), rtol=1e-12)
            np.testing.assert_allclose(found[name].squares[:, c], (mine**2).sum(0), rtol=1e-12)
            highest = mine.max(0) if len(mine) else np.full(values.shape[1], -np.inf)
            np.testing.assert_array_equal(found[name].highest[:, c], highest)
        np.testing.assert_array_equal(found[name].fired, (values > 0).sum(0))


def test_the_histogram_counts_every_sample_of_the_subset_in_its_bin() -> None:
    a = whole()
    found = restricted(a, ROWS)["conv2"].histogram
    expected = np.zeros_like(found)
    for u in range(12):
        for row in ROWS:
            value = float(a["conv2"].pooled[row, u])  # type: ignore[index]
            expected[u, int((value > histogram_edges()).sum())] += 1
    np.testing.assert_array_equal(found, expected)


def test_spread_and_mean_follow_from_the_restricted_sums() -> None:
    a = whole()
    found = restricted(a, ROWS)
    values = a["conv1"].pooled[ROWS].astype(float)  # type: ignore[index]
    np.testing.assert_allclose(found.mean("conv1"), values.mean(0))
    np.testing.assert_allclose(found.spread("conv1"), values.std(0), atol=1e-9)


def test_the_table_of_samples_holds_the_subset_alone() -> None:
    found = restricted(whole(), ROWS).samples
    assert found.names == tuple(f"{i}.png" for i in ROWS)
    assert found.indices.tolist() == ROWS.tolist()
    assert found.rows[15] == 5


def test_known_peaks_lead_and_means_rank_the_rest() -> None:
    a = whole()
    layer, found = a["conv2"], restricted(a, ROWS)["conv2"]
    for u in range(12):
        known = [s for s in layer.top_samples[u].tolist() if s in ROWS]
        others = sorted((s for s in ROWS.tolist() if s not in known), key=lambda s: (-float(layer.pooled[s, u]), s))  # type: ignore[index]
        wanted = [*known, *others][:9]
        assert found.top_samples[u].tolist() == wanted + [-1] * (9 - len(wanted))
        places = dict(zip(layer.top_samples[u].tolist(), layer.top_places[u].tolist()))
        for sample, place in zip(wanted, found.top_places[u].tolist()):
            assert place == places.get(sample, [-1, -1])
        values = found.top_values[u, : len(wanted)]
        assert (np.diff(values) <= 0).all()


def test_all_rows_give_the_strongest_samples_of_the_whole() -> None:
    a = whole()
    found = restricted(a, np.arange(24))
    np.testing.assert_array_equal(found["conv2"].top_samples, a["conv2"].top_samples)
    np.testing.assert_array_equal(found["conv2"].top_places, a["conv2"].top_places)


def test_the_same_rows_give_the_same_object_without_keeping_the_whole_alive() -> None:
    a = whole()
    found = restricted(a, ROWS)
    assert restricted(a, ROWS.copy()) is found
    gone = weakref.ref(a)
    del a
    gc.collect()
    assert gone() is None
    assert found["conv1"].n_units == 6


def test_layers_without_single_responses_are_missing_and_named() -> None:
    a = whole()
    layers = dict(a.layers)
    layers["conv1"] = replace(layers["conv1"], pooled=None)
    a = replace(a, layers=layers)
    assert dropped(a) == ("conv1",)
    assert list(restricted(a, ROWS).layers) == ["conv2", "fc"]
    with pytest.raises(InvalidValue, match="conv1 must keep its pooled responses"):
        mean_over(a, "conv1", ROWS)


def test_an_empty_subset_is_one_clear_sentence() -> None:
    with pytest.raises(InvalidValue, match="at least one image"):
        restricted(whole(), np.empty(0, np.int64))


def test_a_recording_of_the_same_rows_takes_the_place_of_the_estimate() -> None:
    a = whole()
    restricted(a, ROWS)
    assert not is_exact(a, ROWS)
    exact = replace(restricted(a, ROWS), notes=("recorded",))
    assert keep_exact(a, ROWS, exact)
    assert is_exact(a, ROWS)
    assert restricted(a, ROWS)["conv1"] is exact["conv1"]


def test_a_recording_with_other_groups_is_refused() -> None:
    a = whole()
    other = replace(restricted(a, ROWS), groups=("a", "b", "c", "d"))
    assert not keep_exact(a, ROWS, other)
    assert not is_exact(a, ROWS)


def test_quantiles_are_found_again_from_their_counts() -> None:
    a = whole()
    values = np.round(np.random.default_rng(3).normal(size=24), 1)
    edges = np.quantile(values, [0.25, 0.5, 0.75])
    group = np.searchsorted(edges, values, side="left")
    counts = np.bincount(group, minlength=4).astype(float)
    a = replace(a, kind="quantile", counts=counts, samples=replace(a.samples, labels=values))
    rows, groups = members(a)
    assert dict(zip(rows.tolist(), groups.tolist())) == dict(enumerate(group.tolist()))


def test_a_sample_of_several_labels_counts_for_each() -> None:
    a = whole()
    labels = (np.random.default_rng(1).random((24, 4)) < 0.4).astype(np.int64)
    a = replace(a, kind="label", counts=labels.sum(0).astype(float), samples=replace(a.samples, labels=labels))
    found = restricted(a, ROWS)
    assert found.counts.tolist() == labels[ROWS].sum(0).tolist()
    values = a["conv1"].pooled[ROWS].astype(float)  # type: ignore[index]
    np.testing.assert_allclose(found["conv1"].total, values.T @ labels[ROWS])


def test_beyond_a_hundred_groups_squares_are_kept_over_all() -> None:
    a = whole()
    layers = {
        name: replace(x, squares=x.squares.sum(1, keepdims=True), highest=x.highest.max(1, keepdims=True))
        for name, x in a.layers.items()
    }
    found = restricted(replace(a, layers=layers), ROWS)["conv1"]
    values = a["conv1"].pooled[ROWS].astype(float)  # type: ignore[index]
    np.testing.assert_allclose(found.squares[:, 0], (values**2).sum(0))
    np.testing.assert_array_equal(found.highest[:, 0], values.max(0))


def test_a_subset_is_one_more_column_of_means() -> None:
    a = whole()
    values = a["conv2"].pooled[ROWS].astype(float)  # type: ignore[index]
    np.testing.assert_allclose(mean_over(a, "conv2", ROWS), values.mean(0))
