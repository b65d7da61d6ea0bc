"""Work in the background, its results in the main thread.

Three lanes of one thread each: a click (short) never waits for an analysis (long), nor for pictures being painted.
The newest request of a topic cancels older ones; whether a result is still wanted is decided when it is delivered,
in the main thread, so that nothing stale can be shown. Every exception reaches `failed`.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar

from PySide6.QtCore import QObject, Qt, Signal, Slot

from cnnvis.errors import Cancelled

Lane = Literal["long", "short", "paint"]

T = TypeVar("T")
Reported = Callable[[int, int, str], None]

_SECONDS_BETWEEN_REPORTS = 0.05
"""More often than this nobody can read it, and the main thread would be kept busy."""


def _nothing(*_: object) -> None:
    """A callback for whoever does not care."""


@dataclass(eq=False)
class Task(Generic[T]):
    """One request; what to do, and whom to tell. `cancel` may be called from any thread."""

    topic: Hashable
    work: Callable[[Reporter], T]
    done: Callable[[T], None]
    failed: Callable[[BaseException], None]
    reported: Reported = _nothing
    heard: Callable[[Any], None] = _nothing
    started: float = 0.0
    _stop: threading.Event = field(default_factory=threading.Event)
    _may: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._may.set()

    def cancel(self) -> None:
        """Ask the work to stop at its next checkpoint."""
        self._stop.set()
        self._may.set()

    def pause(self, paused: bool = True) -> None:
        """Hold the work at its next checkpoint, or let it go on."""
        if paused and not self.cancelled:
            self._may.clear()
        else:
            self._may.set()

    @property
    def cancelled(self) -> bool:
        return self._stop.is_set()

    @property
    def paused(self) -> bool:
        return not self._may.is_set()

    def checkpoint(self) -> None:
        """Waits while paused. Raises Cancelled where the work shall stop."""
        self._may.wait()
        if self.cancelled:
            raise Cancelled("Stopped by the user.")


class Reporter:
    """The Progress that work gets: a checkpoint that also reports, and hands over what is known so far."""

    def __init__(self, job: Task[Any], tell: Callable[[Task[Any], int, int, str], None], hand: Callable[[Any], None]):
        self._job, self._tell, self._hand = job, tell, hand
        self._last, self._what = 0.0, ""

    def __call__(self, done: int, total: int, what: str = "") -> None:
        self._job.checkpoint()
        now = time.monotonic()
        if now - self._last >= _SECONDS_BETWEEN_REPORTS or done == total or what != self._what:
            self._last, self._what = now, what
            self._tell(self._job, done, total, what)

    def partial(self, value: object) -> None:
        """Give what is known so far to the main thread. Raises Cancelled."""
        self._job.checkpoint()
        self._hand(value)


class _Lane(threading.Thread):
    """One thread that works off its queue, oldest first."""

    def __init__(self, name: Lane, run: Callable[[Task[Any]], None]) -> None:
        super().__init__(name=f"cnnvis-{name}", daemon=True)
        self._run_job = run
        self._queue: deque[Task[Any]] = deque()
        self._condition = threading.Condition()
        self._closed = False

    def put(self, job: Task[Any]) -> None:
        with self._condition:
            self._queue.append(job)
            self._condition.notify()

    def close(self) -> None:
        with self._condition:
            self._closed = True
            self._queue.clear()
            self._condition.notify()

    def run(self) -> None:
        while True:
            with self._condition:
                while not self._queue and not self._closed:
                    self._condition.wait()
                if self._closed:
                    return
                job = self._queue.popleft()
            self._run_job(job)


class Jobs(QObject):
    """The background of a window. Use and delete it in the main thread; `close` it before the program ends."""

    changed = Signal()
    """A job has begun, ended or been cancelled."""

    _arrived = Signal(object, str, object)
    _told = Signal(object, int, int, str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._newest: dict[Hashable, Task[Any]] = {}
        self._lanes: dict[Lane, _Lane] = {}
        self._closed = False
        # Connected before anything is submitted, and always queued: delivery is in the main thread.
        self._arrived.connect(self._deliver, Qt.ConnectionType.QueuedConnection)
        self._told.connect(self._report, Qt.ConnectionType.QueuedConnection)

    def start(
        self,
        topic: Hashable,
        work: Callable[[Reporter], T],
        done: Callable[[T], None],
        failed: Callable[[BaseException], None],
        *,
        lane: Lane = "short",
        reported: Reported = _nothing,
        heard: Callable[[Any], None] = _nothing,
    ) -> Task[T]:
        """Run `work(progress)` in a lane's thread; all callbacks are called in the main thread.

        `work` may call `progress.partial(value)`: `heard` gets it.

        An older job of the same topic is cancelled and never heard of again. A job that the user cancels ends
        in `failed` with Cancelled.
        """
        job = Task(topic, work, done, failed, reported, heard)
        if self._closed:
            job.cancel()
            return job
        older = self._newest.get(topic)
        if older is not None:
            older.cancel()
        self._newest[topic] = job
        if lane not in self._lanes:
            self._lanes[lane] = _Lane(lane, self._work)
            self._lanes[lane].start()
        self._lanes[lane].put(job)
        self.changed.emit()
        return job

    def cancel(self, topic: Hashable) -> None:
        """Ask the newest job of a topic to stop; it ends in `failed` with Cancelled."""
        job = self._newest.get(topic)
        if job is not None:
            job.cancel()
            self.changed.emit()

    def drop(self, topic: Hashable) -> None:
        """Stop the newest job of a topic and never hear of it again."""
        job = self._newest.pop(topic, None)
        if job is not None:
            job.cancel()
            self.changed.emit()

    def running(self, topic: Hashable) -> Task[Any] | None:
        """The job of a topic that has not been delivered yet."""
        return self._newest.get(topic)

    @property
    def idle(self) -> bool:
        """Whether nothing is under way."""
        return not self._newest

    def close(self) -> None:
        """Cancel everything and wait for the threads; nothing is delivered any more."""
        self._closed = True
        for job in self._newest.values():
            job.cancel()
        self._newest.clear()
        for lane in self._lanes.values():
            lane.close()
        for lane in self._lanes.values():
            lane.join()
        self._lanes.clear()

    def _work(self, job: Task[Any]) -> None:
        """In the lane's thread."""
        try:
            job.checkpoint()
            job.started = time.monotonic()
            result = job.work(Reporter(job, self._told.emit, lambda value: self._arrived.emit(job, "partial", value)))
        except BaseException as error:  # noqa: BLE001 - out of memory, a user's SystemExit: all must reach `failed`
            self._arrived.emit(job, "failed", error)
        else:
            self._arrived.emit(job, "done", result)

    def _current(self, job: Task[Any]) -> bool:
        return not self._closed and self._newest.get(job.topic) is job

    @Slot(object, str, object)
    def _deliver(self, job: Task[Any], outcome: str, value: object) -> None:
        if not self._current(job):
            return
        if outcome == "partial":
            if not job.cancelled:
                job.heard(value)
            return
        del self._newest[job.topic]
        try:
            if outcome == "failed":
                assert isinstance(value, BaseException)
                job.failed(value)
            elif job.cancelled:  # it had ended before it heard of it
                job.failed(Cancelled("Stopped by the user."))
            else:
                job.done(value)
        finally:
            self.changed.emit()

    @Slot(object, int, int, str)
    def _report(self, job: Task[Any], done: int, total: int, what: str) -> None:
        if self._current(job) and not job.cancelled:
            job.reported(done, total, what)
