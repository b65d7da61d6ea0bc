"""Findings about classes: confused ones, ones that are never said, and ones that no neuron answers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from sessions import made_up_session

from cnnvis.model.findings.classes import Confusion, confused, never_said, unanswered
from cnnvis.model.findings.finding import Finding
from cnnvis.model.session import Session


def answered(labels: np.ndarray, predictions: np.ndarray, classes: int = 4) -> tuple[Confusion, Session]:
    """A session whose network gave these answers."""
    found = made_up_session(classes=classes, n=len(labels))
    activations = found.activations
    assert activations is not None
    ranked = activations.samples.ranked.copy()
    ranked[:, 0] = predictions
    samples = replace(activations.samples, ranked=ranked, labels=labels)
    found = replace(found, activations=replace(activations, samples=samples))
    assert found.activations is not None
    table = Confusion.of(found.activations, found.analysis.network)
    assert table is not None
    return table, found


def pairs(labels: np.ndarray, predictions: np.ndarray, classes: int = 4) -> list[Finding]:
    table, found = answered(labels, predictions, classes)
    return confused(table, found.analysis.network)


LABELS = np.arange(200) % 4


def test_classes_taken_for_each_other_are_raised() -> None:
    predictions = np.where((LABELS == 1) & (np.arange(200) < 100), 2, LABELS)
    (found,) = pairs(LABELS, predictions)
    assert found.text == "class 1 and class 2 are confused"
    assert found.detail == "25 of 100 images"
    assert (found.layer, found.target) == ("fc", 1)
    assert found.level == "warning"


def test_a_few_errors_are_no_confusion() -> None:
    assert pairs(LABELS, np.where(np.arange(200) < 12, (LABELS + 1) % 4, LABELS)) == []


def test_errors_that_spread_evenly_are_no_confusion() -> None:
    labels = np.arange(800) % 8
    rng = np.random.default_rng(0)
    other = (labels + rng.integers(1, 8, 800)) % 8
    assert pairs(labels, np.where(rng.random(800) < 0.5, other, labels), classes=8) == []


def test_a_network_that_always_says_one_class_confuses_none() -> None:
    assert pairs(LABELS, np.zeros(200, int)) == []
    rng = np.random.default_rng(1)
    assert pairs(LABELS, np.where(rng.random(200) < 0.4, LABELS, 0)) == []


def test_classes_with_few_samples_are_not_judged() -> None:
    labels = np.array([0] * 100 + [1] * 100 + [2] * 4 + [3] * 100)
    predictions = labels.copy()
    predictions[200:204] = 3
    assert pairs(labels, predictions) == []


def test_classes_that_are_never_said_are_one_finding() -> None:
    table, found = answered(LABELS, np.where(LABELS == 3, 0, LABELS))
    (one,) = never_said(table, found.analysis.network)
    assert one.text == "class 3 is never predicted"
    assert one.detail == "though 50 images are of it"
    table, found = answered(LABELS, np.zeros(200, int))
    (all_but_one,) = never_said(table, found.analysis.network)
    assert all_but_one.text == "3 of 4 classes are never predicted"
    assert all_but_one.target == 1


def answering(effect: np.ndarray, n: int = 200) -> list[Finding]:
    """What is said where each unit (row) answers each class (column) so many deviations above its mean of 3."""
    found = made_up_session(n=n).activations
    assert found is not None
    rng = np.random.default_rng(0)
    labels = found.samples.labels
    values = 3 + effect[:, labels].T + rng.standard_normal((n, len(effect)))
    total = np.stack([values[labels == c].sum(0) for c in range(4)], 1)
    squares = np.stack([(values[labels == c] ** 2).sum(0) for c in range(4)], 1)
    responses = replace(found["conv2"], total=total, squares=squares)
    found = replace(found, layers={**found.layers, "conv2": responses})
    return unanswered(found, made_up_session().analysis.network, "conv2")


def test_a_class_that_some_neuron_answers_is_no_finding() -> None:
    assert answering(2 * np.eye(4)[np.arange(12) % 4]) == []
    assert answering(2 * np.eye(4)[np.arange(12) % 4], n=20) == []  # five images each are enough to see it


def test_a_class_that_no_neuron_answers_is_raised() -> None:
    effect = 2 * np.eye(4)[np.arange(12) % 3]
    (found,) = answering(effect)
    assert found.text == "No neuron of conv2 responds to class 3 more than to the others"
    assert (found.layer, found.target) == ("fc", 3)


def test_neurons_that_answer_no_class_are_said_once() -> None:
    (found,) = answering(np.zeros((12, 4)))
    assert found.text == "No neuron of conv2 tells any class from the others"
