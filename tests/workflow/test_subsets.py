"""Subsets as a notebook defines them, recorded exactly, and the edges of an image."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sessions import made_up_session

from cnnvis.errors import InvalidValue, UnknownName
from cnnvis.model.job import AnalysisPlan, DataSource, Job, NetworkSource
from cnnvis.model.measurements import Edging
from cnnvis.model.session import Session
from cnnvis.model.subset_responses import is_exact, keep_exact, restricted
from cnnvis.model.viewed import edging, subset_rows, viewed
from cnnvis.workflow.analyze import analyze
from cnnvis.workflow.instances import lay_over, measured_sample, open_picture, samples_behind
from cnnvis.workflow.sources import Sources, open_sources
from cnnvis.workflow.subsets import record_subset, subset


def test_a_subset_is_defined_shown_and_followed() -> None:
    session = subset(made_up_session(), "two", classes=["class 1", 2])
    assert session.look.subset == "two"
    assert session.analysis.subset("two").classes == (1, 2)
    found = viewed(session).activations
    assert found is not None
    assert found.counts.tolist() == [0, 6, 6, 0]
    assert viewed(session).analysis.clusters is session.analysis.clusters


def test_conditions_are_met_all_at_once() -> None:
    session = made_up_session()
    assert session.activations is not None
    table = session.activations.samples
    found = subset(session, "x", classes=["class 0", "class 1"], wrong=True, below=0.7, samples=range(10))
    expected = [i for i in range(10) if table.labels[i] == 1]  # every sample is said to be class 0
    rows = subset_rows(found)
    assert rows is not None
    assert rows.tolist() == expected


def test_a_cell_of_the_confusion_matrix_is_a_subset() -> None:
    session = subset(made_up_session(), "3 as 0", cell=("class 3", "class 0"))
    rows = subset_rows(session)
    assert rows is not None
    assert set(rows % 4) == {3}


@pytest.mark.parametrize(
    ("given", "said"),
    [({"below": 0.1}, "none is “confidence below 10 %”"), ({"cell": (1, 2)}, "none is “class 1 taken for class 2”")],
)
def test_a_subset_without_an_image_is_one_sentence(given: dict[str, object], said: str) -> None:
    with pytest.raises(InvalidValue, match=said):
        subset(made_up_session(), "none", **given)  # type: ignore[arg-type]


def test_an_unknown_class_is_named_with_the_nearest() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'class 1'"):
        subset(made_up_session(), "x", classes=["clas 1"])


def test_a_vanished_subset_shows_everything() -> None:
    session = subset(made_up_session(), "x", classes=[1])
    gone = session.with_analysis(session.analysis.without_subset("x"))
    assert viewed(gone).activations is gone.activations


def test_one_image_has_edges_of_its_own_whatever_the_subset() -> None:
    session = lay_over(subset(made_up_session(), "x", classes=[1]), 3)
    assert edging(session.look) == Edging("weights × activation", None, "", "3.png")


@pytest.fixture(scope="module")
def demo() -> tuple[Session, Sources]:
    data, plan = DataSource("demo:healthy", per_class=3), AnalysisPlan(probe_images=2)
    job = Job(NetworkSource("demo:healthy", name="demo"), data, plan)
    sources = open_sources(job)
    return analyze(job, sources=sources, device="cpu"), sources


def test_the_exact_recording_of_a_subset_agrees_with_the_estimate(demo: tuple[Session, Sources]) -> None:
    session, sources = demo
    a = session.activations
    assert a is not None
    rows = np.arange(3, 21, 2)
    guess = restricted(a, rows)
    exact = record_subset(session, sources, rows)
    for layer in guess.layers:
        scale = np.abs(a[layer].total).max()
        np.testing.assert_allclose(guess[layer].total, exact[layer].total, atol=1e-3 * scale)
        np.testing.assert_array_equal(np.sort(guess[layer].top_samples), np.sort(exact[layer].top_samples))
    rectified = next(x.name for x in session.analysis.network.drawn if x.rectified and x.name in a.layers)
    np.testing.assert_array_equal(guess[rectified].fired, exact[rectified].fired)
    assert keep_exact(a, rows, exact)
    assert is_exact(a, rows)


def test_a_dropped_picture_is_answered_as_the_recording_answered_it(
    demo: tuple[Session, Sources], tmp_path: Path
) -> None:
    session, sources = demo
    assert session.activations is not None
    path = tmp_path / "dropped.png"
    Image.fromarray(sources.data.picture(4)).save(path)
    found = open_picture(session, sources, path)
    again = measured_sample(session, sources, 4)
    assert (found.name, found.sample, again.sample) == ("dropped.png", -1, 4)
    np.testing.assert_allclose(found.scores, again.scores, atol=1e-5)
    for layer, values in found.responses.items():
        np.testing.assert_allclose(values, again.responses[layer], rtol=1e-4, atol=1e-5)


def test_the_edges_of_a_subset_and_of_an_image_stand_on_their_samples(
    demo: tuple[Session, Sources], tmp_path: Path
) -> None:
    session, sources = demo
    chosen = subset(session, "few", samples=[2, 5, 7])
    behind = samples_behind(chosen, sources, Edging(subset="few"))
    assert behind.samples.indices.tolist() == [2, 5, 7]
    assert behind.data is not None
    name = session.activations.samples.names[5]  # type: ignore[union-attr]
    assert samples_behind(session, sources, Edging(instance=name)).samples.indices.tolist() == [5]
    path = tmp_path / "mine.png"
    Image.fromarray(sources.data.picture(4)).save(path)
    opened = open_picture(session, sources, path)
    kept = session.with_measurements(session.measurements.with_instance(opened))
    behind = samples_behind(kept, sources, Edging(instance="mine.png"))
    assert behind.data is not None
    np.testing.assert_allclose(behind.data[0][0], sources.data[4][0], atol=1e-6)
    with pytest.raises(InvalidValue, match="those of one image"):
        samples_behind(session, sources, Edging(instance=f"mean of {session.analysis.network.classes[0]}"))


def test_the_look_without_a_subset_shows_the_session_itself() -> None:
    session = made_up_session()
    assert viewed(session.with_look(replace(session.look, subset=""))).activations is session.activations
