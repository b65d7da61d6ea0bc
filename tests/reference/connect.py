"""Connections from the definition: one full Jacobian per sample, nothing clever."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def effects(segment: Callable[[Tensor], Tensor], responses: Tensor, *, weights_only: bool = False) -> Tensor:
    """S[i, j] = mean over samples x of Σ_p A_i(x, p) · ∂ mean_q B_j(x, q) / ∂A_i(x, p), (n_source, n_sink).

    `segment` computes the sink's response B (n, units, …) from the source's response A (n, units, …).
    """

    def pooled(one: Tensor) -> Tensor:
        found = segment(one[None])[0]
        return found.flatten(1).mean(1) if found.dim() > 1 else found

    total: Tensor | float = 0.0
    for one in responses:
        jacobian = torch.autograd.functional.jacobian(pooled, one)
        product = jacobian if weights_only else jacobian * one
        total = total + product.reshape(*product.shape[:2], -1).sum(2).T
    return total / len(responses)
