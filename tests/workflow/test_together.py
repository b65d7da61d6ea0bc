"""A class, a subset or a cell of the confusion explained as one, on the demo's networks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from cnnvis.compute.methods import GradCam, Saliency
from cnnvis.errors import Cancelled, InvalidValue, UnknownName
from cnnvis.model.findings import findings
from cnnvis.model.measurements import Measurements
from cnnvis.model.session import Session
from cnnvis.model.target import Target
from cnnvis.model.together import GroupExplanation
from cnnvis.storage.archive import load, save
from cnnvis.workflow.analyze import analyze
from cnnvis.workflow.demo import demo_job
from cnnvis.workflow.sources import Sources, open_sources
from cnnvis.workflow.subsets import subset
from cnnvis.workflow.together import explain_group, with_group

Known = tuple[Session, Sources]


def opened(name: str) -> Known:
    torch.set_num_threads(1)
    job = demo_job(name)
    return replace(analyze(job), measurements=Measurements()), open_sources(job)


@pytest.fixture(scope="module")
def shortcut() -> Known:
    return opened("shortcut")


@pytest.fixture(scope="module")
def healthy() -> Known:
    return opened("healthy")


@pytest.fixture(scope="module")
def birds(shortcut: Known) -> GroupExplanation:
    return explain_group(*shortcut, "bird")


def fixed(session: Session, found: GroupExplanation) -> list[str]:
    return [f.text for f in findings(with_group(session, found)) if "the evidence lies" in f.text]


def test_the_tag_is_found_by_itself_and_raised(shortcut: Known, birds: GroupExplanation) -> None:
    (text,) = fixed(shortcut[0], birds)
    assert text.startswith("In 9")
    assert "of the images of bird the evidence lies in one of 4 corners, in the same 12 × 12 pixels of each" in text


def test_each_cluster_of_the_tagged_class_is_a_corner_with_the_tag(shortcut: Known, birds: GroupExplanation) -> None:
    assert birds.clusters is not None
    assert len(birds.clusters.clusters) == 4
    scenes: Any = shortcut[1].data
    for cluster in birds.clusters.clusters:
        tags = [scenes.scene(int(birds.samples[i])).tag for i in cluster.members]
        corners = [tag[:2] for tag in tags if tag is not None]
        assert max(map(corners.count, corners)) >= 0.85 * len(corners)  # in a cluster of nine, one may stray


@pytest.mark.parametrize("name", ["boat", "tree", "cup"])
def test_other_classes_of_the_same_network_raise_nothing(shortcut: Known, name: str) -> None:
    assert not fixed(shortcut[0], explain_group(*shortcut, name))


@pytest.mark.parametrize("name", ["bird", "face", "tree", "house"])
def test_a_healthy_network_raises_nothing(healthy: Known, name: str) -> None:
    assert not fixed(healthy[0], explain_group(*healthy, name))


def test_what_was_asked_is_kept_with_the_answer(shortcut: Known, birds: GroupExplanation) -> None:
    output = shortcut[0].analysis.network.output
    assert (birds.name, birds.label, birds.asked, len(birds)) == ("bird", 0, 50, 50)
    assert birds.target == Target(output, (0,))
    assert (birds.labels == 0).all()
    assert birds.picture is not None
    assert birds.picture.shape == (64, 64, 3)
    assert birds.others is not None
    assert birds.others.shape == (50, 16, 16)
    assert birds.make_up(0)[0][0] == 0


def test_it_is_kept_in_the_session_file(shortcut: Known, birds: GroupExplanation, tmp_path: Any) -> None:
    session = with_group(shortcut[0], birds)
    again = load(save(session, tmp_path / "kept")).measurements.groups[birds.key]
    assert (again.name, again.target, again.method, dict(again.parameters)) == (
        birds.name, birds.target, birds.method, dict(birds.parameters)
    )  # fmt: skip
    np.testing.assert_array_equal(again.together.mean.values, birds.together.mean.values)
    np.testing.assert_array_equal(again.picture, birds.picture)
    assert again.clusters is not None
    assert birds.clusters is not None
    assert [c.members for c in again.clusters.clusters] == [c.members for c in birds.clusters.clusters]
    np.testing.assert_array_equal(again.clusters.clusters[0].examples, birds.clusters.clusters[0].examples)
    assert fixed(shortcut[0], again) == fixed(shortcut[0], birds)
    private = load(save(session, tmp_path / "private", images=False)).measurements.groups[birds.key]
    assert private.picture is None


def test_a_cell_of_the_confusion_asks_why_it_is_taken_for_the_other(shortcut: Known) -> None:
    session, sources = shortcut
    assert session.activations is not None
    samples = session.activations.samples
    wrong = np.flatnonzero(samples.labels != samples.predictions)
    label, said = int(samples.labels[wrong[0]]), int(samples.predictions[wrong[0]])
    found = explain_group(session, sources, (label, said), others=0)
    assert found.name == f"{session.classes[label]} taken for {session.classes[said]}"
    assert found.target == Target(session.analysis.network.output, (said,))
    assert found.others is None
    assert set(samples.predictions[found.samples]) == {said}


def test_a_subset_is_drawn_from_by_chance_the_same_each_time(healthy: Known) -> None:
    session = subset(healthy[0], "two", classes=("car", "cup"))
    one, other = (explain_group(session, healthy[1], "two", limit=12, others=0, method=Saliency()) for _ in range(2))
    assert (one.asked, len(one), one.subset, one.label) == (100, 12, "two", -1)
    np.testing.assert_array_equal(one.samples, other.samples)
    np.testing.assert_array_equal(one.together.mean.values, other.together.mean.values)


def test_things_can_be_laid_over_each_other_by_their_boxes(healthy: Known) -> None:
    found = explain_group(*healthy, "cup", limit=10, others=0, aligned=True)
    assert found.together.aligned
    assert found.picture is not None
    assert found.picture.shape[:2] == found.together.mean.values.shape
    assert 0 <= found.together.beside < 0.5
    assert found.clusters is not None
    assert found.clusters.clusters[0].mean.shape == (64, 64)


def test_what_is_known_comes_early_and_a_cancel_ends_it(healthy: Known) -> None:
    class Watch:
        seen: tuple[int, ...] = ()

        def __call__(self, done: int, total: int, what: str = "") -> None:
            if len(self.seen) == 3:
                raise Cancelled("enough")

        def partial(self, value: Any) -> None:
            assert isinstance(value, GroupExplanation)
            self.seen += (len(value),)

    watch = Watch()
    with pytest.raises(Cancelled):
        explain_group(*healthy, "cup", method=GradCam(), progress=watch)
    assert watch.seen == (2, 4, 8)


def test_what_is_no_group_is_said(healthy: Known) -> None:
    with pytest.raises(UnknownName, match="Did you mean 'bird'"):
        explain_group(*healthy, "brid")
    with pytest.raises(InvalidValue, match="at least one image"):
        explain_group(*healthy, ("face", "boat"))
    with pytest.raises(InvalidValue, match="limit must be at least 1"):
        explain_group(*healthy, "cup", limit=0)


def test_a_subset_whose_name_means_something_else_loses_its_explanation(healthy: Known) -> None:
    session = subset(healthy[0], "some", classes=("car",))
    session = with_group(session, explain_group(session, healthy[1], "some", limit=3, others=0))
    assert session.measurements.groups
    assert not subset(session, "some", classes=("cup",)).measurements.groups
