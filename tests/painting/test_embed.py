"""Figures carry the view that made them."""

import subprocess
from dataclasses import replace
from shutil import which

import pytest
from PIL import Image
from sessions import made_up_session

from cnnvis.errors import InvalidValue, UnreadableFile
from cnnvis.layout.compose import draw
from cnnvis.model import views
from cnnvis.model.session import Look
from cnnvis.model.views import identity, restored
from cnnvis.painting.figure import export
from cnnvis.storage.archive import load, save
from cnnvis.storage.figures import find_session, read_view


@pytest.fixture
def session():
    found = made_up_session()
    merged = found.analysis.clusters["conv1"].merge(0, 1).rename(0, "edges & <corners>")
    analysis = found.analysis.with_clusters("conv1", merged).with_note("conv1:3", "private")
    return replace(found, analysis=analysis, look=Look(share=0.2, facet="health", chosen=1))


@pytest.mark.parametrize("suffix", ["svg", "pdf", "png"])
def test_a_figure_brings_its_view_back(session, tmp_path, suffix):
    diagram = draw(session)
    path = export(diagram, tmp_path / f"figure.{suffix}")
    view = read_view(path)
    other = made_up_session()
    analysis, look = restored(view, replace(other, activations=session.activations))
    assert analysis.clusters["conv1"] == session.analysis.clusters["conv1"]
    assert look == diagram.arranged(session).look
    assert replace(look, cards=()) == session.look
    assert "private" not in str(view.analysis)


def test_a_png_with_a_view_is_still_a_png(session, tmp_path):
    with Image.open(export(draw(session), tmp_path / "figure.png")) as picture:
        picture.load()
        assert picture.text["Source"].startswith("cnnvis-view:1:")


@pytest.mark.skipif(which("pdfinfo") is None, reason="pdfinfo reads the PDF here; it is not installed")
def test_a_pdf_with_a_view_is_still_a_pdf(session, tmp_path):
    path = export(draw(session), tmp_path / "figure.pdf")
    found = subprocess.run(["pdfinfo", str(path)], capture_output=True, text=True, check=True)
    assert "Pages:           1" in found.stdout
    assert found.stderr == ""


def test_the_view_can_be_left_out(session, tmp_path):
    assert read_view(export(draw(session), tmp_path / "figure.svg", view=False)) is None


def test_a_figure_of_another_program_has_no_view(tmp_path):
    (tmp_path / "other.svg").write_text("<svg></svg>")
    assert read_view(tmp_path / "other.svg") is None


def test_a_view_fits_only_its_own_session(session, tmp_path):
    view = read_view(export(draw(session), tmp_path / "figure.svg"))
    with pytest.raises(InvalidValue, match="Open that session first"):
        restored(view, made_up_session(classes=5))


@pytest.mark.parametrize("change", [lambda t: t.replace(":1:", ":9:"), lambda t: t[:40] + "AAAA" + t[44:]])
def test_a_damaged_or_newer_view_is_one_sentence(session, change):
    line = views.packed(views.view_of(session))
    with pytest.raises(UnreadableFile, match=r"The view in the figure must be"):
        views.unpacked(change(line).encode())


def test_a_view_that_unpacks_without_end_is_refused(session, monkeypatch):
    monkeypatch.setattr(views, "LARGEST", 100)
    with pytest.raises(UnreadableFile, match="more than 100 bytes"):
        views.unpacked(views.packed(views.view_of(session)).encode())


def test_the_identity_survives_edits_and_files_but_not_another_network_or_other_answers(session, tmp_path):
    known = identity(made_up_session())
    assert identity(session) == known
    assert identity(load(save(session, tmp_path / "a.cnnvis"))) == known
    assert identity(made_up_session(classes=5)) != known
    samples = session.activations.samples
    other = replace(session.activations, samples=replace(samples, scores=samples.scores * 0.5))
    assert identity(replace(session, activations=other)) != known


def test_a_session_is_found_beside_a_figure_by_its_identity(session, tmp_path):
    save(made_up_session(classes=5), tmp_path / "a.cnnvis")
    wanted = save(session, tmp_path / "b.cnnvis")
    (tmp_path / "0-broken.cnnvis").write_bytes(b"PK not a zip")
    assert find_session(identity(session), [tmp_path / "gone.cnnvis", tmp_path]) == wanted
    assert find_session("0" * 32, [tmp_path]) is None
