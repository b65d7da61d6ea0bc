"""Tiny networks of every kind that must be traced and probed, each with one input without batch axis."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Chain(nn.Module):
    """Conv, BatchNorm, ReLU twice, pooling, then a classifier with dropout."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 4, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(4)
        self.relu1 = nn.ReLU()
        self.pool = nn.MaxPool2d(2)
        self.conv2 = nn.Conv2d(4, 6, 3, stride=2)
        self.relu2 = nn.ReLU()
        self.drop = nn.Dropout()
        self.fc = nn.Linear(6, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool(self.relu1(self.bn1(self.conv1(x))))
        x = self.relu2(self.conv2(x))
        return self.fc(self.drop(x.mean((2, 3))))


class Block(nn.Module):
    """A residual block with functional ReLU, written without in-place operations."""

    def __init__(self, width_in: int, width: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width_in, width, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        plain = stride == 1 and width == width_in
        self.shortcut = nn.Identity() if plain else nn.Conv2d(width_in, width, 1, stride)

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + self.shortcut(x))


class Residual(nn.Module):
    """Two stages of residual blocks."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3, padding=1)
        self.layer1 = nn.Sequential(Block(4, 4), Block(4, 4))
        self.layer2 = nn.Sequential(Block(4, 8, 2), Block(8, 8))
        self.head = nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.layer2(self.layer1(F.relu(self.stem(x))))
        return self.head(torch.flatten(F.adaptive_avg_pool2d(x, 1), 1))


class InPlace(nn.Module):
    """Residual with the in-place operations that people write, as expressions and as statements."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 4, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(4)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(4, 4, 3, padding=1)
        self.conv3 = nn.Conv2d(4, 4, 3, padding=1)
        self.fc = nn.Linear(4, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.bn1(self.conv1(x)))
        y = self.conv2(x)
        y += x
        y = F.relu(y, inplace=True)
        z = self.conv3(y)
        z.mul_(0.5).add_(y)
        z[:, 0] = 0
        z.relu_()
        return self.fc(z.mean((2, 3)))


class Inception(nn.Module):
    """Four parallel branches, concatenated, twice."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(inplace=True))
        self.mixed1 = Branches(4)
        self.mixed2 = Branches(16)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(16, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.pool(self.mixed2(self.mixed1(self.stem(x)))).flatten(1))


class Branches(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.one = nn.Conv2d(width, 4, 1)
        self.three = nn.Sequential(nn.Conv2d(width, 2, 1), nn.ReLU(), nn.Conv2d(2, 4, 3, padding=1))
        self.five = nn.Conv2d(width, 4, 5, padding=2)
        self.pool = nn.AvgPool2d(3, 1, 1)
        self.pooled = nn.Conv2d(width, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        parts = (self.one(x), self.three(x), self.five(x), self.pooled(self.pool(x)))
        return torch.cat([F.relu(p) for p in parts], 1)


class UNet(nn.Module):
    """Down twice, up twice with skips, a map of class scores."""

    def __init__(self) -> None:
        super().__init__()
        self.down1 = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU())
        self.down2 = nn.Sequential(nn.Conv2d(4, 8, 3, padding=1), nn.ReLU())
        self.bottom = nn.Sequential(nn.Conv2d(8, 8, 3, padding=1), nn.ReLU())
        self.up2 = nn.ConvTranspose2d(8, 8, 2, stride=2)
        self.join2 = nn.Sequential(nn.Conv2d(16, 4, 3, padding=1), nn.ReLU())
        self.join1 = nn.Sequential(nn.Conv2d(8, 4, 3, padding=1), nn.ReLU())
        self.out = nn.Conv2d(4, 3, 1)

    def forward(self, x: Tensor) -> Tensor:
        a = self.down1(x)
        b = self.down2(F.max_pool2d(a, 2))
        c = self.up2(self.bottom(F.max_pool2d(b, 2)))
        d = F.interpolate(self.join2(torch.cat([c, b], 1)), scale_factor=2.0, mode="nearest")
        return self.out(self.join1(torch.cat([d, a], 1)))


class Dense(nn.Module):
    """DenseNet-like: BatchNorm and ReLU before convolutions, everything concatenated."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3, padding=1)
        self.norms = nn.ModuleList(nn.BatchNorm2d(4 + 2 * i) for i in range(3))
        self.convs = nn.ModuleList(nn.Conv2d(4 + 2 * i, 2, 3, padding=1) for i in range(3))
        self.norm = nn.BatchNorm2d(10)
        self.fc = nn.Linear(10, 5)

    def forward(self, x: Tensor) -> Tensor:
        features = [self.stem(x)]
        for norm, conv in zip(self.norms, self.convs):
            features.append(conv(F.relu(norm(torch.cat(features, 1)))))
        x = F.relu(self.norm(torch.cat(features, 1)))
        return self.fc(F.adaptive_avg_pool2d(x, 1).flatten(1))


class Attention(nn.Module):
    """Self-attention through scaled_dot_product_attention, or by hand."""

    def __init__(self, width: int, by_hand: bool) -> None:
        super().__init__()
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        self.by_hand = by_hand

    def forward(self, x: Tensor) -> Tensor:
        n, t, d = x.shape
        q, k, v = self.qkv(x).reshape(n, t, 3, 2, d // 2).permute(2, 0, 3, 1, 4).unbind(0)
        if self.by_hand:
            weights = (q @ k.transpose(-2, -1) / math.sqrt(d // 2)).softmax(-1)
            mixed = weights @ v
        else:
            mixed = F.scaled_dot_product_attention(q, k, v)
        return self.proj(mixed.transpose(1, 2).reshape(n, t, d))


class Encoder(nn.Module):
    def __init__(self, width: int, kind: str) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        if kind == "module":
            self.attention: nn.Module = nn.MultiheadAttention(width, 2, batch_first=True)
        else:
            self.attention = Attention(width, kind == "by hand")
        self.norm2 = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Dropout(0.1), nn.Linear(2 * width, width))

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm1(x)
        if isinstance(self.attention, nn.MultiheadAttention):
            y, _ = self.attention(y, y, y, need_weights=False)
        else:
            y = self.attention(y)
        x = x + y
        return x + self.mlp(self.norm2(x))


class ViT(nn.Module):
    """Patches, a class token, position embeddings, two encoder blocks."""

    def __init__(self, kind: str = "module") -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 8, 4, stride=4)
        self.token = nn.Parameter(torch.randn(1, 1, 8))
        self.position = nn.Parameter(torch.randn(1, 17, 8))
        self.blocks = nn.Sequential(Encoder(8, kind), Encoder(8, kind))
        self.norm = nn.LayerNorm(8)
        self.head = nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(len(x), -1, -1), x], 1) + self.position
        return self.head(self.norm(self.blocks(x))[:, 0])


