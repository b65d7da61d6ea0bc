"""Spread of responses by class."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sessions import made_up_session

from cnnvis.errors import InvalidValue, UnknownName
from cnnvis.model.activations import Activations
from cnnvis.model.distributions import BINS, QUANTILES, distributions
from cnnvis.model.network import Network


def made(classes: int = 4) -> tuple[Activations, Network]:
    session = made_up_session(classes=classes, n=60, empty_classes=1)
    assert session.activations is not None
    return session.activations, session.analysis.network


def with_pooled(activations: Activations, layer: str, values: np.ndarray) -> Activations:
    changed = replace(activations[layer], pooled=values.astype(np.float16))
    return replace(activations, layers={**activations.layers, layer: changed})


def test_each_step_counts_the_samples_of_its_class() -> None:
    activations, network = made()
    found = distributions(activations, network, "conv1")
    pooled = np.asarray(activations["conv1"].pooled, np.float64)
    assert found.histogram.shape == (6, 4, BINS)
    np.testing.assert_array_equal(found.histogram.sum(2), np.tile(found.counts, (6, 1)))
    for unit in range(6):
        for group in range(3):
            mine = pooled[activations.samples.labels == group, unit]
            expected, _ = np.histogram(mine, found.edges[unit])
            assert np.abs(expected - found.histogram[unit, group]).sum() <= 2  # a value on an edge
            np.testing.assert_allclose(found.quantiles[unit, group], np.quantile(mine, QUANTILES))
    np.testing.assert_allclose(found.density[:, :3].sum(2), 1.0)


def test_a_class_without_samples_has_no_spread() -> None:
    found = distributions(*made(), "conv1")
    assert found.counts[3] == 0
    assert np.isnan(found.quantiles[:, 3]).all()
    assert not found.density[:, 3].any()


def test_silent_samples_are_counted_by_class_and_over_all() -> None:
    activations, network = made()
    pooled = np.asarray(activations["conv1"].pooled, np.float64).copy()
    pooled[activations.samples.labels == 1, 2] = 0.0
    pooled[:, 4] = 0.0
    found = distributions(with_pooled(activations, "conv1", pooled), network, "conv1", (2, 4))
    assert found.units == (2, 4)
    np.testing.assert_allclose(found.silent[:, :3], [[0, 1, 0], [1, 1, 1]])
    np.testing.assert_allclose(found.dead, [1 / 3, 1])


def test_saturated_samples_lie_at_a_bound_of_the_activation() -> None:
    activations, network = made()
    conv, tanh = network["conv1"], replace(network["conv1"], kind="Tanh")
    pooled = np.tile(np.array([0.999, -0.995, 0.9, 0.0, 0.5, -1.0]), (60, 1))
    given = with_pooled(activations, "conv1", pooled)
    assert np.isnan(distributions(given, network, "conv1").saturated).all()
    squashing = replace(network, layers=tuple(tanh if x is conv else x for x in network.layers))
    found = distributions(given, squashing, "conv1").saturated[:, :3]
    np.testing.assert_array_equal(found.mean(1), [1, 1, 0, 0, 0, 1])


def test_a_unit_that_never_varies_has_one_full_step() -> None:
    activations, network = made()
    found = distributions(with_pooled(activations, "conv1", np.full((60, 6), 0.25)), network, "conv1")
    np.testing.assert_allclose(found.density[:, :3].max(2), 1.0)


def test_bad_units_and_dropped_responses_are_one_sentence() -> None:
    activations, network = made()
    with pytest.raises(InvalidValue, match="Units of conv1 must be from 0 to 5"):
        distributions(activations, network, "conv1", (6,))
    with pytest.raises(UnknownName, match="recorded layer"):
        distributions(activations, network, "conv9")
    gone = replace(activations["conv1"], pooled=None)
    with pytest.raises(InvalidValue, match="keep its single responses"):
        distributions(replace(activations, layers={**activations.layers, "conv1": gone}), network, "conv1")
