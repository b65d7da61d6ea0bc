"""What it costs to connect neurons: all layers of a network, and the deepest stage of a residual one."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
from torch import nn

from benchmarks.material import Held, published, resnet
from benchmarks.timing import Row, seconds, timed
from cnnvis.compute.connect import connect
from cnnvis.compute.trace import trace
from cnnvis.model.activations import Activations, Samples
from cnnvis.model.connections import Mode
from cnnvis.model.groups import Rule, layer_groups, neighbours


def edges_squeezenet() -> list[Row]:
    """Between all neighbouring layers of SqueezeNet in each mode, and between its modules."""
    model, data = published("squeezenet1_0", 64)
    network = trace(model, data[0][0], classes=data.classes)
    table = _table(data)
    asked: tuple[tuple[Mode, int | None, Rule], ...] = (
        ("weights × activation", None, "layers"),
        ("weights", None, "layers"),
        ("class", 281, "layers"),
        ("weights × activation", None, "modules"),
    )
    rows = []
    for mode, target, by in asked:
        pairs = neighbours(layer_groups(network, by), network)
        work = partial(connect, model, network, table, pairs=pairs, mode=mode, target=target, device="cpu")
        what = f"edges of SqueezeNet, {mode}, {len(pairs)} pairs of {by}"
        rows.append(timed(what, work, asked="seconds", repeats=2, warm=0, note="16 images of 227 × 227"))
    return rows


def edges_stage() -> Row:
    """Into the last stage of a bottleneck residual network: 1,024 units to 2,048 through several convolutions."""
    torch.manual_seed(0)
    data = Held(torch.randn(4, 3, 64, 64), np.arange(4), tuple(map(str, range(1000))))
    model = resnet((1, 1, 1, 2))
    network = trace(model, data[0][0], classes=data.classes)
    pair = neighbours(layer_groups(network), network)[-2]
    n_units = network[pair[1]].n_units
    bare = _forward_seconds(model[4], torch.randn(64, *network[pair[0]].shape)) * len(data) / 64  # type: ignore[index]
    table = _table(data)
    return timed(
        "edges into the last stage of a residual network",
        lambda: connect(model, network, table, pairs=[pair], device="cpu"),
        repeats=3,
        warm=0,
        note=f"{n_units} units; a forward pass of the stage over as many images takes {1000 * bare:.1f} ms",
    )


def _forward_seconds(stage: nn.Module, inputs: torch.Tensor) -> float:
    """Of a bare forward pass, the best of five."""
    with torch.inference_mode():
        return min(seconds(lambda: stage(inputs)) for _ in range(5))


def _table(data: Held) -> Activations:
    """What a recording knows of the samples, without one."""
    n = len(data)
    once = np.ones((n, 1), np.float32)
    samples = Samples(
        tuple(map(str, range(n))), np.arange(n), data.labels, once.astype(np.int32), once, np.ones(n, bool)
    )
    return Activations(data.classes, "class", np.ones(len(data.classes)), {}, samples, data)
