"""The weighted fit beside scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, Ridge

from cnnvis.compute.local_fit import effective, fit, jaccard, sparse_fit, top


@pytest.mark.parametrize("alpha", [0.0, 1e-3, 1.0, 50.0])
def test_it_is_scikit_learns_ridge(alpha: float) -> None:
    rng = np.random.default_rng(0)
    x, y, weights = rng.standard_normal((60, 7)) * 5 + 3, rng.standard_normal(60), rng.random(60)
    peer = (Ridge(alpha=alpha) if alpha else LinearRegression()).fit(x, y, sample_weight=weights)
    found = fit(x, y, weights, alpha)
    np.testing.assert_allclose(found.coefficients, peer.coef_, rtol=1e-6, atol=1e-9)
    assert found.intercept == pytest.approx(peer.intercept_)
    assert found.r2 == pytest.approx(peer.score(x, y, sample_weight=weights))


def test_columns_that_never_vary_get_nothing() -> None:
    x = np.column_stack([np.ones(30), np.arange(30.0)])
    for alpha in (0.0, 1e-3):
        found = fit(x, 2 * np.arange(30.0), np.ones(30), alpha)
        np.testing.assert_allclose(found.coefficients, [0, 2], atol=1e-3)


def test_only_the_columns_that_matter_to_the_first_row_are_kept() -> None:
    x = np.random.default_rng(0).standard_normal((200, 4))
    x[0] = [1.0, 0.001, 1.0, 1.0]
    found = sparse_fit(x, x @ [1.0, 100.0, 0.1, -2.0], np.ones(200), 2, 1e-3)
    assert np.flatnonzero(found.coefficients).tolist() == [0, 3]


def test_counts_of_agreement() -> None:
    assert effective(np.ones(8)) == 8
    assert effective(np.array([1.0, 0.0, 0.0])) == 1
    assert top(np.array([1.0, -3.0, 2.0, 3.0]), 2) == (1, 3)
    assert jaccard((1, 2), (2, 3)) == pytest.approx(1 / 3)
    assert jaccard((), ()) == 1
