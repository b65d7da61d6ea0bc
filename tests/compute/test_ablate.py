from __future__ import annotations

import runpy
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from nets import NETS, batch_of, made
from reference.ablate import silenced_logits
from safetensors.torch import load_file
from samples import Held, random_images
from states import state_of
from torch import Tensor, nn

from cnnvis.compute import replay as replay_module
from cnnvis.compute.ablate import ablate
from cnnvis.compute.contribute import contribute
from cnnvis.compute.probe import probe, zeroed
from cnnvis.compute.record import record
from cnnvis.compute.replay import Cache, Replay, needed, starts
from cnnvis.compute.trace import trace
from cnnvis.errors import Cancelled, InvalidValue, NotConnected, UnknownName
from cnnvis.model.activations import Activations
from cnnvis.model.measurements import Ablation
from cnnvis.model.network import Network

N = 9
Seen = tuple[nn.Module, Network, Activations]


def seen(kind: str, labels: object = None, n: int = N) -> Seen:
    """A network of a kind, its graph, and a recording of some samples; labelled 0, 1, 0 … where nothing is said."""
    model, example = made(kind)
    network = trace(model, example)
    data = Held(batch_of(kind, n), np.arange(n) % 2 if labels is None else labels)
    return model, network, record(model, network, data, device="cpu")


