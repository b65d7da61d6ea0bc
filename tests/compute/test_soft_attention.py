"""A head that learns where to look, on scenes of which it is known what decides."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from samples import Held, random_images
from torch import nn

from cnnvis.compute.attribute import attribute
from cnnvis.compute.methods import SoftAttention
from cnnvis.compute.probe import probe
from cnnvis.compute.trace import trace
from cnnvis.errors import InvalidValue
from cnnvis.model.attribution import Map
from cnnvis.model.network import Network
from cnnvis.model.target import Target
from cnnvis.sources.demo import demo, demo_scenes
from cnnvis.sources.scenes import CLASSES


def found(model: nn.Module, network: Network, sample: object, target: Target, method: object, **more: object) -> Map:
    evidence = attribute(model, network, sample, target, method, **more).evidence  # type: ignore[arg-type]
    assert isinstance(evidence, Map)
    return evidence


def colours(n: int = 80, told: bool = True) -> tuple[nn.Module, Network, Held, list[tuple[int, int]]]:
    """Noise with one red square somewhere in half of the pictures, which their labels tell, or do not."""
    torch.manual_seed(0)
    chance = np.random.default_rng(0)
    inputs = 0.3 * random_images(n, (3, 16, 24))
    labels = np.arange(n) % 2
    places = [(int(chance.integers(0, 12)), int(chance.integers(0, 20))) for _ in range(n)]
    for i, (top, left) in enumerate(places):
        if labels[i]:
            inputs[i, 0, top : top + 4, left : left + 4] += 3.0
    model = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()).eval()
    model.append(nn.Linear(8, 2))
    data = Held(inputs, labels if told else chance.permutation(labels), ("plain", "red"))
    return model, trace(model, inputs[0], classes=data.classes), data, places


def test_it_looks_at_the_part_that_decides() -> None:
    model, network, data, places = colours()
    target = Target(network.output, (1,))
    masses = []
    for i in (1, 11, 41, 77):
        evidence = found(model, network, data[i], target, SoftAttention(), data=data)
        top, left = places[i]
        inside = np.zeros((16, 24), bool)
        inside[max(top - 1, 0) : top + 5, max(left - 1, 0) : left + 5] = True
        masses.append(evidence.values[inside].sum() / evidence.values.sum())
    assert evidence.facts["accuracy"] == 1
    assert min(masses) > 0.6
    assert min(masses) > 3 * inside.mean()


def test_the_tag_of_the_shortcut_network_is_found() -> None:
    model, scenes, classes = demo("shortcut", 240, seed=5)
    network = trace(model, scenes[0][0], classes=classes)
    target = Target(network.output, (CLASSES.index("bird"),))
    with probe(model, network) as opened:
        ready = SoftAttention().prepared(opened, scenes, range(len(scenes)), target)
    fresh = demo_scenes("shortcut", 100, seed=99)
    masses = []
    for i in range(len(fresh)):
        scene = fresh.scene(i)
        if scene.tag is None or scene.label != target.units[0]:
            continue
        values = found(model, network, fresh[i], target, ready).values
        top, left, bottom, right = scene.tag
        inside = np.zeros((64, 64), bool)
        inside[max(top - 8, 0) : bottom + 8, max(left - 8, 0) : right + 8] = True  # a cell of the layer around
        masses.append(values[inside].sum() / values.sum())
    assert np.mean(masses) > 0.6
    assert np.mean(masses) > 3 * inside.mean()


def test_without_anything_to_tell_it_says_so() -> None:
    model, network, data, _ = colours(told=False)
    evidence = found(model, network, data[1], Target(network.output, (1,)), SoftAttention(epochs=5), data=data)
    assert evidence.facts["accuracy"] < 0.8
    assert "hardly learned" in evidence.facts["says"]


def test_any_other_target_is_foretold_by_its_value() -> None:
    model, network, data, _ = colours()
    evidence = found(model, network, data[1], Target("0", (3,), reduce="max"), SoftAttention(), data=data)
    assert evidence.facts["layer"] == "0"
    assert evidence.facts["r2"] > 0.3
    unlabelled = Held(data.inputs)
    evidence = found(model, network, data[1], Target(network.output, (1,)), SoftAttention(), data=unlabelled)
    assert "r2" in evidence.facts


def test_it_is_a_share_of_looking_and_repeats() -> None:
    model, network, data, _ = colours()
    target = Target(network.output, (1,))
    before = torch.get_rng_state()
    one, same, other = (
        found(model, network, data[1], target, SoftAttention(epochs=3, seed=s), data=data).values for s in (0, 0, 1)
    )
    assert one.sum() == pytest.approx(1.0, abs=1e-4)  # the layer's plane is that of the picture
    assert (one >= 0).all()
    assert one.tobytes() == same.tobytes()
    assert one.tobytes() != other.tobytes()
    assert torch.equal(before, torch.get_rng_state())


def test_what_cannot_be_learned_is_refused_in_a_sentence() -> None:
    model, network, data, _ = colours()
    target = Target(network.output, (1,))
    with pytest.raises(InvalidValue, match="none of the 40 is of 'red'"):
        found(model, network, data[1], target, SoftAttention(), data=data, rows=range(0, 80, 2))
    with pytest.raises(InvalidValue, match="at least 10 samples; got 4"):
        found(model, network, data[1], target, SoftAttention(), data=data, rows=range(4))
    with pytest.raises(InvalidValue, match="n_samples must be at least 10"):
        found(model, network, data[1], target, SoftAttention(n_samples=3), data=data)
    with pytest.raises(InvalidValue, match="give attribute the `data`"):
        found(model, network, data[1], target, SoftAttention())
