"""`cnnvis explain` and `cnnvis compare-methods`: what they write and what they refuse."""

from __future__ import annotations

import csv
import re

import numpy as np
import pytest
from PIL import Image

from cnnvis.cli import main
from cnnvis.errors import InvalidValue
from cnnvis.model.question import explanation_script
from cnnvis.storage.archive import load

JOB = """
[network]
factory = "demo:healthy"
[data]
source = "demo:healthy"
per_class = 2
[analysis]
probe_images = 2
device = "cpu"
"""


@pytest.fixture
def job(tmp_path):
    path = tmp_path / "job.toml"
    path.write_text(JOB)
    return path


def test_one_image_is_explained_as_a_figure(job, tmp_path, capsys):
    out = tmp_path / "why.svg"
    arguments = ["explain", str(job), "--image", "3", "--method", "saliency", "--set", "channels=sum"]
    assert main([*arguments, "--measures", "completeness,infidelity", "-o", str(out)]) == 0
    said = capsys.readouterr().out
    assert "Infidelity, scaled" in said
    assert "65 evaluations" in said
    assert "Saliency" in out.read_text()


def test_an_explanation_with_its_scorecard_is_kept_in_a_session_and_asked_again_there(job, tmp_path, capsys):
    picture = tmp_path / "mine.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)).save(picture)
    first, second = tmp_path / "one.cnnvis", tmp_path / "two.cnnvis"
    asked = ["--target", "car", "--measures", "infidelity"]
    assert main(["explain", str(job), "--image", "0", *asked, "-o", str(first)]) == 0
    assert main(["explain", str(first), "--image", str(picture), *asked, "-o", str(second)]) == 0
    session = load(second)
    assert [a.image for a in session.attributions] == ["", "mine.png"]
    assert set(session.measurements.scorecards) == {a.key for a in session.attributions}
    cards = session.measurements.scorecards.values()
    assert all(set(card.scores) == {"infidelity", "infidelity/scaled"} for card in cards)


def test_the_images_of_a_class_are_explained_as_one(job, tmp_path, capsys):
    figure, kept = tmp_path / "cars.svg", tmp_path / "cars.cnnvis"
    asked = ["--together", "car", "--method", "saliency", "--target", "own", "--limit", "1"]
    assert main(["explain", str(job), *asked, "-o", str(figure), "-o", str(kept)]) == 0
    told = capsys.readouterr()
    assert "car: 1 of 2 images explained by Saliency." in told.out
    assert sum(line.startswith("explaining") for line in told.err.splitlines()) <= 2
    assert "Saliency" in figure.read_text()
    (group,) = load(kept).measurements.groups.values()
    assert (group.name, group.target, len(group)) == ("car", "own", 1)
    assert main(["explain", str(kept), "--cell", "car", "car", "-o", str(figure)]) == 0
    assert "car, right: 2 of 2 images explained by Grad-CAM." in capsys.readouterr().out


def test_several_images_and_methods_make_one_sheet(job, tmp_path, capsys):
    figure, kept = tmp_path / "sheet.svg", tmp_path / "sheet.cnnvis"
    asked = ["--image", "3", "--image", "4", "--method", "saliency", "--method", "gradcam"]
    assert main(["explain", str(job), *asked, "-o", str(figure), "-o", str(kept)]) == 0
    assert "Saliency" in figure.read_text()
    assert [(a.sample, a.method) for a in load(kept).attributions] == [
        (3, "Saliency"), (3, "Grad-CAM"), (4, "Saliency"), (4, "Grad-CAM"),
    ]  # fmt: skip


def test_a_method_that_does_not_fit_one_image_still_explains_the_others(job, tmp_path, capsys, monkeypatch):
    from cnnvis.workflow import explain as asked

    def refusing(session, sources, image, target, method, *, progress):
        if image == 3 and method.title == "Saliency":
            raise InvalidValue("Saliency must like image 3; it does not.")
        return explained(session, sources, image, target, method, progress=progress)

    explained = asked.explain
    monkeypatch.setattr(asked, "explain", refusing)
    figure, kept = tmp_path / "sheet.svg", tmp_path / "sheet.cnnvis"
    several = ["--image", "3", "--image", "4", "--method", "saliency", "--method", "gradcam"]
    assert main(["explain", str(job), *several, "-o", str(figure), "-o", str(kept)]) == 0
    assert "Left out: Saliency of 3. Saliency must like image 3" in capsys.readouterr().out
    assert [(a.sample, a.method) for a in load(kept).attributions] == [
        (3, "Grad-CAM"), (4, "Saliency"), (4, "Grad-CAM"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--image", "3", "--method", "all", "--set", "steps=3"), "must go with methods that are named"),
        (("--image", "3", "--image", "4", "--scorecard"), "compare-methods scores many"),
        (("--together", "car", "--method", "all"), "must be one method"),
        (("--together", "cra"), "Did you mean 'car'"),
        (("--cell", "car", "carr"), "Did you mean 'car'"),
        (("--cell", "car", "cup"), "at least one image"),
        (("--together", "car", "--scorecard"), "must go with --image"),
        (("--image", "3", "--method", "Grad-CAN"), "Did you mean 'Grad-CAM'"),
        (("--image", "3", "--set", "layr=conv1"), "Did you mean 'layer'"),
        (("--image", "3", "--set", "layer"), "must be name=value"),
        (("--image", "3", "--target", "flowr"), "Did you mean 'flower'"),
        (("--image", "300"), "must be one of the 20"),
        (("--image", "no-such"), "the name of a sample or a picture file"),
        (("--image", "3", "--measures", "deletio"), "Did you mean 'deletion'"),
    ],
)
def test_what_does_not_exist_is_one_sentence_with_what_is_meant(job, tmp_path, capsys, options, words):
    out = tmp_path / "x.png"
    assert main(["explain", str(job), *options, "-o", str(out)]) == 1
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("cnnvis: ")]
    assert len(said) == 1
    assert words in said[0]
    assert not out.exists()


