"""Regrouping in the real window: what a hand drops becomes a step, is rated, undone and written down as Python."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot
from sessions import made_up_session
from windows import rest

from cnnvis.gui.foresee import Foresee
from cnnvis.gui.regrouping import Preview, Reclustering
from cnnvis.gui.window import Window
from cnnvis.layout.diagram import Column
from cnnvis.model.analysis import Analysis, Recipe
from cnnvis.model.document import Document
from cnnvis.model.plain import analysis_to_dict
from cnnvis.model.quality import silhouettes
from cnnvis.storage.archive import load, save

LAYER = "conv2"


@pytest.fixture
def window(window: Window, qtbot: QtBot, tmp_path: Path) -> Window:
    """With a session that was opened from its file."""
    window.controller.open(save(made_up_session((6, 12, 8)), tmp_path / "mine.cnnvis"))
    qtbot.waitUntil(lambda: window.controller.diagram is not None)
    rest(window, qtbot)
    return window


def document(window: Window) -> Document:
    assert window.controller.document is not None
    return window.controller.document


def analysis(window: Window) -> Analysis:
    return document(window).analysis


def members(window: Window, layer: str = LAYER) -> dict[int, tuple[int, ...]]:
    return {c.id: c.members for c in analysis(window).clusters[layer]}


def n_live(window: Window, layer: str) -> int:
    return sum(not c.dead for c in analysis(window).clusters[layer])


def column(window: Window, layer: str) -> Column:
    assert window.controller.diagram is not None
    return next(c for c in window.controller.diagram.columns if c.layer == layer)


# By hand


def test_neurons_dropped_on_an_empty_place_are_a_new_cluster_that_undo_takes_back(window: Window, qtbot: QtBot) -> None:
    before = members(window)
    window.canvas.units_gathered.emit(LAYER, (0, 1, 5))
    rest(window, qtbot)
    assert members(window)[3] == (0, 1, 5)
    assert document(window).undoable == "made a cluster of 3 neurons of conv2"
    window.commands.run("undo")
    assert members(window) == before


def test_cards_dropped_on_another_are_merged_under_its_id(window: Window, qtbot: QtBot) -> None:
    window.canvas.clusters_merged.emit(LAYER, (2, 0))
    rest(window, qtbot)
    assert set(members(window)) == {1, 2}


def test_the_selected_neurons_of_a_layer_are_edited_together(window: Window, monkeypatch: pytest.MonkeyPatch) -> None:
    window.controller.select((("unit", LAYER, 0), ("unit", LAYER, 3)))
    window.commands.run("gather")
    assert members(window)[3] == (0, 3)
    monkeypatch.setattr(window.ask, "one_of", lambda title, question, choices: 1)
    window.commands.run("move")
    assert {0, 3} <= set(members(window)[1])
    window.commands.run("pin")
    assert analysis(window).clusters[LAYER][1].pinned == (0,)


def test_an_edit_that_changes_nothing_is_no_step(window: Window) -> None:
    window.controller.rename(LAYER, 0, "")
    window.controller.represent(LAYER)
    window.controller.move(LAYER, members(window)[0], 0)
    assert document(window).undoable is None


def test_what_is_of_two_layers_is_not_put_into_one_cluster(window: Window) -> None:
    window.controller.select((("cluster", LAYER, 0), ("cluster", "conv1", 0)))
    window.commands.run("merge")
    assert document(window).undoable is None
    assert window.notice.notice is not None
    assert "must be of one layer; got conv1, conv2" in window.notice.notice.text


def test_selected_clusters_are_coloured_from_the_menu(window: Window, qtbot: QtBot) -> None:
    window.controller.select((("cluster", LAYER, 0), ("cluster", LAYER, 2)))
    teal, *_, none = window.actions_.menus["colour"].actions()
    teal.trigger()
    rest(window, qtbot)
    assert [c.colour for c in analysis(window).clusters[LAYER]] == ["#3f938a", "", "#3f938a"]
    none.trigger()
    assert not any(c.colour for c in analysis(window).clusters[LAYER])


def test_colours_are_offered_only_for_clusters(window: Window) -> None:
    menu = window.actions_.menus["colour"].menuAction()
    window.controller.select((("column", LAYER),))
    assert not menu.isEnabled()
    window.controller.select((("cluster", LAYER, 0),))
    assert menu.isEnabled()


def test_what_a_merged_cluster_became_is_selected_and_undo_keeps_it_so(window: Window, qtbot: QtBot) -> None:
    window.controller.select((("cluster", LAYER, 2), ("cluster", LAYER, 1)))
    window.canvas.clusters_merged.emit(LAYER, (1, 2))
    rest(window, qtbot)
    assert window.controller.selection == (("cluster", LAYER, 1),)
    window.controller.select((("cluster", LAYER, 0),))
    window.commands.run("split")
    rest(window, qtbot)
    made = max(members(window))
    window.controller.select((("cluster", LAYER, made),))
    window.commands.run("undo")
    rest(window, qtbot)
    assert window.controller.selection == (("cluster", LAYER, 0),)


# With the machine's help


def test_a_cluster_is_split_in_two_by_the_clusterer_of_its_layer(window: Window, qtbot: QtBot) -> None:
    before = members(window)[0]
    window.controller.select((("cluster", LAYER, 0),))
    window.commands.run("split")
    rest(window, qtbot)
    assert sorted(members(window)[0] + members(window)[3]) == sorted(before)
    assert document(window).undoable == "split “4 neurons” in two"


def test_all_layers_are_clustered_anew_in_one_step(window: Window, qtbot: QtBot) -> None:
    window.controller.recluster(Reclustering(Recipe("AgglomerativeClustering", 4)))
    rest(window, qtbot)
    assert [n_live(window, name) for name in ("conv1", LAYER, "conv3")] == [4, 4, 4]
    assert len(document(window).history) == 2
    assert document(window).undoable == "clustered all layers by AgglomerativeClustering(k=4)"


def test_a_change_during_a_reclustering_is_kept(window: Window, qtbot: QtBot) -> None:
    window.controller.recluster(Reclustering(Recipe(k=2), (LAYER,)))
    window.controller.rename("conv1", 0, "edges")
    rest(window, qtbot)
    assert analysis(window).clusters["conv1"][0].name == "edges"
    assert n_live(window, LAYER) == 2


def test_a_clusterer_that_refuses_is_a_sentence(window: Window, qtbot: QtBot) -> None:
    window.controller.recluster(Reclustering(Recipe("KMeans", 2, (("n_init", -3),)), (LAYER,)))
    rest(window, qtbot)
    assert document(window).undoable is None
    assert window.notice.notice is not None
    assert "must be able to cluster" in window.notice.notice.text


def test_a_trial_tells_clusters_and_silhouette_before_and_after(window: Window, qtbot: QtBot) -> None:
    told: list[Preview] = []
    window.controller.try_out(Reclustering(Recipe(k=4), (LAYER,)), told.append)
    rest(window, qtbot)
    window.controller.recluster(Reclustering(Recipe(k=4), (LAYER,)))
    rest(window, qtbot)
    session = document(window).session
    assert session.activations is not None
    after = silhouettes(session.activations, LAYER, analysis(window).clusters[LAYER])
    assert after is not None
    assert (told[0].n_before, told[0].n_after) == (3, 4)
    assert told[0].after == pytest.approx(after.mean)
    assert document(window).history[1].label == "clustered conv2 by KMeans(k=4)"


# Its rating


def test_a_drag_foretells_the_silhouette_of_the_drop(window: Window) -> None:
    foresee = window.canvas.foresight
    assert isinstance(foresee, Foresee)
    words = foresee.moved(LAYER, (0, 3), 1)
    session = document(window).session
    assert session.activations is not None
    before, after = (
        silhouettes(session.activations, LAYER, p)
        for p in (analysis(window).clusters[LAYER], analysis(window).clusters[LAYER].move((0, 3), 1))
    )
    assert before is not None
    assert after is not None
    told = f"silhouette {before.mean:.2f} → {after.mean:.2f}".replace("-", "−")
    assert words == f"2 neurons to “4 neurons”\n{told}"


def test_a_drop_without_effect_is_foretold_as_none(window: Window) -> None:
    foresee = window.canvas.foresight
    assert foresee.moved(LAYER, (0, 3), 0) is None
    assert foresee.moved(LAYER, members(window)[0], None) is None


def test_the_details_tell_the_silhouette(window: Window, qtbot: QtBot) -> None:
    window.controller.select((("cluster", LAYER, 0),))
    rest(window, qtbot)
    found = window.controller.silhouettes(LAYER)
    assert found is not None
    told = f"Silhouette {found.clusters[0]:.2f}, of the layer {found.mean:.2f}".replace("-", "−")
    assert told in [label.text() for label in window.panels["details"].findChildren(QLabel)]


def test_a_silhouette_that_takes_long_comes_from_the_background(
    window: Window, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cnnvis.model import quality

    monkeypatch.setattr(quality, "CHEAP", 0)
    assert window.controller.silhouettes(LAYER) is None
    told: list[float] = []
    window.controller.rate(LAYER, lambda found: told.append(found.mean) if found is not None else None)
    assert told == []
    rest(window, qtbot)
    assert len(told) == 1


def test_a_tooltip_tells_the_silhouette(window: Window) -> None:
    assert window.canvas.foresight.told(("cluster", LAYER, 0)).startswith("silhouette ")
    assert window.canvas.foresight.told(("column", LAYER)) == ""


# Layer groups


def test_joined_groups_are_one_column_until_they_are_undone(window: Window, qtbot: QtBot) -> None:
    window.controller.select((("column", "conv1"),))
    window.commands.run("join_groups")
    rest(window, qtbot)
    assert [c.layer for c in window.controller.diagram.columns] == [LAYER, "conv3", ""]  # type: ignore[union-attr]
    window.commands.run("undo")
    rest(window, qtbot)
    assert [c.layer for c in window.controller.diagram.columns][:2] == ["conv1", LAYER]  # type: ignore[union-attr]


def test_a_group_is_split_where_the_user_says(window: Window, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    window.controller.join_groups(0)
    window.controller.select((("column", LAYER),))
    monkeypatch.setattr(window.ask, "one_of", lambda title, question, choices: 0)
    window.commands.run("split_group")
    rest(window, qtbot)
    assert [g.layers for g in analysis(window).groups][:2] == [("conv1",), (LAYER,)]


def test_another_layer_stands_for_its_group(window: Window, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    window.controller.join_groups(0)
    window.controller.select((("column", LAYER),))
    monkeypatch.setattr(window.ask, "one_of", lambda title, question, choices: 0)
    window.commands.run("represent")
    rest(window, qtbot)
    assert window.controller.diagram is not None
    assert window.controller.diagram.columns[0].layer == "conv1"


def test_a_group_of_one_layer_has_no_choice(window: Window) -> None:
    window.controller.select((("column", LAYER),))
    for verb in ("represent", "split_group"):
        window.commands.run(verb)
        assert window.notice.notice is not None
        assert "must hold two layers" in window.notice.notice.text
    assert document(window).undoable is None


def test_the_parts_of_an_expanded_group_stay_expanded(window: Window, qtbot: QtBot) -> None:
    window.controller.join_groups(0)
    window.controller.open_key(("column", LAYER))
    rest(window, qtbot)
    window.controller.split_group(LAYER)
    rest(window, qtbot)
    expanded = document(window).session.look.expanded
    assert {g.name for g in analysis(window).groups[:2]} <= expanded


def test_a_layer_that_comes_into_view_is_clustered_without_a_step(window: Window, qtbot: QtBot) -> None:
    from dataclasses import replace

    present = document(window)
    bare = replace(analysis(window), clusters={k: v for k, v in analysis(window).clusters.items() if k != "conv1"})
    present.update(present.session.with_analysis(bare.join_groups(0)))
    rest(window, qtbot)
    window.controller.split_group(LAYER)
    rest(window, qtbot)
    assert "conv1" in analysis(window).clusters
    assert len(present.history) == 2


def test_columns_that_are_neighbours_now_say_what_their_edges_wait_for(window: Window, qtbot: QtBot) -> None:
    window.controller.represent("conv1")  # it stands there already
    assert window.notice.notice is None
    window.controller.join_groups(0)
    window.controller.represent("conv1")
    rest(window, qtbot)
    assert window.notice.notice is not None
    assert "once the network is connected" in window.notice.notice.text


def test_a_boundary_snaps_to_the_nearest_layer(window: Window, qtbot: QtBot) -> None:
    window.controller.join_groups(0)
    rest(window, qtbot)
    foresee = window.canvas.foresight
    middle = foresee.begun(2, column(window, LAYER), 0.4)
    assert middle is not None
    assert (middle.layer, middle.share, middle.changes) == (LAYER, 0.5, True)
    end = foresee.begun(2, column(window, LAYER), 0.9)
    assert end is not None
    assert (end.layer, end.changes) == ("conv3", False)
    window.canvas.boundary_moved.emit(2, LAYER)
    rest(window, qtbot)
    assert [g.layers for g in analysis(window).groups][:2] == [("conv1",), (LAYER, "conv3")]


# As Python


def test_the_copied_script_does_the_same(window: Window, qtbot: QtBot, tmp_path: Path) -> None:
    window.commands.run("merge", (LAYER, (0, 1)))
    window.commands.run("rename", (LAYER, 0, "ears"))
    window.controller.recluster(Reclustering(Recipe(k=4, seed=2), ("conv3",)))
    rest(window, qtbot)
    window.controller.join_groups(0)
    window.commands.run("copy_python")
    text = QGuiApplication.clipboard().text()
    exec(compile(text, "script.py", "exec"), {})
    again = load(tmp_path / "mine-again.cnnvis")
    assert analysis_to_dict(again.analysis) == analysis_to_dict(analysis(window))


def test_one_step_is_copied_from_the_history(window: Window) -> None:
    window.commands.run("rename", (LAYER, 0, "ears"))
    window.panels["history"].requested.emit("copy_python", (1,))  # type: ignore[attr-defined]
    assert QGuiApplication.clipboard().text() == document(window).history[1].python
