from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from layout_sessions import a_network, a_session

from cnnvis.layout.compose import draw
from cnnvis.layout.diagram import Label, Patch, difference, seen
from cnnvis.model.analysis import Analysis
from cnnvis.model.groups import Group
from cnnvis.model.network import Edge, Layer
from cnnvis.model.partition import Partition
from cnnvis.model.session import Look, Session

LAST = "layer2.conv2"
SESSIONS = {
    "three classes": lambda: a_session((16, 32), 3),
    "a thousand classes": lambda: a_session((64, 128), 1000),
    "one column": lambda: a_session((16,), 10),
    "forty columns": lambda: a_session((12,) * 40, 10),
    "one cluster of 500": lambda: a_session((16, 500), 4, clusters=1),
    "clusters of one": lambda: a_session((4, 4), 4, clusters=4),
    "500 opened": lambda: a_session((16, 500), 4, clusters=1, look=Look(opened=frozenset([(LAST, 0)]))),
    "long names": lambda: a_session((16, 32), 3, names=("features." * 30, "b")),
    "a shortcut": lambda: a_session((16, 32, 64), 10, shortcut=True),
    "one class": lambda: a_session((16,), 1),
}
EVERY = pytest.mark.parametrize("make", SESSIONS.values(), ids=SESSIONS.keys())


@pytest.fixture
def session():
    return a_session((16, 32, 64), 10)


@EVERY
def test_no_two_cards_overlap(make):
    diagram = draw(make())
    headers = [c.header for c in diagram.columns]
    for a, b in itertools.combinations([*diagram.cards, *headers], 2):
        assert not a.box.overlaps(b.box), (a.key, b.key)


@EVERY
def test_every_mark_lies_inside_its_card(make):
    diagram = draw(make())
    for card in (*diagram.cards, *(c.header for c in diagram.columns)):
        for mark in card.marks:
            box = mark.box
            inside = box.x >= 0 and box.y >= 0 and box.right <= card.box.w + 0.01 and box.bottom <= card.box.h + 0.01
            assert inside, (card.key, mark)


@EVERY
@pytest.mark.parametrize("zoom", [0.2, 1.0])
def test_no_two_texts_of_a_card_overlap(make, zoom):
    diagram = draw(make())
    for card in (*diagram.cards, *(c.header for c in diagram.columns)):
        labels = [m.box for m in card.marks if isinstance(m, Label) and seen(m, zoom)]
        assert not any(a.overlaps(b) for a, b in itertools.combinations(labels, 2)), card.key


@EVERY
def test_everything_lies_inside_the_picture(make):
    diagram = draw(make())
    for box in (*(c.box for c in diagram.cards), *(c.header.box for c in diagram.columns)):
        assert box.x >= 0
        assert box.y >= 0
        assert box.right <= diagram.width
        assert box.bottom <= diagram.height
    for link in diagram.links:
        assert all(0 <= x <= diagram.width and 0 <= y <= diagram.height for x, y in link.points)


@EVERY
def test_every_link_joins_two_cards_of_the_picture_from_left_to_right(make):
    diagram = draw(make())
    for link in diagram.links:
        assert diagram.card(link.source).box.right <= link.points[0][0] < link.points[-1][0]
        assert link.points[-1][0] == diagram.card(link.sink).box.x
        assert 1 <= link.width <= 5


def test_keys_and_places_are_the_same_each_time(session):
    first, second = draw(session), draw(session)
    assert [(c.key, c.box) for c in first.cards] == [(c.key, c.box) for c in second.cards]
    assert [link.key for link in first.links] == [link.key for link in second.links]


def test_columns_stand_on_the_grid(session):
    diagram = draw(session)
    assert all(card.box.x % 8 == 0 and card.box.y % 4 == 0 and card.box.h % 4 == 0 for card in diagram.cards)


def test_a_card_that_an_edit_does_not_touch_is_the_same_object(session):
    before = draw(session)
    partition = session.analysis.clusters[LAST]
    renamed = partition.rename(partition.clusters[0].id, "faces")
    after = draw(session.with_analysis(session.analysis.with_clusters(LAST, renamed)), previous=before)
    touched = ("cluster", LAST, partition.clusters[0].id)
    assert difference(before, after).changed == {touched}
    assert all(after.card(c.key) is c for c in before.cards if c.key != touched)
    assert all(a.header is b.header for a, b in zip(after.columns, before.columns))


