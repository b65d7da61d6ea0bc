from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from nets import NETS, batch_of, made
from reference import contribute as reference
from samples import Held, random_images
from states import state_of
from torch import Tensor, nn
from torch.nn import functional as F

from cnnvis.compute.contribute import contribute
from cnnvis.compute.own import own_logits
from cnnvis.compute.probe import probe
from cnnvis.compute.record import record
from cnnvis.compute.score import slopes
from cnnvis.compute.trace import trace
from cnnvis.errors import Cancelled, InvalidValue, ModelFailure, NotConnected, UnknownName
from cnnvis.model.activations import Activations
from cnnvis.model.network import Network
from cnnvis.model.target import Target

N = 6


def seen(kind: str, labels: object = None, n: int = N) -> tuple[nn.Module, Network, Activations]:
    """A network of a kind, its graph, and a recording of some samples; labelled 0, 1, 2, 0 … where nothing is said."""
    model, example = made(kind)
    network = trace(model, example)
    data = Held(batch_of(kind, n), np.arange(n) % 3 if labels is None else labels)
    return model, network, record(model, network, data, device="cpu")


def residual_tails(model: nn.Module, images: Tensor) -> dict[str, tuple[Tensor, Callable[[Tensor], Tensor]]]:
    """For some layers of `Residual` the response, and the logits as a function of it, written down again."""

    def head(x: Tensor) -> Tensor:
        return model.head(F.adaptive_avg_pool2d(x, 1).flatten(1))

    first, second = model.layer2
    with torch.no_grad():
        stem = F.relu(model.stem(images))
        middle = model.layer1(stem)
        inner = F.relu(first.bn1(first.conv1(middle)))
        block = first(middle)
    shortcut = first.shortcut(middle).detach()
    return {
        "stem": (stem, lambda x: head(model.layer2(model.layer1(x)))),
        "layer2.0.conv1": (inner, lambda x: head(second(F.relu(first.bn2(first.conv2(x)) + shortcut[: len(x)])))),
        "layer2.0/add#0": (block, lambda x: head(second(x))),
    }


@pytest.mark.parametrize("layer", ["stem", "layer2.0/add#0"])
def test_contributions_agree_with_a_backward_pass_for_each_image(layer: str) -> None:
    model, network, activations = seen("residual")
    model.eval()
    response, tail = residual_tails(model, batch_of("residual", N))[layer]
    expected, slope = reference.contributions(tail, response, np.arange(N) % 3, 5)
    found = contribute(model, network, activations, device="cpu")
    np.testing.assert_allclose(found.total(layer), expected, atol=1e-5 * np.abs(expected).max())
    np.testing.assert_allclose(found.slopes[layer], slope, atol=1e-5 * np.abs(slope).max())


@pytest.mark.parametrize("chosen", [[1, 4, 5], [2], [0, 3]])
def test_contributions_of_a_subset_are_those_of_its_images_one_by_one(chosen: list[int]) -> None:
    model, network, activations = seen("residual")
    model.eval()
    response, tail = residual_tails(model, batch_of("residual", N))["layer2.0/add#0"]
    labels = np.arange(N) % 3
    expected, slope = reference.contributions(tail, response[chosen], labels[chosen], 5)
    found = contribute(model, network, activations, indices=chosen, subset="some", device="cpu")
    np.testing.assert_allclose(found.total("layer2.0/add#0"), expected, atol=1e-5 * np.abs(expected).max())
    np.testing.assert_allclose(found.slopes["layer2.0/add#0"], slope, atol=1e-5 * np.abs(slope).max())
    np.testing.assert_array_equal(found.counts, np.bincount(labels[chosen], minlength=5))
    assert np.isnan(found.means("layer2.0/add#0")[:, found.counts == 0]).all()
    assert found.subset == "some"


def test_contributions_of_a_subset_to_a_class_are_drawn_among_it() -> None:
    model, network, activations = seen("chain", n=12)
    all_ = contribute(model, network, activations, target=1, indices=[2, 5, 7, 8], samples=99, device="cpu")
    some = contribute(model, network, activations, target=1, indices=[2, 5, 7, 8], samples=2, device="cpu")
    np.testing.assert_array_equal(all_.counts, [0, 1, 3, 0, 0])
    np.testing.assert_array_equal(some.counts, [0, 1, 1, 0, 0])


