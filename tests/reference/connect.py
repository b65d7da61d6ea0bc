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


def class_effects(
    segment: Callable[[Tensor], Tensor], logit: Callable[[Tensor, Tensor], Tensor], responses: Tensor
) -> Tensor:
    """C[i, j] = mean over samples of Σ_p A_i(p) · ∂/∂A_i(p) Σ_q g_j(q) B_j(q), (n_source, n_sink); g = ∂z/∂B.

    `segment` computes the sink's response B from the source's response A (n, units, …); `logit(B, A)` (n,) computes z
    from both, so that ways around the sink can be told.
    """
    total: Tensor | float = 0.0
    for one in responses:
        sink = segment(one[None]).detach().requires_grad_()
        (gain,) = torch.autograd.grad(logit(sink, one[None]).sum(), sink)

        def weighed(a: Tensor, gain: Tensor = gain) -> Tensor:
            return (segment(a[None]) * gain)[0].unflatten(0, (-1, 1)).flatten(1).sum(1)

        product = torch.autograd.functional.jacobian(weighed, one) * one
        total = total + product.reshape(*product.shape[:2], -1).sum(2).T
    return total / len(responses)


def contributions(logit: Callable[[Tensor], Tensor], responses: Tensor) -> Tensor:
    """Mean over samples of Σ_p A_i(p) · ∂z/∂A_i(p), (n_source,)."""
    leaf = responses.detach().requires_grad_()
    (slope,) = torch.autograd.grad(logit(leaf).sum(), leaf)
    return (slope * leaf).detach().flatten(2).sum(2).mean(0) if leaf.dim() > 2 else (slope * leaf).detach().mean(0)
