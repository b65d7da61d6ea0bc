"""What docs/faithfulness.md says of pictures and tables, on fewer of them; and how the page is put together."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from cnnvis.workflow.demo import demo_job

FOLDER = Path(__file__).resolve().parents[2] / "scripts" / "faithfulness"


def part(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"faithfulness_{name}", FOLDER / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    return module


def test_the_breast_cancer_data_gives_the_figures_of_the_dlime_paper(monkeypatch: pytest.MonkeyPatch) -> None:
    tables = part("tables", monkeypatch)
    split = tables.breast_cancer()
    rows, bands = split.values[split.testing][:8], {"random forest": (0.1, 0.4), "neural network": (0.4, 0.65)}
    for case in tables.cases(split):
        methods = tables.methods(split, case.predict)
        found = {name: tables.measured(rows, explain, 6) for name, explain in methods.items()}
        low, high = bands[case.name]
        assert low < found["LIME"][0].mean() < high
        assert not found["DLIME"][0].any()
        assert not found["DLIME as published"][0].any()
        assert found["DLIME"][1].mean() > found["LIME"][1].mean() > 0
        assert found["DLIME as published"][1].mean() < 0.3


def test_the_distance_of_sets_is_that_of_the_paper(monkeypatch: pytest.MonkeyPatch) -> None:
    tables = part("tables", monkeypatch)
    assert tables.distance([{"a", "b"}] * 3) == 0
    assert tables.distance([{"a", "b"}, {"c", "d"}]) == 0.5
    assert np.isclose(tables.distance([{"a", "b"}, {"b", "c"}]), (1 - 1 / 3) / 2)


def test_a_section_is_written_into_its_place_and_leaves_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    written = part("page", monkeypatch).written
    order = ("maps", "tables")
    page = written("", "tables", "## Tables\n\nformer", order)
    page = written(page, "maps", "## Maps", order)
    again = written(page, "tables", "## Tables\n\nlatter", order)
    assert again.index("## Maps") < again.index("latter")
    assert "former" not in again
    assert written(again, "maps", "## Maps", order) == again


@pytest.fixture(scope="module")
def pictures() -> Iterator[ModuleType]:
    with pytest.MonkeyPatch.context() as patch:
        yield part("pictures", patch)


def test_on_the_healthy_network_grad_cam_points_at_the_thing(pictures: ModuleType) -> None:
    line, beside = pictures.measured(pictures.things(12), pictures.GradCam(), with_controls=True)
    assert line.scores["pointing"].mean() >= 0.8
    assert {one.title for one in beside} == {"control: random map", "control: centre blob", "control: edge detector"}
    random = next(one for one in beside if one.title == "control: random map")
    assert random.scores["pointing"].mean() < 0.5
    assert random.scores["on part"].mean() < line.scores["on part"].mean()


def test_a_tag_that_decides_alone_is_found_by_every_kind_of_method(pictures: ModuleType) -> None:
    kind = pictures.moved(8)
    methods = (pictures.GradCam(), pictures.IntegratedGradients(16), pictures.Occlusion(), pictures.Lime(n_samples=256))
    for method in methods:
        scores = pictures.measured(kind, method)[0].scores
        assert scores["by cell"].mean() >= 0.8, method.title
        assert scores["pointing"].mean() >= 0.7, method.title
        assert scores["times"].mean() >= 4, method.title
    assert pictures.measured(kind, pictures.Occlusion())[0].scores["hottest"].mean() >= 0.9


def test_on_tagged_birds_the_tag_speaks_louder_than_the_bird(pictures: ModuleType) -> None:
    kind = pictures.birds(12)
    for method in (pictures.GradCam(), pictures.Occlusion()):
        scores = pictures.measured(kind, method)[0].scores
        assert scores["pointing"].mean() >= 0.8, method.title
        assert scores["times"].mean() >= 4, method.title
    called, share = pictures.tag_alone(kind)
    assert called < 0.8
    assert 0.4 < share < 0.9


def test_a_map_of_the_tag_alone_is_perfect_and_one_beside_it_is_not(pictures: ModuleType) -> None:
    truth = pictures.around((52, 2, 62, 12), 64)
    assert truth.box == (44, 0, 64, 20)
    shown = pictures.Shown(np.zeros((3, 64, 64), np.float32), 0, truth, (52, 2, 62, 12))
    good, bad = np.zeros((64, 64)), np.zeros((64, 64))
    good[44:64, :20], bad[0, 60] = 1, 1
    assert pictures.scores(good, shown, {"hottest": (48, 8, 56, 16)}) == {
        "pointing": 1, "box overlap": 1, "on part": 1, "by cell": 1, "times": 10.24, "hottest": 1,
    }  # fmt: skip
    assert not any(pictures.scores(bad, shown, {"hottest": (48, 12, 56, 20)}).values())


@pytest.mark.parametrize(("mean", "verdict"), [(0.5, "**missed**"), (1.0, "met")])
def test_a_claim_stands_beside_the_best_control(pictures: ModuleType, mean: float, verdict: str) -> None:
    line = pictures.Line("Grad-CAM", {"pointing": np.array([1.0, 2 * mean - 1])})
    poor = pictures.Line("control: a", {"pointing": np.zeros(2)}, True)
    good = pictures.Line("control: b", {"pointing": np.ones(2)}, True)
    comparison = pictures.Comparison("scenes", ("0", "1"), np.ones(2, bool), (line, poor, good))
    said = pictures._claim(comparison, line, "pointing", 0.9)
    assert f"| ≥ 90% | {verdict} | b, 100% |" in said
    assert f"| {mean:.0%} (" in said


def test_a_drawn_image_is_set_against_the_strongest_of_all_images(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = part("drawn", monkeypatch)
    monkeypatch.setattr(drawn, "METHOD", replace(drawn.METHOD, steps=16))
    monkeypatch.setattr(drawn, "TOGETHER", 2)
    job = demo_job("healthy")
    session, sources = drawn.analysed(replace(job, data=replace(job.data, per_class=2)))
    layer = session.analysis.groups[1].representative
    stage = drawn.drawn(session, sources, layer, 3)
    width = session.analysis.network[layer].n_units
    chosen = np.sort(np.random.default_rng(drawn.SEED).choice(width, 3, replace=False))
    pooled = session.activations[layer].pooled
    assert stage.real == pytest.approx(np.asarray(pooled, np.float64).max(0)[chosen], rel=2e-3)
    assert (stage.drawn != stage.real).all()
    rows = list(drawn.table("demo", session, sources))
    assert len(rows) == 4 + len(session.analysis.groups) + 1
    assert len({row.count("|") for row in rows[2:]}) == 1
