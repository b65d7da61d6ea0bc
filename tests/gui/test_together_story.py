"""A story with a real network: all birds explained as one, a cell of the confusion, and again from the file."""

from __future__ import annotations

from pathlib import Path

from pytestqt.qtbot import QtBot
from windows import rest, run, show

from cnnvis.gui.panels.findings import Findings
from cnnvis.gui.panels.together import TogetherPanel
from cnnvis.gui.studies.together import Gathering
from cnnvis.gui.window import Window
from cnnvis.model.job import AnalysisPlan, DataSource, Job, NetworkSource
from cnnvis.model.together import GroupExplanation


def listed(window: Window) -> Findings:
    found = window.panels["findings"]
    assert isinstance(found, Findings)
    return found


def panel_of(window: Window) -> TogetherPanel:
    found = window.panels["together"]
    assert isinstance(found, TogetherPanel)
    return found


def test_a_class_is_explained_from_its_menu_kept_and_shown_again(
    window: Window, qtbot: QtBot, tmp_path: Path
) -> None:
    controller = window.controller
    job = Job(NetworkSource("demo:shortcut"), DataSource("demo:shortcut", per_class=40), AnalysisPlan(probe_images=2))
    controller.analyze(job)
    rest(window, qtbot)
    controller.choose(("class", 0))
    partial: list[GroupExplanation | None] = []
    panel, told = panel_of(window), controller.together.told

    def hear(gathering: Gathering) -> None:
        partial.append(gathering.partial)
        told(gathering)

    controller.together.told = hear
    window.actions_["explain_together"].trigger()
    rest(window, qtbot)
    session = controller.session
    assert session is not None
    (found,) = session.measurements.groups.values()
    assert (found.name, found.label, len(found)) == ("bird", 0, 40)
    assert any(one is not None and len(one) < 40 for one in partial)
    assert panel.shown is found
    assert panel.view.shown is not None
    assert ("together", "kind", 0) in [cell.key for cell in panel.view.shown.cells]
    assert panel.diagram() is not None
    assert any("the evidence lies" in card.finding.text for card in listed(window).cards)

    run(window, qtbot, "subset_cell", 1, 1)
    assert controller.session is not None
    run(window, qtbot, "explain_together", controller.session.look.subset)
    session = controller.session
    assert session is not None
    names = [g.name for g in session.measurements.groups.values()]
    assert len(names) == 2
    assert panel.shown is not None
    assert panel.shown.name == names[1] == session.look.subset

    path = tmp_path / "birds.cnnvis"
    controller.save(path)
    rest(window, qtbot)
    controller.close_session()
    controller.open(path)
    rest(window, qtbot)
    panel.ask_about("bird")
    rest(window, qtbot)
    assert panel.shown is not None
    assert panel.shown.key == found.key
    run(window, qtbot, "together_forget", found.key)
    assert controller.session is not None
    assert found.key not in controller.session.measurements.groups


def test_without_the_network_it_says_what_to_do(window: Window, qtbot: QtBot) -> None:
    show(window, qtbot)
    window.actions_["together"].trigger()
    rest(window, qtbot)
    run(window, qtbot, "together_ask", "class 1", "Grad-CAM")
    assert "must be connected" in panel_of(window).sentence.text()
