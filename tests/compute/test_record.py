from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch
from nets import NETS, batch_of, made
from reference.record import Plain, plain
from states import state_of
from torch import Tensor, nn
from torch.nn import functional as F

from cnnvis.compute.record import batch_size, record, recorded
from cnnvis.compute.sanity import findings
from cnnvis.compute.trace import trace
from cnnvis.errors import Cancelled, InvalidValue, ModelFailure, UnknownName, UnreadableSample
from cnnvis.model.activations import Activations
from cnnvis.model.dataset import Dataset
from cnnvis.model.network import Network
from cnnvis.sources.dataset import dataset
from cnnvis.sources.networks import open_network


class Held:
    """A data set in memory; `broken` samples cannot be read."""

    kind: Literal["images", "table"] = "images"
    features: tuple[str, ...] = ()

    def __init__(
        self,
        inputs: Any,
        labels: Any = None,
        classes: tuple[str, ...] = (),
        broken: tuple[int, ...] = (),
        known: bool = True,
    ) -> None:
        self.inputs, self.truth, self.classes, self.broken, self.known = inputs, labels, classes, broken, known

    def __len__(self) -> int:
        return len(self.inputs)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        if index in self.broken:
            raise UnreadableSample(f"{self.name(index)} is torn.")
        return self.inputs[index], None if self.truth is None else self.truth[index]

    def picture(self, index: int) -> np.ndarray:
        return np.zeros((8, 8, 3), np.uint8)

    def name(self, index: int) -> str:
        return f"{index:03}.png"

    @property
    def labels(self) -> Any:
        return None if self.truth is None or not self.known else np.asarray(self.truth)


class Residual(nn.Module):
    """A stem, a block with a shortcut, two branches that are joined, a head."""

    def __init__(self, outputs: int = 4, view: bool = False) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 6, 3, stride=2, padding=1)
        self.norm = nn.BatchNorm2d(6)
        self.block = nn.Conv2d(6, 6, 3, padding=1)
        self.wide = nn.Conv2d(6, 50, 1)
        self.head = nn.Linear(56, outputs)
        self.view = view

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.norm(self.stem(x)))
        x = F.relu(x + self.block(x))
        x = torch.cat([x, F.relu(self.wide(x), inplace=True)], 1)
        x = F.adaptive_max_pool2d(x, (1, 2))
        return self.head((x.view(len(x), -1) if self.view else x.flatten(1))[:, ::2])


def residual(outputs: int = 4, view: bool = False) -> Residual:
    torch.manual_seed(1)
    model = Residual(outputs, view)
    model.norm.running_mean.uniform_(-0.5, 0.5)
    return model


def images(n: int = 23, side: int = 11, channels: int = 3) -> Tensor:
    return torch.randn(n, channels, side, side, generator=torch.Generator().manual_seed(0))


def recording(n: int = 23, **options: Any) -> Activations:
    model, data = residual(), Held(images(n), np.arange(n) % 4, tuple("abcd"))
    return record(model, trace(model, data[0][0], classes=tuple("abcd")), data, device="cpu", **options)


def assert_equal(found: Activations, expected: dict[str, Plain], tolerance: float = 1e-5) -> None:
    assert set(found.layers) == set(expected)
    for name, layer in found.layers.items():
        right = expected[name]
        scale = max(float(np.abs(right.top_values[np.isfinite(right.top_values)]).max()), 1e-6)
        n = max(found.n_samples, 1)
        for got, want, most in (
            (layer.total, right.total, scale * n),
            (layer.squares, right.squares, scale * scale * n),
            (layer.highest, right.highest, scale),
            (layer.top_values, right.top_values, scale),
        ):
            np.testing.assert_allclose(got, want, rtol=0, atol=tolerance * most)
        np.testing.assert_array_equal(layer.fired, right.fired)
        np.testing.assert_array_equal(layer.top_samples, right.top_samples)
        np.testing.assert_array_equal(layer.top_places, right.top_places)
        np.testing.assert_array_equal(layer.histogram, right.histogram)
        assert layer.pooled is not None
        np.testing.assert_allclose(layer.pooled, right.pooled, rtol=1e-3, atol=1e-3 * scale)
        assert (layer.place is None) == (right.place is None)
        if layer.place is not None:
            np.testing.assert_allclose(layer.place, right.place, rtol=0, atol=tolerance * scale * n)


