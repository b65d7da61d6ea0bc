from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from layout_sessions import a_session

from cnnvis.layout.bundles import Bundled, _apart, bundling, homes, moved, owners, rows
from cnnvis.layout.compose import draw
from cnnvis.layout.diagram import Box, Diagram, flatten
from cnnvis.layout.links import Joint, Lane
from cnnvis.model.session import Look

ON = Look(bundles="on", share=0.5)


@pytest.fixture(scope="module")
def session():
    return a_session((40, 60), 10, clusters=9)


@pytest.fixture(scope="module")
def bundled(session) -> Diagram:
    return draw(session, look=ON)


def drawn_edges(diagram: Diagram) -> set[tuple]:
    """The pairs of cards that the strokes join, following every curve into a box to every curve out of it."""
    boxes = {bundle.key for bundle in diagram.bundles}
    direct = {(x.source, x.sink) for x in diagram.strokes if x.source not in boxes and x.sink not in boxes}
    into, out = {}, {}
    for stroke in diagram.strokes:
        if stroke.sink in boxes:
            into.setdefault(stroke.sink, set()).add(stroke.source)
        if stroke.source in boxes:
            out.setdefault(stroke.source, set()).add(stroke.sink)
    return direct | {pair for box in into for pair in itertools.product(into[box], out[box])}


@given(st.integers(0, 10_000), st.integers(3, 12), st.floats(0.1, 1.0))
@settings(max_examples=15, deadline=None)
def test_expanding_all_bundles_gives_exactly_the_kept_edges(seed, clusters, share):
    session = a_session((24, 30), 5, clusters=clusters, seed=seed)
    plain = draw(session, look=Look(bundles="off", share=share))
    bundled = draw(session, look=Look(bundles="on", share=share))
    kept = {(x.source, x.sink) for x in plain.links}
    assert drawn_edges(bundled) == kept  # a box joins nothing that is not joined
    everything = frozenset(bundle.key[1:] for bundle in bundled.bundles)
    expanded = draw(session, look=Look(bundles="on", share=share, unbundled=everything))
    assert {x.key for x in expanded.strokes} == {x.key for x in plain.strokes}
    assert len({x.key for x in expanded.strokes}) == len(expanded.strokes)


def test_one_bundle_expanded_shows_exactly_its_edges(session, bundled):
    for bundle in bundled.bundles:
        diagram = draw(session, look=replace(ON, unbundled=frozenset([bundle.key[1:]])))
        new = {x.key for x in diagram.strokes} - {x.key for x in bundled.strokes}
        assert new == set(bundle.links)
        assert diagram.bundle(bundle.key).expanded
        assert "bundles them again" in diagram.bundle(bundle.key).card.face.tooltip
        assert diagram.links_of(bundle.key) == tuple(diagram.find(key) for key in bundle.links)


def test_a_bundle_draws_a_curve_for_each_card_it_joins(bundled):
    assert bundled.bundles
    for bundle in bundled.bundles:
        assert [c.source for c in bundle.curves if c.sink == bundle.key] == list(bundle.sources)
        assert [c.sink for c in bundle.curves if c.source == bundle.key] == list(bundle.sinks)
        assert len(bundle.links) > len(bundle.curves)


def test_curves_touch_their_card_and_the_box(bundled):
    for bundle in bundled.bundles:
        box = bundle.card.box
        for curve in bundle.curves:
            inward = curve.sink == bundle.key
            card = bundled.card(curve.source if inward else curve.sink).box
            near, far = (curve.points[0], curve.points[-1]) if inward else (curve.points[-1], curve.points[0])
            assert near[0] == (card.right if inward else card.x)
            assert card.y < near[1] < card.bottom
            assert far[0] == (box.x if inward else box.right)
            assert box.y < far[1] < box.bottom


def test_boxes_stand_in_their_lanes_and_never_over_each_other(bundled):
    boxes = [bundle.card.box for bundle in bundled.bundles]
    assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))
    assert not any(box.overlaps(card.box) for box in boxes for card in bundled.cards)
    for bundle in bundled.bundles:
        left = max(bundled.card(key).box.right for key in bundle.sources)
        right = min(bundled.card(key).box.x for key in bundle.sinks)
        assert left < bundle.card.box.x < bundle.card.box.right < right


def test_more_boxes_than_fit_stand_side_by_side():
    cards = [[Box(0, 20.0 * i, 10, 16) for i in range(20)], [Box(300, 20.0 * i, 10, 16) for i in range(20)]]
    joints = [Joint((0, i), (1, i + 1), 1.0, 0.0, 1.0) for i in range(18)]
    found = [Bundled(("a", "b", i), 0, 1, (joint,), (i, i + 1), (i, i + 1)) for i, joint in enumerate(joints)]
    places = homes(found, cards, (10.0, 300.0), (0.0, 400.0))
    boxes = list(places.values())
    assert len({box.x for box in boxes}) == rows(found, 400.0) > 1
    assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))
    assert all(box.y >= 0 and box.bottom <= 400 and box.x > 10 and box.right < 300 for box in boxes)