class Windows(nn.Module):
    """Swin-like: attention inside windows, which join the batch axis, and patch merging."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 8, 2, stride=2)
        self.norm = nn.LayerNorm(8)
        self.attention = Attention(8, False)
        self.merge = nn.Linear(32, 12)
        self.head = nn.Linear(12, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(self.patches(x).permute(0, 2, 3, 1))
        n, h, w, c = x.shape
        parts = x.view(n, h // 4, 4, w // 4, 4, c).permute(0, 1, 3, 2, 4, 5).reshape(-1, 16, c)
        parts = self.attention(parts).view(n, h // 4, w // 4, 4, 4, c).permute(0, 1, 3, 2, 4, 5)
        x = x + parts.reshape(n, h, w, c)
        x = torch.cat([x[:, 0::2, 0::2], x[:, 1::2, 0::2], x[:, 0::2, 1::2], x[:, 1::2, 1::2]], -1)
        return self.head(self.merge(x).mean((1, 2)))


class Twice(nn.Module):
    """One convolution and one activation module called twice, one block called twice."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3, padding=1)
        self.conv = nn.Conv2d(4, 4, 3, padding=1)
        self.relu = nn.ReLU(inplace=True)
        self.block = Block(4, 4)
        self.fc = nn.Linear(4, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.stem(x))
        x = self.relu(self.conv(x))
        x = self.relu(self.conv(x))
        return self.fc(self.block(self.block(x)).mean((2, 3)))


