"""What a module or an operation does to the receptive field of its input."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from cnnvis.compute import fields
from cnnvis.compute.fields import View
from cnnvis.compute.steps import PRODUCTS, argument, numbers

_MODULE_POOLS = (nn.modules.pooling._MaxPoolNd, nn.modules.pooling._AvgPoolNd, nn.modules.pooling._LPPoolNd)
_MODULE_ADAPTIVE = (nn.modules.pooling._AdaptiveAvgPoolNd, nn.modules.pooling._AdaptiveMaxPoolNd)
_MODULE_PADS = (
    nn.modules.padding._ConstantPadNd,
    nn.modules.padding._ReflectionPadNd,
    nn.modules.padding._ReplicationPadNd,
    nn.modules.padding._CircularPadNd,
)
_MIXERS = (nn.MultiheadAttention, nn.RNNBase, nn.Flatten, nn.Fold, nn.Unfold, nn.PixelShuffle, nn.PixelUnshuffle)


@dataclass(frozen=True, slots=True)
class Window:
    """The moving window of a convolution or a pooling."""

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[float, ...]
    dilation: tuple[int, ...]
    transposed: bool = False

    def behind(self, view: View | None) -> View | None:
        if view is None or len(view.field.size) != len(self.kernel) or view.plane != 2:
            return None
        move = fields.transposed if self.transposed else fields.windowed
        return View(move(view.field, self.kernel, self.stride, self.padding, self.dilation))


def module_window(module: nn.Module) -> Window | None:
    """The window that a leaf moves over its input; None where it has none."""
    if isinstance(module, nn.modules.conv._ConvNd):
        n = len(module.kernel_size)
        padding = _padding(module.padding, module.kernel_size, module.dilation, n)
        size, stride = tuple(module.kernel_size), tuple(module.stride)
        return Window(size, stride, padding, tuple(module.dilation), module.transposed)
    if isinstance(module, _MODULE_POOLS):
        found: Any = module
        n = int(re.findall(r"(\d)d", type(module).__name__)[-1]) if re.search(r"\dd", type(module).__name__) else 2
        return _pooling(n, found.kernel_size, found.stride, getattr(found, "padding", 0), getattr(found, "dilation", 1))
    return None


def step_window(word: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Window | None:
    """The window that an operation moves over its input; None where it has none."""
    if conv := re.fullmatch(r"conv(_transpose)?(\d)d", word):
        n, weight = int(conv[2]), argument(args, kwargs, 1, "weight")
        kernel = tuple(weight.shape[2:])
        stride = numbers(argument(args, kwargs, 3, "stride", default=1), n)
        dilation = numbers(argument(args, kwargs, 7 if conv[1] else 5, "dilation", default=1), n)
        padding = _padding(argument(args, kwargs, 4, "padding", default=0), kernel, dilation, n)
        return Window(kernel, stride, padding, dilation, bool(conv[1]))
    if pool := re.fullmatch(r"(max|avg|lp)_pool(\d)d(_with_indices)?", word):
        first = 2 if pool[1] == "lp" else 1
        kernel_size = argument(args, kwargs, first, "kernel_size")
        stride_or = argument(args, kwargs, first + 1, "stride")
        pad = 0 if pool[1] == "lp" else argument(args, kwargs, 3, "padding", default=0)
        wide = argument(args, kwargs, 4, "dilation", default=1) if pool[1] == "max" else 1
        return _pooling(int(pool[2]), kernel_size, stride_or or None, pad, wide)
    return None


def _pooling(n: int, kernel: Any, stride: Any, padding: Any, dilation: Any) -> Window | None:
    size = numbers(kernel, n)
    if len(size) != n:
        return None
    return Window(size, numbers(size if stride is None else stride, n), numbers(padding, n), numbers(dilation, n))


def _padding(padding: Any, kernel: Sequence[int], dilation: Sequence[int], n: int) -> tuple[float, ...]:
    if padding == "same":
        return tuple(float(d * (k - 1) // 2) for k, d in zip(kernel, dilation))
    return (0.0,) * n if padding == "valid" else numbers(padding, n)


def behind_module(module: nn.Module, view: View | None, before: Tensor, after: Tensor) -> View | None:
    """The view behind a leaf of torch's, by its first input."""
    window = module_window(module)
    if window is not None:
        return window.behind(view)
    if view is None or isinstance(module, _MIXERS):
        return None
    if isinstance(module, nn.Linear) and view.plane != 1:
        return None
    if isinstance(module, _MODULE_ADAPTIVE):
        return _resampled(view, before, after)
    if isinstance(module, nn.Upsample):
        return _resized(view, before, after, module.mode, bool(module.align_corners))
    if isinstance(module, _MODULE_PADS):
        return _padded(view, numbers(module.padding, 2 * len(view.field.size)), before.dim())
    return _unchanged(view, before, after)


