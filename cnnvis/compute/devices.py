"""Which device computes, and a network on it."""

from __future__ import annotations

import copy

import torch
from torch import nn

from cnnvis.compute.nodes import unwrapped
from cnnvis.errors import InvalidValue


def chosen(device: str = "auto") -> torch.device:
    """The device of that name; "auto" is CUDA where there is one, else Apple's MPS, else the CPU.

    Raises InvalidValue for a name that torch does not know or a device that this machine does not have.
    """
    if device == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        found = torch.device(device)
    except RuntimeError as error:
        raise InvalidValue(f"The device must be 'auto', 'cpu', 'cuda' or 'mps'; got {device!r}.") from error
    missing = (found.type == "cuda" and not torch.cuda.is_available()) or (
        found.type == "mps" and not torch.backends.mps.is_available()
    )
    if missing:
        raise InvalidValue(f"The device must be one that this machine has; got {device!r}. Use 'auto' or 'cpu'.")
    if found.type == "cuda" and found.index is not None and found.index >= torch.cuda.device_count():
        raise InvalidValue(
            f"The device must be one of {torch.cuda.device_count()} CUDA devices; got {device!r}. Use 'cuda'."
        )
    return found


def placed(model: nn.Module, device: torch.device) -> nn.Module:
    """The network on a device: itself where its weights are there, else a copy, so that the caller's stays put."""
    inner = unwrapped(model)
    tensors = [*inner.parameters(), *inner.buffers()]
    if all(_same(t.device, device) for t in tensors):
        return inner
    return copy.deepcopy(inner).to(device)


def _same(one: torch.device, other: torch.device) -> bool:
    return one.type == other.type and (other.index is None or one.index == other.index)
