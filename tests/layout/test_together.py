"""Many images explained as one, as a picture: mean, spread, the plane of maps and their kinds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sessions import made_up_session

from cnnvis.layout.marks import Cells, Label, Raster, Rect
from cnnvis.layout.svg import svg
from cnnvis.layout.together import Grouped, grouped, together_diagram
from cnnvis.model.attribution import Map, Vector
from cnnvis.model.session import Session
from cnnvis.model.target import Target
from cnnvis.model.together import GroupExplanation, MapCluster, MapClusters, Together

SESSION: Session = made_up_session()


def kinds(*sizes: int) -> MapClusters:
    first, clusters = 0, []
    for n in sizes:
        mean = np.full((32, 32), 1 / 1024, np.float32)
        members = tuple(range(first, first + n))
        clusters.append(MapCluster(members, mean, np.ones((min(n, 5), 32, 32), np.float16)))
        first += n
    places = np.random.default_rng(0).normal(size=(first, 2)).astype(np.float32)
    return MapClusters(tuple(clusters), np.full((first, 16, 16), 1 / 256, np.float32), np.zeros(4), places)


def explained(*sizes: int, labels: np.ndarray | None = None, label: int = 1) -> GroupExplanation:
    n = sum(sizes)
    mean = np.linspace(-1, 2, 1024, dtype=np.float32).reshape(32, 32) / 1024
    together = Together(Map(mean), np.full((32, 32), 0.5 / 1024, np.float32), n)
    picture = np.full((32, 32, 3), 128, np.uint8)
    known = np.full(n, 1) if labels is None else labels
    return GroupExplanation("class 1", np.arange(n), known, Target("fc", (1,)), "Grad-CAM", {"layer": None},
                            {"torch": "2"}, together, kinds(*sizes), picture, asked=40, label=label)  # fmt: skip


def texts(shown: Grouped, which: str) -> list[str]:
    return [m.text for c in shown.cells if c.key[1] == which for m in c.card.marks if isinstance(m, Label)]


def test_mean_spread_and_plane_stand_above_the_kinds() -> None:
    shown = grouped(SESSION, explained(8, 5))
    assert [c.key[1:] for c in shown.cells] == [("mean",), ("spread",), ("plane",), ("kind", 0), ("kind", 1)]
    tops = [c.card.box.y for c in shown.cells]
    assert tops[0] == tops[1] == tops[2] < tops[3] < tops[4]
    assert all(not a.card.box.overlaps(b.card.box) for a in shown.cells for b in shown.cells if a is not b)
    assert max(c.card.box.right for c in shown.cells) <= shown.diagram.width


def test_values_are_multiples_of_evenly_spread_evidence() -> None:
    shown = grouped(SESSION, explained(8))
    assert shown.scale is not None
    assert shown.scale.top == 2.0
    area = shown.cells[0].area
    assert area is not None
    assert shown.reading(SESSION, area.right - 1, area.bottom - 1) == "row 31, column 31 · mean +2 · spread 0.5"
    assert shown.reading(SESSION, area.x - 4, area.y) == ""


def test_the_spread_has_no_sign() -> None:
    shown = grouped(SESSION, explained(8))
    grid = next(m for m in shown.cells[1].card.marks if isinstance(m, Cells) and m.shape == (32, 32))
    assert grid.ramp == "response"
    assert grid.grid.min() >= 0


def test_every_map_is_a_dot_in_the_colour_of_its_kind() -> None:
    shown = grouped(SESSION, explained(8, 5))
    dots = [m for m in shown.cells[2].card.marks if isinstance(m, Rect) and m.fill is not None]
    assert len(dots) == 13
    assert len({d.fill.role for d in dots if d.fill}) == 2
    box = shown.cells[2].card.face
    assert all(d.box.x >= 0 and d.box.right <= box.w and d.box.bottom <= box.h for d in dots)


def test_a_kind_says_its_share_and_shows_its_typical_images() -> None:
    shown = grouped(SESSION, explained(9, 3))
    assert texts(shown, "kind") == ["Kind 1", "75 % · 9 images", "Kind 2", "25 % · 3 images"]
    rasters = [[m for m in c.card.marks if isinstance(m, Raster)] for c in shown.cells if c.key[1] == "kind"]
    assert [len(r) for r in rasters] == [1 + 4, 1 + 3]
    assert all(m.rgb for m in rasters[0])


def test_a_kind_of_several_classes_says_which() -> None:
    labels = np.array([0] * 6 + [2] * 3)
    assert texts(grouped(SESSION, explained(9, labels=labels, label=-1)), "kind")[2:] == ["class 0 6", "class 2 3"]


def test_of_as_many_classes_as_images_only_their_number_is_said() -> None:
    labels = np.arange(9)
    assert texts(grouped(SESSION, explained(9, labels=labels, label=-1)), "kind")[2:] == ["of 9 classes"]


def test_a_kind_without_evidence_says_so() -> None:
    found = explained(9)
    assert found.clusters is not None
    blank = replace(found.clusters.clusters[0], mean=np.zeros((32, 32), np.float32))
    found = replace(found, clusters=replace(found.clusters, clusters=(blank,)))
    assert "Nothing speaks for the" in " ".join(texts(grouped(SESSION, found), "kind"))


def test_features_have_bars_with_their_spread() -> None:
    vector = Vector(np.array([0.5, -0.25], np.float32), ("age", "size"))
    found = replace(explained(4), together=Together(vector, np.array([0.1, 0.2], np.float32), 4), clusters=None)
    shown = grouped(SESSION, found)
    assert [c.key[1] for c in shown.cells] == ["mean"]
    assert "+1.0 ± 0.2" in texts(shown, "mean")
    assert "−0.5 ± 0.4" in texts(shown, "mean")


def test_the_caption_says_how_it_was_made() -> None:
    told = together_diagram(SESSION, explained(8, 5)).caption
    for part in ("13 images of class 1 of 40, drawn by chance", "Grad-CAM", "SpRAy", "torch 2", "evenly"):
        assert part in told


@pytest.mark.parametrize("sizes", [(8,), (8, 5), (3, 3, 3, 3, 3, 3, 3, 3)])
def test_it_prints_as_svg(sizes: tuple[int, ...]) -> None:
    assert svg(together_diagram(SESSION, explained(*sizes))).count("<image") >= 1 + 2 * len(sizes)


@pytest.mark.parametrize("width", [560.0, 700.0, 900.0])
def test_all_stands_within_the_width_there_is(width: float) -> None:
    shown = grouped(SESSION, explained(8, 5), width)
    assert shown.diagram.width <= max(width, 560.0)
    assert shown.diagram.width > 0.8 * min(width, grouped(SESSION, explained(8, 5)).diagram.width)


def test_a_method_without_signs_has_neither_their_legend_nor_their_words() -> None:
    shown = grouped(SESSION, replace(explained(8), method="Saliency", parameters={"channels": "max"}))
    assert shown.diagram.legend == ()
    assert "against" not in shown.diagram.caption
    assert "Saliency, matters for class 1" in texts(shown, "mean")