def assert_same(one: Ablation, other: Ablation) -> None:
    """Bit by bit."""
    for name in ("counts", "change", "accuracy", "flips"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


@pytest.mark.parametrize("fill", ["zero", "mean"])
def test_a_knock_out_agrees_with_hooks_and_whole_passes(fill: str) -> None:
    model, network, activations = seen("vgg", np.arange(N) % 3)
    units = (1, 2, 3, 6)
    means = activations.mean("features.5")[list(units)] if fill == "mean" else np.zeros(4)
    images = batch_of("vgg", N)
    before, after = silenced_logits(model, model.features[6], images, units, means)
    labels = np.arange(N) % 3
    expected = [(after - before).numpy()[labels == k, k].mean() for k in range(3)]
    found = ablate(model, network, activations, {"features.5": units}, fill=fill, device="cpu")
    np.testing.assert_allclose(found.change[:3], expected, rtol=1e-4, atol=1e-6)
    assert np.isnan(found.change[3:]).all()
    said = before.argmax(1).numpy(), after.argmax(1).numpy()
    for column in range(2):
        right = [np.mean(said[column][labels == k] == k) for k in range(3)]
        np.testing.assert_allclose(found.accuracy[:3, column], right)
    rows = np.flatnonzero(said[0] != said[1])
    np.testing.assert_array_equal(found.flips, np.stack([rows, said[0][rows], said[1][rows]], 1))
    assert found.silenced == (("features.5", units),)


def layers_before_the_end(network: Network, activations: Activations) -> list[str]:
    sink = network[network.output].response
    return [
        name
        for name in activations.layers
        if name not in network.class_layers and sink in network.reaches([network[name].response])
    ]


@pytest.mark.parametrize("kind", sorted(NETS))
def test_a_replay_is_bit_identical_to_a_full_run_in_every_network(kind: str, tmp_path: Path) -> None:
    model, network, activations = seen(kind, n=4)
    state, batch = state_of(model), batch_of(kind, 4)
    inputs = batch if isinstance(batch, tuple) else (batch,)
    sink = network[network.output].response
    layers = layers_before_the_end(network, activations)
    for name in layers[:: max(len(layers) // 3, 1)]:
        layer = network[name]
        changes = {layer.response: zeroed([0], layer.unit_axis)}
        with Cache(folder=tmp_path) as cache, probe(model, network) as running:
            cache.belongs(model, batch)
            whole = running.run(batch, keep=(sink,)).values[sink]
            changed = running.run(batch, replace=changes, keep=(sink,)).values[sink]
            for _ in range(2):
                before, after = Replay(running, sink, changes, cache)(inputs, "all")
                assert torch.equal(before, whole)
                assert torch.equal(after, changed)
    assert state_of(model) == state
    assert not list(tmp_path.iterdir())


def linear_network() -> nn.Module:
    """Convolutions, a shortcut and a concatenation, but nothing that is not linear."""

    class Linear(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv1 = nn.Conv2d(3, 6, 3, padding=1)
            self.conv2 = nn.Conv2d(6, 6, 3, padding=1)
            self.conv3 = nn.Conv2d(12, 8, 3, stride=2)
            self.pool = nn.AvgPool2d(2)
            self.fc = nn.Linear(8, 4)

        def forward(self, x: Tensor) -> Tensor:
            x = self.conv1(x)
            x = torch.cat([x, x + self.conv2(x)], 1)
            return self.fc(self.pool(self.conv3(x)).mean((2, 3)))

    torch.manual_seed(2)
    return Linear()


@pytest.fixture(scope="module")
def linear() -> Seen:
    model = linear_network()
    images = random_images(12)
    network = trace(model, images[0])
    return model, network, record(model, network, Held(images, np.arange(12) % 4), device="cpu")


@pytest.mark.parametrize("fill", ["zero", "mean"])
@pytest.mark.parametrize(
    "silenced", [{"conv1": (0, 3, 5)}, {"conv2": range(6)}, {"/add#0": (2,)}, {"conv3": (0, 1)}, {"/cat#0": (0, 11)}]
)
def test_on_a_linear_network_the_estimate_is_the_truth(linear: Seen, fill: str, silenced: dict) -> None:
    model, network, activations = linear
    estimate = contribute(model, network, activations, device="cpu")
    found = ablate(model, network, activations, silenced, fill=fill, contributions=estimate, device="cpu")
    assert found.foretold is not None
    np.testing.assert_allclose(found.foretold, found.change, atol=1e-5)
    assert found.error < 1e-5
    assert found.correlation == pytest.approx(1.0, abs=1e-3)


def test_layers_that_feed_one_another_have_no_estimate(linear: Seen) -> None:
    model, network, activations = linear
    estimate = contribute(model, network, activations, device="cpu")
    both = {"conv1": (0,), "conv3": (1,)}
    assert ablate(model, network, activations, both, contributions=estimate, device="cpu").foretold is None
    assert ablate(model, network, activations, both, device="cpu").foretold is None


def test_two_layers_one_behind_the_other_are_both_silenced(linear: Seen, tmp_path: Path) -> None:
    model, network, activations = linear
    both = {"conv1": (0,), "conv3": (1,)}
    with probe(model, network) as p, Cache(folder=tmp_path) as cache:
        changes = {"conv1": zeroed([0]), "conv3": zeroed([1])}
        images = activations.data.inputs
        plain, changed = (p.run(images, replace=c, keep=("fc",)).values["fc"] for c in ({}, changes))
        expected = (changed - plain).numpy()[np.arange(12), np.arange(12) % 4].reshape(3, 4).mean(0)
        for _ in range(2):
            found = ablate(model, network, activations, both, cache=cache, device="cpu")
            np.testing.assert_allclose(found.change, expected, atol=1e-6)


def test_an_estimate_over_other_samples_is_not_shown(linear: Seen) -> None:
    model, network, activations = linear
    estimate = contribute(model, network, activations, device="cpu")
    chosen = [0, 4, 8, 1]  # all of class 0, one of class 1
    found = ablate(
        model,
        network,
        activations,
        {"conv3": (0,)},
        contributions=estimate,
        indices=chosen,
        subset="some",
        device="cpu",
    )
    assert found.foretold is not None
    np.testing.assert_array_equal(np.isnan(found.foretold), [False, True, True, True])
    np.testing.assert_array_equal(found.counts, [3, 1, 0, 0])
    assert found.subset == "some"
    assert np.isnan(found.correlation)


class Counting:
    """Counts which nodes a network computes, by the modules that are called."""

    def __init__(self, model: nn.Module, name: str) -> None:
        self.calls = 0
        self.handle = model.get_submodule(name).register_forward_hook(self._called)

    def _called(self, module: nn.Module, args: object, output: Tensor) -> None:
        if not (output.numel() and output.stride()[0] == 0):  # a placeholder takes no memory
            self.calls += 1


def test_a_second_knock_out_from_there_on_runs_only_what_follows(tmp_path: Path) -> None:
    model, network, activations = seen("residual")
    late = "layer2.1.conv1"
    early = next(name for name in activations.layers if name.startswith("layer1.1/add"))
    with Cache(folder=tmp_path) as cache:
        first = ablate(model, network, activations, {early: (0,)}, cache=cache, device="cpu", batch=4)
        stem, block = Counting(model, "stem"), Counting(model, "layer2.0.conv1")
        again = ablate(model, network, activations, {early: (1, 2)}, cache=cache, device="cpu", batch=4)
        assert (stem.calls, block.calls) == (0, 3)
        deeper = ablate(model, network, activations, {late: (1,)}, cache=cache, device="cpu", batch=4)
        assert (stem.calls, block.calls) == (0, 6)
        ablate(model, network, activations, {late: (2,)}, cache=cache, device="cpu", batch=4)
        assert (stem.calls, block.calls) == (0, 6)
        stem.handle.remove()
        block.handle.remove()
    for silenced, found in (({early: (0,)}, first), ({early: (1, 2)}, again), ({late: (1,)}, deeper)):
        assert_same(found, ablate(model, network, activations, silenced, device="cpu", batch=4))


def test_a_cache_stays_within_its_budget_and_lets_the_oldest_go(tmp_path: Path) -> None:
    model, network, activations = seen("chain")
    with Cache(budget=0, folder=tmp_path) as cache:
        nothing = ablate(model, network, activations, {"conv1": (0,)}, cache=cache, device="cpu", batch=4)
        assert cache.used == 0
    early, late, scores = 9 * 4 * 16 * 16 * 4, 9 * 6 * 3 * 3 * 4, 9 * 5 * 4  # bytes of conv1, of conv2, of the output
    with Cache(budget=early + scores, folder=tmp_path) as cache:
        ablate(model, network, activations, {"conv2": (0,)}, cache=cache, device="cpu", batch=4)
        assert cache.used == late + scores
        whole = ablate(model, network, activations, {"conv1": (0,)}, cache=cache, device="cpu", batch=4)
        assert cache.used == early + scores
        assert {node for _, node in cache._files} == {"relu1", "fc"}
        ablate(model, network, activations, {"conv2": (0,)}, cache=cache, device="cpu", batch=4)
        assert {node for _, node in cache._files} == {"relu1", "fc"}  # conv2 is replayed from there
        assert sum(f.stat().st_size for f in tmp_path.rglob("*.safetensors")) < cache.budget + 5000
    assert not list(tmp_path.iterdir())
    assert_same(nothing, whole)


def test_a_cache_forgets_when_weights_or_images_change(tmp_path: Path) -> None:
    model, network, activations = seen("chain")
    with Cache(folder=tmp_path) as cache:
        ablate(model, network, activations, {"conv1": (0,)}, cache=cache, device="cpu")
        with torch.no_grad():
            model.fc.weight.mul_(2.0)
        found = ablate(model, network, activations, {"conv1": (0,)}, cache=cache, device="cpu")
        assert_same(found, ablate(model, network, activations, {"conv1": (0,)}, device="cpu"))
        other = Held(batch_of("chain", N, seed=8), np.arange(N) % 2)
        moved = record(model, network, other, device="cpu")
        found = ablate(model, network, moved, {"conv1": (0,)}, cache=cache, device="cpu")
        assert_same(found, ablate(model, network, moved, {"conv1": (0,)}, device="cpu"))


def test_a_full_disk_only_makes_it_slower(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, network, activations = seen("chain")

    def full(path: Path, value: Tensor) -> None:
        path.write_bytes(b"some")
        raise OSError("No space left on device")

    monkeypatch.setattr(replay_module, "_write", full)
    with Cache(folder=tmp_path) as cache:
        found = ablate(model, network, activations, {"conv1": (0,)}, cache=cache, device="cpu")
        assert cache.used == 0
        assert not list(tmp_path.rglob("*.safetensors"))
    assert_same(found, ablate(model, network, activations, {"conv1": (0,)}, device="cpu"))


def test_files_that_were_cleaned_away_are_computed_again(tmp_path: Path) -> None:
    model, network, activations = seen("chain")
    with Cache(folder=tmp_path) as cache:
        first = ablate(model, network, activations, {"conv1": (0,)}, cache=cache, device="cpu", batch=4)
        for path in tmp_path.iterdir():
            shutil.rmtree(path)
        again = ablate(model, network, activations, {"conv1": (0,)}, cache=cache, device="cpu", batch=4)
        assert cache.used == 0
    assert_same(again, first)


def test_what_a_replay_needs_reaches_around_shortcuts() -> None:
    _, network, _ = seen("residual")
    inner, sink = network["layer2.1.conv1"].response, network[network.output].response
    add = next(x.response for x in network.drawn if x.name.startswith("layer2.0/add"))
    assert set(needed(network, sink, [inner])) == {add, inner}
    assert needed(network, sink, [inner], held=[inner]) is None
    assert needed(network, sink, [inner], held=[add, sink]) == (add,)
    stem = network["stem"].response
    assert starts(network, [inner, stem, add]) == (stem,)
    assert needed(network, sink, [stem, inner], held=[inner, add]) is None


def test_silencing_a_whole_layer_leaves_the_same_answer_for_all() -> None:
    model, network, activations = seen("chain")
    found = ablate(model, network, activations, {"conv2": range(6)}, device="cpu")
    bias = model.fc.bias.detach().numpy()
    assert set(found.flips[:, 2]) <= {int(bias.argmax())}
    assert found.n_units == 6


def test_without_labels_accuracy_is_the_share_whose_prediction_stays() -> None:
    model, example = made("chain")
    network = trace(model, example)
    activations = record(model, network, Held(batch_of("chain", N)), device="cpu")
    found = ablate(model, network, activations, {"conv2": (0, 1, 2)}, device="cpu")
    present = found.counts > 0
    assert (found.accuracy[present, 0] == 1.0).all()
    stays = N - len(found.flips)
    assert (found.accuracy[present, 1] * found.counts[present]).sum() == pytest.approx(stays)


def test_several_labels_count_as_right_above_zero() -> None:
    labels = np.eye(5, dtype=np.int64)[np.arange(N) % 5]
    labels[0, 3] = 1
    model, network, activations = seen("chain", labels)
    found = ablate(model, network, activations, {"conv1": (0,)}, device="cpu")
    with torch.no_grad():
        logits = model.eval()(batch_of("chain", N)).numpy()
    right = [(logits[labels[:, k] > 0, k] > 0).mean() for k in range(5)]
    np.testing.assert_allclose(found.accuracy[:, 0], right)


def test_a_regression_changes_by_quantile_and_has_no_flips() -> None:
    torch.manual_seed(1)
    model, rows = nn.Sequential(nn.Linear(7, 6), nn.ReLU(), nn.Linear(6, 1)), random_images(10, (7,))
    network = trace(model, rows[0])
    activations = record(model, network, Held(rows, np.linspace(0.0, 1.0, 10)), device="cpu")
    found = ablate(model, network, activations, {"0": (2,)}, device="cpu")
    lost = -(torch.relu(model[0](rows))[:, 2] * model[2].weight[0, 2]).detach().numpy()
    np.testing.assert_allclose(found.change, lost.reshape(5, 2).mean(1), atol=1e-6)
    assert np.isnan(found.accuracy).all()
    assert found.flips.shape == (0, 3)


def test_memory_that_does_not_suffice_halves_the_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    model, network, activations = seen("chain")
    whole = ablate(model, network, activations, {"conv1": (0,)}, device="cpu")
    run = Replay.__call__

    def scarce(self: Replay, inputs: tuple[Tensor, ...], batch: str) -> tuple[Tensor, Tensor]:
        if len(inputs[0]) > 3:
            raise MemoryError
        return run(self, inputs, batch)

    monkeypatch.setattr(Replay, "__call__", scarce)
    found = ablate(model, network, activations, {"conv1": (0,)}, device="cpu")
    np.testing.assert_allclose(found.change, whole.change, atol=1e-6)


def test_a_cancel_leaves_the_model_as_it_was_and_the_cache_usable(tmp_path: Path) -> None:
    model, network, activations = seen("in-place")
    before = state_of(model)

    def stop(done: int, total: int, what: str = "") -> None:
        if done >= 4:
            raise Cancelled("Stopped.")

    layer = layers_before_the_end(network, activations)[1]
    with Cache(folder=tmp_path) as cache:
        with pytest.raises(Cancelled):
            ablate(model, network, activations, {layer: (0,)}, cache=cache, device="cpu", batch=2, progress=stop)
        assert state_of(model) == before
        found = ablate(model, network, activations, {layer: (0,)}, cache=cache, device="cpu", batch=2)
    assert_same(found, ablate(model, network, activations, {layer: (0,)}, device="cpu", batch=2))


Change = Callable[[Seen], object]

REFUSED: dict[str, tuple[type[Exception], str, Change]] = {
    "nothing": (InvalidValue, "at least one; got none", lambda s: ablate(*s, {"conv1": ()})),
    "no such layer": (UnknownName, "conv1", lambda s: ablate(*s, {"conf1": (0,)})),
    "no such unit": (InvalidValue, "0 … 3; got 4", lambda s: ablate(*s, {"conv1": (0, 4)})),
    "a folded layer": (InvalidValue, "must be drawn", lambda s: ablate(*s, {"bn1": (0,)})),
    "the output itself": (InvalidValue, "before the output", lambda s: ablate(*s, {"fc": range(5)})),
    "no sample": (InvalidValue, "at least one; got none", lambda s: ablate(*s, {"conv1": (0,)}, indices=[])),
    "strange samples": (InvalidValue, "got 99", lambda s: ablate(*s, {"conv1": (0,)}, indices=[0, 99])),
    "a strange fill": (InvalidValue, "'zero' or 'mean'", lambda s: ablate(*s, {"conv1": (0,)}, fill="one")),
    "no images": (NotConnected, "data set", lambda s: ablate(*s[:2], replace(s[2], data=None), {"conv1": (0,)})),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_makes_no_sense_is_one_clear_sentence(what: str) -> None:
    kind, words, call = REFUSED[what]
    with pytest.raises(kind, match=words):
        call(seen("chain", n=2))


def test_contributions_to_one_class_foretell_nothing() -> None:
    model, network, activations = seen("chain")
    aimed = contribute(model, network, activations, target=1, device="cpu")
    with pytest.raises(InvalidValue, match="own class"):
        ablate(model, network, activations, {"conv1": (0,)}, contributions=aimed, device="cpu")


@pytest.mark.real
def test_resnet20_loses_before_its_linear_end_just_what_was_foretold(shared: Path) -> None:
    zoo = runpy.run_path(str(shared / "models" / "zoo.py"))
    model = zoo["resnet20"]()
    model.load_state_dict(load_file(shared / "data" / "resnet20_cifar10.safetensors"))
    images = random_images(8, (3, 32, 32))
    network = trace(model.eval(), images[0])
    activations = record(model, network, Held(images, np.arange(8) % 4), device="cpu")
    estimate = contribute(model, network, activations, device="cpu")
    for layer, exact in (("layer3.2/add#0", True), ("layer2.2/add#0", False)):
        found = ablate(model, network, activations, {layer: range(8)}, contributions=estimate, device="cpu")
        assert (found.error < 1e-4) == exact