class Several(nn.Module):
    """Returns a dict: scores and features, an auxiliary head before them."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.aux = nn.Linear(4, 2)
        self.fc = nn.Linear(4, 5)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        features = F.relu(self.conv(x))
        pooled = features.mean((2, 3))
        return {"map": features, "aux": self.aux(pooled), "logits": self.fc(pooled)}


class Pair(nn.Module):
    """Returns a tuple of scores and features."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.fc = nn.Linear(4, 5)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        features = F.relu(self.conv(x))
        return self.fc(features.mean((2, 3))), features


class Branching(nn.Module):
    """Takes one of two ways, depending on the data."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3, padding=1)
        self.bright = nn.Conv2d(4, 4, 3, padding=1)
        self.dark = nn.Conv2d(4, 4, 1)
        self.fc = nn.Linear(4, 5)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.stem(x))
        y = F.relu(self.bright(y)) if x.mean() > 0 else F.relu(self.dark(y))
        return self.fc(y.mean((2, 3)))


class TwoInputs(nn.Module):
    """An image and a vector, fused."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.embed = nn.Linear(6, 4)
        self.fc = nn.Linear(8, 5)

    def forward(self, image: Tensor, extra: Tensor) -> Tensor:
        a = F.relu(self.conv(image)).mean((2, 3))
        return self.fc(torch.cat([a, torch.tanh(self.embed(extra))], 1))


class Recurrent(nn.Module):
    """An LSTM whose samples run along axis 1, as torch has it by default."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(11, 6)
        self.lstm = nn.LSTM(6, 8)
        self.fc = nn.Linear(8, 5)

    def forward(self, tokens: Tensor) -> Tensor:
        out, _ = self.lstm(self.embed(tokens).transpose(0, 1))
        return self.fc(out[-1])


class Gru(nn.Module):
    """Samples first, the last state goes on."""

    def __init__(self) -> None:
        super().__init__()
        self.gru = nn.GRU(6, 8, batch_first=True)
        self.fc = nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        _, state = self.gru(x)
        return self.fc(state[-1])


class Gated(nn.Module):
    """A squeeze-and-excitation gate, grouped convolution, hard activations, a softmax at the end."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.squeeze = nn.Linear(8, 2)
        self.excite = nn.Linear(2, 8)
        self.deep = nn.Conv2d(8, 8, 3, padding=1, groups=8)
        self.fc = nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = F.hardswish(self.conv(x))
        gate = torch.sigmoid(self.excite(F.relu(self.squeeze(x.mean((2, 3))))))
        x = F.relu6(self.deep(x * gate[:, :, None, None]))
        return self.fc(x.mean((2, 3))).softmax(1)


class Swish(nn.Module):
    """An activation of the user's own."""

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.sigmoid(x)


class OwnConv(nn.Module):
    """A convolution of the user's own, with weights."""

    def __init__(self, width_in: int, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(width, width_in, 3, 3) / 5)

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.weight, padding=1)


class Own(nn.Module):
    """Modules that torch does not know, weights used by functions, a counter in a buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = OwnConv(3, 4)
        self.act = Swish()
        self.weight = nn.Parameter(torch.randn(6, 4, 3, 3) / 5)
        self.scale = nn.Parameter(torch.rand(1, 6, 1, 1))
        self.out = nn.Parameter(torch.randn(6, 5))
        self.register_buffer("calls", torch.zeros((), dtype=torch.long))
        self.register_buffer("seen", torch.zeros(3))

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        self.seen = self.seen + x.mean((0, 2, 3))
        x = F.relu(F.conv2d(self.act(self.conv(x)), self.weight, padding=1, stride=2) * self.scale)
        return x.mean((2, 3)) @ self.out


class Squeezed(nn.Module):
    """Drops axes of length one without naming them, as `squeeze` does with a single sample."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.fc = nn.Linear(4, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(F.adaptive_avg_pool2d(F.relu(self.conv(x)), 1).squeeze())


