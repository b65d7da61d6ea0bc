"""Two products with the weights of a plain convolution or linear layer."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn import grad as gradients

_WEIGHT: dict[int, Callable[..., Tensor]] = {
    1: gradients.conv1d_weight,
    2: gradients.conv2d_weight,
    3: gradients.conv3d_weight,
}
_INPUT: dict[int, Callable[..., Tensor]] = {
    1: gradients.conv1d_input,
    2: gradients.conv2d_input,
    3: gradients.conv3d_input,
}
_FORWARD: dict[int, Callable[..., Tensor]] = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
_Conv = nn.Conv1d | nn.Conv2d | nn.Conv3d


def applied(module: nn.Module, inputs: Tensor) -> Tensor:
    """What a layer makes of inputs (samples, maps, …), past all hooks."""
    weight = module.weight
    assert isinstance(weight, Tensor)
    if isinstance(module, nn.Linear):
        return F.linear(inputs.flatten(1), weight, module.bias)
    assert isinstance(module, _Conv)
    options = {"stride": module.stride, "padding": module.padding, "dilation": module.dilation}
    return _FORWARD[weight.dim() - 2](inputs, weight, module.bias, **options)


def products(module: nn.Module, inputs: Tensor, slopes: Tensor) -> Tensor:
    """For slopes (seeds, samples, maps, …) behind a layer Σ_samples Σ_places slope · (what each input map adds there).

    inputs (samples, input maps, …); gives (seeds, maps, input maps): summed over `maps` it is the effect of
    each input map. One convolution's weight gradient, times the weights.
    """
    n, maps = slopes.shape[0], slopes.shape[2]
    weight = module.weight
    assert isinstance(weight, Tensor)
    if isinstance(module, nn.Linear):
        return torch.einsum("jxk,xi->jki", slopes, inputs.flatten(1)) * weight
    assert isinstance(module, _Conv)
    if _is_pointwise(module, inputs, slopes):  # by far the fastest way
        found = inputs.new_zeros(n * maps, inputs.shape[1])
        for rows, places in zip(slopes.movedim(1, 0).flatten(3).flatten(1, 2), inputs.flatten(2)):
            found.addmm_(rows, places.T)
        return torch.unflatten(found, 0, (n, maps)) * weight.flatten(1)
    stacked = slopes.movedim(0, 1).flatten(1, 2)
    shape = (n * maps, *weight.shape[1:])
    found = _WEIGHT[weight.dim() - 2](
        inputs, shape, stacked, stride=module.stride, padding=module.padding, dilation=module.dilation
    )
    return (torch.unflatten(found, 0, (n, maps)) * weight).flatten(3).sum(3)


def arriving(module: nn.Module, inputs: Tensor, slopes: Tensor) -> Tensor:
    """For slopes (seeds, samples, maps, …) behind a layer the effect of each of its input maps, (seeds, input maps).

    The sum of `products` over the layer's maps; or the inputs times the slopes sent back to them, where that makes
    fewer numbers on the way. Both multiply as often.
    """
    weight = module.weight
    assert isinstance(weight, Tensor)
    per_input = int(weight[:, 0].numel()) * (len(inputs) if _is_pointwise(module, inputs, slopes) else 1)
    if per_input <= len(inputs) * math.prod(inputs.shape[2:]):
        return products(module, inputs, slopes).sum(1)
    if isinstance(module, nn.Linear):
        return torch.einsum("jxi,xi->ji", slopes @ weight, inputs.flatten(1))
    assert isinstance(module, _Conv)
    options = {"stride": module.stride, "padding": module.padding, "dilation": module.dilation}
    flat = slopes.flatten(0, 1)
    back = _INPUT[weight.dim() - 2]((len(flat), *inputs.shape[1:]), weight, flat, **options)
    return torch.einsum("jxip,xip->ji", torch.unflatten(back, 0, slopes.shape[:2]).flatten(3), inputs.flatten(2))


def _is_pointwise(module: nn.Module, inputs: Tensor, slopes: Tensor) -> bool:
    """Whether every place of a layer's output comes from that place of its input alone."""
    return isinstance(module, _Conv) and inputs.shape[2:] == slopes.shape[3:] and set(module.kernel_size) == {1}


def sent_back(module: nn.Module, slopes: Tensor, maps: range, shape: tuple[int, ...]) -> Tensor:
    """The slope at a layer's input, of the given shape, of each of some of its output maps alone, (maps, samples, …).

    slopes (samples, output maps, …): the slope at its output. A transposed convolution of each map for itself, as
    one matrix product per map: torch's own is many times slower with as many groups as maps.
    """
    own = slice(maps.start, maps.stop)
    weight = module.weight
    assert isinstance(weight, Tensor)
    if isinstance(module, nn.Linear):
        return (slopes[:, own].T[:, :, None] * weight[own][:, None, :]).reshape(len(maps), len(slopes), *shape)
    assert isinstance(module, _Conv)
    seen = _windows(slopes[:, own], module, shape[1:])
    turned = weight[own].flip(tuple(range(2, weight.dim()))).flatten(2)
    found = torch.matmul(turned, seen.flatten(3))
    return torch.unflatten(found, 3, shape[1:]).movedim(1, 0)  # samples stay outermost in memory, as `products` likes


def _windows(slopes: Tensor, module: _Conv, shape: tuple[int, ...]) -> Tensor:
    """What every place of a convolution's input sees of the slopes behind it, through the kernel turned around.

    slopes (samples, maps, …); gives (samples, maps, places of the kernel, *shape).
    """
    n = len(shape)
    for axis, (size, stride, padding, dilation, kernel) in enumerate(
        zip(shape, module.stride, _padding(module), module.dilation, module.kernel_size), start=2
    ):
        before = dilation * (kernel - 1) - padding
        wide = slopes.new_zeros(*slopes.shape[:axis], size + dilation * (kernel - 1), *slopes.shape[axis + 1 :])
        length = (slopes.shape[axis] - 1) * stride + 1
        skipped = -(min(before, 0) // stride)  # slopes of places that lie wholly in the padding
        start = before + skipped * stride
        length = min(length - skipped * stride, wide.shape[axis] - start)
        kept = (length - 1) // stride + 1
        wide.narrow(axis, start, length)[(slice(None),) * axis + (slice(None, None, stride),)] = slopes.narrow(
            axis, skipped, kept
        )
        slopes = wide
    for axis, (dilation, kernel) in enumerate(zip(module.dilation, module.kernel_size), start=2):
        slopes = slopes.unfold(axis, dilation * (kernel - 1) + 1, 1)[..., ::dilation]
    order = (0, 1, *range(2 + n, 2 + 2 * n), *range(2, 2 + n))
    return slopes.permute(order).flatten(2, 1 + n)


def _padding(module: _Conv) -> tuple[int, ...]:
    return tuple(int(p) for p in module.padding)
