"""Finding layers, neurons, clusters and classes by what a user types."""

from __future__ import annotations

from dataclasses import dataclass

from cnnvis.layout.diagram import Key
from cnnvis.model.session import Session


@dataclass(frozen=True, slots=True)
class Hit:
    """Something found: where it leads, its name, and what it is."""

    key: Key
    text: str
    kind: str


def find(session: Session, text: str, most: int = 12) -> tuple[Hit, ...]:
    """What fits a text best, best first: "layer2.1", "layer2.1.conv2:17", "cat", a cluster's name.

    Every word must occur; names that begin with the text come first, then shorter ones.
    """
    query = text.strip().lower()
    if not query:
        return ()
    layer, colon, unit = query.rpartition(":")
    hits = _neurons(session, layer, unit) if colon and (unit.isdigit() or not unit) else []
    words = query.split()
    found = [hit for hit in _all(session) if all(word in hit.text.lower() for word in words)]
    found.sort(key=lambda hit: (not hit.text.lower().startswith(query), len(hit.text), hit.text))
    return tuple([*hits, *found][:most])


def _all(session: Session) -> list[Hit]:
    network = session.analysis.network
    hits = [Hit(("column", layer.name), layer.name, "layer") for layer in network.drawn if layer.role != "input"]
    hits += [Hit(("class", i), name, "class") for i, name in enumerate(network.classes)]
    for layer, partition in session.analysis.clusters.items():
        if layer == network.output and network.classes:
            continue
        hits += [Hit(("cluster", layer, c.id), c.name, f"cluster of {layer}") for c in partition if c.name]
    return hits


def _neurons(session: Session, layer: str, unit: str) -> list[Hit]:
    hits = []
    for node in session.analysis.network.drawn:
        if node.n_units and layer in node.name.lower():
            index = int(unit) if unit else 0
            if index < node.n_units:
                hits.append(Hit(("unit", node.name, index), node.unit(index), "neuron"))
    return sorted(hits, key=lambda hit: (not hit.text.lower().startswith(layer), len(hit.text)))[:8]
