"""The window that tests open, and what every test of it must leave behind: nothing."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from windows import left, opened

from cnnvis.gui.canvas import Canvas
from cnnvis.gui.jobs import Jobs
from cnnvis.gui.panels.details import Details
from cnnvis.gui.places import Places
from cnnvis.gui.window import Window


@pytest.fixture(autouse=True)
def nothing_is_left(qapp: QApplication) -> Iterator[None]:
    """A thread that still works or a window that is still shown fails the test that left it."""
    yield
    qapp.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
    qapp.processEvents()
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("cnnvis-")] == []
    assert [type(widget).__name__ for widget in qapp.topLevelWidgets() if widget.isVisible()] == []


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """Where the user's own files are."""
    return Places.inside(tmp_path / "user")


@pytest.fixture
def window(places: Places, qtbot: QtBot) -> Iterator[Window]:
    """An open window without a session."""
    found = opened(places)
    yield found
    left(found)


@pytest.fixture
def jobs() -> Iterator[Jobs]:
    """The background of panels that are tested alone."""
    found = Jobs()
    yield found
    found.close()


@pytest.fixture
def canvas(qtbot: QtBot, jobs: Jobs) -> Canvas:
    """An empty canvas on the screen."""
    found = Canvas(jobs)
    found.animated = False
    found.resize(900, 600)
    qtbot.addWidget(found)
    found.show()
    return found


@pytest.fixture
def details(qtbot: QtBot, jobs: Jobs) -> Details:
    """The details panel on the screen, of its usual size."""
    panel = Details(jobs)
    qtbot.addWidget(panel)
    panel.resize(328, 900)
    panel.show()
    return panel
