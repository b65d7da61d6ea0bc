"""Searching finds layers, neurons, classes and named clusters."""

from __future__ import annotations

from sessions import made_up_session

from cnnvis.gui.search import find
from cnnvis.model.session import Session


def keys(session: Session, text: str) -> list[object]:
    return [hit.key for hit in find(session, text)]


def test_a_neuron_is_found_by_its_name() -> None:
    assert keys(made_up_session(), "conv2:7")[0] == ("unit", "conv2", 7)


def test_a_neuron_that_does_not_exist_is_not_found() -> None:
    assert ("unit", "conv2", 99) not in keys(made_up_session(), "conv2:99")


def test_layers_that_begin_with_the_text_come_first() -> None:
    assert keys(made_up_session(), "conv")[:2] == [("column", "conv1"), ("column", "conv2")]


def test_every_word_must_occur() -> None:
    assert keys(made_up_session(), "class 2") == [("class", 2)]


def test_a_named_cluster_is_found() -> None:
    session = made_up_session()
    clusters = session.analysis.clusters["conv2"].rename(1, "dog faces")
    named = session.with_analysis(session.analysis.with_clusters("conv2", clusters))
    assert keys(named, "dog") == [("cluster", "conv2", 1)]


def test_nothing_is_found_for_nothing() -> None:
    assert find(made_up_session(), "  ") == ()