def assert_same(one: Activations, other: Activations, tolerance: float = 1e-5) -> None:
    """Equal statistics, up to the rounding of another batch size."""
    assert one.groups == other.groups
    np.testing.assert_array_equal(one.counts, other.counts)
    for name in one.layers:
        a, b = one[name], other[name]
        for x, y in ((a.total, b.total), (a.squares, b.squares), (a.top_values, b.top_values), (a.highest, b.highest)):
            np.testing.assert_allclose(x, y, rtol=tolerance, atol=tolerance * max(float(np.abs(a.total).max()), 1e-9))
        np.testing.assert_array_equal(a.top_samples, b.top_samples)
        np.testing.assert_array_equal(a.top_places, b.top_places)
        np.testing.assert_array_equal(a.fired, b.fired)


def by_class(labels: Any, m: int) -> list[list[int]]:
    return [np.flatnonzero(np.asarray(labels) == c).tolist() for c in range(m)]


def state(model: nn.Module) -> list[Any]:
    tensors = [t.detach() for t in (*model.parameters(), *model.buffers())]
    found: list[Any] = [(t.data_ptr(), t.stride(), t.numpy().tobytes()) for t in tensors]
    found += [p.requires_grad for p in model.parameters()]
    return [*found, [(m.training, len(m._forward_hooks), len(m._forward_pre_hooks)) for m in model.modules()]]


# -- values ------------------------------------------------------------------------------------------------------------


def test_a_residual_network_is_recorded_as_a_plain_version_that_keeps_everything() -> None:
    model, n = residual(), 23
    data = Held(images(n), np.arange(n) % 4)
    network = trace(model, data[0][0], classes=tuple("abcd"))
    found = record(model, network, data, device="cpu", batch=5)
    expected = plain(model, network, data.inputs, by_class(data.truth, 4), list(found.layers))
    assert_equal(found, expected)


def test_where_branches_meet_is_recorded_beside_the_compute_layers() -> None:
    network = trace(residual(), images()[0])
    kinds = [network[slot.layer].kind for slot in recorded(network)]
    assert kinds == ["Conv2d", "Conv2d", "add", "Conv2d", "cat", "Linear"]


@pytest.mark.parametrize("batch", [1, 7, 64])
def test_batches_of_any_size_agree(batch: int) -> None:
    assert_same(recording(), recording(batch=batch))


def test_a_plain_perceptron_has_no_mean_map() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(5, 7), nn.ReLU(), nn.Linear(7, 3))
    data = Held(torch.randn(40, 5), np.arange(40) % 3)
    network = trace(model, data[0][0])
    found = record(model, network, data, device="cpu", batch=16)
    assert_equal(found, plain(model, network, data.inputs, by_class(data.truth, 3), list(found.layers)))
    assert all(layer.place is None for layer in found.layers.values())


def test_units_on_the_last_axis_are_pooled_over_the_tokens() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(5, 7), nn.GELU(), nn.Flatten(), nn.Linear(28, 3))
    data = Held(torch.randn(12, 4, 5), np.arange(12) % 3)
    network = trace(model, data[0][0])
    found = record(model, network, data, device="cpu", batch=5)
    assert found["0"].n_units == 7
    assert_equal(found, plain(model, network, data.inputs, by_class(data.truth, 3), list(found.layers)))


def test_one_dimensional_maps_have_a_place_along_their_row() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv1d(2, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(32, 2))
    data = Held(torch.randn(12, 2, 10), np.arange(12) % 2)
    network = trace(model, data[0][0])
    found = record(model, network, data, device="cpu", batch=5)
    assert_equal(found, plain(model, network, data.inputs, by_class(data.truth, 2), list(found.layers)))


