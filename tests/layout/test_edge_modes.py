"""What a picture shows of edges: their signs, their mode, and the sub-graph of a class."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest
from layout_sessions import a_session

from cnnvis.layout.compose import draw
from cnnvis.layout.diagram import Diagram
from cnnvis.layout.edge_words import sign_line
from cnnvis.layout.svg import svg
from cnnvis.layout.theme import DIMMED
from cnnvis.model.connections import Connections
from cnnvis.model.measurements import Edging
from cnnvis.model.session import Look, Session
from cnnvis.model.subsets import Subset
from cnnvis.model.viewed import viewed

TARGET = 1
ASKED = Edging("class", TARGET)


def for_class(connections: Connections) -> Connections:
    """Made-up edges for a class: none leads to another."""
    matrices = dict(connections.matrices)
    for (source, sink), matrix in matrices.items():
        if sink == "linear":
            matrices[source, sink] = np.where(np.arange(matrix.shape[1]) == TARGET, matrix, 0).astype(np.float16)
    return Connections("class", matrices, connections.scales, TARGET, 4)


@pytest.fixture(scope="module")
def session() -> Session:
    plain = a_session((24, 40, 40), 5, clusters=8, shortcut=True)
    measured = plain.measurements.with_connections(ASKED, for_class(plain.connections))
    measured = measured.with_connections(Edging("weights"), replace(plain.connections, mode="weights"))
    return plain.with_measurements(measured)


def seen(session: Session, **look: object) -> Diagram:
    return draw(session.with_look(Look(**look)))


def of_class(session: Session, **look: object) -> Diagram:
    return seen(session, mode="class", chosen=TARGET, **look)


@pytest.mark.parametrize("share", [0.0, 0.35, 1.0])
def test_cards_that_lead_to_the_class_stand_out_and_all_others_step_back(session: Session, share: float) -> None:
    diagram = of_class(session, share=share)
    met, todo = {("class", TARGET)}, [("class", TARGET)]
    while todo:
        here = todo.pop()
        for link in diagram.links_of(here):
            if link.sink == here and link.source not in met:
                met.add(link.source)
                todo.append(link.source)
    keys = {card.key for card in diagram.cards}
    assert keys - diagram.dimmed == met
    assert len(met) > 3
    assert all(link.source in met and link.sink in met for link in diagram.links)


def test_in_other_modes_no_card_steps_back(session: Session) -> None:
    assert not seen(session).dimmed
    assert not seen(session, mode="weights").dimmed


def test_a_class_whose_edges_were_not_measured_leaves_the_picture_as_it_is(session: Session) -> None:
    other = seen(session, mode="class", chosen=TARGET + 1)
    assert {link.key for link in other.links} == {link.key for link in seen(session).links}
    assert not other.dimmed


@pytest.mark.parametrize(("signs", "hidden"), [("positive", "negative"), ("negative", "positive")])
def test_edges_of_one_sign_are_counted_among_themselves(session: Session, signs: str, hidden: str) -> None:
    both, one = seen(session, share=0.35), seen(session, share=0.35, signs=signs)
    assert all(getattr(link, hidden) == 0 and getattr(link, signs) > 0 for link in one.links)
    assert any(link.positive and link.negative for link in both.links)
    assert len(one.links) == pytest.approx(len(both.links), rel=0.15)
    widths = [link.width for link in one.links]
    assert max(widths) == 5.0


def test_all_edges_of_both_signs_are_those_of_either(session: Session) -> None:
    both, *either = (seen(session, share=1.0, signs=s) for s in ("both", "positive", "negative"))
    assert {link.key for link in both.links} == {link.key for d in either for link in d.links}


def test_the_legend_says_what_the_colours_mean(session: Session) -> None:
    assert [entry.text for entry in seen(session).legend[:2]] == ["excites", "inhibits"]
    assert [entry.text for entry in of_class(session).legend[:2]] == ["speaks for class 1", "speaks against class 1"]
    assert [entry.text for entry in of_class(session, signs="positive").legend[:1]] == ["speaks for class 1"]
    assert not any("against" in entry.text for entry in of_class(session, signs="positive").legend)


@pytest.mark.parametrize(
    ("look", "said"),
    [
        (
            {},
            "Edges: weights × activation, the strongest 35 % and each cluster's strongest; blue excites, orange inhib",
        ),
        (
            {"mode": "weights", "signs": "negative"},
            "Edges: weights, the strongest 35 % and each cluster's strongest; or",
        ),
        ({"mode": "class", "chosen": TARGET}, "Edges: what flows from cluster to cluster to the score of class 1, the"),
    ],
)
def test_the_caption_says_what_the_edges_are(session: Session, look: dict[str, object], said: str) -> None:
    assert said in seen(session, **look).caption


@pytest.mark.parametrize(
    ("look", "said"),
    [
        ({}, "blue excites · orange inhibits"),
        ({"signs": "positive"}, "blue excites"),
        ({"mode": "weights"}, "edges by weights alone · blue excites · orange inhibits"),
        ({"mode": "class", "chosen": TARGET}, "blue speaks for class 1 · orange against it"),
        ({"mode": "class", "chosen": TARGET, "signs": "negative"}, "orange speaks against class 1"),
        ({"mode": "class", "chosen": TARGET + 1}, "blue excites · orange inhibits"),
    ],
)
def test_a_line_says_what_the_colours_of_the_edges_mean(session: Session, look: dict[str, object], said: str) -> None:
    assert sign_line(viewed(session.with_look(Look(**look)))) == said


def test_edges_over_a_subset_are_named_so_once_they_are_measured(session: Session) -> None:
    some = replace(session, analysis=session.analysis.with_subset(Subset("the wrong ones", wrong=True)))
    some = some.with_look(Look(subset="the wrong ones"))
    assert "edges over" not in sign_line(viewed(some))
    found = replace(some.connections, probe=3)
    some = some.with_measurements(some.measurements.with_connections(Edging(subset="the wrong ones"), found))
    assert sign_line(viewed(some)).startswith("edges over “the wrong ones” · blue excites")
    assert "weights × activation over “the wrong ones”" in draw(some).caption


def test_cards_that_step_back_are_faint_on_paper(session: Session) -> None:
    diagram = of_class(session)
    root = ElementTree.fromstring(svg(diagram))
    faint = root.findall(f".//{{http://www.w3.org/2000/svg}}g[@opacity='{DIMMED}']")
    assert len(faint) == len(diagram.dimmed) > 0


def test_cluster_edges_for_a_class_are_sums_and_so_are_parts_of_one_score(session: Session) -> None:
    diagram, found = of_class(session, share=1.0), session.measurements.connections[ASKED]
    link = max((x for x in diagram.links if x.sink[0] == "cluster"), key=lambda x: x.strength)
    one, other = (session.analysis.clusters[str(key[1])][int(key[2])].members for key in (link.source, link.sink))
    block = found.between(str(link.source[1]), str(link.sink[1]))[np.ix_(one, other)].astype("f8")
    assert link.positive == pytest.approx(block[block > 0].sum(), rel=1e-3)
    assert link.negative == pytest.approx(-block[block < 0].sum(), rel=1e-3)
