"""Votes of units for a class, which sum to its logit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from nets import made
from torch import Tensor, nn
from torch.nn import functional as F

from cnnvis.compute.attribute import attribute
from cnnvis.compute.methods import Votes
from cnnvis.compute.probe import probe, zeroed
from cnnvis.compute.trace import trace
from cnnvis.errors import InvalidValue, UnknownName
from cnnvis.model.attribution import Vector
from cnnvis.model.network import Network
from cnnvis.model.target import Target
from cnnvis.sources.demo import demo


def votes(model: nn.Module, network: Network, x: Tensor, target: Target, layer: str | None = None) -> Vector:
    found = attribute(model, network, x, target, Votes(layer)).evidence
    assert isinstance(found, Vector)
    return found


class Squeeze(nn.Module):
    """A head like SqueezeNet's: a padded 1 × 1 convolution, its rectifier, then the mean over places."""

    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Conv2d(3, 4, 3)
        self.two = nn.Conv2d(3, 4, 3)
        self.head = nn.Conv2d(8, 5, 1, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.cat([F.relu(self.one(x)), F.relu(self.two(x))], 1)
        return F.relu(self.head(x), inplace=True).mean((2, 3))


class Softmax(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.hidden = nn.Linear(6, 8)
        self.fc = nn.Linear(8, 3)
        self.softmax = nn.Softmax(1)

    def forward(self, x: Tensor) -> Tensor:
        return self.softmax(self.fc(F.relu(self.hidden(x))))


@pytest.mark.parametrize("kind", ["chain", "residual", "in-place", "inception", "vgg", "mlp", "gated", "squeezed"])
def test_votes_and_bias_sum_to_the_logit(kind: str) -> None:
    model, x = made(kind)
    network = trace(model, x)
    for c in range(3):
        found = votes(model, network, x, Target(network.output, (c,)))
        with probe(model, network) as p:
            logit = float(p.run(x[None], keep=(network.output,)).values[network.output].reshape(-1)[c])
        assert found.facts["logit"] == pytest.approx(logit, abs=1e-6)
        assert float(found.values.astype(np.float64).sum()) + found.facts["bias"] == pytest.approx(logit, abs=1e-5)
        assert found.facts["expected_sum"] == pytest.approx(logit - found.facts["bias"])
        head = model.get_submodule(network.hosts[network.output])
        assert found.facts["bias"] == pytest.approx(float(head.bias[c].detach()), abs=1e-6)


def test_a_vote_is_the_weight_times_the_pooled_response() -> None:
    model, x = made("chain")
    network = trace(model, x)
    found = votes(model, network, x, Target("fc", (2,)))
    with probe(model, network) as p:
        pooled = p.run(x[None], keep=("relu2",)).values["relu2"].mean((2, 3))[0]
    np.testing.assert_allclose(found.values, (model.fc.weight[2] * pooled).detach().numpy(), rtol=1e-5, atol=1e-7)
    assert found.features == tuple(f"conv2:{k}" for k in range(6))
    assert found.facts["layer"] == "conv2"


def test_a_convolution_before_the_mean_is_a_head_too() -> None:
    torch.manual_seed(0)
    model = Squeeze().eval()
    x = torch.randn(3, 9, 12)
    network = trace(model, x)
    for c in range(5):
        found = votes(model, network, x, Target(network.output, (c,)))
        with torch.no_grad():
            logit, pre = float(model(x[None])[0, c]), F.relu(model.head(_features(model, x)))[0, c]
        assert found.facts["layer"] == "/cat#0"
        bias = float(model.head.bias[c].detach()) * float((pre > 0).float().mean())
        assert found.facts["bias"] == pytest.approx(bias, abs=1e-6)
        assert found.facts["expected_sum"] == pytest.approx(float(found.values.sum()), abs=1e-5)
        assert found.facts["logit"] == pytest.approx(logit, abs=1e-6)


def _features(model: Squeeze, x: Tensor) -> Tensor:
    return torch.cat([F.relu(model.one(x[None])), F.relu(model.two(x[None]))], 1)


def test_where_a_softmax_ends_the_network_the_logit_is_explained() -> None:
    torch.manual_seed(0)
    model = Softmax().eval()
    x = torch.randn(6)
    network = trace(model, x)
    found = votes(model, network, x, Target(network.output, (1,)))
    assert found.facts["logit"] == pytest.approx(float(model.fc(F.relu(model.hidden(x)))[1].detach()), abs=1e-6)
    assert found.facts["expected_sum"] == pytest.approx(float(found.values.sum()), abs=1e-5)


def test_votes_of_a_direction_are_weighted_sums_of_the_classes() -> None:
    model, x = made("vgg")
    network = trace(model, x)
    one, other = (votes(model, network, x, Target(network.output, (c,))).values for c in (0, 3))
    both = votes(model, network, x, Target(network.output, (0, 3), weights=(2.0, -1.0)))
    np.testing.assert_allclose(both.values, 2 * one - other, rtol=1e-4, atol=1e-6)


def test_deeper_layers_vote_to_first_order() -> None:
    model, x = made("chain")
    network = trace(model, x)
    found = votes(model, network, x, Target("fc", (2,)), "conv1")
    assert found.features[0] == "conv1:0"
    assert "first order" in found.facts["says"]
    assert "expected_sum" not in found.facts
    assert found.facts["rest"] == pytest.approx(found.facts["logit"] - float(found.values.sum()), abs=1e-5)
    with probe(model, network) as p:
        run = p.run(x[None], grad=("relu1",), keep=("fc",))
        slope = torch.autograd.grad(run.values["fc"][0, 2], run.leaves["relu1"])[0]
        expected = (slope * run.leaves["relu1"].detach()).sum((0, 2, 3))
    np.testing.assert_allclose(found.values, expected.numpy(), rtol=1e-4, atol=1e-6)


def test_a_neuron_is_voted_for_by_the_layer_before_it() -> None:
    model, x = made("vgg")
    network = trace(model, x)
    found = votes(model, network, x, Target("classifier.0", (4,)))
    assert found.facts["layer"] == "features.5"
    assert len(found.values) == 8
    assert found.facts["expected_sum"] == pytest.approx(float(found.values.sum()), abs=1e-5)


def test_a_layer_that_does_not_lead_to_the_target_is_named_with_what_is_meant() -> None:
    model, x = made("residual")
    network = trace(model, x)
    with pytest.raises(UnknownName, match="Did you mean 'stem'"):
        votes(model, network, x, Target("head", (0,)), "sten")
    block = next(layer.name for layer in network.drawn if layer.kind == "add")
    with pytest.raises(InvalidValue, match=r"Votes\.layer must be named where no linear layer"):
        votes(model, network, x, Target(block, (0,)))


def test_silencing_the_strongest_voters_takes_more_from_the_logit_than_silencing_others() -> None:
    model, scenes, classes = demo("healthy", 12)
    network = trace(model, scenes[0][0], classes=classes)
    rng = np.random.default_rng(0)
    with probe(model, network) as p:
        for i in range(6):
            x, label = torch.as_tensor(scenes[i][0]), int(scenes[i][1])
            found = votes(model, network, x, Target(network.output, (label,)))
            response = network[found.facts["layer"]].response

            def lost(units: np.ndarray, x: Tensor = x, label: int = label, response: str = response) -> float:
                run = p.run(x[None], replace={response: zeroed(units.tolist())}, keep=("head",))
                return float(model(x[None])[0, label] - run.values["head"][0, label])

            strongest = np.argsort(-found.values)[:10]
            assert lost(strongest) == pytest.approx(float(found.values[strongest].sum()), abs=1e-3)
            assert lost(strongest) > max(lost(rng.permutation(80)[:10]) for _ in range(5))


def test_votes_of_squeezenet_sum_to_its_logits(shared: Path) -> None:
    import importlib.util

    spec = importlib.util.spec_from_file_location("zoo", shared / "models" / "zoo.py")
    assert spec is not None
    assert spec.loader is not None
    zoo = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(zoo)
    from safetensors.torch import load_file

    model = zoo.squeezenet1_0()
    model.load_state_dict(load_file(shared / "data" / "squeezenet1_0_imagenet.safetensors"))
    x = torch.randn(3, 224, 224, generator=torch.Generator().manual_seed(0))
    network = trace(model.eval(), x)
    with torch.no_grad():
        best = int(model(x[None]).argmax())
    found = votes(model, network, x, Target(network.output, (best,)))
    assert len(found.values) == 512
    assert float(found.values.astype(np.float64).sum()) == pytest.approx(found.facts["expected_sum"], abs=1e-5)
