"""The line at the bottom: what is going on, how long it will take, and how to stop it."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QStatusBar, QToolButton, QWidget

from cnnvis.gui.parts import Elided, duration, label
from cnnvis.gui.view import Work

_PASSING_MS = 4000


def remaining(seconds: float) -> str:
    """So long still, as a person would say it."""
    return "a moment left" if seconds < 1.5 else f"{duration(seconds)} left"


def words(work: Work) -> str:
    """A work under way in one line: "Reading images · 1,250 of 5,000 · 1,350 per second · 3 s left"."""
    parts = [work.what]
    if work.total:
        parts.append(f"{work.done:,} of {work.total:,}")
    if work.paused:
        parts.append("paused")
    else:
        if work.rate is not None and work.rate >= 10:
            parts.append(f"{work.rate:,.0f} per second")
        if work.left is not None:
            parts.append(remaining(work.left))
    return " · ".join(part for part in parts if part)


class WorkBar(QStatusBar):
    """The status bar. `cancelled` and `paused` tell what the user wants of the work under way."""

    cancelled = Signal()
    paused = Signal()

    def __init__(self, bar: QProgressBar) -> None:
        super().__init__()
        self.setSizeGripEnabled(False)
        self.setFixedHeight(28)  # else the picture would jump when the buttons come and go
        self._bar = bar
        self._idle = "Ready"
        self._work: Work | None = None
        self._text = Elided(self._idle)
        self._passing = QTimer(self)
        self._passing.setSingleShot(True)
        self._passing.setInterval(_PASSING_MS)
        self._passing.timeout.connect(lambda: self.show_work(self._work))
        self._pause, self._cancel = QToolButton(), QToolButton()
        for tool, text, signal in ((self._pause, "Pause", self.paused), (self._cancel, "Stop", self.cancelled)):
            tool.setText(text)
            tool.clicked.connect(lambda checked=False, signal=signal: signal.emit())
            tool.hide()
        self._cancel.setToolTip("Stop; what is done stays usable")
        left = QWidget()
        row = QHBoxLayout(left)
        row.setContentsMargins(16, 0, 0, 0)
        row.setSpacing(2)
        row.addWidget(self._text)
        row.addSpacing(10)
        for tool in (self._pause, self._cancel):
            row.addWidget(tool)
        row.addStretch(1)
        self.addWidget(left, 1)
        self._signs = label("blue excites · orange inhibits")
        self._signs.setContentsMargins(0, 0, 16, 0)
        self.addPermanentWidget(self._signs)
        bar.setTextVisible(False)
        policy = bar.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        bar.setSizePolicy(policy)
        bar.setFixedHeight(2)
        self.show_work(None)

    def set_idle(self, text: str) -> None:
        """What to say while nothing is going on."""
        self._idle = text
        if self._work is None and not self._passing.isActive():
            self._text.setText(text)

    def flash(self, text: str) -> None:
        """Say something in passing, where else is said what is going on."""
        self._text.setText(text)
        self._passing.start()

    def show_work(self, work: Work | None) -> None:
        """Show a work under way, or that there is none."""
        self._work = work
        for widget in (self._pause, self._cancel):
            widget.setVisible(work is not None)
        self._bar.setVisible(work is not None)
        if work is None:
            if not self._passing.isActive():
                self._text.setText(self._idle)
            return
        self._text.setText(words(work))
        self._pause.setText("Go on" if work.paused else "Pause")
        self._bar.setRange(0, work.total)
        self._bar.setValue(work.done)

    def show_paused(self, paused: bool) -> None:
        """Say that the work under way is held, or goes on."""
        if self._work is not None:
            self.show_work(replace(self._work, paused=paused, rate=None, left=None))

    def say_signs(self, text: str) -> None:
        """What the colours of the edges mean."""
        self._signs.setText(text)

    def show_signs(self, shown: bool) -> None:
        """Say what the colours of edges mean, while there are edges."""
        self._signs.setVisible(shown)