def mlp() -> nn.Sequential:
    first = OrderedDict(fc1=nn.Linear(7, 12), act1=nn.ReLU(), norm=nn.BatchNorm1d(12))
    return nn.Sequential(first | OrderedDict(fc2=nn.Linear(12, 8), act2=nn.Tanh(), fc3=nn.Linear(8, 3)))


def vgg() -> nn.Sequential:
    features = nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(True), nn.Conv2d(4, 4, 3, padding=1), nn.ReLU(True), nn.MaxPool2d(2),
        nn.Conv2d(4, 8, 3, padding=1), nn.ReLU(True), nn.MaxPool2d(2),
    )  # fmt: skip
    head = nn.Sequential(nn.Linear(128, 12), nn.ReLU(True), nn.Dropout(), nn.Linear(12, 5))
    return nn.Sequential(OrderedDict(features=features, flatten=nn.Flatten(), classifier=head))


def transformer() -> nn.Module:
    """torch's own encoder, samples on axis 1, with its fast path."""

    class Sentence(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=False)
            self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
            self.fc = nn.Linear(8, 5)

        def forward(self, x: Tensor) -> Tensor:
            return self.fc(self.encoder(x.transpose(0, 1)).mean(0))

    return Sentence()


@dataclass(frozen=True, slots=True)
class Net:
    """How to make a network, and one input of it without batch axis."""

    make: Callable[[], nn.Module]
    example: Callable[[], Any]


def _image() -> Tensor:
    return torch.randn(3, 16, 16)


NETS: dict[str, Net] = {
    "chain": Net(Chain, _image),
    "residual": Net(Residual, _image),
    "in-place": Net(InPlace, _image),
    "inception": Net(Inception, _image),
    "u-net": Net(UNet, _image),
    "dense": Net(Dense, _image),
    "vit, module": Net(ViT, _image),
    "vit, function": Net(lambda: ViT("function"), _image),
    "vit, by hand": Net(lambda: ViT("by hand"), _image),
    "windows": Net(Windows, _image),
    "twice": Net(Twice, _image),
    "dict": Net(Several, _image),
    "tuple": Net(Pair, _image),
    "branching": Net(Branching, _image),
    "two inputs": Net(TwoInputs, lambda: (torch.randn(3, 16, 16), torch.randn(6))),
    "lstm": Net(Recurrent, lambda: torch.arange(7) % 11),
    "gru": Net(Gru, lambda: torch.randn(7, 6)),
    "gated": Net(Gated, _image),
    "own": Net(Own, _image),
    "squeezed": Net(Squeezed, _image),
    "mlp": Net(mlp, lambda: torch.randn(7)),
    "vgg": Net(vgg, _image),
    "transformer": Net(transformer, lambda: torch.randn(7, 8)),
}


def made(kind: str) -> tuple[nn.Module, Any]:
    """A network of a kind and one input, the same each time; BatchNorm has seen some data, some weights are frozen."""
    torch.manual_seed(0)
    net = NETS[kind]
    model, example = net.make(), net.example()
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.running_mean = torch.randn_like(module.running_mean) / 5
            module.running_var = 0.5 + torch.rand_like(module.running_var)
    next(model.parameters()).requires_grad_(False)
    return model, example


def batch_of(kind: str, n: int, seed: int = 1) -> Any:
    """A batch of n different inputs for a network of a kind."""
    torch.manual_seed(seed)
    _, example = made(kind)
    torch.manual_seed(seed)

    def several(one: Tensor) -> Tensor:
        if one.is_floating_point():
            return torch.randn(n, *one.shape)
        return torch.randint(0, 11, (n, *one.shape))

    return tuple(several(e) for e in example) if isinstance(example, tuple) else several(example)


def run_of(model: nn.Module, batch: Any) -> Any:
    """What a network returns for a batch, in evaluation mode, attention computed without torch's fused fast path."""
    model.eval()
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with torch.no_grad():
            return model(*batch) if isinstance(batch, tuple) else model(batch)
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
