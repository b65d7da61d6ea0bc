"""The details panel on made-up sessions: every kind of selection has its page, and nothing breaks where parts lack."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from PySide6.QtWidgets import QLabel, QTableWidget, QToolButton
from sessions import made_up_session

from cnnvis.gui.panels import spread_section
from cnnvis.gui.panels.charts import Bars, Histogram, Matrix, heat
from cnnvis.gui.panels.details import Details
from cnnvis.gui.panels.face_view import FaceView
from cnnvis.gui.panels.page import both_signs, number, percent
from cnnvis.gui.panels.patches import Patches
from cnnvis.layout.compose import draw
from cnnvis.layout.theme import LIGHT


@pytest.fixture
def session():
    return made_up_session()


@pytest.fixture
def details(details: Details, session):
    details.show_session(session, draw(session))
    return details


def texts(panel: Details) -> list[str]:
    return [w.text() for w in panel.widget().findChildren(QLabel)]


def test_a_cluster_shows_patches_profile_matrix_histogram_and_members(details, session):
    details.show_selection(("cluster", "conv2", 0))
    assert "4 neurons" in texts(details)
    assert "conv2 · 4 of 12 neurons" in texts(details)
    for kind in (Patches, Bars, Matrix, Histogram):
        assert details.widget().findChild(kind) is not None
    assert details.widget().findChild(QTableWidget).rowCount() == 4


def test_a_member_of_the_table_can_be_chosen(details, qtbot):
    details.show_selection(("cluster", "conv2", 0))
    table = details.widget().findChild(QTableWidget)
    with qtbot.waitSignal(details.chosen) as heard:
        table.cellClicked.emit(0, 0)
    assert heard.args[0][:2] == ("unit", "conv2")


def test_the_matrix_reads_its_values_in_words(details):
    details.show_selection(("cluster", "conv2", 0))
    matrix = details.widget().findChild(Matrix)
    assert matrix.read(0.5, 0.5).startswith("conv2:")
    assert "class 0" in matrix.read(0.5, 0.5)
    assert matrix.read(-1, 0) == " "


def test_a_neuron_a_layer_a_class_and_an_edge_have_pages(details, session):
    link = draw(session).links[0]
    for key, words in (
        (("unit", "conv1", 3), "conv1:3"),
        (("column", "conv2"), "conv2"),
        (("class", 1), "class 1"),
        (link.key, "by weights × activation · 8 images"),
    ):
        details.show_selection(key)
        assert words in texts(details)


def test_an_image_opens_whole_and_back_returns(details):
    details.show_selection(("cluster", "conv2", 0))
    details.open_sample(3)
    assert "3.png" in texts(details)
    back = next(b for b in details.widget().findChildren(QToolButton) if "Back" in b.text())
    back.click()
    assert "4 neurons" in texts(details)


def test_what_an_edit_removed_is_said_to_be_gone(details, session):
    details.show_selection(("cluster", "conv2", 2))
    merged = session.analysis.with_clusters("conv2", session.analysis.clusters["conv2"].merge(0, 2))
    later = session.with_analysis(merged)
    details.show_session(later, draw(later))
    assert "What was selected is no longer in the picture." in texts(details)


def test_a_session_without_images_says_how_to_bring_them_back(details, session):
    bare = replace(session, pictures=None)
    details.show_session(bare, draw(bare))
    details.show_selection(("cluster", "conv2", 0))
    assert any("Connect network" in text for text in texts(details))


def test_a_picture_without_responses_still_has_pages(details, session):
    bare = replace(session, activations=None, connections=None)
    details.show_session(bare, draw(bare))
    for key in (("cluster", "conv2", 0), ("unit", "conv1", 3), ("column", "conv2"), ("class", 1)):
        details.show_selection(key)
        assert texts(details)


def test_a_thousand_classes_show_the_strongest(qtbot, jobs):
    session = made_up_session(classes=1000, n=60, empty_classes=900)
    panel = Details(jobs)
    qtbot.addWidget(panel)
    panel.show_session(session, draw(session))
    panel.show_selection(("cluster", "conv2", 0))
    bars = panel.widget().findChild(Bars)
    assert bars.height() <= 17 * 12
    assert any("without images" in text for text in texts(panel))


def test_every_bar_says_on_hover_how_many_samples_stand_behind_it(details):
    details.show_selection(("unit", "conv1", 3))
    bars = details.widget().findChild(Bars)
    assert "6 images" in bars._at(5).tip


def test_heat_is_blue_above_zero_orange_below_and_faint_where_unknown():
    found = heat(LIGHT, np.array([[1.0, -1.0, np.nan]]))
    assert tuple(found[0, 0]) == LIGHT.roles["excite"]
    assert tuple(found[0, 1]) == LIGHT.roles["inhibit"]
    assert tuple(found[0, 2]) == LIGHT.roles["faint"]


def test_numbers_are_short_and_have_a_true_minus():
    assert number(-0.12345) == "−0.123"
    assert number(float("nan")) == "–"
    assert percent(0.004) == "<1 %"
    assert percent(0.0) == "0 %"


def test_a_click_on_a_patch_opens_its_image(details, qtbot):
    details.show_selection(("unit", "conv1", 3))
    patches = details.widget().findChild(Patches)
    point = patches._box(0, 0).center()
    row, shot = patches._at(point.x(), point.y())
    assert shot is not None
    assert patches._at(2000, 5)[1] is None
    assert row.shots[0] is shot


@dataclass(frozen=True)
class Rows:
    """A table of 24 rows with two features."""

    kind = "table"
    features = ("age", "height")

    def __len__(self) -> int:
        return 24

    def picture(self, index: int) -> np.ndarray:
        return np.array([index, 100.0 - index])


def test_rows_of_a_table_are_told_by_their_unusual_features(details, session):
    bare = replace(session, pictures=None, activations=replace(session.activations, data=Rows()))
    details.show_session(bare, draw(bare))
    details.show_selection(("cluster", "conv2", 0))
    assert any(text.startswith(("age", "height")) for text in texts(details))
    details.show_selection(("unit", "conv2", 1))
    assert "STRONGEST ROWS" in texts(details)
    details.open_sample(3)
    assert "MOST UNUSUAL FEATURES" in texts(details)
    assert not any("Connect network" in text for text in texts(details))


def test_an_edge_of_one_sign_is_told_without_the_other():
    assert both_signs(0.5, 0.25) == "+0.500  −0.250"
    assert both_signs(0.5, 0.0) == "+0.500"
    assert both_signs(0.0, 0.0) == "0"


def test_patches_shrink_to_a_narrow_panel(details):
    details.show_selection(("class", 1))
    patches = details.widget().findChildren(Patches)[0]
    patches.resize(200, patches.height())
    across = max(len(row.shots) for row in patches._rows)
    assert patches._box(0, across - 1).right() <= 200
    assert patches.height() >= patches._box(len(patches._rows) - 1, 0).bottom()


def test_a_neuron_shows_how_its_responses_are_spread_over_the_classes(details, session):
    details.show_selection(("unit", "conv2", 5))
    ridges = details.widget().findChild(FaceView)
    assert ridges.accessibleName() == "Responses of conv2:5 by class"
    assert ridges.width() == round(ridges.face.w)
    ((title, make),) = details.figures()
    assert title == "Details: responses of conv2:5 by class"
    assert make().session is session
    details.show_selection(("cluster", "conv2", 0))
    assert details.figures() == ()


def test_a_spread_of_very_few_images_is_not_drawn(details, session, monkeypatch):
    monkeypatch.setattr(spread_section, "ENOUGH", 1000)
    details.show_selection(("unit", "conv2", 5))
    assert details.widget().findChild(FaceView) is None
    assert any(text.startswith("Most classes have fewer than") for text in texts(details))


def test_where_single_responses_were_dropped_a_sentence_takes_the_place_of_their_spread(details, session):
    layers = {name: replace(found, pooled=None) for name, found in session.activations.layers.items()}
    bare = replace(session, activations=replace(session.activations, layers=layers))
    details.show_session(bare, draw(bare))
    details.show_selection(("unit", "conv2", 5))
    assert details.widget().findChild(FaceView) is None
    assert any("does not keep what conv2 answered to each image" in text for text in texts(details))
    assert details.figures() == ()
