"""Graphs in Graphviz' language, for pictures: of the clusters as they are drawn, of the layers, of the neurons."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cnnvis.layout.compose import draw
from cnnvis.layout.diagram import BORDER, EXCITE, INHIBIT, MUTED, TEXT, Key
from cnnvis.layout.edge_words import sign_line
from cnnvis.layout.theme import LIGHT
from cnnvis.model.session import Session
from cnnvis.model.viewed import viewed
from cnnvis.storage.listing import Listing

_OTHER_NAMES = {"shape": "dimensions", "weight": "effect"}
"""What Graphviz would take for its own: the outline of a node, and how short and straight an edge is to be."""


def drawn(session: Session) -> Iterator[str]:
    """The pieces of a DOT file of the cards and edges that are drawn: a box for each column, the signs as colours."""
    diagram = draw(session)
    yield from _head(session.analysis.network.name, "LR", sign_line(viewed(session)))
    yield "  ranksep=1.2; nodesep=0.12;\n"
    for place, column in enumerate(diagram.columns):
        yield f"  subgraph cluster_{place} {{\n    label={_quoted(column.header.title)}; labelloc=t; rank=same;\n"
        for key in column.cards:
            values = {"label": diagram.card(key).title, "layer": column.layer}
            yield f"    {_quoted(_name(key))}{_attributes(values)};\n"
        yield "  }\n"
    for link in sorted(diagram.links, key=lambda link: link.strength):  # the strong ones over the weak ones
        stroke = {"color": LIGHT.hex(link.ink), "penwidth": f"{link.width / 2:.2f}"}
        told = {"excites": link.positive, "inhibits": link.negative, **stroke}
        yield f"  {_quoted(_name(link.source))} -> {_quoted(_name(link.sink))}{_attributes(told)};\n"
    yield "}\n"


def _name(key: Key) -> str:
    """What a card is called in the file: its cluster as in GraphML, else its class."""
    return f"{key[1]}/{key[2]}" if key[0] == "cluster" else " ".join(map(str, key))


def listed(graph: Listing) -> Iterator[str]:
    """The pieces of a DOT file of a whole graph, its values as attributes; signed effects have the signs' colours."""
    yield from _head(graph.name, "TB")
    yield "  ranksep=0.3;\n"
    for name, values in graph.nodes():
        told = [name, " ".join(str(values[k]) for k in ("kind", "shape") if k in values)]
        label = {"label": "\n".join(filter(None, told))}
        yield f"  {_quoted(name)}{_attributes(label | {_OTHER_NAMES.get(k, k): v for k, v in values.items()})};\n"
    for source, sink, values in graph.edges():
        own: dict[str, object] = {_OTHER_NAMES.get(k, k): v for k, v in values.items()}
        if "weight" in values:
            own["color"] = LIGHT.hex(EXCITE if float(values["weight"]) >= 0 else INHIBIT)
        yield f"  {_quoted(source)} -> {_quoted(sink)}{_attributes(own)};\n"
    yield "}\n"


def _head(name: str, direction: str, told: str = "") -> Iterator[str]:
    """How a file begins: its direction and dress, and what is told below the picture."""
    face = "fontname=\"Helvetica,Arial,sans-serif\""
    text, border, muted = (LIGHT.hex(ink) for ink in (TEXT, BORDER, MUTED))
    yield f"digraph {_quoted(name)} {{\n"
    yield f"  rankdir={direction}; label={_quoted(told)}; labelloc=b; color={_quoted(border)};\n"
    yield f"  {face}; fontsize=12; fontcolor={_quoted(text)};\n"
    yield f"  node [shape=box, height=0.3, color={_quoted(border)}, fontcolor={_quoted(text)}, fontsize=11, {face}];\n"
    yield f"  edge [color={_quoted(muted)}, arrowsize=0.5];\n"


def _attributes(values: Mapping[str, object]) -> str:
    return " [" + ", ".join(f"{_quoted(k)}={_quoted(v)}" for k, v in values.items()) + "]" if values else ""


def _quoted(value: object) -> str:
    text = str(value).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{text}"'
