"""The form for another clusterer, and what it tells before it is pressed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from pytestqt.qtbot import QtBot
from sessions import made_up_session

from cnnvis.gui.dialogs.recluster import Recluster
from cnnvis.gui.regrouping import Preview, Reclustering
from cnnvis.model.analysis import Analysis, Recipe

LAYER = "conv2"


def analysis(recipe: Recipe | None = None, locked: int = 0) -> Analysis:
    found = made_up_session((6, 12, 8)).analysis
    clusters = found.clusters[LAYER]
    for id in range(locked):
        clusters = clusters.lock(id)
    recipes = {**found.recipes, LAYER: recipe} if recipe is not None else found.recipes
    return replace(found, clusters={**found.clusters, LAYER: clusters}, recipes=recipes)


@pytest.fixture
def form(qtbot: QtBot) -> Callable[..., Recluster]:
    def made(recipe: Recipe | None = None, locked: int = 0, **more: object) -> Recluster:
        dialog = Recluster(LAYER, analysis(recipe, locked), **more)  # type: ignore[arg-type]
        qtbot.addWidget(dialog)
        return dialog

    return made


@pytest.mark.parametrize(
    "recipe",
    [
        Recipe(k=5, seed=3),
        Recipe("KMeans", 4, (("algorithm", "elkan"), ("n_init", 7))),
        Recipe("MeanShift", parameters=(("bandwidth", 0.5),)),
        Recipe("AgglomerativeClustering", 3, (("linkage", "average"),)),
        Recipe("HDBSCAN", None, (("min_cluster_size", 3), ("min_samples", 2)), magnitude=True),
        Recipe("Birch", 4),
    ],
)
def test_a_recipe_survives_its_form(form: Callable[..., Recluster], recipe: Recipe) -> None:
    assert form(recipe).wish() == Reclustering(recipe, (LAYER,), True)


def test_a_clusterer_without_a_number_of_clusters_is_not_asked_for_it(form: Callable[..., Recluster]) -> None:
    dialog = form(Recipe("KMeans", 8))
    dialog.clusterer.setCurrentIndex(dialog.clusterer.findData("MeanShift"))
    assert not dialog.k.isEnabled()
    assert dialog.recipe().k is None


def test_the_parameters_follow_the_clusterer(form: Callable[..., Recluster]) -> None:
    dialog = form()
    assert set(dialog._fields) == {"n_init"}
    dialog.clusterer.setCurrentIndex(dialog.clusterer.findData("HDBSCAN"))
    assert set(dialog._fields) == {"min_cluster_size", "min_samples"}
    assert dialog.recipe().parameters == ()


def test_all_layers_are_meant_by_naming_none(form: Callable[..., Recluster]) -> None:
    dialog = form()
    dialog.all.setChecked(True)
    assert dialog.wish().layers == ()


@pytest.mark.parametrize(("locked", "words"), [(1, "Keep the locked cluster"), (2, "Keep the 2 locked clusters")])
def test_locked_clusters_are_kept_unless_the_user_drops_them(
    form: Callable[..., Recluster], locked: int, words: str
) -> None:
    dialog = form(locked=locked)
    assert dialog.keep.text() == words
    assert dialog.wish().keep_locked
    dialog.keep.setChecked(False)
    assert not dialog.wish().keep_locked


def test_nothing_is_asked_about_locked_clusters_where_there_are_none(form: Callable[..., Recluster]) -> None:
    assert form().keep.isHidden()


def test_what_would_come_of_it_is_told_once_the_user_pauses(form: Callable[..., Recluster], qtbot: QtBot) -> None:
    tried: list[Reclustering] = []

    def try_out(wish: Reclustering, then: Callable[[Preview], None]) -> None:
        tried.append(wish)
        then(Preview(3, 0.25, 5, -0.041))

    dialog = form(try_out=try_out)
    for k in (4, 5):
        dialog.k.setValue(k)
    qtbot.waitUntil(lambda: dialog._preview.text() == "5 clusters, silhouette −0.04; now 3 clusters, silhouette 0.25")
    assert [wish.recipe.k for wish in tried] == [5]


def test_a_form_says_why_it_cannot_tell(form: Callable[..., Recluster], qtbot: QtBot) -> None:
    dialog = form(try_out=lambda wish, then: then(Preview(why_not="Not tried.")))
    qtbot.waitUntil(lambda: dialog._preview.text() == "Not tried.")
