"""Explanations side by side: cells, scales, contours, captions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sessions import made_up_session

from cnnvis.errors import InvalidValue
from cnnvis.layout.contours import contours
from cnnvis.layout.displays import DISPLAYS, Setting
from cnnvis.layout.explanation import Explanations, explanations
from cnnvis.layout.facts import wrapped
from cnnvis.layout.marks import Box, Cells, Label, Lines, Raster, Rect
from cnnvis.layout.rasters import composed, raster, tints
from cnnvis.layout.svg import svg, text_width
from cnnvis.layout.theme import DARK, LIGHT, Theme
from cnnvis.model.attribution import Attribution, Evidence, Gates, Map, Picture, Vector, WeightMap
from cnnvis.model.scorecard import Scorecard
from cnnvis.model.target import Target

SESSION = made_up_session()
DOG = Target("fc", (1,))


def slope(top: float = 2.0) -> Map:
    """From −top at the left to +top at the right."""
    return Map(np.tile(np.linspace(-top, top, 32, dtype=np.float32), (32, 1)), {"layer": "conv2"})


def found(
    evidence: Evidence | None = None, sample: int = 3, method: str = "Grad-CAM", target: Target = DOG
) -> Attribution:
    what = slope() if evidence is None else evidence
    return Attribution(what, sample, target, method, {"layer": None, "seed": 4}, {"torch": "2"})


def texts(shown: Explanations) -> list[str]:
    return [m.text for cell in shown.cells for m in cell.card.marks if isinstance(m, Label)]


def marks(shown: Explanations, kind: type) -> list[object]:
    return [m for cell in shown.cells for m in cell.card.marks if isinstance(m, kind)]


def test_the_picture_comes_first_and_each_method_beside_it() -> None:
    shown = explanations(SESSION, [found(), found(method="Saliency")])
    assert [cell.card.title for cell in shown.cells] == ["3.png", "Grad-CAM", "Saliency"]
    assert {"for class 1", "layer conv2", "−2 to 2"} <= set(texts(shown))


def test_of_many_images_each_cell_says_whose_it_is() -> None:
    shown = explanations(SESSION, [found(sample=3), found(sample=5)])
    assert [cell.card.title for cell in shown.cells] == ["3.png", "5.png"]
    assert texts(shown).count("for class 1") == 2
    both = explanations(SESSION, [found(sample=3), found(sample=5, method="Saliency")])
    assert {"Grad-CAM, for class 1", "Saliency, for class 1"} <= set(texts(both))


def test_beside_shows_picture_and_map_of_each_image() -> None:
    shown = explanations(SESSION, [found(sample=3), found(sample=5)], Setting("beside"))
    assert [cell.attribution is None for cell in shown.cells] == [True, False, True, False]


def test_an_overlay_at_no_opacity_is_the_picture_in_greys() -> None:
    picture = np.full((4, 4, 3), 255, np.uint8)
    mark = raster(Box(0, 0, 40, 40), picture, np.ones((4, 4)), opacity=0.0)
    assert np.ptp(composed(mark, tints(LIGHT)), axis=2).max() == 0


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_evidence_for_is_blue_and_against_orange(theme: Theme) -> None:
    mark = raster(Box(0, 0, 40, 40), None, np.array([[1.0, -1.0, 0.0]]))
    pixels = composed(mark, tints(theme))[0]
    assert [tuple(p) for p in pixels.tolist()] == [theme.roles[r] for r in ("excite", "inhibit", "card")]


def test_a_shared_scale_is_that_of_the_strongest_map() -> None:
    shown = explanations(SESSION, [found(slope(2.0)), found(slope(8.0), method="Saliency")], Setting(shared=True))
    assert shown.scale is not None
    assert shown.scale.top == 8.0
    assert not marks(shown, Cells)  # the legend tells it once
    assert [e.text for e in shown.diagram.legend] == ["evidence: −8", "−4", "4", "8"]


def test_each_map_on_its_own_scale_has_the_numbers_below_it() -> None:
    shown = explanations(SESSION, [found(slope(2.0)), found(slope(8.0), method="Saliency")])
    assert shown.scale is None
    assert len(marks(shown, Cells)) == 2
    assert {"−2", "2", "−8", "8"} <= set(texts(shown))


def test_scales_are_symmetric_around_nothing() -> None:
    lopsided = Map(np.linspace(-1, 4, 16, dtype=np.float32).reshape(4, 4))
    shown = explanations(SESSION, [found(lopsided)])
    assert {"−4", "4"} <= set(texts(shown))


def test_for_and_against_stand_apart_in_cells_of_their_own() -> None:
    shown = explanations(SESSION, [found()], Setting("beside", apart=True))
    one, other = shown.cells[1:]
    assert (one.sign, other.sign) == ("for", "against")
    rasters = [m for cell in (one, other) for m in cell.card.marks if isinstance(m, Raster)]
    levels = [np.frombuffer(m.levels, np.int8) for m in rasters]
    assert levels[0].min() == 0
    assert levels[1].max() == 0


def test_contours_enclose_what_lies_above_the_level() -> None:
    y, x = np.mgrid[:40, :40]
    hill = np.exp(-((x - 20) ** 2 + (y - 10) ** 2) / 50)
    (path,) = contours(hill, 0.5, 40, 40)
    points = np.array(path)
    radii = np.hypot(points[:, 0] - 20.5, points[:, 1] - 10.5)
    assert np.allclose(radii, np.sqrt(50 * np.log(2)), atol=0.1)


def test_contours_close_along_the_border() -> None:
    (path,) = contours(np.ones((4, 6)), 0.5, 60, 40)
    xs, ys = np.array(path).T
    assert (xs.min(), xs.max(), ys.min(), ys.max()) == (0, 60, 0, 40)


def test_contours_of_nothing_are_none() -> None:
    assert contours(np.zeros((4, 4)), 0.5, 1, 1) == ()


def test_contours_are_lines_over_the_picture_in_its_colours() -> None:
    shown = explanations(SESSION, [found()], Setting("contour"))
    assert {line.ink.role for line in marks(shown, Lines)} == {"excite", "inhibit"}  # type: ignore[attr-defined]
    assert all(not m.levels for m in marks(shown, Raster))  # type: ignore[attr-defined]
    assert "smoothed by 2 %" in shown.diagram.caption


def test_a_pixel_reads_as_a_sentence() -> None:
    shown = explanations(SESSION, [found()])
    area = shown.cells[1].area
    assert area is not None
    told = shown.reading(SESSION, area.right - 1, area.y + 1)
    assert told == "row 0, column 31 · +2 · for class 1"
    assert shown.reading(SESSION, area.x + 1, area.y + 1).endswith("−2 · against class 1")
    assert shown.reading(SESSION, area.x - 3, area.y) == ""


def test_the_hottest_box_is_framed() -> None:
    shown = explanations(SESSION, [found(Map(np.ones((32, 32), np.float32), {"hottest": (8, 16, 16, 24)}))])
    frame = next(m for m in marks(shown, Rect) if m.stroke is not None and m.stroke.role == "accent")  # type: ignore[attr-defined]
    area = shown.cells[1].area
    assert area is not None
    assert (frame.box.w, frame.box.h) == (area.w / 4, area.h / 4)  # type: ignore[attr-defined]


def test_a_warning_of_the_method_is_said_in_lines_that_fit() -> None:
    says = "Nothing in this layer speaks for the target."
    shown = explanations(SESSION, [found(Map(np.zeros((8, 8), np.float32), {"says": says}))])
    assert says in " ".join(texts(shown))
    assert all(text_width(line, 11, False) <= 176 for line in wrapped(says, 176, 11))


def test_bars_of_a_vector_go_both_ways_from_one_zero() -> None:
    values = np.array([3.0, -1.0, 0.5], np.float32)
    shown = explanations(SESSION, [found(Vector(values, ("age", "size", "colour")))])
    bars = [m for m in marks(shown, Rect) if m.fill is not None]  # type: ignore[attr-defined]
    assert [b.fill.role for b in bars] == ["excite", "inhibit", "excite"]  # type: ignore[attr-defined]
    assert bars[0].box.x == pytest.approx(bars[1].box.right)  # type: ignore[attr-defined]
    assert [t for t in texts(shown) if t in ("age", "size", "colour")] == ["age", "size", "colour"]


def test_images_made_for_a_target_say_how_far_they_drive_it() -> None:
    images = np.zeros((2, 8, 8, 3), np.uint8)
    drive = np.array([3.6, 1.8], np.float32)
    shown = explanations(SESSION, [found(Picture(images, drive, {"strongest": 2.0}))])
    assert {"drives 1.8×", "drives 0.9×"} <= set(texts(shown))
    alone = explanations(SESSION, [found(Picture(images, drive))])
    assert {"drives to 3.6", "drives to 1.8"} <= set(texts(alone))


def test_evidence_without_a_display_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(DISPLAYS, Gates, raising=False)
    shown = explanations(SESSION, [found(Gates({"conv1": np.ones(6, np.float32)}))])
    assert "Gates evidence has no picture here." in texts(shown)


def test_maps_without_signs_say_so_and_have_a_scale_from_nothing() -> None:
    strength = Attribution(Map(np.ones((8, 8), np.float32)), 3, DOG, "Saliency", {"channels": "max"}, {})
    shown = explanations(SESSION, [strength], Setting(apart=True))
    assert "matters for class 1" in texts(shown)
    assert {"0", "1"} <= set(texts(shown))
    assert "−1" not in texts(shown)
    assert len(shown.cells) == 2  # nothing stands apart


def test_gates_and_weights_are_bars_by_layer_and_parameter() -> None:
    gates = Gates({"conv1": np.array([1, 0, 0, 0.9], np.float32), "conv2": np.zeros(3, np.float32)})
    weights = WeightMap({"conv1.weight": np.ones((2, 3), np.float32), "fc.bias": np.full(2, 4, np.float32)})
    shown = explanations(SESSION, [found(gates, method="Critical path"), found(weights, method="Weights")])
    assert [t for t in texts(shown) if t in ("2 of 4", "0 of 3")] == ["2 of 4", "0 of 3"]
    assert [t for t in texts(shown) if t in ("conv1", "fc.bias")] == ["conv1", "fc.bias", "conv1"]


def test_where_a_method_tells_the_shares_of_layers_these_are_listed_and_not_written_out() -> None:
    shares = {"conv1": 0.25, "conv2": 0.75}
    facts = {"layers": {"conv1": 2.0, "conv2": 6.0}, "shares": shares, "samples": 9}
    weights = WeightMap({"conv1.weight": np.ones((2, 3), np.float32), "bn.bias": np.ones(2, np.float32)}, facts)
    shown = explanations(SESSION, [found(weights, method="Weight importance")])
    told = texts(shown)
    assert [t for t in told if t in ("conv1", "conv2", "bn.bias")] == ["conv2", "conv1"]
    assert {"75.0 %", "25.0 %"} <= set(told)
    assert not any("{" in t for t in told)


def test_votes_that_sum_to_a_logit_are_a_waterfall_within_their_cell() -> None:
    values = np.linspace(-1, 3, 40).astype(np.float32)
    facts = {"layer": "conv2", "bias": -0.5, "logit": float(values.sum()) - 0.5}
    votes = Vector(values, tuple(f"conv2:{k}" for k in range(40)), facts)
    shown = explanations(SESSION, [found(votes, method="Votes")])
    assert {"bias", "neuron 39", "30 others", "logit"} <= set(texts(shown))
    (card,) = (cell.card for cell in shown.cells if cell.attribution is not None)
    assert all(m.box.x >= 0 and m.box.right <= card.face.w for m in card.marks)
    plain = explanations(SESSION, [found(replace(votes, facts={"layer": "conv2"}), method="Integrated gradients")])
    assert "logit" not in texts(plain)


@pytest.mark.parametrize("shape", [(8, 3, 7, 7), (24, 16, 3, 3), (12, 512), (4, 2, 5)])
def test_the_weights_that_matter_most_are_heat_maps_within_their_cell(shape: tuple[int, ...]) -> None:
    values = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    weights = WeightMap({"conv2.weight": values, "fc.weight": np.full((2, 3), 1e-3, np.float32)})
    shown = explanations(SESSION, [found(weights, method="Weights")])
    (card,) = (cell.card for cell in shown.cells if cell.attribution is not None)
    grids = [m for m in card.marks if isinstance(m, Cells) and m.shape != (1, 64)]  # but for the bar of the scale
    assert sum(np.prod(m.shape) for m in grids) == min(len(values), 6) * values[0].size
    assert all(m.box.x >= 0 and m.box.right <= card.face.w and m.box.bottom <= card.face.h for m in card.marks)
    assert "conv2.weight" in texts(shown)


def test_what_was_measured_against_a_map_is_said_below_it() -> None:
    one = found()
    card = Scorecard(one.key, one.method, {}, facts={"flat": True})
    judged = SESSION.with_measurements(SESSION.measurements.with_scorecard(card))
    assert card.verdicts[0] in " ".join(texts(explanations(judged, [one])))


def test_rows_end_where_the_width_does() -> None:
    many = [found(method=f"method {i}") for i in range(5)]
    shown = explanations(SESSION, many, width=430)
    assert {cell.card.box.x for cell in shown.cells} == {8.0, 212.0}
    assert shown.diagram.width <= 430


def test_the_caption_says_how_it_was_made() -> None:
    caption = explanations(SESSION, [found()]).diagram.caption
    for part in ("class 1", "3.png", "made up", "Grad-CAM (seed 4, layer conv2)", "torch 2"):
        assert part in caption


def test_a_cluster_is_called_by_its_name() -> None:
    cluster = SESSION.analysis.clusters["conv2"][0]
    shown = explanations(SESSION, [found(target=Target("conv2", cluster.members))])
    assert f"for {cluster.title} in conv2" in texts(shown)


def test_nothing_to_show_is_said() -> None:
    with pytest.raises(InvalidValue, match="no explanation was asked for"):
        explanations(SESSION, [])


def test_it_prints_as_svg() -> None:
    text = svg(explanations(SESSION, [found()], Setting("contour")).diagram)
    assert text.count("<image") >= 2
    assert "stroke-linejoin" in text
