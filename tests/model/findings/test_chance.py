"""Tails of the binomial distribution against scipy's."""

from __future__ import annotations

import pytest
from scipy.stats import binom, norm

from cnnvis.model.findings.chance import at_least, critical


@pytest.mark.parametrize(("k", "n", "p"), [(9, 9, 0.25), (3, 9, 0.1), (60, 100, 0.5), (700, 5000, 0.13), (1, 1, 0.5)])
def test_the_upper_tail_is_that_of_the_binomial_distribution(k: int, n: int, p: float) -> None:
    assert at_least(k, n, p) == pytest.approx(binom.sf(k - 1, n, p), rel=1e-9)


@pytest.mark.parametrize(("k", "p", "chance"), [(0, 0.0, 1.0), (1, 0.0, 0.0), (5, 1.0, 1.0), (6, 0.9, 0.0)])
def test_what_is_sure_has_no_chance(k: int, p: float, chance: float) -> None:
    assert at_least(k, 5, p) == chance


def test_the_more_is_looked_at_the_farther_it_must_stand_out() -> None:
    assert critical(1) == pytest.approx(norm.isf(0.01))
    assert critical(1000) == pytest.approx(norm.isf(0.01 / 1000))
