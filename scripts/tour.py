"""The real window, driven as a user would: for the pictures of the documents. Runs without a display."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from few_colours import shrink
from PySide6.QtCore import QPoint, QRect
from PySide6.QtWidgets import QWidget

from cnnvis.gui.app import make_application, open_window
from cnnvis.gui.menus import COMMANDS
from cnnvis.gui.palette import Choice
from cnnvis.gui.places import Places
from cnnvis.gui.services import Workflow
from cnnvis.gui.window import Window
from cnnvis.layout.diagram import Key
from cnnvis.model.session import Session

PICTURES = Path(__file__).resolve().parents[1] / "docs" / "pictures"
SIZE = (1440, 900)
PATIENCE = 900.0
"""Seconds that an analysis may take on a slow machine."""


class Tour:
    """One open window; every step ends when its work is done and painted."""

    def __init__(self, window: Window) -> None:
        self.window = window

    @property
    def session(self) -> Session:
        assert self.window.controller.session is not None
        return self.window.controller.session

    def settle(self, seconds: float = 0.8) -> None:
        """Wait until nothing works any more, and a little longer for what is painted last."""
        application = make_application()
        end, quiet = time.monotonic() + PATIENCE, 0.0
        while quiet < seconds:
            application.processEvents()
            time.sleep(0.01)
            quiet = quiet + 0.01 if self.window.jobs.idle else 0.0
            if time.monotonic() > end:
                raise TimeoutError(f"The window must come to rest within {PATIENCE:.0f} s.")

    def do(self, verb: str, *arguments: object) -> None:
        """Give a command, as its menu does where nothing more is said."""
        if arguments or verb not in COMMANDS:
            self.window.commands.run(verb, arguments)
        else:
            self.window.actions_[verb].trigger()
        self.settle()

    def choose(self, key: Key) -> None:
        """Select something and bring it into view."""
        self.window.controller.choose(key)
        self.settle()

    def shot(self, name: str, part: QWidget | None = None, margin: int = 0) -> Path:
        """Write a screenshot of the window, or of the part where a widget lies; the path of the picture."""
        self.settle()
        picture = self.window.grab()
        if part is not None:
            where = QRect(part.mapTo(self.window, QPoint()), part.size()).adjusted(-margin, -margin, margin, margin)
            ratio = picture.devicePixelRatio()
            scaled = QRect((where.topLeft().toPointF() * ratio).toPoint(), where.size() * ratio)
            picture = picture.copy(scaled.intersected(picture.rect()))
        PICTURES.mkdir(parents=True, exist_ok=True)
        path = PICTURES / f"{name}.png"
        picture.save(str(path))
        shrink(path)
        return path


@contextmanager
def tour(theme: Choice = "light") -> Iterator[Tour]:
    """An open window with nothing in it yet, closed at the end."""
    application = make_application()
    with tempfile.TemporaryDirectory() as folder:
        window = open_window(Workflow(), Places.inside(Path(folder)))
        window.choose_theme(theme)
        window.canvas.animated = False
        window.resize(*SIZE)
        window.show()
        found = Tour(window)
        try:
            found.settle()
            yield found
        finally:
            if window.controller.document is not None:
                window.controller.document.mark_saved()
            window.close()
            application.processEvents()
