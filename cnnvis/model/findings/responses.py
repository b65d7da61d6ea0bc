"""Findings about how neurons respond: some never do, some do the same."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from cnnvis.model.activations import Activations
from cnnvis.model.findings.chance import critical
from cnnvis.model.findings.finding import ALARM, Finding, some
from cnnvis.model.network import Network

DEAD_SHARE = 0.1
"""Fewer dead neurons in a layer are usual and said in its details only."""
MOST_LAYERS = 4

MANY = 10
"""From so many pairs on, neurons are counted instead."""
ALIKE, SURELY_ALIKE = 0.99, 0.98
"""Correlation of duplicates, and its lower confidence limit."""
ROWS, WIDEST = 1000, 2048
"""Samples that correlations are read from, and units beyond which they would take seconds."""

_DEAD = (
    "Usual causes: a learning rate too high early in training, weights that start out negative or a large negative "
    "bias, missing normalisation. A dead neuron gets no gradient and cannot come back."
)
_DUPLICATES = (
    "Usual causes: a layer wider than the task needs, or units that started alike. One of each pair can be pruned, "
    "nearly without a change."
)


def dead(activations: Activations, network: Network) -> list[Finding]:
    """Layers behind a rectifier where at least a tenth of the neurons never fire, the worst first, then the first.

    Where it is most of a layer, that is a finding of its own; the others are one finding together.
    """
    found = []
    for place, name in enumerate(activations.layers):
        layer = network[name]
        if not layer.rectified or name in network.class_layers:
            continue
        n_dead = int((activations[name].fired == 0).sum())
        if n_dead and n_dead >= DEAD_SHARE * layer.n_units:
            found.append((-n_dead / layer.n_units, place, name, n_dead))
    found.sort()
    worst = [row for row in found if _grave(-row[0]) >= ALARM]
    others = found[len(worst) :][:1]
    more = [name for _, _, name, _ in found[len(worst) + 1 :]]
    samples = f"on any of {activations.n_samples:,} images"
    said = []
    for k, (share, _, name, n_dead) in enumerate((*worst[:MOST_LAYERS], *others)):
        n_units = network[name].n_units
        how_many = f"all {n_units:,}" if n_dead == n_units else f"{n_dead:,} of {n_units:,}"
        detail = samples if k < len(worst) or not more else f"{samples}; some also of {some(more)}"
        text = f"{name}: {how_many} neurons never fire"
        said.append(Finding(text, detail, name, cause=_DEAD, severity=_grave(-share), kind="dead"))
    return said


def _grave(share: float) -> float:
    """From a tenth of a layer (a warning) to all of it (nothing is graver); more than half of it is an alarm."""
    return 1.0 if share >= 1 else 0.4 + 0.58 * share


def duplicates(activations: Activations, network: Network) -> list[Finding]:
    """Layers in which neurons answer all samples alike: correlation of pooled responses surely above 0.98.

    r > 0.99, and the lower confidence limit of r (Fisher's z, corrected for the number of pairs) above 0.98.
    """
    read = np.flatnonzero(activations.samples.read)
    if len(read) > ROWS:
        read = np.sort(np.random.default_rng(activations.seed).choice(read, ROWS, replace=False))
    found = []
    for name, responses in activations.layers.items():
        if responses.pooled is None or not 1 < responses.n_units <= WIDEST or name in network.class_layers:
            continue
        mean, spread = activations.mean(name), activations.spread(name)
        units = np.flatnonzero(spread > 1e-6 * max(float(np.abs(mean).max()), 1e-9))
        pairs = _alike(np.asarray(responses.pooled[read], np.float32)[:, units])
        if pairs:
            named = [(int(units[a]), int(units[b])) for a, b in pairs]
            spare = len({unit for pair in pairs for unit in pair}) - _n_groups(pairs)
            found.append((spare / responses.n_units, name, named))
    found.sort(key=lambda row: -row[0])
    chosen = found[: MOST_LAYERS - 1]
    return [_said(share, name, pairs, network[name].n_units, len(read)) for share, name, pairs in chosen]


def _said(share: float, name: str, pairs: list[tuple[int, int]], n_units: int, n_rows: int) -> Finding:
    involved = sorted({unit for pair in pairs for unit in pair})
    what = "a pair" if len(pairs) == 1 else f"{len(pairs)} pairs"
    text = (
        f"{what} of near-duplicates"
        if len(pairs) < MANY
        else f"{len(involved)} of {n_units} neurons are near-duplicates"
    )
    first, second = pairs[0]
    return Finding(
        f"{name}: {text}",
        f"r > {ALIKE} over {n_rows:,} images, such as :{first} and :{second}",
        name,
        units=(first, second, *(unit for unit in involved if unit not in pairs[0])),
        cause=_DUPLICATES,
        severity=0.15 + 0.24 * share,
        kind="duplicates",
    )


def _alike(values: NDArray[np.float32]) -> list[tuple[int, int]]:
    """Pairs of columns that are duplicates, the most alike first; `values` (n_samples, n_units) is overwritten."""
    n, width = values.shape
    if width < 2 or n < 5:
        return []
    values -= values.mean(0)
    norms = np.linalg.norm(values, axis=0)
    values /= np.where(norms > 0, norms, 1.0)
    r = np.triu(values.T @ values, 1)
    slack = critical(width * (width - 1) // 2) / math.sqrt(n - 3)
    rows, columns = np.nonzero(r > max(ALIKE, math.tanh(math.atanh(SURELY_ALIKE) + slack)))
    order = np.argsort(-r[rows, columns], kind="stable")
    return list(zip(rows[order].tolist(), columns[order].tolist()))


def _n_groups(pairs: list[tuple[int, int]]) -> int:
    """How many groups of duplicates the pairs make together."""
    above: dict[int, int] = {}

    def root(unit: int) -> int:
        while above.setdefault(unit, unit) != unit:
            above[unit] = unit = above[above[unit]]
        return unit

    for a, b in pairs:
        above[root(a)] = root(b)
    return len({root(unit) for unit in list(above)})
