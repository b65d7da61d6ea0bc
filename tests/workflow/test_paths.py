"""The critical path of a class."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from sessions import made_up_session

from cnnvis.compute.methods import CriticalPath
from cnnvis.errors import InvalidValue
from cnnvis.model.attribution import Attribution, Gates
from cnnvis.model.question import explanation_script
from cnnvis.model.session import Session
from cnnvis.model.target import Target
from cnnvis.workflow import paths
from cnnvis.workflow.explain import with_attribution
from cnnvis.workflow.paths import IMAGES, class_path, images_of_path, known_path

SOURCES: Any = SimpleNamespace()


def answer(sample: int, target: Target) -> Attribution:
    gates = {"conv1": np.full(6, sample / 100, np.float32)}
    method = CriticalPath()
    parameters = {name: getattr(method, name) for name in ("steps", "rate", "sparsity")}
    return Attribution(Gates(gates, {}), sample, target, method.title, parameters, {})


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The samples that were asked about."""
    found: list[int] = []

    def explained(session: Session, live: Any, sample: int, target: Target, method: Any, progress: Any) -> Attribution:
        found.append(sample)
        progress(1, 2, "closing gates")
        return answer(sample, target)

    monkeypatch.setattr(paths, "explain", explained)
    return found


def test_its_images_are_its_own_that_are_told_right() -> None:
    session = made_up_session()  # all are taken for class 0
    assert session.activations is not None
    labels = session.activations.samples.labels
    assert images_of_path(session, 0) == tuple(np.flatnonzero(labels == 0).tolist())
    with pytest.raises(InvalidValue, match="an image of class 1 that the network tells right"):
        images_of_path(session, 1)
    bare = replace(session.activations, samples=replace(session.activations.samples, labels=np.full(24, -1)))
    assert len(images_of_path(replace(session, activations=bare), 0)) == IMAGES


def test_of_many_images_the_seed_draws_some() -> None:
    session = made_up_session(n=400)
    drawn = images_of_path(session, 0)
    assert len(set(drawn)) == IMAGES
    assert drawn == images_of_path(session, 0)
    assert drawn != tuple(range(0, 4 * IMAGES, 4))


def test_it_is_the_mean_of_their_paths_and_known_from_then_on(asked: list[int]) -> None:
    session = made_up_session()
    assert known_path(session, 0) is None
    found = class_path(session, SOURCES, 0)
    assert asked == list(images_of_path(session, 0))
    assert isinstance(found.evidence, Gates)
    np.testing.assert_allclose(found.evidence.values["conv1"], np.mean(asked) / 100, rtol=1e-6)
    assert found.evidence.facts["mean_of"] == tuple(asked)
    assert known_path(with_attribution(session, found), 0) is found


def test_what_the_session_knows_is_not_asked_again(asked: list[int]) -> None:
    session = made_up_session()
    first = answer(0, Target("fc", (0,)))
    class_path(with_attribution(session, first), SOURCES, 0)
    assert asked == list(images_of_path(session, 0))[1:]


def test_progress_counts_on_from_image_to_image(asked: list[int]) -> None:
    told: list[tuple[int, int, str]] = []
    class_path(made_up_session(), SOURCES, 0, progress=lambda *now: told.append(now))
    assert told[0] == (1, 12, "closing gates, image 1 of 6")
    assert told[-1] == (11, 12, "closing gates, image 6 of 6")


def test_its_python_asks_for_the_same_images(asked: list[int]) -> None:
    found = class_path(made_up_session(), SOURCES, 0)
    text = explanation_script(made_up_session(), (found,), "mine.cnnvis", lambda title: "CriticalPath")
    compile(text, "script", "exec")
    assert f"for i in {tuple(asked)!r}" in text
    assert "cv.mean_path([" in text
