"""A knock-out with a forward hook and a whole pass for each image: slow, and easy to believe."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


def silenced_logits(
    model: nn.Module, module: nn.Module, images: Tensor, units: Sequence[int], values: Sequence[float]
) -> tuple[Tensor, Tensor]:
    """The logits before and after some channels of a module's output are set to constants, image by image."""

    def hook(module: nn.Module, args: tuple[Tensor, ...], output: Tensor) -> Tensor:
        changed = output.clone()
        for unit, value in zip(units, values):
            changed[:, unit] = value
        return changed

    model.eval()
    with torch.no_grad():
        before = torch.cat([model(image[None]) for image in images])
        handle = module.register_forward_hook(hook)
        try:
            after = torch.cat([model(image[None]) for image in images])
        finally:
            handle.remove()
    return before, after
