"""How likely something is by chance: exact tails without a statistics library."""

from __future__ import annotations

import math
from statistics import NormalDist

SURE = 0.01
"""A claim is made where chance alone would make it, among all that were looked at, at most so often (Bonferroni)."""


def at_least(k: int, n: int, p: float) -> float:
    """The chance of k or more hits in n tries that hit with chance p: the upper tail of the binomial distribution."""
    if k <= 0:
        return 1.0
    if k > n or p <= 0:
        return 0.0
    if p >= 1:
        return 1.0
    whole = math.lgamma(n + 1)
    terms = (
        math.exp(whole - math.lgamma(i + 1) - math.lgamma(n - i + 1) + i * math.log(p) + (n - i) * math.log1p(-p))
        for i in range(k, n + 1)
    )
    return min(math.fsum(terms), 1.0)


def critical(n_tests: int, chance: float = SURE) -> float:
    """How many standard deviations one of n values must lie above the mean to be more than chance."""
    return NormalDist().inv_cdf(1 - chance / max(n_tests, 1))
