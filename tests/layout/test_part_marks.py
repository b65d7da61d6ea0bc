"""What a layer sees in one image, in parts: maps over the image beside drawn ones."""

from __future__ import annotations

import numpy as np
import pytest
from layout_sessions import a_session

from cnnvis.layout.explanation import explanations
from cnnvis.layout.marks import Label, Raster
from cnnvis.layout.part_marks import laid, part_marks
from cnnvis.model.attribution import Attribution, Picture
from cnnvis.model.session import Session
from cnnvis.model.target import Target

FACTS = {
    "of": "layer",
    "layer": "layer1.conv2",
    "maps": (((1.0, 0.0), (0.0, 0.0)), ((0.0, 0.0), (0.0, 0.2)), ((0.0, 0.1), (0.0, 0.0))),
    "shares": (0.7, 0.2, 0.1),
    "explained": 0.81,
}
IMAGES = np.zeros((3, 8, 8, 3), np.uint8)


def test_cells_lie_where_their_centres_are() -> None:
    cells = np.array([[0.0, 1.0], [0.0, 1.0]])
    even = laid(cells, None, (4, 8))
    assert even.shape == (4, 8)
    assert even[0].tolist() == pytest.approx([0, 0, 0.125, 0.375, 0.625, 0.875, 1, 1])
    inward = laid(cells, ((0, 3), (3, 4)), (4, 8))
    assert inward[0].tolist() == [0, 0, 0, 0, 1, 1, 1, 1]


def test_each_part_has_its_map_and_its_drawn_image_side_by_side() -> None:
    marks, height = part_marks(IMAGES, FACTS, np.zeros((8, 8, 3), np.uint8), 0.8, 288)
    pictures = [mark for mark in marks if isinstance(mark, Raster)]
    assert len(pictures) == 6
    assert [bool(mark.levels) for mark in pictures] == [True, False] * 3
    assert all(np.frombuffer(mark.levels, np.int8).max() == 127 for mark in pictures[::2])
    texts = [mark.text for mark in marks if isinstance(mark, Label)]
    assert texts == ["part 1 · 70 %", "part 2 · 20 %", "part 3 · 10 %"]
    assert all(mark.box.right <= 288 and mark.box.bottom <= height for mark in marks)
    assert not any(one.box.overlaps(two.box) for i, one in enumerate(pictures) for two in pictures[:i])


def asked(session: Session, facts: dict[str, object], method: str) -> list[str]:
    evidence = Picture(IMAGES[: len(facts.get("maps", (0,)))], np.ones(len(facts.get("maps", (0,))), np.float32), facts)
    one = Attribution(evidence, 1, Target("linear", (0,)), method, {}, {}, "")
    found = explanations(session, [one])
    assert found.diagram.caption.startswith("Seen at layer1.conv2 in ")
    return [m.text for cell in found.cells[-1:] for m in cell.card.face.marks if isinstance(m, Label)]


def test_what_is_about_a_layer_does_not_speak_for_a_class() -> None:
    texts = asked(a_session(), dict(FACTS), "Activation grid")
    assert texts[:2] == ["Activation grid", "at layer1.conv2"]
    assert "the parts explain 81 %" in texts
    assert "layer layer1.conv2" not in texts
    again = asked(a_session(), {"of": "layer", "layer": "layer1.conv2", "cosine": 0.9}, "Caricature")
    assert again[1:4] == ["at layer1.conv2", "1× as strong", "likeness 0.90"]