def test_a_network_that_refuses_channels_last_is_recorded_all_the_same() -> None:
    model, flat = residual(view=True), residual()
    data = Held(images(9), np.arange(9) % 4)
    one = record(model, trace(model, data[0][0]), data, device="cpu", layers=["stem", "head"])
    other = record(flat, trace(flat, data[0][0]), data, device="cpu", layers=["stem", "head"])
    assert_same(one, other)


def test_maps_of_one_channel_are_recorded() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 1, 3), nn.ReLU(), nn.Conv2d(1, 3, 1), nn.Flatten(), nn.Linear(27, 2))
    data = Held(images(6, 5, 1), [0, 1] * 3)
    network = trace(model, data[0][0])
    found = record(model, network, data, device="cpu")
    assert_equal(found, plain(model, network, data.inputs, by_class(data.truth, 2), list(found.layers)))


def test_equal_peaks_rank_by_sample() -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 1), nn.ReLU(), nn.Flatten(), nn.Linear(8, 2))
    inputs = torch.ones(20, 1, 2, 2)
    inputs[15] = 2.0
    with torch.no_grad():
        model[0].weight.fill_(1.0)
        model[0].bias.zero_()
    network = trace(model, inputs[0])
    found = record(model, network, Held(inputs, [0] * 20), device="cpu", batch=6, top=4)
    assert found["0"].top_samples.tolist() == [[15, 0, 1, 2]] * 2
    assert found["0"].top_places.tolist() == [[[0, 0]] * 4] * 2


def test_fewer_samples_than_the_list_holds_leave_it_open() -> None:
    found = recording(3)
    assert found["stem"].top_samples[:, 3:].tolist() == [[-1] * 6] * 6
    assert np.isneginf(found["stem"].top_values[:, 3:]).all()


def test_only_the_layers_asked_for_are_recorded() -> None:
    assert list(recording(layers=["head", "stem"]).layers) == ["stem", "head"]


def test_several_inputs_are_stacked_one_by_one() -> None:
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Linear(3, 4), nn.Linear(2, 4)

        def forward(self, x: Tensor, y: Tensor) -> Tensor:
            return self.a(x) + self.b(y)

    torch.manual_seed(0)
    model = Two()
    pairs = [(torch.randn(3), torch.randn(2)) for _ in range(6)]
    network = trace(model, pairs[0])
    found = record(model, network, Held(pairs, [0, 1] * 3), device="cpu", batch=4)
    assert found.n_samples == 6
    assert set(found.layers) >= {"a", "b"}


class Batched(Held):
    """Samples of a batch that may have several parts."""

    def __init__(self, batch: Any, labels: Any) -> None:
        super().__init__(range(len(labels)), labels)
        self.batch = batch

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        whole = isinstance(self.batch, Tensor)
        return self.batch[index] if whole else tuple(x[index] for x in self.batch), self.truth[index]


@pytest.mark.parametrize("kind", [kind for kind in NETS if kind != "branching"])  # its way depends on the whole batch
def test_networks_of_every_kind_are_recorded_and_left_as_they_were(kind: str) -> None:
    model, example = made(kind)
    batch, network = batch_of(kind, 11), trace(model, example)
    before = state_of(model)
    n_classes = network[network.output].n_units
    labels = np.arange(11) % n_classes
    found = record(model, network, Batched(batch, labels), device="cpu", batch=4)
    assert state_of(model) == before
    assert_equal(found, plain(model, network, batch, by_class(labels, n_classes), list(found.layers)))


# -- groups ------------------------------------------------------------------------------------------------------------


def linear(outputs: int) -> nn.Module:
    torch.manual_seed(3)
    return nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, outputs))


def rows(n: int) -> Tensor:
    return torch.randn(n, 4, generator=torch.Generator().manual_seed(2))


def grouped(data: Held, outputs: int, classes: tuple[str, ...] | None = None, **options: Any) -> Activations:
    model = linear(outputs)
    return record(model, trace(model, data[0][0], classes=classes), data, device="cpu", batch=8, **options)


