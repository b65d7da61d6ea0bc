"""The one checkpoint of long work."""

from __future__ import annotations

from typing import Any, Protocol


class Progress(Protocol):
    """Called now and then by long work; reports, and raises `Cancelled` where the user asked to stop.

    `done` of `total` steps are finished (`total` 0: unknown); `what` is a short present-tense phrase.
    Called in the thread that works.
    """

    def __call__(self, done: int, total: int, what: str = "") -> None: ...


def silent(done: int, total: int, what: str = "") -> None:
    """A progress that reports nothing and never stops the work."""


def hand_over(progress: Progress, value: Any) -> None:
    """Give what is known so far to whoever waits and wants it early; nothing happens where nobody does.

    In the window it is shown until the end has come. Raises Cancelled like the progress itself.
    """
    partial = getattr(progress, "partial", None)
    if partial is not None:
        partial(value)