def behind_step(
    word: str, args: tuple[Any, ...], kwargs: dict[str, Any], operands: list[tuple[Tensor, View | None]], after: Tensor
) -> View | None:
    """The view behind an operation on one or several tensors of data."""
    before, view = operands[0]
    window = step_window(word, args, kwargs)
    if window is not None:
        return window.behind(view)
    if word in PRODUCTS or word in ("linear", "flatten", "multi_head_attention_forward"):
        return None
    if len(operands) > 1:
        return _joined(word, operands, after)
    if view is None:
        return None
    if re.fullmatch(r"adaptive_(avg|max)_pool\dd(_with_indices)?", word):
        return _resampled(view, before, after)
    if word in ("interpolate", "upsample"):
        mode = str(argument(args, kwargs, 3, "mode", default="nearest"))
        return _resized(view, before, after, mode, bool(argument(args, kwargs, 4, "align_corners", default=False)))
    if word == "pad":
        return _padded(view, numbers(argument(args, kwargs, 1, "pad"), 1), before.dim())
    return _unchanged(view, before, after)


def behind_move(
    word: str, args: tuple[Any, ...], kwargs: dict[str, Any], view: View | None, before: Tensor, after: Tensor
) -> View | None:
    """The view behind an operation that only moves values."""
    if view is None:
        return None
    if word == "getitem":
        return _indexed(view, args[1], before)
    if word in ("permute", "transpose", "swapaxes", "swapdims"):
        return _permuted(view, args, kwargs, before)
    return _unchanged(view, before, after) or _reshaped(view, before, after)


def _spatial(view: View, tensor: Tensor) -> tuple[int, ...]:
    return tuple(tensor.shape[view.plane : view.plane + len(view.field.size)])


def _unchanged(view: View, before: Tensor, after: Tensor) -> View | None:
    """The same view where the plane kept its place and lengths."""
    return view if before.dim() == after.dim() and _spatial(view, before) == _spatial(view, after) else None


def _permuted(view: View, args: tuple[Any, ...], kwargs: dict[str, Any], before: Tensor) -> View | None:
    """Where the plane is after axes were exchanged; None where it was torn apart."""
    order = list(range(before.dim()))
    given = args[1] if len(args) == 2 and isinstance(args[1], (tuple, list)) else args[1:]
    given = given or kwargs.get("dims") or (kwargs.get("dim0"), kwargs.get("dim1"))
    if not all(isinstance(a, int) for a in given):
        return None
    axes = [int(a) % before.dim() for a in given]
    if len(axes) == before.dim() and sorted(axes) == order:
        order = axes
    elif len(axes) == 2:
        order[axes[0]], order[axes[1]] = axes[1], axes[0]
    else:
        return None
    places = [order.index(view.plane + a) for a in range(len(view.field.size))]
    return View(view.field, places[0]) if places == list(range(places[0], places[0] + len(places))) else None


def _reshaped(view: View, before: Tensor, after: Tensor) -> View | None:
    """Where the plane is after other axes were split or joined."""
    k = len(view.field.size)
    lengths = _spatial(view, before)
    if view.plane + k == before.dim() and after.dim() > k and tuple(after.shape[-k:]) == lengths:
        return View(view.field, after.dim() - k)
    whole = after.dim() > k + 1 and after.shape[0] == before.shape[0] and _spatial(view, after) == lengths
    return view if view.plane == 1 and whole else None


def _resampled(view: View, before: Tensor, after: Tensor) -> View | None:
    if view.plane != 2:
        return None
    field = fields.adaptive(view.field, _spatial(view, before), _spatial(view, after))
    return None if field is None else View(field)


def _resized(view: View, before: Tensor, after: Tensor, mode: str, aligned: bool) -> View | None:
    if view.plane != 2 or before.dim() != after.dim():
        return None
    return View(fields.resized(view.field, _spatial(view, before), _spatial(view, after), mode, aligned))


def _padded(view: View, pads: tuple[int, ...], dim: int) -> View | None:
    """Behind a pad, given as torch does: (low, high) pairs from the last axis on."""
    k = len(view.field.size)
    behind = dim - view.plane - k  # axes behind the plane
    low = [pads[2 * (k - 1 - a + behind)] if 2 * (k - 1 - a + behind) < len(pads) else 0 for a in range(k)]
    return View(fields.sliced(view.field, tuple(-float(p) for p in low), (1.0,) * k), view.plane)


def _indexed(view: View, index: Any, before: Tensor) -> View | None:
    """Behind `x[...]` made of slices."""
    parts = list(index) if isinstance(index, tuple) else [index]
    if any(isinstance(p, Tensor) for p in parts):
        return None
    if Ellipsis in parts:
        i = parts.index(Ellipsis)
        parts[i : i + 1] = [slice(None)] * (before.dim() - len(parts) + 1)
    if not all(isinstance(p, slice) for p in parts):
        return None
    parts += [slice(None)] * (before.dim() - len(parts))
    k = len(view.field.size)
    taken = [p.indices(n) for p, n in zip(parts, before.shape)][view.plane : view.plane + k]
    if len(taken) < k or any(step < 1 for _, _, step in taken):
        return None
    starts, steps = tuple(float(s) for s, _, _ in taken), tuple(float(t) for _, _, t in taken)
    return View(fields.sliced(view.field, starts, steps), view.plane)


def _joined(word: str, operands: list[tuple[Tensor, View | None]], after: Tensor) -> View | None:
    """What a place sees through several operands; gates of one cell per channel are left aside."""
    if word in ("cat", "stack"):
        views = [v for _, v in operands]
    else:
        views = [v for t, v in operands if t.shape == after.shape] or [v for _, v in operands]
    known = [v for v in views if v is not None]
    if len(known) < len(views) or not known or len({v.plane for v in known}) > 1:
        return None
    field = fields.union([v.field for v in known])
    return None if field is None else View(field, known[0].plane)
