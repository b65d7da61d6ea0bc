"""Subsets and images laid over the picture, in the real window without a network."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QComboBox, QLabel, QPushButton
from pytestqt.qtbot import QtBot
from sessions import made_up_session
from windows import rest, run, said, show

from cnnvis.gui.dialogs.new_subset import NewSubset
from cnnvis.gui.window import Window
from cnnvis.layout.diagram import Patch
from cnnvis.model.measurements import Edging
from cnnvis.model.subsets import Subset


@pytest.fixture
def window(window: Window, qtbot: QtBot) -> Window:
    """With the made-up session."""
    show(window, qtbot)
    return window


def drawn(window: Window) -> set[int]:
    """The samples whose patches are on cards of clusters."""
    assert window.controller.diagram is not None
    return {m.sample for card in window.controller.diagram.cards for m in card.marks if isinstance(m, Patch)}


def words(window: Window) -> set[str]:
    return {w.text() for w in window.panels["details"].findChildren(QLabel)}


def look(window: Window) -> tuple[str, str, str]:
    assert window.controller.session is not None
    found = window.controller.session.look
    return found.subset, found.instance, found.against


def test_the_wrong_ones_are_followed_by_patches_and_numbers(window: Window, qtbot: QtBot) -> None:
    run(window, qtbot, "subset_wrong")
    assert look(window)[0] == "wrong"
    assert window.topbar.subsets.text() == "wrong · 18  ▾"
    assert window.topbar._summary.text() == "18 images · accuracy 0.0 %"
    assert drawn(window) <= {i for i in range(24) if i % 4}
    run(window, qtbot, "subset_all")
    assert window.topbar.subsets.text() == "All images  ▾"
    assert any(i % 4 == 0 for i in drawn(window))


def test_clusters_stay_as_they_are(window: Window, qtbot: QtBot) -> None:
    before = window.controller.session.analysis.clusters  # type: ignore[union-attr]
    run(window, qtbot, "subset_class", 2)
    assert window.controller.session.analysis.clusters == before  # type: ignore[union-attr]


def test_a_subset_is_one_step_that_can_be_undone(window: Window, qtbot: QtBot) -> None:
    run(window, qtbot, "subset_cell", 3, 0)
    document = window.controller.document
    assert document is not None
    assert document.undoable == "subset “class 3 taken for class 0”"
    assert "cv.Subset('class 3 taken for class 0', cell=(3, 0))" in document.history[-1].python
    run(window, qtbot, "undo")
    assert window.topbar.subsets.text() == "All images  ▾"
    assert len(drawn(window)) > 6
    run(window, qtbot, "redo")
    assert window.topbar.subsets.text() == "class 3 taken for cla… · 6  ▾"


def test_a_subset_without_an_image_is_a_sentence_and_nothing_is_lost(window: Window, qtbot: QtBot) -> None:
    before = window.controller.session
    run(window, qtbot, "subset_below", 0.1)
    assert said(window).startswith("A subset must hold at least one image; none is “confidence below 10 %”.")
    assert window.controller.session is before


def test_the_same_again_is_no_second_subset(window: Window, qtbot: QtBot) -> None:
    run(window, qtbot, "subset_wrong")
    run(window, qtbot, "subset_all")
    run(window, qtbot, "subset_wrong")
    assert [s.name for s in window.controller.session.analysis.subsets] == ["wrong"]  # type: ignore[union-attr]
    run(window, qtbot, "subset_define", Subset("wrong", below=0.9))
    assert look(window)[0] == "wrong (2)"


def test_what_was_measured_over_an_older_subset_of_the_name_is_forgotten(window: Window, qtbot: QtBot) -> None:
    document = window.controller.document
    assert document is not None
    assert document.session.connections is not None
    asked = Edging(subset="wrong")
    stale = document.session.measurements.with_connections(asked, document.session.connections)
    document.update(document.session.with_measurements(stale))
    run(window, qtbot, "subset_wrong")
    assert asked not in document.session.measurements.connections


def test_the_menu_lists_subsets_with_their_counts(window: Window, qtbot: QtBot) -> None:
    run(window, qtbot, "subset_class", 1)
    window.topbar.subsets._fill()
    texts = [action.text() for action in window.topbar.subsets.menu().actions()]
    assert texts[:2] == ["All images\t24", "class 1\t6"]
    assert "Remove “class 1”" in texts
    run(window, qtbot, "subset_remove", "class 1")
    assert look(window)[0] == ""
    assert window.controller.session.analysis.subsets == ()  # type: ignore[union-attr]


def test_layers_whose_single_responses_are_gone_stay_empty_and_are_named(window: Window, qtbot: QtBot) -> None:
    session = made_up_session()
    assert session.activations is not None
    layers = {**session.activations.layers, "conv1": replace(session.activations["conv1"], pooled=None)}
    show(window, qtbot, replace(session, activations=replace(session.activations, layers=layers)))
    run(window, qtbot, "subset_wrong")
    assert said(window).startswith("The file does not keep what conv1 answered to each image")
    cards = window.controller.diagram.cards  # type: ignore[union-attr]
    assert {c.face.waiting for c in cards if c.key[:2] == ("cluster", "conv1")} == {True}
    assert {c.face.waiting for c in cards if c.key[:2] == ("cluster", "conv2")} == {False}


def test_the_page_of_a_subset_tells_what_it_holds(window: Window, qtbot: QtBot) -> None:
    run(window, qtbot, "subset_wrong")
    run(window, qtbot, "about_subset", "wrong")
    assert {"wrong", "18 · 75 %"} <= words(window)


def test_the_form_counts_and_refuses_an_empty_subset(window: Window, qtbot: QtBot) -> None:
    window.topbar.subsets.ask_new()
    dialog = window.findChild(NewSubset)
    dialog._kind.changed.emit("any")
    dialog._classes.item(2).setCheckState(Qt.CheckState.Checked)
    assert dialog._count.text() == "6 of 24 images"
    qtbot.waitUntil(lambda: dialog._images.count() == 6)
    dialog._images.item(1).setSelected(True)
    dialog._images.item(4).setSelected(True)
    assert dialog.subset == Subset("class 2 · 2 chosen images", (2,), (6, 18))
    dialog._unsure.setChecked(True)
    assert not dialog._show.isEnabled()
    assert dialog._count.text() == "No image meets all of this. Choose it wider."
    dialog._unsure.setChecked(False)
    dialog._name.setText("mine")
    dialog._show.click()
    rest(window, qtbot)
    assert look(window)[0] == "mine"
    assert drawn(window) == {6, 18}


def test_an_image_is_laid_over_from_its_page_and_taken_away_by_escape(window: Window, qtbot: QtBot) -> None:
    run(window, qtbot, "choose", ("sample", 7))
    button = next(b for b in window.panels["details"].findChildren(QPushButton) if b.text() == "Lay over the picture")
    button.click()
    rest(window, qtbot)
    assert look(window)[1] == "7.png"
    assert window.instance.isVisible()
    assert window.instance._said.text() == "predicted class 0, 60 %"
    assert "laid over the picture" in words(window)
    window.canvas.setFocus()
    for _ in range(2):  # the first gives the selection back
        QTest.keyClick(window.canvas, Qt.Key.Key_Escape)
    rest(window, qtbot)
    assert look(window) == ("", "", "")
    assert not window.instance.isVisible()


def test_an_image_is_compared_with_a_class_and_with_another(window: Window, qtbot: QtBot) -> None:
    run(window, qtbot, "lay_over", 7)
    combo = window.panels["details"].findChild(QComboBox)
    combo.activated.emit(combo.findText("mean of class 2"))
    rest(window, qtbot)
    assert look(window) == ("", "7.png", "mean of class 2")
    run(window, qtbot, "compare", 9)
    assert look(window) == ("", "7.png", "9.png")
    assert window.instance._said.text() == "class 0, 60 %  −"
    assert window.instance._than.text() == "9"
    run(window, qtbot, "compare", "")
    assert look(window) == ("", "7.png", "")


def test_an_image_that_is_not_known_is_a_sentence(window: Window, qtbot: QtBot) -> None:
    run(window, qtbot, "lay_over", "nobody.png")
    assert said(window).startswith("An image must be an analysed one")
    assert look(window) == ("", "", "")


def test_a_dropped_picture_needs_the_network(window: Window, qtbot: QtBot, tmp_path: Path) -> None:
    path = tmp_path / "cat.jpg"
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(path)
    drop(window, path)
    qtbot.waitUntil(lambda: said(window) != "")
    assert said(window) == "The network must be connected to look at cat.jpg. Choose File ▸ Connect network first."


def test_a_picture_without_a_session_is_a_sentence(window: Window, qtbot: QtBot, tmp_path: Path) -> None:
    window.controller.close_session()
    window.controller.open(tmp_path / "cat.jpg")
    assert said(window) == "A session must be open before cat.jpg is laid over it. Open one first."


def drop(window: Window, path: Path) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    action, none = Qt.DropAction.CopyAction, Qt.KeyboardModifier.NoModifier
    window.dropEvent(QDropEvent(QPointF(5, 5), action, data, Qt.MouseButton.LeftButton, none))


def test_all_wrong_images_of_a_search_become_a_subset(window: Window, qtbot: QtBot) -> None:
    window.topbar.search.images_chosen.emit((1, 2, 5))
    rest(window, qtbot)
    assert look(window)[0] == "3 images"
    assert drawn(window) == {1, 2, 5}


def test_all_neurons_of_a_search_are_selected(window: Window, qtbot: QtBot) -> None:
    keys = (("unit", "conv2", 1), ("unit", "conv2", 4))
    window.topbar.search.all_chosen.emit(keys)
    assert window.controller.selection == keys
