"""The order in which the cards stand outlives the window: in the session, in a figure, and on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot
from sessions import made_up_session
from windows import rest, run, show

from cnnvis.cli import main
from cnnvis.gui.exporting import printable
from cnnvis.gui.panels.matrix import MatrixPanel
from cnnvis.gui.window import Window
from cnnvis.layout.compose import draw
from cnnvis.layout.diagram import Diagram, Key
from cnnvis.painting.figure import export
from cnnvis.storage.archive import load, save
from cnnvis.storage.figures import read_view


def order(diagram: Diagram | None) -> list[tuple[Key, ...]]:
    """The cards of each column, from top to bottom."""
    assert diagram is not None
    return [column.cards for column in diagram.columns]


@pytest.fixture
def worked(window: Window, qtbot: QtBot) -> Window:
    """A window after some edits: its cards stand as no fresh drawing would put them."""
    show(window, qtbot, made_up_session((8, 16, 16)))
    for layer, unit in (("conv1", 1), ("conv2", 3), ("conv3", 4), ("conv2", 5)):
        window.controller.gather(layer, [unit])
        rest(window, qtbot)
    assert window.controller.session is not None
    assert order(window.controller.diagram) != order(draw(window.controller.session))
    return window


def test_a_saved_session_opens_and_exports_in_the_order_it_had(worked: Window, qtbot: QtBot, tmp_path: Path) -> None:
    controller = worked.controller
    stood, path = order(controller.diagram), tmp_path / "mine.cnnvis"
    controller.save(path)
    rest(worked, qtbot)
    assert controller.document is not None
    assert not controller.document.unsaved
    assert order(draw(load(path))) == stood
    controller.leave()
    controller.open(path)
    rest(worked, qtbot)
    assert order(controller.diagram) == stood
    assert main(["export", str(path), str(tmp_path / "figure.svg")]) == 0
    view = read_view(tmp_path / "figure.svg")
    assert view is not None
    assert order(draw(load(path).with_look(view.look))) == stood


def test_work_that_is_brought_back_stands_as_it_stood(worked: Window, qtbot: QtBot) -> None:
    controller = worked.controller
    stood = order(controller.diagram)
    controller.autosave()
    rest(worked, qtbot)
    (kept,) = worked.places.autosaves.glob("*.cnnvis")
    assert order(draw(load(kept))) == stood


def test_saving_when_asked_on_leaving_keeps_the_order(
    worked: Window, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    controller = worked.controller
    stood = order(controller.diagram)
    monkeypatch.setattr(worked, "ask_unsaved", lambda name: "save")
    monkeypatch.setattr(worked, "ask_where", lambda suggested: tmp_path / "mine.cnnvis")
    assert controller.document is not None
    controller.document.mark_saved(False)
    assert controller.may_leave()
    assert order(draw(load(tmp_path / "mine.cnnvis"))) == stood


def test_a_dropped_figure_brings_back_the_order_it_shows_each_time(
    worked: Window, qtbot: QtBot, tmp_path: Path
) -> None:
    controller = worked.controller
    stood = order(controller.diagram)
    assert controller.diagram is not None
    figure = export(controller.diagram, tmp_path / "figure.svg")
    for _ in range(2):
        run(worked, qtbot, "untangle")
        assert order(controller.diagram) != stood
        controller.open(figure)
        rest(worked, qtbot)
        assert order(controller.diagram) == stood


def test_a_figure_opens_on_its_saved_session_in_the_order_it_shows(
    worked: Window, qtbot: QtBot, tmp_path: Path
) -> None:
    controller = worked.controller
    assert controller.diagram is not None
    stood = order(controller.diagram)
    save(made_up_session((8, 16, 16)), tmp_path / "as it was.cnnvis")
    figure = export(controller.diagram, tmp_path / "figure.png")
    assert controller.document is not None
    controller.document.mark_saved()
    controller.leave()
    controller.open(figure)
    rest(worked, qtbot)
    assert controller.name == "as it was"
    assert order(controller.diagram) == stood


def test_the_figure_of_a_panel_opens_the_picture_that_stood_beside_it(worked: Window, qtbot: QtBot) -> None:
    worked.actions_["matrix"].trigger()
    rest(worked, qtbot)
    diagram, panel = worked.controller.diagram, worked.panels["matrix"]
    assert diagram is not None
    assert isinstance(panel, MatrixPanel)
    printed = printable({"Matrix": panel}, diagram)[0].make()
    assert printed.session is not None
    assert order(draw(printed.session)) == order(diagram)


def test_cards_are_untangled_as_a_fresh_drawing_would(worked: Window, qtbot: QtBot) -> None:
    run(worked, qtbot, "untangle")
    assert worked.controller.session is not None
    assert order(worked.controller.diagram) == order(draw(worked.controller.session))
