"""Small made-up sessions for tests that need no torch."""

from __future__ import annotations

import itertools

import numpy as np

from cnnvis.model.activations import HISTOGRAM_BINS, Activations, Responses, Samples, Skipped
from cnnvis.model.analysis import Analysis, Recipe
from cnnvis.model.connections import Connections
from cnnvis.model.groups import Group
from cnnvis.model.network import Edge, Field, Layer, Network
from cnnvis.model.partition import Partition
from cnnvis.model.session import Session
from cnnvis.storage.pictures import StoredPictures, encode_picture


def made_up_network(widths: tuple[int, ...] = (6, 12), classes: int = 4) -> Network:
    """A chain input → conv1 → conv2 … → fc."""
    seen = Field((5.0, 5.0), (2.0, 2.0), (-1.0, -1.0))
    layers = [Layer("input", "input", (3, 32, 32), role="input", n_units=3)]
    for i, width in enumerate(widths, 1):
        layers.append(Layer(f"conv{i}", "Conv2d", (width, 16, 16), n_units=width, rectified=True, field=seen))
    layers.append(Layer("fc", "Linear", (classes,), n_units=classes, batch_axis=0, parts=1))
    edges = tuple(Edge(a.name, b.name) for a, b in itertools.pairwise(layers))
    return Network("made up", tuple(layers), edges, tuple(f"class {i}" for i in range(classes)), "fc")


def made_up_responses(layer: Layer, counts: np.ndarray, n: int, rng: np.random.Generator) -> Responses:
    units = layer.n_units
    pooled = rng.gamma(1.0, 1.0, (n, units)).astype(np.float16)
    total = rng.gamma(1.0, 1.0, (units, len(counts))) * counts
    return Responses(
        layer=layer.name,
        total=total,
        squares=total**2 / np.maximum(counts, 1),
        highest=rng.random((units, len(counts))).astype(np.float32),
        fired=rng.integers(0, n + 1, units),
        histogram=rng.integers(0, 5, (units, HISTOGRAM_BINS)),
        place=rng.random((units, 8, 8)) if layer.spatial else None,
        top_samples=np.argsort(-pooled.astype(float), axis=0, kind="stable")[:9].T.copy(),
        top_values=np.sort(pooled.astype(np.float32), axis=0)[::-1][:9].T.copy(),
        top_places=rng.integers(0, 16, (units, 9, 2)).astype(np.int32),
        pooled=pooled,
    )


def made_up_session(
    widths: tuple[int, ...] = (6, 12), classes: int = 4, n: int = 24, seed: int = 0, empty_classes: int = 0
) -> Session:
    """A whole session with clusters, connections and stored pictures; the last `empty_classes` have no sample."""
    rng = np.random.default_rng(seed)
    network = made_up_network(widths, classes)
    labels = np.arange(n) % (classes - empty_classes)
    counts = np.bincount(labels, minlength=classes).astype(np.float64)
    drawn = [x for x in network.drawn if x.role != "input"]
    layers = {x.name: made_up_responses(x, counts, n, rng) for x in drawn}
    samples = Samples(
        names=tuple(f"{i}.png" for i in range(n)),
        indices=np.arange(n),
        labels=labels,
        ranked=np.tile(np.arange(min(classes, 5), dtype=np.int32), (n, 1)),
        scores=np.tile(np.linspace(0.6, 0.1, min(classes, 5), dtype=np.float32), (n, 1)),
        read=np.ones(n, bool),
        skipped=(Skipped("torn.png", "is truncated"),),
    )
    activations = Activations(network.classes, "class", counts, layers, samples)
    groups = tuple(Group(i, x.name, (x.name,), x.name) for i, x in enumerate(drawn))
    clusters = {x.name: Partition.from_labels(np.arange(x.n_units) % 3) for x in drawn[:-1]}
    last = Partition.from_labels(np.arange(classes))
    for i, name in enumerate(network.classes):
        last = last.rename(i, name)
    clusters["fc"] = last
    analysis = Analysis(network, groups, clusters, {x.name: Recipe(k=3) for x in drawn[:-1]})
    pairs = [(a.name, b.name) for a, b in itertools.pairwise(drawn)]
    matrices = {
        (a, b): rng.normal(size=(network[a].n_units, network[b].n_units)).astype(np.float16) for a, b in pairs
    }
    connections = Connections("weights × activation", matrices, dict.fromkeys(pairs, 1.0), probe=8)
    pictures = {i: encode_picture(rng.integers(0, 255, (32, 32, 3), dtype=np.uint8)) for i in range(n)}
    return Session(
        analysis, activations, connections, pictures=StoredPictures(pictures), provenance={"versions": {"numpy": "2"}}
    )
