"""Contributions from the definition: one image at a time, one backward pass for each, nothing shared."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor


def contributions(
    tail: Callable[[Tensor], Tensor], responses: Tensor, own: Sequence[int], n_classes: int
) -> tuple[np.ndarray, np.ndarray]:
    """Σ over the images of each class of Σ_p A · dz/dA, and of Σ_p dz/dA, each (n_units, n_classes).

    `tail` gives the logits (n, n_classes) from a layer's response (n, n_units, …); `own[x]` is the class of image x.
    """
    total = np.zeros((2, responses.shape[1], n_classes))
    for one, label in zip(responses, own):
        response = one.detach()[None].requires_grad_()
        tail(response)[0, label].backward()
        assert response.grad is not None
        for sums, values in zip(total, (response * response.grad, response.grad)):
            sums[:, label] += values.detach()[0].flatten(1).sum(1).double().numpy()
    return total[0], total[1]


def numeric(tail: Callable[[Tensor], Tensor], response: Tensor, unit: int, label: int, step: float = 1e-3) -> float:
    """What a tiny scaling of one unit of one image's response does to a logit, per unit of scaling: no autograd."""
    changed = []
    with torch.no_grad():
        for sign in (1, -1):
            scaled = response.clone()
            scaled[unit] *= 1 + sign * step
            changed.append(float(tail(scaled[None])[0, label]))
    return (changed[0] - changed[1]) / (2 * step)
