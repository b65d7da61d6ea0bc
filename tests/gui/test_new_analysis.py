"""The form for a new analysis: a job and its form are the same thing, and a check shows what the network sees."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from cnnvis.errors import InvalidValue
from cnnvis.gui.dialogs.check_view import size
from cnnvis.gui.dialogs.job_form import JobForm, numbers
from cnnvis.gui.dialogs.new_analysis import NewAnalysis
from cnnvis.gui.jobs import Jobs
from cnnvis.gui.parts import duration
from cnnvis.model.job import AnalysisPlan, DataSource, Job, NetworkSource, read_job
from cnnvis.workflow.check import check

JOB = Job(
    NetworkSource("zoo.py:net", weights="w.safetensors", classes=("cat", "dog"), input=(3, 32, 48)),
    DataSource(
        "photos",
        inside="test",
        per_class=5,
        resize=64,
        crop=(48, 48),
        channels="bgr",
        mean=(0.1, 0.2, 0.3),
        std=(0.4, 0.5, 0.6),
    ),
    AnalysisPlan(seed=7, groups="runs", clusterer="HDBSCAN", k=9),
)
DEMO = Job(NetworkSource("demo:healthy"), DataSource("demo:healthy", per_class=2))


@pytest.fixture
def dialog(qtbot: QtBot, tmp_path):
    jobs = Jobs()
    found = NewAnalysis(jobs, job=Job(DEMO.network, DEMO.data, DEMO.analysis, tmp_path))
    qtbot.addWidget(found)
    yield found
    jobs.close()


def test_a_form_gives_back_the_job_it_shows(qtbot: QtBot, tmp_path):
    form = JobForm()
    qtbot.addWidget(form)
    form.show_job(JOB)
    found = form.job(tmp_path)
    assert found.network == JOB.network
    assert found.data == JOB.data
    assert found.analysis == JOB.analysis


def test_paths_beside_the_job_become_relative(qtbot: QtBot, tmp_path):
    (tmp_path / "zoo.py").write_text("")
    form = JobForm()
    qtbot.addWidget(form)
    form.factory.set_text(f"{tmp_path}/zoo.py:net")
    form.source.set_text(str(tmp_path / "photos"))
    found = form.job(tmp_path)
    assert found.network.factory == "zoo.py:net"
    assert found.data.source == "photos"


def test_numbers_are_read_as_people_write_them():
    assert numbers("[3, 32, 32]", "Input") == (3, 32, 32)
    assert numbers("3×32×32", "Input") == (3, 32, 32)
    with pytest.raises(InvalidValue, match="Input must be numbers"):
        numbers("three", "Input")


def test_an_empty_form_cannot_be_run_and_says_nothing_yet(qtbot: QtBot):
    jobs = Jobs()
    dialog = NewAnalysis(jobs)
    qtbot.addWidget(dialog)
    assert not dialog.run_button.isEnabled()
    assert dialog._error.text() == ""
    dialog.form.factory.set_text("zoo.py:net")
    assert "source" in dialog._error.text()
    jobs.close()


def test_a_check_shows_samples_answers_and_cost(dialog, qtbot: QtBot):
    dialog.try_it()

    def shown() -> None:
        texts = [label.text() for label in dialog.outcome.findChildren(QLabel) if not label.isHidden()]
        assert any("the whole takes about" in text for text in texts)
        assert any("layers" in text and "20 images" in text for text in texts)

    qtbot.waitUntil(shown, timeout=60_000)


def test_what_is_wrong_is_one_sentence_in_the_place_of_the_samples(dialog, qtbot: QtBot):
    dialog.form.factory.set_text("nowhere.py:net")
    dialog.try_it()

    def shown() -> None:
        texts = [label.text() for label in dialog.outcome.findChildren(QLabel)]
        assert any("nowhere.py" in text for text in texts)

    qtbot.waitUntil(shown, timeout=60_000)


def test_the_job_file_is_written_and_reads_back(dialog, tmp_path):
    dialog.write(tmp_path / "job.toml")
    assert read_job(tmp_path / "job.toml").data == DEMO.data
    dialog.write(Path(tmp_path / "none" / "job.toml"))
    assert "folder with permission" in dialog._error.text()


def test_running_hands_the_job_over(dialog, qtbot: QtBot):
    with qtbot.waitSignal(dialog.wanted) as heard:
        dialog.run_button.click()
    assert heard.args[0].network.factory == "demo:healthy"


def test_a_check_estimates_the_whole():
    found = check(DEMO)
    assert found.n_samples == 20
    assert len(found.seen) == 8
    assert found.seen[0].picture.shape == (64, 64, 3)
    assert found.seen[0].answers[0][1] >= found.seen[0].answers[-1][1]
    assert found.accuracy > 0.9
    assert found.disk == 2 * 20 * sum(
        x.n_units for x in found.network.drawn if x.n_units and (x.role == "compute" or x.kind == "add")
    )
    assert found.warnings == ()


def test_durations_and_sizes_are_words():
    assert duration(40) == "40 s"
    assert duration(600) == "10 min"
    assert size(2.5e9) == "2.5 GB"
    assert size(3e6) == "3 MB"
