"""Choosing edges: the study that measures them, the menu in the top bar, the page of an edge, and Shift."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from unittest.mock import MagicMock

import numpy as np
import pytest
from pictures import diagram as a_diagram
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot
from sessions import made_up_session

from cnnvis.errors import ModelFailure
from cnnvis.gui.canvas import Canvas
from cnnvis.gui.edge_menu import EdgeMenu
from cnnvis.gui.editing import Editing
from cnnvis.gui.jobs import Jobs
from cnnvis.gui.panels.edge_page import edge_page
from cnnvis.gui.panels.page import Scene
from cnnvis.gui.studies import edges as study
from cnnvis.gui.studies.edges import Edges
from cnnvis.layout.compose import draw
from cnnvis.layout.theme import LIGHT
from cnnvis.model.connections import Connections
from cnnvis.model.document import Document
from cnnvis.model.measurements import Edging
from cnnvis.model.session import Look, Session


@dataclass
class Room:
    """A document on a desk, with the study of its edges."""

    desk: Editing
    edges: Edges
    jobs: Jobs
    view: MagicMock
    services: SimpleNamespace
    qtbot: QtBot
    asked: list[Edging] = field(default_factory=list)
    fails: bool = False

    def measure(self, session: Session, sources: object, asked: Edging, progress: object = None) -> Connections:
        """In the place of the network: the known edges under another name."""
        self.asked.append(asked)
        if self.fails:
            raise ModelFailure("The network failed.")
        assert session.connections is not None
        return replace(session.connections, mode=asked.mode, target=asked.target)

    def rest(self) -> None:
        self.qtbot.waitUntil(lambda: self.jobs.idle)

    @property
    def session(self) -> Session:
        assert self.desk.session is not None
        return self.desk.session

    @property
    def said(self) -> str:
        return str(self.view.show_notice.call_args.args[0].text)


@pytest.fixture
def room(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> Iterator[Room]:
    jobs, view = Jobs(), MagicMock()
    services = SimpleNamespace(
        sources=object(),
        draw=lambda session, previous: draw(session, previous=previous),
        join=lambda session, asked, progress: None,
    )
    desk = Editing(view, jobs, services)  # type: ignore[arg-type]
    found = Room(desk, Edges(desk, view, jobs, services), jobs, view, services, qtbot)  # type: ignore[arg-type]
    monkeypatch.setattr(study, "edges", found.measure)
    desk.place(Document(made_up_session()), None)
    found.rest()
    yield found
    jobs.close()


def test_a_new_mode_is_measured_and_then_shown_without_a_step_of_the_history(room: Room) -> None:
    room.edges.show("weights")
    assert room.session.look.mode == "weights × activation"
    room.rest()
    assert room.session.look.mode == "weights"
    assert room.asked == [Edging("weights")]
    assert room.session.measurements.connections[Edging("weights")].mode == "weights"
    assert room.desk.document is not None
    assert room.desk.document.undoable is None


def test_what_was_measured_once_is_shown_again_at_once(room: Room) -> None:
    room.edges.show("weights")
    room.rest()
    room.edges.show("weights × activation")
    assert room.session.look.mode == "weights × activation"
    room.edges.show("weights")
    assert room.session.look.mode == "weights"
    assert len(room.asked) == 1


def test_edges_lead_to_the_selected_class_else_to_the_last_one_else_to_the_first(room: Room) -> None:
    room.edges.show_for_class()
    room.rest()
    assert room.asked == [Edging("class", 0)]
    room.desk.select((("class", 2),))
    room.edges.show_for_class()
    room.rest()
    room.desk.select(())
    room.edges.show("weights × activation")
    room.edges.show_for_class()
    room.rest()
    assert room.asked == [Edging("class", 0), Edging("class", 2)]
    assert (room.session.look.mode, room.session.look.chosen) == ("class", 2)


def test_a_click_on_a_class_changes_the_class_of_class_edges_only(room: Room) -> None:
    room.edges.follow((("class", 1),))
    assert room.asked == []
    room.edges.show_for_class(0)
    room.rest()
    for keys in ((("class", 1),), (("class", "rest"),), (("cluster", "conv1", 0),), ()):
        room.edges.follow(keys)
        room.rest()
    assert room.session.look.chosen == 1
    assert len(room.asked) == 2


def test_without_the_network_one_sentence_says_what_to_do_and_the_picture_stays(room: Room) -> None:
    room.services.sources = None
    room.edges.show_for_class(1)
    room.rest()
    assert "Choose File ▸ Connect network" in room.said
    assert (room.session.look.mode, room.asked) == ("weights × activation", [])


def test_a_failure_is_a_sentence_and_the_picture_stays(room: Room) -> None:
    room.fails = True
    room.edges.show("weights")
    room.rest()
    assert room.said == "The network failed."
    assert room.session.look.mode == "weights × activation"


def test_signs_are_a_matter_of_looks(room: Room) -> None:
    room.edges.show_signs("negative")
    room.rest()
    assert room.session.look.signs == "negative"
    assert room.asked == []


def test_another_subset_is_followed_by_its_own_edges(room: Room) -> None:
    joins: list[Edging] = []
    room.services.join = lambda session, asked, progress: joins.append(asked)
    samples = room.session.activations.samples  # type: ignore[union-attr]
    room.desk.look(replace(room.session.look, instance=samples.names[3]))
    room.rest()
    room.desk.look(replace(room.session.look, share=0.5))
    room.rest()
    assert joins == [Edging(instance=samples.names[3])]


# The menu


@pytest.fixture
def menu(qtbot: QtBot) -> EdgeMenu:
    found = EdgeMenu()
    qtbot.addWidget(found)
    return found


@pytest.mark.parametrize(
    ("look", "words"),
    [
        (Look(), "Edges  top 35 %  ▾"),
        (Look(mode="weights", share=0.5), "Edges  weights · top 50 %  ▾"),
        (Look(mode="class", chosen=2), "Edges  class 2 · top 35 %  ▾"),
        (Look(signs="negative"), "Edges  top 35 % · inhibiting  ▾"),
    ],
)
def test_the_button_says_which_edges_are_shown(menu: EdgeMenu, look: Look, words: str) -> None:
    menu.show_look(made_up_session().with_look(look))
    assert menu.text() == words


def test_each_choice_of_the_menu_is_a_command(menu: EdgeMenu, qtbot: QtBot) -> None:
    told: list[tuple[str, object]] = []
    menu.requested.connect(lambda verb, arguments: told.append((verb, arguments)))
    menu.show_look(made_up_session().with_look(Look(share=0.6, bundles="on")))
    assert told == []
    menu._modes.button(1).click()
    menu._class.setCurrentIndex(3)
    menu._class.activated.emit(3)
    menu._signs.changed.emit("positive")
    menu._bundles.changed.emit("off")
    with qtbot.waitSignal(menu.requested):
        menu._slider.setValue(20)
    expected = [("edges_weights", ()), ("edges_class", (3,)), ("edge_signs", ("positive",)), ("bundles_off", ())]
    assert told == [*expected, ("edges", (0.2,))]


def test_a_network_without_classes_has_no_edges_for_one(menu: EdgeMenu) -> None:
    session = made_up_session()
    bare = replace(session.analysis.network, classes=())
    menu.show_look(session.with_analysis(replace(session.analysis, network=bare)))
    assert not menu._modes.button(2).isEnabled()
    assert not menu._class.isEnabled()


# The page of an edge, and hovering


def test_the_page_of_an_edge_names_the_strongest_pairs_of_neurons(qtbot: QtBot) -> None:
    session = made_up_session()
    diagram = draw(session)
    link = max(diagram.links, key=lambda x: x.strength)
    chosen: list[object] = []
    page = edge_page(Scene(session, diagram, LIGHT, chosen.append, lambda *_: None, lambda _: None), link)
    qtbot.addWidget(page)
    source, sink = str(link.source[1]), str(link.sink[1])
    block = session.connections.between(source, sink)[  # type: ignore[union-attr]
        np.ix_(*(session.analysis.clusters[str(k[1])][int(k[2])].members for k in (link.source, link.sink)))
    ].astype("f8")
    i, j = np.unravel_index(np.abs(block).argmax(), block.shape)
    first = session.analysis.clusters[source][int(link.source[2])].members[i]
    second = session.analysis.clusters[sink][int(link.sink[2])].members[j]
    texts = [found.text() for found in page.findChildren(QLabel)]
    assert f":{first} → :{second}" in texts
    assert "by weights × activation · 8 images" in texts


def test_the_page_of_an_edge_for_a_class_says_so(qtbot: QtBot) -> None:
    session = made_up_session()
    found = replace(session.connections, mode="class", target=1)  # type: ignore[type-var]
    session = session.with_measurements(session.measurements.with_connections(Edging("class", 1), found))
    session = session.with_look(Look(mode="class", chosen=1, share=1.0))
    diagram = draw(session)
    link = next(x for x in diagram.links if x.sink == ("class", 1))
    page = edge_page(Scene(session, diagram, LIGHT, lambda _: None, lambda *_: None, lambda _: None), link)
    qtbot.addWidget(page)
    texts = [label.text() for label in page.findChildren(QLabel)]
    assert {"For class 1", "Against class 1", "what flows through it to class 1 · 8 images"} <= set(texts)
    assert any(text.endswith("→ class 1") and text.startswith(":") for text in texts)


def test_shift_over_a_card_lights_the_whole_path_while_it_is_down(canvas: Canvas) -> None:
    whole = a_diagram(n_links=12)
    canvas.show_diagram(whole)
    key = next(c.key for c in whole.cards if set(whole.paths(c.key)) > set(whole.links_of(c.key)) != set())
    canvas._hover_over(key)
    QTest.keyPress(canvas, Qt.Key.Key_Shift)
    assert set(canvas.stage.asked_links) == set(whole.paths(key))
    QTest.keyRelease(canvas, Qt.Key.Key_Shift)
    assert set(canvas.stage.asked_links) == set(whole.links_of(key))
