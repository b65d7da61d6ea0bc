"""The dialogs say what their forms say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pictures import diagram
from PySide6.QtWidgets import QApplication, QComboBox, QDialogButtonBox, QInputDialog, QLabel, QMessageBox
from pytestqt.qtbot import QtBot
from sessions import made_up_session

from cnnvis.gui import palette
from cnnvis.gui.dialogs.export_figure import ExportFigure, Parts, Subject
from cnnvis.gui.dialogs.preferences import Preferences
from cnnvis.gui.dialogs.shortcuts import Shortcuts
from cnnvis.gui.menus import COMMANDS
from cnnvis.gui.places import Places, Settings
from cnnvis.gui.window import Window
from cnnvis.layout.diagram import Box
from cnnvis.layout.theme import LIGHT
from cnnvis.model.job import DataSource, Job, NetworkSource


@pytest.fixture
def dressed(qapp: QApplication) -> Iterator[None]:
    """The application in its own colours and style."""
    qapp.setStyle("Fusion")
    palette.apply(qapp, LIGHT)
    yield
    qapp.setStyleSheet("")


def shown() -> tuple[Subject, ...]:
    """One figure to export."""
    return (Subject("Picture as it is shown", diagram),)


def test_the_export_writes_what_was_chosen(qtbot: QtBot, tmp_path: Path) -> None:
    dialog = ExportFigure(shown(), Parts(None, None), "single-column")
    qtbot.addWidget(dialog)
    dialog.width_.setValue(120)
    dialog.legend.setChecked(False)
    text = dialog.write(tmp_path / "a.svg").read_text()
    assert 'width="120.0000mm"' in text
    assert "inhibits" not in text


def test_the_export_offers_only_the_parts_there_are(qtbot: QtBot) -> None:
    for parts, n in ((Parts(None, None), 1), (Parts(Box(0, 0, 90, 90), None), 2)):
        dialog = ExportFigure(shown(), parts, "screen")
        qtbot.addWidget(dialog)
        assert dialog.part.count() == n


def test_the_export_says_how_large_the_figure_is(qtbot: QtBot) -> None:
    dialog = ExportFigure(shown(), Parts(None, None), "double-column")
    qtbot.addWidget(dialog)
    assert dialog._size.text().startswith("178 × ")


def test_preferences_are_kept(qtbot: QtBot, tmp_path: Path) -> None:
    settings = Settings(Places.inside(tmp_path))
    dialog = Preferences(settings)
    qtbot.addWidget(dialog)
    dialog.device.setCurrentIndex(dialog.device.findData("cpu"))
    dialog.budget.setValue(120)
    dialog.keep()
    assert Settings(Places.inside(tmp_path)).text("device") == "cpu"
    assert settings.number("session_mb", 300) == 120


def test_the_table_of_shortcuts_has_every_key_and_fits_on_a_small_screen(qtbot: QtBot, dressed: None) -> None:
    dialog = Shortcuts()
    qtbot.addWidget(dialog)
    words = {label.text() for label in dialog.findChildren(QLabel)}
    verbs = [c for c in COMMANDS.values() if c.shortcut and c.verb != "shortcuts"]
    assert {c.text.replace("&", "").rstrip("…") for c in verbs} <= words
    assert dialog.sizeHint().width() < 1200
    assert dialog.sizeHint().height() < 720


def test_the_item_under_the_cursor_of_an_open_choice_can_be_read(qtbot: QtBot, dressed: None) -> None:
    choice = QComboBox()
    qtbot.addWidget(choice)
    choice.addItems(["first", "second"])
    choice.show()
    choice.showPopup()
    row = choice.view().visualRect(choice.model().index(0, 0))
    image = choice.view().viewport().grab(row).toImage()
    shades = {image.pixelColor(x, y).lightness() for x in range(image.width()) for y in range(image.height())}
    choice.hidePopup()
    assert max(shades) - min(shades) > 120


def test_the_buttons_of_a_question_have_words_and_no_icons(qtbot: QtBot, dressed: None) -> None:
    buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Save | QDialogButtonBox.StandardButton.Cancel)
    qtbot.addWidget(buttons)
    buttons.show()
    assert [button.text().replace("&", "") for button in buttons.buttons()] == ["Save", "Cancel"]
    assert all(button.icon().isNull() for button in buttons.buttons())


def test_connecting_the_same_files_is_asked_only_once(
    window: Window, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "net.py").write_text("x = 1\n")
    session = replace(made_up_session(), job=Job(NetworkSource("net.py:make"), DataSource("a.zip"), folder=tmp_path))
    asked: list[str] = []

    def press(box: QMessageBox) -> int:
        asked.append(box.informativeText())
        monkeypatch.setattr(box, "clickedButton", lambda: box.buttons()[0])
        return 0

    monkeypatch.setattr(QMessageBox, "exec", press)
    for _ in range(2):
        assert window.ask.may_connect(session, window.settings, window.controller.fail)
    assert len(asked) == 1
    (tmp_path / "net.py").write_text("x = 2\n")
    assert window.ask.may_connect(session, window.settings, window.controller.fail)
    assert len(asked) == 2


def test_choices_are_numbered_only_where_two_have_the_same_name(
    window: Window, monkeypatch: pytest.MonkeyPatch
) -> None:
    offered: list[list[str]] = []

    def first(parent: object, title: str, question: str, names: list[str], *_: object) -> tuple[str, bool]:
        offered.append(names)
        return names[-1], True

    monkeypatch.setattr(QInputDialog, "getItem", first)
    assert window.ask.one_of("a", "b", {3: "neurons", 5: "edges"}) == 5
    assert window.ask.one_of("a", "b", {3: "9 neurons", 5: "9 neurons"}) == 5
    assert offered == [["neurons", "edges"], ["1.  9 neurons", "2.  9 neurons"]]
