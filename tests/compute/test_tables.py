"""LIME and DLIME for rows of a table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from samples import Held
from torch import nn

from cnnvis.compute.attribute import attribute
from cnnvis.compute.methods import Dlime, DlimeAsPublished, LimeTable, dlime, dlime_as_published, lime_table
from cnnvis.compute.probe import probe
from cnnvis.compute.rows import Rows
from cnnvis.compute.trace import trace
from cnnvis.errors import InvalidValue
from cnnvis.model.attribution import Vector
from cnnvis.model.network import Network
from cnnvis.model.target import Target

P = 5
NAMES = tuple("age weight height pulse sugar".split())
METHODS = (LimeTable(n_samples=400), Dlime(), DlimeAsPublished())


def normal(n: int = 300, p: int = P, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, p))


def setting() -> tuple[nn.Module, Network, Held]:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(P, 8), nn.ReLU(), nn.Linear(8, 3)).eval()
    inputs = torch.from_numpy(normal()).float()
    data = Held(inputs, model(inputs).argmax(1).numpy(), ("a", "b", "c"))
    data.kind, data.features = "table", NAMES
    return model, trace(model, inputs[0], classes=data.classes), data


def found(method: Any, row: Any = None, **more: Any) -> Vector:
    model, network, data = setting()
    more = {"data": data} | more
    evidence = attribute(model, network, data[0] if row is None else row, Target(network.output, (1,)), method, **more)
    assert isinstance(evidence.evidence, Vector)
    return evidence.evidence


def step(at: float, k: int) -> Callable[[np.ndarray], np.ndarray]:
    return lambda rows: (rows[:, k] > at).astype(np.float64)


@pytest.mark.parametrize("method", METHODS, ids=lambda m: type(m).__name__)
def test_features_are_called_by_their_names_and_answers_repeat(method: Any) -> None:
    one, again = found(method), found(method)
    assert one.features == NAMES
    assert one.values.shape == (P,)
    assert one.values.tobytes() == again.values.tobytes()
    assert set(one.facts) >= {"r2", "effective_samples", "n_samples", "chosen"}


@pytest.mark.parametrize("method", METHODS, ids=lambda m: type(m).__name__)
def test_what_was_learned_once_serves_again_without_the_data(method: Any) -> None:
    model, network, data = setting()
    target = Target(network.output, (1,))
    with probe(model, network) as opened:
        ready = method.prepared(opened, data, range(len(data)), target)
    assert ready == method
    assert found(ready, data=None).values.tobytes() == found(method).values.tobytes()
    with pytest.raises(InvalidValue, match="give attribute the `data` to learn from"):
        found(method, data=None)


def test_quartiles_hold_a_quarter_of_the_rows_each() -> None:
    rows = normal(400)
    known = lime_table.quartiles(Rows(rows, NAMES))
    np.testing.assert_allclose(known.frequencies, 0.25, atol=0.01)
    np.testing.assert_array_equal(known.places(known.edges[:, 1]), np.ones(P))  # an edge belongs below
    assert (known.low <= known.mean).all()
    assert (known.mean <= known.high).all()


def test_quartiles_are_those_of_the_authors_program() -> None:
    discretize = pytest.importorskip("lime.discretize")
    rows = np.column_stack([normal(200, 3), np.repeat([0.0, 1.0], 100), np.zeros(200)])
    known = lime_table.quartiles(Rows(rows, NAMES))
    peer = discretize.QuartileDiscretizer(rows[:, :3], [], list(NAMES[:3]))
    np.testing.assert_array_equal(known.places(rows)[:, :3], peer.discretize(rows[:, :3]))
    for k in range(3):
        np.testing.assert_allclose(known.mean[k], peer.means[k])
        np.testing.assert_allclose(known.spread[k], peer.stds[k], atol=1e-9)


def test_sampled_rows_follow_the_table() -> None:
    rows = np.column_stack([normal(500, 3), np.repeat([0.0, 1.0], 250), np.full(500, 7.0)])
    seen = []

    def predict(tried: np.ndarray) -> np.ndarray:
        seen.append(tried)
        return tried[:, 0]

    lime_table.explained(lime_table.quartiles(Rows(rows, NAMES)), rows[3], predict)
    tried = seen[0]
    assert tried.shape == (5000, P)
    np.testing.assert_array_equal(tried[0], rows[3])
    assert (tried.min(0) >= rows.min(0) - 1e-9).all()
    assert (tried.max(0) <= rows.max(0) + 1e-9).all()
    np.testing.assert_allclose(tried[:, :3].mean(0), rows[:, :3].mean(0), atol=0.1)
    assert set(np.unique(tried[:, 3])) == {0.0, 1.0}
    assert (tried[:, 4] == 7.0).all()


def test_lime_finds_the_feature_that_decides_with_the_weight_of_the_authors_program() -> None:
    peer = pytest.importorskip("lime.lime_tabular")
    rows, predict = normal(1000), step(0.0, 2)
    row = rows[int(np.argmax(rows[:, 2]))]
    fit, facts = lime_table.explained(lime_table.quartiles(Rows(rows, NAMES)), row, predict, n=20_000)
    assert facts["chosen"][0] == "height"
    theirs = peer.LimeTabularExplainer(rows, mode="regression", random_state=0).explain_instance(
        row, predict, num_features=10, num_samples=20_000
    )
    expected = dict(theirs.as_map()[1])[2]
    assert fit.coefficients[2] == pytest.approx(expected, abs=0.02)
    assert np.abs(np.delete(fit.coefficients, 2)).max() < 0.05


def test_lime_says_how_far_two_halves_of_its_samples_agree() -> None:
    rows, predict = normal(1000), step(0.0, 2)
    known = lime_table.quartiles(Rows(rows, NAMES))
    few, many = (lime_table.explained(known, rows[0], predict, n=n)[1] for n in (40, 5000))
    assert few["stability"] < 0.9 < many["stability"] <= 1
    assert 0 < few["stability_of_top"] <= 1
    assert "stability" not in lime_table.explained(known, rows[0], predict, n=2)[1]


def test_only_as_many_features_are_given_a_weight_as_are_asked_for() -> None:
    for method in (LimeTable(400, n_features=2), Dlime(n_features=2)):
        evidence = found(method)
        assert np.count_nonzero(evidence.values) == len(evidence.facts["chosen"]) == 2


def test_dlime_recovers_a_linear_model() -> None:
    rows = normal(400) * [1, 10, 0.1, 3, 1] + [0, 5, 1, -2, 3]
    slope = np.array([1.0, -0.2, 5.0, 0.0, 2.0])
    known = dlime.clustered(Rows(rows, NAMES), 2)
    added, facts = dlime.explained(known, rows[7], lambda r: r @ slope)
    np.testing.assert_allclose(added, slope * (rows[7] - rows.mean(0)), atol=1e-2)
    assert facts["r2"] > 0.9999


def test_dlime_learns_from_the_cluster_of_the_nearest_row_alone() -> None:
    rows = np.vstack([normal(60) - 8, normal(40, seed=1) + 8])
    asked = []

    def predict(tried: np.ndarray) -> np.ndarray:
        asked.append(tried)
        return tried.sum(1)

    _, facts = dlime.explained(dlime.clustered(Rows(rows, NAMES), 2), np.full(P, 7.0), predict)
    assert (facts["cluster_size"], facts["n"]) == (40, 100)
    assert (asked[0] > 0).all()
    np.testing.assert_array_equal(asked[0][0], np.full(P, 7.0))


def test_the_scale_of_a_feature_does_not_matter_to_dlime() -> None:
    rows = normal(200)
    scale = np.array([1, 1000, 1, 1, 0.001])
    answers = [
        dlime.explained(dlime.clustered(Rows(rows * s, NAMES), 3), rows[0] * s, lambda r, s=s: np.tanh(r / s).sum(1))[0]
        for s in (np.ones(P), scale)
    ]
    np.testing.assert_allclose(answers[0], answers[1], atol=1e-8)


def test_the_published_program_takes_the_cluster_of_another_row_and_explains_next_to_nothing() -> None:
    rows = np.vstack([normal(50) - 8, normal(50, seed=1) + 8])
    training = np.random.default_rng(0).permutation(100)[:80]
    known = dlime_as_published.clustered(Rows(rows, NAMES), training)
    wrong = [
        known.labels[int(np.argmin(((rows[training] - row) ** 2).sum(1)))] != known.labels[i]
        for i, row in enumerate(rows)
    ]
    assert 0.2 < np.mean(wrong) < 0.8
    inside = rows[wrong.index(False)]
    _, facts = dlime_as_published.explained(known, inside, lambda r: r.sum(1))
    assert facts["r2"] < 0.3
    assert "do not rely on it" in facts["says"]


def test_a_class_without_training_rows_is_refused_in_a_sentence() -> None:
    model, network, data = setting()
    rows = [i for i in range(len(data)) if data.labels[i] != 1]
    for method in METHODS[:2]:
        with pytest.raises(InvalidValue, match=r"none of the .* is of 'b'\. Add some, or explain another class"):
            attribute(model, network, data[0], Target(network.output, (1,)), method, data=data, rows=rows)
    evidence = attribute(model, network, data[0], Target("0", (1,)), Dlime(), data=data, rows=rows).evidence
    assert isinstance(evidence, Vector)


def test_a_cluster_too_small_for_a_line_is_refused_in_a_sentence() -> None:
    rows = np.vstack([normal(60), normal(3) + 50])
    known = dlime.clustered(Rows(rows, NAMES), 2)
    with pytest.raises(InvalidValue, match=r"at least 7 training rows to fit 5 features; .* in one of 3"):
        dlime.explained(known, np.full(P, 50.0), lambda r: r.sum(1))
    with pytest.raises(InvalidValue, match=r"Dlime\.n_clusters must be 1 to 31"):
        dlime.clustered(Rows(rows, NAMES), 40)


def test_rows_of_another_width_and_pictures_are_refused_in_a_sentence() -> None:
    model, network, data = setting()
    known = dlime.clustered(Rows(normal(50, 3), NAMES[:3]), 1)
    with pytest.raises(InvalidValue, match="must have learned from rows of 5 features; got 3"):
        attribute(model, network, data[0], Target(network.output, (0,)), Dlime(known=known))
    pictures = Held(torch.zeros(4, 3, 8, 8), [0, 0, 1, 1])
    with pytest.raises(InvalidValue, match="at least two rows of a table"):
        found(Dlime(), data=pictures)
    with pytest.raises(InvalidValue, match=r"LimeTable\.n_samples must be at least 2"):
        found(LimeTable(n_samples=1))


def test_a_target_that_is_the_same_everywhere_is_said() -> None:
    rows = normal(100)
    _, facts = dlime.explained(dlime.clustered(Rows(rows, NAMES), 2), rows[0], lambda r: np.ones(len(r)))
    assert "the same for all rows" in facts["says"]
    assert facts["r2"] == 0
