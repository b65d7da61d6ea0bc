"""Garbage is collected while nobody waits."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Iterator

import pytest
from PySide6.QtCore import QObject
from pytestqt.qtbot import QtBot

from cnnvis.gui.jobs import Jobs
from cnnvis.gui.sweeper import Sweeper
from cnnvis.progress import Progress


class Loop:
    """Garbage that only the collector finds."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture
def sweeper(jobs: Jobs, qtbot: QtBot) -> Iterator[Sweeper]:
    parent = QObject()
    yield Sweeper(jobs, parent)
    gc.unfreeze()
    parent.deleteLater()


def test_garbage_is_gone_and_what_is_alive_is_set_aside(sweeper: Sweeper) -> None:
    gone = weakref.ref(Loop())
    sweeper.sweep()
    assert gone() is None
    assert gc.get_freeze_count() > 1000


def test_garbage_of_a_set_aside_session_goes_once_much_has_come(sweeper: Sweeper) -> None:
    first = Loop()
    sweeper.sweep()
    gone = weakref.ref(first)
    del first
    many = [Loop() for _ in range(gc.get_freeze_count())]
    sweeper.sweep()
    assert gone() is None
    assert len(many) > 1000


def test_nothing_is_swept_while_a_job_runs(sweeper: Sweeper, jobs: Jobs, qtbot: QtBot) -> None:
    go_on = threading.Event()

    def work(progress: Progress) -> None:
        go_on.wait()

    gone = weakref.ref(Loop())
    gc.disable()
    jobs.start("wait", work, lambda _: None, lambda error: None)
    sweeper.sweep()
    alive = gone() is not None
    gc.enable()
    go_on.set()
    qtbot.waitUntil(lambda: jobs.idle)
    assert alive


def test_a_rest_after_work_sweeps(sweeper: Sweeper, jobs: Jobs, qtbot: QtBot) -> None:
    gone = weakref.ref(Loop())
    gc.disable()
    try:
        jobs.start("short", lambda progress: None, lambda _: None, lambda error: None)
        qtbot.waitUntil(lambda: gone() is None)
    finally:
        gc.enable()
