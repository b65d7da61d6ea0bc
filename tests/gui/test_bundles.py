"""Bundles in the window: selected, dragged, expanded, and never more than the edges they stand for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from layout_sessions import a_session
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QPushButton
from pytestqt.qtbot import QtBot

from cnnvis.gui.canvas import Canvas
from cnnvis.gui.editing import Editing
from cnnvis.gui.jobs import Jobs
from cnnvis.gui.motion import Transition
from cnnvis.gui.panels.details import Details
from cnnvis.gui.steering import neighbour
from cnnvis.layout.bundles import moved
from cnnvis.layout.compose import draw
from cnnvis.layout.diagram import Bundle, Diagram, Key
from cnnvis.model.document import Document
from cnnvis.model.session import Look, Session

ON = Look(bundles="on", share=0.5)


@pytest.fixture(scope="module")
def session() -> Session:
    return a_session((40, 60), 10, clusters=9, look=ON)


@pytest.fixture(scope="module")
def bundled(session: Session) -> Diagram:
    return draw(session)


@pytest.fixture
def canvas(canvas: Canvas, bundled: Diagram) -> Canvas:
    """With bundles, at the first of them."""
    canvas.resize(1200, 900)
    canvas.show_diagram(bundled)
    canvas.actual_size()
    canvas.reveal(bundled.bundles[0].key)
    return canvas


def middle(canvas: Canvas, bundle: Bundle) -> QPointF:
    """Where the box of a bundle is in the viewport."""
    box = bundle.card.box
    return QPointF(canvas.mapFromScene(QPointF(box.x + box.w / 2, box.middle)))


def press(canvas: Canvas, at: QPointF) -> None:
    QTest.mousePress(canvas.viewport(), Qt.MouseButton.LeftButton, pos=at.toPoint())


def move(canvas: Canvas, to: QPointF) -> None:
    left, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    where = canvas.viewport().mapToGlobal(to)
    event = QMouseEvent(QEvent.Type.MouseMove, to, where, Qt.MouseButton.NoButton, left, none)
    QApplication.sendEvent(canvas.viewport(), event)


def test_a_click_selects_a_bundle_and_lights_its_curves(canvas: Canvas, bundled: Diagram) -> None:
    bundle = bundled.bundles[0]
    QTest.mouseClick(canvas.viewport(), Qt.MouseButton.LeftButton, pos=middle(canvas, bundle).toPoint())
    assert canvas.selection == (bundle.key,)
    assert set(canvas.stage.asked_links) == set(bundle.curves)


def test_hovering_a_card_lights_its_edges_through_the_bundles(canvas: Canvas, bundled: Diagram) -> None:
    card = bundled.bundles[0].sources[0]
    canvas._hover_over(card)
    assert set(canvas.stage.asked_links) == set(bundled.links_of(card))
    assert any(link.via is not None for link in canvas.stage.asked_links)
    canvas._hover_over(card, True)
    assert set(canvas.stage.asked_links) == set(bundled.paths(card))


def test_a_dragged_bundle_tells_how_far_it_went(canvas: Canvas, bundled: Diagram, qtbot: QtBot) -> None:
    bundle = bundled.bundles[0]
    start = middle(canvas, bundle)
    press(canvas, start)
    move(canvas, start + QPointF(0, 30))
    move(canvas, start + QPointF(4, 40))
    present = canvas.diagram.bundle(bundle.key)
    assert present.card.box.y == pytest.approx(bundle.card.box.y + 40 / canvas.zoom)
    assert set(canvas.stage.asked_links) == set(present.curves)
    assert canvas.stage.item(bundle.key).pos().y() == present.card.box.y
    with qtbot.waitSignal(canvas.bundle_moved) as told:
        QTest.mouseRelease(canvas.viewport(), Qt.MouseButton.LeftButton, pos=(start + QPointF(4, 40)).toPoint())
    key, dx, dy = told.args
    assert key == bundle.key
    assert (dx, dy) == pytest.approx((4 / canvas.zoom, 40 / canvas.zoom))


def test_while_one_bundle_is_dragged_all_other_edges_stay(canvas: Canvas, bundled: Diagram) -> None:
    bundle = bundled.bundles[0]
    press(canvas, middle(canvas, bundle))
    move(canvas, middle(canvas, bundle) + QPointF(0, 50))
    quiet = {link.key: link for link in canvas.stage._quiet.links}
    mine = {curve.key for curve in bundle.curves}
    assert quiet.keys() == {link.key for link in bundled.strokes} - mine
    assert all(quiet[link.key] is link for link in bundled.strokes if link.key in quiet)


def test_escape_puts_a_dragged_bundle_back(canvas: Canvas, bundled: Diagram, qtbot: QtBot) -> None:
    bundle = bundled.bundles[0]
    press(canvas, middle(canvas, bundle))
    move(canvas, middle(canvas, bundle) + QPointF(0, 50))
    with qtbot.assertNotEmitted(canvas.bundle_moved):
        QTest.keyClick(canvas, Qt.Key.Key_Escape)
    assert canvas.diagram is bundled
    assert canvas.stage.item(bundle.key).pos().y() == bundle.card.box.y
    assert canvas.stage._quiet.links == bundled.strokes


def test_a_curve_is_no_handle_to_drag_by(canvas: Canvas, bundled: Diagram) -> None:
    x, y = bundled.bundles[0].curves[0].points[-1]
    start = QPointF(canvas.mapFromScene(QPointF(x - 12, y)))
    press(canvas, start)
    move(canvas, start + QPointF(0, 60))
    assert canvas.diagram is bundled


def test_a_double_click_opens_a_bundle(canvas: Canvas, bundled: Diagram, qtbot: QtBot) -> None:
    bundle = bundled.bundles[0]
    with qtbot.waitSignal(canvas.opened) as told:
        QTest.mouseDClick(canvas.viewport(), Qt.MouseButton.LeftButton, pos=middle(canvas, bundle).toPoint())
    assert told.args == [bundle.key]


def test_arrows_leave_a_bundle_towards_the_cards_it_joins(bundled: Diagram) -> None:
    bundle = bundled.bundles[0]
    assert neighbour(bundled, bundle.key, "left") in bundle.sources
    assert neighbour(bundled, bundle.key, "right") in bundle.sinks
    for here, there in (("down", "up"), ("up", "down")):
        beside = neighbour(bundled, bundle.key, here)
        assert beside[:3] == bundle.key[:3]
        assert beside == bundle.key or neighbour(bundled, beside, there) == bundle.key


# From one diagram to the next


def expanded(session: Session, key: Key) -> Diagram:
    return draw(session, look=replace(ON, unbundled=frozenset([key[1:]])))


def test_edges_glide_apart_from_where_their_bundle_was(session: Session, bundled: Diagram) -> None:
    bundle = bundled.bundles[0]
    new = expanded(session, bundle.key)
    change = Transition(bundled, new)
    assert change.moves
    first, last = ({x.key: x for x in change.at(t).links} for t in (0.0, 1.0))
    for key in bundle.links:
        through = [p for p in first[key].points if p[0] == bundle.card.box.x]
        assert through  # it still runs through the box
        assert last[key] == new.find(key)


def test_edges_glide_together_where_a_bundle_forms(session: Session, bundled: Diagram) -> None:
    bundle = bundled.bundles[0]
    old = expanded(session, bundle.key)
    change = Transition(old, bundled)
    shown = {x.key: x for x in change.at(0.5).links}
    assert set(bundle.links) <= shown.keys()
    assert not {c.key for c in bundle.curves} & shown.keys()
    assert change.at(1.0).links == bundled.strokes


def test_a_box_that_was_dropped_does_not_glide(session: Session, bundled: Diagram) -> None:
    bundle = bundled.bundles[0]
    there = moved(bundled, bundle.key, bundle.card.box.x, bundle.card.box.y + 20)
    by = (there.bundle(bundle.key).card.box.x - bundle.home.x, there.bundle(bundle.key).card.box.y - bundle.home.y)
    new = draw(session, look=replace(ON, moved=((bundle.key[1:], *by),)), previous=bundled)
    assert not Transition(there, new).moves
    assert Transition(bundled, new).moves


# What is remembered, and what is told


class Quiet:
    """A view that shows nothing."""

    def __getattr__(self, name: str) -> Any:
        return lambda *arguments: None


class Drawing:
    """The only service that is needed."""

    def draw(self, session: Session, previous: Diagram | None) -> Diagram:
        return draw(session, previous=previous)


@pytest.fixture
def desk(qtbot: QtBot, session: Session, jobs: Jobs) -> Editing:
    found = Editing(Quiet(), jobs, Drawing())  # type: ignore[arg-type]
    found.place(Document(session), None)
    qtbot.waitUntil(lambda: found.diagram is not None)
    return found


def look(desk: Editing) -> Look:
    assert desk.session is not None
    return desk.session.look


def test_opening_a_bundle_expands_it_and_opening_it_again_bundles_its_edges(desk: Editing, bundled: Diagram) -> None:
    key = bundled.bundles[0].key
    desk.open_key(key)
    assert look(desk).unbundled == {key[1:]}
    desk.open_key(key)
    assert look(desk) == ON
    assert desk.document is not None
    assert desk.document.undoable is None


def test_collapsing_all_bundles_every_edge_again(desk: Editing, bundled: Diagram) -> None:
    for bundle in bundled.bundles:
        desk.open_key(bundle.key)
    desk.collapse_all()
    assert look(desk) == ON


def test_where_a_bundle_stands_is_remembered_once(desk: Editing, bundled: Diagram) -> None:
    key = bundled.bundles[0].key
    desk.move_bundle(key, 3.0, 9.0)
    desk.move_bundle(key, 4.0, 8.0)
    assert look(desk).moved == ((key[1:], 4.0, 8.0),)
    desk.move_bundle(key, 0.0, 0.0)
    assert look(desk) == ON


def test_bundles_are_shown_or_not_as_asked(desk: Editing) -> None:
    desk.show_bundles("off")
    assert look(desk).bundles == "off"


def test_the_page_of_a_bundle_says_what_it_joins(qtbot: QtBot, session: Session, bundled: Diagram) -> None:
    jobs = Jobs()
    details = Details(jobs)
    qtbot.addWidget(details)
    bundle = bundled.bundles[0]
    details.show_session(session, bundled)
    details.show_selection(bundle.key)
    words = " ".join(label.text() for label in details.widget().findChildren(QLabel))
    assert f"a bundle of {len(bundle.links)} edges" in words
    assert f"{len(bundle.sources)} → {len(bundle.sinks)} clusters" in words
    for card in (*bundle.sources, *bundle.sinks):
        assert bundled.card(card).title in words
    expand = next(b for b in details.widget().findChildren(QPushButton) if b.text() == "Expand")
    with qtbot.waitSignal(details.requested) as told:
        expand.click()
    assert told.args == ["expand", (bundle.key,)]
    details.show_session(session, expanded(session, bundle.key))
    assert any(b.text() == "Bundle again" for b in details.widget().findChildren(QPushButton))
    jobs.close()
