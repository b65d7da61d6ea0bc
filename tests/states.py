"""Everything about a model that must be the same after it was looked at."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn


def state_of(model: nn.Module) -> dict[str, Any]:
    """Bytes of all parameters, buffers and gradients, flags, hooks and instance attributes, and torch's grad mode."""
    found: dict[str, Any] = {"grad mode": torch.is_grad_enabled(), "inference": torch.is_inference_mode_enabled()}
    for name, module in model.named_modules():
        hooks = {k: list(v) for k, v in vars(module).items() if "hook" in k and hasattr(v, "keys")}
        found[f"{name} module"] = (module.training, hooks, sorted(vars(module)), list(module._buffers))
    for name, parameter in model.named_parameters():
        gradient = None if parameter.grad is None else _bytes(parameter.grad)
        found[f"{name} parameter"] = (id(parameter), parameter.requires_grad, gradient, _bytes(parameter))
    for name, buffer in model.named_buffers():
        found[f"{name} buffer"] = (id(buffer), buffer.requires_grad, _bytes(buffer))
    return found


def _bytes(tensor: torch.Tensor) -> bytes:
    return tensor.detach().contiguous().numpy().tobytes()
