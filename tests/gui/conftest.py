"""What every test of the window must leave behind: nothing."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QApplication


@pytest.fixture(autouse=True)
def nothing_is_left(qapp: QApplication) -> Iterator[None]:
    """A thread that still works or a window that is still shown fails the test that left it."""
    yield
    qapp.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
    qapp.processEvents()
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("cnnvis-")] == []
    assert [type(widget).__name__ for widget in qapp.topLevelWidgets() if widget.isVisible()] == []
