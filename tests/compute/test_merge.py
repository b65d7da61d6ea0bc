from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

import numpy as np
import pytest
import torch
from torch import nn

from cnnvis.compute.merge import merge
from cnnvis.compute.record import record
from cnnvis.compute.trace import trace
from cnnvis.errors import InvalidValue, UnreadableSample
from cnnvis.model.activations import Activations


class Rows:
    """Rows of a table in memory; `broken` ones cannot be read."""

    kind: Literal["images", "table"] = "table"
    classes: tuple[str, ...] = ()
    features: tuple[str, ...] = ()

    def __init__(self, n: int, labels: Any, broken: tuple[int, ...] = ()) -> None:
        self.inputs = torch.randn(n, 3, 4, 4, generator=torch.Generator().manual_seed(5))
        self.labels, self.broken = labels, broken

    def __len__(self) -> int:
        return len(self.inputs)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        if index in self.broken:
            raise UnreadableSample("torn")
        return self.inputs[index], None if self.labels is None else self.labels[index]

    def picture(self, index: int) -> np.ndarray:
        return np.zeros(3, np.uint8)

    def name(self, index: int) -> str:
        return f"row {index}"


def network(outputs: int = 3) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 5, 3), nn.ReLU(), nn.Flatten(), nn.Linear(20, outputs))


def shards(
    n: int = 30,
    count: int = 3,
    labels: Any = "class",
    outputs: int = 3,
    broken: tuple[int, ...] = (),
    **options: Any,
) -> tuple[Activations, list[Activations]]:
    """The recording of all samples in batches of one, and those of shards of them."""
    model = network(outputs)
    data = Rows(n, np.arange(n) % 3 if isinstance(labels, str) else labels, broken)
    traced = trace(model, data.inputs[0])

    def run(indices: Any) -> Activations:
        return record(model, traced, data, device="cpu", batch=1, indices=indices, **options)

    return run(None), [run(range(i, n, count)) for i in range(count)]


def assert_one_run(merged: Activations, whole: Activations) -> None:
    assert (merged.groups, merged.kind, merged.notes) == (whole.groups, whole.kind, whole.notes)
    np.testing.assert_array_equal(merged.counts, whole.counts)
    for name, right in whole.layers.items():
        got = merged[name]
        for field in ("total", "squares", "place"):
            one, other = getattr(got, field), getattr(right, field)
            if other is not None:
                np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-12 * np.abs(other).max())
        for field in ("highest", "fired", "histogram", "top_samples", "top_values", "top_places", "pooled"):
            np.testing.assert_array_equal(getattr(got, field), getattr(right, field), err_msg=field)
    for field in ("indices", "labels", "ranked", "scores", "read"):
        np.testing.assert_array_equal(getattr(merged.samples, field), getattr(whole.samples, field), err_msg=field)
    assert merged.samples.names == whole.samples.names
    assert merged.samples.skipped == whole.samples.skipped


@pytest.mark.parametrize("count", [1, 2, 7])
def test_shards_merge_to_one_run(count: int) -> None:
    whole, parts = shards(count=count)
    assert_one_run(merge(parts), whole)


def test_the_order_of_the_parts_does_not_matter() -> None:
    whole, parts = shards()
    assert_one_run(merge(parts[::-1]), whole)


def test_merging_is_associative() -> None:
    whole, (a, b, c) = shards()
    assert_one_run(merge([a, merge([b, c])]), whole)


@pytest.mark.parametrize(
    "labels",
    [None, np.linspace(0, 1, 30), np.stack([np.arange(30) % 2, np.arange(30) % 3 == 0, np.ones(30)], 1).astype(int)],
    ids=["predictions", "quantiles", "several"],
)
def test_shards_of_every_kind_of_groups_merge(labels: Any) -> None:
    whole, parts = shards(labels=labels)
    assert_one_run(merge(parts), whole)


def test_samples_that_a_shard_could_not_read_stay_skipped() -> None:
    whole, parts = shards(broken=(4, 5, 29))
    merged = merge(parts)
    assert [s.name for s in merged.samples.skipped] == ["row 4", "row 5", "row 29"]
    assert_one_run(merged, whole)


def test_equal_peaks_rank_by_sample_across_shards() -> None:
    model, data = network(), Rows(12, np.zeros(12, int))
    data.inputs[:] = data.inputs[:1]
    traced = trace(model, data.inputs[0])
    parts = [record(model, traced, data, device="cpu", batch=1, indices=range(i, 12, 3)) for i in range(3)]
    assert merge(parts)["0"].top_samples.tolist() == [list(range(9))] * 5


def test_pooled_responses_are_dropped_where_a_part_has_none() -> None:
    _, parts = shards(count=2)
    bare = {name: replace(layer, pooled=None) for name, layer in parts[1].layers.items()}
    merged = merge([parts[0], replace(parts[1], layers=bare)])
    assert all(layer.pooled is None for layer in merged.layers.values())


def test_parts_that_do_not_belong_together_are_refused() -> None:
    whole, parts = shards(count=2)
    with pytest.raises(InvalidValue, match="must not share images; 15 are in two of them, such as row 0"):
        merge([whole, parts[0]])
    with pytest.raises(InvalidValue, match="at least one"):
        merge([])
    with pytest.raises(InvalidValue, match=r"The groups of recording 2 .* 3 by class; got 4 by class"):
        merge([parts[0], shards(outputs=4)[0]])
    with pytest.raises(InvalidValue, match="is only in one of them"):
        merge([parts[0], shards(count=2, layers=["0"])[1][1]])
    with pytest.raises(InvalidValue, match="lists of 9 samples"):
        merge([parts[0], shards(count=2, top=4)[1][1]])


def test_quantiles_of_outputs_that_differ_are_refused() -> None:
    _, parts = shards(labels=None, outputs=1)
    with pytest.raises(InvalidValue, match="Quantiles of values that are known only after a pass"):
        merge(parts)
