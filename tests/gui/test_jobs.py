"""Background work: newest first, nothing stale, every exception heard."""

from __future__ import annotations

import threading

import pytest
from pytestqt.qtbot import QtBot

from cnnvis.errors import Cancelled
from cnnvis.gui.jobs import Jobs, Reporter
from cnnvis.progress import Progress


class Log:
    """Remembers what a job told, and in which thread."""

    def __init__(self) -> None:
        self.done: list[object] = []
        self.failed: list[BaseException] = []
        self.reports: list[tuple[int, int, str]] = []
        self.threads: set[threading.Thread] = set()

    def on_done(self, value: object) -> None:
        self.done.append(value)
        self.threads.add(threading.current_thread())

    def on_failed(self, error: BaseException) -> None:
        self.failed.append(error)
        self.threads.add(threading.current_thread())

    def on_report(self, done: int, total: int, what: str) -> None:
        self.reports.append((done, total, what))


@pytest.fixture
def log() -> Log:
    return Log()


def test_a_result_is_delivered_in_the_main_thread(jobs: Jobs, log: Log, qtbot: QtBot) -> None:
    jobs.start("a", lambda progress: threading.current_thread(), log.on_done, log.on_failed)
    qtbot.waitUntil(lambda: jobs.idle)
    assert log.done != [threading.main_thread()]
    assert log.threads == {threading.main_thread()}


@pytest.mark.parametrize("error", [RuntimeError("out of memory"), StopIteration(), SystemExit(3), MemoryError()])
def test_every_exception_reaches_failed(jobs: Jobs, log: Log, qtbot: QtBot, error: BaseException) -> None:
    def work(progress: Progress) -> None:
        raise error

    jobs.start("a", work, log.on_done, log.on_failed)
    qtbot.waitUntil(lambda: jobs.idle)
    assert log.failed == [error]


def test_the_newest_request_of_a_topic_silences_older_ones(jobs: Jobs, log: Log, qtbot: QtBot) -> None:
    go = threading.Event()
    jobs.start("a", lambda progress: go.wait() and "old", log.on_done, log.on_failed)
    jobs.start("a", lambda progress: "new", log.on_done, log.on_failed)
    go.set()
    qtbot.waitUntil(lambda: jobs.idle)
    assert log.done == ["new"]
    assert log.failed == []


def test_a_finished_result_is_stale_once_a_newer_request_stands(jobs: Jobs, log: Log, qtbot: QtBot) -> None:
    finished = threading.Event()

    def work(progress: Progress) -> str:
        finished.set()
        return "old"

    jobs.start("a", work, log.on_done, log.on_failed)
    finished.wait()
    jobs.start("a", lambda progress: "new", log.on_done, log.on_failed)
    qtbot.waitUntil(lambda: jobs.idle)
    assert log.done == ["new"]


def test_topics_do_not_silence_each_other(jobs: Jobs, log: Log, qtbot: QtBot) -> None:
    for topic in "ab":
        jobs.start(topic, lambda progress, topic=topic: topic, log.on_done, log.on_failed)
    qtbot.waitUntil(lambda: jobs.idle)
    assert log.done == ["a", "b"]


def test_a_click_does_not_wait_for_an_analysis(jobs: Jobs, log: Log, qtbot: QtBot) -> None:
    go = threading.Event()
    jobs.start("analysis", lambda progress: go.wait(), log.on_done, log.on_failed, lane="long")
    jobs.start("click", lambda progress: "clicked", log.on_done, log.on_failed)
    qtbot.waitUntil(lambda: log.done == ["clicked"])
    go.set()
    qtbot.waitUntil(lambda: jobs.idle)


def test_cancelled_work_stops_at_its_next_checkpoint(jobs: Jobs, log: Log, qtbot: QtBot) -> None:
    ready = threading.Event()

    def work(progress: Progress) -> None:
        while True:
            progress(0, 0)
            ready.set()

    jobs.start("a", work, log.on_done, log.on_failed)
    ready.wait()
    jobs.cancel("a")
    qtbot.waitUntil(lambda: jobs.idle)
    assert [type(error) for error in log.failed] == [Cancelled]


def test_work_that_ended_just_before_it_was_cancelled_counts_as_cancelled(
    jobs: Jobs, log: Log, qtbot: QtBot
) -> None:
    ended = threading.Event()
    jobs.start("a", lambda progress: ended.set(), log.on_done, log.on_failed)
    ended.wait()
    jobs.cancel("a")
    qtbot.waitUntil(lambda: jobs.idle)
    assert [type(error) for error in log.failed] == [Cancelled]
    assert log.done == []


def test_paused_work_waits_at_its_next_checkpoint(jobs: Jobs, log: Log, qtbot: QtBot) -> None:
    gate = threading.Event()

    def work(progress: Progress) -> str:
        gate.wait()
        progress(1, 2)
        return "done"

    job = jobs.start("a", work, log.on_done, log.on_failed)
    job.pause()
    gate.set()
    qtbot.wait(20)
    assert log.done == []
    job.pause(False)
    qtbot.waitUntil(lambda: log.done == ["done"])


def test_the_last_report_is_always_heard(jobs: Jobs, log: Log, qtbot: QtBot) -> None:
    def work(progress: Progress) -> None:
        for i in range(101):
            progress(i, 100, "counting")

    jobs.start("a", work, log.on_done, log.on_failed, reported=log.on_report)
    qtbot.waitUntil(lambda: jobs.idle)
    assert log.reports[-1] == (100, 100, "counting")
    assert len(log.reports) < 100


def test_closing_waits_for_work_and_delivers_nothing(log: Log, qtbot: QtBot) -> None:
    jobs = Jobs()
    ready = threading.Event()

    def work(progress: Progress) -> None:
        while True:
            ready.set()
            progress(0, 0)

    jobs.start("a", work, log.on_done, log.on_failed)
    ready.wait()
    jobs.close()
    qtbot.wait(10)
    assert (log.done, log.failed) == ([], [])
    assert not [t for t in threading.enumerate() if t.name == "cnnvis-short"]


def test_a_closed_background_takes_no_more_work(log: Log, qtbot: QtBot) -> None:
    jobs = Jobs()
    jobs.close()
    assert jobs.start("a", lambda progress: 1, log.on_done, log.on_failed).cancelled


def test_a_callback_that_fails_does_not_stop_the_next_job(
    jobs: Jobs, log: Log, qtbot: QtBot
) -> None:
    def fail(value: object) -> None:
        raise ValueError("in a view")

    with qtbot.captureExceptions() as caught:
        jobs.start("a", lambda progress: 1, fail, log.on_failed)
        jobs.start("b", lambda progress: 2, log.on_done, log.on_failed)
        qtbot.waitUntil(lambda: jobs.idle)
    assert [kind for kind, *_ in caught] == [ValueError]
    assert log.done == [2]


def test_what_is_known_so_far_is_handed_over_in_order(jobs: Jobs, log: Log, qtbot: QtBot) -> None:
    def work(progress: Reporter) -> str:
        progress.partial("first")
        progress.partial("second")
        return "whole"

    jobs.start("a", work, log.on_done, log.on_failed, heard=log.on_done)
    qtbot.waitUntil(lambda: jobs.idle)
    assert log.done == ["first", "second", "whole"]
