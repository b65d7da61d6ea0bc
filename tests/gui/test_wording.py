"""One word for one thing: a user reads of images, or of rows, never of samples."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from layout_sessions import a_session, measured
from PySide6.QtWidgets import QAbstractButton, QLabel, QWidget
from pytestqt.qtbot import QtBot
from windows import rest, show

from cnnvis.gui.menus import COMMANDS
from cnnvis.gui.panels.charts import Bars
from cnnvis.gui.window import Window
from cnnvis.gui.wording import reword
from cnnvis.layout.compose import draw
from cnnvis.layout.confusion import confusion_diagram
from cnnvis.layout.matrix import matrix_diagram
from cnnvis.model.nouns import IMAGE, ROW
from cnnvis.model.session import FACETS, Session

PLACES = [("cluster", "layer1.conv2", 0), ("column", "layer1.conv2"), ("unit", "layer1.conv2", 1), ("class", 0)]


def a_table() -> Session:
    """A session whose inputs are rows of a table."""
    session = measured(a_session())
    assert session.activations is not None
    return replace(session, activations=replace(session.activations, noun=ROW))


def written(root: QWidget) -> list[str]:
    """Everything that can be read in a widget: texts, tooltips, names for screen readers."""
    found: list[str] = []
    for widget in (root, *root.findChildren(QWidget)):
        found += [widget.toolTip(), widget.accessibleName()]
        if isinstance(widget, QLabel | QAbstractButton):
            found.append(widget.text())
        if isinstance(widget, Bars):
            found += [bar.tip for bar in widget._bars]
    return [text for text in found if text]


def read(window: Window, qtbot: QtBot, session: Session) -> list[str]:
    """What is written in the window with each kind of thing selected, in all facets."""
    show(window, qtbot, session)
    found: list[str] = []
    for facet in FACETS:
        diagram = draw(session.with_look(replace(session.look, facet=facet)))
        found += [text for card in (*diagram.cards, *diagram.heads) for text in (card.tooltip, card.title)]
        found.append(diagram.caption)
    for key in PLACES:
        window.controller.choose(key)
        rest(window, qtbot)
        found += written(window.panels["details"])
    found += [*written(window.topbar), *written(window.workbar)]
    for panel in window.panels.values():
        found += written(panel)
    actions = [window.actions_[verb] for verb in COMMANDS if verb in window.actions_._actions]
    found += [text for action in actions for text in (action.text().replace("&", ""), action.toolTip())]
    for picture in (confusion_diagram(session), matrix_diagram(session, "layer1.conv2")):
        found += [picture.caption, *(entry.text for entry in picture.legend)]
    return found


def said(texts: list[str], word: str) -> set[str]:
    return {text for text in texts if re.search(rf"\b{word}s?\b", text, re.IGNORECASE)}


def test_a_user_with_images_reads_of_images_alone(window: Window, qtbot: QtBot) -> None:
    texts = read(window, qtbot, measured(a_session()))
    assert said(texts, "image")
    assert not said(texts, "sample")


def test_a_user_with_a_table_reads_of_rows_alone(window: Window, qtbot: QtBot) -> None:
    texts = read(window, qtbot, a_table())
    assert said(texts, "row")
    assert not said(texts, "sample")
    others = {text for text in said(texts, "image") if "Open image" not in text}
    assert not others


def test_after_a_table_the_window_speaks_of_images_again(window: Window, qtbot: QtBot) -> None:
    first = set(read(window, qtbot, measured(a_session())))
    read(window, qtbot, a_table())
    assert set(read(window, qtbot, measured(a_session()))) == first


@pytest.mark.parametrize("noun", [IMAGE, ROW])
def test_what_is_reworded_twice_says_the_same(noun: object, window: Window) -> None:
    place = QLabel("3 images", window)
    place.setToolTip("Each image")
    for word in (ROW, noun, noun):
        reword(place, word)  # type: ignore[arg-type]
    assert place.text() == ("3 images" if noun == IMAGE else "3 rows")
