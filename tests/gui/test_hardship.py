"""Bad moments in the real window: nothing connected, work stopped or overtaken, files that are not what they seem."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PySide6.QtCore import QCoreApplication
from pytestqt.qtbot import QtBot
from safetensors.torch import save_file
from sessions import made_up_session
from windows import PATIENCE, rest, run, said, show

from cnnvis.gui.jobs import Task
from cnnvis.gui.window import Window
from cnnvis.layout.compose import draw
from cnnvis.model.job import AnalysisPlan, DataSource, Job, NetworkSource
from cnnvis.model.session import FACETS, Session
from cnnvis.painting.figure import export
from cnnvis.storage.archive import load, save
from cnnvis.workflow.analyze import analyze

CONNECT = "Choose File ▸ Connect network first."
OLD = Path(__file__).parents[1] / "storage" / "samples" / "format-1.cnnvis"
JOB = Job(
    NetworkSource("demo:healthy", name="demo"),
    DataSource("demo:healthy", per_class=2),
    AnalysisPlan(probe_images=2, device="cpu"),
)


@pytest.fixture(scope="module")
def analysed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A session of the demo in a file."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    found = save(analyze(JOB), tmp_path_factory.mktemp("sessions") / "demo.cnnvis")
    torch.set_num_threads(before)
    return found


def session(window: Window) -> Session:
    assert window.controller.session is not None
    return window.controller.session


@pytest.fixture
def asked(window: Window, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is asked for a file or a choice gives none."""
    for name in ("file_to_open", "file_to_save", "one_of"):
        monkeypatch.setattr(window.ask, name, lambda *arguments: None)


NETWORK = ("contribute", "knock_out", "knock_out_mean", "edges_weights", "measure_health")
ALONE = ("subset_wrong", "subset_all", "matrix", "confusion", "health", "bundles_on", "order_local", "packing_flat")


def test_nothing_happens_where_no_session_is_open(window: Window, qtbot: QtBot, asked: None) -> None:
    for verb in (*NETWORK, *ALONE, "edges_class", "contribution_own", "contribution_class", "export", "export_table"):
        run(window, qtbot, verb)
    assert window.controller.document is None
    assert said(window) == ""


@pytest.mark.parametrize("kind", ["made up", "format 1"])
def test_without_the_network_all_else_works_and_the_rest_says_what_to_do(
    window: Window, qtbot: QtBot, kind: str
) -> None:
    show(window, qtbot, load(OLD) if kind == "format 1" else made_up_session())
    layer = session(window).analysis.groups[0].representative
    for facet in FACETS:
        run(window, qtbot, f"facet_{facet}")
        assert said(window) == ""
    for verb in ALONE:
        run(window, qtbot, verb)
        assert said(window) == "" or "at least one image" in said(window)
        window.show_notice(None)
    for verb in NETWORK:
        window.controller.select((("cluster", layer, 0),))
        run(window, qtbot, verb)
        assert said(window).endswith(CONNECT)
        window.show_notice(None)


def test_a_session_of_which_only_the_network_is_known_says_to_wait(window: Window, qtbot: QtBot) -> None:
    show(window, qtbot, replace(made_up_session(), activations=None, connections=None))
    for facet in FACETS:
        run(window, qtbot, f"facet_{facet}")
    for verb in ("subset_wrong", "edges_weights"):
        run(window, qtbot, verb)
        assert said(window).endswith("Let the analysis end.")
    for verb in ("matrix", "confusion", "health"):
        run(window, qtbot, verb)
    assert window.pages.currentWidget() is window.canvas


def test_neurons_of_a_layer_that_nobody_has_opened_are_not_edited(window: Window, qtbot: QtBot) -> None:
    found = made_up_session()
    clusters = {name: c for name, c in found.analysis.clusters.items() if name != "conv2"}
    show(window, qtbot, replace(found, analysis=replace(found.analysis, clusters=clusters)))
    window.controller.select((("unit", "conv2", 1), ("unit", "conv2", 2)))
    for verb in ("gather", "pin"):
        run(window, qtbot, verb)
        assert said(window) == "The neurons of conv2 must be clustered to be edited; they are not yet. Open it first."
        window.show_notice(None)


def live(window: Window, qtbot: QtBot, path: Path) -> None:
    """The session of a file with its network connected again."""
    window.controller.open(path)
    rest(window, qtbot)
    window.controller.connect_network()
    rest(window, qtbot)
    window.show_notice(None)


def test_a_network_that_is_connected_again_can_be_knocked_out_at_once(
    window: Window, qtbot: QtBot, analysed: Path
) -> None:
    live(window, qtbot, analysed)
    layer = session(window).analysis.groups[1].representative
    window.controller.select((("cluster", layer, 0),))
    run(window, qtbot, "knock_out")
    assert said(window) == ""
    assert [a.silenced[0][0] for a in session(window).measurements.ablations] == [layer]
    run(window, qtbot, "facet_contribution")
    assert session(window).measurements.own is not None


