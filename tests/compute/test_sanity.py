from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from cnnvis.compute.sanity import findings
from cnnvis.model.activations import Activations, Samples
from cnnvis.model.network import Layer, Network

NAMES = ("ant", "bee", "cow", "dog")


def network(classes: tuple[str, ...] = NAMES) -> Network:
    layer = Layer("head", "Linear", (len(classes),), n_units=len(classes))
    return Network("net", (layer,), (), classes, "head")


def answered(labels: Any, predictions: Any) -> Activations:
    n = len(labels)
    samples = Samples(
        tuple(map(str, range(n))),
        np.arange(n),
        np.asarray(labels),
        np.asarray(predictions, np.int32)[:, None],
        np.ones((n, 1), np.float32),
        np.ones(n, bool),
    )
    return Activations(NAMES, "class", np.ones(4), {}, samples)


LABELS = np.arange(400) % 4
RANDOM = np.random.default_rng(1).integers(0, 4, 400)


def mostly(right: Any) -> Any:
    """Nine answers of ten are `right`, the others random."""
    return np.where(np.arange(400) % 10 == 7, RANDOM, right)


def test_a_network_that_is_right_is_left_in_peace() -> None:
    assert findings(answered(LABELS, mostly(LABELS)), network()) == ()


def test_accuracy_at_chance_is_said_with_its_usual_causes() -> None:
    (said,) = findings(answered(LABELS, RANDOM), network())
    assert said.startswith("Accuracy is at chance: ")
    assert "guessing gives 25.0%" in said
    assert "BGR" in said


def test_one_answer_for_every_image_is_at_chance() -> None:
    assert "at chance" in findings(answered(LABELS, np.zeros(400)), network())[0]


def test_classes_in_another_order_are_recognised() -> None:
    (said,) = findings(answered(LABELS, mostly((LABELS + 1) % 4)), network())
    assert said.startswith("The classes seem to be in another order")
    assert "such as 'ant' for 'bee'" in said


def test_two_exchanged_classes_of_four_are_recognised() -> None:
    exchanged = np.array([1, 0, 2, 3])[LABELS]
    found = findings(answered(LABELS, mostly(exchanged)), network())
    assert not found or "another order" in found[0]


def test_a_poor_network_above_chance_is_not_accused() -> None:
    poor = np.where(np.arange(400) % 5 < 2, LABELS, RANDOM)
    assert findings(answered(LABELS, poor), network()) == ()


def test_few_images_one_class_or_none_say_nothing() -> None:
    assert findings(answered(LABELS[:20], RANDOM[:20]), network()) == ()
    assert findings(answered(np.zeros(400, int), RANDOM), network()) == ()
    assert findings(answered(np.full(400, -1), RANDOM), network()) == ()
    assert findings(answered(np.linspace(0, 1, 400), RANDOM), network()) == ()


def test_a_thousand_classes_with_one_image_each_raise_no_false_alarm() -> None:
    names = tuple(f"c{i}" for i in range(1000))
    labels = np.arange(500)
    right = np.where(np.arange(500) % 5 < 3, labels, (labels * 7 + 3) % 1000)
    activations = answered(labels, right)
    assert findings(replace(activations, groups=names, counts=np.ones(1000)), network(names)) == ()
