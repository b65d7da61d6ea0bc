"""What stands in each column of the picture: the shown layers of every group, and the classes."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cnnvis.layout.card import near, style_for, waiting_face
from cnnvis.layout.classes import NARROW, ROOMY, WIDTH, Outputs, choose, class_face, rest_face, waiting_class
from cnnvis.layout.faces import cluster_face
from cnnvis.layout.health_face import layer_facts
from cnnvis.layout.links import blocks, singles
from cnnvis.layout.marks import INHIBIT, MUTED, Box, Face, Ink, Key, Label, Mark
from cnnvis.layout.material import Material
from cnnvis.layout.readings import read, table
from cnnvis.model.activations import Activations
from cnnvis.model.analysis import Analysis
from cnnvis.model.connections import Connections
from cnnvis.model.groups import Group
from cnnvis.model.instances import said_of
from cnnvis.model.network import Layer, Network
from cnnvis.model.partition import Partition
from cnnvis.model.session import DRAWN, Session

HEADER = 44.0
OVER = 40.0
"""How far a header may reach over the lane beside its column: names are long, lanes are empty up there."""


@dataclass(frozen=True, slots=True, eq=False)
class Content:
    """One column before it has a place: its header and its cards, in the order of the analysis.

    `partition` is that of its layer, None while it is unknown; `outputs` are set for the column of classes. In an
    expanded group `title` is the group's name and `short` that of the layer within it.
    """

    key: Key
    layer: str
    group: int
    header: Face
    cards: tuple[tuple[Key, Face], ...]
    partition: Partition | None = None
    outputs: Outputs | None = None
    short: str = ""
    title: str = ""

    @property
    def width(self) -> float:
        return max((face.w for _, face in self.cards), default=self.header.w)


def contents(session: Session, origin: Session) -> list[Content]:
    """The columns of a viewed session from left to right; the `origin` that it shows ranks the classes of many.

    By its connections over all samples, whatever edges are viewed, so that the same classes stay in the picture; and
    what an image laid over is taken for comes first.
    """
    analysis = session.analysis
    found: list[Content] = []
    for group in analysis.groups:
        layers = shown_layers(analysis, group, session.activations, group.name in session.look.expanded)
        for layer in layers:
            if has_classes(analysis.network) and layer.name in analysis.network.class_layers:
                continue
            several = len(layers) > 1 or group.name in session.look.expanded
            column = _layer_column(session, group, layer, several)
            if several:
                column = replace(column, short=short_name(layer.name, group.name), title=group.name)
            found.append(column)
    if has_classes(analysis.network):
        found.append(_class_column(session, origin))
    return found


def has_classes(network: Network) -> bool:
    """Whether each unit of the output has a name, so that it can stand as a class."""
    return bool(network.classes) and network[network.output].n_units == len(network.classes)


def shown_layers(
    analysis: Analysis, group: Group, activations: Activations | None, expanded: bool
) -> tuple[Layer, ...]:
    """The representative layer of a group; all layers with neurons of an expanded one, those that are recorded."""
    network = analysis.network
    if not expanded:
        return (network[group.representative],)
    recorded = activations.layers if activations is not None else {}
    return tuple(
        layer
        for layer in (network[name] for name in group.layers)
        if layer.name == group.representative
        or (layer.n_units > 0 and (layer.name in recorded or layer.role == "compute"))
    )


def short_name(layer: str, group: str) -> str:
    """A layer's name without that of the group around it, which is told beside."""
    inner = layer.removeprefix(group)
    return inner.lstrip("./") or layer


def _layer_column(session: Session, group: Group, layer: Layer, several: bool) -> Content:
    """The column of one layer: of `several` of an expanded group, or the one that stands for its group."""
    style = style_for(layer.n_units)
    partition = session.analysis.clusters.get(layer.name)
    activations = session.activations
    header = _layer_header(session, group, layer, style.width + OVER, several)
    key: Key = ("column", layer.name)
    if partition is None:
        n = min(int(np.clip(round(np.sqrt(layer.n_units / 2)), 4, 16)), max(layer.n_units, 1))
        cards = [(("cluster", layer.name, i), waiting_face(style)) for i in range(n)]
        return Content(key, layer.name, group.id, header, tuple(cards))
    if activations is None or layer.name not in activations.layers:
        cards = [
            (("cluster", layer.name, c.id), waiting_face(style, c.title, 1 if len(c) <= style.columns else 2))
            for c in partition
        ]
        return Content(key, layer.name, group.id, header, tuple(cards), partition)
    material = _material(session, activations, layer)
    faces = tuple((("cluster", layer.name, cluster.id), cluster_face(material, cluster)) for cluster in partition)
    return Content(key, layer.name, group.id, header, faces, partition)


