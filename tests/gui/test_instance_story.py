"""A story with a real network: a picture is dropped in, its path lights up; a subset is recorded for itself."""

from __future__ import annotations

from pathlib import Path

from PIL import Image
from pytestqt.qtbot import QtBot
from windows import rest

from cnnvis.gui.window import Window
from cnnvis.model.instances import must_find_instance, predicted
from cnnvis.model.job import AnalysisPlan, DataSource, Job, NetworkSource
from cnnvis.model.measurements import Edging
from cnnvis.model.subset_responses import is_exact
from cnnvis.model.viewed import subset_rows


def test_from_a_dropped_picture_to_its_path_and_from_a_class_to_its_own_picture(
    window: Window, qtbot: QtBot, tmp_path: Path
) -> None:
    controller = window.controller
    plan = AnalysisPlan(probe_images=2)
    controller.analyze(Job(NetworkSource("demo:healthy"), DataSource("demo:healthy", per_class=3), plan))
    rest(window, qtbot)
    session, sources = controller.session, controller._services.sources
    assert session is not None
    assert sources is not None
    Image.fromarray(sources.data.picture(4)).save(tmp_path / "mine.png")

    controller.open(tmp_path / "mine.png")
    rest(window, qtbot)
    assert controller.session.look.instance == "mine.png"  # type: ignore[union-attr]
    opened = must_find_instance(controller.session, "mine.png")  # type: ignore[arg-type]
    assert predicted(opened) == int(session.activations.samples.predictions[4])  # type: ignore[union-attr]
    assert window.instance.isVisible()
    path = controller.diagram.path  # type: ignore[union-attr]
    assert path[0].sink == ("class", predicted(opened))
    assert [a.source for a in path[:-1]] == [b.sink for b in path[1:]]
    assert set(window.canvas.stage.asked_links) == set(path)

    window.commands.run("take_away")
    window.commands.run("subset_class", (2,))
    rest(window, qtbot)
    found = controller.session
    assert found is not None
    rows = subset_rows(found)
    assert rows is not None
    assert is_exact(found.activations, rows)  # type: ignore[arg-type]
    assert Edging(subset=window.topbar.subsets.text().split(" · ")[0]) in found.measurements.connections
    assert found.analysis.clusters == session.analysis.clusters

    (tmp_path / "torn.jpg").write_bytes(b"no picture")
    controller.open(tmp_path / "torn.jpg")
    rest(window, qtbot)
    assert window.notice.notice is not None
    assert window.notice.notice.text == "torn.jpg is not a picture."
    assert controller.session is found
