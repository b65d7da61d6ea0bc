"""An image or a class mean, set against what a layer usually answers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sessions import made_up_session

from cnnvis.errors import InvalidValue, UnknownName
from cnnvis.model.instances import (
    Overlay,
    class_instance,
    find_instance,
    must_find_instance,
    overlay_of,
    predicted,
    ranked_scores,
    sample_instance,
)
from cnnvis.model.measurements import Instance
from cnnvis.model.session import Session
from cnnvis.workflow.instances import lay_over


def laid(**look: object) -> Session:
    session = made_up_session()
    return session.with_look(replace(session.look, **look))  # type: ignore[arg-type]


def test_a_sample_brings_its_own_row_of_pooled_responses() -> None:
    a = made_up_session().activations
    assert a is not None
    found = sample_instance(a, 5, 4)
    assert (found.name, found.sample) == ("5.png", 5)
    np.testing.assert_array_equal(found.responses["conv2"], np.float32(a["conv2"].pooled[5]))  # type: ignore[index]
    np.testing.assert_allclose(found.scores, np.linspace(0.6, 0.1, 4), rtol=1e-6)


def test_a_class_mean_is_the_column_of_that_class() -> None:
    a = made_up_session().activations
    assert a is not None
    found = class_instance(a, 2, 4)
    assert found.name == "mean of class 2"
    np.testing.assert_allclose(found.responses["conv1"], a["conv1"].total[:, 2] / a.counts[2], rtol=1e-6)


def test_a_class_without_images_has_no_mean() -> None:
    a = made_up_session(empty_classes=1).activations
    assert a is not None
    with pytest.raises(InvalidValue, match="“class 3” has none"):
        class_instance(a, 3, 4)


def test_a_sample_that_was_not_analysed_is_refused() -> None:
    a = made_up_session().activations
    assert a is not None
    with pytest.raises(UnknownName, match="got 99"):
        sample_instance(a, 99, 4)
    unread = replace(a, samples=replace(a.samples, read=np.arange(24) != 3))
    with pytest.raises(InvalidValue, match=r"3\.png is not"):
        sample_instance(unread, 3, 4)


def test_levels_are_deviations_from_each_neurons_own_mean() -> None:
    session = made_up_session()
    a = session.activations
    assert a is not None
    overlay = Overlay(a, sample_instance(a, 5, 4))
    mine = np.float64(np.float32(a["conv2"].pooled[5]))  # type: ignore[index]
    n = a.counts.sum()
    mean = a["conv2"].total.sum(1) / n
    spread = np.sqrt(np.maximum(a["conv2"].squares.sum(1) / n - mean**2, 0))
    for u in range(12):
        expected = (mine[u] - mean[u]) / spread[u] if spread[u] > 1e-12 else 0.0
        assert overlay.levels("conv2")[u] == pytest.approx(expected)
    assert overlay.strongest("conv2", 3) == np.argsort(-overlay.levels("conv2"))[:3].tolist()


def test_a_comparison_is_the_difference_in_the_same_measure() -> None:
    a = made_up_session().activations
    assert a is not None
    one, other = sample_instance(a, 5, 4), sample_instance(a, 6, 4)
    forth, back = Overlay(a, one, other).levels("conv1"), Overlay(a, other, one).levels("conv1")
    alone = Overlay(a, one).levels("conv1") - Overlay(a, other).levels("conv1")
    np.testing.assert_allclose(forth, -back)
    np.testing.assert_allclose(forth, alone, atol=1e-9)


def test_a_neuron_that_never_varies_stands_at_nothing() -> None:
    a = made_up_session().activations
    assert a is not None
    layers = dict(a.layers)
    still = layers["conv1"]
    layers["conv1"] = replace(still, squares=still.total**2 / a.counts.sum() / 4)
    overlay = Overlay(replace(a, layers=layers), sample_instance(a, 5, 4))
    assert np.isfinite(overlay.levels("conv1")).all()


def test_instances_are_found_by_name() -> None:
    session = made_up_session()
    opened = Instance("mine.png", np.ones(4, np.float32), {})
    session = session.with_measurements(session.measurements.with_instance(opened))
    assert find_instance(session, "mine.png") is opened
    assert find_instance(session, "7.png") is find_instance(session, "7.png")
    assert must_find_instance(session, "mean of class 1").sample == -1
    assert find_instance(session, "") is None
    with pytest.raises(UnknownName, match="Did you mean"):
        must_find_instance(session, "mine.pnk")


def test_the_look_says_what_lies_over_the_picture() -> None:
    assert overlay_of(laid()) is None
    assert overlay_of(laid(instance="gone.png")) is None
    overlay = overlay_of(laid(instance="7.png", against="mean of class 1"))
    assert overlay is not None
    assert overlay.signed
    assert overlay.instance.sample == 7


def test_layers_that_are_not_known_are_not_covered() -> None:
    a = made_up_session().activations
    assert a is not None
    overlay = Overlay(a, Instance("mine.png", np.ones(4, np.float32), {"conv1": np.zeros(6, np.float32)}))
    assert overlay.covers("conv1")
    assert not overlay.covers("conv2")


def test_scores_are_ranked_and_the_best_is_the_prediction() -> None:
    found = Instance("x", np.array([0.1, 0.0, 0.7, 0.2], np.float32), {})
    assert predicted(found) == 2
    assert [k for k, _ in ranked_scores(found)] == [2, 3, 0]
    assert predicted(Instance("x", np.zeros(4, np.float32), {})) == -1


def test_an_image_is_laid_over_by_name_index_or_value() -> None:
    session = made_up_session()
    assert lay_over(session, 4).look.instance == "4.png"
    assert lay_over(session, "4.png", against=5).look.against == "5.png"
    mine = Instance("mine.png", np.ones(4, np.float32), {})
    assert lay_over(session, mine).measurements.instances["mine.png"] is mine
    with pytest.raises(UnknownName):
        lay_over(session, "nobody.png")