@pytest.fixture(scope="module")
def detour() -> Diagram:
    """A picture in which the edges of a shortcut are bundled too."""
    return draw(a_session((30, 40, 50), 10, clusters=8, shortcut=True), look=Look(bundles="on", share=0.6))


def test_a_shortcut_is_bundled_outside_the_cards_it_passes(detour):
    around = [bundle for bundle in detour.bundles if bundle.level]
    assert {bundle.key[1:3] for bundle in around} == {("layer1.conv2", "linear")}
    boxes = [bundle.card.box for bundle in detour.bundles]
    assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))
    for bundle in around:
        assert not any(bundle.card.box.overlaps(card.box) for card in detour.cards)
        for curve in bundle.curves:
            line = flatten(curve.points)
            for card in detour.cards:
                if card.key not in (curve.source, curve.sink):
                    assert not any(card.box.grown(-1).holds(x, y) for x, y in line)


def test_everything_around_the_cards_lies_inside_the_picture(detour):
    lines = np.concatenate([flatten(stroke.points) for stroke in detour.strokes])
    assert lines.min() >= 0
    assert (lines.max(0) <= (detour.width, detour.height)).all()
    headers = max(column.header.box.bottom for column in detour.columns)
    assert lines[:, 1].min() > headers
    assert all(bundle.card.box.y > headers for bundle in detour.bundles)


def test_a_moved_detour_stays_level_beside_its_box_and_clear_of_the_cards(detour):
    bundle = next(bundle for bundle in detour.bundles if bundle.level)
    new = moved(detour, bundle.key, bundle.card.box.x + 40, bundle.card.box.y - 1e4).bundle(bundle.key)
    assert not any(new.card.box.overlaps(card.box) for card in detour.cards)
    for old, curve in zip(bundle.curves, new.curves):
        assert len(curve.points) == len(old.points)
        ends = curve.points[-4:] if curve.sink == bundle.key else curve.points[:4]
        assert {y for _, y in ends} == {ends[0][1]}


def test_expanding_a_detour_gives_exactly_its_edges(detour):
    off = draw(detour.session, look=Look(bundles="off", share=0.6))
    assert drawn_edges(detour) == {(x.source, x.sink) for x in off.links}


@given(
    st.lists(st.tuples(st.floats(-50, 400), st.integers(2, 9)), min_size=1, max_size=12),
)
@settings(max_examples=100, deadline=None)
def test_boxes_keep_apart_within_their_room(wanted):
    tops, heights = [t for t, _ in sorted(wanted)], [4.0 * h for _, h in sorted(wanted)]
    found = _apart(tops, heights, (0.0, 600.0))
    assert all(a + h + 8 <= b + 1e-6 for a, h, b in zip(found, heights, found[1:]))
    assert found[0] >= 0
    assert found[-1] + heights[-1] <= 600 + 1e-6
    free = all(a + h + 8 <= b for a, h, b in zip(tops, heights, tops[1:])) and tops[0] >= 0
    if free and tops[-1] + heights[-1] <= 600:
        assert found == pytest.approx(tops)


def test_a_bundle_holds_edges_of_one_sign(bundled):
    for bundle in bundled.bundles:
        signs = {bundled.find(key).positive >= bundled.find(key).negative for key in bundle.links}
        assert len(signs) == 1
        assert (bundle.positive >= bundle.negative) in signs
        assert sum(bundle.shares) == pytest.approx(1.0)


def test_the_curves_carry_what_the_edges_do(bundled):
    for bundle in bundled.bundles:
        links = bundled.links_of(bundle.key)
        assert bundle.positive == pytest.approx(sum(x.positive for x in links))
        inward = [c for c in bundle.curves if c.sink == bundle.key]
        assert sum(c.negative for c in inward) == pytest.approx(bundle.negative)
        assert sum(c.positive for c in bundle.curves) == pytest.approx(2 * bundle.positive)


def test_an_edge_is_known_by_the_strongest_of_its_bundle():
    lane = Lane(0, 1, np.arange(12.0).reshape(3, 4) + 1, np.zeros((3, 4)))
    assert set(owners(lane, np.ones((3, 4), bool)).values()) == {(2, 3)}
    assert len(owners(lane, np.ones((3, 4), bool))) == 12


def test_a_bundle_keeps_its_key_while_weaker_edges_come_and_go(session):
    few, more = (draw(session, look=replace(ON, share=share)) for share in (0.5, 0.52))
    assert {b.key for b in few.bundles} & {b.key for b in more.bundles}
    again = draw(session, look=ON, previous=few)
    assert [b.key for b in again.bundles] == [b.key for b in few.bundles]
    assert all(a.card.face is b.card.face for a, b in zip(few.bundles, again.bundles))