def test_contributions_of_a_subset_and_of_the_rest_are_those_of_all() -> None:
    model, network, activations = seen("residual", n=8)
    split = (None, [0, 3, 7], [1, 2, 4, 5, 6])
    whole, *parts = (contribute(model, network, activations, indices=some, device="cpu") for some in split)
    for name, sums in whole.layers.items():
        both = parts[0].total(name) + parts[1].total(name)
        np.testing.assert_allclose(both, sums, atol=1e-5 * np.abs(sums).max())


def test_the_quantiles_of_a_regression_stay_those_of_all_samples_for_a_subset() -> None:
    model, rows = one_output(), random_images(10, (7,))
    network = trace(model, rows[0])
    activations = record(model, network, Held(rows, np.linspace(0.0, 1.0, 10)), device="cpu")
    found = contribute(model, network, activations, indices=[0, 1, 9], device="cpu")
    np.testing.assert_array_equal(found.counts, [2, 0, 0, 0, 1])


def test_contributions_agree_with_finite_differences_behind_a_concatenation() -> None:
    model, network, activations = seen("inception", n=1)
    model.eval().double()
    with torch.no_grad():
        response = model.mixed1(model.stem(batch_of("inception", 1).double()))

    def tail(x: Tensor) -> Tensor:
        return model.fc(model.pool(model.mixed2(x)).flatten(1))

    expected = [reference.numeric(tail, response[0], unit, 0, 1e-5) for unit in range(16)]
    model.float()
    found = contribute(model, network, activations, device="cpu").total("mixed1/cat#0")
    np.testing.assert_allclose(found[:, 0], expected, atol=1e-4 * np.abs(expected).max())
    assert not found[:, 1:].any()


@pytest.mark.parametrize("kind", sorted(NETS))
def test_every_network_gives_what_one_pass_for_each_layer_gives(kind: str) -> None:
    model, network, activations = seen(kind, np.arange(N) % 2)
    before = state_of(model)
    found = contribute(model, network, activations, device="cpu")
    assert state_of(model) == before
    if kind == "gru":  # its state goes on, which is not its response
        assert not found.total("gru").any()
        return
    batch = batch_of(kind, N)
    for name in found.layers:
        layer = network[name]
        expected = np.zeros((layer.n_units, 2))
        with probe(model, network) as p:
            for label in range(2):
                value, slope = slopes(p, batch, layer, Target(network.output, (label,)))
                axis = 1 + layer.unit_axis % len(layer.shape)
                product = (value * slope).movedim(axis, 1).flatten(1).reshape(N, layer.n_units, -1).sum(2)
                expected[:, label] = product[label::2].sum(0).double()
        scale = np.abs(expected).max()
        np.testing.assert_allclose(found.total(name)[:, :2], expected, atol=2e-5 * scale + 1e-12)


def test_a_linear_end_gives_back_the_logit() -> None:
    """Before a linear layer the contributions of all units and the bias are the logit itself."""
    model, network, activations = seen("chain")
    found = contribute(model, network, activations, device="cpu")
    with torch.no_grad():
        logits = model.eval()(batch_of("chain", N)).numpy()
    own = [logits[label:N:3, label].mean() for label in range(3)]
    total = found.means("conv2").sum(0)[:3] + model.fc.bias.detach().numpy()[:3]
    np.testing.assert_allclose(total, own, rtol=1e-5, atol=1e-6)


def test_any_split_into_batches_gives_the_same() -> None:
    model, network, activations = seen("residual", n=9)
    whole = contribute(model, network, activations, device="cpu")
    parts = contribute(model, network, activations, device="cpu", batch=2)
    for name, sums in whole.layers.items():
        np.testing.assert_allclose(parts.total(name), sums, atol=1e-5 * np.abs(sums).max())
    np.testing.assert_array_equal(parts.counts, [3, 3, 3, 0, 0])


