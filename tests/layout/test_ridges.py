"""Responses by class as ridges."""

from __future__ import annotations

import numpy as np
import pytest
from sessions import made_up_session

from cnnvis.errors import InvalidValue
from cnnvis.layout.marks import Label, Rect
from cnnvis.layout.ridges import COMPACT, LISTED, hidden_classes, ridge_diagram, ridge_face, ridge_strip
from cnnvis.layout.svg import svg
from cnnvis.model.distributions import Distributions, distributions
from cnnvis.model.session import Session
from cnnvis.model.viewed import viewed
from cnnvis.workflow.subsets import subset


def made(classes: int = 4, n: int = 60) -> tuple[Session, Distributions]:
    session = made_up_session(classes=classes, n=n, empty_classes=1)
    assert session.activations is not None
    return session, distributions(session.activations, session.analysis.network, "conv1")


def test_every_class_with_samples_has_a_row_with_its_median_and_silent_share() -> None:
    _, found = made()
    face = ridge_face(found, 2, "Responses", True)
    words = [m.text for m in face.marks if isinstance(m, Label)]
    assert [w for w in words if w.startswith("class ")] == ["class 0", "class 1", "class 2"]
    assert words.count("0 %") == 3
    assert all(m.box.x >= 0 and m.box.right <= face.w and m.box.bottom <= face.h for m in face.marks)


def test_bars_are_higher_where_more_samples_are() -> None:
    _, found = made()
    face = ridge_face(found, 2, "Responses", True)
    bars = [m.box.h for m in face.marks if isinstance(m, Rect) and m.fill is not None and m.fill.strength == 0.55]
    shares = found.density[2, :3][found.density[2, :3] > 0]
    assert len(bars) == len(shares)
    np.testing.assert_allclose(np.square(bars) / shares, max(bars) ** 2 / shares.max())


def test_the_median_stands_at_its_response() -> None:
    _, found = made()
    boxes = [m.box for m in ridge_face(found, 2, "", True).marks if isinstance(m, Rect)]
    ticks = [box for box in boxes if (box.w, box.h) == (2.0, 10)]
    places = np.array([box.x + 1 for box in ticks])
    medians = found.quantiles[2, :3, 2]
    np.testing.assert_allclose(np.diff(places) / np.diff(medians), 320.0 / (found.edges[2, -1] - found.edges[2, 0]))


def test_of_many_classes_those_with_the_highest_medians_have_a_row() -> None:
    session, found = made(classes=60, n=180)
    face = ridge_face(found, 0, "", False)
    words = [m.text for m in face.marks if isinstance(m, Label) and m.text.startswith("class ")]
    assert len(words) == LISTED
    best = int(np.nanargmax(found.quantiles[0, :, 2]))
    assert words[0] == session.classes[best]


def test_the_figure_says_what_is_shown() -> None:
    session, found = made()
    diagram = ridge_diagram(session, found, 2)
    assert "Responses of conv1:2 by class" in svg(diagram)
    assert "neuron 2 of conv1 to each of 60 images" in diagram.caption
    with pytest.raises(InvalidValue, match="must be one whose responses were spread"):
        ridge_diagram(session, found, 9)


@pytest.mark.parametrize("width", [240.0, 296.0])
def test_beside_other_things_fewer_rows_fit_a_width(width: float) -> None:
    _, found = made(classes=30, n=180)
    face = ridge_strip(found, 0, False, width)
    words = [m.text for m in face.marks if isinstance(m, Label) and m.text.startswith("class ")]
    assert len(words) == COMPACT
    assert all(m.box.x >= 0 and m.box.right <= width + 1e-6 and m.box.bottom <= face.h for m in face.marks)
    assert hidden_classes(found) == "the 12 of 29 with the highest medians"
    assert hidden_classes(made()[1]) == ""


def test_of_a_subset_the_figure_says_so() -> None:
    session = subset(made()[0], "some", classes=[1])
    seen = viewed(session).activations
    assert seen is not None
    found = distributions(seen, session.analysis.network, "conv1", (2,))
    assert "each of 20 images of “some”" in ridge_diagram(session, found, 2).caption
