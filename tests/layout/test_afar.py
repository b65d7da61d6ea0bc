"""What is seen at each zoom: no word too small to be read, none over a picture, and at last none at all."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from layout_sessions import a_session, faces, layer_health, looked, measured
from sessions import made_up_session

from cnnvis.layout.afar import CLOSE, FARTHEST
from cnnvis.layout.compose import draw
from cnnvis.layout.diagram import Box, Cells, Label, Patch, Rect, seen
from cnnvis.layout.marks import LEGIBLE
from cnnvis.model.groups import Group
from cnnvis.model.measurements import Health, Measurements
from cnnvis.model.session import FACETS
from cnnvis.workflow.instances import lay_over

ZOOMS = (0.05, 0.08, 0.12, 0.17, 0.24, 0.3, 0.4, 0.5, 0.6, 0.7, 1.0, 2.0)
EVERY = pytest.mark.parametrize("facet", FACETS)
SESSIONS = {
    "three classes": lambda: a_session((16, 64), 3),
    "sixty classes": lambda: a_session((16, 64), 60),
    "many columns": lambda: expanded(12),
    "a class without samples": lambda: made_up_session(classes=6, n=40, empty_classes=2),
}
ALL = pytest.mark.parametrize("make", SESSIONS.values(), ids=SESSIONS)


def expanded(n):
    """A session with all its layers but the last in two expanded groups."""
    names = tuple(f"features.{i // (n // 2)}.step{i}" for i in range(n))
    session = a_session((16,) * n, 3, names=names)
    halves = (names[: n // 2], names[n // 2 :])
    groups = [Group(k, f"features.{k}", half, half[-1]) for k, half in enumerate(halves)]
    rest = [replace(g, id=g.id + n) for g in session.analysis.groups if g.layers[0] not in names]
    grouped = session.with_analysis(session.analysis.with_groups((*groups, *rest)))
    return looked(grouped, expanded=frozenset(g.name for g in groups))


def labels(card, zoom):
    return [mark for mark in card.marks if isinstance(mark, Label) and seen(mark, zoom)]


@ALL
@EVERY
def test_no_word_is_smaller_on_the_screen_than_can_be_read(make, facet):
    diagram = draw(looked(measured(make()), facet=facet))
    for zoom, card in itertools.product(ZOOMS, (*diagram.cards, *diagram.heads)):
        assert all(mark.size * zoom >= LEGIBLE - 1e-6 for mark in labels(card, zoom)), (card.key, zoom)


@ALL
@EVERY
def test_words_that_stand_in_for_small_ones_have_nine_pixels(make, facet):
    diagram = draw(looked(measured(make()), facet=facet))
    for zoom, card in itertools.product((z for z in ZOOMS if z < CLOSE), (*diagram.cards, *diagram.heads)):
        assert all(mark.size * zoom >= 9 for mark in labels(card, zoom)), (card.key, zoom)


@ALL
@EVERY
@pytest.mark.parametrize("zoom", [zoom for zoom in ZOOMS if zoom < CLOSE])
def test_words_lie_on_no_picture_and_on_no_other_words(make, facet, zoom):
    for card in draw(looked(measured(make()), facet=facet)).cards:
        shown = [mark for mark in card.marks if seen(mark, zoom)]
        words = [mark.box for mark in shown if isinstance(mark, Label)]
        assert not any(a.overlaps(b) for a, b in itertools.combinations(words, 2)), card.key
        for mark in shown:
            if isinstance(mark, Patch | Cells):
                assert not any(box.grown(-3).overlaps(mark.box) for box in words), (card.key, mark)


@EVERY
def test_a_card_seen_from_far_enough_is_a_mosaic_without_words(facet):
    for key, face in faces(draw(looked(measured(a_session((16, 64), 3)), facet=facet))).items():
        shown = [mark for mark in face.marks if seen(mark, FARTHEST - 0.01)]
        assert not any(isinstance(mark, Label) for mark in shown)
        assert any(isinstance(mark, Rect | Cells | Patch) for mark in shown), key


@EVERY
def test_on_the_way_out_a_card_never_falls_silent_without_a_sign_in_its_place(facet):
    for key, face in faces(draw(looked(measured(a_session((16, 64), 3)), facet=facet))).items():
        for zoom in (0.28, 0.3, 0.35, 0.37, 0.4, 0.45, 0.5, 0.6):
            shown = [mark for mark in face.marks if seen(mark, zoom)]
            top = Box(0, 0, face.w, 32)
            assert any(mark.box.overlaps(top) or isinstance(mark, Label) for mark in shown), (key, zoom)


def test_a_name_of_the_users_is_read_from_afar():
    session = a_session((16, 64), 3)
    partition = session.analysis.clusters["layer2.conv2"]
    one = partition.clusters[0].id
    named = session.analysis.with_clusters("layer2.conv2", partition.rename(one, "fins"))
    face = faces(draw(session.with_analysis(named)))["cluster", "layer2.conv2", one]
    assert [m.text for m in face.marks if isinstance(m, Label) and seen(m, 0.3)] == ["fins"]


def test_from_afar_a_cluster_without_a_name_is_told_by_its_strongest_class():
    session = a_session((16, 64), 3)
    for key, face in faces(draw(session)).items():
        if not session.analysis.clusters[key[1]][key[2]].dead and face.w < 160:
            said = [m.text for m in face.marks if isinstance(m, Label) and seen(m, 0.3)]
            assert len(said) == 1
            assert said[0].split(" · ")[-1].startswith("class ")


def test_an_alarm_is_orange_from_afar():
    session = a_session((16, 64), 3)
    health = {
        name: replace(layer_health(name, r.n_units), unit_gradients=r.fired * 0.0 + 1)
        for name, r in session.activations.layers.items()
    }
    layers = {name: replace(r, fired=r.fired * 0) for name, r in session.activations.layers.items()}
    session = replace(session, activations=replace(session.activations, layers=layers))
    session = session.with_measurements(Measurements(health=Health(health, 60)))
    for face in faces(draw(looked(session, facet="health"))).values():
        bands = [m for m in face.marks if isinstance(m, Rect) and seen(m, 0.1) and m.box.y == 8]
        assert [m.fill.role for m in bands] == ["inhibit"]


@pytest.mark.parametrize("zoom", ZOOMS)
def test_headers_of_neighbours_do_not_touch(zoom):
    diagram = draw(expanded(12))
    found = []
    for card in diagram.heads:
        for mark in labels(card, zoom):
            found.append(Box(card.box.x + mark.box.x, card.box.y + mark.box.y, mark.box.w + 2 / zoom, mark.box.h))
    assert not any(a.overlaps(b) for a, b in itertools.combinations(found, 2))


@pytest.mark.parametrize("pixels", [720, 1040])
def test_names_of_expanded_groups_are_read_where_the_whole_is_seen(pixels):
    diagram = draw(expanded(32))
    zoom = pixels / (diagram.width + 16)
    assert zoom < FARTHEST
    for card in diagram.titles:
        assert [mark.text for mark in labels(card, zoom)] == [card.title]
        mine = [c for c in diagram.columns if c.layer.startswith(card.title)]
        assert card.box.x == mine[0].header.box.x
        assert card.box.right == max(diagram.card(key).box.right for key in mine[-1].cards)


def test_a_columns_header_in_an_expanded_group_says_from_afar_what_the_groups_name_does_not():
    diagram = draw(expanded(12))
    far = [labels(c.header, 0.3) for c in diagram.columns]
    assert [m.text for marks in far for m in marks][:2] == ["step0", "step1"]
    assert diagram.columns[0].header.title == "features.0.step0"


def test_a_closed_columns_header_says_its_group_from_afar():
    session = a_session((16, 64), 3)
    named = [replace(g, name=f"stage {g.id}") for g in session.analysis.groups]
    diagram = draw(session.with_analysis(session.analysis.with_groups(tuple(named))))
    assert [[m.text for m in labels(c.header, 0.4)] for c in diagram.columns] == [["stage 0"], ["stage 1"], ["classes"]]


def test_the_name_of_a_group_is_nothing_to_point_at():
    diagram = draw(expanded(12))
    for card in diagram.titles:
        assert diagram.at(card.box.x + 4, card.box.y + 4) is None


def test_a_closed_picture_has_no_names_of_groups_and_low_headers():
    diagram = draw(a_session((16, 64), 3))
    assert diagram.titles == ()
    assert all(c.header.box.h == 44 for c in diagram.columns)


@pytest.mark.parametrize("zoom", [0.28, 0.4, 0.5, 0.6])
def test_from_afar_every_class_is_named_and_its_score_lies_below_the_name(zoom):
    session = lay_over(a_session((16,), 10), 3)
    for card in draw(session).cards:
        if card.key[0] == "class":
            (name,) = labels(card, zoom)
            bars = [m for m in card.marks if isinstance(m, Rect) and seen(m, zoom) and m.box.h == 4]
            assert bars
            assert all(bar.box.y >= name.box.y + name.box.h / 2 + 0.3 * name.size for bar in bars)
