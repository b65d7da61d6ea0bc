"""Health in the window: sections of pages, the table of all layers, and measuring it."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QPushButton
from pytestqt.qtbot import QtBot
from sessions import made_up_session

from cnnvis.gui.jobs import Jobs
from cnnvis.gui.panels.details import Details
from cnnvis.gui.panels.health_table import COLUMNS, HealthTable
from cnnvis.layout.compose import draw
from cnnvis.layout.diagram import Key, Label
from cnnvis.model.measurements import Health, LayerHealth
from cnnvis.model.session import Session
from cnnvis.workflow.health import with_health

NAN = float("nan")


def one(name: str, n_units: int, **values: float) -> LayerHealth:
    usual = {
        "dead": 0.25, "mean": 1.5, "spread": 0.5, "saturated": NAN, "negative": 0.5, "negative_mass": 0.5, "norm": 4.0,
        "gradient": 0.5, "ratio": 0.125,
    }  # fmt: skip
    return LayerHealth(name, **{**usual, **values}, unit_gradients=np.arange(n_units) / 10)  # type: ignore[arg-type]


def measured(compared: str = "") -> Session:
    session = made_up_session()
    layers = (one("conv1", 6, gradient=8.0), one("conv2", 12, dead=NAN, gradient=2.0), one("fc", 4, norm=NAN))
    if compared:
        layers = tuple(replace(x, change=0.5) for x in layers)
    return with_health(session, Health({x.layer: x for x in layers}, 64, compared))


@pytest.fixture
def table(qtbot: QtBot, jobs: Jobs) -> HealthTable:
    panel = HealthTable(jobs)
    qtbot.addWidget(panel)
    panel.resize(900, 240)
    panel.show()
    return panel


def facts(details: Details, session: Session, key: Key) -> dict[str, str]:
    """Every label of a page with the one after it."""
    details.show_session(session, draw(session))
    details.show_selection(key)
    words = [w.text() for w in details.widget().findChildren(QLabel)]
    return dict(pairwise(words))


def test_the_page_of_a_layer_tells_its_health(details: Details) -> None:
    found = facts(details, measured(), ("column", "conv2"))
    assert found["Gradient ‖g‖"] == "2.00"
    assert found["‖g‖/‖w‖"] == "0.125"
    assert found["Sensitivity ‖g‖·‖w‖"] == "8.00"
    assert found["Negative mass"] == "50 %"
    assert "Saturated" not in found
    assert "Moved ‖ΔW‖/‖W‖" not in found


def test_every_number_says_how_it_was_computed(details: Details) -> None:
    facts(details, measured(), ("column", "conv2"))
    numbers = [w for w in details.widget().findChildren(QLabel) if w.text() in ("Gradient ‖g‖", "Never fire", "Spread")]
    assert len(numbers) == 3
    assert all(len(w.toolTip()) > 20 for w in numbers)


def test_with_a_second_checkpoint_the_page_tells_how_far_the_layer_moved(details: Details) -> None:
    assert facts(details, measured("old.safetensors"), ("column", "conv2"))["Moved ‖ΔW‖/‖W‖"] == "50 %"


def test_with_a_second_checkpoint_the_header_of_a_column_tells_how_far_the_layer_moved() -> None:
    session = measured("old.safetensors")
    look = replace(session.look, facet="health")
    header = next(c.header for c in draw(session, look=look).columns if c.layer == "conv2")
    assert any(isinstance(mark, Label) and mark.text.startswith("moved 50 %") for mark in header.face.marks)


def test_the_table_and_the_page_of_a_layer_say_the_same_share_of_negative_weights(
    table: HealthTable, details: Details
) -> None:
    session = made_up_session()
    session = with_health(session, Health({"conv2": one("conv2", 12, negative=0.3, negative_mass=0.4)}, 64))
    table.show_session(session, None)
    place = 1 + [c.title for c in COLUMNS].index("negative")
    assert table.table.item(0, place).text() == facts(details, session, ("column", "conv2"))["Negative weights"]


def test_pages_of_clusters_and_neurons_tell_what_is_known_of_their_neurons(details: Details) -> None:
    session = measured()
    members = session.analysis.clusters["conv2"][0].members
    found = facts(details, session, ("cluster", "conv2", 0))
    assert found["Gradient, median"] == f"{np.median(np.array(members) / 10):#.3g}"
    assert found["Never fire"].endswith(f"of {len(members)}")
    assert facts(details, session, ("unit", "conv2", 7))["Gradient"] == "0.700"


def test_where_nothing_was_measured_the_page_offers_it(details: Details, qtbot: QtBot) -> None:
    facts(details, made_up_session(), ("column", "conv2"))
    offer = next(b for b in details.widget().findChildren(QPushButton) if b.text() == "Measure gradients")
    with qtbot.waitSignal(details.requested) as heard:
        offer.click()
    assert heard.args[0] == "measure_health"


def layers(table: HealthTable) -> list[str]:
    return [table._layer(row) for row in range(table.table.rowCount())]


def test_the_table_lists_all_layers_in_the_order_of_the_network(table: HealthTable) -> None:
    table.show_session(measured(), None)
    assert layers(table) == ["conv1", "conv2", "fc"]
    assert table.currentWidget() is table.table


def test_the_table_sorts_by_value_and_leaves_what_means_nothing_to_the_end(table: HealthTable) -> None:
    table.show_session(measured(), None)
    dead = 1 + [c.title for c in COLUMNS].index("dead")
    gradient = 1 + [c.title for c in COLUMNS].index("‖g‖")
    table.table.sortByColumn(gradient, Qt.SortOrder.DescendingOrder)
    assert layers(table) == ["conv1", "conv2", "fc"]
    table.table.sortByColumn(gradient, Qt.SortOrder.AscendingOrder)
    assert layers(table) == ["fc", "conv2", "conv1"]
    for order in (Qt.SortOrder.AscendingOrder, Qt.SortOrder.DescendingOrder):
        table.table.sortByColumn(dead, order)
        assert layers(table)[-1] == "conv2"


def test_columns_without_any_value_are_left_out(table: HealthTable) -> None:
    table.show_session(measured(), None)
    hidden = {c.title for place, c in enumerate(COLUMNS, 1) if table.table.isColumnHidden(place)}
    assert hidden == {"saturated", "NaN, Inf", "moved"}
    table.show_session(measured("old"), None)
    assert not table.table.isColumnHidden(1 + [c.title for c in COLUMNS].index("moved"))


def test_a_click_on_a_row_goes_to_its_layer_and_back_again(table: HealthTable, qtbot: QtBot) -> None:
    table.show_session(measured(), None)
    place = table.table.visualItemRect(table.table.item(1, 0)).center()
    with qtbot.waitSignal(table.chosen) as heard:
        QTest.mouseClick(table.table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert heard.args == [("column", "conv2")]
    table.show_selection(("unit", "fc", 2))
    assert table.table.selectionModel().selectedRows()[0].row() == 2
    table.show_selection(None)
    assert not table.table.selectionModel().hasSelection()


def test_without_health_the_table_offers_to_measure(table: HealthTable, qtbot: QtBot) -> None:
    table.show_session(made_up_session(), None)
    button = table.currentWidget().findChild(QPushButton)
    with qtbot.waitSignal(table.requested) as heard:
        button.click()
    assert heard.args[0] == "measure_health"
