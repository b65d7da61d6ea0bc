"""What a scorecard says in plain words."""

from __future__ import annotations

import math

import pytest

from cnnvis.model.scorecard import Scorecard

FALL = {"fall/blur": 0.8, "fall/mean": 0.8}


def areas(deletion: float, insertion: float) -> dict[str, float]:
    return {
        f"{kind}/{fill}": v
        for kind, v in (("deletion", deletion), ("insertion", insertion))
        for fill in ("blur", "mean")
    }


def card(scores: dict[str, float], **more: object) -> Scorecard:
    return Scorecard("k", "m", scores, **more)


def test_a_card_without_scores_says_nothing() -> None:
    assert card({}).verdicts == ()
    assert math.isnan(card({}).advantage())


@pytest.mark.parametrize(
    ("scores", "facts", "words"),
    [
        ({"randomised": 0.9}, {}, "hardly changes when the weights are random"),
        ({"mufidelity": -0.3}, {}, "gains when the image is covered"),
        ({"mufidelity": 0.05}, {}, "no more than covering anything else"),
        ({"max-sensitivity": 1.2}, {}, "changes this map by 120 %"),
        ({"jaccard": 0.3}, {}, "only 30 % of the strongest places agree"),
        ({"completeness": 0.5}, {"sum": 1.5, "expected sum": 3.0}, "must add up to 3; it adds up to 1.5"),
        ({"on part": 0.02}, {"area of part": 0.03, "part": "the tag"}, "2 % of the evidence lie on the tag"),
        ({}, {"flat": True}, "the same everywhere"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(scores: dict, facts: dict, words: str) -> None:
    (said,) = card(scores, facts=facts).verdicts
    assert words in said


@pytest.mark.parametrize(
    ("scores", "facts"),
    [
        ({"randomised": 0.6}, {}),
        ({"randomised": float("nan")}, {}),
        ({"mufidelity": 0.2}, {}),
        ({"max-sensitivity": 0.5}, {}),
        ({"jaccard": 0.6}, {}),
        ({"completeness": 0.05}, {}),
        ({"on part": 0.2}, {"area of part": 0.03}),
    ],
)
def test_what_is_in_order_is_not_spoken_of(scores: dict, facts: dict) -> None:
    assert card(scores, facts=facts).verdicts == ()


def test_a_control_that_is_better_or_as_good_is_named() -> None:
    better = card(areas(0.4, 0.6), controls={"centre": areas(0.2, 0.6)}, facts=FALL)
    assert better.verdicts == ("A blob in the centre of the image does better at deletion.",)
    both = card(areas(0.4, 0.6), controls={"edges": areas(0.2, 0.8)}, facts=FALL)
    assert both.verdicts == ("An edge detector does better at deletion and insertion.",)
    alike = card(areas(0.4, 0.6), controls={"random": areas(0.405, 0.6)}, facts=FALL)
    assert alike.verdicts == ("A map drawn at random does as well at deletion and insertion.",)
    worse = card(areas(0.2, 0.7), controls={n: areas(0.4, 0.6) for n in ("random", "centre", "edges")}, facts=FALL)
    assert worse.verdicts == ()
    assert worse.advantage() == pytest.approx(0.5 / 0.8)
