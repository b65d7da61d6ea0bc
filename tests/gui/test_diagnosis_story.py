"""As a new user would: open a demo, read the first finding, click it once, and stand before the cause."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot
from windows import PATIENCE, rest

from cnnvis.assets import resource
from cnnvis.gui.panels.findings import Card, Findings
from cnnvis.gui.window import Window
from cnnvis.layout.compose import Diagram
from cnnvis.model.job import Job
from cnnvis.workflow.demo import demo_job


def small(name: str, per_class: int) -> Job:
    """The demo on few images."""
    job = demo_job(name)
    return replace(job, data=replace(job.data, per_class=per_class), analysis=replace(job.analysis, probe_images=2))


def open_demo(window: Window, qtbot: QtBot, name: str, per_class: int) -> Card:
    """The first finding of a demo."""
    window.controller.analyze(small(name, per_class))
    rest(window, qtbot)
    panel = window.panels["findings"]
    assert isinstance(panel, Findings)
    qtbot.waitUntil(lambda: window.jobs.idle and bool(panel.cards), timeout=PATIENCE)
    return panel.cards[0]


def details(window: Window) -> list[str]:
    return [label.text() for label in window.panels["details"].widget().findChildren(QLabel)]  # type: ignore[attr-defined]


def drawn(window: Window) -> Diagram:
    assert window.controller.diagram is not None
    return window.controller.diagram


def test_one_click_reaches_the_dead_layer_of_the_broken_network(window: Window, qtbot: QtBot) -> None:
    first = open_demo(window, qtbot, "broken", 5)
    assert first.finding.text == "stage2.0.conv1: all 48 neurons never fire"
    assert ("column", "stage2.0.conv1") not in drawn(window)  # folded into its stage

    QTest.mouseClick(first, Qt.MouseButton.LeftButton)
    rest(window, qtbot)
    assert window.controller.selection == (("column", "stage2.0.conv1"),)
    assert ("column", "stage2.0.conv1") in drawn(window)
    said = details(window)
    assert said[said.index("Never fire") + 1] == "48 (100 %)"
    assert said[said.index("Gradient ‖g‖") + 1] == "0"
    assert any("learning rate" in text for text in said)


def test_one_click_reaches_the_tag_of_the_shortcut(window: Window, qtbot: QtBot) -> None:
    first = open_demo(window, qtbot, "shortcut", 10)
    assert "respond to bird in the corners of the image only" in first.finding.text

    QTest.mouseClick(first, Qt.MouseButton.LeftButton)
    rest(window, qtbot)
    ((kind, layer, unit),) = window.controller.selection
    assert (kind, layer) == ("unit", "stage3.1/add#0")
    session = window.controller.session
    assert session is not None
    assert session.activations is not None
    responses, samples = session.activations[str(layer)], session.activations.samples
    birds = [samples.labels[samples.rows[int(i)]] for i in responses.top_samples[int(unit)]]
    assert birds.count(0) >= 8  # what the page shows: birds, each with its tag
    assert "STRONGEST IMAGES" in details(window)
    assert any("shortcut" in text for text in details(window))

    QTest.mouseClick(first.all, Qt.MouseButton.LeftButton)
    rest(window, qtbot)
    assert len(first.finding.units) > 1
    assert window.controller.selection == tuple(("unit", layer, unit) for unit in first.finding.units)


def test_the_healthy_network_raises_no_alarm_and_can_be_compared(window: Window, qtbot: QtBot) -> None:
    open_demo(window, qtbot, "healthy", 5)
    panel = window.panels["findings"]
    assert isinstance(panel, Findings)
    assert [card.finding.text for card in panel.cards if card.finding.level != "hint"] == []

    window.commands.run("compare_health", (resource("demo", "shortcut.safetensors"),))
    rest(window, qtbot)
    session = window.controller.session
    assert session is not None
    assert session.measurements.health is not None
    assert session.measurements.health.compared == "shortcut.safetensors"
    window.commands.run("compare_health", (Path("nowhere.safetensors"),))
    rest(window, qtbot)
    assert window.notice.notice is not None
    assert "nowhere.safetensors" in window.notice.notice.text
    assert session is window.controller.session  # nothing is lost
