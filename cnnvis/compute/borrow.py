"""A model on loan: set to evaluation and frozen while it is probed, and given back bit by bit as it was.

Loans of one model may nest and overlap in several threads; the first one saves the state, the last one restores it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from cnnvis.errors import InvalidValue


@dataclass(slots=True)
class _Buffer:
    """A buffer as it was: which tensor, in which version, with which values."""

    owner: nn.Module
    key: str
    tensor: Tensor | None
    version: int | None
    values: Tensor | None


@dataclass(slots=True)
class _Loan:
    """What has to be put back when the last borrower leaves."""

    model: nn.Module
    borrowers: int = 0
    training: list[nn.Module] = field(default_factory=list)
    trainable: list[nn.Parameter] = field(default_factory=list)
    buffers: list[_Buffer] = field(default_factory=list)

    def save(self) -> None:
        """Notes the state, then puts the model in evaluation mode and freezes it."""
        modules = list(self.model.modules())
        self.buffers = [_note(m, k, b) for m in modules for k, b in m._buffers.items()]
        self.training = [m for m in modules if m.training]
        self.trainable = [p for p in self.model.parameters() if p.requires_grad]
        for module in self.training:
            module.training = False  # not eval(): overridden train() methods may merge weights
        for parameter in self.trainable:
            parameter.requires_grad_(False)

    def restore(self) -> None:
        for module in self.training:
            module.training = True
        for parameter in self.trainable:
            parameter.requires_grad_(True)
        kept = {(id(b.owner), b.key) for b in self.buffers}
        for module in self.model.modules():
            for key in [k for k in module._buffers if (id(module), k) not in kept]:
                del module._buffers[key]
        for buffer in self.buffers:
            _put_back(buffer)


_loans: dict[int, _Loan] = {}
_lock = threading.RLock()


@contextmanager
def borrowed(model: nn.Module) -> Iterator[nn.Module]:
    """The model in evaluation mode and without trainable parameters; restored in any case on leaving.

    Restored are the mode of every submodule, which parameters are trainable, and all buffers.
    """
    with _lock:
        loan = _loans.get(id(model))
        if loan is None:
            _check_initialised(model)
            loan = _loans[id(model)] = _Loan(model)
            loan.save()
        loan.borrowers += 1
    try:
        yield model
    finally:
        with _lock:
            loan.borrowers -= 1
            if not loan.borrowers:
                del _loans[id(model)]
                loan.restore()


def _check_initialised(model: nn.Module) -> None:
    lazy = [name for name, p in model.named_parameters() if is_lazy(p)]
    if lazy:
        raise InvalidValue(
            f"A network's parameters must be initialised; got the lazy {lazy[0]!r}. "
            "Run it once or load its weights first."
        )


def _note(owner: nn.Module, key: str, tensor: Tensor | None) -> _Buffer:
    if tensor is None or tensor.is_meta:
        return _Buffer(owner, key, tensor, None, None)
    with torch.inference_mode(False), torch.no_grad():
        return _Buffer(owner, key, tensor, version(tensor), tensor.clone())


def _put_back(buffer: _Buffer) -> None:
    found: Any = buffer.owner._buffers.get(buffer.key)
    if found is not buffer.tensor or buffer.key not in buffer.owner._buffers:
        buffer.owner._buffers[buffer.key] = buffer.tensor
    tensor, values = buffer.tensor, buffer.values
    if tensor is None or values is None:
        return
    if buffer.version is None or version(tensor) != buffer.version:
        with torch.inference_mode(tensor.is_inference()), torch.no_grad():
            tensor.copy_(values)


def version(tensor: Tensor) -> int | None:
    """How often a tensor was written in place; None where torch does not count."""
    return None if tensor.is_inference() else tensor._version
