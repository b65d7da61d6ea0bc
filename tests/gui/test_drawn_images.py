"""Drawn images in the place of patches: switched, drawn in the background, kept and reopened."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot
from sessions import made_up_session
from windows import rest, run, said, show

from cnnvis.errors import Cancelled, InvalidValue
from cnnvis.gui.panels.face_view import FaceView
from cnnvis.gui.studies.drawing_queue import Wish
from cnnvis.gui.window import Window
from cnnvis.layout.caption import caption
from cnnvis.layout.marks import Label
from cnnvis.model.job import AnalysisPlan, DataSource, Job, NetworkSource
from cnnvis.model.session import Session
from cnnvis.model.synthesis import Icons
from cnnvis.storage.archive import load, save
from cnnvis.workflow import icons


def of(units: tuple[int, ...], level: int) -> Icons:
    n = len(units)
    values = np.full((n, 8, 8, 3), level, np.uint8)
    return Icons("conv1", units, values, np.ones(n, np.float32), np.ones(n, np.float32), 8)


def test_icons_drawn_later_join_those_of_other_units() -> None:
    both = of((1, 4), 10).joined(of((2, 4), 20))
    assert both.units == (1, 2, 4)
    assert [int(both.values[row, 0, 0, 0]) for row in range(3)] == [10, 20, 20]


def test_without_the_network_the_window_says_how_to_get_them(window: Window, qtbot: QtBot) -> None:
    show(window, qtbot)
    run(window, qtbot, "source_synthesis")
    assert said(window) == "The network must be connected to draw images. Choose File ▸ Connect network."
    assert window.controller.session.look.source == "images"  # type: ignore[union-attr]
    assert window.actions_["source_images"].isChecked()


@dataclass
class Drawer:
    """Draws at once what takes minutes, and remembers what it was asked."""

    asked: list[Wish] = field(default_factory=list)
    error: BaseException | None = None

    def __call__(self, session, sources, layer, units, *, way, coarse, progress) -> Icons:
        self.asked.append(Wish(layer, way, tuple(units), coarse))
        if self.error is not None and not coarse:
            raise self.error
        copies = 4 if way == "diverse" else 1
        values = np.full((len(units) * copies, 8, 8, 3), 99, np.uint8)
        ones = np.ones(len(values), np.float32)
        return Icons(layer, tuple(units), values, ones, ones[: len(units)], 16 if coarse else 64, way, copies)


@pytest.fixture
def drawer(window: Window, qtbot: QtBot, monkeypatch) -> Drawer:
    """The demo with its network, and a fast drawer."""
    found = Drawer()
    monkeypatch.setattr(icons, "drawn_icons", found)
    job = Job(NetworkSource("demo:healthy"), DataSource("demo:healthy", per_class=2), AnalysisPlan(probe_images=2))
    window.controller.analyze(job)
    rest(window, qtbot)
    return found


def session_of(window: Window) -> Session:
    assert window.controller.session is not None
    return window.controller.session


def test_images_are_drawn_for_what_is_shown_and_kept_in_the_file(
    window: Window, qtbot: QtBot, drawer: Drawer, tmp_path: Path
) -> None:
    run(window, qtbot, "source_synthesis")
    session = session_of(window)
    assert session.look.source == "synthesis"
    layers = {g.representative for g in session.analysis.groups[:-1]}
    assert {wish.layer for wish in drawer.asked if not wish.coarse} == layers
    layer, units = drawer.asked[0].layer, drawer.asked[0].units
    number = session.synthesis.number(layer, units[0])
    assert number is not None
    picture = session.picture(number)
    assert picture is not None
    assert int(picture[0, 0, 0]) == 99

    drawer.asked.clear()
    run(window, qtbot, "source_images")
    run(window, qtbot, "source_synthesis")
    assert drawer.asked == []
    again = load(save(session, tmp_path / "drawn.cnnvis"))
    assert again.look.source == "synthesis"
    assert again.synthesis.icons.keys() == session.synthesis.icons.keys()


def test_most_and_least_and_several_of_each_are_chosen_in_the_menu(
    window: Window, qtbot: QtBot, drawer: Drawer
) -> None:
    run(window, qtbot, "source_extremes")
    assert {wish.way for wish in drawer.asked} == {"max", "min"}
    assert window.actions_["source_extremes"].isChecked()
    drawer.asked.clear()
    run(window, qtbot, "source_diverse")
    assert {wish.way for wish in drawer.asked} == {"diverse"}
    assert "drawn from noise" in caption(session_of(window))


def test_neurons_of_a_card_that_opens_are_drawn_too(window: Window, qtbot: QtBot, drawer: Drawer) -> None:
    run(window, qtbot, "source_synthesis")
    drawer.asked.clear()
    group = next(g for g in session_of(window).analysis.groups if len(g.layers) > 1)
    run(window, qtbot, "expand", ("column", group.representative))
    assert {wish.layer for wish in drawer.asked} == {*group.layers} - {group.representative}


def test_after_a_stop_nothing_is_drawn_until_one_goes_on(window: Window, qtbot: QtBot, drawer: Drawer) -> None:
    drawer.error = Cancelled("Stopped by the user.")
    run(window, qtbot, "source_synthesis")
    assert said(window).startswith("Stopped. What is drawn until now stays")
    drawer.asked.clear()
    drawer.error = None
    run(window, qtbot, "packing_flat")
    assert drawer.asked == []
    notice = window.notice.notice
    assert notice is not None
    notice.offers[0].act()
    rest(window, qtbot)
    assert drawer.asked
    assert not any(wish.coarse for wish in drawer.asked)  # the sketches are there


def test_real_patches_take_the_word_of_the_stop_away(window: Window, qtbot: QtBot, drawer: Drawer) -> None:
    drawer.error = Cancelled("Stopped by the user.")
    run(window, qtbot, "source_synthesis")
    run(window, qtbot, "source_images")
    assert said(window) == ""


def test_a_failure_is_said_once(window: Window, qtbot: QtBot, drawer: Drawer) -> None:
    drawer.error = InvalidValue("The network must give numbers; it gave NaN.")
    run(window, qtbot, "source_synthesis")
    assert said(window) == "The network must give numbers; it gave NaN."
    assert sum(not wish.coarse for wish in drawer.asked) == 1


def test_one_neuron_is_drawn_in_every_way_from_its_page(window: Window, qtbot: QtBot, drawer: Drawer) -> None:
    layer = session_of(window).analysis.groups[1].representative
    window.controller.choose(("unit", layer, 3))
    page = window.panels["details"]
    next(b for b in page.findChildren(QPushButton) if b.text() == "Draw what drives it").click()
    rest(window, qtbot)
    assert [(w.way, w.units, w.coarse) for w in drawer.asked] == [
        ("max", (3,), False),
        ("min", (3,), False),
        ("diverse", (3,), False),
    ]
    assert session_of(window).look.source == "images"
    face = next(view.face for view in page.findChildren(FaceView) if "drawn" in view.accessibleName())
    texts = [mark.text for mark in face.marks if isinstance(mark, Label)]
    assert texts[:2] == ["Strongest real", texts[1]]
    assert texts[2:] == ["Most", "1 · 1.0×", "Least", "1", "Several, unlike each other", *["1.0×"] * 4]


def test_a_table_says_why_nothing_can_be_drawn(window: Window, qtbot: QtBot) -> None:
    session = made_up_session()
    network = session.analysis.network
    row = replace(network.layers[0], shape=(30,))
    network = replace(network, layers=(row, *network.layers[1:]))
    show(window, qtbot, session.with_analysis(replace(session.analysis, network=network)))
    run(window, qtbot, "source_extremes")
    assert said(window).startswith("Pictures can be drawn for neurons of a network that takes pictures")
    assert window.actions_["source_images"].isChecked()


def test_the_selected_card_is_drawn_before_those_in_view_and_these_before_the_rest(
    window: Window, qtbot: QtBot, drawer: Drawer
) -> None:
    diagram = window.controller.diagram
    assert diagram is not None
    cards = [card.key for card in diagram.cards if card.key[0] == "cluster"]
    for _ in range(6):
        window.canvas.zoom_in()
    window.controller.choose(cards[-1])
    rest(window, qtbot)
    seen = window.canvas.in_view(cards)
    assert cards[-1] in seen
    assert len(seen) < len(cards)
    run(window, qtbot, "source_synthesis")
    assert drawer.asked[0].layer == cards[-1][1]
    near = [wish.near for wish in drawer.asked]
    assert near == sorted(near, reverse=True)
    assert {wish.coarse for wish in drawer.asked if wish.near} == {True, False}
