"""The sentence of a notebook runs as it is written."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.cluster import KMeans
from torch import manual_seed, nn

import cnnvis as cv


def network_of_four() -> nn.Module:
    manual_seed(0)
    widths = (3, 8, 8, 16, 24)

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            for i in range(4):
                setattr(self, f"conv{i + 1}", nn.Conv2d(widths[i], widths[i + 1], 3, padding=1))
            self.fc = nn.Linear(24, 5)

        def forward(self, x):
            for i in range(4):
                x = getattr(self, f"conv{i + 1}")(x).relu()
            return self.fc(x.mean((2, 3)))

    return Net()


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 255, (40, 16, 16, 3), dtype=np.uint8)


def test_the_lines_of_a_notebook_run_as_written(images, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model, labels, names = network_of_four(), np.arange(40) % 5, list("abcde")
    mean, std = [0.5, 0.5, 0.5], [0.2, 0.2, 0.2]

    data = cv.dataset(images, labels, mean=mean, std=std)
    network = cv.trace(model, data[0][0], classes=names)
    activations = cv.record(model, network, data)
    connections = cv.connect(model, network, activations)
    analysis = cv.cluster(network, activations, neurons=KMeans(8))
    conv4 = analysis.clusters["conv4"].merge(3, 5).rename(3, "dog faces")
    analysis = analysis.with_clusters("conv4", conv4)
    faces = cv.Target("conv4", conv4[3].members)
    cam = cv.attribute(model, network, data[0], faces, cv.methods.GradCam())
    session = cv.Session(analysis, activations, connections, (cam,))
    cv.export(cv.draw(session), "figure-3.pdf", style="double-column")
    cv.save(session, "mine.cnnvis")
    loaded = cv.load("mine.cnnvis")

    assert (tmp_path / "figure-3.pdf").read_bytes().startswith(b"%PDF")
    assert loaded.analysis.clusters["conv4"][3].name == "dog faces"
    assert loaded.attributions[0].target == faces
    assert loaded.attributions[0].evidence.values.shape == (16, 16)


def test_a_notebook_shows_tables_and_pictures(images):
    model = network_of_four()
    data = cv.dataset(images, np.arange(40) % 5)
    network = cv.trace(model, data[0][0])
    activations = cv.record(model, network, data)
    analysis = cv.cluster(network, activations)
    assert "conv4" in network._repr_html_()
    assert "conv4" in analysis._repr_html_()
    assert cv.draw(cv.Session(analysis, activations))._repr_svg_().startswith("<svg")


def test_every_public_name_is_there_whatever_was_imported_before():
    code = (
        "import cnnvis.gui.app, cnnvis as cv\n"
        "missing = [n for n in cv.__all__ if not hasattr(cv, n)]\n"
        "assert not missing, missing\n"
        "assert callable(cv.export) and callable(cv.show) and callable(cv.cluster), 'shadowed by a package'\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
    )
    assert done.returncode == 0, done.stderr


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="nonsense"):
        _ = cv.nonsense


def test_the_python_of_the_readme_runs_as_written(tmp_path, monkeypatch, capsys):
    text = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len(blocks) == 3
    rng = np.random.default_rng(0)
    for index in range(10):
        folder = tmp_path / "photos" / "abcde"[index % 5]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 255, (8, 8, 3), dtype=np.uint8)).save(folder / f"{index}.png")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cv, "show", lambda session: 0, raising=False)
    names = {"model": network_of_four(), "names": list("abcde"), "mean": [0.5] * 3, "std": [0.2] * 3}
    exec("\n".join(blocks), names)
    assert (tmp_path / "figure-3.pdf").read_bytes().startswith(b"%PDF")
    assert (tmp_path / "mine.cnnvis").exists()
    assert names["gone"].counts.sum() == 10
    assert names["why"].evidence.values.shape == (224, 224)
    assert capsys.readouterr().out
