from dataclasses import fields, replace

import numpy as np
import pytest
from sessions import made_up_session

from cnnvis.model.measurements import (
    Ablation,
    Contributions,
    Edging,
    Health,
    Instance,
    LayerHealth,
    Measurements,
)
from cnnvis.model.scorecard import Scorecard
from cnnvis.model.session import Look
from cnnvis.model.subsets import Subset
from cnnvis.storage.archive import load, save
from cnnvis.storage.measured import measurements_from_values, measurements_to_values


def same(one, other):
    """Whether two values agree in every field, arrays by their content."""
    if isinstance(one, np.ndarray):
        return np.array_equal(one, other, equal_nan=one.dtype.kind == "f")
    if hasattr(one, "keys"):
        return list(one) == list(other) and all(same(one[k], other[k]) for k in one)
    if isinstance(one, tuple) and one and hasattr(one[0], "__dataclass_fields__"):
        return len(one) == len(other) and all(map(same, one, other))
    if hasattr(one, "__dataclass_fields__"):
        return all(same(getattr(one, f.name), getattr(other, f.name)) for f in fields(one))
    return one == other or (one != one and other != other)


@pytest.fixture
def measured():
    session = made_up_session()
    units = session.activations["conv1"].n_units
    rng = np.random.default_rng(0)
    sums, slopes = (
        {"conv1": rng.normal(size=(units, 3)).astype(np.float32).astype(float) * [1, 0, 1]} for _ in range(2)
    )
    own = Contributions(sums, np.array([2.0, 0, 1]), None, slopes)
    gone = Ablation(
        (("conv1", (0, 2)),),
        "mean",
        np.array([2.0, 0, 1]),
        np.array([0.5, np.nan, -1]),
        rng.random((3, 2)),
        np.array([[4, 0, 2]]),
        np.array([0.4, np.nan, -0.9]),
        "wrong ones",
    )
    health = Health({"conv1": LayerHealth("conv1", *rng.random(9), rng.random(units), 1, 0, 0.25)}, 64, "before")
    image = Instance(
        "cat.png",
        rng.random(3).astype(np.float32),
        {"conv1": rng.random(units).astype(np.float32)},
        {"conv1": rng.random(units).astype(np.float32)},
        rng.integers(0, 255, (8, 8, 3)).astype(np.uint8),
    )
    edging = Edging("class", 1, "wrong ones", "cat.png")
    found = Measurements({None: own}, (gone,), health, {edging: session.connections}, {image.name: image})
    few = np.array([0.0, 4, 0])
    some = {"conv1": np.outer(np.arange(units), few)}
    part = Contributions(some, few, None, some, "wrong ones")
    found = found.with_contributions(part).with_contributions(replace(part, target=2, slopes={}))
    found = found.with_health(replace(health, n_samples=4, subset="wrong ones"))
    found = found.with_contributions(replace(part, subset="others"))
    card = Scorecard(
        "0123456789abcdef",
        "Grad-CAM",
        {"deletion/blur": 0.25, "randomised": float("nan")},
        {"random": {"deletion/blur": 0.5}},
        {"deletion/blur": rng.random((2, 5))},
        {"fall/blur": 0.75, "flat": False, "stages": ["fc", "conv"]},
        499,
        1.5,
        "probability",
    )
    found = found.with_scorecard(card)
    analysis = session.analysis.with_subset(Subset("wrong ones", (0, 1), (3, 4), True, 0.5, (0, 1)))
    look = Look(
        facet="health",
        facets=frozenset({("conv1", 0, "features")}),
        packing="flat",
        order="local",
        unfolded=frozenset({3}),
        mode="class",
        signs="negative",
        bundles="on",
        unbundled=frozenset({("conv1", "conv2", 7)}),
        moved=((("conv1", "conv2", 7), 3.5, -2.0),),
        subset="wrong ones",
        instance="cat.png",
        against="mean of dog",
        path="0123456789abcdef",
    )
    return replace(session, analysis=analysis, measurements=found, look=look)


def test_everything_that_was_measured_comes_back(measured, tmp_path):
    after = load(save(measured, tmp_path / "mine"))
    assert same(measured.measurements, after.measurements)


def test_of_a_subset_only_the_classes_that_it_holds_are_written(measured):
    _, arrays = measurements_to_values(measured.measurements)
    columns = {name: values.shape[1] for name, values in arrays.items() if name.startswith("subsets/0/contributions/0/")
               and values.ndim == 2}  # fmt: skip
    assert set(columns.values()) == {1}
    assert not [name for name, values in arrays.items() if name.startswith("subsets") and len(values) == 24]


def test_measurements_of_a_file_without_subsets_are_read_as_they_are(measured):
    header, arrays = measurements_to_values(replace(measured.measurements, subsets={}))
    del header["subsets"]
    for place in ("contributions/0/0", "contributions/0/slopes/0"):  # older files hold every class
        whole = np.zeros((len(arrays[place]), 3), np.float32)
        whole[:, [0, 2]] = arrays[place]
        arrays[place] = whole
    assert same(measurements_from_values(header, arrays), replace(measured.measurements, subsets={}))


def test_subsets_and_the_whole_look_come_back(measured, tmp_path):
    after = load(save(measured, tmp_path / "mine"))
    assert after.analysis.subsets == measured.analysis.subsets
    assert after.look == measured.look


def test_pictures_of_images_laid_over_are_left_out_with_the_others(measured, tmp_path):
    after = load(save(measured, tmp_path / "mine", images=False))
    assert after.measurements.instances["cat.png"].picture is None
    assert after.measurements.instances["cat.png"].responses.keys() == {"conv1"}


def test_every_number_of_a_layers_health_is_different_so_that_none_is_swapped(measured):
    layer = measured.measurements.health.layers["conv1"]
    numbers = [getattr(layer, f.name) for f in fields(LayerHealth) if f.type == "float"]
    assert len(numbers) == 10
    assert len(set(numbers)) == 10


def test_a_file_without_scorecards_is_read(measured):
    header, arrays = measurements_to_values(replace(measured.measurements, scorecards={}))
    del header["scorecards"]
    assert not measurements_from_values(header, arrays).scorecards


def test_scores_of_one_explanation_are_kept_beside_each_other():
    first = Scorecard("k", "m", {"pointing": 1.0}, {"random": {"pointing": 0.0}}, evaluations=2)
    again = Scorecard("k", "m", {"jaccard": 0.5}, {"random": {"jaccard": 0.1}}, evaluations=3)
    found = Measurements().with_scorecard(first).with_scorecard(again).scorecards["k"]
    assert found.scores == {"pointing": 1.0, "jaccard": 0.5}
    assert found.controls["random"] == {"pointing": 0.0, "jaccard": 0.1}
    assert found.evaluations == 5
