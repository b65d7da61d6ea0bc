"""A sheet of maps: a row for each image, a column for each method."""

from __future__ import annotations

import numpy as np
import pytest
from sessions import made_up_session

from cnnvis.errors import InvalidValue
from cnnvis.layout.explanation_sheet import explanation_sheet
from cnnvis.layout.marks import Label, Raster, Rect
from cnnvis.model.attribution import Attribution, Map, Vector
from cnnvis.model.target import Target

SESSION = made_up_session()
DOG, CAT = Target("fc", (1,)), Target("fc", (0,))


def found(sample: int, method: str, size: float = 1.0, target: Target = DOG) -> Attribution:
    values = np.tile(np.linspace(-size, size, 32, dtype=np.float32), (32, 1))
    return Attribution(Map(values), sample, target, method, {}, {"torch": "2"})


def marks(shown: list[Attribution], kind: type) -> list:
    (card,) = explanation_sheet(SESSION, shown).cards
    return [mark for mark in card.marks if isinstance(mark, kind)]


def test_a_row_an_image_and_a_column_a_method() -> None:
    shown = [found(s, m, target=t) for s, t in ((3, DOG), (5, CAT)) for m in ("Grad-CAM", "LIME")]
    places = [(mark.box.x, mark.box.y) for mark in marks(shown, Raster)]
    columns, rows = sorted({x for x, _ in places}), sorted({y for _, y in places})
    assert (len(columns), len(rows)) == (3, 2)
    assert sorted(places) == [(x, y) for x in columns for y in rows]
    words = {mark.text for mark in marks(shown, Label)}
    assert {"image", "Grad-CAM", "LIME", "3.png", "5.png", "class 0", "class 1"} <= words


def test_a_map_that_is_missing_leaves_an_empty_frame_in_its_place() -> None:
    shown = [found(3, "Grad-CAM"), found(3, "LIME"), found(5, "LIME")]
    (frame,) = marks(shown, Rect)
    assert frame.fill is None
    assert frame.box.x == min(mark.box.x for mark in marks([found(3, "Grad-CAM")], Raster) if mark.levels)
    assert len(marks(shown, Raster)) == 2 + 3


def test_each_map_has_its_own_scale() -> None:
    (_, weak, strong) = marks([found(3, "Saliency", 1e-6), found(3, "LIME", 1e3)], Raster)
    assert weak.levels == strong.levels


def test_many_targets_are_not_listed_in_the_caption() -> None:
    shown = [found(k, "LIME", target=Target("fc", (k,))) for k in range(4)]
    caption = explanation_sheet(SESSION, shown).caption
    assert "their targets" in caption
    assert "4 images" in caption


def test_evidence_that_is_no_map_has_no_sheet() -> None:
    bars = Attribution(Vector(np.ones(2, np.float32), ("a", "b")), 3, DOG, "LIME", {}, {})
    with pytest.raises(InvalidValue, match="at least one map"):
        explanation_sheet(SESSION, [bars])
