"""Garbage collection while nobody waits.

A full collection looks at every object that is alive: more than 100 ms with a session and the libraries loaded, while
the window stands still. So what has lived through a moment of rest is set aside (`gc.freeze`): collections while the
user works look only at what came since. All of it is looked at again, at a rest, once it has grown by a quarter: the
rule by which Python itself puts full collections off.
"""

from __future__ import annotations

import gc

from PySide6.QtCore import QObject, Qt, QTimer
from PySide6.QtGui import QGuiApplication

from cnnvis.gui.jobs import Jobs

REST = 1500
"""Milliseconds without any job after which the window counts as at rest."""
_GROWTH = 1.25


class Sweeper(QObject):
    """Collects garbage once the window is at rest, and after that only when jobs have run. Main thread only."""

    def __init__(self, jobs: Jobs, parent: QObject) -> None:
        super().__init__(parent)
        self._jobs = jobs
        self._alive = 0
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(REST)
        self._rest.timeout.connect(self.sweep)
        jobs.changed.connect(self._rest.start)
        self._rest.start()

    def sweep(self) -> None:
        """Collect, and set aside what is alive; later, where something is going on now."""
        if not self._jobs.idle or QGuiApplication.mouseButtons() != Qt.MouseButton.NoButton:
            self._rest.start()
            return
        whole = len(gc.get_objects()) + gc.get_freeze_count() > _GROWTH * self._alive
        if whole:
            gc.unfreeze()
        gc.collect()
        gc.freeze()
        if whole:
            self._alive = gc.get_freeze_count()
