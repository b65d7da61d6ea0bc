"""Facets, packings and orders as the window offers them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QToolButton
from pytestqt.qtbot import QtBot
from sessions import made_up_session

from cnnvis.gui import app
from cnnvis.gui.jobs import Jobs
from cnnvis.gui.places import Places
from cnnvis.gui.services import Workflow
from cnnvis.gui.window import Window
from cnnvis.layout.diagram import Cells, Face

KEY = ("cluster", "conv2", 0)


@pytest.fixture
def window(tmp_path: Path, qtbot: QtBot) -> Iterator[Window]:
    app.make_application()
    found = Window(Jobs(), Workflow(), Places.inside(tmp_path / "user"))
    found.canvas.animated = False
    found.show()
    found.controller.show(made_up_session())
    qtbot.waitUntil(lambda: found.jobs.idle)
    yield found
    if found.controller.document is not None:
        found.controller.document.mark_saved()
    found.close()
    found.deleteLater()


def face(window: Window, key: tuple[str, str, int]) -> Face:
    assert window.controller.diagram is not None
    return window.controller.diagram.card(key).face


def grids(window: Window, key: tuple[str, str, int]) -> list[Cells]:
    return [mark for mark in face(window, key).marks if isinstance(mark, Cells)]


def run(window: Window, qtbot: QtBot, verb: str, *arguments: object) -> None:
    window.commands.run(verb, arguments)
    qtbot.waitUntil(lambda: window.jobs.idle)


def test_the_switch_changes_all_cards_and_the_menu_of_one_card_that_one(window: Window, qtbot: QtBot) -> None:
    other = ("cluster", "conv2", 1)
    run(window, qtbot, "facet_activations")
    assert grids(window, KEY)
    assert grids(window, other)
    window.controller.choose(KEY)
    next(a for a in window.actions_.menus["facet_card"].actions() if a.text() == "Features").trigger()
    qtbot.waitUntil(lambda: window.jobs.idle)
    assert not grids(window, KEY)
    assert grids(window, other)


def test_the_details_of_a_cluster_change_what_its_card_shows(window: Window, qtbot: QtBot) -> None:
    window.controller.choose(KEY)
    qtbot.waitUntil(lambda: window.jobs.idle)
    buttons = window.panels["details"].findChildren(QToolButton)
    button = next(b for b in buttons if b.text().startswith("On its card: features"))
    next(a for a in button.menu().actions() if a.text() == "Activations").trigger()
    qtbot.waitUntil(lambda: window.jobs.idle)
    assert grids(window, KEY)


@pytest.mark.parametrize("verb", ["packing_flat", "packing_rows", "order_local"])
def test_what_is_chosen_is_ticked_in_the_menu_and_not_a_step_of_history(
    window: Window, qtbot: QtBot, verb: str
) -> None:
    assert window.actions_["packing_hierarchical"].isChecked()
    assert window.actions_["order_network"].isChecked()
    run(window, qtbot, verb)
    assert window.actions_[verb].isChecked()
    assert not window.actions_["undo"].isEnabled()


def test_a_click_on_a_row_of_a_matrix_selects_its_neuron(window: Window, qtbot: QtBot) -> None:
    run(window, qtbot, "facet_activations")
    (grid,) = grids(window, KEY)
    assert window.controller.diagram is not None
    card = window.controller.diagram.card(KEY)
    place = grid.place(1, 2)
    where = QPointF(card.box.x + place.x + place.w / 2, card.box.y + place.middle)
    window.canvas.actual_size()
    window.canvas.centerOn(where)
    QTest.mouseClick(window.canvas.viewport(), Qt.MouseButton.LeftButton, pos=window.canvas.mapFromScene(where))
    assert window.controller.selection == (("unit", "conv2", grid.units[1]),)
