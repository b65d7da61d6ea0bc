"""Grad-CAM from the paper's two equations, before its ReLU."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F


def grad_cam(maps: Tensor, score: Callable[[Tensor], Tensor], size: tuple[int, int]) -> Tensor:
    """The map (h, w) of one sample: `maps` (1, k, h', w') of a layer, and the score that follows from them."""
    maps = maps.detach().requires_grad_()
    score(maps).backward()
    assert maps.grad is not None
    h, w = maps.shape[2:]
    total = torch.zeros(h, w)
    for k in range(maps.shape[1]):
        alpha = maps.grad[0, k].sum() / (h * w)
        total += alpha * maps[0, k].detach()
    return F.interpolate(total[None, None], size=size, mode="bilinear", align_corners=False)[0, 0]
