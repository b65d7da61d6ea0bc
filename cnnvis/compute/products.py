"""Two products with the weights of a plain convolution or linear layer."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn import grad as gradients

_TRANSPOSED: dict[int, Callable[..., Tensor]] = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}
_WEIGHT: dict[int, Callable[..., Tensor]] = {
    1: gradients.conv1d_weight,
    2: gradients.conv2d_weight,
    3: gradients.conv3d_weight,
}
_Conv = nn.Conv1d | nn.Conv2d | nn.Conv3d


def products(module: nn.Module, inputs: Tensor, slopes: Tensor) -> Tensor:
    """For slopes (seeds, samples, maps, …) behind a layer Σ_samples Σ_places slope · (what each input map adds there).

    inputs (samples, input maps, …); gives (seeds, maps, input maps): summed over `maps` it is the effect of
    each input map. One convolution's weight gradient, times the weights.
    """
    n, maps = slopes.shape[0], slopes.shape[2]
    weight = module.weight
    assert isinstance(weight, Tensor)
    if isinstance(module, nn.Linear):
        return torch.einsum("jxk,xi->jki", slopes, inputs) * weight
    assert isinstance(module, _Conv)
    stacked = slopes.movedim(0, 1).flatten(1, 2)
    shape = (n * maps, *weight.shape[1:])
    found = _WEIGHT[weight.dim() - 2](
        inputs, shape, stacked, stride=module.stride, padding=module.padding, dilation=module.dilation
    )
    return (torch.unflatten(found, 0, (n, maps)) * weight).flatten(3).sum(3)


def sent_back(module: nn.Module, slopes: Tensor, maps: range, shape: tuple[int, ...]) -> Tensor:
    """The slope at a layer's input, of the given shape, of each of some of its output maps alone, (maps, samples, …).

    slopes (samples, output maps, …): the slope at its output.
    """
    own = slice(maps.start, maps.stop)
    weight = module.weight
    assert isinstance(weight, Tensor)
    if isinstance(module, nn.Linear):
        return slopes[:, own].T[:, :, None] * weight[own][:, None, :]
    assert isinstance(module, _Conv)
    rest = tuple(
        n - ((out - 1) * s - 2 * int(p) + d * (k - 1) + 1)
        for n, out, s, p, d, k in zip(
            shape[1:], slopes.shape[2:], module.stride, module.padding, module.dilation, module.kernel_size
        )
    )
    found = _TRANSPOSED[weight.dim() - 2](
        slopes[:, own],
        weight[own],
        stride=module.stride,
        padding=module.padding,
        output_padding=rest,
        groups=len(maps),
        dilation=module.dilation,
    )
    return torch.unflatten(found, 1, (len(maps), -1)).movedim(1, 0)
