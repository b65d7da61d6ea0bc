"""The four facets of a cluster on its card."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from layout_sessions import a_session, contributions_of, faces, layer_health, looked, measured
from sessions import made_up_session

from cnnvis.layout.card import PAD
from cnnvis.layout.class_groups import class_order
from cnnvis.layout.compose import draw
from cnnvis.layout.contribution_face import signed
from cnnvis.layout.diagram import INHIBIT, Cells, Label, Patch, Rect
from cnnvis.layout.svg import text_width
from cnnvis.model.measurements import Health, Measurements
from cnnvis.model.partition import Partition
from cnnvis.model.session import FACETS
from cnnvis.model.subsets import Subset

LAYER = "layer2.conv2"


def texts(face):
    return [mark.text for mark in face.marks if isinstance(mark, Label)]


def cells(face):
    return [mark for mark in face.marks if isinstance(mark, Cells)]


def quantiles(session):
    found = session.activations
    return replace(session, activations=replace(found, kind="quantile"))


SESSIONS = {
    "three classes": lambda: a_session((16, 64), 3),
    "sixty classes": lambda: a_session((16, 64), 60),
    "quantiles": lambda: quantiles(a_session((16, 64), 5)),
    "a class without samples": lambda: made_up_session(classes=6, n=40, empty_classes=2),
}
ALL = pytest.mark.parametrize("make", SESSIONS.values(), ids=SESSIONS)
EVERY = pytest.mark.parametrize("facet", FACETS)


@ALL
@EVERY
@pytest.mark.parametrize("opened", [False, True], ids=["closed", "opened"])
def test_every_mark_lies_inside_its_card(make, facet, opened):
    session = measured(make())
    keys = [key[1:] for key in faces(draw(session))]
    session = looked(session, facet=facet, opened=frozenset(keys if opened else ()))
    for face in faces(draw(session)).values():
        for mark in face.marks:
            box = mark.box
            assert box.x >= 0, mark
            assert box.y >= 0, mark
            assert box.right <= face.w + 0.01, mark
            assert box.bottom <= face.h + 0.01, mark


@ALL
@EVERY
def test_closed_cards_of_all_facets_are_of_one_width_and_of_similar_height(make, facet):
    session = measured(make())
    features, others = faces(draw(session)), faces(draw(looked(session, facet=facet)))
    for key, face in others.items():
        assert face.w == features[key].w
        assert face.h <= max(features[key].h, 144)


@EVERY
def test_the_cards_of_what_did_not_change_are_the_same(facet):
    session = looked(measured(a_session()), facet=facet)
    before = draw(session)
    partition = session.analysis.clusters[LAYER]
    first, second, *_ = partition.clusters
    moved = partition.move([first.members[0]], second.id)
    after = draw(session.with_analysis(session.analysis.with_clusters(LAYER, moved)), previous=before)
    changed = {key for key, face in faces(after).items() if faces(before).get(key) is not face}
    assert changed <= {("cluster", LAYER, first.id), ("cluster", LAYER, second.id)}
    assert ("cluster", LAYER, second.id) in changed


def test_one_card_may_show_a_facet_of_its_own():
    session = measured(a_session())
    key = next(key for key in faces(draw(session)) if not session.analysis.clusters[key[1]][key[2]].dead)
    plain, mixed = (
        faces(draw(looked(session, facets=facets))) for facets in (frozenset(), frozenset({(*key[1:], "activations")}))
    )
    assert cells(mixed[key])
    assert all(mixed[other] is plain[other] for other in plain if other != key)


def test_packings_differ_and_show_or_count_every_neuron():
    session = a_session((64,), 3, clusters=3)
    seen_boxes = set()
    for packing in ("hierarchical", "flat", "rows"):
        for key, face in faces(draw(looked(session, packing=packing))).items():
            cluster = session.analysis.clusters[key[1]][key[2]]
            patches = [m for m in face.marks if isinstance(m, Patch) or (isinstance(m, Rect) and m.fill is not None)]
            shown = {m.unit for m in patches if isinstance(m, Patch)}
            rest = [int(t[1:]) for t in texts(face) if t.startswith("+") and t[1:].isdigit()]
            assert len(shown) + sum(rest) >= len(cluster) - 1
            if len(cluster) > 6:
                seen_boxes.add(tuple(m.box for m in face.marks if isinstance(m, Patch)))
    assert len(seen_boxes) >= 3


def test_an_opened_card_shows_every_neuron_in_each_packing():
    session = a_session((64,), 3, clusters=2)
    key, cluster = next((("layer1.conv2", c.id), c) for c in session.analysis.clusters["layer1.conv2"] if not c.dead)
    for packing in ("hierarchical", "flat", "rows"):
        face = faces(draw(looked(session, packing=packing, opened=frozenset({key}))))[("cluster", *key)]
        assert {m.unit for m in face.marks if isinstance(m, Patch)} == set(cluster.members)


# Activations


def test_a_matrix_shows_the_mean_responses_in_the_order_of_its_rows_and_columns():
    session = looked(a_session((16, 64), 3), facet="activations")
    columns = class_order(session.activations, session.analysis.network, session.look)
    means = session.activations.means(LAYER)
    top = np.percentile(np.abs(means), 99)
    for key, face in faces(draw(session)).items():
        if key[1] == LAYER and cells(face):
            (grid,) = cells(face)
            wanted = np.minimum(means[list(grid.units)][:, columns] / top, 1) ** 0.75
            np.testing.assert_allclose(grid.grid / 127, wanted, atol=0.005)
            assert sorted(grid.units) == sorted(session.analysis.clusters[LAYER][key[2]].members)


def test_a_row_of_a_matrix_is_its_neuron_to_the_pointer():
    diagram = draw(looked(a_session((16, 64), 3), facet="activations"))
    card = next(card for card in diagram.cards if card.key[1] == LAYER and cells(card.face))
    (grid,) = cells(card.face)
    for row, unit in enumerate(grid.units):
        place = grid.place(row, 1)
        assert diagram.unit_at(card.box.x + place.x + 1, card.box.y + place.middle) == ("unit", LAYER, unit)


def test_a_layer_that_answers_below_zero_is_shown_by_sign():
    session = a_session((16, 64), 3)
    found = session.activations
    shifted = replace(found[LAYER], total=found[LAYER].total - 20)
    session = replace(session, activations=replace(found, layers={**found.layers, LAYER: shifted}))
    ramps = {
        key[1]: {c.ramp for c in cells(face)} for key, face in faces(draw(looked(session, facet="activations"))).items()
    }
    assert ramps[LAYER] == {"effect"}
    assert ramps["layer1.conv2"] == {"response"}


def test_subsets_of_the_user_are_columns_set_apart():
    session = made_up_session(n=30)
    subsets = (Subset("some", samples=(1, 4, 7)), Subset("nobody's", samples=(999,)))
    session = looked(session.with_analysis(replace(session.analysis, subsets=subsets)), facet="activations")
    face = next(f for k, f in faces(draw(session)).items() if k[1] == "conv2" and cells(f))
    main, extra = cells(face)
    assert extra.box.x - main.box.right == pytest.approx(4)
    assert extra.shape == (len(main.units), 2)
    found = session.activations["conv2"]
    means = found.pooled[[1, 4, 7]].astype(float).mean(0)[list(extra.units)]
    assert np.corrcoef(means**0.75, extra.grid[:, 0])[0, 1] > 0.95
    assert set(extra.grid[:, 1]) == {-128}


def test_an_opened_matrix_names_its_neurons_and_columns():
    session = looked(a_session((16, 64), 3), facet="activations", opened=frozenset({(LAYER, 0)}))
    face = faces(draw(session))[("cluster", LAYER, 0)]
    members = session.analysis.clusters[LAYER][0].members
    assert {f":{u}" for u in members} | {"class 0", "class 1", "class 2"} <= set(texts(face))


# Contribution


def test_contributions_that_were_not_measured_leave_a_calm_place():
    for face in faces(draw(looked(a_session(), facet="contribution"))).values():
        assert "not measured yet" in texts(face) or len(face.marks) < 8


def test_gradients_that_were_not_measured_are_said_to_be_so():
    for face in faces(draw(looked(a_session(), facet="health"))).values():
        assert "not measured" in texts(face)
        room = face.w - 2 * PAD
        assert sum(text_width(text, 11.0, False) for text in ("gradient", "not measured")) <= room


def test_a_card_says_what_it_adds_most_and_takes_most():
    session = looked(measured(a_session((16, 64), 3)), facet="contribution")
    own = session.measurements.own
    for key, face in faces(draw(session)).items():
        cluster = session.analysis.clusters[key[1]][key[2]]
        if not cluster.dead:
            whole = own.means(key[1])[list(cluster.members)].sum(0)
            strongest = int(np.argmax(whole)) if whole.max() > 0.02 * abs(whole).max() else int(np.argmin(whole))
            assert f"{signed(whole[strongest])} class {strongest}" in texts(face)


def test_the_total_of_a_card_is_its_share_of_the_layer():
    session = looked(measured(a_session((16, 64), 3)), facet="contribution")
    means = session.measurements.own.mean(LAYER)
    partition = session.analysis.clusters[LAYER]
    blue = 0.0
    for cluster in partition:
        face = faces(draw(session))[("cluster", LAYER, cluster.id)]
        bars = [m for m in face.marks if isinstance(m, Rect) and m.box.y == 28 and m.fill and m.fill.role == "excite"]
        blue += sum(m.box.w for m in bars) / ((face.w - 16) / 2)
    assert blue == pytest.approx(means[means > 0].sum() / np.abs(means).sum(), abs=0.05)


def test_contributions_to_the_chosen_class_come_first_where_they_are_measured():
    session = measured(a_session((16, 64), 3))
    other = replace(contributions_of(session, 5), target=1)
    session = looked(session.with_measurements(session.measurements.with_contributions(other)), facet="contribution")
    own, chosen = faces(draw(session)), faces(draw(looked(session, chosen=1)))
    assert any(own[key] is not chosen[key] for key in own)
    assert any("effect on the score of class 1" in face.tooltip for face in chosen.values())
    assert faces(draw(looked(session, chosen=2))) == own


def test_more_measurements_change_the_cards_that_show_them_alone():
    session = a_session((16, 64), 3)
    features, effects = (faces(draw(looked(session, facet=f))) for f in ("features", "contribution"))
    known = measured(session)
    assert faces(draw(looked(known, facet="features"))) == features
    assert faces(draw(looked(known, facet="contribution"))) != effects


@pytest.mark.parametrize(("value", "text"), [(0.314, "+0.31"), (-2.04, "−2.0"), (123.4, "+123"), (0.0, "+0.0")])
def test_effects_are_said_in_two_figures(value, text):
    assert signed(value) == text


# Health


def alarming(face):
    return [m.text for m in face.marks if isinstance(m, Label) and m.ink == INHIBIT and m.zoom[1] > 1]


def test_health_says_how_often_neurons_fire_and_how_they_learn():
    session = a_session((16, 64), 3)
    gradients = np.ones(64)
    partition = session.analysis.clusters[LAYER]
    cluster = next(c for c in partition if not c.dead)
    gradients[list(cluster.members)] = 3.0
    health = Health({LAYER: layer_health(LAYER, 64, unit_gradients=gradients)}, 60)
    session = looked(session.with_measurements(Measurements(health=health)), facet="health")
    face = faces(draw(session))[("cluster", LAYER, cluster.id)]
    assert {"100 %", "3.0 × median"} <= set(texts(face))
    assert not alarming(face)
    squares = [unit for mark in cells(face) for unit in mark.units]
    assert sorted(squares) == sorted(cluster.members)


def test_neurons_that_never_fire_stand_out():
    session = a_session((16, 64), 3)
    partition = Partition.from_labels(np.r_[np.zeros(62, int), 1, 1])
    found = session.activations[LAYER]
    silent = replace(found, fired=np.where(np.arange(64) < 62, found.fired, 0))
    activations = replace(session.activations, layers={**session.activations.layers, LAYER: silent})
    session = replace(session, activations=activations)
    session = looked(session.with_analysis(session.analysis.with_clusters(LAYER, partition)), facet="health")
    shown = faces(draw(session))
    assert alarming(shown["cluster", LAYER, 1]) == ["0 %"]
    assert all((mark.grid == -127).all() for mark in cells(shown["cluster", LAYER, 1]))
    assert alarming(shown["cluster", LAYER, 0]) == []


def test_the_header_tells_what_is_wrong_with_a_whole_layer():
    session = looked(measured(a_session(), n_nan=3), facet="health")
    header = next(c.header for c in draw(session).columns if c.key == ("column", LAYER)).face
    assert "3 NaN · 0 Inf" in texts(header)
    assert alarming(header)
    plain = looked(measured(a_session()), facet="health")
    assert not alarming(next(c.header for c in draw(plain).columns if c.key == ("column", LAYER)).face)
