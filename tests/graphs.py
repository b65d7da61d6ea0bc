"""Networks without weights for the tests of layer groups: chains, shortcuts, branches."""

from __future__ import annotations

from cnnvis.model.network import Edge, Field, Layer, Network

Row = tuple[str, str, tuple[int, ...], str]
PLANE = Field((3.0, 3.0), (1.0, 1.0), (0.0, 0.0))


def network(rows: list[Row], output: str) -> Network:
    """A network from rows of (name, kind, shape, sources with a blank between)."""
    layers, edges = [], []
    for name, kind, shape, sources in rows:
        compute = kind in ("Conv2d", "Linear", "MultiheadAttention")
        role = "input" if kind == "input" else "compute" if compute else "structural"
        axis = -1 if len(shape) == 2 else 0
        field = PLANE if len(shape) == 3 else None
        layers.append(Layer(name, kind, shape, role, axis, shape[axis], field=field))
        edges += [Edge(s, name) for s in sources.split()]
    return Network("net", tuple(layers), tuple(edges), (), output)


def chain(parts: list[tuple[str, str, tuple[int, ...]]]) -> Network:
    rows: list[Row] = [("input", "input", (3, 32, 32), "")]
    for name, kind, shape in parts:
        rows.append((name, kind, shape, rows[-1][0]))
    return network(rows, rows[-1][0])


def block(path: str, before: str, shape: tuple[int, ...]) -> list[Row]:
    return [
        (f"{path}.conv1", "Conv2d", shape, before),
        (f"{path}.conv2", "Conv2d", shape, f"{path}.conv1"),
        (f"{path}/add#0", "add", shape, f"{path}.conv2 {before}"),
    ]


def residual(n_stages: int = 3, n_blocks: int = 2) -> Network:
    rows: list[Row] = [("input", "input", (3, 32, 32), ""), ("conv1", "Conv2d", (4, 32, 32), "input")]
    for stage in range(1, n_stages + 1):
        for i in range(n_blocks):
            rows += block(f"layer{stage}.{i}", rows[-1][0], (4 * stage, 32 // stage, 32 // stage))
    rows += [("/mean#0", "mean", (4 * n_stages,), rows[-1][0]), ("fc", "Linear", (10,), "/mean#0")]
    return network(rows, "fc")


def fires(n: int) -> Network:
    rows: list[Row] = [("input", "input", (3, 32, 32), ""), ("features.0", "Conv2d", (8, 30, 30), "input")]
    rows.append(("features.1", "MaxPool2d", (8, 15, 15), "features.0"))
    for i in range(n):
        path, before = f"features.{2 + i}", rows[-1][0]
        rows.append((f"{path}.squeeze", "Conv2d", (2, 15, 15), before))
        rows.append((f"{path}.one", "Conv2d", (4, 15, 15), f"{path}.squeeze"))
        rows.append((f"{path}.three", "Conv2d", (4, 15, 15), f"{path}.squeeze"))
        rows.append((f"{path}/cat#0", "cat", (8, 15, 15), f"{path}.one {path}.three"))
    rows.append(("classifier", "Conv2d", (10, 15, 15), rows[-1][0]))
    rows.append(("/mean#0", "mean", (10,), "classifier"))
    return network(rows, "/mean#0")


NETWORKS = [residual(), residual(2, 5), fires(3), fires(20)]
