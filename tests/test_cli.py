"""The command line: what it writes, what it says, and how it ends."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from sessions import made_up_session

from cnnvis import __version__
from cnnvis.cli import Terminal, has_display, main
from cnnvis.storage.archive import load, save

JOB = """
[network]
factory = "demo:healthy"
[data]
source = "demo:healthy"
per_class = 2
[analysis]
probe_images = 2
device = "cpu"
"""


@pytest.fixture
def session(tmp_path):
    return save(made_up_session(), tmp_path / "mine.cnnvis")


@pytest.fixture
def job(tmp_path):
    path = tmp_path / "job.toml"
    path.write_text(JOB)
    return path


def test_the_version_is_told(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.strip() == f"cnnvis {__version__}"


def test_wrong_usage_ends_with_two(capsys):
    for arguments in (["analyze"], ["nonsense"], ["demo", "--network", "none"], ["analyze", "x", "--shard", "3/2"]):
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        assert ended.value.code == 2
    assert "must be i/n" in capsys.readouterr().err


def test_a_problem_is_one_sentence_and_ends_with_one(tmp_path, capsys):
    assert main(["info", str(tmp_path / "none.cnnvis")]) == 1
    said = capsys.readouterr().err
    assert said.startswith("cnnvis: ")
    assert said.count("\n") == 1


def test_a_job_is_analysed_merged_reported_and_exported(job, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for i in (1, 2):
        assert main(["analyze", str(job), "--shard", f"{i}/2"]) == 0
    assert main(["merge", "job-1-of-2.cnnvis", "job-2-of-2.cnnvis", "-o", "all.cnnvis"]) == 0
    assert main(["analyze", str(job), "-o", "one.cnnvis", "--without-images"]) == 0
    capsys.readouterr()
    found = {}
    for name in ("all", "one"):
        assert main(["info", f"{name}.cnnvis", "--json"]) == 0
        found[name] = json.loads(capsys.readouterr().out)
    assert found["all"]["accuracy"] == found["one"]["accuracy"] > 0.9
    assert found["all"]["clusters"] == found["one"]["clusters"]
    assert load(tmp_path / "one.cnnvis").pictures is None
    assert load(tmp_path / "all.cnnvis").pictures is not None
    assert main(["export", "one.cnnvis", "figure.svg", "--width", "120"]) == 0
    assert 'width="120' in (tmp_path / "figure.svg").read_text()[:600]


def test_shards_of_other_jobs_are_refused(job, tmp_path, capsys, session, monkeypatch):
    monkeypatch.chdir(tmp_path)
    main(["analyze", str(job), "-o", "one.cnnvis"])
    assert main(["merge", "one.cnnvis", str(session), "-o", "all.cnnvis"]) == 1
    assert "same network" in capsys.readouterr().err


def test_the_report_is_readable(session, capsys):
    assert main(["info", str(session)]) == 0
    said = capsys.readouterr().out
    assert "conv2" in said
    assert "torn.png: is truncated" in said


def test_an_unknown_style_is_answered_with_the_nearest(session, tmp_path, capsys):
    assert main(["export", str(session), str(tmp_path / "a.pdf"), "--style", "double-colum"]) == 1
    assert "double-column" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("file", "options", "words"),
    [
        ("t.csv", ("--table", "health"), "Choose Analyse ▸ Measure health first."),
        ("t.csv", ("--table", "knock-outs"), "none was measured yet"),
        ("t.txt", (), "a table (.csv) or a graph (.graphml, .json, .dot); got t.txt."),
        ("gone/g.json", ("--detail", "neurons"), "must be written to a folder that allows it"),
        ("f.svg", ("--width", "nan"), "must be 10 to 5000 mm; got nan."),
    ],
)
def test_what_cannot_be_exported_is_one_sentence(session, tmp_path, capsys, file, options, words):
    assert main(["export", str(session), str(tmp_path / file), *options]) == 1
    said = capsys.readouterr().err
    assert words in said
    assert said.count("\n") == 1
    assert not (tmp_path / file).exists()


@pytest.mark.parametrize("options", [("--facet", "helth"), ("--table", "neuron"), ("--detail", "all")])
def test_a_choice_that_does_not_exist_ends_with_two(session, tmp_path, capsys, options):
    with pytest.raises(SystemExit) as ended:
        main(["export", str(session), str(tmp_path / "x.svg"), *options])
    assert ended.value.code == 2
    assert "choose from" in capsys.readouterr().err


def test_a_window_without_a_display_is_refused_in_words(session, monkeypatch, capsys):
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    assert not has_display()
    assert main(["open", str(session)]) == 1
    assert "display" in capsys.readouterr().err


def test_a_file_that_is_neither_session_nor_job_is_refused(tmp_path, capsys):
    weights = tmp_path / "w.safetensors"
    weights.write_bytes(b"x")
    assert main(["open", str(weights)]) == 1
    assert "New analysis" in capsys.readouterr().err


def test_progress_elsewhere_than_at_a_terminal_is_plain_lines(capsys):
    progress = Terminal()
    progress(0, 10, "reading images")
    progress(5, 10, "reading images")
    progress(10, 10, "reading images")
    said = capsys.readouterr().err
    assert said == "reading images 0 of 10\n"


def test_help_needs_nothing_heavy():
    code = (
        "import sys\n"
        "from cnnvis.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "heavy = {'torch', 'sklearn', 'scipy', 'PySide6', 'numpy'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
