"""Graphs for other programs: what they read is what the session says, however large it is."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from itertools import count, islice
from pathlib import Path
from xml.etree import ElementTree

import networkx as nx
import numpy as np
import pytest
from sessions import made_up_session

from cnnvis.layout.compose import draw
from cnnvis.layout.diagram import EXCITE
from cnnvis.layout.theme import LIGHT
from cnnvis.model.session import Session
from cnnvis.storage import graphs
from cnnvis.storage.graphs import DETAILS, Detail, graph, write_graph
from cnnvis.storage.listing import Edge, Listing, Node, graphml, node_link

ODD = "<a> & \"b\" 'c' ]]>\tw\r\nï 🐕 \\N"
EVERY = pytest.mark.parametrize("detail", DETAILS)


@pytest.fixture
def session() -> Session:
    found = made_up_session()
    named = found.analysis.clusters["conv1"].rename(0, ODD)
    return replace(found, analysis=found.analysis.with_clusters("conv1", named))


def same(one: nx.DiGraph[str], other: nx.DiGraph[str]) -> bool:
    def values(found: nx.DiGraph[str]) -> tuple[dict[str, object], dict[tuple[str, str], object]]:
        return dict(found.nodes(data=True)), {(source, sink): data for source, sink, data in found.edges(data=True)}

    return values(one) == values(other)


def keys(text: str) -> set[tuple[str, ...]]:
    """For each key of a GraphML file what it is for, its name and its type."""
    found = ElementTree.fromstring(text).findall("{*}key")
    return {(key.attrib["for"], key.attrib["attr.name"], key.attrib["attr.type"]) for key in found}


@EVERY
def test_networkx_reads_from_graphml_what_was_in_the_graph(session: Session, tmp_path: Path, detail: Detail) -> None:
    made = graph(session, detail)
    path = write_graph(session, tmp_path / "a.graphml", detail)
    again = nx.read_graphml(path)
    assert same(again, made)
    assert again.graph["name"] == made.graph["name"]
    assert keys(path.read_text(encoding="utf-8")) == keys("\n".join(nx.generate_graphml(made)))
    assert detail != "clusters" or again.nodes["conv1/0"]["label"] == ODD


@EVERY
def test_json_is_the_node_link_form_of_networkx(session: Session, tmp_path: Path, detail: Detail) -> None:
    made = graph(session, detail)
    text = write_graph(session, tmp_path / "a.json", detail).read_text(encoding="utf-8")
    assert text.rstrip() == json.dumps(nx.node_link_data(made, edges="links"), ensure_ascii=False, indent=1)
    assert same(nx.node_link_graph(json.loads(text), edges="links"), made)


def nodes() -> Iterator[Node]:
    yield "a", {"yes": True, "n": 3, "x": 0.1, "name": "\x00\x1b\ud800"}
    yield 'b"<\n', {"yes": False, "n": -(10**12), "x": 1e-300, "name": ""}


def edges() -> Iterator[Edge]:
    yield "a", 'b"<\n', {"weight": float("nan")}
    yield 'b"<\n', "a", {"weight": float("-inf")}


def test_every_type_of_value_comes_back_from_graphml() -> None:
    again = nx.parse_graphml("".join(graphml(Listing("n", nodes, edges))))
    assert again.nodes["a"] == {"yes": True, "n": 3, "x": 0.1, "name": "\ufffd" * 3}
    assert again.nodes['b"<\n'] | {"name": ""} == {"yes": False, "n": -(10**12), "x": 1e-300, "name": ""}
    assert np.isnan(again.edges["a", 'b"<\n']["weight"])
    assert again.edges['b"<\n', "a"]["weight"] == float("-inf")


def test_json_holds_no_numbers_that_other_programs_cannot_read() -> None:
    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    found = json.loads("".join(node_link(Listing("n", nodes, edges))), parse_constant=refuse)
    assert [link["weight"] for link in found["links"]] == [None, None]


@pytest.mark.parametrize("form", [graphml, node_link])
def test_a_graph_without_an_end_is_written_piece_by_piece(form) -> None:  # type: ignore[no-untyped-def]
    endless = Listing("n", nodes, lambda: (("a", "b", {"weight": float(i)}) for i in count()))
    assert sum("0.0" in piece for piece in islice(form(endless), 1000)) > 0


@pytest.mark.parametrize("form", [graphml, node_link])
def test_a_graph_without_nodes_is_whole(form) -> None:  # type: ignore[no-untyped-def]
    text = "".join(form(Listing("none", lambda: iter(()), lambda: iter(()))))
    empty = nx.parse_graphml(text) if form is graphml else nx.node_link_graph(json.loads(text), edges="links")
    assert len(empty) == 0
    assert empty.graph["name"] == "none"


def test_a_graph_that_cannot_be_finished_leaves_the_old_file_whole(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def torn(found: Listing) -> Iterator[str]:
        yield "<graphml>"
        raise KeyboardInterrupt

    (tmp_path / "a.graphml").write_text("the old one")
    monkeypatch.setattr(graphs, "graphml", torn)
    with pytest.raises(KeyboardInterrupt):
        write_graph(session, tmp_path / "a.graphml")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("a.graphml", "the old one")]


def test_dot_has_the_cards_and_edges_that_are_drawn_in_the_colours_of_their_signs(
    session: Session, tmp_path: Path
) -> None:
    session = session.with_look(replace(session.look, share=0.2))
    diagram, text = draw(session), write_graph(session, tmp_path / "a.dot").read_text(encoding="utf-8")
    found = re.findall(r'"([^"]*)" -> "([^"]*)" .*"color"="(#\w+)"', text)
    assert len(found) == len(diagram.links) < graph(session).number_of_edges()
    between = [link for link in diagram.links if link.sink[0] != "class"]
    blue = {(link.source[-1], link.sink[-1]) for link in between if link.ink == EXCITE}
    said = {
        tuple(int(end.split("/")[1]) for end in (a, b))
        for a, b, colour in found
        if colour == LIGHT.hex(EXCITE) and "class" not in b
    }
    assert said == blue
    assert all(f'"label"="{name}"' in text for name in session.analysis.network.classes)


@EVERY
@pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz reads the file here; it is not installed")
def test_graphviz_has_nothing_to_complain_about(session: Session, tmp_path: Path, detail: Detail) -> None:
    command = ["dot", "-Tsvg", str(write_graph(session, tmp_path / "a.dot", detail)), "-o", str(tmp_path / "a.svg")]
    run = subprocess.run(command, check=True, capture_output=True, text=True)
    assert run.stderr == ""
    assert ElementTree.parse(tmp_path / "a.svg").getroot().tag.endswith("svg")
