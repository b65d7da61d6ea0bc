"""The list of findings: worst first, one click away from its place, and why it happens on demand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QToolButton
from pytestqt.qtbot import QtBot
from sessions import made_up_session
from windows import rest

from cnnvis.gui.jobs import Jobs
from cnnvis.gui.panels.findings import TOO_FEW, Findings
from cnnvis.gui.panels.found import concerning, judged, key_of, remembered
from cnnvis.gui.window import Window
from cnnvis.model.findings import Finding
from cnnvis.model.session import Session
from cnnvis.model.subsets import Subset


@pytest.fixture
def panel(qtbot: QtBot, jobs: Jobs) -> Findings:
    found = Findings(jobs)
    qtbot.addWidget(found)
    found.resize(224, 600)
    found.show()
    return found


def dying(n: int = 40, layer: str = "conv2") -> Session:
    """A session in which a layer is dead."""
    found = made_up_session(n=n)
    assert found.activations is not None
    responses = found.activations[layer]
    layers = {**found.activations.layers, layer: replace(responses, fired=np.zeros(responses.n_units, int))}
    return replace(found, activations=replace(found.activations, layers=layers))


def show(panel: Findings, session: Session | None, qtbot: QtBot) -> None:
    panel.show_session(session, None)
    qtbot.waitUntil(lambda: panel._jobs.idle)


def texts(panel: Findings) -> list[str]:
    return [w.text() for w in panel.widget().findChildren(QLabel) if w.isVisible()]


def test_the_gravest_stands_first_and_a_click_leads_to_its_place(panel: Findings, qtbot: QtBot) -> None:
    show(panel, dying(), qtbot)
    card = panel.cards[0]
    assert card.finding.text == "conv2: all 12 neurons never fire"
    assert card.property("level") == "alarm"
    with qtbot.waitSignal(panel.chosen) as heard:
        QTest.mouseClick(card, Qt.MouseButton.LeftButton)
    assert heard.args == [("column", "conv2")]


def test_the_keyboard_reaches_it_too(panel: Findings, qtbot: QtBot) -> None:
    show(panel, dying(), qtbot)
    card = panel.cards[0]
    assert card.focusPolicy() == Qt.FocusPolicy.StrongFocus
    with qtbot.waitSignal(panel.chosen):
        QTest.keyClick(card, Qt.Key.Key_Return)
    QTest.keyClick(card, Qt.Key.Key_Right)
    assert card.unfolded
    QTest.keyClick(card, Qt.Key.Key_Left)
    assert not card.unfolded


def test_what_usually_causes_it_is_told_on_demand(panel: Findings, qtbot: QtBot) -> None:
    show(panel, dying(), qtbot)
    card = panel.cards[0]
    assert not any("Usual causes" in text for text in texts(panel))
    why = card.findChild(QToolButton)
    assert "learning rate" in why.toolTip()
    QTest.mouseClick(why, Qt.MouseButton.LeftButton)
    assert any("Usual causes" in text for text in texts(panel))


def test_what_was_unfolded_stays_so_when_more_is_measured(panel: Findings, qtbot: QtBot) -> None:
    session = dying()
    show(panel, session, qtbot)
    panel.cards[0].unfold(True)
    assert session.activations is not None
    noted = replace(session, activations=replace(session.activations, notes=("3 samples were skipped.",)))
    show(panel, noted, qtbot)
    assert len(panel.cards) > 1
    assert panel.cards[0].unfolded


def test_an_edit_judges_nothing_anew(panel: Findings, qtbot: QtBot) -> None:
    session = dying()
    show(panel, session, qtbot)
    cards = panel.cards
    edited = session.with_analysis(session.analysis.with_note("conv2", "dead"))
    assert remembered(edited) is not None
    show(panel, edited, qtbot)
    assert panel.cards is cards


def test_nothing_unusual_is_said_in_words(panel: Findings, qtbot: QtBot) -> None:
    quiet = dying()
    assert quiet.activations is not None
    ranked = quiet.activations.samples.ranked.copy()
    ranked[:, 0] = quiet.activations.samples.labels
    samples = replace(quiet.activations.samples, ranked=ranked)
    show(panel, replace(quiet, activations=replace(quiet.activations, layers={}, samples=samples)), qtbot)
    assert panel.cards == []
    assert texts(panel) == ["Nothing unusual was found."]


def test_too_few_images_are_said_and_nothing_is_made_up(panel: Findings, qtbot: QtBot) -> None:
    show(panel, dying(n=8), qtbot)
    assert panel.cards == []
    assert texts(panel) == [TOO_FEW]
    show(panel, None, qtbot)
    assert texts(panel) == []


@pytest.mark.parametrize(
    ("finding", "key"),
    [
        (Finding("x", layer="conv1"), ("column", "conv1")),
        (Finding("x", layer="conv2", units=(4, 5), target=1), ("unit", "conv2", 4)),
        (Finding("x", layer="fc", target=2), ("class", 2)),
        (Finding("x"), None),
    ],
)
def test_a_finding_leads_to_a_neuron_a_class_or_a_layer(finding: Finding, key: object) -> None:
    assert key_of(finding, made_up_session().analysis.network) == key


def test_pages_know_the_findings_that_concern_them() -> None:
    session = dying()
    assert concerning(session, ("column", "conv2")) == ()
    judged(session)
    assert [f.kind for f in concerning(session, ("column", "conv2"))] == ["dead"]
    assert concerning(session, ("column", "conv1")) == ()


def test_pages_of_a_subset_still_tell_the_findings_and_tell_them_once_they_are_known(
    window: Window, qtbot: QtBot
) -> None:
    session = dying()
    session = session.with_analysis(session.analysis.with_subset(Subset("some", classes=(0,))))
    window.controller.show(session.with_look(replace(session.look, subset="some")))
    qtbot.waitUntil(lambda: window.controller.diagram is not None)
    window.controller.select((("column", "conv2"),))
    rest(window, qtbot)
    page = window.panels["details"].findChildren(QLabel)
    assert "FINDINGS" in [label.text() for label in page]


def test_findings_stay_over_all_images_beside_a_subset_and_say_so(panel: Findings, qtbot: QtBot) -> None:
    session = dying()
    show(panel, session, qtbot)
    before = [card.finding for card in panel.cards]
    analysis = session.analysis.with_subset(Subset("wrong", wrong=True))
    show(panel, replace(session, analysis=analysis, look=replace(session.look, subset="wrong")), qtbot)
    assert texts(panel)[0] == "Over all images, not “wrong” alone."
    assert [card.finding for card in panel.cards] == before
    show(panel, session, qtbot)
    assert "Over all images, not “wrong” alone." not in texts(panel)