def test_a_target_is_asked_of_every_sample() -> None:
    model, network, activations = seen("chain")
    response, tail = _chain_end(model)
    expected, _ = reference.contributions(lambda x: tail(x)[:, [4]].expand(-1, 5), response, np.arange(N) % 3, 5)
    found = contribute(model, network, activations, target=4, device="cpu")
    assert found.target == 4
    np.testing.assert_allclose(found.total("conv2"), expected, atol=1e-5 * np.abs(expected).max())


def _chain_end(model: nn.Module) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
    model.eval()
    with torch.no_grad():
        x = model.relu2(model.conv2(model.pool(model.relu1(model.bn1(model.conv1(batch_of("chain", N)))))))
    return x, lambda x: model.fc(x.mean((2, 3)))


def test_a_sample_of_the_images_is_balanced_over_the_classes() -> None:
    model, network, activations = seen("chain", n=12)
    found = contribute(model, network, activations, target=1, samples=6, seed=3, device="cpu")
    np.testing.assert_array_equal(found.counts, [2, 2, 2, 0, 0])


def test_without_labels_the_prediction_is_the_own_class() -> None:
    model, example = made("chain")
    network = trace(model, example)
    images = batch_of("chain", N)
    activations = record(model, network, Held(images), device="cpu")
    with torch.no_grad():
        said = model.eval()(images).argmax(1).numpy()
    found = contribute(model, network, activations, device="cpu")
    np.testing.assert_array_equal(found.counts, np.bincount(said, minlength=5))
    labelled = record(model, network, Held(images, said), device="cpu")
    np.testing.assert_allclose(
        found.total("conv1"), contribute(model, network, labelled, device="cpu").total("conv1"), atol=1e-9
    )


def test_each_of_several_labels_is_an_own_class() -> None:
    labels = np.array([[1, 1, 0, 0, 0], [0, 0, 1, 0, 1], [1, 0, 0, 0, 0]])
    model, network, activations = seen("chain", labels, n=3)
    response, tail = _chain_end(model)
    response = response[:3]
    expected = np.zeros((6, 5))
    for place, label in zip(*np.nonzero(labels)):
        expected += reference.contributions(tail, response[[place]], [label], 5)[0]
    found = contribute(model, network, activations, device="cpu")
    np.testing.assert_allclose(found.total("conv2"), expected, atol=1e-5 * np.abs(expected).max())
    np.testing.assert_array_equal(found.counts, [2, 1, 1, 0, 1])


def one_output() -> nn.Module:
    torch.manual_seed(4)
    return nn.Sequential(nn.Linear(7, 6), nn.ReLU(), nn.Linear(6, 1))


def test_one_output_for_two_classes_speaks_for_the_one_and_against_the_other() -> None:
    model, rows = one_output(), random_images(8, (7,))
    network = trace(model, rows[0])
    activations = record(model, network, Held(rows, np.arange(8) % 2), device="cpu")
    found = contribute(model, network, activations, device="cpu")
    hidden = torch.relu(model[0](rows)).detach().numpy()
    parts = hidden * model[2].weight.detach().numpy()
    np.testing.assert_allclose(found.total("0"), np.stack([-parts[0::2].sum(0), parts[1::2].sum(0)], 1), atol=1e-5)


def test_a_regression_is_summed_by_quantile() -> None:
    model, rows = one_output(), random_images(10, (7,))
    network = trace(model, rows[0])
    activations = record(model, network, Held(rows, np.linspace(0.0, 1.0, 10)), device="cpu")
    found = contribute(model, network, activations, device="cpu")
    hidden = torch.relu(model[0](rows)).detach().numpy()
    parts = (hidden * model[2].weight.detach().numpy()).reshape(5, 2, 6).sum(1)
    np.testing.assert_allclose(found.total("0"), parts.T, atol=1e-5)
    np.testing.assert_array_equal(found.counts, [2, 2, 2, 2, 2])


def test_samples_that_cannot_be_read_count_nowhere() -> None:
    model, example = made("chain")
    network = trace(model, example)
    activations = record(model, network, Held(batch_of("chain", N), np.arange(N) % 3, torn=(2,)), device="cpu")
    np.testing.assert_array_equal(contribute(model, network, activations, device="cpu").counts, [2, 2, 1, 0, 0])


