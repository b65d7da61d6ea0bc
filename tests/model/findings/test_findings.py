"""The program raises what deserves a look, and only that."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sessions import made_up_session

from cnnvis.compute import sanity
from cnnvis.model.findings import Finding, enough, findings, last_layer
from cnnvis.model.session import Session


def session_with(
    predictions: np.ndarray | None = None, fired: np.ndarray | None = None, layer: str = "conv2", n: int = 40
) -> Session:
    """Right predictions, firing neurons, unlike responses and clear selectivity, but where the test says otherwise."""
    found = made_up_session(n=n)
    activations = found.activations
    assert activations is not None
    samples, counts = activations.samples, activations.counts
    ranked = samples.ranked.copy()
    ranked[:, 0] = samples.labels if predictions is None else predictions
    layers = {}
    for name, r in activations.layers.items():
        mean = np.eye(len(counts))[np.arange(r.n_units) % len(counts)] * 5 + 1  # each unit answers one class
        layers[name] = replace(
            r,
            fired=np.full(r.n_units, n) if fired is None or name != layer else fired,
            total=mean * counts,
            squares=(mean**2 + 1) * counts,
        )
    activations = replace(activations, samples=replace(samples, ranked=ranked), layers=layers)
    return replace(found, activations=activations)


def test_nothing_is_raised_where_all_is_well() -> None:
    assert findings(session_with()) == ()


def test_nothing_is_raised_before_anything_is_recorded() -> None:
    assert findings(replace(made_up_session(), activations=None)) == ()


def test_dead_neurons_are_raised_with_their_layer() -> None:
    fired = np.full(12, 40)
    fired[:3] = 0
    (found,) = findings(session_with(fired=fired))
    assert found.text == "conv2: 3 of 12 neurons never fire"
    assert found.layer == "conv2"
    assert found.level == "warning"
    assert "learning rate" in found.cause


def test_one_dead_neuron_of_many_is_no_news() -> None:
    fired = np.full(12, 40)
    fired[0] = 0
    assert findings(session_with(fired=fired)) == ()


def test_a_layer_that_is_dead_altogether_stands_before_everything() -> None:
    labels = np.arange(40) % 4
    confused = np.where((labels == 1) & (np.arange(40) < 28), 2, labels)
    said = findings(session_with(confused, fired=np.zeros(6, int), layer="conv1"))
    assert said[0].text == "conv1: all 6 neurons never fire"
    assert said[0].severity == 1.0
    assert said[0].level == "alarm"


def test_of_dead_layers_the_first_comes_first_and_small_ones_are_one_finding() -> None:
    found = session_with(fired=np.zeros(12, int))
    assert found.activations is not None
    layers = dict(found.activations.layers)
    layers["conv1"] = replace(layers["conv1"], fired=np.zeros(6, int))
    both = findings(replace(found, activations=replace(found.activations, layers=layers)))
    assert [f.layer for f in both] == ["conv1", "conv2"]
    layers["conv1"] = replace(layers["conv1"], fired=np.array([0, 0, 40, 40, 40, 40]))
    layers["conv2"] = replace(layers["conv2"], fired=np.array([0, 0] + [40] * 10))
    (one,) = findings(replace(found, activations=replace(found.activations, layers=layers)))
    assert one.text == "conv1: 2 of 6 neurons never fire"
    assert one.detail.endswith("some also of conv2")


def test_neurons_that_answer_alike_are_a_hint() -> None:
    found = session_with(n=80)
    assert found.activations is not None
    responses = found.activations["conv2"]
    assert responses.pooled is not None
    pooled = responses.pooled.copy()
    pooled[:, 7] = 2 * pooled[:, 3] + 1
    layers = {**found.activations.layers, "conv2": replace(responses, pooled=pooled)}
    (said,) = findings(replace(found, activations=replace(found.activations, layers=layers)))
    assert said.text == "conv2: a pair of near-duplicates"
    assert said.units == (3, 7)
    assert said.level == "hint"


def test_likeness_over_few_images_is_not_trusted() -> None:
    found = session_with(n=20)
    assert found.activations is not None
    responses = found.activations["conv2"]
    assert responses.pooled is not None
    rng = np.random.default_rng(0)
    pooled = responses.pooled.copy()
    pooled[:, 7] = pooled[:, 3] + 0.1 * rng.standard_normal(20).astype(np.float16)  # r about 0.995
    assert np.corrcoef(pooled[:, 3].astype(float), pooled[:, 7].astype(float))[0, 1] > 0.99
    layers = {**found.activations.layers, "conv2": replace(responses, pooled=pooled)}
    assert findings(replace(found, activations=replace(found.activations, layers=layers))) == ()


def test_four_images_of_a_class_are_too_few() -> None:
    few = session_with(fired=np.zeros(12, int), n=16)
    assert few.activations is not None
    assert not enough(few.activations)
    assert findings(few) == ()
    assert findings(session_with(fired=np.zeros(12, int), n=20)) != ()


@pytest.mark.parametrize("grave", [True, False])
def test_notes_of_the_analysis_are_told_with_their_weight(grave: bool) -> None:
    found = session_with()
    assert found.activations is not None
    text = "Accuracy is at chance: 10 %. Usual causes: mean and std." if grave else "3 of 40 samples were skipped."
    noted = replace(found.activations, notes=(text,))
    (finding,) = findings(replace(found, activations=noted))
    assert finding.text == text.partition(". ")[0].rstrip(".") + "."
    assert finding.cause == ("Usual causes: mean and std." if grave else "")
    assert finding.level == ("alarm" if grave else "hint")


def test_a_network_at_chance_is_an_alarm() -> None:
    found = session_with(np.zeros(400, int), n=400)
    assert found.activations is not None
    notes = sanity.findings(found.activations, found.analysis.network)
    said = findings(replace(found, activations=replace(found.activations, notes=notes)))
    assert said[0].text.startswith("Accuracy is at chance: 25.0% of 400")
    assert said[0].level == "alarm"


def test_classes_are_told_from_the_last_hidden_representative() -> None:
    assert last_layer(session_with()) == "conv2"


@pytest.mark.parametrize(("severity", "level"), [(1.0, "alarm"), (0.7, "alarm"), (0.5, "warning"), (0.1, "hint")])
def test_a_severity_is_an_alarm_a_warning_or_a_hint(severity: float, level: str) -> None:
    assert Finding("x", severity=severity).level == level
