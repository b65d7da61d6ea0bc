"""What the nodes of a running network are called: leaf modules, functional steps, and the tensors they give."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from cnnvis.errors import InvalidValue

# How `sources.user_code` names the module of a user's file: unlike any other, so that nothing is overwritten.
_OF_A_FILE = re.compile(r"^_cnnvis_[0-9a-f]{12}_")

# Modules of torch.nn that only call others; all other modules of torch.nn are leaves.
_CONTAINERS = (
    nn.Sequential,
    nn.ModuleList,
    nn.ModuleDict,
    nn.ParameterList,
    nn.ParameterDict,
    nn.Transformer,
    nn.TransformerEncoder,
    nn.TransformerEncoderLayer,
    nn.TransformerDecoder,
    nn.TransformerDecoderLayer,
)

# One word per operation, however it is spelled.
_SPELLINGS = {
    "concat": "cat",
    "concatenate": "cat",
    "divide": "div",
    "true_divide": "div",
    "truediv": "div",
    "rtruediv": "div",
    "rdiv": "div",
    "radd": "add",
    "rsub": "sub",
    "rmul": "mul",
    "rpow": "pow",
    "rmatmul": "matmul",
    "multiply": "mul",
    "subtract": "sub",
    "iadd": "add",
    "isub": "sub",
    "imul": "mul",
    "itruediv": "div",
    "_softmax": "softmax",
    "convolution": "conv",
}

# Functions that never give a tensor of data: they are neither named nor counted.
_SILENT = frozenset(
    "__get__ __set__ __len__ __bool__ __int__ __float__ __index__ __contains__ __format__ __repr__ __hash__ size dim "
    "numel ndimension item tolist numpy stride storage_offset is_contiguous is_floating_point is_complex is_same_size "
    "element_size get_device data_ptr untyped_storage equal allclose _set_grad_enabled set_grad_enabled "
    "is_grad_enabled register_hook requires_grad_ is_nonzero __dlpack__ __array__ broadcast_shapes result_type "
    "promote_types".split()
)
# Functions through which values leave the world of tensors, and with them what the program does next.
READERS = frozenset(
    "__bool__ __int__ __float__ __index__ __contains__ item tolist numpy is_nonzero equal allclose __array__".split()
)

_spoken: dict[str, str] = {}


def operation(function: Callable[..., Any]) -> str:
    """The word for a torch function, e.g. `add` for `+`, `+=` and `torch.add`; "" where it gives no data."""
    name: str = getattr(function, "__name__", "") or type(function).__name__
    word = _spoken.get(name)
    if word is None:
        word = _spoken[name] = "" if name in _SILENT else _word(name)
    return word


def _word(name: str) -> str:
    bare = name.split(".")[0]
    bare = bare.strip("_") if bare.startswith("__") else bare.rstrip("_")
    return _SPELLINGS.get(bare, bare)


def writes_in_place(function: Callable[..., Any]) -> bool:
    """Whether a torch function overwrites its first argument, so that callers may ignore what it returns."""
    name: str = getattr(function, "__name__", "")
    return name == "__setitem__" or (name.endswith("_") and not name.startswith("__"))


def is_leaf(module: nn.Module) -> bool:
    """Whether a module is one node: it has no children, or torch.nn defines what happens inside."""
    if not any(True for _ in module.children()) or isinstance(module, torch.jit.ScriptModule):
        return True
    if isinstance(module, _CONTAINERS):
        return False
    return is_torch_leaf(module)


def is_torch_leaf(module: nn.Module) -> bool:
    """Whether torch.nn defines what a module computes."""
    return any(c.__module__.startswith("torch.nn.modules.") and c is not nn.Module for c in type(module).__mro__)


def class_of(module: nn.Module) -> str:
    """The full name of a module's class, as its author would write it."""
    return f"{_OF_A_FILE.sub('', type(module).__module__)}.{type(module).__qualname__}"


def kind_of(module: nn.Module) -> str:
    """The class name of a module, without the prefix of a parametrization."""
    return type(module).__name__.removeprefix("Parametrized")


def call_name(path: str, call: int) -> str:
    """The name of the node of a leaf's call: `conv1`, and `conv1#1` when it is called again."""
    return f"{path}#{call}" if call else path


def unwrapped(model: nn.Module) -> nn.Module:
    """The network inside torch.compile and DataParallel wrappers. Raises InvalidValue for TorchScript."""
    while True:
        if isinstance(model, torch.jit.ScriptModule):
            raise InvalidValue(
                "A network must be a torch.nn.Module whose forward is Python; got TorchScript. "
                "Load the module it was made from."
            )
        if isinstance(model, (nn.DataParallel, nn.parallel.DistributedDataParallel)):
            model = model.module
        elif isinstance(getattr(model, "_orig_mod", None), nn.Module):
            model = model._orig_mod  # type: ignore[assignment]
        else:
            return model


def tensors(value: Any) -> Iterator[Tensor]:
    """Every tensor in a structure of tuples, lists, mappings and dataclasses, in order."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (tuple, list)):
        for part in value:
            yield from tensors(part)
    elif isinstance(value, dict):
        for part in value.values():
            yield from tensors(part)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            yield from tensors(getattr(value, field.name, None))


def primary(value: Any) -> Tensor | None:
    """The tensor that stands for an output of several: the first floating one."""
    if isinstance(value, Tensor):
        return value
    found = list(tensors(value))
    return next((t for t in found if t.is_floating_point()), found[0] if found else None)


def with_primary(value: Any, new: Tensor) -> Any:
    """The same structure with another primary tensor."""
    return _swapped(value, primary(value), new)


def _swapped(value: Any, old: Tensor | None, new: Tensor) -> Any:
    if value is old:
        return new
    if isinstance(value, tuple):
        parts = [_swapped(v, old, new) for v in value]
        if not hasattr(value, "_fields"):
            return type(value)(parts)
        return type(value)(*parts)
    if isinstance(value, list):
        return [_swapped(v, old, new) for v in value]
    if isinstance(value, dict):
        changed = type(value)()
        changed.update({k: _swapped(v, old, new) for k, v in value.items()})
        return changed
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = [f.name for f in dataclasses.fields(value)]
        return dataclasses.replace(value, **{name: _swapped(getattr(value, name), old, new) for name in names})
    return value
