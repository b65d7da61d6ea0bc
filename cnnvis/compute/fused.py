"""Cheaper ways to the same values, for passes that only read: BatchNorm inside its convolution, ReLU in place.

A BatchNorm in evaluation mode is a scale and a shift per channel; multiplied into the weights before it, the result
differs by float rounding only. A ReLU may overwrite its input where nobody else reads it; the result is the same.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cnnvis.errors import ModelFailure
from cnnvis.model.network import Layer, Network

Instead = Callable[..., Any]

_CONVOLUTIONS: dict[type[nn.Module], Callable[..., Tensor]] = {
    nn.Conv1d: F.conv1d,
    nn.Conv2d: F.conv2d,
    nn.Conv3d: F.conv3d,
}
_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
_FRESH = (*_CONVOLUTIONS, *_NORMS, nn.Linear)


def fused(
    model: nn.Module,
    network: Network,
    seen: Collection[str],
    *,
    within: Collection[str] | None = None,
    in_place: bool = True,
    folds: dict[str, Instead | None] | None = None,
) -> dict[str, Instead]:
    """For some nodes what to compute in their place (`Probe.run(instead=…)`); the values of `seen` stay what they are.

    Nothing is fused in a network whose way varies, nor modules that carry hooks or are not torch's own classes.
    `within`: among these nodes alone. `in_place`: rectifiers too. `folds` remembers folded weights, by node.
    """
    if network.varies:
        return {}
    folds = {} if folds is None else folds
    modules = dict(model.named_modules())
    found: dict[str, Instead] = {}
    for layer in network.layers:
        if within is not None and layer.name not in within:
            continue
        module = _plain_module(modules, layer)
        sources = network.sources(layer.name)
        if len(sources) != 1 or network.sinks(sources[0]) != (layer.name,):
            continue
        source = network[sources[0]]
        before = _plain_module(modules, source)
        if type(module) in _NORMS and type(before) in _CONVOLUTIONS and source.name not in seen:
            if source.name not in folds:
                folds[source.name] = _folded(before, module)
            folded = folds[source.name]
            if folded is not None:
                found[source.name], found[layer.name] = folded, _passed_on
        elif (
            in_place
            and (type(module) is nn.ReLU or (module is None and layer.kind == "relu"))
            and (type(before) in _FRESH or (before is None and source.kind in ("add", "cat")))
        ):
            found[layer.name] = _relu
    return found


def refused(error: BaseException) -> bool:
    """Whether a run failed for its shortcuts, or because values did not lie in memory as `view` needs them."""
    if not isinstance(error, ModelFailure):
        return True
    said = f"{error} {error.__cause__ or ''}".lower()
    return "stride" in said or "contiguous" in said


def _plain_module(modules: dict[str, nn.Module], layer: Layer) -> nn.Module | None:
    """The module whose call a node is, where nobody has changed what its forward does; else None."""
    module = None if "/" in layer.name else modules.get(layer.module)
    if module is None or module._forward_hooks or module._forward_pre_hooks or "forward" in vars(module):
        return None
    return module


def _folded(convolution: Any, norm: Any) -> Instead | None:
    """The convolution with the scale and shift of the BatchNorm after it, or None where they depend on the batch."""
    if norm.running_mean is None or norm.running_var is None or convolution.padding_mode != "zeros":
        return None
    weight = convolution.weight.detach()
    if norm.num_features != convolution.out_channels or weight.dtype not in (torch.float32, torch.float64):
        return None
    exact = torch.float64 if weight.device.type != "mps" else torch.float32
    scale = (norm.running_var.to(exact) + norm.eps).rsqrt()
    if norm.weight is not None:
        scale = scale * norm.weight.detach().to(exact)
    shift = -norm.running_mean.to(exact) * scale
    if convolution.bias is not None:
        shift = shift + convolution.bias.detach().to(exact) * scale
    if norm.bias is not None:
        shift = shift + norm.bias.detach().to(exact)
    scaled = (weight.to(exact) * scale.reshape(-1, *[1] * (weight.ndim - 1))).to(weight.dtype)
    if weight.ndim == 4:
        scaled = scaled.contiguous(memory_format=torch.channels_last)
    run = _CONVOLUTIONS[type(convolution)]
    settings = (convolution.stride, convolution.padding, convolution.dilation, convolution.groups)
    return partial(_convolved, run, scaled, shift.to(weight.dtype), settings)


def _convolved(
    run: Callable[..., Tensor], weight: Tensor, bias: Tensor, settings: tuple[Any, ...], original: Any, x: Tensor
) -> Tensor:
    return run(x, weight, bias, *settings)


def _passed_on(original: Any, x: Tensor) -> Tensor:
    return x


def _relu(original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    x = args[0] if args else None
    # Written to before or a part of something else: others may hold it under another name.
    if not isinstance(x, Tensor) or x._version or x._is_view():
        return original(*args, **kwargs)
    return torch.relu_(x)