def test_a_knock_out_of_everything_is_measured_or_one_sentence(window: Window, qtbot: QtBot, analysed: Path) -> None:
    live(window, qtbot, analysed)
    groups = session(window).analysis.groups
    hidden = [("column", g.representative) for g in groups[:-1]]
    window.controller.select(tuple(hidden))
    run(window, qtbot, "knock_out")
    assert said(window) == ""
    found = session(window).measurements.ablations[0]
    assert found.n_units == sum(session(window).analysis.network[str(name)].n_units for _, name in hidden)
    window.controller.select((*hidden, ("column", groups[-1].representative)))
    run(window, qtbot, "knock_out")
    assert said(window).endswith("Choose neurons of a layer before it.")
    assert session(window).measurements.ablations == (found,)


def test_a_second_checkpoint_that_is_wrong_is_one_sentence(
    window: Window, qtbot: QtBot, analysed: Path, tmp_path: Path
) -> None:
    live(window, qtbot, analysed)
    before = session(window).measurements.health
    other, torn = tmp_path / "other.safetensors", tmp_path / "torn.safetensors"
    save_file({"fc.weight": torch.zeros(2, 2)}, other)
    torn.write_bytes(other.read_bytes()[:30])
    for path, words in ((other, "must fit"), (torn, "torn.safetensors"), (tmp_path / "none.pt", "none.pt")):
        run(window, qtbot, "compare_health", path)
        assert words in said(window)
        assert "unexpected" not in said(window)
        window.show_notice(None)
    assert session(window).measurements.health is before


@pytest.mark.parametrize("verb", ["contribute", "knock_out", "edges_weights", "measure_health"])
def test_work_that_is_stopped_in_the_middle_leaves_all_as_it_was_and_can_begin_again(
    window: Window, qtbot: QtBot, analysed: Path, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    live(window, qtbot, analysed)
    layer = session(window).analysis.groups[1].representative
    window.controller.select((("cluster", layer, 0),))
    before, checked, seen = session(window), Task.checkpoint, []

    def stop_at_the_third(task: Task[object]) -> None:
        seen.append(task.topic)
        if seen.count(task.topic) == 3:
            task.cancel()
        checked(task)

    with monkeypatch.context() as patch:
        patch.setattr(Task, "checkpoint", stop_at_the_third)
        run(window, qtbot, verb)
    assert max(map(seen.count, seen)) == 3
    after = session(window)
    assert after.measurements is before.measurements
    assert after.connections is before.connections
    assert after.analysis is before.analysis
    assert said(window) == ""
    run(window, qtbot, verb)
    assert session(window).measurements is not before.measurements


def test_steps_undone_and_redone_while_something_is_measured_stay(window: Window, qtbot: QtBot, analysed: Path) -> None:
    live(window, qtbot, analysed)
    layer = session(window).analysis.groups[1].representative
    window.controller.rename(layer, 0, "ears")
    window.controller.select((("cluster", layer, 0),))
    window.commands.run("knock_out", ())
    window.commands.run("undo", ())
    rest(window, qtbot)
    assert session(window).analysis.clusters[layer][0].name == ""
    assert len(session(window).measurements.ablations) == 1
    run(window, qtbot, "redo")
    assert session(window).analysis.clusters[layer][0].name == "ears"
    assert len(session(window).measurements.ablations) == 1


def test_a_session_closed_while_something_is_measured_hears_of_it_no_more(
    window: Window, qtbot: QtBot, analysed: Path
) -> None:
    live(window, qtbot, analysed)
    window.commands.run("contribute", ())
    assert window.controller.document is not None
    window.controller.document.mark_saved()
    window.controller.close_session()
    show(window, qtbot)
    assert session(window).measurements.own is None
    assert said(window) == ""


def test_while_an_analysis_runs_what_is_asked_is_answered(window: Window, qtbot: QtBot) -> None:
    controller = window.controller
    controller.analyze(replace(JOB, data=replace(JOB.data, per_class=8)))
    qtbot.waitUntil(lambda: controller.diagram is not None, timeout=PATIENCE)
    for verb in (*(f"facet_{facet}" for facet in FACETS), "matrix", "edges_weights", "subset_wrong", "knock_out"):
        controller.select((("column", session(window).analysis.groups[1].representative),))
        window.commands.run(verb, ())
        QCoreApplication.processEvents()
        assert "unexpected" not in said(window)
    rest(window, qtbot)
    assert "unexpected" not in said(window)
    assert session(window).connections is not None
    assert session(window).measurements.health is not None


@pytest.mark.parametrize("suffix", ["svg", "pdf", "png"])
def test_a_figure_with_a_torn_view_is_one_sentence_and_all_stays(
    window: Window, qtbot: QtBot, tmp_path: Path, suffix: str
) -> None:
    show(window, qtbot)
    path = export(draw(made_up_session()), tmp_path / f"figure.{suffix}")
    data = path.read_bytes()
    place = data.index(b"cnnvis-view:1:") + 30
    path.write_bytes(data[:place] + b"AAAAAAAA" + data[place + 8 :])
    before = session(window)
    window.controller.open(path)
    rest(window, qtbot)
    assert said(window).startswith("The view in the figure must be whole")
    assert session(window) is before
