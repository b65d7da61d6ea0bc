"""A story with a real network: why this class? Asked, looked at, saved, opened again without the network, redone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image
from PySide6.QtCore import QCoreApplication, QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QGuiApplication
from pytestqt.qtbot import QtBot
from windows import rest, run

from cnnvis.gui.panels.explain import ExplainPanel
from cnnvis.gui.window import Window
from cnnvis.model.attribution import Attribution, Map
from cnnvis.model.job import AnalysisPlan, DataSource, Job, NetworkSource
from cnnvis.model.question import Question
from cnnvis.model.target import Target
from cnnvis.storage.archive import load
from cnnvis.workflow.demo import demo_job


def panel_of(window: Window) -> ExplainPanel:
    found = window.panels["explain"]
    assert isinstance(found, ExplainPanel)
    return found


def values_of(found: Attribution) -> np.ndarray:
    assert isinstance(found.evidence, Map)
    return found.evidence.values


def test_from_an_image_to_its_map_and_back_from_the_file(window: Window, qtbot: QtBot, tmp_path: Path) -> None:
    controller = window.controller
    plan = AnalysisPlan(probe_images=2)
    controller.analyze(Job(NetworkSource("demo:healthy"), DataSource("demo:healthy", per_class=3), plan))
    rest(window, qtbot)
    window.actions_["explain"].trigger()
    rest(window, qtbot)
    panel = panel_of(window)
    panel.question.images.step(1)
    panel.question.choose_method("Grad-CAM")
    panel.question._go.click()
    rest(window, qtbot)

    session = controller.session
    assert session is not None
    (found,) = session.attributions
    image = panel.question.images
    assert (found.sample, found.target.units) == (image.image, (image.said,))
    assert values_of(found).shape == (64, 64)
    assert panel.view.shown is not None
    assert [cell.card.title for cell in panel.view.shown.cells] == [image.name.split("/")[-1], "Grad-CAM"]
    panel.manner.choose("beside")
    panel._put()
    assert panel.setting.manner == "beside"

    run(window, qtbot, "explain_region", image.image, (16, 16, 48, 48))
    assert not panel.region.isHidden()
    assert controller.selection[0][0] == "unit"

    bad = Question(0, Target("nowhere", (0,)), "Grad-CAM")
    run(window, qtbot, "explain_ask", (bad,))
    assert "nowhere" in panel.state.sentence.text()
    assert panel.state.isVisible()
    panel.state.button.click()
    assert not panel.state.isVisible()

    path = tmp_path / "why.cnnvis"
    controller.save(path)
    rest(window, qtbot)
    controller.open(path)
    rest(window, qtbot)
    assert controller._services.sources is None
    panel.question.images.show_image(found.sample)
    panel._put()
    assert np.array_equal(values_of(panel.shown[0]), values_of(found))
    panel.question._go.click()
    rest(window, qtbot)
    assert not panel.state.isVisible()  # the same question is answered from the file

    panel.question.images.step(1)
    panel.question._go.click()
    rest(window, qtbot)
    assert panel.state.button.text() == "Connect network…"


def test_the_python_on_the_clipboard_explains_the_same(window: Window, qtbot: QtBot, tmp_path: Path) -> None:
    controller = window.controller
    job = demo_job("healthy")
    controller.analyze(Job(job.network, DataSource("demo:healthy", per_class=2), AnalysisPlan(probe_images=2)))
    rest(window, qtbot)
    path = tmp_path / "why.cnnvis"
    controller.save(path)
    rest(window, qtbot)
    session = controller.session
    assert session is not None
    target = Target(session.analysis.network.output, (1,))
    question = Question(3, target, "Occlusion", {"window": 16, "stride": 16, "fill": "zero", "value": "score"})
    run(window, qtbot, "explain_ask", (question,))
    (found,) = controller.session.attributions  # type: ignore[union-attr]
    run(window, qtbot, "explain_python", (found,))
    names: dict[str, object] = {}
    exec(QGuiApplication.clipboard().text(), names)
    again = names["found"]
    assert isinstance(again, Attribution)
    assert again.key == found.key
    np.testing.assert_allclose(values_of(again), values_of(found), atol=1e-5)
    assert load(path).attributions == ()


def test_a_picture_file_that_is_dropped_on_the_panel_is_the_one_asked_about(
    window: Window, qtbot: QtBot, tmp_path: Path
) -> None:
    path = tmp_path / "mine.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6  # lies on its side
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (90, 50), dtype=np.uint8)).save(path, exif=exif)
    job = Job(NetworkSource("demo:healthy"), DataSource("demo:healthy", per_class=2), AnalysisPlan(probe_images=2))
    window.controller.analyze(job)
    rest(window, qtbot)
    window.actions_["explain"].trigger()
    rest(window, qtbot)
    panel = panel_of(window)
    dragged = QMimeData()
    dragged.setUrls([QUrl.fromLocalFile(str(path))])
    dragged.setText(str(path))  # as file managers send both
    buttons, keys = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    for target in (panel.question.images.search, panel.view):
        enters = QDragEnterEvent(QPoint(4, 4), Qt.DropAction.CopyAction, dragged, buttons, keys)
        QCoreApplication.sendEvent(target, enters)
        assert enters.isAccepted()
    QCoreApplication.sendEvent(
        panel.question.images.search, QDropEvent(QPointF(4, 4), Qt.DropAction.CopyAction, dragged, buttons, keys)
    )
    rest(window, qtbot)
    assert panel.question.images.search.text() == ""
    assert panel.question.images.image == "mine.jpg"
    panel.question.choose_method("Grad-CAM")
    panel.question._go.click()
    rest(window, qtbot)
    session = window.controller.session
    assert session is not None
    (found,) = session.attributions
    assert (found.image, found.sample, values_of(found).shape) == ("mine.jpg", -1, (64, 64))
    assert [cell.card.title for cell in panel.view.shown.cells] == ["mine.jpg", "Grad-CAM"]  # type: ignore[union-attr]
