"""The map of the whole picture stands where it hides nothing."""

from __future__ import annotations

import pytest
from pictures import face
from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from cnnvis.gui.minimap import CORNERS, Minimap
from cnnvis.layout.diagram import Box, Card, Diagram

VIEW = (900, 600)
WHOLE = (3000.0, 2000.0)


def with_cards(*boxes: Box) -> Diagram:
    """A picture of 3000 × 2000 with cards in these places."""
    cards = tuple(Card(("cluster", "conv", i), box, face("a", 1, box.w, box.h)) for i, box in enumerate(boxes))
    return Diagram((), cards, (), *WHOLE)


def under(*corners: str) -> Diagram:
    """Cards that lie under some corners of a view of the first 900 × 600 pixels, and one far away."""
    boxes = [
        Box(500.0 if "right" in c else 0.0, 350.0 if "bottom" in c else 0.0, 400.0, 250.0) for c in corners
    ]
    return with_cards(*boxes, Box(2500, 1500, 100, 100))


@pytest.fixture
def minimap(qtbot: QtBot) -> Minimap:
    """The map on a view of 900 × 600."""
    view = QWidget()
    qtbot.addWidget(view)
    view.resize(*VIEW)
    view.show()
    return Minimap(view)


def look(minimap: Minimap, diagram: Diagram, x: float = 0.0, y: float = 0.0) -> None:
    """Come to rest over a part of a diagram, one pixel a pixel."""
    minimap.set_diagram(diagram)
    glance(minimap, x, y)
    minimap.rest()


def glance(minimap: Minimap, x: float, y: float) -> None:
    """See another part, on the way."""
    minimap.place()
    minimap.set_seen(QRectF(x, y, *VIEW))


def test_it_is_hidden_while_all_cards_are_in_view(minimap: Minimap) -> None:
    look(minimap, with_cards(Box(100, 100, 100, 100), Box(700, 400, 100, 100)))
    assert minimap.isHidden()
    glance(minimap, 300, 0)
    assert not minimap.isHidden()


@pytest.mark.parametrize("free", CORNERS)
def test_it_stands_in_the_corner_without_cards(minimap: Minimap, free: str) -> None:
    look(minimap, under(*(corner for corner in CORNERS if corner != free)))
    assert minimap.corner == free
    assert not minimap.folded
    room, mine = minimap.parentWidget().rect(), minimap.geometry()
    assert room.contains(mine)
    assert (mine.right() > room.center().x()) == ("right" in free)
    assert (mine.bottom() > room.center().y()) == ("bottom" in free)


def test_of_free_corners_it_takes_the_right_one_below(minimap: Minimap) -> None:
    look(minimap, under())
    assert minimap.corner == "bottom right"


def test_it_stays_in_its_corner_while_that_is_free(minimap: Minimap) -> None:
    look(minimap, under("bottom right"))
    corner = minimap.corner
    assert corner != "bottom right"
    look(minimap, under())
    assert minimap.corner == corner


def test_it_changes_its_corner_only_at_rest(minimap: Minimap) -> None:
    look(minimap, under("bottom right"), 1200.0, 0.0)
    before = minimap.geometry()
    glance(minimap, 0.0, 0.0)
    assert minimap.geometry() == before
    minimap.rest()
    assert minimap.geometry() != before


def test_where_every_corner_has_cards_it_folds_to_a_word(minimap: Minimap) -> None:
    look(minimap, under(*CORNERS))
    assert minimap.folded
    assert minimap.width() * minimap.height() < 1500


def test_a_click_opens_it_and_it_folds_when_the_mouse_leaves(minimap: Minimap, qtbot: QtBot) -> None:
    asked: list[QPointF] = []
    minimap.asked.connect(asked.append)
    look(minimap, under(*CORNERS))
    QTest.mouseClick(minimap, Qt.MouseButton.LeftButton)
    assert not minimap.folded
    assert asked == []
    minimap.rest()
    assert not minimap.folded
    QTest.mouseClick(minimap, Qt.MouseButton.LeftButton, pos=QPoint(20, 20))
    assert len(asked) == 1
    QApplication.sendEvent(minimap, QEvent(QEvent.Type.Leave))
    assert minimap.folded


def test_it_stays_put_while_the_user_drags_on_it(minimap: Minimap) -> None:
    look(minimap, under("bottom left", "top left", "top right"))
    before = minimap.geometry()
    QTest.mousePress(minimap, Qt.MouseButton.LeftButton, pos=QPoint(40, 40))
    glance(minimap, 2300.0, 1300.0)
    minimap.rest()
    assert minimap.geometry() == before
    QTest.mouseRelease(minimap, Qt.MouseButton.LeftButton, pos=QPoint(40, 40))
