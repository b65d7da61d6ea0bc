"""Session files to measure with, made once for all measurements of a run."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from itertools import pairwise
from pathlib import Path

import numpy as np

from benchmarks.places import SHARED, Absent
from cnnvis.compute.clusterer import default_k
from cnnvis.model.activations import HISTOGRAM_BINS, Activations, Responses, Samples
from cnnvis.model.analysis import Analysis
from cnnvis.model.connections import Connections
from cnnvis.model.groups import Group, neighbours
from cnnvis.model.network import Edge, Layer, Network
from cnnvis.model.partition import Partition
from cnnvis.model.session import Session
from cnnvis.storage.archive import save
from cnnvis.storage.pictures import StoredPictures
from cnnvis.workflow.pictures import BUDGET

JOB = """
[network]
factory = {zoo}
weights = {weights}
classes = {classes}
input = [3, 227, 227]
[data]
source = {source}
resize = 227
crop = 227
mean = [0.485, 0.456, 0.406]
std = [0.229, 0.224, 0.225]
"""


def folder() -> Path:
    """Where this run of the bench keeps its files."""
    return Path(os.environ.get("CNNVIS_BENCH") or tempfile.mkdtemp(prefix="cnnvis-bench-"))


def squeezenet() -> Path:
    """The session file of SqueezeNet on the 500 photographs, made by the command line. Raises Absent."""
    place = folder()
    path = place / "squeezenet.cnnvis"
    if path.is_file():
        return path
    if not (SHARED / "models" / "zoo.py").is_file():
        raise Absent("the published networks are not beside the checkout")
    data = SHARED / "data"
    named = {
        "zoo": f"{SHARED / 'models' / 'zoo.py'}:squeezenet1_0",
        "weights": data / "squeezenet1_0_imagenet.safetensors",
        "classes": data / "imagenet_classes.json",
        "source": data / "imagenet_500.zip",
    }
    job = place / "squeezenet.toml"
    job.write_text(JOB.format(**{key: f"'{value}'" for key, value in named.items()}), encoding="utf-8")
    command = [sys.executable, "-m", "cnnvis", "analyze", str(job), "-o", str(path)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return path


def resnet50() -> Path:
    """A session file of the size of ResNet-50 on 5,000 photographs and 1,000 classes, its numbers drawn by lot."""
    import torch

    from benchmarks.material import resnet
    from cnnvis.compute.cluster import cluster
    from cnnvis.compute.record import recorded
    from cnnvis.compute.trace import trace

    path = folder() / "resnet50.cnnvis"
    if path.is_file():
        return path
    rng = np.random.default_rng(0)
    classes = tuple(f"class {i}" for i in range(1000))
    network = trace(resnet((3, 4, 6, 3)), torch.zeros(3, 224, 224), classes=classes)
    layers = {slot.layer: _responses(network[slot.layer], rng) for slot in recorded(network)}
    activations = Activations(classes, "class", np.full(1000, 5.0), layers, _samples())
    analysis = cluster(network, activations)
    pairs = neighbours(analysis.groups, network)
    matrices = {pair: _matrix(network, pair, rng) for pair in pairs}
    connections = Connections("weights × activation", matrices, dict.fromkeys(pairs, 1.0), probe=64)
    return save(Session(analysis, activations, connections, pictures=_photographs(rng)), path)


def wide(n: int) -> Session:
    """A session with one layer of n neurons between two of 64, over 100 classes, its numbers drawn by lot."""
    rng = np.random.default_rng(0)
    layers = [Layer("input", "input", (3, 32, 32), role="input", n_units=3)]
    for name, units in (("before", 64), ("wide", n), ("behind", 64)):
        layers.append(Layer(name, "Conv2d", (units, 8, 8), n_units=units))
    layers.append(Layer("fc", "Linear", (100,), n_units=100))
    edges = tuple(Edge(a.name, b.name) for a, b in pairwise(layers))
    network = Network("wide", tuple(layers), edges, tuple(f"class {i}" for i in range(100)), "fc")
    counts = np.full(100, 10.0)
    found = {x.name: _few(x, rng) for x in layers[1:]}
    samples = Samples(
        tuple(f"{i}.png" for i in range(1000)),
        np.arange(1000),
        np.arange(1000) % 100,
        np.tile(np.arange(5, dtype=np.int32), (1000, 1)),
        np.full((1000, 5), 0.2, np.float32),
        np.ones(1000, bool),
    )
    activations = Activations(network.classes, "class", counts, found, samples)
    groups = tuple(Group(i, x.name, (x.name,), x.name) for i, x in enumerate(layers[1:]))
    clusters = {x.name: Partition.from_labels(rng.integers(0, default_k(x.n_units), x.n_units)) for x in layers[1:-1]}
    pairs = [(a.name, b.name) for a, b in pairwise(layers[1:])]
    matrices = {pair: _matrix(network, pair, rng) for pair in pairs}
    connections = Connections("weights × activation", matrices, dict.fromkeys(pairs, 1.0))
    pictures = rng.integers(0, 255, (1000, 32, 32, 3), dtype=np.uint8)
    return Session(
        Analysis(network, groups, clusters, {}), activations, connections, pictures=lambda sample: pictures[sample]
    )


def _few(layer: Layer, rng: np.random.Generator) -> Responses:
    units = layer.n_units
    return Responses(
        layer=layer.name,
        total=rng.gamma(1.0, 10.0, (units, 100)),
        squares=rng.random((units, 100)) * 1e4,
        highest=rng.random((units, 100)).astype(np.float32),
        fired=rng.integers(1, 1000, units),
        histogram=rng.integers(0, 500, (units, HISTOGRAM_BINS)),
        place=None,
        top_samples=rng.integers(0, 1000, (units, 9)),
        top_values=np.sort(rng.random((units, 9)).astype(np.float32))[:, ::-1].copy(),
        top_places=np.zeros((units, 9, 2), np.int32),
    )


def _samples() -> Samples:
    n = 5000
    return Samples(
        names=tuple(f"photograph_{i:05d}.jpg" for i in range(n)),
        indices=np.arange(n),
        labels=np.arange(n) % 1000,
        ranked=np.tile(np.arange(5, dtype=np.int32), (n, 1)),
        scores=np.tile(np.linspace(0.6, 0.1, 5, dtype=np.float32), (n, 1)),
        read=np.ones(n, bool),
    )


def _responses(layer: Layer, rng: np.random.Generator) -> Responses:
    units, n = layer.n_units, 5000
    return Responses(
        layer=layer.name,
        total=rng.random((units, 1000), np.float32).astype(np.float64) * 5,
        squares=rng.random((units, 1)) * n,
        highest=rng.random((units, 1)).astype(np.float32),
        fired=rng.integers(1, n, units),
        histogram=rng.integers(0, 500, (units, HISTOGRAM_BINS)),
        place=rng.random((units, 8, 8)) if layer.spatial else None,
        top_samples=rng.integers(0, n, (units, 9)),
        top_values=np.sort(rng.random((units, 9)).astype(np.float32))[:, ::-1].copy(),
        top_places=rng.integers(0, 7, (units, 9, 2)).astype(np.int32),
        pooled=rng.random((n, units), np.float32).astype(np.float16),
    )


def _matrix(network: Network, pair: tuple[str, str], rng: np.random.Generator) -> np.ndarray:
    shape = (network[pair[0]].n_units, network[pair[1]].n_units)
    return (rng.random(shape, np.float32) - 0.5).astype(np.float16)


def _photographs(rng: np.random.Generator) -> StoredPictures:
    """As many bytes of pictures as a session keeps at most; a photograph of 224×224 takes about 30 kB."""
    n = min(BUDGET // 30_000, 5000)
    return StoredPictures({i: b"\xff\xd8" + rng.bytes(30_000) for i in range(n)})