def test_labelled_samples_are_grouped_by_class() -> None:
    found = grouped(Held(rows(9), np.array([0, 0, 2, 2, 2, -1, 0, 2, 2])), 3, ("ant", "bee", "cow"))
    assert (found.kind, found.groups) == ("class", ("ant", "bee", "cow"))
    assert found.counts.tolist() == [3, 0, 5]
    assert np.isnan(found.means("0")[:, 1]).all()


def test_labels_that_come_only_with_the_samples_are_grouped_as_well() -> None:
    labels = np.arange(19) % 3
    one, other = (grouped(Held(rows(19), labels, known=known), 3) for known in (True, False))
    assert_same(one, other, 0.0)
    np.testing.assert_array_equal(one.samples.labels, other.samples.labels)


def test_labels_count_by_the_names_of_the_data() -> None:
    found = grouped(Held(rows(4), np.array([0, 0, 0, 1]), ("cow", "ant")), 3, ("ant", "bee", "cow"))
    assert found.counts.tolist() == [1, 0, 3]
    assert found.samples.labels.tolist() == [2, 2, 2, 0]


def test_unlabelled_samples_are_grouped_by_prediction() -> None:
    found = grouped(Held(rows(21)), 3, ("ant", "bee", "cow"))
    assert found.kind == "prediction"
    assert found.counts.tolist() == np.bincount(found.samples.predictions, minlength=3).tolist()
    assert found.samples.accuracy is None


def test_a_sample_of_several_labels_counts_in_each_of_its_groups() -> None:
    labels = np.array([[1, 1, 0], [0, 1, 0], [0, 0, 0], [1, 1, 1]])
    found = grouped(Held(rows(4), labels), 3)
    assert found.kind == "label"
    assert found.counts.tolist() == [2, 3, 1]
    np.testing.assert_allclose(found.samples.scores, np.sort(found.samples.scores)[:, ::-1])
    assert not np.allclose(found.samples.scores.sum(1), 1.0)


def test_regression_is_grouped_by_quantiles_of_its_label() -> None:
    values = np.linspace(-1, 1, 50)
    one, other = (grouped(Held(rows(50), values, known=known), 1) for known in (True, False))
    assert one.kind == "quantile"
    assert one.counts.tolist() == [10.0] * 5
    assert one.groups[0] == "0–20 %: to -0.6"
    assert_same(one, other, 1e-12)


def test_unlabelled_regression_is_grouped_by_quantiles_of_its_output() -> None:
    found = grouped(Held(rows(50)), 1)
    order = np.argsort(found.samples.scores[:, 0])
    pooled = np.asarray(found["2"].pooled, np.float64)[order, 0]
    np.testing.assert_allclose(found["2"].total[0], pooled.reshape(5, 10).sum(1), rtol=1e-3, atol=1e-3)


def test_one_output_and_whole_labels_are_two_classes() -> None:
    found = grouped(Held(rows(30), np.arange(30) % 2), 1, ("tumour",))
    assert found.groups == ("not tumour", "tumour")
    assert found.samples.scores.shape == (30, 2)
    np.testing.assert_allclose(found.samples.scores.sum(1), 1.0, rtol=1e-6)
    assert found.samples.accuracy is not None


def test_a_thousand_classes_of_which_half_are_empty_give_no_false_numbers() -> None:
    found = grouped(Held(rows(500), np.arange(500) * 2), 1000)
    assert found.counts.sum() == 500
    assert found["0"].squares.shape == (6, 1)
    assert found["0"].highest.shape == (6, 1)
    assert np.isfinite(found.spread("0")).all()
    assert int(np.isnan(found.means("0")[0]).sum()) == 500


def test_probabilities_of_a_network_that_gives_them_stay_as_they_are() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 3), nn.Softmax(1))
    data = Held(rows(5), [0] * 5)
    found = record(model, trace(model, data[0][0]), data, device="cpu")
    with torch.no_grad():
        expected = model(data.inputs).sort(1, descending=True).values
    np.testing.assert_allclose(found.samples.scores, expected.numpy(), rtol=1e-5)


