"""The one checkpoint of long work."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Called now and then by long work; reports, and raises `Cancelled` where the user asked to stop.

    `done` of `total` steps are finished (`total` 0: unknown); `what` is a short present-tense phrase.
    Called in the thread that works.
    """

    def __call__(self, done: int, total: int, what: str = "") -> None: ...


def silent(done: int, total: int, what: str = "") -> None:
    """A progress that reports nothing and never stops the work."""
