"""A choice among many: any part of a name finds it."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from cnnvis.gui.picker import MANY, Picker

NAMES = [f"class {k}" for k in range(MANY)] + ["golden retriever", "Labrador retriever", "tench"]


@pytest.fixture
def picker(qtbot: QtBot) -> Picker:
    box = Picker()
    qtbot.addWidget(box)
    box.addItems(NAMES)
    box.fit()
    box.show()
    return box


def typed(picker: Picker, qtbot: QtBot, text: str) -> list[int]:
    """Type over what stands there and press Enter: the places that were chosen."""
    told: list[int] = []
    picker.activated.connect(told.append)
    line = picker.lineEdit()
    assert line is not None
    line.selectAll()
    qtbot.keyClicks(line, text)
    qtbot.keyClick(line, Qt.Key.Key_Return)
    return told


def test_any_part_of_a_name_finds_it(picker: Picker, qtbot: QtBot) -> None:
    assert typed(picker, qtbot, "RETRIEV") == [NAMES.index("golden retriever")]
    assert picker.currentText() == "golden retriever"


def test_a_whole_name_is_taken_before_those_that_begin_with_it(picker: Picker, qtbot: QtBot) -> None:
    picker.insertItem(0, "tench and others")
    assert set(typed(picker, qtbot, "tench")) == {picker.findText("tench", Qt.MatchFlag.MatchExactly)}


def test_what_fits_nothing_changes_nothing(picker: Picker, qtbot: QtBot) -> None:
    picker.setCurrentIndex(3)
    assert typed(picker, qtbot, "zebra") == []
    assert (picker.currentIndex(), picker.currentText()) == (3, "class 3")


def test_the_list_of_what_fits_comes_up_while_typing(picker: Picker) -> None:
    completer = picker.completer()
    assert completer is not None
    completer.setCompletionPrefix("retriever")
    assert completer.completionCount() == 2


def test_a_short_list_is_no_field(qtbot: QtBot) -> None:
    box = Picker()
    qtbot.addWidget(box)
    box.addItems(NAMES[:MANY])
    box.fit()
    assert not box.isEditable()
