"""Votes as a waterfall."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from sessions import made_up_session

from cnnvis.errors import InvalidValue
from cnnvis.layout.marks import Label, Rect
from cnnvis.layout.svg import svg
from cnnvis.layout.waterfall import steps_of, waterfall_diagram, waterfall_face
from cnnvis.model.attribution import Attribution, Map, Vector
from cnnvis.model.target import Target


def votes(n: int = 30, **facts: object) -> Vector:
    values = np.random.default_rng(0).normal(size=n).astype(np.float32)
    known = {"layer": "conv2", "bias": -0.5, "logit": float(values.sum()) - 0.5, **facts}
    return Vector(values, tuple(f"conv2:{k}" for k in range(n)), known)


def test_each_bar_starts_where_the_one_before_ended_and_the_last_is_the_logit() -> None:
    found = votes()
    steps = steps_of(found, 8)
    assert [s.kind for s in steps] == ["start", *["vote"] * 8, "others", "sum"]
    assert all(a.stop == b.start for a, b in pairwise(steps[:-1]))
    assert steps[-2].stop == pytest.approx(found.facts["logit"], abs=1e-5)
    assert (steps[-1].start, steps[-1].stop) == (0.0, found.facts["logit"])


def test_the_largest_voters_come_first_whatever_their_sign() -> None:
    found = votes()
    sizes = [abs(s.value) for s in steps_of(found, 8) if s.kind == "vote"]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] == pytest.approx(float(np.abs(found.values).max()))
    assert steps_of(found, 8)[1].name == f"neuron {int(np.abs(found.values).argmax())}"
    assert steps_of(found, 8)[-2].name == "22 others"


def test_no_single_voter_hides_among_the_others() -> None:
    assert [s.kind for s in steps_of(votes(9), 8)].count("vote") == 9
    assert "others" not in {s.kind for s in steps_of(votes(5), 8)}


def test_votes_to_first_order_start_from_elsewhere() -> None:
    found = votes()
    facts = {k: v for k, v in found.facts.items() if k != "bias"} | {"rest": -0.5}
    assert steps_of(Vector(found.values, found.features, facts))[0].name == "elsewhere"
    with pytest.raises(InvalidValue, match="Use the method Votes"):
        steps_of(Vector(found.values, found.features, {}))


def test_bars_are_as_long_as_their_votes_and_stay_inside_the_card() -> None:
    steps = steps_of(votes(), 8)
    face = waterfall_face(steps, "Votes")
    bars = [m for m in face.marks if isinstance(m, Rect) and m.radius]
    assert len(bars) == len(steps)
    scales = [bar.box.w / abs(s.value) for bar, s in zip(bars, steps) if bar.box.w > 1]
    np.testing.assert_allclose(scales, scales[0], rtol=1e-6)
    assert all(m.box.x >= 0 and m.box.right <= face.w and m.box.bottom <= face.h for m in face.marks)
    taking = [bar.fill for bar, s in zip(bars, steps) if s.kind == "vote" and s.value < 0]
    assert {ink.role for ink in taking if ink is not None} == {"inhibit"}


def test_the_figure_says_whose_votes_they_are() -> None:
    session = made_up_session()
    found = Attribution(votes(), 7, Target("fc", (2,)), "Votes", {}, {})
    diagram = waterfall_diagram(session, found)
    assert "votes of 7.png to class 2, by the neurons of conv2" in diagram.caption
    assert "Votes of 7.png to class 2" in svg(diagram)
    assert any(isinstance(m, Label) and m.text == "logit" for m in diagram.cards[0].face.marks)
    other = Attribution(Map(np.zeros((2, 2), np.float32)), 7, Target("fc", (2,)), "Saliency", {}, {})
    with pytest.raises(InvalidValue, match="got Map of Saliency"):
        waterfall_diagram(session, other)
