"""Paths laid over the picture, from the panel and from the page of a class, and taken away again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from fakes import FakeServices, FakeView
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot
from sessions import made_up_session
from windows import rest, show

from cnnvis.gui.autosave import Autosaves
from cnnvis.gui.controller import Controller
from cnnvis.gui.jobs import Jobs
from cnnvis.gui.panels.explain import ExplainPanel
from cnnvis.gui.panels.explain_tools import LAY, TAKE
from cnnvis.gui.places import Places, Settings
from cnnvis.gui.studies import paths as study
from cnnvis.gui.window import Window
from cnnvis.model.attribution import Attribution, Gates, Map
from cnnvis.model.gates import mean_path
from cnnvis.model.session import Session
from cnnvis.model.target import Target
from cnnvis.workflow.paths import images_of_path

CLASS_0 = Target("fc", (0,))


def path(sample: int = 0) -> Attribution:
    gates = {"conv1": np.eye(6, dtype=np.float32)[sample % 6], "conv2": np.eye(12, dtype=np.float32)[sample % 12]}
    return Attribution(Gates(gates, {"open": 1 / 9}), sample, CLASS_0, "Critical path", {"steps": 30}, {})


def with_paths(*found: Attribution) -> Session:
    return replace(made_up_session(), attributions=found)


@pytest.fixture
def desk(qtbot: QtBot, tmp_path: Path) -> Iterator[Controller]:
    """A controller with a session that has one path; its network is at hand but only pretends."""
    places = Places.inside(tmp_path)
    jobs, services = Jobs(), FakeServices()
    services.sources = SimpleNamespace()  # type: ignore[assignment]
    controller = Controller(FakeView(), jobs, services, Settings(places), Autosaves(places.autosaves))
    controller.show(with_paths(path()))
    qtbot.waitUntil(lambda: jobs.idle)
    yield controller
    jobs.close()


def paths_of(controller: Controller) -> study.Paths:
    return next(each for each in controller.studies if isinstance(each, study.Paths))


def look_of(controller: Controller) -> Any:
    assert controller.session is not None
    return controller.session.look


def test_a_path_is_laid_and_taken_without_a_step_of_the_history(desk: Controller) -> None:
    paths_of(desk).lay(path().key)
    assert look_of(desk).path == path().key
    paths_of(desk).take()
    assert look_of(desk).path == ""
    assert desk.document is not None
    assert desk.document.undoable is None


def test_escape_takes_the_path_first_and_then_the_image_under_it(desk: Controller) -> None:
    desk.instances.lay_over(3)
    paths_of(desk).lay(path().key)
    desk.instances.take_away()
    assert (look_of(desk).path, look_of(desk).instance) == ("", "3.png")
    desk.instances.take_away()
    assert look_of(desk).instance == ""


def test_an_image_takes_the_place_of_a_path(desk: Controller) -> None:
    paths_of(desk).lay(path().key)
    desk.instances.lay_over(3)
    assert (look_of(desk).path, look_of(desk).instance) == ("", "3.png")


def test_a_path_goes_with_its_explanation(desk: Controller) -> None:
    paths_of(desk).lay(path().key)
    desk.explain.forget(path().key)
    assert look_of(desk).path == ""


def test_the_path_of_a_class_is_found_once_and_laid(
    desk: Controller, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def found(session: Session, live: Any, index: int, progress: Any) -> Attribution:
        asked.append(index)
        progress(1, 2, "closing gates, image 1 of 2")
        return mean_path([path(k) for k in images_of_path(session, index)])

    monkeypatch.setattr(study, "class_path", found)
    for _ in range(2):
        paths_of(desk).of_class(0)
        qtbot.waitUntil(lambda: desk._jobs.idle)
        (kept,) = [x for x in desk.session.attributions if x.sample < 0]  # type: ignore[union-attr]
        assert look_of(desk).path == kept.key
        paths_of(desk).take()
    assert asked == [0]
    assert study.TOPIC in desk._studied  # so that the window can stop it


def test_the_search_for_a_path_can_be_stopped(
    desk: Controller, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(session: Session, live: Any, index: int, progress: Any) -> Attribution:
        desk._jobs.running(study.TOPIC).cancel()  # type: ignore[union-attr]
        progress(1, 2, "closing gates, image 1 of 2")
        return mean_path([path(0)])

    monkeypatch.setattr(study, "class_path", stopped)
    paths_of(desk).of_class(0)
    qtbot.waitUntil(lambda: desk._jobs.idle)
    assert look_of(desk).path == ""
    assert [x.sample for x in desk.session.attributions] == [0]  # type: ignore[union-attr]
    assert desk._view.notice is None  # type: ignore[attr-defined]
    assert desk._view.works[-1] is None  # type: ignore[attr-defined]


def test_a_class_that_is_never_told_right_has_no_path(desk: Controller) -> None:
    paths_of(desk).of_class(2)  # all are taken for class 0
    assert desk._view.notice.text.startswith("A path needs an image of class 2")  # type: ignore[attr-defined]


def test_from_the_panel_a_path_is_laid_named_saved_and_taken_away(
    window: Window, qtbot: QtBot, tmp_path: Path
) -> None:
    other = Attribution(Map(np.ones((32, 32), np.float32)), 0, CLASS_0, "Saliency", {}, {})
    show(window, qtbot, with_paths(path(), other))
    window.actions_["explain"].trigger()
    rest(window, qtbot)
    panel = window.panels["explain"]
    assert isinstance(panel, ExplainPanel)
    panel.view.picked.emit(next(c.key for c in panel.view.shown.cells if c.attribution is other))  # type: ignore[union-attr]
    assert panel.tools.path.isHidden()  # a map has no path
    key = next(c.key for c in panel.view.shown.cells if c.key[1] == path().key)  # type: ignore[union-attr]
    panel.view.picked.emit(key)
    assert panel.tools.path.text() == LAY
    panel.tools.path.click()
    rest(window, qtbot)
    assert window.instance.isVisible()
    assert window.instance._text.text() == "Critical path of 0.png to class 0"
    assert window.instance._said.text() == "11 % of 18 gates open"
    assert window.instance._compare.isHidden()
    assert panel.tools.path.text() == TAKE
    assert "critical path of 0.png" in window.controller.diagram.caption  # type: ignore[union-attr]

    window.controller.save(tmp_path / "path.cnnvis")
    rest(window, qtbot)
    window.controller.open(tmp_path / "path.cnnvis")
    rest(window, qtbot)
    assert window.instance.isVisible()
    QTest.keyClick(window.canvas, Qt.Key.Key_Escape)
    rest(window, qtbot)
    assert not window.instance.isVisible()
    assert panel.tools.path.text() == LAY


def test_the_page_of_a_class_lays_its_path_and_takes_it_away(window: Window, qtbot: QtBot) -> None:
    images = images_of_path(made_up_session(), 0)
    show(window, qtbot, with_paths(mean_path([path(k) for k in images])))
    window.controller.choose(("class", 0))
    for words, laid in (("Critical path", True), ("Take its path away", False)):
        (button,) = [b for b in window.panels["details"].findChildren(QPushButton) if b.text() == words]
        button.click()
        rest(window, qtbot)
        assert window.instance.isVisible() == laid
        if laid:
            assert window.instance._text.text() == "Mean critical path of 6 images to class 0"
