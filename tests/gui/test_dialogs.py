"""The dialogs say what their forms say."""

from __future__ import annotations

from pathlib import Path

from pictures import diagram
from pytestqt.qtbot import QtBot

from cnnvis.gui.dialogs.export_figure import ExportFigure, Parts, Subject
from cnnvis.gui.dialogs.preferences import Preferences
from cnnvis.gui.dialogs.shortcuts import Shortcuts
from cnnvis.gui.places import Places, Settings
from cnnvis.layout.diagram import Box


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


def test_the_table_of_shortcuts_opens(qtbot: QtBot) -> None:
    dialog = Shortcuts()
    qtbot.addWidget(dialog)
    assert dialog.sizeHint().width() > 400
