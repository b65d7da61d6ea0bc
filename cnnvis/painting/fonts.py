"""A Qt that can paint without a window, and the fonts that figures are set in."""

from __future__ import annotations

import os
import sys
from functools import cache

from PySide6.QtCore import QCoreApplication
from PySide6.QtGui import QFontDatabase, QGuiApplication

from cnnvis.assets import resource

FIGURE_FONT = "DejaVu Sans"

_kept: list[QGuiApplication] = []


def painting_application() -> QGuiApplication:
    """The running application, or a new one without windows; offscreen where there is no display.

    Also brings along the font of figures. Must be called in the main thread the first time.
    """
    running = QCoreApplication.instance()
    if not isinstance(running, QGuiApplication):
        if no_display():
            os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
        from PySide6.QtWidgets import QApplication  # not QGuiApplication: a window may be wanted later

        running = QApplication(["cnnvis"])
        _kept.append(running)  # else Python would end it with this function
    bring_fonts()
    return running


def no_display() -> bool:
    """Whether this is a Linux process that could not open a window."""
    return sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


@cache
def bring_fonts() -> bool:
    """Make DejaVu Sans known to Qt, so that figures look the same on every machine. Whether it is."""
    if FIGURE_FONT in QFontDatabase.families():
        return True
    files = sorted(resource("fonts").glob("*.ttf"))
    return all(number >= 0 for number in [QFontDatabase.addApplicationFont(str(path)) for path in files])
