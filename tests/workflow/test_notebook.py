"""Subsets, one image and search, as a notebook writes them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from torch import manual_seed, nn

import cnnvis as cv


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        manual_seed(3)
        self.conv1, self.conv2, self.fc = nn.Conv2d(3, 8, 3), nn.Conv2d(8, 12, 3), nn.Linear(12, 3)

    def forward(self, x):
        return self.fc(self.conv2(self.conv1(x).relu()).relu().mean((2, 3)))


def test_the_lines_run_as_written(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 255, (30, 16, 16, 3), dtype=np.uint8)
    Image.fromarray(images[4]).save(tmp_path / "cat.png")
    model = Net()

    data = cv.dataset(images, np.arange(30) % 3, mean=0.5, std=0.25)
    network = cv.trace(model, data[0][0], classes=["cat", "dog", "frog"])
    activations = cv.record(model, network, data, device="cpu")
    session = cv.Session(cv.cluster(network, activations), activations, cv.connect(model, network, activations))

    wrong = cv.subset(session, "the wrong ones", wrong=True)
    picture = cv.draw(wrong)
    best = cv.search(wrong, "top 5 selective:dog conv2")
    mine = cv.instance(model, network, cv.one_picture(data, tmp_path / "cat.png"))
    laid = cv.draw(cv.lay_over(session, mine, against="mean of dog"))
    unsure = cv.subset(session, "unsure dogs", classes=["dog"], below=0.5)

    n_wrong = int((activations.samples.predictions != activations.samples.labels).sum())
    assert f"{n_wrong} images (the wrong ones)" in picture.caption
    assert [hit.key[1] for hit in best] == ["conv2"] * 5
    assert "cat.png against mean of dog" in laid.caption
    np.testing.assert_allclose(mine.responses["conv1"], activations["conv1"].pooled[4], rtol=2e-3, atol=1e-3)
    assert cv.viewed(unsure).activations.n_samples <= 10


def test_what_cannot_be_is_said_before_anything_is_drawn() -> None:
    from sessions import made_up_session

    session = made_up_session()
    with pytest.raises(cv.CnnvisError, match="none is “confidence below 1 %”"):
        cv.subset(session, "x", below=0.01)
    with pytest.raises(cv.CnnvisError, match="No class 'cat'"):
        cv.search(session, "selective:cat")
    gone = session.with_look(replace(session.look, subset="never defined"))
    assert cv.viewed(gone).activations is session.activations
