"""What Grad-CAM costs: beside a forward pass, and beside peer libraries where they are installed."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version

import torch
from torch import Tensor, nn

from benchmarks.material import resnet
from benchmarks.timing import Row, paired
from cnnvis.compute.attribute import attribute
from cnnvis.compute.methods import GradCam
from cnnvis.compute.trace import trace
from cnnvis.model.target import Target

_UNIT, _STAGE = 3, 4
"""The class to explain, and the last stage of the network, whose maps are weighted."""


def grad_cam_resnet50() -> list[Row]:
    """The shape of ResNet-50 with random weights, one picture of 224 pixels."""
    torch.manual_seed(0)
    model, x = resnet((3, 4, 6, 3)), torch.randn(1, 3, 224, 224)
    network = trace(model, x[0])
    target = Target(network.output, (_UNIT,))
    what = "Grad-CAM, ResNet-50's shape, one picture"

    def bare() -> None:
        with torch.inference_mode():
            model(x)

    def ours() -> None:
        attribute(model, network, x[0], target, GradCam())

    rows = [paired(f"{what} / bare forward", bare, ours, asked="≤ 1.30", pairs=15)]
    for package, peer in (("captum", _captum), ("torchcam", _torchcam)):
        beside = f"{what} / {package}'s"
        try:
            title = f"{package} {version(package)}"
        except PackageNotFoundError:
            rows.append(Row(beside, "not measured", "≤ 1.00", f'{package} is missing: pip install "cnnvis[test]"'))
            continue
        rows.append(paired(beside, peer(model, x), ours, asked="≤ 1.00", pairs=15, note=title))
    return rows


def _captum(model: nn.Sequential, x: Tensor) -> Callable[[], object]:
    from captum.attr import LayerGradCam

    method = LayerGradCam(model, model[_STAGE])
    return lambda: method.attribute(x, target=_UNIT)


def _torchcam(model: nn.Sequential, x: Tensor) -> Callable[[], object]:
    from torchcam.methods import GradCAM

    def explained() -> object:
        with GradCAM(model, target_layer=model[_STAGE]) as method:
            return method(_UNIT, model(x))

    return explained