def test_own_logits_skip_labels_that_are_missing() -> None:
    _, network, activations = seen("chain", np.array([0, -1, 2, 1, -1, 0]))
    own = own_logits(network, activations)
    said = activations.samples.predictions
    np.testing.assert_array_equal(own.groups, [0, said[1], 2, 1, said[4], 0])


def test_memory_that_does_not_suffice_halves_the_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    from cnnvis.compute import contribute as module

    model, network, activations = seen("chain")
    whole = contribute(model, network, activations, device="cpu")
    run = module._Ways._once
    sizes = []

    def scarce(self: module._Ways, inputs: tuple[Tensor, ...], turns: object) -> object:
        sizes.append(len(inputs[0]))
        if len(inputs[0]) > 2:
            raise MemoryError
        return run(self, inputs, turns)

    monkeypatch.setattr(module._Ways, "_once", scarce)
    found = contribute(model, network, activations, device="cpu")
    assert sizes[0] == 6
    assert max(sizes[2:]) <= 3
    np.testing.assert_allclose(
        found.total("conv1"), whole.total("conv1"), atol=1e-5 * np.abs(whole.total("conv1")).max()
    )


class Refusing(torch.autograd.Function):
    """Doubles, and cannot be differentiated."""

    @staticmethod
    def forward(ctx: object, x: Tensor) -> Tensor:
        return 2 * x

    @staticmethod
    def backward(ctx: object, slope: Tensor) -> Tensor:
        raise RuntimeError("no way back")


class Doubling(nn.Linear):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(Refusing.apply(x))


class Detached(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.detach()


def _between(middle: nn.Module) -> tuple[nn.Module, Network, Activations]:
    torch.manual_seed(0)
    model, rows = nn.Sequential(nn.Linear(7, 4), middle, nn.Linear(4, 3)), random_images(4, (7,))
    network = trace(model, rows[0])
    return model, network, record(model, network, Held(rows, np.arange(4) % 3), device="cpu")


def test_a_network_that_cannot_be_differentiated_says_so() -> None:
    model, network, activations = _between(Doubling(4, 4))
    with pytest.raises(ModelFailure, match="no way back"):
        contribute(model, network, activations, device="cpu")


def test_where_no_gradient_leads_nothing_is_contributed() -> None:
    model, network, activations = _between(Detached())
    assert not contribute(model, network, activations, layers=["0"], device="cpu").total("0").any()


def test_a_cancel_leaves_the_model_as_it_was() -> None:
    model, network, activations = seen("in-place")
    before = state_of(model)

    def stop(done: int, total: int, what: str = "") -> None:
        if done:
            raise Cancelled("Stopped.")

    with pytest.raises(Cancelled):
        contribute(model, network, activations, device="cpu", batch=2, progress=stop)
    assert state_of(model) == before


def test_what_does_not_fit_is_said_in_a_sentence() -> None:
    model, example = made("dict")
    network = trace(model, example, output="logits")
    activations = record(model, network, Held(batch_of("dict", N), np.arange(N) % 3), device="cpu")
    with pytest.raises(UnknownName, match="conv"):
        contribute(model, network, activations, layers=["con"])
    with pytest.raises(InvalidValue, match="aux does not"):
        contribute(model, network, activations, layers=["aux"])
    with pytest.raises(InvalidValue, match="0 … 4; got 5"):
        contribute(model, network, activations, target=5)
    with pytest.raises(InvalidValue, match="1 or more"):
        contribute(model, network, activations, samples=0)
    with pytest.raises(InvalidValue, match="recorded ones; got 77"):
        contribute(model, network, activations, indices=[0, 77])
    with pytest.raises(InvalidValue, match="at least one; got none"):
        contribute(model, network, activations, indices=[])
    with pytest.raises(NotConnected, match="data set"):
        contribute(model, network, _without_data(activations))


def _without_data(activations: Activations) -> Activations:
    from dataclasses import replace

    return replace(activations, data=None)
