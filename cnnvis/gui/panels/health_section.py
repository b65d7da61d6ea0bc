"""The section on health in the pages of a layer, a cluster and a neuron; and the findings that concern them."""

from __future__ import annotations

import numpy as np

from cnnvis.gui.panels.contribution_section import counted
from cnnvis.gui.panels.found import concerning
from cnnvis.gui.panels.page import Page, Scene, command, number, percent
from cnnvis.layout.diagram import Key
from cnnvis.model.measurements import Health, LayerHealth
from cnnvis.model.viewed import shown_subset

Rows = list[tuple[str, str, str]]


def health_of_layer(page: Page, scene: Scene, layer: str, responses: Rows) -> None:
    """What its responses say, and everything measured of it; what means nothing for it is left out."""
    found = _of(scene, layer)
    rows = list(responses)
    if found is not None:
        health, one = found
        rows += [*_stuck(one, health), *_weights(one, health), *_gradients(one, health)]
    if rows:
        page.section("Health", _basis(scene))
        _over_subset(page, scene)
        page.facts(rows)
    measured = scene.session.measurements.health
    if scene.activations is not None and (measured is None or (found is not None and not measured.n_samples)):
        page.buttons(command(scene, "Measure gradients", "measure_health", "Over 64 images; takes seconds"))


def health_of_units(page: Page, scene: Scene, layer: str, units: tuple[int, ...]) -> None:
    """What is known of some neurons of a layer: dead ones, and how much gradient reaches them."""
    found, activations = _of(scene, layer), scene.activations
    rows: Rows = []
    if activations is not None and layer in activations.layers and len(units) > 1:
        network = scene.session.analysis.network
        dead = int((activations[layer].fired[list(units)] == 0).sum())
        if network[layer].rectified:
            tip = f"Neurons whose map is ≤ 0 everywhere on all {activations.n_samples:,} images."
            rows.append(("Never fire", f"{dead} of {len(units)}", tip))
    if found is not None:
        health, one = found
        rows += _unit_gradients(one, units, health)
    if rows:
        page.section("Health", _basis(scene))
        _over_subset(page, scene)
        page.facts(rows)


def findings_of(page: Page, scene: Scene, key: Key) -> None:
    """What the program has noticed about this, with what usually causes it."""
    said = concerning(scene.whole or scene.session, key)
    if not said:
        return
    page.section("Findings", "What the program noticed by itself; the panel on the left lists all.")
    if shown_subset(scene.session):
        page.text("over all images, not the subset alone", "small")
    for finding in said:
        page.text(finding.text, "plain")
        page.text(". ".join(part for part in (finding.detail, finding.cause) if part), "small")


def _of(scene: Scene, layer: str) -> tuple[Health, LayerHealth] | None:
    health = scene.session.measurements.health
    return (health, health.layers[layer]) if health is not None and layer in health.layers else None


def _basis(scene: Scene) -> str:
    found, health = scene.activations, scene.session.measurements.health
    said = f"Responses over {found.n_samples:,} images, pooled over the map" if found is not None else ""
    n = health.n_samples if health is not None else 0
    more = f"; gradients over {n} of them, drawn by the seed" if n else ""
    return f"{said}{more}."


def _over_subset(page: Page, scene: Scene) -> None:
    """A line on the subset that is shown: what follows it, and what is not measured over it."""
    subset, found, health = shown_subset(scene.session), scene.activations, scene.session.measurements.health
    if subset and found is not None:
        missing = health is not None and not health.n_samples
        more = "; gradients are not measured over them yet" if missing else ""
        page.text(f"over the {counted(found.n_samples)} of “{subset}”{more}", "small")


def _known(rows: Rows, values: list[float]) -> Rows:
    return [row for row, value in zip(rows, values) if np.isfinite(value)]


def _stuck(one: LayerHealth, health: Health) -> Rows:
    tip = f"Share of neurons with 95 % of their values on {health.n_samples} images at a bound of the activation."
    rows = _known([("Saturated", percent(one.saturated), tip)], [one.saturated])
    if one.n_nan + one.n_inf:
        tip = "Values among weights and responses that are NaN or infinite."
        rows.append(("Not numbers", f"{one.n_nan:,} NaN · {one.n_inf:,} Inf", tip))
    return rows


def _weights(one: LayerHealth, health: Health) -> Rows:
    rows: Rows = [
        ("Weights ‖w‖", number(one.norm), "Euclidean norm of its weights; biases and normalisation are left out."),
        ("Negative weights", percent(one.negative), "The share of its weights that are below zero."),
        ("Negative mass", percent(one.negative_mass), "The share of Σ|w| in negative weights; half is usual."),
        (
            "Moved ‖ΔW‖/‖W‖",
            percent(one.change),
            f"How far its weights are from those of {health.compared or 'the second checkpoint'}, relative to these.",
        ),
    ]
    return _known(rows, [one.norm, one.negative, one.negative_mass, one.change])


def _gradients(one: LayerHealth, health: Health) -> Rows:
    of = f"the mean loss over {health.n_samples} images"
    rows: Rows = [
        ("Gradient ‖g‖", number(one.gradient), f"Euclidean norm of the gradient of {of} with respect to its weights."),
        ("‖g‖/‖w‖", number(one.ratio), "How large a step of gradient descent with rate 1 is beside the weights."),
        (
            "Sensitivity ‖g‖·‖w‖",
            number(one.gradient * one.norm),
            "How fast the loss changes when the weights change by a share of themselves: the same however the layer "
            "is scaled, so layers can be compared.",
        ),
    ]
    return _known(rows, [one.gradient, one.ratio, one.gradient * one.norm])


def _unit_gradients(one: LayerHealth, units: tuple[int, ...], health: Health) -> Rows:
    values = one.unit_gradients
    if not len(values) or not np.isfinite(mine := values[list(units)]).any():
        return []
    tip = (
        f"Root mean square over {health.n_samples} images of the norm of the loss's gradient with respect to the "
        "neuron's map."
    )
    if len(units) > 1:
        return [("Gradient, median", number(float(np.nanmedian(mine))), tip)]
    below = float(np.mean(values[np.isfinite(values)] < mine[0]))
    rank = f"More than {percent(below)} of the neurons of {one.layer}." if below else f"The least of {one.layer}."
    return [("Gradient", number(float(mine[0])), f"{tip} {rank}")]
