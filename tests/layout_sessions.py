"""Made-up sessions of any size for the tests of what is drawn, saved and shown."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from cnnvis.layout.diagram import Diagram, Face, Key
from cnnvis.model.activations import HISTOGRAM_BINS, Activations, Responses, Samples
from cnnvis.model.analysis import Analysis
from cnnvis.model.connections import Connections
from cnnvis.model.groups import Group
from cnnvis.model.measurements import Contributions, Health, LayerHealth, Measurements
from cnnvis.model.network import Edge, Field, Layer, Network
from cnnvis.model.partition import Partition
from cnnvis.model.session import Look, Session

SIDE = 32


def a_network(
    widths: tuple[int, ...] = (16, 32), n_classes: int = 3, names: tuple[str, ...] = (), shortcut: bool = False
) -> Network:
    """A chain of convolutions of the given widths and a linear output, which a `shortcut` joins to the first."""
    layers = [Layer("input", "input", (3, SIDE, SIDE), role="input", n_units=3)]
    for i, width in enumerate(widths):
        size = 3.0 + 4 * i
        field = Field((size, size), (1.0, 1.0), (-(size - 1) / 2,) * 2)
        name = names[i] if names else f"layer{i + 1}.conv2"
        layers.append(
            Layer(name, "Conv2d", (width, SIDE, SIDE), n_units=width, parameters=9 * width, rectified=True, field=field)
        )
    layers.append(Layer("linear", "Linear", (n_classes,), n_units=n_classes))
    edges = tuple(Edge(a.name, b.name) for a, b in itertools.pairwise(layers))
    edges += (Edge(layers[1].name, "linear"),) if shortcut else ()
    classes = tuple(f"class {i}" for i in range(n_classes))
    return Network("toy", tuple(layers), edges, classes, "linear")


def responses(layer: Layer, n_groups: int, n_samples: int, rng: np.random.Generator, k: int = 9) -> Responses:
    """Plausible made-up responses of one layer; the last unit of a layer of more than 8 never fires."""
    n = layer.n_units
    top = rng.integers(0, n_samples, (n, k))
    values = np.sort(rng.uniform(0.5, 1.0, (n, k)).astype(np.float32))[:, ::-1]
    total = rng.gamma(1.5, 1.0, (n, n_groups)) * rng.uniform(0.2, 1.0, (n, 1)) * n_samples / n_groups
    fired = np.full(n, n_samples)
    if n > 8:
        fired[-1], total[-1] = 0, 0.0
        values[-1] = 0.0
    return Responses(
        layer=layer.name,
        total=total,
        squares=total**2,
        highest=np.ones((n, n_groups), np.float32),
        fired=fired,
        histogram=np.zeros((n, HISTOGRAM_BINS), np.int64),
        place=None,
        top_samples=top,
        top_values=np.ascontiguousarray(values),
        top_places=rng.integers(0, SIDE, (n, k, 2)).astype(np.int32),
    )


def a_picture(sample: int) -> NDArray[np.uint8]:
    """A picture of its own for each sample: a coloured disc on a coloured ground."""
    rng = np.random.default_rng(sample)
    y, x = np.mgrid[:SIDE, :SIDE]
    cy, cx, r = rng.integers(8, SIDE - 8), rng.integers(8, SIDE - 8), rng.integers(5, 12)
    inside = ((y - cy) ** 2 + (x - cx) ** 2 < r * r)[..., None]
    ground, disc = rng.integers(60, 256, 3), rng.integers(0, 220, 3)
    return np.where(inside, disc, ground).astype(np.uint8)


def a_session(
    widths: tuple[int, ...] = (16, 32),
    n_classes: int = 3,
    *,
    clusters: int | None = None,
    seed: int = 0,
    names: tuple[str, ...] = (),
    look: Look | None = None,
    shortcut: bool = False,
) -> Session:
    """A session in which everything is known, about made-up pictures. `clusters` per layer (None: by size).

    With `shortcut` the first layer also feeds the output.
    """
    rng = np.random.default_rng(seed)
    network = a_network(widths, n_classes, names, shortcut)
    hidden = [x for x in network.layers if x.role == "compute"]
    n_samples = 20 * n_classes
    labels = np.repeat(np.arange(n_classes), 20)
    predictions = np.where(rng.random(n_samples) < 0.8, labels, 0).astype(np.int32)[:, None]
    samples = Samples(
        tuple(f"{i}.png" for i in range(n_samples)),
        np.arange(n_samples),
        labels,
        predictions,
        np.full((n_samples, 1), 0.9, np.float32),
        np.ones(n_samples, bool),
    )
    found = {x.name: responses(x, n_classes, n_samples, rng) for x in hidden}
    activations = Activations(network.classes, "class", np.full(n_classes, 20.0), found, samples)
    partitions = {}
    for layer in hidden:
        k = clusters or int(np.clip(round(np.sqrt(layer.n_units / 2)), 3, 16))
        labels_of = np.concatenate([np.arange(min(k, layer.n_units)), rng.integers(0, k, layer.n_units)])
        dead = found[layer.name].fired == 0
        partitions[layer.name] = Partition.from_labels(labels_of[: layer.n_units], dead)
    pairs = [(a.name, b.name) for a, b in itertools.pairwise(hidden)]
    if shortcut:
        pairs.append((hidden[0].name, hidden[-1].name))
    matrices = {
        (a, b): rng.normal(0, 1, (network[a].n_units, network[b].n_units)).astype(np.float16) for a, b in pairs
    }
    connections = Connections("weights × activation", matrices, dict.fromkeys(matrices, 1.0))
    groups = tuple(Group(i, x.name, (x.name,), x.name) for i, x in enumerate(hidden))
    analysis = Analysis(network, groups, partitions, {})
    return Session(analysis, activations, connections, look=look or Look(), pictures=a_picture)


def contributions_of(session: Session, seed: int = 0) -> Contributions:
    """Contributions drawn by lot for all layers that are known."""
    rng = np.random.default_rng(seed)
    found = session.activations
    n = len(found.groups)
    counts = np.where(found.counts > 0, 10.0, 0.0)
    layers = {name: rng.normal(size=(r.n_units, n)) * counts for name, r in found.layers.items()}
    return Contributions(layers, counts)


def layer_health(name: str, n: int, **fields: object) -> LayerHealth:
    """The health of a layer without alarm."""
    plain = LayerHealth(name, 0.0, 1.0, 1.0, 0.0, 0.5, 0.5, 1.0, 0.01, 0.01, np.ones(n))
    return replace(plain, **fields)


def measured(session: Session, **fields: object) -> Session:
    """A session with contributions and health, so that all facets have something to show."""
    health = {name: layer_health(name, r.n_units, **fields) for name, r in session.activations.layers.items()}
    own = {None: contributions_of(session)}
    return session.with_measurements(Measurements(contributions=own, health=Health(health, 60)))


def looked(session: Session, **look: object) -> Session:
    """A session with another look."""
    return session.with_look(replace(session.look, **look))


def faces(diagram: Diagram) -> dict[Key, Face]:
    """The faces of all clusters."""
    return {card.key: card.face for card in diagram.cards if card.key[0] == "cluster"}
