"""What leaves the window comes back: figures open the view that made them; tables, graphs and panels are written."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import networkx as nx
import pytest
from PySide6.QtGui import QImage
from pytestqt.qtbot import QtBot
from sessions import made_up_session
from windows import rest, run, said, show

from cnnvis.gui.dialogs.export_figure import ExportFigure, Parts
from cnnvis.gui.exporting import subjects
from cnnvis.gui.panel_figure import write_panel
from cnnvis.gui.window import Window
from cnnvis.layout.compose import draw
from cnnvis.layout.theme import DARK, LIGHT
from cnnvis.model.session import Session
from cnnvis.painting.figure import export
from cnnvis.storage.archive import save

LAYER = "conv2"


def edited() -> Session:
    found = made_up_session()
    clusters = found.analysis.clusters[LAYER].merge(0, 1).rename(0, "ears")
    look = replace(found.look, share=0.1, facet="health")
    return replace(found, analysis=found.analysis.with_clusters(LAYER, clusters), look=look)


def test_a_dropped_figure_brings_back_its_view_of_the_open_session(
    window: Window, qtbot: QtBot, tmp_path: Path
) -> None:
    figure = export(draw(edited()), tmp_path / "figure-3.svg")
    show(window, qtbot)
    window.controller.open(figure)
    rest(window, qtbot)
    session = window.controller.session
    assert session is not None
    assert session.analysis.clusters[LAYER][0].name == "ears"
    assert session.look.facet == "health"
    assert window.controller.document is not None
    assert window.controller.document.undoable == "view of figure-3.svg"
    window.controller.undo()
    assert session.analysis is not window.controller.document.analysis


def test_the_session_of_a_figure_is_found_beside_it(window: Window, qtbot: QtBot, tmp_path: Path) -> None:
    save(made_up_session(), tmp_path / "whatever.cnnvis")
    window.controller.open(export(draw(edited()), tmp_path / "figure.pdf"))
    qtbot.waitUntil(lambda: window.controller.diagram is not None)
    rest(window, qtbot)
    assert window.controller.name == "whatever"
    assert window.controller.session is not None
    assert window.controller.session.analysis.clusters[LAYER][0].name == "ears"


def test_a_session_that_is_not_found_is_asked_for_and_a_wrong_one_refused(
    window: Window, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    figure = export(draw(edited()), tmp_path / "a" / "figure.png")
    wrong = save(made_up_session(classes=5), tmp_path / "b" / "wrong.cnnvis")
    asked = []
    monkeypatch.setattr(window.ask, "file_to_open", lambda kinds, title="": asked.append(title) or wrong)
    window.controller.open(figure)
    rest(window, qtbot)
    qtbot.waitUntil(lambda: "Open that session first" in said(window))
    assert len(asked) == 1
    assert window.controller.document is None


def test_a_figure_of_a_vanished_session_is_one_sentence_and_the_open_one_stays(
    window: Window, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    figure = export(draw(made_up_session(classes=5)), tmp_path / "figure.svg")
    show(window, qtbot)
    monkeypatch.setattr(window.ask, "file_to_open", lambda kinds, title="": None)
    window.controller.open(figure)
    rest(window, qtbot)
    qtbot.waitUntil(lambda: "must be at hand" in said(window))
    assert window.controller.session is not None
    assert len(window.controller.session.analysis.network.classes) == len(made_up_session().analysis.network.classes)


def test_a_picture_that_is_no_figure_is_one_sentence(window: Window, qtbot: QtBot, tmp_path: Path) -> None:
    (tmp_path / "other.svg").write_text("<svg></svg>")
    show(window, qtbot)
    window.controller.open(tmp_path / "other.svg")
    rest(window, qtbot)
    assert "other.svg has none" in said(window)
    assert window.controller.document is not None


def test_a_table_and_a_graph_are_written(
    window: Window, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    show(window, qtbot)
    for verb, arguments, name in (("export_table", ("clusters",), "c.csv"), ("export_graph", (), "g.graphml")):
        monkeypatch.setattr(window.ask, "file_to_save", lambda *_, name=name: tmp_path / name)
        monkeypatch.setattr(window.ask, "one_of", lambda *_: 0)
        run(window, qtbot, verb, *arguments)
    with open(tmp_path / "c.csv", newline="") as file:
        assert {row["layer"] for row in csv.DictReader(file)} >= {"conv1", LAYER}
    assert nx.read_graphml(tmp_path / "g.graphml").number_of_edges() > 0


@pytest.mark.parametrize("suffix", ["svg", "pdf", "png"])
def test_the_details_are_written_as_a_figure_with_text(
    window: Window, qtbot: QtBot, tmp_path: Path, suffix: str
) -> None:
    show(window, qtbot)
    window.controller.choose(("cluster", LAYER, 0))
    rest(window, qtbot)
    path = write_panel(window.panels["details"], tmp_path / f"details.{suffix}", "What was done.", DARK)
    data = path.read_bytes()
    assert data[:4] in (b"<?xm", b"%PDF", b"\x89PNG")
    if suffix == "svg":
        assert b"What was done." in data
        assert b"neurons" in data


def test_another_facet_can_be_printed_without_showing_it(window: Window, qtbot: QtBot, tmp_path: Path) -> None:
    show(window, qtbot)
    session, diagram = window.controller.session, window.controller.diagram
    assert session is not None
    assert diagram is not None
    found = subjects(session, diagram)
    dialog = ExportFigure(found, Parts(None, None), "screen", window)
    titles = [dialog.subject.itemText(i) for i in range(dialog.subject.count())]
    dialog.subject.setCurrentIndex(titles.index("Picture, activations"))
    assert dialog.diagram.session is not None
    assert dialog.diagram.session.look.facet == "activations"
    assert dialog.write(tmp_path / "a.svg").stat().st_size > 1000
    assert session.look.facet == "features"
    dialog.deleteLater()


def test_the_figure_of_a_panel_is_no_higher_than_what_is_in_it(window: Window, qtbot: QtBot, tmp_path: Path) -> None:
    window.resize(1280, 1000)
    show(window, qtbot)
    panel = window.panels["details"]
    path = write_panel(panel, tmp_path / "details.png", "", LIGHT)  # a hint of two lines
    assert QImage(str(path)).height() < 3 * 200
    assert panel.widget().height() >= panel.viewport().height()