def test_bundles_are_made_from_sixteen_cards_in_a_column():
    assert not bundling(Look(), 15, 15)
    assert bundling(Look(), 4, 16)
    assert bundling(Look(bundles="on"), 2, 2)
    assert not bundling(Look(bundles="off"), 99, 99)


def test_small_columns_have_no_bundles_by_default(session):
    assert draw(session, look=Look(share=0.5)).bundles == ()


def test_lanes_with_bundles_are_wider(session):
    plain, bundled = (draw(session, look=replace(ON, bundles=x)) for x in ("off", "on"))
    assert bundled.width > plain.width


def test_a_card_reaches_through_bundles_what_it_is_joined_to(session, bundled):
    plain = draw(session, look=replace(ON, bundles="off"))
    for card in plain.cards:
        assert bundled.neighbours(card.key) == plain.neighbours(card.key)
        assert {x.key for x in bundled.links_of(card.key)} == {x.key for x in plain.links_of(card.key)}
        assert {x.key for x in bundled.paths(card.key)} == {x.key for x in plain.paths(card.key)}


def test_an_edge_in_a_bundle_runs_from_its_card_through_the_box(bundled):
    for bundle in bundled.bundles:
        for link in bundled.links_of(bundle.key):
            assert link.via == bundle.key
            ends = bundled.card(link.source).box.right, bundled.card(link.sink).box.x
            assert (link.points[0][0], link.points[-1][0]) == ends
            assert len(link.points) % 3 == 1
            assert any(x == bundle.card.box.x for x, _ in link.points)


def test_the_path_of_a_bundle_holds_its_edges_and_what_leads_to_them(bundled):
    bundle = bundled.bundles[0]
    found = {x.key for x in bundled.paths(bundle.key)}
    assert set(bundle.links) <= found
    later = [x for key in bundle.sinks for x in bundled.links_of(key) if x.source == key]
    assert {x.key for x in later} <= found
    beside = [x for key in bundle.sinks for x in bundled.links_of(key) if x.sink == key]
    assert not {x.key for x in beside if x.key not in bundle.links} & found


def test_a_point_on_a_box_or_its_curve_is_the_bundle(bundled):
    bundle = bundled.bundles[0]
    box = bundle.card.box
    assert bundled.at(box.x + box.w / 2, box.middle) == bundle.key
    alone = replace(bundled, links=(), bundles=(bundle,))
    x, y = bundle.curves[0].points[-1]
    assert alone.at(x - 6, y, tolerance=3) == bundle.key
    assert bundled.neighbours(bundle.key) == {*bundle.sources, *bundle.sinks}


def test_a_box_is_drawn_where_it_was_dragged(session, bundled):
    bundle = bundled.bundles[0]
    there = draw(session, look=replace(ON, moved=((bundle.key[1:], 9.0, 30.0),))).bundle(bundle.key)
    assert (there.card.box.x, there.card.box.y) == (bundle.home.x + 9, bundle.home.y + 30)
    assert there.home == bundle.home


def test_a_box_never_leaves_its_lane(session, bundled):
    bundle = bundled.bundles[0]
    there = draw(session, look=replace(ON, moved=((bundle.key[1:], -1e6, 1e6),))).bundle(bundle.key).card.box
    assert there.x == bundle.room.x
    assert there.bottom == bundle.room.bottom < bundled.height
    assert all(not there.overlaps(card.box) for card in bundled.cards)


def test_moving_a_box_moves_its_curves_only(bundled):
    bundle = bundled.bundles[0]
    box = bundle.card.box
    new = moved(bundled, bundle.key, box.x + 5, box.y - 40)
    there = new.bundle(bundle.key)
    assert there.card.box == replace(box, x=box.x + 5, y=box.y - 40)
    assert {x.key: x.points for x in new.links if x.via != bundle.key} == {
        x.key: x.points for x in bundled.links if x.via != bundle.key
    }
    for old, curve in zip(bundle.curves, there.curves):
        inward = curve.sink == bundle.key
        card, other = (0, -1) if inward else (-1, 0)
        assert curve.points[card] == old.points[card]
        assert curve.points[other][1] == pytest.approx(old.points[other][1] - 40)
    for link in new.links_of(bundle.key):
        assert any(x == there.card.box.x for x, _ in link.points)


def test_a_bundle_that_is_gone_cannot_be_moved(bundled):
    assert moved(bundled, ("bundle", "x", "y", 1), 0, 0) is bundled


def test_the_caption_says_what_boxes_are_where_there_are_any(session, bundled):
    assert "Boxes between columns" in bundled.caption
    assert "Boxes" not in draw(session, look=replace(ON, bundles="off")).caption


def test_a_picture_with_bundles_says_so_in_its_svg(bundled):
    text = bundled._repr_svg_()
    assert text.count("Double click shows them one by one") == len(bundled.bundles)
    assert text.count('fill="none" stroke="#') >= len(bundled.strokes)
