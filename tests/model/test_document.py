from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cnnvis.errors import InvalidValue, UnknownName
from cnnvis.model.analysis import Analysis, Recipe
from cnnvis.model.document import Document
from cnnvis.model.groups import Group
from cnnvis.model.measurements import Contributions
from cnnvis.model.network import Edge, Layer, Network
from cnnvis.model.partition import Partition
from cnnvis.model.session import Look, Session
from cnnvis.model.subsets import Subset


def analysis() -> Analysis:
    layers = (
        Layer("input", "input", (3, 8, 8), role="input"),
        Layer("conv1", "Conv2d", (4, 8, 8), n_units=4),
        Layer("conv2", "Conv2d", (3, 8, 8), n_units=3),
    )
    network = Network("net", layers, (Edge("input", "conv1"), Edge("conv1", "conv2")), ("a", "b", "c"), "conv2")
    groups = (Group(0, "first", ("conv1",), "conv1"), Group(1, "last", ("conv2",), "conv2"))
    clusters = {"conv1": Partition.from_labels([0, 0, 1, 1]), "conv2": Partition.from_labels([0, 1, 2])}
    return Analysis(network, groups, clusters, {"conv1": Recipe(k=2)})


def document() -> Document:
    return Document(Session(analysis()))


def rename(found: Analysis, name: str) -> Analysis:
    return found.with_clusters("conv1", found.clusters["conv1"].rename(0, name))


def test_undo_brings_the_very_same_analysis_back() -> None:
    doc = document()
    first = doc.analysis
    doc.commit(rename(first, "dogs"), "Rename")
    assert doc.undo()
    assert doc.analysis is first
    assert doc.redo()
    assert doc.analysis.clusters["conv1"][0].name == "dogs"


def test_there_is_nothing_to_undo_at_the_start_nor_to_redo_at_the_end() -> None:
    doc = document()
    assert (doc.undo(), doc.redo(), doc.undoable, doc.redoable) == (False, False, None, None)


def test_a_new_edit_drops_what_was_undone() -> None:
    doc = document()
    doc.commit(rename(doc.analysis, "a"), "Rename to a")
    doc.undo()
    doc.commit(rename(doc.analysis, "b"), "Rename to b", "analysis.rename()")
    assert [s.label for s in doc.history] == ["Opened", "Rename to b"]
    assert (doc.undoable, doc.redoable, doc.history[1].python) == ("Rename to b", None, "analysis.rename()")


def test_any_state_of_the_history_can_be_shown() -> None:
    doc = document()
    for name in "abc":
        doc.commit(rename(doc.analysis, name), name)
    doc.go_to(1)
    assert (doc.analysis.clusters["conv1"][0].name, doc.index, doc.redoable) == ("a", 1, "b")
    with pytest.raises(IndexError, match="0 … 3"):
        doc.go_to(4)


def test_the_same_analysis_again_is_no_step() -> None:
    doc = document()
    doc.commit(doc.analysis, "nothing")
    assert len(doc.history) == 1


def test_undo_does_not_touch_the_look() -> None:
    doc = document()
    doc.commit(rename(doc.analysis, "a"), "a")
    doc.update(doc.session.with_look(Look(share=0.5)))
    doc.undo()
    assert doc.session.look.share == 0.5


def test_an_update_takes_the_place_of_the_present_state() -> None:
    doc = document()
    doc.commit(rename(doc.analysis, "a"), "a")
    fresh = rename(doc.analysis, "fresh")
    doc.update(doc.session.with_analysis(fresh))
    assert (len(doc.history), doc.history[1].analysis is fresh, doc.history[1].label) == (2, True, "a")


def test_unsaved_follows_edits_undo_and_saving() -> None:
    doc = document()
    assert not doc.unsaved
    doc.commit(rename(doc.analysis, "a"), "a")
    assert doc.unsaved
    doc.undo()
    assert not doc.unsaved
    doc.redo()
    doc.mark_saved()
    assert not doc.unsaved
    doc.update(doc.session.with_look(Look(theme="dark")))
    assert not doc.unsaved
    doc.mark_saved(False)
    assert doc.unsaved


def test_subscribers_get_the_old_and_the_new_session_until_they_end() -> None:
    doc = document()
    heard: list[tuple[Session, Session]] = []
    end = doc.subscribe(lambda old, new: heard.append((old, new)))
    before = doc.session
    doc.commit(rename(doc.analysis, "a"), "a")
    assert heard == [(before, doc.session)]
    end()
    end()
    doc.undo()
    assert len(heard) == 1


def test_an_edit_leaves_other_layers_the_same_objects_and_marks_its_own() -> None:
    before = analysis()
    after = rename(before, "x")
    assert after.clusters["conv2"] is before.clusters["conv2"]
    assert after.edited == {"conv1"}
    assert after.with_recipe("conv1", Recipe("MeanShift"), before.clusters["conv1"]).edited == frozenset()


def test_a_layer_without_a_recipe_has_the_default_one() -> None:
    assert analysis().recipe("conv2") == Recipe()
    assert str(analysis().recipe("conv1")) == "KMeans(k=2)"


def test_a_partition_of_the_wrong_size_is_refused() -> None:
    with pytest.raises(InvalidValue, match="partition of conv2 must hold its 3 units; got 4"):
        analysis().with_clusters("conv2", Partition.from_labels([0, 0, 0, 1]))


def test_unknown_layers_are_named_with_the_nearest_known_one() -> None:
    found = analysis()
    with pytest.raises(UnknownName, match="'conv1'"):
        found.with_clusters("conv11", found.clusters["conv1"])
    with pytest.raises(UnknownName, match="'conv2'"):
        found.group_of("conv_2")
    with pytest.raises(UnknownName, match="representative of first"):
        found.with_representative(0, "conv2")


def test_an_empty_note_removes_it() -> None:
    found = analysis().with_note("conv1:2", "a tail")
    assert found.notes["conv1:2"] == "a tail"
    assert not found.with_note("conv1:2", "  ").notes


def test_values_cannot_be_changed_from_outside() -> None:
    found = analysis()
    with pytest.raises(TypeError):
        found.clusters["conv1"] = found.clusters["conv2"]  # type: ignore[index]
    with pytest.raises(InvalidValue, match=r"share must be from 0 to 1; got 2"):
        replace(Look(), share=2)


def test_the_notebook_table_escapes_names() -> None:
    found = rename(analysis(), "<b>dogs</b>")
    assert "&lt;b&gt;dogs" in found._repr_html_()


def test_measurements_over_a_subset_never_stand_for_another_one_of_its_name():
    document = Document(Session(analysis()))

    def measure() -> None:
        found = Contributions({}, np.ones(4), None, {}, "mine")
        document.update(document.session.with_measurements(document.session.measurements.with_contributions(found)))

    document.commit(document.analysis.with_subset(Subset("mine", classes=(0,))), "first")
    measure()
    document.commit(document.analysis.without_subset("mine"), "removed")
    document.undo()
    assert "mine" in document.session.measurements.subsets  # the same samples again
    document.redo()
    document.commit(document.analysis.with_subset(Subset("mine", classes=(1,))), "second")
    assert document.session.measurements.subsets == {}
    measure()
    document.undo()
    document.undo()
    assert document.analysis.subset("mine").classes == (0,)
    assert document.session.measurements.subsets == {}
