"""The panels of neurons × classes and of labels × predictions, by mouse and keyboard."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from layout_sessions import a_session
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from sessions import made_up_session
from windows import rest, show

from cnnvis.gui.exporting import printable
from cnnvis.gui.jobs import Jobs
from cnnvis.gui.panels.confusion import ConfusionPanel
from cnnvis.gui.panels.matrix import MatrixPanel, Subject, subject_of
from cnnvis.gui.panels.matrix_frame import HEAD, OUTSIDE, Zoom, framed
from cnnvis.gui.panels.matrix_grid import Grid
from cnnvis.gui.window import Window
from cnnvis.layout.diagram import Key
from cnnvis.layout.matrix import matrix
from cnnvis.layout.theme import DARK, LIGHT
from cnnvis.model.session import Look, Session

LAYER = "conv2"
NONE, SHIFT, CTRL = (
    Qt.KeyboardModifier.NoModifier,
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.ControlModifier,
)


class Desk:
    """A matrix panel on a screen, and what it told."""

    def __init__(self, jobs: Jobs, qtbot: QtBot, panel: MatrixPanel | ConfusionPanel) -> None:
        self.jobs, self.qtbot, self.panel = jobs, qtbot, panel
        self.chosen: list[Key] = []
        self.requested: list[tuple[str, tuple[object, ...]]] = []
        panel.chosen.connect(self.chosen.append)
        panel.requested.connect(lambda verb, arguments: self.requested.append((verb, arguments)))

    def show(self, session: Session) -> None:
        self.panel.show_session(session, None)
        self.rest()

    def rest(self) -> None:
        self.qtbot.waitUntil(lambda: self.jobs.idle)

    @property
    def grid(self) -> Grid:
        return self.panel.grid

    def at(self, row: int, column: int) -> QPoint:
        box = self.grid.frame.box(max(row, 0), max(column, 0))
        x = box.x + box.w / 2 if column >= 0 else 12
        y = box.y + box.h / 2 if row >= 0 else self.grid.frame.top - 12
        return QPoint(round(x), round(y))

    def click(self, row: int, column: int, keys: Qt.KeyboardModifier = NONE) -> None:
        QTest.mouseClick(self.grid.viewport(), Qt.MouseButton.LeftButton, keys, self.at(row, column))

    def move(self, row: int, column: int, button: Qt.MouseButton = Qt.MouseButton.NoButton) -> None:
        view, where = self.grid.viewport(), self.at(row, column)
        event = QMouseEvent(
            QEvent.Type.MouseMove,
            QPointF(where),
            QPointF(view.mapToGlobal(where)),
            Qt.MouseButton.NoButton,
            button,
            NONE,
        )
        QApplication.sendEvent(view, event)

    def drag(self, row: int, to: int) -> None:
        """Hold a row over another one."""
        QTest.mousePress(self.grid.viewport(), Qt.MouseButton.LeftButton, NONE, self.at(row, 1))
        for there in (row + 1, to):
            self.move(there, 1, Qt.MouseButton.LeftButton)

    def release(self, row: int) -> None:
        QTest.mouseRelease(self.grid.viewport(), Qt.MouseButton.LeftButton, NONE, self.at(row, 1))


@pytest.fixture
def session() -> Session:
    return made_up_session(widths=(6, 12), classes=4, n=24)


@pytest.fixture
def selection() -> list[Key]:
    return [("column", LAYER)]


@pytest.fixture
def desk(jobs: Jobs, qtbot: QtBot, selection: list[Key]) -> Desk:
    panel = MatrixPanel(jobs, lambda: tuple(selection))
    qtbot.addWidget(panel)
    panel.resize(800, 480)
    panel.show()
    return Desk(jobs, qtbot, panel)


def shown(desk: Desk) -> MatrixPanel:
    assert isinstance(desk.panel, MatrixPanel)
    return desk.panel


def unit(desk: Desk, row: int) -> int:
    found = shown(desk)._matrix
    assert found is not None
    return int(found.units[row])


def test_a_closed_panel_computes_nothing(jobs: Jobs, qtbot: QtBot, session: Session) -> None:
    panel = MatrixPanel(jobs)
    qtbot.addWidget(panel)
    panel.show_session(session, None)
    assert jobs.idle
    assert panel.table() == ((), [])


def test_without_a_session_it_says_what_to_do(desk: Desk) -> None:
    desk.panel.show_session(None, None)
    assert shown(desk)._hint.isVisible()


def test_each_cell_has_the_colour_of_its_value(desk: Desk, session: Session) -> None:
    desk.show(session)
    found = shown(desk)._matrix
    assert found is not None
    for theme in (LIGHT, DARK):
        desk.panel.set_theme(theme)
        colours = theme.cells(found.sheet().levels, found.sheet().scale.ramp)
        picture = desk.grid.viewport().grab().toImage()
        ratio = picture.devicePixelRatio()
        for row, column in ((0, 0), (3, 2), (11, 3)):
            pixel = picture.pixelColor((QPointF(desk.at(row, column)) * ratio).toPoint())
            assert (pixel.red(), pixel.green(), pixel.blue()) == tuple(colours[row, column].tolist())


def test_pointing_at_a_cell_reads_its_value(desk: Desk, session: Session) -> None:
    desk.show(session)
    desk.move(2, 1)
    text = shown(desk)._readout.text()
    assert text.startswith(f"{LAYER}:{unit(desk, 2)} × class ")
    assert text.endswith("n = 6")


def test_a_click_on_a_row_chooses_its_neuron(desk: Desk, session: Session) -> None:
    desk.show(session)
    desk.click(4, 2)
    assert desk.chosen == [("unit", LAYER, unit(desk, 4))]


def test_a_click_on_a_name_over_a_column_chooses_its_class(desk: Desk, session: Session) -> None:
    desk.show(session)
    desk.click(HEAD, 1)
    found = shown(desk)._matrix
    assert found is not None
    assert desk.chosen == [("class", found.columns[1].classes[0])]


def test_shift_and_ctrl_select_several_rows(desk: Desk, session: Session) -> None:
    desk.show(session)
    desk.click(1, 1)
    desk.click(3, 1, SHIFT)
    desk.click(6, 1, CTRL)
    assert desk.grid.selected == (1, 2, 3, 6)
    verb, (keys,) = desk.requested[-1]
    assert verb == "select"
    assert keys == tuple(("unit", LAYER, unit(desk, row)) for row in (1, 2, 3, 6))


def test_rows_dragged_onto_another_cluster_are_moved_there(desk: Desk, session: Session) -> None:
    desk.show(session)
    first, second = session.analysis.clusters[LAYER].clusters[:2]
    desk.click(0, 1)
    desk.click(1, 1, SHIFT)
    units = tuple(unit(desk, row) for row in (0, 1))
    desk.drag(1, len(first) + 1)
    assert desk.grid._touch.carried == "2 neurons"
    desk.release(len(first) + 1)
    assert desk.requested[-1] == ("move", (LAYER, units, second.id))


def test_rows_dropped_where_they_were_stay(desk: Desk, session: Session) -> None:
    desk.show(session)
    desk.drag(0, 2)
    desk.release(2)
    assert not desk.requested


def test_escape_lets_go_of_what_is_dragged(desk: Desk, session: Session) -> None:
    desk.show(session)
    desk.drag(0, 6)
    QTest.keyClick(desk.grid, Qt.Key.Key_Escape)
    desk.release(6)
    assert not [verb for verb, _ in desk.requested if verb == "move"]
    assert not desk.grid._touch.carried


def test_rows_of_a_single_cluster_cannot_be_dragged(desk: Desk, session: Session, selection: list[Key]) -> None:
    selection[:] = [("cluster", LAYER, 0)]
    desk.show(session)
    desk.drag(0, 2)
    assert not desk.grid._touch.carried


def test_arrows_move_and_return_chooses(desk: Desk, session: Session) -> None:
    desk.show(session)
    for key in (Qt.Key.Key_Down, Qt.Key.Key_Down, Qt.Key.Key_Right, Qt.Key.Key_Return):
        QTest.keyClick(desk.grid, key)
    assert desk.grid._touch.current == (1, 1)
    assert desk.chosen == [("unit", LAYER, unit(desk, 1))]
    for key in (Qt.Key.Key_Up, Qt.Key.Key_Up, Qt.Key.Key_Return):
        QTest.keyClick(desk.grid, key)
    assert desk.chosen[-1][0] == "class"


def test_shift_and_an_arrow_select_rows(desk: Desk, session: Session) -> None:
    desk.show(session)
    desk.click(2, 1)
    QTest.keyClick(desk.grid, Qt.Key.Key_Down, SHIFT)
    QTest.keyClick(desk.grid, Qt.Key.Key_Down, SHIFT)
    assert desk.grid.selected == (2, 3, 4)


def test_what_is_selected_elsewhere_is_marked(desk: Desk, session: Session, selection: list[Key]) -> None:
    desk.show(session)
    wanted = unit(desk, 5)
    selection[:] = [("unit", LAYER, wanted)]
    desk.panel.show_selection(selection[0])
    assert desk.grid.selected == (5,)
    assert desk.jobs.idle


def test_it_follows_the_selected_clusters_of_one_layer(session: Session) -> None:
    keys: tuple[Key, ...] = (("cluster", LAYER, 2), ("cluster", "conv1", 0), ("cluster", LAYER, 0))
    assert subject_of(keys, session, None) == Subject(LAYER, (0, 2))
    assert subject_of((("column", "conv1"),), session, None) == Subject("conv1")


def test_a_neuron_that_is_shown_does_not_change_what_is_shown(session: Session) -> None:
    whole = Subject(LAYER)
    assert subject_of((("unit", LAYER, 3),), session, whole) == whole
    other = Subject(LAYER, (1,))
    own = session.analysis.clusters[LAYER].cluster_of(3).id
    assert subject_of((("unit", LAYER, 3),), session, other) == Subject(LAYER, (own,))


def test_clusters_that_vanish_give_way_to_the_layer(session: Session) -> None:
    merged = session.with_analysis(
        session.analysis.with_clusters(LAYER, session.analysis.clusters[LAYER].merge(0, 1))
    )
    assert subject_of((), merged, Subject(LAYER, (1,))) == Subject(LAYER)


def test_an_edit_keeps_the_place_it_is_scrolled_to(desk: Desk, qtbot: QtBot) -> None:
    session = made_up_session(widths=(6, 120), classes=4, n=24)
    desk.show(session)
    desk.grid.verticalScrollBar().setValue(400)
    renamed = session.analysis.with_clusters(LAYER, session.analysis.clusters[LAYER].rename(0, "ears"))
    desk.show(session.with_analysis(renamed))
    assert desk.grid.verticalScrollBar().value() == 400
    found = shown(desk)._matrix
    assert found is not None
    assert found.clusters[0][0].name == "ears"


def test_many_classes_unfold_by_a_click_on_their_group(desk: Desk, selection: list[Key]) -> None:
    session = a_session((16, 32), 120)
    selection[:] = [("column", "layer2.conv2")]
    desk.show(session)
    found = shown(desk)._matrix
    assert found is not None
    j = next(j for j, column in enumerate(found.columns) if len(column.classes) > 1)
    group = found.columns[j].group
    desk.click(HEAD, j)
    assert desk.requested == [("unfold", (group,))]
    desk.show(session.with_look(Look(unfolded=frozenset({group}))))
    first = next(first for g, first, _ in shown(desk)._matrix.sheet().spans if g == group)  # type: ignore[union-attr]
    box = desk.grid.frame.box(0, first)
    QTest.mouseClick(desk.grid.viewport(), Qt.MouseButton.LeftButton, NONE, QPoint(round(box.x + 8), 6))
    assert desk.requested[-1] == ("unfold", (group,))


def test_the_switch_shows_another_reading_of_the_same_neurons(desk: Desk, session: Session) -> None:
    desk.show(session)
    shown(desk)._kinds.changed.emit(shown(desk)._kinds.chosen)
    shown(desk)._kinds.choose("selectivity")
    shown(desk)._kinds.changed.emit("selectivity")
    desk.rest()
    names, rows = shown(desk).table()
    assert names[3:] == tuple(c.title for c in matrix(session, LAYER).columns)
    values = np.array([row[3:] for row in rows], float)
    np.testing.assert_allclose(values.mean(1), 0.0, atol=1e-9)


def test_contributions_that_were_not_measured_are_offered(desk: Desk, session: Session) -> None:
    desk.show(session)
    shown(desk)._kinds.choose("contribution")
    shown(desk)._kinds.changed.emit("contribution")
    desk.rest()
    assert "must be measured first" in shown(desk)._hint.text()
    assert shown(desk)._measure.isVisible()
    assert shown(desk).diagram() is None


def test_what_is_shown_can_be_printed(desk: Desk, session: Session, selection: list[Key]) -> None:
    selection[:] = [("cluster", LAYER, 1)]
    desk.show(session)
    diagram = shown(desk).diagram()
    assert diagram is not None
    assert f"of {LAYER} in " in diagram.caption


# Geometry


def width_of(text: str) -> float:
    return 6.0 * len(text)


def test_every_cell_is_found_where_it_is_placed(session: Session) -> None:
    frame = framed(matrix(session, LAYER).sheet(), 500, 200, width_of, Zoom()).scrolled(0, 40)
    for row in frame.rows[1:-1]:
        for column in frame.columns:
            box = frame.box(row, column)
            assert frame.at(box.x + box.w / 2, box.y + box.h / 2) == (row, column)
    assert frame.at(2, 2) == (HEAD, HEAD)
    assert frame.at(499, 100)[1] == OUTSIDE


def test_all_rows_fit_where_all_are_asked_for() -> None:
    sheet = matrix(made_up_session(widths=(6, 900), classes=4), LAYER).sheet()
    assert framed(sheet, 500, 300, width_of, Zoom()).reach[1] > 0
    assert framed(sheet, 500, 300, width_of, Zoom(whole=True)).reach[1] == pytest.approx(0)


def test_names_stand_upright_where_they_would_not_fit() -> None:
    few, many = (matrix(a_session((16,), n), "layer1.conv2").sheet() for n in (3, 40))
    assert not framed(few, 800, 300, width_of, Zoom()).upright
    assert framed(many, 800, 300, width_of, Zoom()).upright


# Confusion


@pytest.fixture
def confused(jobs: Jobs, qtbot: QtBot) -> Desk:
    panel = ConfusionPanel(jobs)
    qtbot.addWidget(panel)
    panel.resize(800, 480)
    panel.show()
    return Desk(jobs, qtbot, panel)


def test_a_click_on_a_cell_asks_for_its_samples(confused: Desk) -> None:
    confused.show(a_session((16, 32), 6))
    found = confused.panel._found  # type: ignore[union-attr]
    assert found is not None
    row, column = next((r, c) for r, c in np.argwhere(found.counts > 0).tolist() if r != c)
    confused.move(row, column)
    assert "taken for class 0: " in confused.panel._readout.text()
    confused.click(row, column)
    assert confused.requested == [("subset_cell", (found.rows[row].classes[0], 0))]


def test_an_empty_cell_asks_for_nothing(confused: Desk) -> None:
    confused.show(a_session((16, 32), 6))
    found = confused.panel._found  # type: ignore[union-attr]
    assert found is not None
    confused.click(*np.argwhere(found.counts == 0)[0].tolist())
    assert not confused.requested


def test_the_most_frequent_mistakes_are_listed(confused: Desk) -> None:
    confused.show(a_session((16, 32), 6))
    assert isinstance(confused.panel, ConfusionPanel)
    found = confused.panel._found
    assert found is not None
    first = found.confusion.mistakes(1)[0]
    item = confused.panel.pairs.item(0, 0)
    assert item is not None
    assert item.text() == f"class {first.label} → class 0"
    confused.panel.pairs.cellClicked.emit(0, 0)
    assert confused.requested == [("subset_cell", (first.label, first.prediction))]


def test_without_labels_it_is_one_sentence(confused: Desk, session: Session) -> None:
    assert session.activations is not None
    bare = replace(session.activations.samples, labels=np.full(24, -1))
    confused.show(replace(session, activations=replace(session.activations, samples=bare)))
    assert confused.panel._hint.text() == "There is nothing to confuse: the images have no class labels."
    assert confused.panel.table() == ((), [])


def test_the_list_of_mistakes_gives_way_where_there_is_little_room(confused: Desk) -> None:
    confused.show(a_session((16, 32), 6))
    assert isinstance(confused.panel, ConfusionPanel)
    assert confused.panel.pairs.isVisible()
    confused.panel.resize(400, 480)
    assert not confused.panel.pairs.isVisible()


# In the window


@pytest.fixture
def window(window: Window, qtbot: QtBot) -> Window:
    """With the made-up session."""
    show(window, qtbot)
    return window


def test_neurons_moved_in_the_matrix_come_back_with_undo(window: Window, qtbot: QtBot) -> None:
    panel = window.panels["matrix"]
    assert isinstance(panel, MatrixPanel)
    assert not panel.isVisible()
    window.controller.select((("column", LAYER),))
    window.actions_["matrix"].trigger()
    qtbot.waitUntil(lambda: window.jobs.idle and panel._matrix is not None)
    assert window.controller.session is not None
    before = window.controller.session.analysis.clusters[LAYER]
    target = before.clusters[1].id
    panel._drop((0, 1), target)
    rest(window, qtbot)
    assert len(window.controller.session.analysis.clusters[LAYER][target]) == len(before[target]) + 2
    window.commands.run("undo")
    rest(window, qtbot)
    assert window.controller.session.analysis.clusters[LAYER] is before
    window.actions_["matrix"].trigger()
    assert not panel.isVisible()


def test_several_neurons_and_an_own_order_are_seen_in_the_window(window: Window, qtbot: QtBot) -> None:
    panel = window.panels["matrix"]
    assert isinstance(panel, MatrixPanel)
    window.controller.select((("column", LAYER),))
    window.actions_["matrix"].trigger()
    qtbot.waitUntil(lambda: window.jobs.idle and panel._matrix is not None)
    panel._pick_rows((0, 2))
    assert len(window.controller.selection) == 2
    assert panel.grid.selected == (0, 2)
    panel._own.click()
    rest(window, qtbot)
    assert window.controller.session is not None
    assert window.controller.session.look.order == "local"


def test_a_cell_of_the_confusion_becomes_a_subset(window: Window, qtbot: QtBot) -> None:
    panel = window.panels["confusion"]
    assert isinstance(panel, ConfusionPanel)
    window.actions_["confusion"].trigger()
    qtbot.waitUntil(lambda: window.jobs.idle and panel._found is not None)
    panel.pairs.cellClicked.emit(0, 0)
    rest(window, qtbot)
    assert window.controller.session is not None
    assert window.controller.session.look.subset


def test_open_panels_are_among_what_can_be_printed(window: Window, qtbot: QtBot) -> None:
    diagram = window.controller.diagram
    assert diagram is not None
    assert printable(window.shown_panels, diagram) == ()
    for name in ("matrix", "confusion"):
        window.actions_[name].trigger()
    rest(window, qtbot)
    found = printable(window.shown_panels, diagram)
    assert [subject.title for subject in found] == ["Matrix, as in its panel", "Confusion, as in its panel"]
    assert all("images" in subject.make().caption for subject in found)
