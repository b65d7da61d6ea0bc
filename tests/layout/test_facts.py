"""What is told of an explanation: signs only where there are some, and numbers that are alike in a list."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sessions import made_up_session

from cnnvis.layout.explanation import Explanations, explanations
from cnnvis.layout.facts import facts_of, has_signs
from cnnvis.layout.marks import Label, Rect
from cnnvis.layout.sheet import alike, short
from cnnvis.layout.waterfall import steps_of
from cnnvis.layout.weight_maps import foremost
from cnnvis.model.attribution import Attribution, Evidence, Gates, Map, Picture, Vector, WeightMap
from cnnvis.model.target import Target

SESSION = made_up_session()
NO_SIGNS: dict[str, Evidence] = {
    "gates": Gates({"conv2": np.eye(4, dtype=np.float32)[0]}),
    "weights": WeightMap({"conv2.weight": np.ones((4, 3), np.float32)}),
    "a picture": Picture(np.zeros((1, 8, 8, 3), np.uint8), np.ones(1, np.float32)),
    "shares": Vector(np.array([0.75, 0.25], np.float32), ("a", "b"), {"signed": False}),
}


def found(evidence: Evidence) -> Attribution:
    return Attribution(evidence, 3, Target("fc", (1,)), "Method", {}, {"torch": "2"})


def texts(shown: Explanations) -> list[str]:
    return [m.text for cell in shown.cells for m in cell.card.marks if isinstance(m, Label)]


@pytest.mark.parametrize("evidence", NO_SIGNS.values(), ids=NO_SIGNS)
def test_there_is_no_legend_of_signs_where_no_cell_has_any(evidence: Evidence) -> None:
    shown = explanations(SESSION, [found(evidence)]).diagram
    assert shown.legend == ()
    assert "against" not in shown.caption


def test_a_cell_with_signs_brings_the_legend_for_all() -> None:
    both = [found(NO_SIGNS["gates"]), replace(found(Map(np.eye(8, dtype=np.float32))), method="Other")]
    assert [e.text for e in explanations(SESSION, both).diagram.legend] == ["for", "against"]


def test_what_is_measured_of_the_loss_names_no_class() -> None:
    facts = {"of": "loss"}
    weights = explanations(SESSION, [found(WeightMap({"conv2.weight": np.ones((4, 3), np.float32)}, facts))])
    assert "matters for the loss" in texts(weights)
    assert not any("class 1" in text for text in (*texts(weights), weights.diagram.caption))


def test_shares_are_written_and_drawn_without_signs() -> None:
    shown = explanations(SESSION, [found(NO_SIGNS["shares"])])
    assert {"0.75", "0.25"} <= set(texts(shown))
    assert not {m.fill.role for c in shown.cells for m in c.card.marks if isinstance(m, Rect) and m.fill} & {
        "excite", "inhibit"
    }  # fmt: skip


def test_features_without_weight_are_counted_not_listed() -> None:
    values = np.zeros(20, np.float32)
    values[[4, 7]] = 2.0, -1.5
    one = found(Vector(values, tuple(f"feature {i}" for i in range(20))))
    listed = texts(explanations(SESSION, [one]))
    assert [text for text in listed if text.startswith("feature")] == ["feature 4", "feature 7"]
    assert "18 more, all 0" in listed


def test_neurons_that_do_not_vote_are_summed_with_the_others() -> None:
    votes = Vector(np.array([2.0, 0, 0, 0], np.float32), tuple("abcd"), {"logit": 2.5, "bias": 0.5})
    assert [step.name for step in steps_of(votes)] == ["bias", "a", "3 others", "logit"]


def test_the_heat_map_is_of_the_layer_listed_first() -> None:
    values = {"small.weight": np.full((2, 2), 9.0, np.float32), "large.weight": np.full((9, 9), 1.0, np.float32)}
    assert foremost(WeightMap(values, {"shares": {"small": 0.3, "large": 0.7}})) == "large.weight"
    assert foremost(WeightMap(values)) == "small.weight"


def test_a_list_of_numbers_has_as_many_decimals_each() -> None:
    assert alike([1.24, -1.1, 0.982, 0.75, -2.0], signed=True) == ["+1.24", "−1.10", "+0.98", "+0.75", "−2.00"]
    assert alike([14.0, 12.1, -0.01, 0.0]) == ["14.0", "12.1", "0.0", "0"]
    assert alike([-2.0, 2.0]) == ["−2", "2"]
    assert alike([1234.5, 12.0]) == ["1,234", "12"]
    assert alike([]) == []


def test_thousands_are_written_without_powers_of_ten() -> None:
    assert [short(value) for value in (1234.0, -999.9, 12.345, 2e7)] == ["1,234", "−1,000", "12.3", "2e+07"]


def test_a_range_whose_least_is_almost_nothing_says_so() -> None:
    assert facts_of(found(Map(np.array([[1.84e-10, 0.956]], np.float32)))) == ["0.000 to 0.956"]


def test_how_many_layers_lie_between_is_said_in_words() -> None:
    said = {n: facts_of(found(Vector(np.ones(2, np.float32), ("a", "b"), {"linear_layers": n}))) for n in (1, 2)}
    assert said == {1: ["over 1 linear layer"], 2: ["over 2 linear layers"]}


def test_signs_are_those_of_the_method() -> None:
    assert has_signs(found(Map(np.eye(2, dtype=np.float32))))
    assert not has_signs(replace(found(Map(np.eye(2, dtype=np.float32))), parameters={"channels": "max"}))
