"""The demo's network: a small residual CNN for pictures of 64 × 64 pixels and ten classes."""

from __future__ import annotations

from collections import OrderedDict

from torch import Tensor, nn

WIDTHS = (24, 48, 80)


class Block(nn.Module):
    """Two 3 × 3 convolutions beside a shortcut, which is a 1 × 1 convolution where the shape changes."""

    def __init__(self, n_in: int, n_out: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(n_in, n_out, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(n_out)
        self.relu1 = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(n_out, n_out, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(n_out)
        self.relu2 = nn.ReLU(inplace=True)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or n_in != n_out:
            shortcut = [("conv", nn.Conv2d(n_in, n_out, 1, stride, bias=False)), ("bn", nn.BatchNorm2d(n_out))]
            self.shortcut = nn.Sequential(OrderedDict(shortcut))

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.relu1(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        out: Tensor = self.relu2(y + self.shortcut(x))
        return out


class DemoNetwork(nn.Module):
    """A stem, three stages of two blocks each, and a linear head over the mean of the last maps."""

    def __init__(self, n_classes: int = 10) -> None:
        super().__init__()
        first, second, third = WIDTHS
        self.stem = nn.Sequential(
            OrderedDict(
                conv=nn.Conv2d(3, first, 5, stride=2, padding=2, bias=False),
                bn=nn.BatchNorm2d(first),
                relu=nn.ReLU(inplace=True),
            )
        )
        self.stage1 = nn.Sequential(Block(first, first, 1), Block(first, first, 1))
        self.stage2 = nn.Sequential(Block(first, second, 2), Block(second, second, 1))
        self.stage3 = nn.Sequential(Block(second, third, 2), Block(third, third, 1))
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.head = nn.Linear(third, n_classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stage3(self.stage2(self.stage1(self.stem(x))))
        out: Tensor = self.head(self.pool(x).flatten(1))
        return out


def demo_network() -> nn.Module:
    """The demo's network with fresh weights: 0.3 million in a stem, stage1, stage2, stage3 and head.

    Input (n, 3, 64, 64), output (n, 10) logits.
    """
    return DemoNetwork()
