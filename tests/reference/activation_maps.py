"""The family of Grad-CAM from the papers' equations, place by place; before enlarging and any last ReLU."""

from __future__ import annotations

import numpy as np


def hi_res_cam(maps: np.ndarray, slope: np.ndarray) -> np.ndarray:
    """maps and slope (k, h, w)."""
    found = np.zeros(maps.shape[1:])
    for k in range(len(maps)):
        for p in np.ndindex(*found.shape):
            found[p] += slope[k][p] * maps[k][p]
    return found


def layer_cam(maps: np.ndarray, slope: np.ndarray) -> np.ndarray:
    found = np.zeros(maps.shape[1:])
    for k in range(len(maps)):
        for p in np.ndindex(*found.shape):
            found[p] += max(slope[k][p], 0.0) * maps[k][p]
    return found


def grad_cam_plus_plus(maps: np.ndarray, slope: np.ndarray) -> np.ndarray:
    """For rectified maps; equations 10 and 19 with the derivatives of exp(y), divided by exp(y)."""
    found = np.zeros(maps.shape[1:])
    for k in range(len(maps)):
        weight = 0.0
        for p in np.ndindex(*found.shape):
            g = float(slope[k][p])
            if g:
                alpha = g**2 / (2 * g**2 + float(maps[k].sum()) * g**3)
                weight += alpha * max(g, 0.0)
        found += weight * maps[k]
    return found
