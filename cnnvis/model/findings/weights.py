"""Findings read from measured health: bad values, gradients, saturation, signs, layers that did not learn."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from cnnvis.model.findings.finding import Finding, percent, some
from cnnvis.model.measurements import Health, LayerHealth
from cnnvis.model.network import Network

FAR = 1e3
"""A layer's sensitivity is out of bounds where it differs from that of the output layer by this factor."""
SATURATED_SHARE = 0.1
SKEWED = 0.8
"""Weights are skewed where this share of their mass has one sign: a mean beyond about 0.7 standard deviations."""

_CAUSES = {
    "bad": "Usual causes: a learning rate too high, a division by zero or the logarithm of zero, half precision that "
    "overflowed. Take an earlier checkpoint.",
    "none": "Usual causes: dead or saturated neurons behind these layers, or a step that cannot be differentiated. "
    "Without a gradient their weights never change.",
    "vanishing": "Usual causes: many saturating activations in a row, small initial weights, no normalisation and no "
    "shortcuts. The first layers then stay nearly as they were initialised.",
    "exploding": "Usual causes: large initial weights, no normalisation, a recurrent layer without clipping. Clip the "
    "gradients, lower the learning rate or normalise.",
    "saturated": "Usual causes: weights or inputs too large, inputs that are not normalised. A saturated neuron "
    "answers all alike and passes hardly any gradient on.",
    "signs": "Usual causes: an initialisation whose mean is not zero, or a strong one-sided gradient early on. Behind "
    "rectifiers such a layer tends to die (negative) or to blow up (positive).",
    "unchanged": "Usual causes: frozen parameters, a layer missing from the optimiser, or no gradient that reaches it.",
}


def from_health(health: Health, network: Network) -> list[Finding]:
    """Everything that the measured health says, at most one finding of each kind but bad values."""
    layers = dict(health.layers)
    return [*_bad(layers), *_gradients(layers, network), *_saturated(layers), *_signs(layers), *_unchanged(health)]


def _bad(layers: Mapping[str, LayerHealth]) -> list[Finding]:
    bad = [x for x in layers.values() if x.n_nan + x.n_inf]
    if not bad:
        return []
    first, n = bad[0], bad[0].n_nan + bad[0].n_inf
    detail = f"{first.n_nan:,} NaN and {first.n_inf:,} infinite among its weights and responses"
    more = f"; {len(bad) - 1} layers after it as well" if len(bad) > 1 else ""
    text = f"{first.layer}: {n:,} values are not numbers"
    return [Finding(text, detail + more, first.layer, cause=_CAUSES["bad"], severity=1.0, kind="bad values")]


def sensitivities(layers: Mapping[str, LayerHealth]) -> dict[str, float]:
    """‖g‖·‖w‖ of every layer with weights: how fast the loss changes when its weights change by a share of themselves.

    Unlike ‖g‖ and ‖g‖/‖w‖ it stays the same where a layer's weights are scaled and the next layer's scaled back, so
    layers can be compared.
    """
    return {x.layer: x.gradient * x.norm for x in layers.values() if np.isfinite(x.gradient) and np.isfinite(x.norm)}


def _gradients(layers: Mapping[str, LayerHealth], network: Network) -> list[Finding]:
    found = sensitivities(layers)
    alive = [s for s in found.values() if s > 0]
    if not alive:
        return []
    last = found.get(network.hosts[network.output], 0.0)
    usual = last if last > 0 else float(np.median(alive))
    none = [name for name, s in found.items() if s == 0]
    small = {name: s for name, s in found.items() if 0 < s < usual / FAR}
    large = {name: s for name, s in found.items() if s > usual * FAR}
    said = []
    if none:
        what = f"{none[0]} gets no gradient" if len(none) == 1 else f"{len(none)} layers get no gradient"
        cause = _CAUSES["none"]
        said.append(Finding(f"{what} at all", some(none), none[0], cause=cause, severity=0.66, kind="gradients"))
    for names, word, key in ((small, "vanish", "vanishing"), (large, "explode", "exploding")):
        if names:
            worst = min(names, key=names.__getitem__) if key == "vanishing" else max(names, key=names.__getitem__)
            factor = usual / names[worst] if key == "vanishing" else names[worst] / usual
            side = "smaller" if key == "vanishing" else "larger"
            text = f"Gradients {word} towards {worst}: {factor:,.0f} times {side} than at the output"
            detail = f"{len(names)} of {len(found)} layers by a factor above {FAR:,.0f}"
            said.append(Finding(text, detail, worst, cause=_CAUSES[key], severity=0.78, kind="gradients"))
    return said


def _saturated(layers: Mapping[str, LayerHealth]) -> list[Finding]:
    bad = sorted((x for x in layers.values() if x.saturated >= SATURATED_SHARE), key=lambda x: -x.saturated)
    if not bad:
        return []
    worst = bad[0]
    text = f"{worst.layer}: {percent(worst.saturated)} of its neurons are saturated"
    more = f"; also {some([x.layer for x in bad[1:]])}" if len(bad) > 1 else ""
    detail = f"at the bound of their activation for nearly all images{more}"
    severity = 0.4 + 0.5 * worst.saturated
    return [Finding(text, detail, worst.layer, cause=_CAUSES["saturated"], severity=severity, kind="saturated")]


def _signs(layers: Mapping[str, LayerHealth]) -> list[Finding]:
    def skew(x: LayerHealth) -> float:
        return max(x.negative_mass, 1 - x.negative_mass)

    bad = sorted((x for x in layers.values() if skew(x) >= SKEWED and not np.isnan(x.negative_mass)), key=skew)[::-1]
    if not bad:
        return []
    worst = bad[0]
    side = "negative" if worst.negative_mass > 0.5 else "positive"
    text = f"{worst.layer}: {percent(skew(worst))} of its weights' mass is {side}"
    names = [x.layer for x in bad[1:]]
    detail = f"as good as one-sided are also {some(names)}" if names else "usual is about half"
    return [Finding(text, detail, worst.layer, cause=_CAUSES["signs"], severity=0.5, kind="signs")]


def _unchanged(health: Health) -> list[Finding]:
    still = [x.layer for x in health.layers.values() if x.change == 0]
    moved = [x for x in health.layers.values() if x.change > 0]
    if not still or not moved:
        return []
    what = f"{still[0]} has" if len(still) == 1 else f"{len(still)} layers have"
    text = f"{what} not changed since {health.compared or 'the second checkpoint'}"
    cause = _CAUSES["unchanged"]
    return [Finding(text, some(still), still[0], cause=cause, severity=0.3, kind="unchanged")]
