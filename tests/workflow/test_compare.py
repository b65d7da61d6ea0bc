"""Methods compared over many images: which images, what stands in the table, and what the figure marks."""

from __future__ import annotations

import numpy as np
import pytest

from cnnvis.compute.methods import GradCam, Saliency
from cnnvis.compute.stratified import stratified, turns
from cnnvis.compute.trace import trace
from cnnvis.errors import Cancelled
from cnnvis.layout.comparison import Axis, comparison_diagram, shown
from cnnvis.layout.marks import ACCENT, Label, Rect
from cnnvis.model.comparison import SECONDS, Comparison, Line, control_title
from cnnvis.sources.demo import demo
from cnnvis.workflow.compare import compare
from cnnvis.workflow.scores import truth_of
from cnnvis.workflow.sources import Sources


@pytest.fixture(scope="module")
def broken():
    model, scenes, classes = demo("broken", 100)
    return model, trace(model, scenes[0][0], classes=classes), scenes


@pytest.fixture
def comparison():
    lines = (
        Line("A", {"mufidelity": np.array([0.5, 0.7, 0.6, 0.8]), SECONDS: np.full(4, 0.1)}),
        Line("B", {"mufidelity": np.array([0.1, np.nan, 0.2, 0.3]), SECONDS: np.full(4, 2.0)}),
        Line("C", {"mufidelity": np.full(4, np.nan), SECONDS: np.full(4, 1.0)}),
        Line(control_title("random"), {"mufidelity": np.zeros(4)}, True),
    )
    return Comparison("net", ("a", "b", "c", "d"), np.array([True, True, True, False]), lines, {"D": "no plane"})


def test_classes_take_turns_and_some_are_predicted_wrong(broken):
    model, network, scenes = broken
    found = stratified(model, network, scenes, 10, device="cpu")
    assert len(found) == 10
    assert sum(not one.right for one in found) >= 2
    assert found == stratified(model, network, scenes, 10, device="cpu")
    assert found != stratified(model, network, scenes, 10, seed=1, device="cpu")
    labels = np.repeat([0, 1, 2], [6, 3, 1])
    order = labels[turns(labels, 10, 0)]
    assert set(order[:3].tolist()) == {0, 1, 2}
    assert order[-3:].tolist() == [0, 0, 0]


def test_an_interval_holds_the_mean_of_the_images_that_have_a_value(comparison):
    a, b, c, _ = comparison.lines
    found = comparison.interval(a, "mufidelity")
    assert found.low < found.mean < found.high
    assert found.mean == pytest.approx(0.65)
    assert comparison.interval(b, "mufidelity").mean == pytest.approx(0.2)
    assert comparison.interval(b, "mufidelity").n == 3
    assert comparison.interval(c, "mufidelity").n == 0
    assert comparison.best("mufidelity") == {"A"}
    assert comparison.best(SECONDS) == {"A"}
    rows = comparison.table().rows
    assert [row[0] for row in rows] == ["A", "B", "control: random map"]
    assert [row[7] for row in rows] == ["yes", "", ""]


def test_the_interval_of_many_images_is_as_wide_as_theory_says():
    values = np.random.default_rng(0).normal(size=400)
    found = Comparison("n", tuple(map(str, range(400))), np.ones(400, bool), (Line("A", {"mufidelity": values}),))
    interval = found.interval(found.lines[0], "mufidelity")
    assert interval.high - interval.low == pytest.approx(2 * 1.96 * values.std() / 20, rel=0.1)


def test_the_figure_marks_the_best_and_says_what_was_left_out(comparison):
    diagram = comparison_diagram(comparison)
    marks = diagram.cards[0].face.marks
    assert {"A", "B", "C", "–"} <= {m.text for m in marks if isinstance(m, Label)}
    assert sum(isinstance(m, Rect) and m.fill == ACCENT for m in marks) == 4  # a dot and a bar in each of two panels
    assert "Not applicable: D." in diagram.caption
    assert "4 images, 3 of them predicted right" in diagram.caption
    assert shown(comparison) == ("mufidelity", SECONDS)
    inside = diagram.cards[0].box
    assert all(m.box.x >= 0 and m.box.right <= inside.w + 1 for m in marks if isinstance(m, Rect))


def test_axes_have_round_values_inside_them():
    for axis in (Axis.over([0.1, 0.9], False), Axis.over([3e-3, 40.0], True), Axis.over([-0.2, -0.1], False),
                 Axis.over([0.5], False), Axis.over([], False), Axis.over([0.2, 0.3], True)):  # fmt: skip
        assert 1 <= len(axis.ticks) <= 5
        assert all(axis.low <= tick <= axis.high for tick in axis.ticks)
        assert 0 <= axis.at(axis.ticks[0]) <= axis.at(axis.ticks[-1]) <= 1


def test_methods_are_scored_on_the_same_images_with_controls_once(broken):
    model, network, scenes = broken
    sources = Sources(model, scenes, scenes.classes)
    ours = (GradCam(), Saliency(), Saliency("sum"))
    found = compare(sources, network, n_images=2, methods=ours, measures=["infidelity", "localisation"], device="cpu")
    assert [line.title for line in found.methods] == ["Grad-CAM", "Saliency", "Saliency, channels sum"]
    assert [line.title for line in found.lines if line.control] == [
        "control: random map", "control: centre blob", "control: edge detector",
    ]  # fmt: skip
    assert found.names == ("infidelity/scaled", "pointing", "box overlap", "on part")


def test_a_comparison_can_be_stopped(broken):
    model, network, scenes = broken
    calls = 0

    def progress(done, total, what=""):
        nonlocal calls
        calls += 1
        if what == "Grad-CAM":
            raise Cancelled

    with pytest.raises(Cancelled):
        compare(Sources(model, scenes, scenes.classes), network, n_images=2, device="cpu", progress=progress)
    assert calls > 1


def test_on_tagged_scenes_the_tag_decides():
    scenes = demo("shortcut", 40)[1]
    tagged = [truth_of(scenes, i) for i in range(40) if scenes.scene(i).tag is not None]
    assert tagged
    assert all(truth.name == "the tag" and 0 < truth.part.mean() < 0.05 for truth in tagged)
    plain = next(i for i in range(40) if scenes.scene(i).tag is None)
    assert truth_of(scenes, plain).name == "the thing"
    assert truth_of(scenes, -1) is None
