"""The real window, with the program's own drawing and saving, but without a network."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent, QGuiApplication
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot
from sessions import made_up_session
from windows import opened, rest, show

from cnnvis.gui import app
from cnnvis.gui.jobs import Jobs, Reporter
from cnnvis.gui.menus import COMMANDS, MENUS
from cnnvis.gui.panels.outline import Outline
from cnnvis.gui.places import Places
from cnnvis.gui.view import Notice, Work
from cnnvis.gui.window import Window
from cnnvis.layout.theme import DARK, LIGHT, contrast
from cnnvis.storage.archive import save

LAYER = "conv2"


def test_the_first_page_stands_alone(window: Window) -> None:
    assert window.pages.currentWidget() is window.start
    assert all(window._docks[name].isHidden() for name in window.panels)


def test_a_session_fills_picture_and_panels(window: Window, qtbot: QtBot) -> None:
    show(window, qtbot)
    assert window.pages.currentWidget() is window.canvas
    assert window.canvas.diagram is not None
    assert not window._docks["network"].isHidden()
    assert not window._docks["details"].isHidden()


def test_a_file_dropped_anywhere_is_opened(window: Window, qtbot: QtBot, tmp_path: Path) -> None:
    path = save(made_up_session(), tmp_path / "dropped.cnnvis")
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    event = QDropEvent(
        QPointF(5, 5),
        Qt.DropAction.CopyAction,
        data,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    window.dropEvent(event)
    qtbot.waitUntil(lambda: window.controller.diagram is not None)
    assert window.windowTitle().startswith("dropped")


def test_what_was_merged_is_saved_and_comes_back(window: Window, qtbot: QtBot, tmp_path: Path) -> None:
    show(window, qtbot)
    window.controller.select((("cluster", LAYER, 0), ("cluster", LAYER, 1)))
    window.commands.run("merge")
    window.commands.run("rename", (LAYER, 0, "ears"))
    rest(window, qtbot)
    path = tmp_path / "mine.cnnvis"
    window.controller.save(path)
    rest(window, qtbot)
    window.controller.open(path)
    qtbot.waitUntil(lambda: window.controller.diagram is not None)
    assert window.controller.session is not None
    clusters = window.controller.session.analysis.clusters[LAYER]
    assert [c.name for c in clusters if c.id == 0] == ["ears"]
    assert len(clusters) == 2


def test_the_menu_names_what_undo_takes_back(window: Window, qtbot: QtBot) -> None:
    show(window, qtbot)
    assert not window.actions_["undo"].isEnabled()
    window.commands.run("lock", (LAYER, 0))
    assert window.actions_["undo"].isEnabled()
    assert "locked" in window.actions_["undo"].text()
    window.actions_["undo"].trigger()
    assert not window.actions_["undo"].isEnabled()


def test_searching_for_a_neuron_selects_it(window: Window, qtbot: QtBot) -> None:
    show(window, qtbot)
    search = window.topbar.search
    QTest.keyClicks(search, "conv2:5")
    QTest.keyClick(search, Qt.Key.Key_Return)
    rest(window, qtbot)
    assert window.controller.selection == (("unit", LAYER, 5),)
    assert window.canvas.selection == (("cluster", LAYER, 2),)


def test_searching_for_a_class_selects_it(window: Window, qtbot: QtBot) -> None:
    show(window, qtbot)
    QTest.keyClicks(window.topbar.search, "class 3")
    QTest.keyClick(window.topbar.search, Qt.Key.Key_Return)
    rest(window, qtbot)
    assert window.controller.selection == (("class", 3),)


def test_the_layout_is_remembered(places: Places, qtbot: QtBot) -> None:
    first = opened(places)
    show(first, qtbot)
    first._docks["findings"].close()
    first.choose_theme("dark")
    first.close()
    second = opened(places)
    show(second, qtbot)
    assert second._docks["findings"].isHidden()
    assert not second._docks["details"].isHidden()
    assert second.actions_["theme_dark"].isChecked()
    second.choose_theme("light")
    second.close()


def test_closing_with_unsaved_work_can_be_called_off(window: Window, qtbot: QtBot) -> None:
    show(window, qtbot)
    window.commands.run("lock", (LAYER, 0))
    window.ask.unsaved = lambda name: "cancel"  # type: ignore[method-assign]
    assert not window.close()
    assert window.isVisible()


def test_closing_while_work_runs_is_clean(window: Window, qtbot: QtBot) -> None:
    def work(progress: object) -> None:
        while True:
            progress(0, 0)  # type: ignore[operator]

    window.jobs.start("analysis", work, print, print, lane="long")
    assert window.close()
    assert window.jobs.idle


def test_progress_is_said_with_what_is_left(window: Window) -> None:
    window.show_work(Work("Reading images", 1250, 5000, 3.2, 1350.0))
    assert window.workbar._text.text() == "Reading images · 1,250 of 5,000 · 1,350 per second · 3 s left"
    window.show_work(None)
    assert window.workbar._text.text() == "Ready"


def test_an_uncaught_exception_becomes_a_sentence(window: Window, qtbot: QtBot) -> None:
    show(window, qtbot)
    restore = app.catch_exceptions(window)
    try:
        error = ValueError("of a view")
        sys.excepthook(ValueError, error, None)
    finally:
        restore()
    assert window.notice.isVisible()
    assert window.notice.notice is not None
    assert "ValueError: of a view" in window.notice.notice.details
    assert window.pages.currentWidget() is window.canvas


def test_details_of_an_error_can_be_copied(window: Window) -> None:
    window.show_notice(Notice("It broke.", "line 3", "error"))
    window.notice._copy_details()
    assert QGuiApplication.clipboard().text() == "It broke.\n\nline 3"


def test_the_figure_can_be_copied(window: Window, qtbot: QtBot) -> None:
    show(window, qtbot)
    window.commands.run("copy_figure")
    assert not QGuiApplication.clipboard().image().isNull()


def test_no_shortcut_means_two_things() -> None:
    keys = [command.shortcut for _, group in MENUS for command in group if command is not None and command.shortcut]
    assert len(keys) == len(set(keys))


def test_every_command_is_reached_from_a_menu(window: Window) -> None:
    assert set(COMMANDS) == set(window.actions_._actions) | set(window.actions_.menus)


def test_a_right_click_offers_what_fits(window: Window, qtbot: QtBot) -> None:
    show(window, qtbot)
    window.canvas.choose((("cluster", LAYER, 0),))
    window._show_menu(("cluster", LAYER, 0), None, QPoint(10, 10))
    menu = QGuiApplication.focusWindow()
    offered = [a.text() for w in window.findChildren(type(window.actions_.menus["recent"])) for a in w.actions()]
    assert any("name" in text for text in offered)
    assert menu is not None or offered
    for popup in window.findChildren(type(window.actions_.menus["recent"])):
        popup.close()


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
@pytest.mark.parametrize(
    ("ink", "ground"), [("text", "card"), ("muted", "card"), ("muted", "canvas"), ("accent", "card")]
)
def test_text_can_be_read(theme: object, ink: str, ground: str) -> None:
    roles = theme.roles  # type: ignore[attr-defined]
    assert contrast(roles[ink], roles[ground]) >= 4.5


def test_an_open_window_has_loaded_nothing_heavy(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from cnnvis.gui import app;"
        "a = app.make_application(); w = app.open_window(app.Workflow(), app.Places.inside(Path(sys.argv[1])));"
        "w.show(); a.processEvents(); w.close();"
        "print(*sorted({m.split('.')[0] for m in sys.modules} & {'torch', 'sklearn', 'scipy', 'pyqtgraph', 'PIL'}))"
    )
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-c", code, str(tmp_path)]
    run = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == ""


def test_a_measurement_is_paused_and_goes_on(window: Window, qtbot: QtBot) -> None:
    show(window, qtbot)
    waits = Event()

    def work(progress: Reporter) -> None:
        while not waits.is_set():
            progress(1, 9, "measuring")

    window.controller.contributions.topics.add("mine")
    task = window.jobs.start("mine", work, lambda _: None, print, lane="long")
    window.show_work(Work("Measuring", 1, 9))
    window.commands.run("pause")
    assert task.paused
    assert window.workbar._text.text() == "Measuring · 1 of 9 · paused"
    window.commands.run("pause")
    assert not task.paused
    assert window.workbar._text.text() == "Measuring · 1 of 9"
    waits.set()
    rest(window, qtbot)


def test_panels_below_share_a_tab_where_a_small_window_has_no_room(window: Window, qtbot: QtBot) -> None:
    window.resize(1280, 800)
    show(window, qtbot)
    sides = {name: window._docks[name].width() for name in ("network", "details")}
    for name in ("matrix", "confusion", "health"):
        window.actions_[name].trigger()
        qtbot.wait(10)
    assert window.width() == 1280
    assert {name: window._docks[name].width() for name in sides} == sides
    assert not window._docks["health"].visibleRegion().isEmpty()
    assert window.tabifiedDockWidgets(window._docks["health"])
    window.actions_["health"].trigger()
    assert window._docks["health"].isHidden()
    assert window.actions_["matrix"].isChecked()


def test_what_is_said_in_passing_stands_where_else_is_said_what_goes_on(window: Window, qtbot: QtBot) -> None:
    window.flash("The figure is written")
    window.workbar.set_idle("Ready · CPU")
    assert window.workbar._text.text() == "The figure is written"
    window.workbar._passing.setInterval(1)
    window.flash("The figure is written")
    qtbot.waitUntil(lambda: window.workbar._text.text() == "Ready · CPU")


def test_the_outline_marks_the_group_of_a_layer_that_is_folded_away(jobs: Jobs, qtbot: QtBot) -> None:
    session, outline = made_up_session(), Outline(jobs)
    qtbot.addWidget(outline)
    first, second = session.analysis.groups[:2]
    group = replace(first, name="both", layers=(*first.layers, *second.layers))
    session = session.with_analysis(replace(session.analysis, groups=(group, *session.analysis.groups[2:])))
    outline.show_session(session, None)
    outline.show_selection(("column", second.layers[0]))
    marked = outline._tree.selectedItems()
    assert [item.text(0) for item in marked] == ["both"]


def test_the_search_makes_room_in_a_narrow_window(window: Window, qtbot: QtBot) -> None:
    show(window, qtbot)
    window.resize(1600, 800)
    qtbot.waitUntil(lambda: window.topbar.search.width() > 200)
    wide = window.topbar.search.width()
    window.resize(980, 800)
    qtbot.waitUntil(lambda: window.topbar.search.width() < wide - 50)
    qtbot.waitUntil(lambda: window.topbar._name.width() > 60)
