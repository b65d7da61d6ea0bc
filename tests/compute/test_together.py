"""Explanations of many images as one: each of them, their mean and their spread."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from cnnvis.compute.attribute import attribute
from cnnvis.compute.methods import GradCam
from cnnvis.compute.together import attribute_all, class_target, framed, mean_picture, together
from cnnvis.compute.trace import trace
from cnnvis.errors import Cancelled, InvalidValue, UnreadableSample
from cnnvis.model.attribution import Attribution, Map, Picture, Vector
from cnnvis.model.target import Target


class Few:
    """Six small images of three classes, of which the fourth is torn and the last has no label."""

    kind, classes, features, labels = "images", ("a", "b", "c"), (), None

    def __len__(self) -> int:
        return 6

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        if index == 3:
            raise UnreadableSample("4.png is truncated.")
        x = np.random.default_rng(index).normal(size=(3, 8, 10)).astype(np.float32)
        return x, (None if index == 5 else index % 3)

    def picture(self, index: int) -> np.ndarray:
        return np.full((8, 10, 3), 10 * index, np.uint8)

    def name(self, index: int) -> str:
        return f"{index}.png"


def net(classes: int = 3) -> nn.Module:
    torch.manual_seed(0)
    parts = (nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, classes))
    return nn.Sequential(*parts).eval()


MODEL = net()
NETWORK = trace(MODEL, Few()[0][0])


def found(*values: Any, method: str = "Grad-CAM") -> list[Attribution]:
    evidence = [Map(np.asarray(v, np.float32)) if not isinstance(v, (Vector, Picture)) else v for v in values]
    return [Attribution(e, i, Target("fc", (0,)), method, {}, {}) for i, e in enumerate(evidence)]


def test_each_image_is_explained_as_it_is_alone() -> None:
    answers = attribute_all(MODEL, NETWORK, Few(), (0, 2), "own", GradCam())
    for one in answers.attributions:
        label = one.sample % 3
        alone = attribute(MODEL, NETWORK, Few()[one.sample], Target(NETWORK.output, (label,)), GradCam(), index=label)
        assert isinstance(one.evidence, Map)
        assert isinstance(alone.evidence, Map)
        np.testing.assert_array_equal(one.evidence.values, alone.evidence.values)
        assert one.target == alone.target


def test_an_image_that_cannot_be_read_is_skipped_and_named() -> None:
    answers = attribute_all(MODEL, NETWORK, Few(), (2, 3, 4), "own", GradCam())
    assert [one.sample for one in answers.attributions] == [2, 4]
    assert [(one.name, one.reason) for one in answers.skipped] == [("3.png", "4.png is truncated.")]


def test_without_a_label_the_own_class_is_the_predicted_one() -> None:
    x = torch.from_numpy(Few()[5][0])[None]
    said = int(MODEL(x).argmax())
    for aim in ("own", "predicted"):
        (one,) = attribute_all(MODEL, NETWORK, Few(), (5,), aim, GradCam()).attributions  # type: ignore[arg-type]
        assert one.target.units == (said,)


def test_of_two_classes_on_one_output_the_first_is_its_negative() -> None:
    network = trace(net(1), Few()[0][0])
    assert class_target(network, 0).weights == (-1.0,)
    assert class_target(network, 1).weights == (1.0,)


def test_what_is_known_is_handed_over_after_each_doubling() -> None:
    class Watch:
        seen: tuple[int, ...] = ()

        def __call__(self, done: int, total: int, what: str = "") -> None:
            assert 0 <= done <= total

        def partial(self, value: Any) -> None:
            self.seen += (len(value),)

    watch = Watch()
    attribute_all(MODEL, NETWORK, Few(), (0, 1, 2, 3, 4, 5), "own", GradCam(), progress=watch)
    assert watch.seen == (1, 2, 4)


def test_a_cancel_in_the_middle_leaves_the_model_as_it_was() -> None:
    def stop(done: int, total: int, what: str = "") -> None:
        if done >= 100:
            raise Cancelled("enough")

    before = {name: value.clone() for name, value in MODEL.state_dict().items()}
    with pytest.raises(Cancelled):
        attribute_all(MODEL, NETWORK, Few(), (0, 1, 2), "own", GradCam(), progress=stop)
    assert all(torch.equal(before[name], value) for name, value in MODEL.state_dict().items())
    assert all(p.requires_grad for p in MODEL.parameters())


def test_an_index_beyond_the_data_is_said() -> None:
    with pytest.raises(InvalidValue, match=r"attribute_all.indices must be below 6"):
        attribute_all(MODEL, NETWORK, Few(), (9,), "own", GradCam())


def test_no_image_counts_more_because_its_scores_are_larger() -> None:
    one = np.array([[1.0, -1.0], [0.0, 2.0]])
    both = together(found(one, 1000 * one))
    np.testing.assert_allclose(both.mean.values, one / 4, rtol=1e-6)
    np.testing.assert_allclose(both.spread, 0, atol=1e-7)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 6), st.sampled_from(["sum", "max"]), st.integers(0, 99))
def test_mean_and_spread_are_those_of_a_plain_loop(n: int, scaled: str, seed: int) -> None:
    maps = np.random.default_rng(seed).normal(size=(n, 3, 5))
    both = together(found(*maps), scaled=scaled)  # type: ignore[arg-type]
    for row in range(3):
        for column in range(5):
            values = []
            for m in maps:
                sizes = [abs(v) for v in m.ravel()]
                values.append(m[row, column] / (sum(sizes) if scaled == "sum" else max(sizes)))
            mean = sum(values) / n
            assert both.mean.values[row, column] == pytest.approx(mean, abs=1e-6)
            spread = (sum((v - mean) ** 2 for v in values) / n) ** 0.5
            assert both.spread[row, column] == pytest.approx(spread, abs=1e-6)


def test_a_map_without_evidence_stays_without() -> None:
    both = together(found(np.zeros((2, 2)), np.ones((2, 2))))
    np.testing.assert_allclose(both.mean.values, 0.125)


def test_things_at_other_places_lie_over_each_other_once_aligned() -> None:
    maps, boxes = [], []
    for row, column in ((0, 0), (4, 6), (9, 2)):
        m = np.zeros((16, 16))
        m[row : row + 6, column : column + 6] = 1
        m[row + 2, column + 3] = 30
        maps.append(m)
        boxes.append((row, column, row + 6, column + 6))
    both = together(found(*maps), boxes)
    assert both.mean.values.shape == (6, 6)
    assert np.unravel_index(both.mean.values.argmax(), (6, 6)) == (2, 3)
    np.testing.assert_allclose(both.spread, 0, atol=1e-7)
    assert both.beside == pytest.approx(0)
    assert together(found(*maps)).spread.max() > 0.1


def test_evidence_beside_the_box_is_left_out_and_told() -> None:
    m = np.zeros((8, 8))
    m[0, 0], m[5, 5] = 3.0, 1.0
    both = together(found(m), [(4, 4, 8, 8)])
    assert both.beside == pytest.approx(0.75)
    assert both.mean.values.sum() == pytest.approx(0.25)


def test_boxes_of_other_sizes_are_brought_to_the_median() -> None:
    maps = [np.ones((20, 20))] * 3
    both = together(found(*maps), [(0, 0, 4, 6), (0, 0, 8, 8), (2, 2, 14, 20)])
    assert both.mean.values.shape == (8, 8)
    np.testing.assert_allclose(both.mean.values, 1 / 400, rtol=1e-5)


def test_evidence_per_feature_has_a_mean_and_a_spread() -> None:
    names = ("age", "size")
    one, other = (Vector(np.array(v, np.float32), names) for v in ([1.0, 1.0], [-3.0, 1.0]))
    both = together(found(one, other))
    assert isinstance(both.mean, Vector)
    assert both.mean.features == names
    np.testing.assert_allclose(both.mean.values, [-0.125, 0.375])
    np.testing.assert_allclose(both.spread, [0.625, 0.125])


def test_evidence_without_a_mean_is_refused() -> None:
    made = Picture(np.zeros((1, 4, 4, 3), np.uint8), np.zeros(1, np.float32))
    with pytest.raises(InvalidValue, match=r"got Picture\. Choose a method"):
        together(found(made))
    with pytest.raises(InvalidValue, match="at least one; got none"):
        together([])


def test_the_mean_picture_is_the_mean() -> None:
    mean = mean_picture(Few(), (0, 2, 4), None, (8, 10))
    assert mean is not None
    assert (mean == 20).all()


def test_a_frame_of_the_same_size_changes_nothing() -> None:
    values = np.random.default_rng(0).normal(size=(4, 6)).astype(np.float32)
    np.testing.assert_array_equal(framed(values, None, (4, 6)), values)
