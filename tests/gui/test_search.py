"""The search box: what is listed for a text, and what happens when a line is picked."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot
from sessions import made_up_session

from cnnvis.gui.jobs import Jobs
from cnnvis.gui.search import SHOWN, All, Popup, Search, lines, look_up
from cnnvis.model.query import Hint
from cnnvis.model.search import Hit
from cnnvis.model.session import Session


def keys(session: Session, text: str) -> list[object]:
    return [hit.key for hit in look_up(session, text).hits]


def test_a_neuron_is_found_by_its_name() -> None:
    assert keys(made_up_session(), "conv2:7")[0] == ("unit", "conv2", 7)


def test_a_neuron_that_does_not_exist_is_not_found() -> None:
    assert ("unit", "conv2", 99) not in keys(made_up_session(), "conv2:99")


def test_layers_that_begin_with_the_text_come_first() -> None:
    assert keys(made_up_session(), "conv")[:2] == [("column", "conv1"), ("column", "conv2")]


def test_every_word_must_occur() -> None:
    assert keys(made_up_session(), "class 2") == [("class", 2)]


def test_a_named_cluster_is_found() -> None:
    session = made_up_session()
    clusters = session.analysis.clusters["conv2"].rename(1, "dog faces")
    named = session.with_analysis(session.analysis.with_clusters("conv2", clusters))
    assert keys(named, "dog") == [("cluster", "conv2", 1)]


def test_nothing_is_found_for_nothing_but_hints_how_to_ask() -> None:
    found = look_up(made_up_session(), "  ")
    assert found.hits == ()
    assert {hint.shown for hint in found.hints} >= {"selective:", "dead"}


def test_neurons_end_with_a_line_for_all_of_them() -> None:
    listed = lines(look_up(made_up_session(), 'top 14 selective:"class 1"'))
    assert len([line for line in listed if isinstance(line.what, Hit)]) == SHOWN
    everything = next(line for line in listed if isinstance(line.what, All))
    assert everything.text == "Select all 14 neurons"
    assert len(everything.what.keys) == 14  # type: ignore[union-attr]


def test_images_end_with_a_line_that_follows_them() -> None:
    listed = lines(look_up(made_up_session(), "wrong"))
    assert "Follow these 18 images alone" in [line.text for line in listed]


def test_a_mistake_is_one_line_to_read() -> None:
    listed = lines(look_up(made_up_session(), "selective:klass"))
    assert [line.text for line in listed] == ["No class 'klass'. Did you mean 'class 3' or 'class 2' or 'class 1'?"]
    assert listed[0].what is None


def test_a_word_under_way_is_no_mistake_yet() -> None:
    found = look_up(made_up_session(), "selective:cl")
    assert found.error == ""
    assert [hint.shown for hint in found.hints] == ["class 0", "class 1", "class 2", "class 3"]


def test_what_finds_nothing_says_so() -> None:
    assert [line.text for line in lines(look_up(made_up_session(), "nowhere"))] == ["Nothing is found."]


@pytest.fixture
def box(qtbot: QtBot) -> Iterator[Search]:
    session = made_up_session()
    jobs = Jobs()
    window = QWidget()
    window.resize(900, 600)
    qtbot.addWidget(window)
    found = Search(jobs, lambda: session)
    found.setParent(window)
    found.move(600, 8)
    window.show()
    window.activateWindow()  # without a window manager nobody else does
    assert QTest.qWaitForWindowActive(window)
    found.setFocus()
    qtbot.waitUntil(lambda: jobs.idle)
    yield found
    jobs.close()


def typed(box: Search, qtbot: QtBot, text: str) -> Popup:
    box.clear()
    QTest.keyClicks(box, text)
    qtbot.waitUntil(lambda: box._jobs.idle)
    return box.popup


def test_the_list_drops_down_inside_the_window(box: Search, qtbot: QtBot) -> None:
    popup = typed(box, qtbot, "conv")
    assert popup.isVisible()
    assert box.window().rect().contains(popup.geometry())
    assert popup.list.item(0).text() == "conv1"
    QTest.keyClick(box, Qt.Key.Key_Escape)
    assert not popup.isVisible()
    assert box.text() == "conv"
    QTest.keyClick(box, Qt.Key.Key_Escape)
    assert box.text() == ""


def test_arrows_mark_a_line_and_enter_takes_it(box: Search, qtbot: QtBot) -> None:
    typed(box, qtbot, "conv")
    QTest.keyClick(box, Qt.Key.Key_Down)
    QTest.keyClick(box, Qt.Key.Key_Down)
    with qtbot.waitSignal(box.chosen) as heard:
        QTest.keyClick(box, Qt.Key.Key_Return)
    assert heard.args == [("column", "conv2")]
    assert not box.popup.isVisible()


def test_a_click_on_the_last_line_selects_all_neurons(box: Search, qtbot: QtBot) -> None:
    popup = typed(box, qtbot, "top 4 selective:2")
    row = next(r for r in range(popup.list.count()) if popup.list.item(r).text().startswith("Select all"))
    with qtbot.waitSignal(box.all_chosen) as heard:
        popup.list.itemClicked.emit(popup.list.item(row))
    assert len(heard.args[0]) == 4
    assert all(key[0] == "unit" for key in heard.args[0])


def test_a_hint_goes_on_with_the_text(box: Search, qtbot: QtBot) -> None:
    typed(box, qtbot, "sele")
    QTest.keyClick(box, Qt.Key.Key_Right)
    qtbot.waitUntil(lambda: box._jobs.idle)
    assert box.text() == "selective:"
    assert isinstance(box.popup.list.item(0).data(Qt.ItemDataRole.UserRole).what, Hint)


def test_enter_waits_for_what_is_still_being_looked_up(box: Search, qtbot: QtBot) -> None:
    with qtbot.waitSignal(box.chosen) as heard:
        QTest.keyClicks(box, "conv2:5")
        QTest.keyClick(box, Qt.Key.Key_Return)
    assert heard.args == [("unit", "conv2", 5)]


def test_the_list_goes_when_the_field_is_left(box: Search, qtbot: QtBot) -> None:
    popup = typed(box, qtbot, "conv")
    box.clearFocus()
    assert not popup.isVisible()
