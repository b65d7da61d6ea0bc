"""The program raises what deserves a look, and only that."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from sessions import made_up_session

from cnnvis.model.findings import findings
from cnnvis.model.session import Session


def session_with(predictions: np.ndarray | None = None, fired: np.ndarray | None = None) -> Session:
    """Right predictions and firing neurons everywhere, but where the test says otherwise."""
    found = made_up_session(n=40)
    activations = found.activations
    assert activations is not None
    samples = activations.samples
    ranked = samples.ranked.copy()
    ranked[:, 0] = samples.labels if predictions is None else predictions
    layers = {
        name: replace(r, fired=np.full(r.n_units, 40) if fired is None or name != "conv2" else fired)
        for name, r in activations.layers.items()
    }
    activations = replace(activations, samples=replace(samples, ranked=ranked), layers=layers)
    return replace(found, activations=activations)


def test_nothing_is_raised_where_all_is_well() -> None:
    assert findings(session_with()) == ()


def test_dead_neurons_are_raised_with_their_layer() -> None:
    fired = np.full(12, 40)
    fired[:3] = 0
    (found,) = findings(session_with(fired=fired))
    assert found.text == "conv2: 3 of 12 neurons never fire"
    assert found.layer == "conv2"


def test_one_dead_neuron_of_many_is_no_news() -> None:
    fired = np.full(12, 40)
    fired[0] = 0
    assert findings(session_with(fired=fired)) == ()


def test_classes_taken_for_each_other_are_raised() -> None:
    labels = np.arange(40) % 4
    predictions = np.where((labels == 1) & (np.arange(40) < 28), 2, labels)
    (found,) = findings(session_with(predictions))
    assert found.text == "class 1 and class 2 are confused"
    assert found.detail == "7 of 20 samples"
    assert found.target == 1


def test_a_few_errors_are_no_confusion() -> None:
    labels = np.arange(40) % 4
    assert findings(session_with(np.where(np.arange(40) < 3, (labels + 1) % 4, labels))) == ()


def test_notes_of_the_analysis_come_first() -> None:
    found = session_with()
    assert found.activations is not None
    noted = replace(found.activations, notes=("Accuracy is at chance: 10 %. Usual causes: mean and std.",))
    (finding,) = findings(replace(found, activations=noted))
    assert finding.text == "Accuracy is at chance: 10 %."
    assert finding.cause == "Usual causes: mean and std."


def test_nothing_is_raised_before_anything_is_recorded() -> None:
    assert findings(replace(made_up_session(), activations=None)) == ()