def test_merging_two_clusters_composes_no_other_face(session):
    before = draw(session)
    partition = session.analysis.clusters[LAST]
    a, b = (c.id for c in partition.clusters[:2])
    merged = session.with_analysis(session.analysis.with_clusters(LAST, partition.merge(a, b)))
    after = draw(merged, previous=before)
    found = difference(before, after)
    assert found.removed == {("cluster", LAST, b)}
    new = [c.key for c in after.cards if c.face is not before.card(c.key).face]
    assert new == [("cluster", LAST, a)]
    others = [k for k in found.moved if k[1] != LAST]
    assert all(after.card(k).box.x == before.card(k).box.x for k in others)


def test_faces_are_remembered_without_a_previous_picture(session):
    first, second = draw(session), draw(session)
    assert all(a.face is b.face for a, b in zip(first.cards, second.cards) if a.key[0] == "cluster")


def test_an_edit_keeps_the_order_of_the_other_cards(session):
    before = draw(session)
    partition = session.analysis.clusters[LAST]
    big = max(partition.clusters, key=len)
    split = partition.split(big.id, big.members[:2])
    after = draw(session.with_analysis(session.analysis.with_clusters(LAST, split)), previous=before)
    for old, new in zip(before.columns, after.columns):
        assert [k for k in new.cards if k in old.cards] == list(old.cards)


def test_a_smaller_share_draws_fewer_links(session):
    counts = [len(draw(session, look=Look(share=s)).links) for s in (0.0, 0.35, 1.0)]
    assert counts == sorted(counts)
    assert counts[0] > 0


def test_every_cluster_has_a_link_even_at_no_share(session):
    diagram = draw(session, look=Look(share=0.0))
    for column in diagram.columns[:-1]:
        assert all(diagram.links_of(key) for key in column.cards)


def test_classes_stand_in_their_own_order(session):
    assert draw(session).columns[-1].cards == tuple(("class", i) for i in range(10))


def test_of_a_thousand_classes_thirty_two_have_a_card_and_one_stands_for_the_rest():
    diagram = draw(a_session((64,), 1000, look=Look(chosen=777)))
    keys = diagram.columns[-1].cards
    assert len(keys) == 33
    assert ("class", 777) in keys
    assert keys[-1] == ("class", "rest")
    assert diagram.card(keys[-1]).title == "+968 more classes"


def test_the_classes_with_most_samples_get_a_card():
    session = a_session((64,), 100)
    counts = np.zeros(100)
    counts[50:95] = 20
    activations = replace(session.activations, counts=counts)
    keys = draw(replace(session, activations=activations)).columns[-1].cards
    assert all(50 <= key[1] < 95 for key in keys[:-1])


def test_every_cluster_before_the_classes_finds_its_strongest_class_among_the_cards():
    session = a_session((16, 64), 100)
    matrix = session.connections.between(LAST, "linear").astype(float)
    biggest = max(session.analysis.clusters[LAST], key=len)
    matrix[list(biggest.members)] *= 50
    matrices = {**session.connections.matrices, (LAST, "linear"): matrix.astype(np.float16)}
    session = replace(session, connections=replace(session.connections, matrices=matrices))
    shown = {key[1] for key in draw(session).columns[-1].cards}
    for cluster in session.analysis.clusters[LAST]:
        assert int(np.abs(matrix[list(cluster.members)]).sum(0).argmax()) in shown


def test_a_patch_shows_the_field_of_its_neuron(session):
    diagram = draw(session)
    fields = {"layer1.conv2": 3, LAST: 7, "layer3.conv2": 11}
    for card in diagram.cards:
        for mark in card.marks:
            if isinstance(mark, Patch):
                top, left, bottom, right = mark.crop
                assert (bottom - top, right - left) == (fields[card.key[1]],) * 2
                assert 0 <= top < bottom <= 32
                assert 0 <= left < right <= 32


def test_a_card_does_not_repeat_a_picture_where_another_is_nearly_as_strong(session):
    for card in draw(session).cards:
        samples = [m.sample for m in card.marks if isinstance(m, Patch)]
        assert len(set(samples)) >= len(samples) - 1


