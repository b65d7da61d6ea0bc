"""Paths of one image and of a class."""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from nets import made
from safetensors.torch import load_file
from torch import Tensor, nn

from cnnvis.compute.attribute import attribute
from cnnvis.compute.methods import CriticalPath, NeuronMct
from cnnvis.compute.probe import probe, zeroed
from cnnvis.compute.trace import trace
from cnnvis.errors import InvalidValue
from cnnvis.model.attribution import Attribution, Gates
from cnnvis.model.gates import mean_path, open_units
from cnnvis.model.network import Network
from cnnvis.model.target import Target
from cnnvis.sources.dataset import dataset
from cnnvis.sources.demo import demo


@cache
def healthy() -> tuple[nn.Module, Network, tuple[Tensor, ...]]:
    model, scenes, classes = demo("healthy", 4)
    pictures = tuple(torch.as_tensor(scenes[i][0]) for i in range(3))
    return model, trace(model, pictures[0], classes=classes), pictures


@cache
def path(i: int) -> Attribution:
    model, network, pictures = healthy()
    with torch.no_grad():
        best = int(model(pictures[i][None]).argmax())
    return attribute(model, network, pictures[i], Target(network.output, (best,)), CriticalPath(), index=i)


def gates(found: Attribution) -> Gates:
    assert isinstance(found.evidence, Gates)
    return found.evidence


def shaped(gate: np.ndarray) -> Tensor:
    return torch.as_tensor(gate.copy()).reshape(1, -1, 1, 1)


@pytest.mark.parametrize("i", [0, 1])
def test_through_few_open_gates_the_strongest_class_stays(i: int) -> None:
    model, network, pictures = healthy()
    found = gates(path(i))
    assert found.facts["open"] <= 0.3
    assert all(values.min() >= 0 and values.max() <= 1 for values in found.values.values())
    with probe(model, network) as p:
        for closed in (False, True):  # the gates as they are, and all that are not open closed
            kept = {
                network[name].response: shaped(values * open_units(values) if closed else values)
                for name, values in found.values.items()
            }
            changed = {node: (lambda value, gate=gate: value * gate) for node, gate in kept.items()}
            run = p.run(pictures[i][None], replace=changed, keep=(network.output,))
            assert int(run.values[network.output].argmax()) == path(i).target.units[0]


def test_a_deep_network_has_short_paths_too(shared: Path) -> None:
    spec = importlib.util.spec_from_file_location("zoo", shared / "models" / "zoo.py")
    assert spec is not None
    assert spec.loader is not None
    zoo = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(zoo)
    model = zoo.resnet20().eval()
    model.load_state_dict(load_file(shared / "data" / "resnet20_cifar10.safetensors"))
    data = dataset(shared / "data" / "cifar10.zip", inside="test", mean=zoo.IMAGENET_MEAN, std=zoo.IMAGENET_STD)
    network = trace(model, data[0][0])
    for i in (1000, 2000):  # gates wider than 1 would let the answers to these explode
        with torch.no_grad():
            best = int(model(torch.as_tensor(data[i][0])[None]).argmax())
        found = gates(attribute(model, network, data[i], Target(network.output, (best,)), CriticalPath(), index=i))
        assert 0 < found.facts["open"] <= 0.3


def test_where_no_short_path_is_found_it_is_said() -> None:
    model, x = made("chain")
    network = trace(model, x)
    with torch.no_grad():
        best = int(model(x[None]).argmax())
    found = gates(attribute(model, network, x, Target("fc", (best,)), CriticalPath(steps=1, rate=1e-6)))
    assert "No short path" in found.facts["says"]


