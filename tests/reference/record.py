"""A recording in plain numpy that keeps every map: slow, and easy to believe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from cnnvis.compute.probe import probe
from cnnvis.model.activations import histogram_edges
from cnnvis.model.network import Network


@dataclass
class Plain:
    """What `Responses` holds, from whole maps."""

    total: np.ndarray
    squares: np.ndarray
    highest: np.ndarray
    fired: np.ndarray
    histogram: np.ndarray
    place: np.ndarray | None
    top_samples: np.ndarray
    top_values: np.ndarray
    top_places: np.ndarray
    pooled: np.ndarray


def plain(
    model: nn.Module, network: Network, inputs: Any, members: list[list[int]], names: list[str], k: int = 9
) -> dict[str, Plain]:
    """The statistics of the named drawn layers for `inputs` (n, …); `members[g]` are the samples of group g."""
    nodes = {name: network[name].response for name in names}
    with probe(model, network) as running:
        values = running.run(inputs, keep=tuple(nodes.values())).values
    return {name: of_maps(_maps(values[node], network[name].unit_axis), members, k) for name, node in nodes.items()}


def _maps(value: torch.Tensor, axis: int) -> np.ndarray:
    """A response as (samples, units, …) float64."""
    array = value.detach().numpy().astype(np.float64)
    return np.moveaxis(array, 1 + axis % (array.ndim - 1), 1)


def of_maps(maps: np.ndarray, members: list[list[int]], k: int = 9) -> Plain:
    """The statistics of maps (samples, units, …)."""
    n, units = maps.shape[:2]
    flat = maps.reshape(n, units, -1)
    mean, peak = flat.mean(2), flat.max(2)
    chosen = [np.asarray(m, int) for m in members]
    edges = histogram_edges()
    histogram = np.zeros((units, len(edges) + 1), int)
    for u in range(units):
        for value in mean[:, u].astype(np.float32):
            histogram[u, int(np.sum(value > edges))] += 1
    tops, values, places = np.full((units, k), -1), np.full((units, k), -np.inf), np.zeros((units, k, 2), int)
    for u in range(units):
        order = sorted(range(n), key=lambda i: (-np.float32(peak[i, u]), i))[:k]
        for rank, i in enumerate(order):
            tops[u, rank], values[u, rank] = i, peak[i, u]
            where = np.unravel_index(int(np.argmax(flat[i, u])), maps.shape[2:]) if maps.ndim > 2 else ()
            places[u, rank, : len(where)] = where[:2]
    return Plain(
        total=np.stack([mean[m].sum(0) for m in chosen], 1),
        squares=np.stack([(mean[m] ** 2).sum(0) for m in chosen], 1),
        highest=np.stack([mean[m].max(0) if len(m) else np.full(units, -np.inf) for m in chosen], 1),
        fired=(peak > 0).sum(0),
        histogram=histogram,
        place=_place(maps.sum(0)) if maps.ndim == 4 else None,
        top_samples=tops,
        top_values=values,
        top_places=places,
        pooled=mean,
    )


def _place(total: np.ndarray) -> np.ndarray:
    """Maps (units, h, w) averaged over 8×8 boxes that cover them and may overlap."""
    _, h, w = total.shape
    out = np.zeros((len(total), 8, 8))
    for i in range(8):
        for j in range(8):
            top, bottom = i * h // 8, -((-(i + 1) * h) // 8)
            left, right = j * w // 8, -((-(j + 1) * w) // 8)
            out[:, i, j] = total[:, top:bottom, left:right].mean((1, 2))
    return out
