"""Facets, packings and orders as the window offers them."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QToolButton
from pytestqt.qtbot import QtBot
from windows import rest, run, show

from cnnvis.gui.window import Window
from cnnvis.layout.diagram import Cells, Face

KEY = ("cluster", "conv2", 0)


@pytest.fixture
def window(window: Window, qtbot: QtBot) -> Window:
    """With the made-up session."""
    show(window, qtbot)
    return window


def face(window: Window, key: tuple[str, str, int]) -> Face:
    assert window.controller.diagram is not None
    return window.controller.diagram.card(key).face


def grids(window: Window, key: tuple[str, str, int]) -> list[Cells]:
    return [mark for mark in face(window, key).marks if isinstance(mark, Cells)]


def test_the_switch_changes_all_cards_and_the_menu_of_one_card_that_one(window: Window, qtbot: QtBot) -> None:
    other = ("cluster", "conv2", 1)
    run(window, qtbot, "facet_activations")
    assert grids(window, KEY)
    assert grids(window, other)
    window.controller.choose(KEY)
    next(a for a in window.actions_.menus["facet_card"].actions() if a.text() == "Features").trigger()
    rest(window, qtbot)
    assert not grids(window, KEY)
    assert grids(window, other)


def test_the_details_of_a_cluster_change_what_its_card_shows(window: Window, qtbot: QtBot) -> None:
    window.controller.choose(KEY)
    rest(window, qtbot)
    buttons = window.panels["details"].findChildren(QToolButton)
    button = next(b for b in buttons if b.text().startswith("On its card: features"))
    next(a for a in button.menu().actions() if a.text() == "Activations").trigger()
    rest(window, qtbot)
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