def test_silencing_critical_neurons_takes_more_than_silencing_others() -> None:
    model, network, pictures = healthy()
    rng = np.random.default_rng(0)
    lost: dict[str, list[float]] = {"critical": [], "quick": [], "random": []}
    for i in (0, 1):
        target = path(i).target
        quick = gates(attribute(model, network, pictures[i], target, NeuronMct()))
        with torch.no_grad():
            logit = float(model(pictures[i][None])[0, target.units[0]])
        orders = {
            "critical": {n: np.argsort(-v) for n, v in gates(path(i)).values.items()},
            "quick": {n: np.argsort(-v) for n, v in quick.values.items()},
        }
        for how, order in [*orders.items(), *(("random", {}) for _ in range(4))]:
            chosen = {n: order.get(n, rng.permutation(len(v))) for n, v in quick.values.items()}
            with probe(model, network) as p:
                silent = {network[n].response: zeroed(u[: max(len(u) // 10, 1)].tolist()) for n, u in chosen.items()}
                run = p.run(pictures[i][None], replace=silent, keep=(network.output,))
            lost[how].append(logit - float(run.values[network.output][0, target.units[0]]))
    assert np.mean(lost["critical"]) > np.mean(lost["random"]) + 1
    assert np.mean(lost["quick"]) > np.mean(lost["random"]) + 1


def test_units_that_are_silent_for_the_image_stay_closed() -> None:
    model, x = made("chain")
    with torch.no_grad():
        model.conv2.bias[[1, 4]] = -100.0
    network = trace(model, x)
    with torch.no_grad():
        best = int(model(x[None]).argmax())
    found = gates(attribute(model, network, x, Target("fc", (best,)), CriticalPath(steps=2)))
    assert not found.values["conv2"][[1, 4]].any()
    assert found.values["conv2"].any()


def test_quick_scores_are_what_first_order_says_of_each_map() -> None:
    model, x = made("chain")
    network = trace(model, x)
    found = gates(attribute(model, network, x, Target("fc", (2,)), NeuronMct()))
    assert list(found.values) == ["conv1", "conv2"]
    with probe(model, network) as p:
        run = p.run(x[None], grad=("relu1",), keep=("fc",))
        slope = torch.autograd.grad(run.values["fc"][0, 2], run.leaves["relu1"])[0]
        expected = (slope * run.leaves["relu1"].detach()).sum((0, 2, 3)).abs().numpy()
    np.testing.assert_allclose(found.values["conv1"], expected / expected.max(), rtol=1e-4, atol=1e-6)
    assert found.facts["scale"]["conv1"] == pytest.approx(float(expected.max()), rel=1e-4)


@pytest.mark.parametrize("kind", ["in-place", "mlp", "inception", "gated", "squeezed", "vit, function"])
def test_paths_lead_through_networks_of_every_kind(kind: str) -> None:
    model, x = made(kind)
    network = trace(model, x)
    target = Target(network.output, (0,))
    for method in (CriticalPath(steps=3), NeuronMct()):
        found = gates(attribute(model, network, x, target, method))  # type: ignore[arg-type]
        assert found.values
        assert all(v.shape == (network[n].n_units,) and np.isfinite(v).all() for n, v in found.values.items())


def test_the_path_to_another_class_than_the_target_is_said() -> None:
    model, x = made("chain")
    network = trace(model, x)
    with torch.no_grad():
        order = model(x[None])[0].argsort().tolist()
    other = gates(attribute(model, network, x, Target("fc", (order[0],)), CriticalPath(steps=2)))
    mine = gates(attribute(model, network, x, Target("fc", (order[-1],)), CriticalPath(steps=2)))
    assert f"class {order[-1]}" in other.facts["says"]
    assert "not to the target" not in mine.facts.get("says", "")


def test_the_path_of_a_class_is_the_mean_of_those_of_its_images() -> None:
    one, other = path(0), path(1)
    together = mean_path([one, Attribution(other.evidence, 1, one.target, one.method, one.parameters, one.versions)])
    for name, values in gates(together).values.items():
        np.testing.assert_allclose(values, (gates(one).values[name] + gates(other).values[name]) / 2, rtol=1e-6)
    assert together.sample == -1
    assert together.evidence.facts["images"] == 2
    assert len({together.key, one.key, other.key}) == 3


def test_a_mean_path_is_of_one_question() -> None:
    model, network, pictures = healthy()
    quick = attribute(model, network, pictures[0], path(0).target, NeuronMct())
    with pytest.raises(InvalidValue, match="one target by one method"):
        mean_path([path(0), quick])
    with pytest.raises(InvalidValue, match="one explanation or more"):
        mean_path([])


def test_bad_parameters_and_targets_are_one_sentence() -> None:
    model, x = made("chain")
    network = trace(model, x)
    with pytest.raises(InvalidValue, match=r"CriticalPath\.steps must be above 0"):
        attribute(model, network, x, Target("fc", (0,)), CriticalPath(steps=0))
    with pytest.raises(InvalidValue, match="Use Neuron MCT"):
        attribute(model, network, x, Target("conv1", (0,)), CriticalPath())
    with pytest.raises(InvalidValue, match=r"none of .* leads to"):
        attribute(model, network, x, Target("conv1", (0,)), NeuronMct())
