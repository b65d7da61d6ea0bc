"""The graph of a session for other programs: GraphML (Gephi, yEd), JSON (D3, networkx) and DOT (Graphviz)."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from cnnvis.errors import InvalidValue, UnreadableFile, did_you_mean
from cnnvis.model.session import Session
from cnnvis.model.viewed import viewed
from cnnvis.storage.dot import drawn, listed
from cnnvis.storage.listing import Edge, Listing, Node, graphml, node_link
from cnnvis.storage.placing import placed

if TYPE_CHECKING:
    import networkx

Detail = Literal["clusters", "layers", "neurons"]
DETAILS: tuple[Detail, ...] = ("clusters", "layers", "neurons")
SUFFIXES = (".graphml", ".json", ".dot")


def graph(session: Session, detail: Detail = "clusters") -> networkx.DiGraph[str]:
    """The session as a networkx graph, nodes and edges with their values as attributes.

    `detail` "layers": the network itself, every layer a node. "clusters": the drawn clusters, joined by their
    signed edges (excites, inhibits, both ≥ 0; weight their sum). "neurons": every neuron of the clustered layers,
    joined by its signed effects (weight, which may be negative); large, about 1 kB an edge. Raises InvalidValue.
    """
    import networkx as nx

    made = listing(session, detail)
    found: networkx.DiGraph[str] = nx.DiGraph(name=made.name)
    found.add_nodes_from((name, dict(values)) for name, values in made.nodes())
    found.add_edges_from((source, sink, dict(values)) for source, sink, values in made.edges())
    return found


def listing(session: Session, detail: Detail) -> Listing:
    """What `graph` holds, node by node and edge by edge. Raises InvalidValue."""
    if detail not in DETAILS:
        hint = did_you_mean(str(detail), DETAILS)
        raise InvalidValue(f"The detail of a graph must be one of {', '.join(DETAILS)}; got {detail!r}. {hint}")
    seen = viewed(session)
    makers: dict[Detail, tuple[Callable[[Session], Iterator[Node]], Callable[[Session], Iterator[Edge]]]] = {
        "clusters": (_clusters, _cluster_edges),
        "layers": (_layers, _layer_edges),
        "neurons": (_neurons, _neuron_edges),
    }
    nodes, edges = makers[detail]
    return Listing(session.analysis.network.name, lambda: nodes(seen), lambda: edges(seen))


def _layers(session: Session) -> Iterator[Node]:
    for layer in session.analysis.network.layers:
        shape = "×".join(map(str, layer.shape))
        sizes = {"neurons": layer.n_units, "parameters": layer.parameters}
        yield layer.name, {"kind": layer.kind, "role": layer.role, "shape": shape, **sizes}


def _layer_edges(session: Session) -> Iterator[Edge]:
    return ((edge.source, edge.sink, {}) for edge in session.analysis.network.edges)


def _clusters(session: Session) -> Iterator[Node]:
    for layer, clusters in session.analysis.clusters.items():
        for cluster in clusters:
            members = " ".join(map(str, cluster.members))
            named = {"label": cluster.title, "members": members}
            yield f"{layer}/{cluster.id}", {"layer": layer, "cluster": cluster.id, **named}


def _cluster_edges(session: Session) -> Iterator[Edge]:
    connections, clusters = session.connections, session.analysis.clusters
    if connections is None:
        return
    for source, left in clusters.items():
        parts = [(sink, connections.blocks(source, sink, left, clusters[sink])) for sink in _sinks(session, source)]
        for i, one in enumerate(left):
            for sink, (positive, negative) in parts:
                for other, plus, minus in zip(clusters[sink], positive[i].tolist(), negative[i].tolist()):
                    if plus + minus > 0:
                        values = {"excites": plus, "inhibits": minus, "weight": plus + minus, "mode": connections.mode}
                        yield f"{source}/{one.id}", f"{sink}/{other.id}", values


def _sinks(session: Session, source: str) -> list[str]:
    """The clustered layers that a layer has edges to."""
    pairs = session.connections.pairs if session.connections is not None else ()
    return [sink for layer, sink in pairs if layer == source and sink in session.analysis.clusters]


def _neurons(session: Session) -> Iterator[Node]:
    for layer, clusters in session.analysis.clusters.items():
        for unit in range(clusters.n_units):
            yield f"{layer}:{unit}", {"layer": layer, "neuron": unit, "cluster": clusters.cluster_of(unit).id}


def _neuron_edges(session: Session) -> Iterator[Edge]:
    connections = session.connections
    if connections is None:
        return
    for source, clusters in session.analysis.clusters.items():
        sinks = _sinks(session, source)
        for i in range(clusters.n_units):
            for sink in sinks:
                row = connections.between(source, sink)[i].astype(float) * connections.scales[source, sink]
                for j, weight in enumerate(row.tolist()):
                    if weight != 0:
                        yield f"{source}:{i}", f"{sink}:{j}", {"weight": weight}


def write_graph(session: Session, path: str | os.PathLike[str], detail: Detail = "clusters") -> Path:
    """The path of a file with the graph of a session, its format by the suffix: .graphml, .json or .dot.

    GraphML and JSON (networkx' node-link form) hold what `graph` holds; DOT is for pictures: of "clusters" it has the
    cards and edges that are drawn, coloured by sign. Written edge by edge: the memory it takes does not grow with
    them. Raises InvalidValue, and UnreadableFile where it cannot be written.
    """
    target = Path(path)
    suffix = target.suffix.lower()
    if suffix not in SUFFIXES:
        hint = did_you_mean(suffix, SUFFIXES)
        raise InvalidValue(f"A graph's file must end in .graphml, .json or .dot; got {target.name!r}. {hint}")
    found = listing(session, detail)
    if suffix == ".dot":
        pieces = drawn(session) if detail == "clusters" else listed(found)
    else:
        pieces = graphml(found) if suffix == ".graphml" else node_link(found)
    try:
        with placed(target) as file:
            file.writelines(pieces)
    except OSError as error:
        why = error.strerror or str(error)
        raise UnreadableFile(f"A graph must be written to a folder that allows it; got {target}: {why}.") from error
    return target