def _material(session: Session, activations: Activations, layer: Layer) -> Material:
    """What the cards of one layer are made from."""
    network, measured = session.analysis.network, session.measurements
    chosen = session.look.chosen
    contributions = measured.contributions.get(chosen) or measured.own
    return Material(
        reading=read(activations, layer, picture_size(network)),
        style=style_for(layer.n_units),
        network=network,
        look=session.look,
        table=table(activations),
        contributions=contributions if contributions is not None and layer.name in contributions else None,
        health=measured.health.layers.get(layer.name) if measured.health is not None else None,
        subsets=session.analysis.subsets,
        synthesis=session.synthesis if DRAWN[session.look.source] else None,
    )


def picture_size(network: Network) -> tuple[int, int] | None:
    """Height and width of the pictures as the network sees them; None where its input is no picture."""
    shape = network.inputs[0].shape if network.inputs else ()
    return (shape[-2], shape[-1]) if len(shape) == 3 else None


def _layer_header(session: Session, group: Group, layer: Layer, width: float, several: bool) -> Face:
    """Name and size above a column.

    Beside health the second line tells what was measured of the layer as a whole.
    """
    network = session.analysis.network
    units = f"{layer.n_units:,} neuron{'' if layer.n_units == 1 else 's'}"
    if not several:
        title, second = group.name, f"{n_layers(group, network)} · {units}"
    else:
        title, second = layer.name, f"{layer.kind} · {units}"
    told = f"{layer.name}\n{layer.kind}, {'×'.join(map(str, layer.shape))}"
    if group.name != layer.name:
        told += f"\nstands for {group.name}" if layer.name == group.representative else f"\nin {group.name}"
    ink, health = MUTED, session.measurements.health
    if session.look.facet == "health" and health is not None and layer.name in health.layers:
        facts = layer_facts(health.layers[layer.name])
        told += "".join(f"\n{text}" for text, _ in facts)
        worst = next((text for text, bad in facts if bad), "")
        second = worst or " · ".join(text for text, _ in facts[:2]) or second
        ink = INHIBIT if worst else MUTED
    return header_face(title, second, width, told, ink)


def n_layers(group: Group, network: Network) -> str:
    """How many layers a group has: those that compute, not the steps between them."""
    n = sum(network[name].role == "compute" for name in group.layers) or len(group.layers)
    return f"{n} layer{'' if n == 1 else 's'}"


def header_face(
    title: str,
    second: str,
    width: float,
    tooltip: str = "",
    ink: Ink = MUTED,
) -> Face:
    """The two lines above a column, as they are read from near."""
    marks: list[Mark] = [
        near(Label(title, Box(0, 12, width, 17), 13, bold=True, elide="middle")),
        near(Label(second, Box(0, 29, width, 15), 11, ink)),
    ]
    return Face(width, HEADER, tuple(marks), title, tooltip, framed=False)


def _class_column(session: Session, origin: Session) -> Content:
    network, activations = session.analysis.network, session.activations
    strength = _class_strength(session, origin.connections) if len(network.classes) > ROOMY else None
    chosen = () if session.look.chosen is None else (session.look.chosen,)
    outputs = choose(len(network.classes), activations, strength, (*chosen, *said_of(origin)))
    n = len(outputs) + (outputs.rest > 0)
    cards: list[tuple[Key, Face]] = []
    for index in outputs.shown:
        if activations is None:
            face = waiting_class(network.classes[index], index, len(network.classes), n)
        else:
            face = class_face(index, network.classes, activations, n)
        cards.append((("class", index), face))
    if outputs.rest:
        cards.append((("class", "rest"), rest_face(outputs.rest, n, session.noun)))
    width = NARROW if n > ROOMY else WIDTH
    header = header_face("classes", f"{len(network.classes):,}", width, f"The output, {network.output}")
    group = next((g.id for g in reversed(session.analysis.groups) if network.class_layers & set(g.layers)), -1)
    return Content(("classes",), network.output, group, header, tuple(cards), None, outputs)


def _class_strength(session: Session, connections: Connections | None) -> NDArray[np.float64] | None:
    """How much each class deserves a card, (n_classes,); None while the connections are unknown.

    The strongest class of every cluster comes before the second ones: else one cluster with strong edges to a
    hundred breeds of dogs takes all cards.
    """
    network = session.analysis.network
    if connections is None:
        return None
    best = np.zeros(len(network.classes))
    for source, sink in connections.pairs:
        partition = session.analysis.clusters.get(source)
        if sink in network.class_layers and partition is not None:
            positive, negative = blocks(connections, source, sink, partition, singles(len(network.classes)))
            total = np.nan_to_num(positive + negative)
            turn = (-total).argsort(1, kind="stable").argsort(1)
            share = total / max(float(total.max(initial=0.0)), 1e-300)
            best = np.maximum(best, (share - turn + len(best)).max(0))
    return best
