"""Drawn images in the place of patches: switched, drawn in the background, kept and reopened."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pytestqt.qtbot import QtBot
from windows import rest, run, said, show

from cnnvis.gui.window import Window
from cnnvis.model.job import AnalysisPlan, DataSource, Job, NetworkSource
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


def test_images_are_drawn_for_what_is_shown_and_kept_in_the_file(
    window: Window, qtbot: QtBot, tmp_path: Path, monkeypatch
) -> None:
    asked: list[tuple[str, tuple[int, ...]]] = []

    def drawn(session, sources, layer, units, *, progress):
        asked.append((layer, tuple(units)))
        values = np.full((len(units), 8, 8, 3), 99, np.uint8)
        ones = np.ones(len(units), np.float32)
        return Icons(layer, tuple(units), values, ones, ones, 8)

    monkeypatch.setattr(icons, "drawn_icons", drawn)
    job = Job(NetworkSource("demo:healthy"), DataSource("demo:healthy", per_class=2), AnalysisPlan(probe_images=2))
    window.controller.analyze(job)
    rest(window, qtbot)
    run(window, qtbot, "source_synthesis")
    session = window.controller.session
    assert session is not None
    assert session.look.source == "synthesis"
    assert {layer for layer, _ in asked} == {g.representative for g in session.analysis.groups[:-1]}
    layer, units = asked[0]
    number = session.synthesis.number(layer, units[0])
    assert number is not None
    picture = session.picture(number)
    assert picture is not None
    assert int(picture[0, 0, 0]) == 99

    asked.clear()
    run(window, qtbot, "source_images")
    run(window, qtbot, "source_synthesis")
    assert asked == []
    again = load(save(session, tmp_path / "drawn.cnnvis"))
    assert again.look.source == "synthesis"
    assert again.synthesis.icons.keys() == session.synthesis.icons.keys()