def test_a_label_beyond_the_classes_is_refused() -> None:
    with pytest.raises(InvalidValue, match="below the network's number of classes, 3; got 7"):
        grouped(Held(rows(4), np.array([0, 1, 2, 7])), 3)
    with pytest.raises(InvalidValue, match=r"003.png must be below the number of classes, 3; got 7"):
        grouped(Held(rows(4), [0, 1, 2, 7], known=False), 3)


# -- samples that cannot be read, values that are not finite -----------------------------------------------------------


def test_samples_that_cannot_be_read_are_skipped_and_named() -> None:
    model, broken, n = residual(), (0, 6, 22), 23
    data = Held(images(n), np.arange(n) % 4, broken=broken)
    network = trace(model, data.inputs[0])
    found = record(model, network, data, device="cpu", batch=5)
    assert [s.name for s in found.samples.skipped] == ["000.png", "006.png", "022.png"]
    assert found.samples.skipped[0].reason == "000.png is torn."
    assert np.flatnonzero(~found.samples.read).tolist() == list(broken)
    assert found.notes == ("3 of 23 images could not be read and were skipped.",)
    members = [[i for i in group if i not in broken] for group in by_class(data.truth, 4)]
    whole = plain(model, network, data.inputs, members, ["stem"])["stem"]
    np.testing.assert_allclose(found["stem"].total, whole.total, rtol=1e-4, atol=1e-5)
    pooled = found["stem"].pooled
    assert pooled is not None
    assert (pooled[list(broken)] == 0).all()
    np.testing.assert_allclose(pooled[7:12], whole.pooled[7:12], rtol=2e-3, atol=1e-3)


def test_data_of_which_nothing_can_be_read_are_refused() -> None:
    data = Held(images(3), [0, 1, 2], broken=(0, 1, 2))
    model = residual()
    with pytest.raises(InvalidValue, match=r"none of 3 can, the first one, 000.png, because 000.png is torn\.$"):
        record(model, trace(model, data.inputs[0]), data, device="cpu")


