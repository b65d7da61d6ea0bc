"""What a query finds agrees with plain numpy."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sessions import made_up_session

from cnnvis.errors import InvalidValue, UnknownName
from cnnvis.model.measurements import Contributions, Measurements
from cnnvis.model.query import Query
from cnnvis.model.search import Hit, search
from cnnvis.model.session import Session
from cnnvis.model.subset_responses import restricted
from cnnvis.workflow.subsets import subset


def keys(session: Session, text: str) -> list[object]:
    return [hit.key for hit in search(session, text)]


def changed(session: Session, layer: str, **parts: object) -> Session:
    a = session.activations
    assert a is not None
    layers = {**a.layers, layer: replace(a[layer], **parts)}  # type: ignore[arg-type]
    return replace(session, activations=replace(a, layers=layers))


def selectivity(session: Session, layer: str) -> np.ndarray:
    a = session.activations
    assert a is not None
    out = np.zeros((a[layer].n_units, 4))
    for u in range(len(out)):
        means = a[layer].total[u] / a.counts
        means = means - means.mean()
        out[u] = means / np.sqrt((means**2).sum())
    return out


def test_the_most_selective_neurons_come_first() -> None:
    session = made_up_session()
    every = []
    for layer, n in (("conv1", 6), ("conv2", 12)):
        every += [(selectivity(session, layer)[u, 2], ("unit", layer, u)) for u in range(n)]
    every.sort(key=lambda pair: -pair[0])
    assert keys(session, 'selective:"class 2"') == [key for _, key in every][:20]
    hit = search(session, "top 1 selective:2")[0]
    assert hit.reason == f"selectivity {every[0][0]:.2f}"


def test_a_name_narrows_a_ranking_before_it_is_cut() -> None:
    session = made_up_session()
    order = np.argsort(-selectivity(session, "conv2")[:, 1])[:3]
    assert keys(session, "top 3 selective:1 conv2") == [("unit", "conv2", int(u)) for u in order]


def test_the_highest_responses_are_compared_in_units_of_their_layer() -> None:
    session = made_up_session()
    a = session.activations
    assert a is not None
    found = []
    for layer in ("conv1", "conv2"):
        means = a[layer].total / a.counts
        found += [(means[u, 3] / means.std(), ("unit", layer, u)) for u in range(len(means))]
    found.sort(key=lambda pair: -pair[0])
    assert keys(session, "top 4 response:3") == [key for _, key in found[:4]]


def test_contributions_are_ranked_by_what_they_add() -> None:
    session = made_up_session()
    rng = np.random.default_rng(0)
    sums = {"conv1": rng.normal(size=(6, 4)), "conv2": rng.normal(size=(12, 4))}
    counts = np.array([2.0, 4.0, 0.0, 3.0])
    session = replace(session, measurements=Measurements({None: Contributions(sums, counts)}))
    every = [(sums[layer][u, 1] / 4, ("unit", layer, u)) for layer in sums for u in range(len(sums[layer]))]
    every.sort(key=lambda pair: -pair[0])
    assert keys(session, "top 5 contribution:1") == [key for _, key in every[:5]]
    with pytest.raises(InvalidValue, match="no image of that class"):
        search(session, "contribution:2")


def test_contributions_that_were_not_measured_are_asked_for_in_a_sentence() -> None:
    with pytest.raises(InvalidValue, match="not measured yet"):
        search(made_up_session(), "top 20 contribution:1")


def test_dead_neurons_never_fired_behind_a_rectifier() -> None:
    fired = np.array([3, 0, 5, 0, 1, 2])
    session = changed(made_up_session(), "conv1", fired=fired)
    session = changed(session, "conv2", fired=np.arange(1, 13))
    assert keys(session, "dead") == [("unit", "conv1", 1), ("unit", "conv1", 3)]
    assert search(session, "dead")[0].reason == "never fires on 24"
    assert keys(session, "dead conv2") == []


def test_duplicates_name_their_twin() -> None:
    session = made_up_session()
    pooled = np.array(session.activations["conv2"].pooled)  # type: ignore[index]
    pooled[:, 7] = 2 * pooled[:, 4]
    session = changed(session, "conv2", pooled=pooled)
    found = search(session, "duplicate")
    assert [hit.key for hit in found] == [("unit", "conv2", 4), ("unit", "conv2", 7)]
    assert found[0].reason.startswith("like :7 (1.0")


def test_neurons_of_locked_clusters_are_found() -> None:
    session = made_up_session()
    clusters = session.analysis.clusters["conv1"].lock(1, True)
    session = session.with_analysis(session.analysis.with_clusters("conv1", clusters))
    assert keys(session, "locked") == [("unit", "conv1", u) for u in clusters[1].members]


def test_notes_are_found_where_they_stand() -> None:
    session = made_up_session()
    clusters = session.analysis.clusters["conv1"].annotate(1, "looks like Eyes")
    analysis = session.analysis.with_clusters("conv1", clusters).with_note("conv2:3", "eyes too")
    session = session.with_analysis(analysis.with_note("conv2", "no"))
    assert keys(session, "note:eyes") == [("cluster", "conv1", 1), ("unit", "conv2", 3)]
    assert keys(session, "note:eyes conv2") == [("unit", "conv2", 3)]
    assert set(keys(session, "note:eyes top 30 selective:0")) == {
        *(("unit", "conv1", u) for u in clusters[1].members),
        ("unit", "conv2", 3),
    }


def test_wrong_images_are_found_surest_first_and_of_one_class() -> None:
    session = made_up_session()
    a = session.activations
    assert a is not None
    scores = np.array(a.samples.scores)
    scores[:, 0] = np.linspace(0.3, 0.9, 24)
    session = replace(session, activations=replace(a, samples=replace(a.samples, scores=scores)))
    wrong = [i for i in range(24) if i % 4 == 2]
    assert keys(session, 'wrong class:"class 2"') == [("sample", i) for i in reversed(wrong)]
    assert search(session, "wrong class:2")[0].reason == "class 2, said class 0 87 %"
    assert keys(session, "class:2")[:2] == [("class", 2), ("sample", 2)]
    assert keys(session, "wrong 22.png") == [("sample", 22)]


def test_images_without_labels_are_neither_right_nor_wrong() -> None:
    session = made_up_session()
    a = session.activations
    assert a is not None
    unlabelled = replace(session, activations=replace(a, samples=replace(a.samples, labels=np.full(24, -1))))
    with pytest.raises(InvalidValue, match="no labels"):
        search(unlabelled, "wrong")


def test_rankings_follow_the_subset_that_is_shown() -> None:
    session = made_up_session()
    shown = subset(session, "few", samples=range(0, 24, 2))
    a = session.activations
    assert a is not None
    part = restricted(a, np.arange(0, 24, 2))
    whole = replace(session, activations=part)
    assert keys(shown, "top 5 selective:2") == keys(whole, "top 5 selective:2") != keys(session, "top 5 selective:2")


def test_a_query_may_be_given_as_a_value() -> None:
    assert search(made_up_session(), Query(words=("conv2:7",)))[0] == Hit(("unit", "conv2", 7), "conv2:7", "neuron")


def test_nothing_is_found_for_nothing() -> None:
    assert search(made_up_session(), "   ") == ()


def test_an_unknown_class_is_a_sentence() -> None:
    with pytest.raises(UnknownName, match="No class 'clas'"):
        search(made_up_session(), "selective:clas")


@pytest.mark.parametrize("rank", ["selective", "response"])
def test_nothing_is_selective_for_a_class_of_which_no_image_was_read(rank: str) -> None:
    session = made_up_session()
    a = session.activations
    assert a is not None
    counts = a.counts.copy()
    counts[2] = 0
    session = changed(replace(session, activations=replace(a, counts=counts)), "conv2", fired=np.zeros(12, np.int64))
    with pytest.raises(InvalidValue, match="No image of class “class 2” was read"):
        search(session, f"{rank}:2")
