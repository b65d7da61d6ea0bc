"""The canvas shows diagrams and tells what the user did; nothing of it needs a session."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pictures import diagram, face
from PySide6.QtCore import QEvent, QObject, QPoint, QPointF, QRectF, Qt
from PySide6.QtGui import QPaintEvent, QRegion
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from cnnvis.gui.canvas import Canvas
from cnnvis.layout.diagram import Box, Card, Diagram, Key
from cnnvis.layout.theme import DARK


def point(canvas: Canvas, key: Key, x: float = 4, y: float = 4) -> QPoint:
    """Where a place of a card is in the viewport."""
    assert canvas.diagram is not None
    box = canvas.diagram.card(key).box
    return canvas.mapFromScene(QPointF(box.x + x, box.y + y))


def moved(old: Diagram, key: Key, by: float) -> Diagram:
    """The diagram with one card elsewhere."""
    cards = tuple(
        Card(c.key, replace(c.box, y=c.box.y + by), c.face) if c.key == key else c for c in old.cards
    )
    return replace(old, cards=cards)


def test_a_new_diagram_is_fitted(canvas: Canvas) -> None:
    whole = diagram(6, 4)
    canvas.show_diagram(whole)
    assert canvas.seen.contains(0, 0)
    assert canvas.seen.contains(whole.width, whole.height)


def test_a_fitted_diagram_stays_fitted_when_the_window_grows(canvas: Canvas) -> None:
    whole = diagram(6, 4)
    canvas.show_diagram(whole)
    before = canvas.zoom
    canvas.resize(1400, 900)
    assert canvas.zoom > before


def test_zooming_keeps_the_point_under_the_cursor(canvas: Canvas) -> None:
    canvas.show_diagram(diagram(6, 4))
    cursor = QPointF(200, 150)
    before = canvas.to_scene(cursor)
    canvas.zoom_by(2.0, cursor)
    after = canvas.to_scene(cursor)
    assert (after - before).manhattanLength() < 2 / canvas.zoom + 1


def test_zoom_stays_within_its_limits(canvas: Canvas) -> None:
    canvas.show_diagram(diagram())
    canvas.zoom_by(1e6)
    assert canvas.zoom == 8.0
    canvas.zoom_by(1e-6)
    assert canvas.zoom == 0.05


def test_a_click_selects_a_card_and_tells_it(canvas: Canvas, qtbot: QtBot) -> None:
    canvas.show_diagram(diagram())
    key = ("cluster", "layer1", 0)
    with qtbot.waitSignal(canvas.selected) as told:
        QTest.mouseClick(canvas.viewport(), Qt.MouseButton.LeftButton, pos=point(canvas, key))
    assert told.args == [(key,)]
    assert canvas.selection == (key,)


def test_a_click_with_control_adds_a_card_of_the_same_layer(canvas: Canvas) -> None:
    canvas.show_diagram(diagram())
    for number, modifier in enumerate((Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ControlModifier)):
        where = point(canvas, ("cluster", "layer1", number))
        QTest.mouseClick(canvas.viewport(), Qt.MouseButton.LeftButton, modifier, where)
    assert canvas.selection == (("cluster", "layer1", 0), ("cluster", "layer1", 1))


def test_a_click_beside_everything_selects_nothing(canvas: Canvas) -> None:
    canvas.show_diagram(diagram(n_links=0))
    canvas.select((("cluster", "layer1", 0),))
    QTest.mouseClick(canvas.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(2, 2))
    assert canvas.selection == ()


def test_a_double_click_on_a_header_opens_its_column(canvas: Canvas, qtbot: QtBot) -> None:
    canvas.show_diagram(diagram())
    with qtbot.waitSignal(canvas.opened) as told:
        QTest.mouseDClick(canvas.viewport(), Qt.MouseButton.LeftButton, pos=point(canvas, ("column", "layer1")))
    assert told.args == [("column", "layer1")]


def test_hovering_lights_the_direct_links_only(canvas: Canvas) -> None:
    whole = diagram(n_links=12)
    canvas.show_diagram(whole)
    key = ("cluster", "layer1", 0)
    canvas._hover_over(key)
    assert set(canvas.stage.asked_links) == set(whole.links_of(key))


def test_arrows_walk_through_the_columns(canvas: Canvas) -> None:
    canvas.show_diagram(diagram(3, 3))
    walked = []
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Down, Qt.Key.Key_Right, Qt.Key.Key_Up, Qt.Key.Key_Left, Qt.Key.Key_Left):
        QTest.keyClick(canvas, key)
        walked.append(canvas.selection[0][1:])
    expected = [("layer0", 0), ("layer0", 1), ("layer1", 1), ("layer1", 0), ("layer0", 0), ("layer0", 0)]
    assert walked == expected


def test_keys_zoom_and_fit(canvas: Canvas) -> None:
    canvas.show_diagram(diagram(6, 4))
    fitted = canvas.zoom
    QTest.keyClick(canvas, Qt.Key.Key_Plus)
    assert canvas.zoom > fitted
    QTest.keyClick(canvas, Qt.Key.Key_0)
    assert canvas.zoom == pytest.approx(fitted)


def test_dragging_the_ground_pans(canvas: Canvas) -> None:
    canvas.show_diagram(diagram(6, 4))
    canvas.zoom_by(2.0)
    before = canvas.seen.center()
    ground = QPoint(2, canvas.viewport().height() - 2)
    drag(canvas, ground, ground + QPoint(60, -40))
    after = canvas.seen.center()
    assert before.x() - after.x() == pytest.approx(60 / canvas.zoom, abs=2)


def drag(canvas: Canvas, start: QPoint, end: QPoint) -> None:
    viewport = canvas.viewport()
    QTest.mousePress(viewport, Qt.MouseButton.LeftButton, pos=start)
    for step in (0.3, 0.6, 1.0):
        here = QPointF(start) + (QPointF(end) - QPointF(start)) * step
        QTest.mouseMove(viewport, here.toPoint())
        move(canvas, here)
    QTest.mouseRelease(viewport, Qt.MouseButton.LeftButton, pos=end)


def move(canvas: Canvas, here: QPointF) -> None:
    """A mouse move with the left button held, which QTest cannot send."""
    from PySide6.QtCore import QEvent
    from PySide6.QtGui import QMouseEvent

    left = Qt.MouseButton.LeftButton
    event = QMouseEvent(QEvent.Type.MouseMove, here, here, left, left, Qt.KeyboardModifier.NoModifier)
    canvas.mouseMoveEvent(event)


def test_a_patch_dragged_to_another_cluster_of_its_layer_moves_the_neuron(canvas: Canvas, qtbot: QtBot) -> None:
    canvas.show_diagram(diagram(2, 2))
    start = point(canvas, ("cluster", "layer0", 0), 20, 50)
    with qtbot.waitSignal(canvas.units_moved) as told:
        drag(canvas, start, point(canvas, ("cluster", "layer0", 1), 20, 50))
    assert told.args == ["layer0", (0,), 1]


def test_a_patch_dragged_to_another_layer_stays(canvas: Canvas, qtbot: QtBot) -> None:
    canvas.show_diagram(diagram(2, 2))
    start = point(canvas, ("cluster", "layer0", 0), 20, 50)
    with qtbot.assertNotEmitted(canvas.units_moved):
        drag(canvas, start, point(canvas, ("cluster", "layer1", 1), 20, 50))


def test_escape_ends_a_drag(canvas: Canvas, qtbot: QtBot) -> None:
    canvas.show_diagram(diagram(2, 2))
    start, end = (point(canvas, ("cluster", "layer0", i), 20, 50) for i in (0, 1))
    QTest.mousePress(canvas.viewport(), Qt.MouseButton.LeftButton, pos=start)
    move(canvas, QPointF(end))
    QTest.keyClick(canvas, Qt.Key.Key_Escape)
    with qtbot.assertNotEmitted(canvas.units_moved):
        QTest.mouseRelease(canvas.viewport(), Qt.MouseButton.LeftButton, pos=end)


def test_the_map_steps_aside_while_something_is_carried(canvas: Canvas) -> None:
    canvas.show_diagram(diagram(2, 2))
    canvas.zoom_by(4.0 / canvas.zoom)
    canvas.reveal(("cluster", "layer0", 0))
    start = point(canvas, ("cluster", "layer0", 0), 20, 50)
    assert canvas.minimap.isVisible()
    QTest.mousePress(canvas.viewport(), Qt.MouseButton.LeftButton, pos=start)
    move(canvas, QPointF(start) + QPointF(30, 30))
    canvas.centre_on(canvas.seen.center())
    assert not canvas.minimap.isVisible()
    QTest.mouseRelease(canvas.viewport(), Qt.MouseButton.LeftButton, pos=start)
    assert canvas.minimap.isVisible()


def test_a_card_that_moves_glides_to_its_new_place(canvas: Canvas, qtbot: QtBot) -> None:
    canvas.animated = True
    old, key = diagram(), ("cluster", "layer1", 0)
    canvas.show_diagram(old)
    canvas.show_diagram(moved(old, key, 40))
    item = canvas.stage.item(key)
    assert item is not None
    assert item.pos().y() == old.card(key).box.y
    qtbot.waitUntil(lambda: not canvas.stage.moving)
    assert item.pos().y() == old.card(key).box.y + 40


def test_a_card_that_is_gone_leaves_the_stage(canvas: Canvas) -> None:
    old, key = diagram(), ("cluster", "layer1", 0)
    canvas.show_diagram(old)
    canvas.show_diagram(replace(old, cards=tuple(c for c in old.cards if c.key != key), links=()))
    assert canvas.stage.item(key) is None


def test_only_what_changed_is_painted_anew(canvas: Canvas, qtbot: QtBot) -> None:
    old = diagram(2, 2)
    canvas.show_diagram(old)
    qtbot.waitUntil(lambda: all(canvas.stage.ready(card.key) for card in old.cards))
    first = old.cards[0]
    canvas.show_diagram(replace(old, cards=(Card(first.key, first.box, face("renamed", 3)), *old.cards[1:])))
    assert [canvas.stage.ready(card.key) for card in old.cards] == [False, True, True, True]


def test_the_anchor_stays_where_it_was_on_the_screen(canvas: Canvas) -> None:
    old, key = diagram(4, 4), ("cluster", "layer1", 0)
    canvas.show_diagram(old)
    canvas.zoom_by(1.6)
    before = point(canvas, key)
    canvas.show_diagram(moved(old, key, 120), anchor=key)
    assert (point(canvas, key) - before).manhattanLength() <= 2


def test_a_picture_that_was_seen_whole_stays_whole_whatever_its_anchor_does(canvas: Canvas) -> None:
    old, key = diagram(4, 4), ("cluster", "layer1", 0)
    canvas.show_diagram(old)
    canvas.show_diagram(moved(old, key, 200), anchor=key)
    assert canvas.seen.contains(QRectF(0, 0, old.width, old.height))


def test_the_zoom_stays_when_a_picture_grows_around_an_anchor(canvas: Canvas) -> None:
    canvas.show_diagram(diagram(3, 3))
    before = canvas.zoom
    canvas.show_diagram(diagram(9, 3), anchor=("column", "layer0"))
    assert canvas.zoom == before
    canvas.show_diagram(diagram(10, 3))
    assert canvas.zoom == before


def test_a_fitted_picture_without_an_anchor_is_fitted_again(canvas: Canvas) -> None:
    canvas.show_diagram(diagram(3, 3))
    whole = diagram(9, 3)
    canvas.show_diagram(whole)
    assert canvas.seen.contains(whole.width, whole.height / 2)


def test_headers_stay_where_they_are_when_a_picture_gets_lower(canvas: Canvas) -> None:
    places = []
    for n_cards in (8, 7):
        canvas.show_diagram(diagram(9, n_cards))
        canvas.fit()
        places.append(canvas.mapFromScene(QPointF(0, 0)).y())
    assert abs(places[0] - places[1]) <= 1
    assert places[0] < 20


def test_a_low_picture_reaches_down_to_the_middle(canvas: Canvas) -> None:
    low = diagram(30, 1)
    canvas.show_diagram(low)
    assert canvas.mapFromScene(QPointF(0, low.height)).y() == pytest.approx(canvas.viewport().height() / 2, abs=8)


def test_the_map_hides_while_everything_is_seen(canvas: Canvas) -> None:
    canvas.show_diagram(diagram(6, 4))
    assert not canvas.minimap.isVisible()
    canvas.zoom_by(3.0)
    assert canvas.minimap.isVisible()


def test_a_card_in_view_is_revealed_where_it_is(canvas: Canvas) -> None:
    whole = diagram(6, 4)
    canvas.show_diagram(whole)
    canvas.zoom_by(1.0 / canvas.zoom)
    box = whole.columns[0].header.box
    canvas.centre_on(QPointF(box.x - 8 + canvas.seen.width() / 2, box.y - 8 + canvas.seen.height() / 2))
    before = canvas.seen
    canvas.reveal(whole.columns[0].header.key)
    assert canvas.seen == before


def test_revealing_a_card_at_the_border_shows_hardly_any_ground_beyond(canvas: Canvas) -> None:
    whole = diagram(6, 4)
    canvas.show_diagram(whole)
    canvas.zoom_by(3.0 / canvas.zoom)
    canvas.centre_on(QPointF(whole.width, whole.height))
    first = whole.columns[0].header
    canvas.reveal(first.key)
    assert canvas.seen.contains(QRectF(first.box.x, first.box.y, first.box.w, first.box.h))
    assert canvas.seen.left() > -30 / canvas.zoom
    assert canvas.seen.top() > -30 / canvas.zoom


def test_the_seen_part_lies_inside_the_diagram(canvas: Canvas) -> None:
    whole = diagram(6, 4)
    canvas.show_diagram(whole)
    assert canvas.seen_part == Box(0, 0, whole.width, whole.height)
    canvas.zoom_by(4.0)
    part = canvas.seen_part
    assert part is not None
    assert part.w < whole.width


def test_pictures_are_untouched_by_the_dark_theme(canvas: Canvas, qtbot: QtBot) -> None:
    whole = diagram(2, 2)
    canvas.show_diagram(whole)

    def shown() -> tuple[int, ...]:
        qtbot.waitUntil(lambda: all(canvas.stage.ready(card.key) for card in whole.cards))
        qtbot.wait(1)
        where = point(canvas, ("cluster", "layer0", 0), 44 + 34, 60)
        return tuple(canvas.grab().toImage().pixelColor(where).getRgb())

    light = shown()
    canvas.set_theme(DARK)
    assert shown() == light


def test_an_empty_canvas_survives_every_key(canvas: Canvas) -> None:
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Return, Qt.Key.Key_Plus, Qt.Key.Key_0, Qt.Key.Key_Escape):
        QTest.keyClick(canvas, key)
    canvas.show_diagram(None)
    assert canvas.seen_part is None


def test_panning_repaints_a_strip_only(canvas: Canvas, qtbot: QtBot) -> None:
    painted: list[QRegion] = []

    class Watch(QObject):
        def eventFilter(self, watched: QObject, event: QEvent) -> bool:
            if isinstance(event, QPaintEvent):
                painted.append(event.region())
            return False

    canvas.show_diagram(diagram(12, 8))
    canvas.actual_size()
    assert canvas.minimap.isVisible()
    qtbot.waitUntil(lambda: canvas.stage.ready(("cluster", "layer5", 4)) and not canvas.settling)
    QApplication.processEvents()
    before = canvas.minimap.geometry()
    assert canvas.viewport().rect().contains(before)
    watch = Watch()
    canvas.viewport().installEventFilter(watch)
    canvas.pan(QPointF(7, 3))
    QApplication.processEvents()
    view = canvas.viewport()
    area = sum(r.width() * r.height() for region in painted for r in region)
    assert 0 < area < 0.3 * view.width() * view.height()
    assert canvas.minimap.geometry() == before
