"""The real window in tests: opened, waited for, filled and read."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication
from pytestqt.qtbot import QtBot
from sessions import made_up_session

from cnnvis.gui import app
from cnnvis.gui.jobs import Jobs
from cnnvis.gui.places import Places
from cnnvis.gui.services import Workflow
from cnnvis.gui.window import Window
from cnnvis.model.session import Session

PATIENCE = 240_000
"""Milliseconds; PyTorch alone may take ten seconds to load on a busy machine."""


def opened(places: Places) -> Window:
    """A shown window whose user's files are in `places`; networks run on the CPU."""
    app.make_application()
    window = Window(Jobs(), Workflow("cpu"), places)
    window.canvas.animated = False
    window.show()
    return window


def left(window: Window) -> None:
    """Close a window without a question."""
    if window.controller.document is not None:
        window.controller.document.mark_saved()
    window.close()
    window.deleteLater()


def rest(window: Window, qtbot: QtBot) -> None:
    """Until nothing is at work, nor what was waiting in the queue of events has begun any work."""
    qtbot.waitUntil(lambda: window.jobs.idle, timeout=PATIENCE)
    QCoreApplication.processEvents()
    qtbot.waitUntil(lambda: window.jobs.idle, timeout=PATIENCE)


def show(window: Window, qtbot: QtBot, session: Session | None = None) -> None:
    """A session (by default the made-up one) in the window, with nothing unsaved."""
    window.controller.show(made_up_session() if session is None else session)
    rest(window, qtbot)
    assert window.controller.document is not None
    window.controller.document.mark_saved()


def run(window: Window, qtbot: QtBot, verb: str, *arguments: object) -> None:
    """Run a command and all that it begins."""
    window.commands.run(verb, arguments)
    rest(window, qtbot)


def said(window: Window) -> str:
    """The sentence over the picture."""
    return window.notice.notice.text if window.notice.notice is not None else ""