def test_responses_that_are_not_finite_poison_nothing_and_are_counted() -> None:
    model, data = residual(), Held(images(12), np.arange(12) % 4)
    network = trace(model, data.inputs[0])
    clean = record(model, network, data, device="cpu", indices=[i for i in range(12) if i not in (4, 7)])
    data.inputs[4, 0, 5, 5] = float("nan")
    data.inputs[7] = float("inf")
    found = record(model, network, data, device="cpu", batch=5)
    assert found.notes[0].startswith("stem: 12 of 72 responses hold NaN or infinite values")
    np.testing.assert_allclose(found["stem"].total, clean["stem"].total, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found["stem"].place, clean["stem"].place, rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(found["stem"].top_samples, clean["stem"].top_samples)
    assert found.samples.predictions[[4, 7]].tolist() == [-1, -1]
    assert np.isnan(found.samples.confidences[[4, 7]]).all()


# -- batches, memory, cancel -------------------------------------------------------------------------------------------


class Tight(nn.Module):
    """Runs out of memory above three samples."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = linear(3)
        self.sizes: list[int] = []

    def forward(self, x: Tensor) -> Tensor:
        self.sizes.append(len(x))
        x = self.inner[1](self.inner[0](x))
        if len(x) > 3:
            raise RuntimeError("CUDA out of memory. Tried to allocate 2 GiB")
        return self.inner[2](x)


def test_a_batch_that_does_not_fit_is_halved_and_counted_once() -> None:
    model, data = Tight(), Held(rows(21), np.arange(21) % 3)
    network = trace(model, data[0][0])
    model.sizes.clear()
    found = record(model, network, data, device="cpu", batch=8)
    assert model.sizes == [8, 4, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1]
    assert_same(found, record(model, network, data, device="cpu", batch=1))


def test_a_network_that_does_not_even_fit_with_one_sample_says_so() -> None:
    model = nn.Sequential(nn.Linear(4, 3))
    network = trace(model, rows(1)[0])

    def full(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    model[0].register_forward_hook(full)
    with pytest.raises(ModelFailure, match="with one image at a time"):
        record(model, network, Held(rows(5), [0] * 5), device="cpu")


def stop_after(calls: int) -> Callable[[int, int, str], None]:
    left = [calls]

    def progress(done: int, total: int, what: str = "") -> None:
        left[0] -= 1
        if left[0] < 0:
            raise Cancelled("stopped")

    return progress


def test_what_is_done_stays_usable_after_a_cancel_and_the_model_is_untouched() -> None:
    model, data = residual().train(), Held(images(), np.arange(23) % 4)
    network = trace(model, data[0][0])
    before, shown = state(model), []
    with pytest.raises(Cancelled):
        record(model, network, data, device="cpu", batch=5, progress=stop_after(3), partial=shown.append)
    assert state(model) == before
    assert [s.n_samples for s in shown] == [5, 15]
    last = shown[-1]
    assert last.samples.read.tolist() == [True] * 15 + [False] * 8
    del shown
    gc.collect()
    whole = record(model, network, data, device="cpu", indices=range(15))
    assert_same(last, whole)
    assert last["stem"].pooled is not None
    np.testing.assert_allclose(last["stem"].pooled[:15], whole["stem"].pooled, atol=1e-3)


def test_a_partial_recording_does_not_change_while_the_pass_goes_on() -> None:
    first: list[Activations] = []
    found = recording(batch=5, partial=first.append)
    assert found.n_samples == 23
    assert first[0].n_samples == 5
    assert first[0].counts.sum() == 5
    assert first[0]["stem"].fired.max() <= 5
    assert int(first[0]["stem"].histogram.sum()) == 5 * 6


def test_a_failing_network_is_left_as_it_was() -> None:
    model, data = residual(), Held(images(6, 11), [0] * 6)
    network = trace(model, data[0][0])
    before = state(model)
    with pytest.raises(ModelFailure, match="number of channels"):
        record(model, network, Held(images(6, 11, 4), [0] * 6), device="cpu")
    assert state(model) == before


def test_progress_counts_samples_and_names_the_work() -> None:
    calls: list[tuple[int, int, str]] = []
    recording(12, batch=5, progress=lambda *call: calls.append(call))
    assert calls == [(n, 12, "reading images") for n in (0, 5, 10, 12)]


def test_the_same_job_gives_the_same_bytes() -> None:
    one, other = recording(), recording()
    for name in one.layers:
        assert one[name].total.tobytes() == other[name].total.tobytes()
        assert np.asarray(one[name].pooled).tobytes() == np.asarray(other[name].pooled).tobytes()


def test_recorded_arrays_are_read_only() -> None:
    found = recording()
    with pytest.raises(ValueError, match="read-only"):
        found["stem"].total[0, 0] = 1.0
    with pytest.raises(ValueError, match="read-only"):
        found["stem"].pooled[0, 0] = 1.0


def test_pooled_responses_are_mapped_and_kept_where_asked(tmp_path: Any) -> None:
    found = recording(keep=tmp_path / "pooled")
    assert isinstance(found["stem"].pooled, np.memmap)
    (file,) = (tmp_path / "pooled").iterdir()
    assert file.stat().st_size == 2 * 23 * sum(layer.n_units for layer in found.layers.values())


def test_large_maps_make_small_batches() -> None:
    sizes = [batch_size(trace(nn.Conv2d(3, 64, 1), torch.zeros(3, s, s)), torch.device("cpu")) for s in (8, 64, 256)]
    assert sizes == [64, 64, 4]


# -- refused -----------------------------------------------------------------------------------------------------------


def refused(kind: type[Exception], match: str, **options: Any) -> None:
    with pytest.raises(kind, match=match):
        recording(**options)


def test_unknown_layers_devices_and_samples_are_refused() -> None:
    refused(UnknownName, "Did you mean 'stem'", layers=["stm"])
    with pytest.raises(InvalidValue, match="The device must be"):
        record(residual(), trace(residual(), images()[0]), Held(images()), device="gpu")
    refused(InvalidValue, r"different samples of 0 … 22", indices=[3, 3])
    refused(InvalidValue, r"different samples of 0 … 22", indices=[23])
    refused(InvalidValue, "at least one image", indices=[])
    refused(InvalidValue, "must be 1 or more", batch=0)


def test_weights_that_are_not_finite_are_named() -> None:
    model = residual()
    network = trace(model, images()[0])
    with torch.no_grad():
        model.block.weight[0, 0, 0, 0] = float("nan")
    with pytest.raises(InvalidValue, match=r"1 of 324 values of block.weight are NaN"):
        record(model, network, Held(images()), device="cpu")


def test_samples_of_different_shapes_are_refused_by_name() -> None:
    model = residual()
    network = trace(model, images()[0])
    data = Held([*images(2), *images(1, 12)], [0] * 3)
    with pytest.raises(InvalidValue, match=r"\(3, 11, 11\) and \(3, 12, 12\) for 000.png and 002.png"):
        record(model, network, data, device="cpu")


def test_labels_of_different_kinds_are_refused() -> None:
    with pytest.raises(InvalidValue, match="all"):
        grouped(Held(rows(3), [0, 1.5, 2], known=False), 3)


# -- published networks ------------------------------------------------------------------------------------------------


def published(shared: Path, job: str, **changes: Any) -> tuple[nn.Module, Network, Dataset]:
    """A published network, traced, and its images; `job` is "resnet20" or "squeezenet"."""
    cifar = job == "resnet20"
    model = open_network(
        f"zoo.py:{'resnet20' if cifar else 'squeezenet1_0'}",
        shared / "data" / ("resnet20_cifar10.safetensors" if cifar else "squeezenet1_0_imagenet.safetensors"),
        folder=shared / "models",
    )
    names = shared / "data" / "imagenet_classes.json"
    data = dataset(
        shared / "data" / ("cifar10.zip" if cifar else "imagenet_500.zip"),
        classes="airplane automobile bird cat deer dog frog horse ship truck".split() if cifar else str(names),
        inside="test" if cifar else None,
        input=(3, 32, 32) if cifar else (3, 227, 227),
        resize=None if cifar else 256,
        crop=None if cifar else 227,
        mean=changes.pop("mean", [0.485, 0.456, 0.406]),
        std=[0.229, 0.224, 0.225],
        **changes,
    )
    return model, trace(model, data[0][0], classes=data.classes), data


@pytest.mark.real
def test_a_published_residual_network_recognises_cifar_images(shared: Path) -> None:
    model, network, data = published(shared, "resnet20", per_class=30)
    found = record(model, network, data, device="cpu")
    assert 0.74 <= found.samples.accuracy <= 0.88
    assert found.counts.tolist() == [30.0] * 10
    assert not found.samples.skipped
    assert findings(found, network) == ()
    some = range(0, 300, 30)
    inputs = torch.stack([torch.as_tensor(data[i][0]) for i in some])
    few = record(model, network, data, device="cpu", indices=some, batch=4)
    members = [[i] for i in few.samples.labels.argsort(kind="stable").tolist()]
    names = ["conv1", "layer2.0/add#0", "layer3.2.conv2", "linear"]
    expected = plain(model, network, inputs, members, names)
    for name in names:
        scale = float(np.abs(expected[name].top_values).max())
        np.testing.assert_allclose(few[name].total, expected[name].total, rtol=0, atol=1e-5 * scale)


@pytest.mark.real
def test_channels_in_the_wrong_order_and_range_are_noticed(shared: Path) -> None:
    model, network, data = published(shared, "resnet20", per_class=10, mean=[-40.0, 30.0, 90.0])
    found = record(model, network, data, device="cpu", layers=["linear"])
    assert "at chance" in findings(found, network)[0]


@pytest.mark.real
def test_a_published_squeezenet_is_recorded_with_one_image_a_class(shared: Path) -> None:
    model, network, data = published(shared, "squeezenet")
    found = record(model, network, data, device="cpu", indices=range(0, 500, 10), top=3)
    assert found.samples.accuracy >= 0.45
    assert found.counts.sum() == 50
    assert int(np.isnan(found.means("classifier")[0]).sum()) == 950
    assert findings(found, network) == ()
