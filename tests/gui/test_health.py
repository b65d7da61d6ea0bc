"""Health in the window: sections of pages, the table of all layers, and measuring it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import pairwise
from types import SimpleNamespace
from unittest.mock import MagicMock

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QPushButton
from pytestqt.qtbot import QtBot
from sessions import made_up_session

from cnnvis.gui.controller import Controller
from cnnvis.gui.jobs import Jobs
from cnnvis.gui.panels.details import Details
from cnnvis.gui.panels.health_table import COLUMNS, HealthTable
from cnnvis.gui.studies import health as study
from cnnvis.layout.compose import draw
from cnnvis.layout.diagram import Key, Label
from cnnvis.model.document import Document
from cnnvis.model.measurements import Health, LayerHealth
from cnnvis.model.session import Session
from cnnvis.model.subsets import Subset
from cnnvis.model.viewed import shown_subset
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
    assert table.table.isVisible()


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


# Over a subset


def with_subset(session: Session) -> Session:
    analysis = session.analysis.with_subset(Subset("some", classes=(1,)))
    return replace(session, analysis=analysis, look=replace(session.look, subset="some", facet="health"))


def over_some(session: Session) -> Session:
    part = replace(measured().measurements.health, n_samples=6, subset="some")  # type: ignore[type-var]
    return with_health(session, part)  # type: ignore[arg-type]


def test_the_page_of_a_layer_follows_a_subset_and_says_what_is_not_measured_over_it(details: Details) -> None:
    session = with_subset(measured())
    found = facts(details, session, ("column", "conv2"))
    said = "over the 6 images of “some”; gradients are not measured over them yet"
    assert said in found
    assert found["Negative mass"] == "50 %"
    assert "Gradient ‖g‖" not in found
    assert "Measure gradients" in [b.text() for b in details.widget().findChildren(QPushButton)]
    values = session.activations["conv2"].pooled[1::4].astype(float)  # type: ignore[index]
    assert found["Mean"] == f"{values.mean():#.3g}"
    found = facts(details, over_some(session), ("column", "conv2"))
    assert "over the 6 images of “some”" in found
    assert found["Gradient ‖g‖"] == "2.00"
    assert "Measure gradients" not in [b.text() for b in details.widget().findChildren(QPushButton)]


def test_the_page_of_a_cluster_without_gradients_over_a_subset_has_the_rest(details: Details) -> None:
    found = facts(details, with_subset(measured()), ("cluster", "conv2", 0))
    assert "Never fire" in found
    assert "Gradient, median" not in found


def test_the_table_follows_a_subset_and_offers_what_is_missing(table: HealthTable, qtbot: QtBot) -> None:
    session = with_subset(measured())
    table.show_session(session, None)
    qtbot.waitUntil(lambda: table._words.text() != "")
    assert table._words.text() == "over “some”; gradients are not measured over it yet"
    assert layers(table) == ["conv1", "conv2", "fc"]
    assert table.table.isColumnHidden(1 + [c.title for c in COLUMNS].index("‖g‖"))
    mean = 1 + [c.title for c in COLUMNS].index("mean")
    expected = session.activations["conv1"].pooled[1::4].astype(float).mean()  # type: ignore[index]
    assert table.table.item(0, mean).value == pytest.approx(expected)
    with qtbot.waitSignal(table.requested) as heard:
        table._gradients.click()
    assert heard.args[0] == "measure_health"
    table.show_session(over_some(session), None)
    qtbot.waitUntil(lambda: not table._gradients.isVisible())
    assert not table.table.isColumnHidden(1 + [c.title for c in COLUMNS].index("‖g‖"))
    table.show_session(measured(), None)
    assert not table._over.isVisible()
    assert table.table.item(0, mean).value == 1.5


@dataclass
class Room:
    """A session in a controller whose network is made up."""

    controller: Controller
    jobs: Jobs
    services: SimpleNamespace
    qtbot: QtBot
    asked: list[str] = field(default_factory=list)

    def measured_health(self, session: Session, *_: object, **__: object) -> Health:
        self.asked.append(shown_subset(session))
        found = measured().measurements.health
        assert found is not None
        return replace(found, subset=shown_subset(session))

    def put(self, session: Session) -> None:
        assert self.controller.document is not None
        self.controller.document.update(session)
        self.qtbot.waitUntil(lambda: self.jobs.idle)

    @property
    def session(self) -> Session:
        assert self.controller.session is not None
        return self.controller.session


@pytest.fixture
def room(qtbot: QtBot, jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> Room:
    services = SimpleNamespace(sources=object(), draw=lambda session, previous: draw(session, previous=previous))
    settings = MagicMock()
    settings.text.return_value = ""
    controller = Controller(MagicMock(), jobs, services, settings, MagicMock())  # type: ignore[arg-type]
    found = Room(controller, jobs, services, qtbot)
    monkeypatch.setattr(study, "measured_health", found.measured_health)
    controller.place(Document(made_up_session()), None)
    return found


def test_gradients_follow_a_subset_on_cards_that_show_health_and_are_measured_once(room: Room) -> None:
    room.put(with_subset(made_up_session()))
    assert room.asked == []  # nobody has asked for health at all
    room.put(with_subset(measured()))
    assert room.asked == ["some"]
    assert room.session.measurements.over("some").health is not None
    room.put(room.session.with_look(replace(room.session.look, share=0.5)))
    assert room.asked == ["some"]


def test_health_over_a_subset_is_measured_over_all_samples_too_where_that_is_missing(room: Room) -> None:
    room.put(with_subset(made_up_session()))
    room.controller.health.measure_health()
    room.qtbot.waitUntil(lambda: room.jobs.idle)
    assert room.asked == ["", "some"]
    assert room.session.measurements.health is not None
    room.controller.health.measure_health()
    room.qtbot.waitUntil(lambda: room.jobs.idle)
    assert room.asked == ["", "some", "some"]


def test_without_the_network_cards_keep_what_the_file_knows(room: Room) -> None:
    room.services.sources = None
    room.put(with_subset(measured()))
    assert room.asked == []
    assert room.session.measurements.over("some").health is None
