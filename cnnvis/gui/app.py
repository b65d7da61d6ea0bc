"""The program with a window: up before anything heavy is loaded, alive after any exception."""

from __future__ import annotations

import gc
import logging
import logging.handlers
import os
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer
from PySide6.QtGui import QFontDatabase, QIcon
from PySide6.QtWidgets import QApplication

from cnnvis import __version__
from cnnvis.assets import resource
from cnnvis.gui.jobs import Jobs
from cnnvis.gui.places import Places
from cnnvis.gui.services import Services, Workflow
from cnnvis.gui.sweeper import Sweeper
from cnnvis.gui.view import Notice
from cnnvis.gui.window import Window
from cnnvis.painting.fonts import FIGURE_FONT, bring_fonts

if TYPE_CHECKING:
    from cnnvis.model.job import Job
    from cnnvis.model.session import Session

log = logging.getLogger("cnnvis")


@dataclass(frozen=True)
class Options:
    """What to show first: a file, the name of a demo, a job, or a session; nothing of them: the start page."""

    path: Path | None = None
    demo: str | None = None
    job: Job | None = None
    session: Session | None = None
    device: str = "auto"


def run(path: Path | None = None, demo: str | None = None, device: str = "auto") -> int:
    """Show a file, a demo, or the start page. The exit code of the program."""
    return main(Options(path=path, demo=demo, device=device))


def main(options: Options | None = None, places: Places | None = None) -> int:
    """Show the window until the user closes it. The exit code of the program."""
    options = options or Options()
    application = make_application()
    places = places or Places.of_user()
    start_log(places)
    window = open_window(Workflow(options.device), places)
    # PyTorch reads it when it is loaded, which is later than this.
    if threads := window.settings.number("threads", 0):
        os.environ.setdefault("OMP_NUM_THREADS", str(threads))
    restore = catch_exceptions(window)
    window.show()
    # After the first frame: whatever is slow to import must not keep the window from showing.
    QTimer.singleShot(0, window, lambda: begin(window, options))
    try:
        return application.exec()
    finally:
        window.jobs.close()
        restore()
        gc.unfreeze()


def show(session: Session) -> int:
    """Show a session in a window, until the user closes it."""
    return main(Options(session=session))


def make_application() -> QApplication:
    """The running application, or a new one with name, icon and a font."""
    running = QApplication.instance()
    application = running if isinstance(running, QApplication) else QApplication(["cnnvis"])
    application.setApplicationName("cnnvis")
    application.setApplicationVersion(__version__)
    application.setDesktopFileName("cnnvis")
    application.setStyle("Fusion")
    application.setWindowIcon(QIcon(str(resource("icons", "cnnvis.svg"))))
    bring_fonts()
    if not [name for name in QFontDatabase.families() if name != FIGURE_FONT]:
        font = application.font()
        font.setFamily(FIGURE_FONT)
        application.setFont(font)
    return application


def open_window(services: Services, places: Places) -> Window:
    """A window that is not shown yet."""
    window = Window(Jobs(), services, places)
    Sweeper(window.jobs, window)
    return window


def begin(window: Window, options: Options) -> None:
    """Open what was asked for, else offer what an ended program left."""
    if options.session is not None:
        window.controller.show(options.session)
    elif options.job is not None:
        window.controller.analyze(options.job)
    elif options.demo is not None:
        window.commands.run("demo", (options.demo,))
    elif options.path is not None:
        window.controller.open(options.path)
    else:
        window.controller.offer_recovery()


def start_log(places: Places) -> None:
    """Write what goes wrong to a file of at most 1 MB, and one before it."""
    places.log.mkdir(parents=True, exist_ok=True)
    handler = logging.handlers.RotatingFileHandler(places.log_file, maxBytes=1_000_000, backupCount=1, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    for old in list(log.handlers):
        log.removeHandler(old)
        old.close()
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.info("cnnvis %s, Python %s", __version__, sys.version.split()[0])


def catch_exceptions(window: Window) -> Callable[[], None]:
    """Let an exception that nobody caught become one sentence over the picture. Returns what undoes it."""
    before = sys.excepthook

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            window.close()
            return
        text = "".join(traceback.format_exception(kind, error, trace))
        log.error("not caught:\n%s", text)
        said = f"Something unexpected happened ({kind.__name__}: {error}). Your work is unharmed."
        window.show_notice(Notice(said, text, "error"))

    sys.excepthook = hook

    def restore() -> None:
        sys.excepthook = before

    return restore
