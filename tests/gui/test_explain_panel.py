"""The Explain panel alone: what it offers, what it asks, and what it shows."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QProgressBar, QPushButton
from pytestqt.qtbot import QtBot
from sessions import made_up_session

from cnnvis.errors import InvalidValue
from cnnvis.gui.jobs import Jobs
from cnnvis.gui.panels import question_form
from cnnvis.gui.panels.charts import Bars
from cnnvis.gui.panels.explain import ExplainPanel
from cnnvis.gui.panels.method_form import Ticks
from cnnvis.gui.studies.explain import Asking
from cnnvis.gui.studies.trust import Judging
from cnnvis.model.attribution import Attribution, Map, Vector
from cnnvis.model.network import Network
from cnnvis.model.question import Question
from cnnvis.model.scorecard import Scorecard
from cnnvis.model.session import Session
from cnnvis.model.target import Target

CLASS_0 = Target("fc", (0,))


def found(sample: int = 0, method: str = "Grad-CAM", target: Target = CLASS_0) -> Attribution:
    values = np.tile(np.linspace(-1, 1, 32, dtype=np.float32), (32, 1))
    return Attribution(Map(values), sample, target, method, {"layer": None}, {"torch": "2"})


def wrong_session() -> Session:
    """Every sample is taken for class 0; sample 5 the most surely."""
    session = made_up_session()
    assert session.activations is not None
    samples = session.activations.samples
    scores = samples.scores.copy()
    scores[5, 0] = 0.9
    return replace(session, activations=replace(session.activations, samples=replace(samples, scores=scores)))


@pytest.fixture
def panel(qtbot: QtBot, jobs: Jobs) -> ExplainPanel:
    """The panel on the screen, with a session and the real methods."""
    shown = ExplainPanel(jobs)
    qtbot.addWidget(shown)
    shown.resize(960, 400)
    shown.show()
    shown.show_session(wrong_session(), None)
    qtbot.waitUntil(lambda: jobs.idle, timeout=120_000)
    return shown


def shows(panel: ExplainPanel, *attributions: Attribution) -> None:
    panel.show_session(replace(wrong_session(), attributions=attributions), None)


def asked(panel: ExplainPanel, qtbot: QtBot) -> tuple[Question, ...]:
    with qtbot.waitSignal(panel.requested) as told:
        panel.question._go.click()
    verb, (questions,) = told.args
    assert verb == "explain_ask"
    return questions


def texts(panel: ExplainPanel) -> list[str]:
    assert panel.view.shown is not None
    return [cell.card.title for cell in panel.view.shown.cells]


def test_it_asks_about_the_predicted_class_by_the_first_method(panel: ExplainPanel, qtbot: QtBot) -> None:
    (question,) = asked(panel, qtbot)
    assert (question.image, question.target) == (0, CLASS_0)
    assert question.method == panel.question.method.currentText()


def test_the_predicted_class_follows_the_image_and_a_chosen_class_stays(panel: ExplainPanel) -> None:
    panel.question.aim_at(("class", 2))
    panel.question.images.step(1)
    assert panel.question.target_for(1) == Target("fc", (2,))


def test_a_selected_cluster_can_be_explained(panel: ExplainPanel, qtbot: QtBot) -> None:
    session = wrong_session()
    panel.ask_about(("cluster", "conv2", 1))
    (question,) = asked(panel, qtbot)
    assert question.target == Target("conv2", session.analysis.clusters["conv2"][1].members)
    assert panel.question.target.currentText().startswith("Selected: ")


def test_the_surest_mistake_comes_first_in_the_list_of_wrong_ones(panel: ExplainPanel) -> None:
    images = panel.question.images
    images.list.setCurrentIndex(images.list.findData("wrong"))
    images.list.activated.emit(images.list.currentIndex())
    assert images.image == 5
    assert images.label == 1
    images.step(-1)
    images.step(1)
    assert images.image == 5


def test_an_image_is_found_by_a_part_of_its_name(panel: ExplainPanel, qtbot: QtBot) -> None:
    panel.question.images.search.setText("17")
    qtbot.keyClick(panel.question.images.search, Qt.Key.Key_Return)
    assert panel.question.images.image == 17


def test_the_image_laid_over_the_picture_is_the_one_asked_about(panel: ExplainPanel) -> None:
    session = wrong_session()
    panel.show_session(session.with_look(replace(session.look, instance="7.png")), None)
    assert panel.question.images.image == 7


def test_parameters_are_those_of_the_dataclass_and_are_remembered(panel: ExplainPanel, qtbot: QtBot) -> None:
    panel.question.choose_method("Occlusion")
    _, field = panel.question.form._fields["window"]
    field.setValue(9)  # type: ignore[attr-defined]
    panel.question.choose_method("Saliency")
    panel.question.choose_method("Occlusion")
    (question,) = asked(panel, qtbot)
    assert question.parameters["window"] == 9
    assert question.parameters["stride"] is None


def test_the_cost_is_told_before_anything_is_asked(panel: ExplainPanel) -> None:
    panel.question.choose_method("LIME")
    assert panel.question._cost.text().endswith("512 passes")


def test_a_parameter_that_cannot_be_is_said_and_not_asked(
    panel: ExplainPanel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(network: Network, title: str, parameters: object) -> float:
        raise InvalidValue("Occlusion.window must be smaller than the picture; got 500. Choose a smaller one.")

    monkeypatch.setattr(question_form, "passes", refused)
    panel.question.form.changed.emit()
    assert panel.question._cost.text().startswith("Occlusion.window must be smaller")
    assert not panel.question._go.isEnabled()


def test_methods_with_a_tick_are_asked_as_well(panel: ExplainPanel, qtbot: QtBot) -> None:
    panel.question.choose_method("Grad-CAM")
    panel.question._with("Saliency", True)
    assert [q.method for q in asked(panel, qtbot)] == ["Grad-CAM", "Saliency"]


def test_the_next_images_are_asked_about_at_once(panel: ExplainPanel, qtbot: QtBot) -> None:
    images = panel.question.images.following(9)
    with qtbot.waitSignal(panel.requested) as told:
        panel.question._ask(images)
    assert [q.image for q in told.args[1][0]] == list(range(9))
    assert panel.grid.chosen == "images"


def test_before_anything_was_asked_there_is_a_sentence_and_a_button(panel: ExplainPanel, qtbot: QtBot) -> None:
    assert "speaks for class 0" in panel.state.sentence.text()
    with qtbot.waitSignal(panel.requested) as told:
        panel.state.button.click()
    assert told.args[0] == "explain_ask"


def test_while_it_works_it_says_so_and_can_be_stopped(panel: ExplainPanel, qtbot: QtBot) -> None:
    panel.show_asking(Asking((Question(0, CLASS_0, "LIME"),), done=3, total=9))
    assert panel.state.sentence.text() == "LIME is looking at 0.png …"
    with qtbot.waitSignal(panel.requested) as told:
        panel.state.button.click()
    assert told.args[0] == "explain_stop"


def test_without_the_network_the_button_connects_it(panel: ExplainPanel, qtbot: QtBot) -> None:
    panel.show_asking(Asking(failed="The network must be connected to explain an image.", unconnected=True))
    with qtbot.waitSignal(panel.requested) as told:
        panel.state.button.click()
    assert told.args[0] == "connect"


def test_what_the_session_knows_is_shown_for_its_image_and_target(panel: ExplainPanel) -> None:
    shows(panel, found(), found(3), found(method="Saliency"), found(target=Target("fc", (2,))))
    assert texts(panel) == ["0.png", "Grad-CAM", "Saliency"]
    panel.question.aim_at(("class", 2))
    assert texts(panel) == ["0.png", "Grad-CAM"]


def test_one_method_over_many_images(panel: ExplainPanel) -> None:
    panel.question.choose_method("Grad-CAM")
    panel.grid.choose("images")
    shows(panel, found(), found(3), found(method="Saliency"))
    assert texts(panel) == ["0.png", "3.png"]


def test_what_comes_in_is_chosen(panel: ExplainPanel) -> None:
    shows(panel, found())
    shows(panel, found(), found(method="Saliency"))
    assert panel.picked is not None
    assert panel.picked.method == "Saliency"


def test_what_is_known_so_far_is_shown_beside_the_rest(panel: ExplainPanel) -> None:
    shows(panel, found())
    panel.show_asking(Asking((Question(0, CLASS_0, "LIME"),), partial=found(method="LIME")))
    assert texts(panel) == ["0.png", "Grad-CAM", "LIME"]
    panel.show_asking(Asking(partial=found(method="LIME")))
    shows(panel, found(), found(method="LIME"))
    assert texts(panel) == ["0.png", "Grad-CAM", "LIME"]
    assert panel.picked is not None
    assert panel.picked.method == "LIME"


def test_apart_and_shared_change_what_is_shown(panel: ExplainPanel) -> None:
    shows(panel, found())
    panel.apart.click()
    panel.one_scale.click()
    assert panel.view.shown is not None
    assert [cell.sign for cell in panel.view.shown.cells[1:]] == ["for", "against"]
    assert panel.view.shown.scale is not None


def test_hovering_reads_the_value_of_a_pixel(panel: ExplainPanel, qtbot: QtBot) -> None:
    shows(panel, found())
    assert panel.view.shown is not None
    area = panel.view.shown.cells[1].area
    assert area is not None
    qtbot.mouseMove(panel.view, QPoint(round(area.right) - 2, round(area.y) + 2))
    assert panel._readout.text() == "row 0, column 31 · +1 · for class 0"


def test_a_region_drawn_on_the_image_asks_which_neurons_see_it(panel: ExplainPanel, qtbot: QtBot) -> None:
    shows(panel, found())
    assert panel.view.shown is not None
    area = panel.view.shown.cells[0].area
    assert area is not None
    start, end = (QPoint(round(area.x + f * area.w), round(area.y + f * area.h)) for f in (0.01, 0.49))
    qtbot.mousePress(panel.view, Qt.MouseButton.LeftButton, pos=start)
    qtbot.mouseMove(panel.view, end)
    with qtbot.waitSignal(panel.requested) as told:
        qtbot.mouseRelease(panel.view, Qt.MouseButton.LeftButton, pos=end)
    assert told.args == ["explain_region", (0, (0, 0, 16, 16))]


def test_the_chosen_explanation_can_be_removed(panel: ExplainPanel, qtbot: QtBot) -> None:
    shows(panel, found(), found(method="Saliency"))
    panel.view.picked.emit(panel.view.shown.cells[1].key)  # type: ignore[union-attr]
    with qtbot.waitSignal(panel.requested) as told:
        panel.tools._remove()
    assert told.args == ["explain_forget", (found().key,)]


def test_it_has_a_figure_of_its_own(panel: ExplainPanel) -> None:
    assert panel.diagram() is None
    shows(panel, found())
    diagram = panel.diagram()
    assert diagram is not None
    assert "Grad-CAM" in diagram.caption


def test_an_empty_window_asks_nothing(panel: ExplainPanel) -> None:
    panel.show_session(None, None)
    assert panel.shown == ()
    assert panel.diagram() is None


def test_the_scores_begin_with_plain_words(panel: ExplainPanel) -> None:
    one = found()
    scores = {"insertion/blur": 0.5, "deletion/blur": 0.1, "randomised": 0.9}
    card = Scorecard(one.key, one.method, scores, {"centre": {"insertion/blur": 0.4, "deletion/blur": 0.2}})
    session = replace(wrong_session(), attributions=(one,))
    panel.show_session(session, None)
    panel.trust.click()
    assert panel.score.words == "How far this map can be trusted was not measured yet."
    panel.show_session(session.with_measurements(session.measurements.with_scorecard(card)), None)
    assert "when the weights are random" in panel.score.words
    bars = panel.score.list.widget().findChildren(Bars)
    assert bars[0].accessibleName() == "this map 0.500; centre blob 0.400"


def test_measuring_asks_for_the_chosen_map_and_can_be_stopped(panel: ExplainPanel, qtbot: QtBot) -> None:
    one = found()
    shows(panel, one)
    panel.trust.click()
    panel.score.show_judging(Judging(one.key, seconds=12.0))
    (measure,) = panel.score.list.widget().findChildren(QPushButton)
    assert measure.text() == "Measure · 12 s"
    with qtbot.waitSignal(panel.requested) as told:
        measure.click()
    assert told.args == ["explain_measure", (one,)]
    panel.score.show_judging(Judging(one.key, True, 12.0, 3, 9))
    (stop,) = panel.score.list.widget().findChildren(QPushButton)
    with qtbot.waitSignal(panel.requested) as told:
        stop.click()
    assert told.args[0] == "explain_halt"


def test_progress_moves_the_bar_and_only_a_new_score_builds_the_page_anew(panel: ExplainPanel) -> None:
    one = found()
    shows(panel, one)
    panel.trust.click()
    panel.score.show_judging(Judging(one.key, True, 12.0, 3, 9))
    page = panel.score.list.widget()
    (bar,) = page.findChildren(QProgressBar)
    panel.score.show_judging(Judging(one.key, True, 12.0, 5, 10))
    assert panel.score.list.widget() is page
    assert (bar.value(), bar.maximum()) == (5, 10)
    card = Scorecard(one.key, one.method, {"insertion/blur": 0.5})
    panel.score.show_judging(Judging(one.key, True, 12.0, 6, 10, card))
    assert panel.score.list.widget().findChildren(Bars)
    panel.score.show_judging(Judging(one.key, False, 12.0, card=card))
    assert not panel.score.list.widget().findChildren(QProgressBar)


def test_votes_and_weights_have_figures_of_their_own(panel: ExplainPanel) -> None:
    votes = Vector(np.array([2.0, -1.0], np.float32), ("a", "b"), {"bias": 1.0, "logit": 2.0})
    shows(panel, replace(found(method="Votes"), evidence=votes))
    ((title, make),) = panel.figures()
    assert title == "Explain: Votes as a waterfall"
    assert "logit" in make().caption


def test_beside_the_scores_a_narrow_panel_keeps_its_room_for_maps(panel: ExplainPanel, qtbot: QtBot) -> None:
    shows(panel, found(), found(method="Saliency"), found(method="Occlusion"))
    panel.resize(727, 360)
    panel.trust.setChecked(True)
    assert panel.question.isHidden() or not panel.question.isVisible()
    panel._back.click()
    assert panel.question.isVisible()
    assert panel.score.isHidden()
    panel.trust.setChecked(True)
    panel.resize(1000, 360)
    assert panel.question.isVisible()
    assert not panel._back.isVisible()


def test_rows_have_no_controls_of_maps(panel: ExplainPanel) -> None:
    session = wrong_session()
    assert session.activations is not None
    rows = replace(session.activations, data=SimpleNamespace(kind="table"))
    panel.show_session(replace(session, activations=rows), None)
    of_maps = (panel.manner, panel.opacity, panel.one_scale, panel.apart)
    assert all(widget.isHidden() for widget in of_maps)
    assert not panel.trust.isHidden()


def test_how_many_answers_are_awaited_stands_on_the_button(panel: ExplainPanel) -> None:
    words = []
    for n in (0, 1, 3):
        panel.show_asking(Asking(tuple(Question(i, CLASS_0, "Grad-CAM") for i in range(n))))
        words.append(panel.question._go.text())
    assert words == ["Explain", "Asking …", "Asking 3 …"]


def test_several_layers_can_be_ticked_to_be_averaged(panel: ExplainPanel, qtbot: QtBot) -> None:
    panel.question.choose_method("Grad-CAM")
    ticks = panel.question.form.findChild(Ticks)
    assert ticks is not None
    layers = [action.text() for action in ticks.choices.actions()]
    assert ticks.currentText() == "auto"
    ticks.choices.actions()[0].trigger()
    (one,) = asked(panel, qtbot)
    ticks.choices.actions()[1].trigger()
    (two,) = asked(panel, qtbot)
    assert [one.parameters["layer"], two.parameters["layer"]] == [layers[0], tuple(layers[:2])]
    panel.question.choose_method("Saliency")
    panel.question.choose_method("Grad-CAM")
    again = panel.question.form.findChildren(Ticks)[-1]
    assert again.value == tuple(layers[:2])
