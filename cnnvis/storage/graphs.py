"""The graph of a session for other programs: GraphML (Gephi, yEd), JSON (D3, networkx) and DOT (Graphviz)."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from cnnvis.errors import InvalidValue, UnreadableFile, did_you_mean
from cnnvis.model.session import Session
from cnnvis.model.viewed import viewed

if TYPE_CHECKING:
    import networkx

Detail = Literal["clusters", "layers", "neurons"]
DETAILS: tuple[Detail, ...] = ("clusters", "layers", "neurons")
SUFFIXES = (".graphml", ".json", ".dot")


def graph(session: Session, detail: Detail = "clusters") -> networkx.DiGraph[str]:
    """The session as a networkx graph, nodes and edges with their values as attributes.

    `detail` "layers": the network itself, every layer a node. "clusters": the drawn clusters, joined by their
    signed edges (excites, inhibits, both ≥ 0; weight their sum). "neurons": every neuron of the clustered layers,
    joined by its signed effects (weight, which may be negative); large. Raises InvalidValue.
    """
    import networkx as nx

    if detail not in DETAILS:
        hint = did_you_mean(str(detail), DETAILS)
        raise InvalidValue(f"The detail of a graph must be one of {', '.join(DETAILS)}; got {detail!r}. {hint}")
    found: networkx.DiGraph[str] = nx.DiGraph(name=session.analysis.network.name)
    makers: dict[Detail, Callable[[Session, Any], None]] = {
        "clusters": _add_clusters,
        "layers": _add_layers,
        "neurons": _add_neurons,
    }
    makers[detail](viewed(session), found)
    return found


def _add_layers(session: Session, found: networkx.DiGraph[str]) -> None:
    network = session.analysis.network
    for layer in network.layers:
        shape = "×".join(map(str, layer.shape))
        sizes = {"neurons": layer.n_units, "parameters": layer.parameters}
        found.add_node(layer.name, kind=layer.kind, role=layer.role, shape=shape, **sizes)
    found.add_edges_from((edge.source, edge.sink) for edge in network.edges)


def _add_clusters(session: Session, found: networkx.DiGraph[str]) -> None:
    connections = session.connections
    for name, clusters in session.analysis.clusters.items():
        for cluster in clusters:
            members = " ".join(map(str, cluster.members))
            label = cluster.title
            found.add_node(f"{name}/{cluster.id}", layer=name, cluster=cluster.id, label=label, members=members)
    for source, sink in connections.pairs if connections is not None else ():
        assert connections is not None
        left, right = (session.analysis.clusters.get(layer) for layer in (source, sink))
        if left is None or right is None:
            continue
        positive, negative = connections.blocks(source, sink, left, right)
        for i, one in enumerate(left):
            for j, other in enumerate(right):
                plus, minus = float(positive[i, j]), float(negative[i, j])
                if plus + minus > 0:
                    ends = (f"{source}/{one.id}", f"{sink}/{other.id}")
                    found.add_edge(*ends, excites=plus, inhibits=minus, weight=plus + minus, mode=connections.mode)


def _add_neurons(session: Session, found: networkx.DiGraph[str]) -> None:
    connections = session.connections
    for name, clusters in session.analysis.clusters.items():
        for unit in range(clusters.n_units):
            found.add_node(f"{name}:{unit}", layer=name, neuron=unit, cluster=clusters.cluster_of(unit).id)
    for source, sink in connections.pairs if connections is not None else ():
        assert connections is not None
        if source in session.analysis.clusters and sink in session.analysis.clusters:
            scale = connections.scales[source, sink]
            for i, row in enumerate(connections.between(source, sink).astype(float) * scale):
                ends = ((f"{source}:{i}", f"{sink}:{j}", {"weight": float(w)}) for j, w in enumerate(row) if w != 0)
                found.add_edges_from(ends)


def write_graph(session: Session, path: str | os.PathLike[str], detail: Detail = "clusters") -> Path:
    """The path of a file with the graph of a session, its format by the suffix: .graphml, .json or .dot.

    JSON is networkx' node-link form. Raises InvalidValue, and UnreadableFile where it cannot be written.
    """
    import networkx as nx

    target = Path(path)
    suffix = target.suffix.lower()
    if suffix not in SUFFIXES:
        hint = did_you_mean(suffix, SUFFIXES)
        raise InvalidValue(f"A graph's file must end in .graphml, .json or .dot; got {target.name!r}. {hint}")
    found = graph(session, detail)
    if suffix == ".graphml":
        text = "\n".join(nx.generate_graphml(found))
    elif suffix == ".json":
        text = json.dumps(nx.node_link_data(found, edges="links"), ensure_ascii=False, indent=1)
    else:
        text = dot(found)
    try:
        target.write_text(text, encoding="utf-8")
    except OSError as error:
        why = error.strerror or str(error)
        raise UnreadableFile(f"A graph must be written to a folder that allows it; got {target}: {why}.") from error
    return target


def dot(found: networkx.DiGraph[str]) -> str:
    """A graph in Graphviz' language, from left to right; networkx leaves this to packages that run Graphviz."""
    lines = [f"digraph {_quoted(found.graph.get('name', ''))} {{", "  rankdir=LR;", "  node [shape=box];"]
    for name, values in found.nodes(data=True):
        lines.append(f"  {_quoted(name)}{_attributes(values)};")
    for source, sink, values in found.edges(data=True):
        lines.append(f"  {_quoted(source)} -> {_quoted(sink)}{_attributes(values)};")
    return "\n".join([*lines, "}", ""])


def _attributes(values: dict[str, Any]) -> str:
    return " [" + ", ".join(f"{_quoted(k)}={_quoted(v)}" for k, v in values.items()) + "]" if values else ""


def _quoted(value: object) -> str:
    text = str(value).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{text}"'