def test_methods_are_compared_in_one_table_and_one_figure(job, tmp_path, capsys):
    table, figure = tmp_path / "m.csv", tmp_path / "m.svg"
    arguments = ["compare-methods", str(job), "--images", "3", "--methods", "Grad-CAM, Saliency", "--measures"]
    assert main([*arguments, "infidelity,localisation", "-o", str(table), "-o", str(figure)]) == 0
    assert "2 methods over 3 images" in capsys.readouterr().out
    rows = list(csv.DictReader(table.read_text().splitlines()))
    assert {row["method"] for row in rows} == {
        "Grad-CAM", "Saliency", "control: random map", "control: centre blob", "control: edge detector",
    }  # fmt: skip
    for row in rows:
        assert float(row["low"]) <= float(row["mean"]) <= float(row["high"])
        assert row["n"] == "3"
    assert all(float(r["seconds per image"]) > 0 for r in rows if not r["method"].startswith("control"))
    drawn = figure.read_text()
    assert "Infidelity, scaled" in drawn
    assert "Saliency" in drawn


def test_a_figure_of_an_unknown_kind_is_refused_before_anything_runs(job, tmp_path, capsys):
    for command in (["explain", str(job), "--image", "3"], ["compare-methods", str(job)]):
        assert main([*command, "-o", str(tmp_path / "x.gif")]) == 1
        assert "must end in" in capsys.readouterr().err


@pytest.fixture
def table(tmp_path):
    rows = np.random.default_rng(0).normal(size=(12, 3))
    lines = [",".join(f"{v:.3f}" for v in row) + f",{'yes' if row[0] > 0 else 'no'}" for row in rows]
    (tmp_path / "rows.csv").write_text("\n".join(["age,height,pulse,ill", *lines]))
    code = "from torch import nn\ndef net():\n    return nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))\n"
    (tmp_path / "net.py").write_text(code)
    path = tmp_path / "table.toml"
    path.write_text(
        '[network]\nfactory = "net.py:net"\ninput = [3]\n[data]\nsource = "rows.csv"\nkind = "table"\n'
        '[analysis]\ndevice = "cpu"\n'
    )
    return path


def test_a_row_is_explained_by_bars_without_naming_a_method(table, tmp_path):
    out = tmp_path / "row.svg"
    assert main(["explain", str(table), "--image", "2", "-o", str(out)]) == 0
    assert {"Input importance", "age", "height", "pulse"} <= set(re.findall(r">([^<]+)</", out.read_text()))


def test_layers_to_average_are_named_with_commas_between_them(job, tmp_path):
    out = tmp_path / "why.cnnvis"
    layers = "stage2.1.relu2, stage3.1.relu2"
    assert main(["explain", str(job), "--image", "3", "--set", f"layer={layers}", "-o", str(out)]) == 0
    (found,) = load(out).attributions
    assert found.parameters["layer"] == ("stage2.1.relu2", "stage3.1.relu2")


def test_the_python_of_an_opened_picture_needs_no_file_but_the_session(job, tmp_path):
    picture, kept = tmp_path / "mine.png", tmp_path / "mine.cnnvis"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (50, 80), dtype=np.uint8)).save(picture)
    assert main(["explain", str(job), "--image", str(picture), "-o", str(kept)]) == 0
    picture.unlink()
    session = load(kept)
    names: dict[str, object] = {}
    exec(explanation_script(session, session.attributions, str(kept), lambda title: "GradCam"), names)
    again, (found,) = names["found"], session.attributions
    assert again.key == found.key
    np.testing.assert_allclose(again.evidence.values, found.evidence.values, atol=1e-5)
