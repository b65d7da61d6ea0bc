"""File ▸ New analysis: describe a network and its data, try a few samples, write the job file, run it."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QDialog,
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from cnnvis.errors import Cancelled, CnnvisError
from cnnvis.gui.desk import sentence
from cnnvis.gui.dialogs.check_view import CheckView
from cnnvis.gui.dialogs.job_form import JobForm
from cnnvis.gui.jobs import Jobs, Reporter
from cnnvis.gui.wording import reword
from cnnvis.model.job import Job
from cnnvis.model.nouns import noun_of
from cnnvis.workflow.check import Check, check

TOPIC = "check"


class NewAnalysis(QDialog):
    """The form on the left, what a try of it shows on the right. `wanted` carries the job to run."""

    wanted = Signal(object)

    def __init__(self, jobs: Jobs, parent: QWidget | None = None, job: Job | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("New analysis")
        self.resize(1000, 720)
        self._jobs = jobs
        self._folder = job.folder if job is not None else Path.cwd()
        self.form = JobForm()
        self.outcome = CheckView()
        self._error = QLabel()
        self._error.setWordWrap(True)
        self._error.setProperty("tone", "muted")
        self.check_button = QPushButton("Check")
        self.save_button = QPushButton("Save job…")
        self.run_button = QPushButton("Analyse")
        self.run_button.setProperty("tone", "main")
        close = QPushButton("Close")
        self._lay_out(close)
        self.check_button.clicked.connect(self.try_it)
        self.save_button.clicked.connect(self._save)
        self.run_button.clicked.connect(self._run)
        close.clicked.connect(self.reject)
        self.form.changed.connect(self._changed)
        self.finished.connect(lambda: jobs.cancel(TOPIC))
        if job is not None:
            self.form.show_job(job)
        self._changed()

    def _lay_out(self, close: QPushButton) -> None:
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        inside = QWidget()
        padded = QVBoxLayout(inside)
        padded.setContentsMargins(24, 16, 24, 16)
        padded.addWidget(self.form)
        scroll.setWidget(inside)
        scroll.setMinimumWidth(440)
        line = QFrame()
        line.setObjectName("line")
        line.setFixedWidth(1)
        seen = QScrollArea()
        seen.setWidgetResizable(True)
        seen.setWidget(self.outcome)
        columns = QHBoxLayout()
        columns.setSpacing(0)
        columns.addWidget(scroll, 4)
        columns.addWidget(line)
        columns.addWidget(seen, 5)
        buttons = QHBoxLayout()
        buttons.setContentsMargins(24, 8, 24, 16)
        buttons.setSpacing(8)
        buttons.addWidget(self._error, 1)
        for button in (close, self.save_button, self.check_button, self.run_button):
            button.setAutoDefault(False)
            buttons.addWidget(button)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addLayout(columns, 1)
        whole.addLayout(buttons)

    def job(self) -> Job:
        """The job of the form. Raises InvalidValue in one sentence."""
        return self.form.job(self._folder)

    def _changed(self) -> None:
        try:
            self.job()
        except CnnvisError as error:
            fresh = not self.form.factory.text() and not self.form.source.text()
            self._error.setText("" if fresh else str(error))
            ready = False
        else:
            self._error.setText("")
            ready = True
        for button in (self.check_button, self.save_button, self.run_button):
            button.setEnabled(ready)

    def try_it(self) -> None:
        """Run a few samples in the background."""
        job = self.job()
        self.outcome.show_work("starting", 0, 0)
        self.check_button.setText("Checking …")

        def work(progress: Reporter) -> Check:
            return check(job, progress=progress)

        def ended() -> None:
            self.check_button.setText("Check")

        def done(found: Check) -> None:
            ended()
            self.outcome.show_check(found)
            reword(self.outcome, noun_of(found.sources.data.kind))

        def failed(error: BaseException) -> None:
            ended()
            if isinstance(error, Cancelled):
                self.outcome.show_nothing()
            else:
                self.outcome.show_error(sentence(error))

        self._jobs.start(TOPIC, work, done, failed, lane="long", reported=self._report)

    def _report(self, done: int, total: int, what: str) -> None:
        self.outcome.show_work(what or "working", done, total)

    def _save(self) -> None:
        name, _ = QFileDialog.getSaveFileName(self, "Save the job", str(self._folder / "job.toml"), "Jobs (*.toml)")
        if name:
            self.write(Path(name))

    def write(self, path: Path) -> None:
        """Write the job file; paths beside it become relative."""
        try:
            path.write_text(self.form.job(path.parent.resolve()).to_toml(), encoding="utf-8")
        except OSError as error:
            self._error.setText(f"The job must be written to a folder with permission; {path}: {error.strerror}.")
        else:
            self._error.setText(f"Written {path.name}.")

    def _run(self) -> None:
        job = self.job()
        self._jobs.cancel(TOPIC)
        self.accept()
        self.wanted.emit(job)