def test_an_opened_cluster_shows_every_neuron():
    session = a_session((16, 120), 4, clusters=1)
    closed, opened = draw(session), draw(session, look=Look(opened=frozenset([(LAST, 0)])))
    key = ("cluster", LAST, 0)
    n = len(session.analysis.clusters[LAST][0])
    shown = [sum(isinstance(m, Patch) for m in d.card(key).marks) for d in (closed, opened)]
    assert shown[0] < shown[1] == n
    assert any(isinstance(m, Label) and m.text == f"+{n - shown[0]}" for m in closed.card(key).marks)


def test_a_dead_cluster_says_so(session):
    dead = next(c for c in session.analysis.clusters[LAST] if c.dead)
    card = draw(session).card(("cluster", LAST, dead.id))
    assert "never fire" in [m.text for m in card.marks if isinstance(m, Label)]
    assert not any(isinstance(m, Patch) for m in card.marks)


def test_an_expanded_group_shows_its_layers_in_place(session):
    analysis = session.analysis
    groups = (Group(0, "stem", ("layer1.conv2", LAST), LAST), *analysis.groups[2:])
    grouped = session.with_analysis(analysis.with_groups(groups))
    closed = [c.layer for c in draw(grouped).columns]
    expanded = [c.layer for c in draw(grouped, look=Look(expanded=frozenset(["stem"]))).columns]
    assert closed == [LAST, "layer3.conv2", ""]
    assert expanded == ["layer1.conv2", LAST, "layer3.conv2", ""]


def test_cards_of_an_expanded_group_keep_their_keys(session):
    analysis = session.analysis
    groups = (Group(0, "stem", ("layer1.conv2", LAST), LAST), *analysis.groups[2:])
    grouped = session.with_analysis(analysis.with_groups(groups))
    closed = draw(grouped)
    found = difference(closed, draw(grouped, look=Look(expanded=frozenset(["stem"])), previous=closed))
    assert not found.removed
    assert {key[1] for key in found.added} == {"layer1.conv2", "stem"}


def test_a_network_alone_is_drawn_as_columns_without_links():
    network = a_network((16, 32), 10)
    groups = tuple(Group(i, n, (n,), n) for i, n in enumerate(("layer1.conv2", LAST, "linear")))
    diagram = draw(Session(Analysis(network, groups, {}, {})))
    assert [c.header.title for c in diagram.columns] == ["layer1.conv2", LAST, "classes"]
    assert diagram.links == ()
    assert all(card.face.waiting for card in diagram.cards)


def test_what_is_not_recorded_yet_stays_grey(session):
    layers = {k: v for k, v in session.activations.layers.items() if k != LAST}
    partial = replace(session, activations=replace(session.activations, layers=layers), connections=None)
    diagram = draw(partial)
    waiting = {card.key[1] for card in diagram.cards if card.face.waiting}
    assert waiting == {LAST}


def test_a_network_without_named_outputs_has_no_class_column(session):
    network = replace(session.analysis.network, classes=())
    diagram = draw(Session(replace(session.analysis, network=network)))
    assert all(column.layer for column in diagram.columns)


def test_the_caption_says_what_was_run_and_what_the_edges_are(session):
    text = draw(session).caption
    assert "200 images" in text
    assert "accuracy" in text
    assert "weights × activation" in text


def test_the_legend_names_both_signs_and_the_classes(session):
    assert [e.text for e in draw(session).legend] == ["excites", "inhibits", *(f"class {i}" for i in range(10))]


def test_painters_find_the_pictures_in_the_diagram(session):
    assert draw(session).pictures(3).shape == (32, 32, 3)


def test_a_layer_that_is_only_pooled_to_the_classes_is_the_class_column(session):
    network = session.analysis.network
    pooled = Layer("/mean#0", "mean", (10,), role="structural", n_units=10)
    edges = (*network.edges, Edge("linear", "/mean#0"))
    network = replace(network, layers=(*network.layers, pooled), edges=edges, output="/mean#0")
    diagram = draw(session.with_analysis(replace(session.analysis, network=network)))
    assert [c.layer for c in diagram.columns] == ["layer1.conv2", LAST, "layer3.conv2", ""]
    assert all(diagram.links_of(key) for key in diagram.columns[-1].cards)


def test_a_layer_of_very_many_clusters_is_still_drawn():
    session = a_session((16, 400), 3)
    single = Partition.from_labels(np.arange(400))
    diagram = draw(session.with_analysis(session.analysis.with_clusters(LAST, single)))
    assert len(diagram.columns[1].cards) == 400
