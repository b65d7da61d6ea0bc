"""Stories in the real window, with a real network: the embedded demo on a few scenes."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot
from windows import PATIENCE, rest

from cnnvis.gui.window import Window
from cnnvis.model.job import AnalysisPlan, DataSource, Job, NetworkSource
from cnnvis.painting.figure import export
from cnnvis.storage.archive import load


def job(per_class: int = 4, **plan: object) -> Job:
    source = DataSource("demo:healthy", per_class=per_class)
    return Job(NetworkSource("demo:healthy", name="demo"), source, AnalysisPlan(probe_images=2, **plan))


def test_from_the_first_start_to_a_figure(window: Window, qtbot: QtBot, tmp_path: Path) -> None:
    controller = window.controller
    controller.analyze(job())
    assert window.pages.currentWidget() is window.loading
    rest(window, qtbot)
    assert controller.session is not None
    assert controller.session.connections is not None
    layer = controller.session.analysis.groups[1].representative
    before = controller.session.analysis.clusters[layer]
    first, second = (("cluster", layer, c.id) for c in before.clusters[:2])

    controller.select((first, second))
    window.commands.run("merge")
    rest(window, qtbot)
    assert len(controller.session.analysis.clusters[layer]) == len(before) - 1
    window.commands.run("undo")
    rest(window, qtbot)
    assert controller.session.analysis.clusters[layer] is before
    window.commands.run("redo")
    window.commands.run("rename", (layer, before.clusters[0].id, "ears"))
    rest(window, qtbot)

    path = tmp_path / "mine.cnnvis"
    controller.save(path)
    rest(window, qtbot)
    assert not controller.document.unsaved  # type: ignore[union-attr]
    controller.open(path)
    rest(window, qtbot)
    assert controller.diagram is not None
    assert "ears" in [card.title for card in controller.diagram.cards]
    text = export(controller.diagram, tmp_path / "figure.svg").read_text()
    assert "ears" in text


def test_an_analysis_stopped_in_the_middle_leaves_a_picture(window: Window, qtbot: QtBot) -> None:
    controller = window.controller
    controller.analyze(job(per_class=40, batch=8))
    qtbot.waitUntil(lambda: controller.diagram is not None, timeout=PATIENCE)
    controller.cancel()
    rest(window, qtbot)
    assert window.pages.currentWidget() is window.canvas
    assert controller.document is not None
    assert window.notice.notice is not None
    assert window.notice.notice.text.startswith("Stopped")


def test_a_broken_job_is_a_sentence_on_the_start_page(window: Window, qtbot: QtBot, tmp_path: Path) -> None:
    path = tmp_path / "broken.toml"
    network = '[network]\nfactory = "demo:healthy"\nweights = "none.safetensors"\n'
    path.write_text(network + '[data]\nsource = "demo:healthy"\n')
    window.controller.open(path)
    rest(window, qtbot)
    assert window.pages.currentWidget() is window.start
    assert window.notice.notice is not None
    assert "none.safetensors" in window.notice.notice.text


SAVE = """
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from sessions import made_up_session
from cnnvis.storage import archive
write = archive._write
def slowly(*arguments):
    write(*arguments)
    print("writing", flush=True)
    time.sleep(600)
archive._write = slowly
archive.save(made_up_session(seed=2), sys.argv[1])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="processes are not killed by signals there")
def test_a_program_killed_while_it_saves_leaves_the_old_file(tmp_path: Path) -> None:
    from sessions import made_up_session

    from cnnvis.storage.archive import save

    path = save(made_up_session(), tmp_path / "mine.cnnvis")
    before = path.read_bytes()
    tests = Path(__file__).resolve().parents[1]
    command = [sys.executable, "-c", SAVE, str(path), str(tests)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=tests.parent) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGKILL)
    assert path.read_bytes() == before
    assert load(path).analysis.network.name == "made up"
