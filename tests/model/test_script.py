"""The script of a document does the same again: from the file, and only what the file does not hold."""

from __future__ import annotations

from pathlib import Path

import pytest
from sessions import made_up_session

from cnnvis.gui import edits
from cnnvis.model.analysis import Recipe
from cnnvis.model.document import Document
from cnnvis.model.plain import analysis_to_dict
from cnnvis.model.script import script
from cnnvis.model.session import Session
from cnnvis.storage.archive import load, save

LAYER = "conv2"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return save(made_up_session((6, 12, 8)), tmp_path / "mine.cnnvis")


def commit(document: Document, change: edits.Change) -> None:
    edit = change(document.session)
    document.commit(edit.analysis, edit.label, edit.python)


def changed(session: Session) -> Document:
    """A document after one edit of each kind."""
    document = Document(session)
    found = session.activations
    assert found is not None

    def reclustered(s: Session, layers: tuple[str, ...], keep: bool) -> edits.Edit:
        from cnnvis.compute.cluster import recluster

        recipe = Recipe("AgglomerativeClustering", 4, (("linkage", "average"),), 3)
        new = recluster(s.analysis, found, recipe, layers=layers, keep_locked=keep)
        return edits.reclustered(s.analysis, new, recipe, layers, keep)

    changes: list[edits.Change] = [
        lambda s: edits.merged(s.analysis, LAYER, (0, 1)),
        lambda s: edits.split(s.analysis, LAYER, 0, (1, 3)),
        lambda s: edits.gathered(s.analysis, LAYER, (2, 4)),
        lambda s: edits.moved(s.analysis, LAYER, (5,), 2),
        lambda s: edits.renamed(s.analysis, LAYER, 2, "l'été “quoted”"),
        lambda s: edits.noted(s.analysis, LAYER, 2, "two\nlines"),
        lambda s: edits.noted_name(s.analysis, f"{LAYER}:3", "odd"),
        lambda s: edits.coloured(s.analysis, LAYER, (2, 0), "#3f8f86"),
        lambda s: edits.locked(s.analysis, LAYER, 2),
        lambda s: edits.pinned(s.analysis, LAYER, 5),
        lambda s: reclustered(s, (LAYER,), True),
        lambda s: reclustered(s, ("conv1",), False),
        lambda s: reclustered(s, (), True),
        lambda s: edits.joined(s.analysis, 0),
        lambda s: edits.represented(s.analysis, "conv1"),
        lambda s: edits.begun(s.analysis, 2, LAYER),
        lambda s: edits.parted(s.analysis, "conv3"),
    ]
    for change in changes:
        commit(document, change)
    return document


def run(text: str) -> None:
    exec(compile(text, "script.py", "exec"), {})


def test_a_script_redoes_every_kind_of_edit(path: Path) -> None:
    document, again = changed(load(path)), path.with_name("again.cnnvis")
    text = script(document, str(path), str(again))
    run(text)
    assert analysis_to_dict(load(again).analysis) == analysis_to_dict(document.analysis)
    assert all(f"# {step.label[:1].upper()}{step.label[1:]}\n" in text for step in document.history[1:])


def test_what_was_undone_is_not_in_the_script(path: Path) -> None:
    document = changed(load(path))
    document.go_to(2)
    text = script(document, str(path), str(path))
    assert text.startswith('"""2 steps by hand."""')
    assert "gather" not in text


def test_steps_that_the_file_holds_are_comments(path: Path) -> None:
    document = Document(load(path))
    commit(document, lambda s: edits.merged(s.analysis, LAYER, (0, 1)))
    save(document.session, path)
    document.mark_saved()
    commit(document, lambda s: edits.renamed(s.analysis, LAYER, 0, "ears"))
    again = path.with_name("again.cnnvis")
    text = script(document, str(path), str(again))
    assert "# analysis = analysis.with_clusters('conv2', analysis.clusters['conv2'].merge(0, 1))" in text
    run(text)
    assert load(again).analysis.clusters[LAYER] == document.analysis.clusters[LAYER]


@pytest.mark.parametrize("saved", [True, False])
def test_a_script_says_where_it_begins_if_the_file_holds_something_else(path: Path, saved: bool) -> None:
    document = Document(load(path))
    commit(document, lambda s: edits.merged(s.analysis, LAYER, (0, 1)))
    commit(document, lambda s: edits.renamed(s.analysis, LAYER, 0, "ears"))
    document.mark_saved(saved)
    document.undo()
    text = script(document, str(path), str(path))
    assert "# The session as it was before these steps\n" in text
    assert "\nanalysis = analysis.with_clusters('conv2', analysis.clusters['conv2'].merge(0, 1))" in text


def test_layers_that_were_opened_are_clustered_before_they_are_changed(tmp_path: Path) -> None:
    from dataclasses import replace

    from cnnvis.compute.cluster import open_layers

    session = made_up_session((6, 12, 8))
    analysis = session.analysis.join_groups(0)
    analysis = replace(analysis, clusters={k: v for k, v in analysis.clusters.items() if k != "conv1"})
    path = save(session.with_analysis(analysis), tmp_path / "folded.cnnvis")
    document = Document(load(path))
    present = document.session
    assert present.activations is not None
    document.update(present.with_analysis(open_layers(present.analysis, present.activations, ["conv1"])))
    commit(document, lambda s: edits.merged(s.analysis, "conv1", (0, 1)))
    again = path.with_name("again.cnnvis")
    run(script(document, str(path), str(again)))
    assert load(again).analysis.clusters["conv1"] == document.analysis.clusters["conv1"]
