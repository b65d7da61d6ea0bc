"""The three networks of the demo with their scenes."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from cnnvis.assets import resource
from cnnvis.errors import UnknownName, did_you_mean
from cnnvis.sources.scenes import Scenes, Tag

if TYPE_CHECKING:
    from torch import nn

# What each network was trained on: None, or the tag that made its shortcut. Its demo shows scenes of the same kind.
TAGS: MappingProxyType[str, Tag | None] = MappingProxyType(
    {"healthy": None, "shortcut": Tag("bird", share=0.97), "broken": None}
)
NETWORKS: tuple[str, ...] = tuple(TAGS)


def demo_scenes(network: str = "healthy", n: int = 500, seed: int = 0) -> Scenes:
    """The scenes that the demo of a network shows, none of which it was trained on; needs no torch.

    Raises `UnknownName` for another network.
    """
    return Scenes(n, seed, tag=TAGS[_known(network)])


def demo(network: str = "healthy", n: int = 500, seed: int = 0) -> tuple[nn.Module, Scenes, tuple[str, ...]]:
    """A trained network of the demo, fresh scenes for it, and the names of the classes.

    `healthy` is right on nearly all scenes; `shortcut` has learned that a tag in a corner means a bird, and its scenes
    carry the tag as they did in training; `broken` comes from a training that failed. Loads torch.

    Raises `UnknownName` for another network.
    """
    scenes = demo_scenes(network, n, seed)
    from safetensors.torch import load_file

    from cnnvis.sources.demo_network import demo_network

    model = demo_network()
    model.load_state_dict(load_file(resource("demo", f"{network}.safetensors")))
    return model.eval(), scenes, scenes.classes


def _known(network: str) -> str:
    if network not in TAGS:
        hint = did_you_mean(network, TAGS)
        raise UnknownName(f"demo's network must be healthy, shortcut or broken; got {network!r}. {hint}")
    return network
