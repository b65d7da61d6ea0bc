"""Evidence at a fixed place of the image: raised where it is, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sessions import made_up_session

from cnnvis.model.attribution import Map
from cnnvis.model.findings import findings
from cnnvis.model.findings.places import fixed, hottest
from cnnvis.model.target import Target
from cnnvis.model.together import GroupExplanation, MapCluster, MapClusters, Together

SESSION = made_up_session()


def coarse(peaks: np.ndarray) -> np.ndarray:
    """Maps with most of their evidence in one cell."""
    out = np.full((len(peaks), 16, 16), 0.1 / 256, np.float32)
    out[np.arange(len(peaks)), peaks[:, 0], peaks[:, 1]] += 0.9
    return out


def group(
    kinds: list[tuple[tuple[int, int], int]], n_loose: int = 0, others: np.ndarray | None = None, label: int = 1
) -> GroupExplanation:
    """A class with clusters of maps around fixed cells, and one of maps that scatter; sides of 64 pixels."""
    rng = np.random.default_rng(0)
    peaks, members = [], []
    for place, n in kinds:
        members.append(tuple(range(len(peaks), len(peaks) + n)))
        peaks += [np.clip(np.add(place, rng.integers(-1, 2, 2)), 0, 15) for _ in range(n)]
    if n_loose:
        members.append(tuple(range(len(peaks), len(peaks) + n_loose)))
        peaks += list(rng.integers(0, 16, (n_loose, 2)))
    found = coarse(np.array(peaks))
    mean = np.ones((64, 64), np.float32)
    clusters = tuple(MapCluster(m, mean, mean[None].astype(np.float16)) for m in members)
    n = len(found)
    rest = coarse(rng.integers(2, 14, (50, 2))) if others is None else others
    maps = MapClusters(clusters, found, np.zeros(3), np.zeros((n, 2), np.float32))
    both = Together(Map(mean), mean, n)
    target = Target("fc", (label,))
    labels = np.full(n, label)
    return GroupExplanation("class 1", np.arange(n), labels, target, "Grad-CAM", {}, {}, both, maps, None, rest,
                            label=label)  # fmt: skip


def said(found: GroupExplanation) -> list[str]:
    measured = SESSION.with_measurements(SESSION.measurements.with_group(found))
    return [f.text for f in findings(measured) if f.kind == "shortcut"]


def test_one_corner_is_said_with_its_share_and_size() -> None:
    assert said(group([((14, 1), 40)], 8)) == [
        "In 83 % of the images of class 1 the evidence lies in the bottom left corner, in the same 12 × 12 pixels, "
        "wherever the thing is"
    ]


def test_a_tag_in_any_corner_is_one_shortcut() -> None:
    (text,) = said(group([((1, 1), 12), ((1, 14), 12), ((14, 1), 12), ((14, 14), 12)]))
    assert "in one of 4 corners, in the same 12 × 12 pixels of each" in text


def test_a_watermark_in_the_middle_is_found_where_no_other_class_looks() -> None:
    others = coarse(np.random.default_rng(1).integers(10, 16, (50, 2)))
    (text,) = said(group([((7, 4), 45)], 5, others))
    assert "47 % from the top and 28 % from the left" in text


def test_it_is_an_alarm_that_leads_to_the_class() -> None:
    measured = SESSION.with_measurements(SESSION.measurements.with_group(group([((1, 1), 40)])))
    (found,) = (f for f in findings(measured) if f.kind == "shortcut")
    assert (found.level, found.target, found.layer) == ("alarm", 1, "fc")
    assert "2 % of the images of other classes" in found.detail


def test_evidence_where_all_classes_have_theirs_is_no_shortcut() -> None:
    others = coarse(np.random.default_rng(1).integers(6, 9, (50, 2)))
    assert not said(group([((7, 7), 48)], 2, others))


def test_evidence_that_scatters_is_no_shortcut() -> None:
    assert not said(group([((7, 7), 10)], 40))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000))
def test_chance_raises_nothing(seed: int) -> None:
    """Clusters of maps hold what is alike, so each lies at a place; that alone says nothing."""
    rng = np.random.default_rng(seed)
    peaks = np.clip(np.rint(rng.normal(7.5, 2.5, (50, 2))), 0, 15).astype(int)
    rest = coarse(np.clip(np.rint(rng.normal(7.5, 2.5, (50, 2))), 0, 15).astype(int))
    order = np.lexsort((peaks[:, 1], peaks[:, 0]))
    mean = np.ones((64, 64), np.float32)
    clusters = tuple(MapCluster(tuple(map(int, m)), mean, mean[None].astype(np.float16))
                     for m in np.array_split(order, 6))  # fmt: skip
    maps = MapClusters(clusters, coarse(peaks), np.zeros(3), np.zeros((50, 2), np.float32))
    made = GroupExplanation("class 1", np.arange(50), np.ones(50), Target("fc", (1,)), "Grad-CAM", {}, {},
                            Together(Map(mean), mean, 50), maps, None, rest, label=1)  # fmt: skip
    assert fixed(made) is None


@pytest.mark.parametrize("n", [5, 19])
def test_a_few_images_say_nothing(n: int) -> None:
    assert fixed(group([((1, 1), n)])) is None


def test_without_other_classes_to_compare_with_nothing_is_said() -> None:
    assert fixed(group([((1, 1), 40)], others=coarse(np.array([[5, 5]])))) is None


def test_a_map_without_evidence_has_no_hottest_cell() -> None:
    assert hottest(np.zeros((1, 16, 16), np.float32)).tolist() == [[-1, -1]]
