"""What a hand can do to the canvas: carry neurons and clusters, draw a rubber band, move a boundary."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from pictures import diagram
from PySide6.QtCore import QEvent, QPointF, QRectF, Qt
from PySide6.QtGui import QMouseEvent, QPixmap
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from cnnvis.gui.canvas import Canvas
from cnnvis.gui.gestures import Landing, Plain, UnitDrag
from cnnvis.gui.ghost import Ghost
from cnnvis.gui.steering import clear_of, unit_boxes
from cnnvis.layout.diagram import Box, Card, Cells, Column, Face, Key
from cnnvis.layout.theme import LIGHT

LAYER = "layer1"
FIRST, SECOND, THIRD = (("cluster", LAYER, i) for i in range(3))
PLAIN, CONTROL, SHIFT = (
    Qt.KeyboardModifier.NoModifier,
    Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.ShiftModifier,
)
LEFT, MIDDLE = Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton


@pytest.fixture
def canvas(canvas: Canvas) -> Canvas:
    """With three columns of three cards."""
    canvas.resize(900, 700)
    canvas.show_diagram(diagram(3, 3, n_links=0))
    return canvas


class Hand:
    """Presses, moves and releases at places of the diagram."""

    def __init__(self, canvas: Canvas, button: Qt.MouseButton = LEFT, held: Qt.KeyboardModifier = PLAIN) -> None:
        self.canvas, self.button, self.held = canvas, button, held

    def send(self, kind: QEvent.Type, where: QPointF) -> None:
        view = self.canvas.viewport()
        here = QPointF(self.canvas.mapFromScene(where))
        moving, released = kind == QEvent.Type.MouseMove, kind == QEvent.Type.MouseButtonRelease
        button = Qt.MouseButton.NoButton if moving else self.button
        down = Qt.MouseButton.NoButton if released else self.button
        event = QMouseEvent(kind, here, QPointF(view.mapToGlobal(here)), button, down, self.held)
        QApplication.sendEvent(view, event)

    def hold(self, start: QPointF, *there: QPointF) -> None:
        self.send(QEvent.Type.MouseButtonPress, start)
        for where in there:
            self.send(QEvent.Type.MouseMove, (start + where) / 2)
            self.send(QEvent.Type.MouseMove, where)

    def drag(self, start: QPointF, end: QPointF) -> None:
        self.hold(start, end)
        self.send(QEvent.Type.MouseButtonRelease, end)

    def click(self, where: QPointF) -> None:
        self.hold(where)
        self.send(QEvent.Type.MouseButtonRelease, where)


def patch(canvas: Canvas, key: Key, unit: int) -> QPointF:
    assert canvas.diagram is not None
    box = dict(unit_boxes(canvas.diagram.card(key), canvas.zoom))[unit]
    return QPointF(box.x + box.w / 2, box.middle)


def title(canvas: Canvas, key: Key) -> QPointF:
    assert canvas.diagram is not None
    box = canvas.diagram.card(key).box
    return QPointF(box.x + 60, box.y + 8)


def below(canvas: Canvas, layer: str = LAYER) -> QPointF:
    """An empty place of a column."""
    assert canvas.diagram is not None
    boxes = [card.box for card in canvas.diagram.cards if card.key[1] == layer]
    return QPointF(boxes[0].x + 40, max(box.bottom for box in boxes) + 30)


def ghosts(canvas: Canvas) -> list[Ghost]:
    return [item for item in canvas.stage.scene.items() if isinstance(item, Ghost)]


# Choosing


def test_a_click_on_a_patch_selects_its_neuron_and_outlines_its_card(canvas: Canvas, qtbot: QtBot) -> None:
    with qtbot.waitSignal(canvas.selected) as told:
        Hand(canvas).click(patch(canvas, FIRST, 1))
    assert told.args == [(("unit", LAYER, 1),)]
    assert canvas.selection == (FIRST,)


def test_control_adds_neurons_and_takes_them_away_again(canvas: Canvas) -> None:
    Hand(canvas).click(patch(canvas, FIRST, 1))
    Hand(canvas, held=CONTROL).click(patch(canvas, FIRST, 2))
    assert canvas.units == (("unit", LAYER, 1), ("unit", LAYER, 2))
    Hand(canvas, held=CONTROL).click(patch(canvas, FIRST, 1))
    assert canvas.units == (("unit", LAYER, 2),)


def test_control_adds_a_card_to_selected_cards_wherever_it_is_clicked(canvas: Canvas) -> None:
    Hand(canvas).click(title(canvas, FIRST))
    Hand(canvas, held=CONTROL).click(patch(canvas, SECOND, 0))
    assert canvas.selection == (FIRST, SECOND)
    assert canvas.units == ()


def test_neurons_of_another_layer_take_the_place_of_those_selected(canvas: Canvas) -> None:
    Hand(canvas).click(patch(canvas, FIRST, 1))
    Hand(canvas, held=CONTROL).click(patch(canvas, ("cluster", "layer2", 0), 0))
    assert canvas.units == (("unit", "layer2", 0),)


def test_a_right_click_on_one_of_several_neurons_keeps_them_all(canvas: Canvas) -> None:
    canvas.select((FIRST,), (("unit", LAYER, 0), ("unit", LAYER, 1)))
    where = canvas.mapFromScene(patch(canvas, FIRST, 1))
    from PySide6.QtGui import QContextMenuEvent

    canvas.contextMenuEvent(QContextMenuEvent(QContextMenuEvent.Reason.Mouse, where, where))
    assert len(canvas.units) == 2


# The rubber band


def test_a_band_begun_beside_the_cards_takes_clusters(canvas: Canvas, qtbot: QtBot) -> None:
    assert canvas.diagram is not None
    first, second = (canvas.diagram.card(key).box for key in (FIRST, SECOND))
    start, end = QPointF(first.x - 20, first.y - 4), QPointF(second.right - 30, second.y + 20)
    with qtbot.waitSignal(canvas.selected) as told:
        Hand(canvas, held=SHIFT).drag(start, end)
    assert told.args == [(FIRST, SECOND)]


def test_a_band_begun_inside_a_card_takes_the_neurons_of_its_layer(canvas: Canvas, qtbot: QtBot) -> None:
    start = patch(canvas, FIRST, 0) - QPointF(18, 18)
    with qtbot.waitSignal(canvas.selected) as told:
        Hand(canvas, held=SHIFT).drag(start, patch(canvas, FIRST, 1))
    assert told.args == [(("unit", LAYER, 0), ("unit", LAYER, 1))]


def test_a_band_shows_what_it_takes_before_it_is_released(canvas: Canvas, qtbot: QtBot) -> None:
    hand, start = Hand(canvas, held=SHIFT), patch(canvas, FIRST, 0) - QPointF(18, 18)
    with qtbot.assertNotEmitted(canvas.selected):
        hand.hold(start, patch(canvas, FIRST, 0))
        assert canvas.units == (("unit", LAYER, 0),)


def test_a_band_with_control_adds_to_what_is_selected(canvas: Canvas) -> None:
    canvas.select((THIRD,))
    assert canvas.diagram is not None
    box = canvas.diagram.card(FIRST).box
    Hand(canvas, held=SHIFT | CONTROL).drag(QPointF(box.x - 20, box.y - 4), QPointF(box.x + 20, box.y + 20))
    assert canvas.selection == (THIRD, FIRST)


# Carrying neurons


def test_all_selected_neurons_travel_together(canvas: Canvas, qtbot: QtBot) -> None:
    for unit in (0, 2):
        Hand(canvas, held=CONTROL).click(patch(canvas, FIRST, unit))
    with qtbot.waitSignal(canvas.units_moved) as told:
        Hand(canvas).drag(patch(canvas, FIRST, 2), title(canvas, SECOND))
    assert told.args == [LAYER, (0, 2), 1]


def test_a_neuron_beside_the_selection_travels_alone(canvas: Canvas, qtbot: QtBot) -> None:
    Hand(canvas).click(patch(canvas, FIRST, 0))
    with qtbot.waitSignal(canvas.units_moved) as told:
        Hand(canvas).drag(patch(canvas, FIRST, 1), title(canvas, SECOND))
    assert told.args == [LAYER, (1,), 1]


def test_neurons_dropped_on_an_empty_place_of_their_column_form_a_new_cluster(canvas: Canvas, qtbot: QtBot) -> None:
    with qtbot.waitSignal(canvas.units_gathered) as told:
        Hand(canvas).drag(patch(canvas, FIRST, 1), below(canvas))
    assert told.args == [LAYER, (1,)]


def test_neurons_dropped_beside_their_column_stay(canvas: Canvas, qtbot: QtBot) -> None:
    with qtbot.assertNotEmitted(canvas.units_moved), qtbot.assertNotEmitted(canvas.units_gathered):
        Hand(canvas).drag(patch(canvas, FIRST, 1), below(canvas, "layer2"))
        Hand(canvas).drag(patch(canvas, FIRST, 1), title(canvas, ("cluster", "layer2", 0)))


class Knowing(Plain):
    """Foresight that a test can make say anything."""

    def __init__(self, words: str | None) -> None:
        self.words = words
        self.asked: list[tuple[str, tuple[int, ...], int | None]] = []

    def moved(self, layer: str, units: Sequence[int], to: int | None) -> str | None:
        self.asked.append((layer, tuple(units), to))
        return self.words

    def begun(self, group: int, column: Column, share: float) -> Landing | None:
        return Landing(f"{column.layer}:{round(share, 1)}", share, "here", share > 0)


def test_the_ghost_says_what_would_come_of_a_drop(canvas: Canvas) -> None:
    canvas.foresight = knowing = Knowing("to “dogs”\nsilhouette 0.41 → 0.38")
    hand = Hand(canvas)
    hand.hold(patch(canvas, FIRST, 1), title(canvas, SECOND))
    hand.send(QEvent.Type.MouseMove, title(canvas, SECOND) + QPointF(3, 3))
    assert ghosts(canvas)[0].words == knowing.words
    assert knowing.asked == [(LAYER, (1,), 1)]  # once for each target
    hand.send(QEvent.Type.MouseMove, QPointF(5, 5))
    assert ghosts(canvas)[0].words == ""


def test_a_drop_that_changes_nothing_is_no_drop(canvas: Canvas, qtbot: QtBot) -> None:
    canvas.foresight = Knowing(None)
    with qtbot.assertNotEmitted(canvas.units_moved), qtbot.assertNotEmitted(canvas.units_gathered):
        Hand(canvas).drag(patch(canvas, FIRST, 1), title(canvas, SECOND))
        Hand(canvas).drag(patch(canvas, FIRST, 1), below(canvas))


def test_what_is_learned_during_a_drag_is_said(canvas: Canvas) -> None:
    canvas.foresight = knowing = Knowing("1 neuron")
    Hand(canvas).hold(patch(canvas, FIRST, 1), title(canvas, SECOND))
    knowing.words = "1 neuron\nsilhouette 0.41 → 0.38"
    canvas.refresh()
    assert ghosts(canvas)[0].words == knowing.words


def test_nothing_is_left_behind_when_a_drag_ends(canvas: Canvas) -> None:
    n = len(canvas.stage.scene.items())
    Hand(canvas).drag(patch(canvas, FIRST, 1), title(canvas, SECOND))
    Hand(canvas, held=SHIFT).drag(QPointF(2, 2), QPointF(50, 60))
    hand = Hand(canvas)
    hand.hold(title(canvas, FIRST), title(canvas, SECOND))
    QTest.keyClick(canvas, Qt.Key.Key_Escape)
    assert len(canvas.stage.scene.items()) == n


def test_a_new_picture_ends_a_drag(canvas: Canvas, qtbot: QtBot) -> None:
    hand = Hand(canvas)
    hand.hold(patch(canvas, FIRST, 1), title(canvas, SECOND))
    canvas.show_diagram(diagram(3, 2, n_links=0))
    with qtbot.assertNotEmitted(canvas.units_moved):
        hand.send(QEvent.Type.MouseButtonRelease, title(canvas, SECOND))
    assert ghosts(canvas) == []


# Carrying clusters


def test_a_card_dropped_on_another_is_merged_with_it(canvas: Canvas, qtbot: QtBot) -> None:
    with qtbot.waitSignal(canvas.clusters_merged) as told:
        Hand(canvas).drag(title(canvas, FIRST), title(canvas, SECOND))
    assert told.args == [LAYER, (1, 0)]


def test_all_selected_cards_of_the_layer_are_merged(canvas: Canvas, qtbot: QtBot) -> None:
    canvas.select((FIRST, ("cluster", "layer2", 0), SECOND))
    with qtbot.waitSignal(canvas.clusters_merged) as told:
        Hand(canvas).drag(title(canvas, SECOND), title(canvas, THIRD))
    assert told.args == [LAYER, (2, 0, 1)]


@pytest.mark.parametrize("there", [("cluster", "layer2", 1), FIRST])
def test_a_card_is_merged_with_no_other_layer_and_not_with_itself(canvas: Canvas, qtbot: QtBot, there: Key) -> None:
    with qtbot.assertNotEmitted(canvas.clusters_merged):
        Hand(canvas).drag(title(canvas, FIRST), title(canvas, there) + QPointF(40, 0))


# Boundaries


def between(canvas: Canvas) -> QPointF:
    assert canvas.diagram is not None
    left, right = canvas.diagram.columns[:2]
    return QPointF((left.header.box.right + right.header.box.x) / 2, right.header.box.middle)


def test_a_boundary_is_dragged_to_where_the_next_group_shall_begin(canvas: Canvas, qtbot: QtBot) -> None:
    canvas.foresight = Knowing("")
    assert canvas.diagram is not None
    box = canvas.diagram.card(("cluster", "layer0", 0)).box
    with qtbot.waitSignal(canvas.boundary_moved) as told:
        Hand(canvas).drag(between(canvas), QPointF(box.x + box.w / 2, between(canvas).y()))
    assert told.args == [1, "layer0:0.5"]


def test_a_boundary_that_stays_where_it_was_tells_nothing(canvas: Canvas, qtbot: QtBot) -> None:
    canvas.foresight = Knowing("")
    assert canvas.diagram is not None
    box = canvas.diagram.card(("cluster", "layer1", 0)).box
    with qtbot.assertNotEmitted(canvas.boundary_moved):
        Hand(canvas).drag(between(canvas), QPointF(box.x - 4, between(canvas).y()))


def test_the_pointer_shows_where_a_boundary_can_be_taken(canvas: Canvas) -> None:
    hand = Hand(canvas, Qt.MouseButton.NoButton)
    hand.send(QEvent.Type.MouseMove, between(canvas))
    assert canvas.viewport().cursor().shape() == Qt.CursorShape.SplitHCursor
    hand.send(QEvent.Type.MouseMove, QPointF(3, 3))
    assert canvas.viewport().cursor().shape() == Qt.CursorShape.ArrowCursor


# Panning


@pytest.mark.parametrize("button", [LEFT, MIDDLE])
def test_space_or_the_middle_button_pans_wherever_it_is(canvas: Canvas, qtbot: QtBot, button: Qt.MouseButton) -> None:
    canvas.zoom_by(2.0)
    before = canvas.seen.center()
    if button == LEFT:
        QTest.keyPress(canvas, Qt.Key.Key_Space)
    with qtbot.assertNotEmitted(canvas.units_moved):
        start = patch(canvas, FIRST, 1)
        Hand(canvas, button).drag(start, start + QPointF(40, 20))
    QTest.keyRelease(canvas, Qt.Key.Key_Space)
    assert (canvas.seen.center() - before).manhattanLength() > 20
    assert ghosts(canvas) == []


def test_a_drag_at_the_border_takes_the_view_along(canvas: Canvas, qtbot: QtBot) -> None:
    canvas.zoom_by(2.0)
    hand, before = Hand(canvas), canvas.seen.center()
    border = canvas.mapToScene(canvas.viewport().width() - 2, 200)
    hand.hold(patch(canvas, FIRST, 1), QPointF(border))
    qtbot.waitUntil(lambda: canvas.seen.center().x() > before.x() + 20)
    QTest.keyClick(canvas, Qt.Key.Key_Escape)


def test_a_drop_at_the_border_leaves_the_view_where_it_is(canvas: Canvas) -> None:
    canvas.zoom_by(2.0)
    hand, before = Hand(canvas), canvas.seen.center()
    border = canvas.mapToScene(canvas.viewport().width() - 2, 200)
    hand.hold(patch(canvas, FIRST, 1), QPointF(border))
    canvas._hand._pull_along()  # the first tick of the clock comes before the drop
    assert canvas.seen.center() == before
    QTest.keyClick(canvas, Qt.Key.Key_Escape)


# The parts


def test_a_ghost_turns_to_the_side_where_there_is_room() -> None:
    ghost = Ghost(LIGHT, (), 1)
    ghost.say("a line of words")
    assert ghost.boundingRect().left() > 0
    ghost.keep_inside(QPointF(390, 290), QRectF(0, 0, 400, 300))
    assert ghost.boundingRect().right() < 20
    assert ghost.boundingRect().bottom() < 0


def test_the_rows_of_a_matrix_are_neurons_too() -> None:
    cells = Cells(Box(8, 10, 40, 20), bytes(8), (2, 4), units=(7, 3))
    card = Card(FIRST, Box(100, 50, 60, 40), Face(60, 40, (cells,), "x"))
    assert list(unit_boxes(card, 1.0)) == [(7, Box(108, 60, 40, 10)), (3, Box(108, 70, 40, 10))]


def test_a_place_on_a_card_or_above_the_column_is_not_empty(canvas: Canvas) -> None:
    whole = canvas.diagram
    assert whole is not None
    box, where = whole.card(FIRST).box, below(canvas)
    assert clear_of(whole, LAYER, where.x(), where.y()) is not None
    assert clear_of(whole, LAYER, box.x + 10, box.y + 10) is None
    assert clear_of(whole, LAYER, box.x + 10, 2) is None
    assert clear_of(whole, "no such layer", where.x(), where.y()) is None


def test_what_is_carried_stays_beside_the_pointer_however_long_the_words(qapp: QApplication) -> None:
    ghost = Ghost(LIGHT, (QPixmap(40, 40),), 1)
    ghost.say("a sentence that is much wider than the picture that is carried")
    for here, side in ((QPointF(10, 10), 1), (QPointF(890, 10), -1)):
        ghost.keep_inside(here, QRectF(0, 0, 900, 300))
        pile = ghost._pile
        assert side * pile.center().x() > 0
        assert abs(pile.center().x()) < 40


def test_a_drag_of_many_neurons_piles_three_pictures(canvas: Canvas) -> None:
    drag = UnitDrag(canvas.stage, canvas.zoom, FIRST, range(40), Plain(), lambda *_: None)
    assert len(drag.ghost._pictures) == 3
    assert drag.ghost._count == 40
    drag.cancel()
