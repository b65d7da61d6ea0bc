"""What tells the neurons of a layer apart: their profile over the groups of samples."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cnnvis.model.activations import Activations
from cnnvis.model.partition import Cluster


def profiles(activations: Activations, layer: str, magnitude: bool = False) -> NDArray[np.float64]:
    """One row per unit, one column per group that has samples: where it responds more than it usually does.

    Mean responses, z-scored by the layer's spread about each unit's own mean, then L2-normalised
    (selectivity, not strength); `magnitude` skips both the centring and the normalisation.
    A unit that never varies is a row of zeros.
    """
    means = activations.means(layer)[:, activations.present]
    if means.size == 0:
        return np.zeros((activations[layer].n_units, 1))
    scale = float(means.std()) or 1.0
    if magnitude:
        return np.asarray(means / scale)
    centred = (means - means.mean(1, keepdims=True)) / scale
    length = np.linalg.norm(centred, axis=1, keepdims=True)
    return np.asarray(np.divide(centred, length, out=np.zeros_like(centred), where=length > 1e-12))


def comparable(activations: Activations, layer: str, magnitude: bool = False) -> NDArray[np.float64]:
    """`profiles` without what cannot be compared: finite, and where nothing is selective (one group) by strength."""
    rows = np.nan_to_num(profiles(activations, layer, magnitude), nan=0.0, posinf=0.0, neginf=0.0)
    if not magnitude and not rows.any():
        rows = np.nan_to_num(profiles(activations, layer, magnitude=True), nan=0.0, posinf=0.0, neginf=0.0)
    return rows


def importance(activations: Activations, layer: str) -> NDArray[np.float64]:
    """How strongly each unit takes part: its mean absolute response relative to the layer's largest, (n_units,) 0–1."""
    means = np.abs(activations.mean(layer))
    top = float(means.max(initial=0.0))
    return np.asarray(means / top if top > 0 else np.zeros_like(means))


def ranked_members(
    activations: Activations, layer: str, cluster: Cluster, weights: NDArray[np.float64] | None = None
) -> tuple[int, ...]:
    """The units of a cluster, its representatives first: those pinned, the medoid of the profiles, then by importance.

    `weights` are the layer's `importance` where the caller has it at hand. Costs O(members · groups).
    """
    members = np.asarray(cluster.members)
    weights = importance(activations, layer) if weights is None else weights
    order = np.argsort(-weights[members], kind="stable")
    if len(members) < 3:
        return _pinned_first(cluster, [int(u) for u in members[order]])
    rows = activations[layer].total[members].astype(np.float32)  # wide layers × 1,000 classes: in place, half the size
    rows /= np.where(activations.present, activations.counts, np.inf).astype(np.float32)
    rows -= (rows.sum(1, keepdims=True) / max(int(activations.present.sum()), 1)) * activations.present
    length = np.sqrt(np.einsum("ij,ij->i", rows, rows))
    alive = length > 1e-6 * length.max(initial=0.0)
    middle = (rows[alive] / length[alive, None]).sum(0)
    nearness = np.einsum("ij,j->i", rows, middle) / np.where(alive, length, np.inf)
    medoid = int(np.argmax(nearness))
    rest = [int(members[i]) for i in order if i != medoid]
    return _pinned_first(cluster, [int(members[medoid]), *rest])


def _pinned_first(cluster: Cluster, ranked: list[int]) -> tuple[int, ...]:
    return (*cluster.pinned, *(unit for unit in ranked if unit not in cluster.pinned))
