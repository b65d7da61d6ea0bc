"""Networks and images to measure with: the published ones beside the checkout, and shapes with random weights."""

from __future__ import annotations

import importlib.util
import io
import json
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps
from safetensors.torch import load_file
from torch import nn

from benchmarks.places import SHARED, Absent


@dataclass(frozen=True, eq=False)
class Held:
    """Images decoded and normalised once, so that a measurement holds no decoding."""

    inputs: torch.Tensor
    labels: NDArray[np.int64]
    classes: tuple[str, ...]
    kind: Literal["images", "table"] = "images"
    features: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.inputs)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        return self.inputs[index], int(self.labels[index])

    def picture(self, index: int) -> NDArray[np.uint8]:
        values = self.inputs[index].permute(1, 2, 0).numpy()
        return ((values - values.min()) / max(float(np.ptp(values)), 1e-6) * 255).astype(np.uint8)

    def name(self, index: int) -> str:
        return f"{index:06d}"

    def batches(self, size: int) -> list[torch.Tensor]:
        return [chunk.clone() for chunk in self.inputs.split(size)]


@dataclass(frozen=True)
class Noise:
    """Any number of random images, made when asked for, so that they take no memory."""

    n: int
    side: int = 32
    classes: tuple[str, ...] = tuple("0123456789")
    kind: Literal["images", "table"] = "images"
    features: tuple[str, ...] = ()

    def __len__(self) -> int:
        return self.n

    @property
    def labels(self) -> NDArray[np.int64]:
        return np.arange(self.n) % len(self.classes)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        return (self.picture(index).transpose(2, 0, 1) / 127.5 - 1.0).astype(np.float32), index % len(self.classes)

    def picture(self, index: int) -> NDArray[np.uint8]:
        return np.random.default_rng(index).integers(0, 256, (self.side, self.side, 3), dtype=np.uint8)

    def name(self, index: int) -> str:
        return f"{index:06d}"


def zoo() -> ModuleType:
    """The definitions of the published networks. Raises Absent."""
    path = SHARED / "models" / "zoo.py"
    if not path.is_file():
        raise Absent("the published networks are not beside the checkout")
    spec = importlib.util.spec_from_file_location("zoo", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def published(name: Literal["resnet20", "squeezenet1_0"], images: int) -> tuple[nn.Module, Held]:
    """A published network in eval mode and its first `images` images, spread over the classes."""
    module = zoo()
    small = name == "resnet20"
    weights = "resnet20_cifar10" if small else "squeezenet1_0_imagenet"
    model = getattr(module, name)()
    model.load_state_dict(load_file(SHARED / "data" / f"{weights}.safetensors"))
    archive = SHARED / "data" / ("cifar10.zip" if small else "imagenet_500.zip")
    folders = None if small else _wnids()
    classes = tuple(module.CIFAR10_CLASSES) if small else tuple(str(i) for i in range(1000))
    found = list(_decoded(archive, images, None if small else 227))
    names = [folder for _, folder in found]
    index = {c: i for i, c in enumerate(classes)} if folders is None else {w: i for i, w in enumerate(folders)}
    mean, std = (torch.tensor(x)[:, None, None] for x in (module.IMAGENET_MEAN, module.IMAGENET_STD))
    inputs = torch.stack([(torch.from_numpy(a).permute(2, 0, 1) / 255.0 - mean) / std for a, _ in found])
    return model.eval(), Held(inputs, np.array([index.get(n, -1) for n in names]), classes)


def _wnids() -> list[str]:
    entries = json.loads((SHARED / "data" / "imagenet_classes.json").read_text(encoding="utf-8"))
    return [entry["wnid"] for entry in entries]


def _decoded(archive: Path, images: int, crop: int | None) -> Iterator[tuple[NDArray[np.uint8], str]]:
    with zipfile.ZipFile(archive) as opened:
        names = [n for n in opened.namelist() if n.lower().endswith((".jpg", ".jpeg"))]
        for name in names[:: max(len(names) // images, 1)][:images]:
            picture = Image.open(io.BytesIO(opened.read(name))).convert("RGB")
            yield np.array(ImageOps.fit(picture, (crop, crop)) if crop else picture), name.split("/")[-2]


def vgg16(classes: int = 10) -> nn.Module:
    """The shape of VGG-16 (Simonyan, Zisserman, 2014) with random weights, in eval mode."""
    torch.manual_seed(0)
    steps: list[nn.Module] = []
    width = 3
    for block in ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512)):
        for to in block:
            steps += [nn.Conv2d(width, to, 3, padding=1), nn.ReLU(inplace=True)]
            width = to
        steps.append(nn.MaxPool2d(2))
    head = [nn.Flatten(), nn.Linear(512 * 49, 4096), nn.ReLU(), nn.Linear(4096, 4096), nn.ReLU()]
    return nn.Sequential(nn.Sequential(*steps), nn.Sequential(*head, nn.Linear(4096, classes))).eval()


class Bottleneck(nn.Module):
    """The block of the deep residual networks (He et al., "Deep Residual Learning", 2015)."""

    def __init__(self, width_in: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width_in, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, 4 * width, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * width)
        self.relu = nn.ReLU(inplace=True)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or width_in != 4 * width:
            straight = nn.Conv2d(width_in, 4 * width, 1, stride, bias=False)
            self.shortcut = nn.Sequential(straight, nn.BatchNorm2d(4 * width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.relu(self.bn2(self.conv2(y)))
        found: torch.Tensor = self.relu(self.bn3(self.conv3(y)) + self.shortcut(x))
        return found


def resnet(blocks: Sequence[int] = (3, 8, 36, 3), classes: int = 1000) -> nn.Sequential:
    """A bottleneck residual network with random weights, in eval mode; the default is the 152-layer one."""
    torch.manual_seed(0)
    stem = [nn.Conv2d(3, 64, 7, 2, padding=3, bias=False), nn.BatchNorm2d(64), nn.ReLU(inplace=True)]
    steps: list[nn.Module] = [nn.Sequential(*stem, nn.MaxPool2d(3, 2, padding=1))]
    width_in = 64
    for stage, n in enumerate(blocks):
        width = 64 * 2**stage
        first = Bottleneck(width_in, width, 1 if stage == 0 else 2)
        steps.append(nn.Sequential(first, *(Bottleneck(4 * width, width, 1) for _ in range(n - 1))))
        width_in = 4 * width
    head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width_in, classes))
    return nn.Sequential(*steps, head).eval()
