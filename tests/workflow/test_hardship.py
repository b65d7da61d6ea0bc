"""Odd networks and odd data, taken through everything that a session can tell: an answer, or one sentence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from nets import batch_of, made
from samples import Held, random_images
from torch import nn

import cnnvis as cv
from cnnvis.errors import CnnvisError
from cnnvis.layout.matrix import KINDS
from cnnvis.model.session import FACETS
from cnnvis.model.tables import TABLES
from cnnvis.workflow.contributions import contributions, knock_out, with_contributions
from cnnvis.workflow.edges import edges, followed, with_edges
from cnnvis.workflow.health import measured_health, with_health
from cnnvis.workflow.report import report_text
from cnnvis.workflow.subsets import record_subset


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Tiny tensors are faster without threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@dataclass
class Case:
    """A session with its network at hand."""

    session: cv.Session
    sources: Any

    def measured(self) -> cv.Session:
        """The session with contributions, health, a knock-out of each hidden layer, and edges to the first class."""
        found = with_contributions(self.session, contributions(self.session, self.sources))
        found = with_health(found, measured_health(found, self.sources))
        network = found.analysis.network
        for layer in set(self.session.activations.layers) - set(network.class_layers):  # type: ignore[union-attr]
            found = knock_out(found, self.sources, {layer: range(network[layer].n_units)}, "mean")
        aimed = found.with_look(replace(found.look, mode="class", chosen=0))
        connections = edges(aimed, self.sources, followed(aimed))
        assert connections is not None
        return with_edges(aimed, followed(aimed), connections)


def case(model: nn.Module, inputs: Any, labels: Any = None, classes: Any = None, **data: Any) -> Case:
    held = Held(inputs, labels, **data)
    example = tuple(x[0] for x in inputs) if isinstance(inputs, tuple) else inputs[0]
    network = cv.trace(model, example, classes=classes)
    activations = cv.record(model, network, held, device="cpu")
    connections = cv.connect(model, network, activations, device="cpu", probe_samples=4)
    session = cv.Session(cv.cluster(network, activations), activations, connections)
    return Case(session, SimpleNamespace(model=model, data=held, before=None))


def tell(session: cv.Session) -> None:
    """Everything that can be seen of a session; a CnnvisError is an answer as well."""
    every = frozenset((layer, c.id) for layer, clusters in session.analysis.clusters.items() for c in clusters)
    for facet in FACETS:
        cv.draw(session.with_look(replace(session.look, facet=facet, opened=every)))
    assert session.activations is not None
    for layer in session.activations.layers:
        for kind in KINDS:
            _answers(lambda layer=layer, kind=kind: cv.matrix(session, layer, kind=kind).sheet())  # type: ignore[misc]
    _answers(lambda: cv.confusion_diagram(session))
    for name in TABLES:
        _answers(lambda name=name: cv.table(session, name))  # type: ignore[misc]
    for query in ("dead", "wrong", "duplicate", "top 3 contribution:0", 'top 3 "class 0"'):
        _answers(lambda query=query: cv.search(session, query))  # type: ignore[misc]
    cv.findings(session)
    report_text(session)


def _answers(ask: Any) -> None:
    try:
        ask()
    except CnnvisError as error:
        said = str(error)
        assert "\n" not in said
        assert said.endswith((".", "?"))


def mlp(n: int) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(7, 8), nn.ReLU(), nn.Linear(8, 4), nn.Tanh(), nn.Linear(4, n))


ROWS = random_images(20, (7,))
ODD: dict[str, Any] = {
    "no labels": lambda: case(mlp(3), ROWS),
    "numbers": lambda: case(mlp(1), ROWS, np.linspace(0, 1, 20)),
    "one number for three outputs": lambda: case(mlp(3), ROWS, np.linspace(0, 1, 20)),
    "several labels": lambda: case(mlp(3), ROWS, np.arange(60).reshape(20, 3) % 2),
    "several labels, none given": lambda: case(mlp(3), ROWS, np.zeros((20, 3), int)),
    "one output for two classes": lambda: case(mlp(1), ROWS, np.arange(20) % 2),
    "one output for two named classes": lambda: case(mlp(1), ROWS, np.arange(20) % 2, ("yes",)),
    "one class": lambda: case(mlp(1), ROWS, np.zeros(20, int), ("only",)),
    "classes without samples": lambda: case(mlp(6), ROWS, np.arange(20) % 2, tuple("abcdef")),
    "labels for some": lambda: case(mlp(3), ROWS, np.where(np.arange(20) % 2, -1, 1)),
    "torn samples": lambda: case(mlp(3), ROWS, np.arange(20) % 3, torn=(0, 1, 5)),
    "one sample": lambda: case(mlp(3), ROWS[:1], np.array([1])),
    "classes of one name": lambda: case(mlp(3), ROWS, np.arange(20) % 3, ("a", "a", "a")),
    "names of many kinds": lambda: case(mlp(3), ROWS, np.arange(20) % 3, ('a "b"', "<c>&'", "ü" * 300)),
    "gates": lambda: case(made("gru")[0], batch_of("gru", 6), np.arange(6) % 5),
    "words": lambda: case(made("lstm")[0], batch_of("lstm", 6), np.arange(6) % 5),
    "attention": lambda: case(made("vit, module")[0], batch_of("vit, module", 6), np.arange(6) % 5),
    "a module used twice": lambda: case(made("twice")[0], batch_of("twice", 6), np.arange(6) % 5),
    "two ways": lambda: case(made("branching")[0], batch_of("branching", 6), np.arange(6) % 5),
    "no axis for one sample": lambda: case(made("squeezed")[0], batch_of("squeezed", 1), np.array([2])),
}


@pytest.mark.parametrize("kind", ODD)
def test_whatever_is_asked_of_an_odd_session_has_an_answer(kind: str) -> None:
    found = ODD[kind]()
    tell(found.session)
    tell(found.measured())


def constant() -> nn.Module:
    model = mlp(3)
    for parameter in model.parameters():
        parameter.data.zero_()
    return model


def test_a_constant_network_is_told_of() -> None:
    found = case(constant(), ROWS, np.arange(20) % 3)
    tell(found.measured())
    assert any("dead" in one.kind or "never" in one.text for one in cv.findings(found.session))


def test_one_image_is_enough_for_a_network_that_drops_its_axis() -> None:
    model, example = made("squeezed")
    found = case(model, torch.stack([example] * 3), np.zeros(3, int))
    alone = record_subset(found.session, found.sources, np.array([1]))
    whole = found.session.activations
    assert whole is not None
    for layer in whole.layers:
        assert np.allclose(alone.mean(layer), whole.mean(layer), atol=1e-5)
    silenced = knock_out(found.session, found.sources, {"conv": [0]}).measurements.ablations[0]
    one = case(model, example[None], np.zeros(1, int))
    same = knock_out(one.session, one.sources, {"conv": [0]}).measurements.ablations[0]
    assert same.change[0] == pytest.approx(silenced.change[0], abs=1e-5)


def test_one_output_that_tells_two_classes_apart_is_confused_like_any_other() -> None:
    found = case(mlp(1), ROWS, np.arange(20) % 2, ("yes",)).session
    assert found.classes == ("not yes", "yes")
    assert cv.confusion_matrix(found).confusion.n_samples == 20
    assert cv.table(found, "images").rows[0][2] == "not yes"
    wrong = cv.subset(found, "mistaken", classes=["yes"], wrong=True)
    assert wrong.analysis.subsets[0].classes == (1,)


def test_an_image_is_looked_at_where_nothing_can_be_differentiated() -> None:
    model, _ = made("gru")
    found = case(model, batch_of("gru", 4), np.arange(4))
    image = cv.instance(model, found.session.analysis.network, found.sources.data, 2)
    assert len(image.scores) == 5
    assert set(image.responses) == set(found.session.activations.layers)  # type: ignore[union-attr]


def test_an_image_that_is_torn_is_one_sentence() -> None:
    found = case(mlp(3), ROWS, np.arange(20) % 3, torn=(2,))
    with pytest.raises(CnnvisError, match=r"^The image must be readable; it is torn"):
        cv.instance(found.sources.model, found.session.analysis.network, found.sources.data, 2)


def test_a_matrix_of_an_unknown_kind_is_one_sentence() -> None:
    found = case(mlp(3), ROWS, np.arange(20) % 3).session
    with pytest.raises(CnnvisError, match="Did you mean 'responses'"):
        cv.matrix(found, "0", kind="response")  # type: ignore[arg-type]
