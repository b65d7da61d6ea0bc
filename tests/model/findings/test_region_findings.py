"""A neuron that answers one class by a corner of the image is a shortcut; one that follows the thing is not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sessions import made_up_session

from cnnvis.model.findings.finding import Finding
from cnnvis.model.findings.regions import shortcuts
from cnnvis.model.measurements import Contributions
from cnnvis.model.session import Session

SIDE, N, UNITS = 16, 200, 12


def looking(place: str, units: tuple[int, ...] = (3, 5), share: float = 1.0, images: int = 9, n: int = N) -> Session:
    """A session in which some neurons of conv2 are driven by class 1 alone, always at one place; the others scatter."""
    found = made_up_session(n=n)
    activations = found.activations
    assert activations is not None
    rng = np.random.default_rng(0)
    tops = rng.integers(0, n, (UNITS, images))
    places = rng.integers(0, SIDE, (UNITS, images, 2))
    ones = np.flatnonzero(activations.samples.labels == 1)
    far = SIDE - 2
    for unit in units:
        tops[unit] = ones[rng.permutation(len(ones))[:images]]
        corners = rng.integers(0, 2, (images, 2)) * far + rng.integers(0, 2, (images, 2))
        fixed = {"corners": corners, "top left": corners % far, "top": corners * [0, 1], "anywhere": places[unit]}[
            place
        ]
        if place == "top":
            fixed[:, 1] = rng.integers(0, SIDE, images)
        kept = rng.permutation(images) < round(share * images)
        places[unit] = np.where(kept[:, None], fixed, SIDE // 2)
    responses = replace(
        activations["conv2"],
        top_samples=tops,
        top_places=places.astype(np.int32),
        top_values=np.ones((UNITS, images), np.float32),
    )
    layers = {**activations.layers, "conv2": responses}
    assert found.connections is not None
    speaking = np.zeros((UNITS, 4), np.float16)
    speaking[:, 1] = 1
    matrices = {**found.connections.matrices, ("conv2", "fc"): speaking}
    return replace(
        found,
        activations=replace(activations, layers=layers),
        connections=replace(found.connections, matrices=matrices),
    )


def said(session: Session) -> list[Finding]:
    return shortcuts(session, "conv2")


@pytest.mark.parametrize(
    ("place", "words"), [("corners", "the corners"), ("top left", "the top left corner"), ("top", "the top edge")]
)
def test_neurons_that_answer_a_class_in_one_place_only_are_an_alarm(place: str, words: str) -> None:
    (found,) = said(looking(place))
    assert found.text == f"2 neurons respond to class 1 in {words} of the image only"
    assert (found.layer, found.target, set(found.units)) == ("conv2", 1, {3, 5})
    assert found.level == "alarm"
    assert "shortcut" in found.cause


def test_neurons_that_follow_the_thing_are_no_finding() -> None:
    assert said(looking("anywhere")) == []


def test_most_but_not_nearly_all_in_a_corner_is_no_finding() -> None:
    assert said(looking("corners", share=0.7)) == []


def test_a_neuron_that_answers_all_classes_in_the_corners_is_no_finding() -> None:
    session = looking("corners")
    assert session.activations is not None
    responses = session.activations["conv2"]
    mixed = np.tile(np.arange(9), (UNITS, 1))  # images of all classes
    layers = {**session.activations.layers, "conv2": replace(responses, top_samples=mixed)}
    assert said(replace(session, activations=replace(session.activations, layers=layers))) == []


def test_corners_where_all_neurons_peak_are_no_finding() -> None:
    """Padding makes many neurons peak at the border, whatever they answer."""
    session = looking("corners")
    assert session.activations is not None
    responses = session.activations["conv2"]
    places = np.broadcast_to(responses.top_places[3], responses.top_places.shape).copy()
    layers = {**session.activations.layers, "conv2": replace(responses, top_places=places)}
    assert said(replace(session, activations=replace(session.activations, layers=layers))) == []


def test_a_neuron_that_does_not_speak_for_the_class_is_no_finding() -> None:
    session = looking("corners")
    assert session.connections is not None
    matrices = {**session.connections.matrices, ("conv2", "fc"): -np.ones((UNITS, 4), np.float16)}
    assert said(replace(session, connections=replace(session.connections, matrices=matrices))) == []


def test_measured_contributions_count_more_than_edges() -> None:
    session = looking("corners")
    effect = np.zeros((UNITS, 4))
    effect[:, 1] = [0, 1, 1, 6, 1, -1, 1, 0, 0, 0, 0, 0]
    counts = np.full(4, N / 4)
    own = Contributions({"conv2": effect * counts}, counts)
    (found,) = said(session.with_measurements(session.measurements.with_contributions(own)))
    assert found.text.startswith("conv2:3 responds to class 1")
    assert found.units == (3,)
    assert "60 % of what speaks for class 1" in found.detail


def test_without_edges_and_contributions_it_is_said_all_the_same() -> None:
    (found,) = said(replace(looking("corners"), connections=None))
    assert found.level == "alarm"


def test_five_images_of_a_neuron_prove_nothing() -> None:
    assert said(looking("corners", images=5)) == []
