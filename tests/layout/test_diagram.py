from __future__ import annotations

from dataclasses import replace

import pytest
from layout_sessions import a_session

from cnnvis.errors import UnknownName
from cnnvis.layout.compose import draw
from cnnvis.layout.diagram import Box, Diagram, Face, Link, Patch, difference, flatten


@pytest.fixture(scope="module")
def diagram():
    return draw(a_session((16, 32), 5))


def test_a_point_on_a_card_gives_its_key(diagram):
    for card in diagram.cards:
        assert diagram.at(card.box.x + 5, card.box.y + 5) == card.key


def test_a_point_on_a_header_gives_the_column(diagram):
    header = diagram.columns[0].header
    assert diagram.at(header.box.x + 1, header.box.y + 1) == ("column", "layer1.conv2")


def test_a_point_on_a_link_gives_the_link(diagram):
    for link in diagram.links:
        x, y = flatten(link.points)[6]
        assert diagram.at(x, y)[0] == "link"
    alone = Diagram((), (), diagram.links[:1], 100, 100)
    assert alone.at(*flatten(alone.links[0].points)[6]) == alone.links[0].key


def test_a_point_beside_everything_gives_nothing(diagram):
    assert diagram.at(-50, -50) is None
    assert Diagram((), (), (), 0, 0).at(0, 0) is None


def test_a_point_near_a_link_counts_within_the_tolerance():
    link = Link(("link",), (), (), ((0, 0), (10, 0), (20, 0), (30, 0)), 1, 0, 1, 1)
    diagram = Diagram((), (), (link,), 100, 100)
    assert diagram.at(15, 3.9) == ("link",)
    assert diagram.at(15, 4.1) is None
    assert diagram.at(15, 6, tolerance=8) == ("link",)


def test_a_point_on_a_patch_gives_its_neuron(diagram):
    card = next(c for c in diagram.cards if c.key[0] == "cluster" and any(isinstance(m, Patch) for m in c.marks))
    patch = next(m for m in card.marks if isinstance(m, Patch))
    x, y = card.box.x + patch.box.x + 2, card.box.y + patch.box.y + 2
    assert diagram.unit_at(x, y) == ("unit", card.key[1], patch.unit)
    assert diagram.unit_at(x, y, zoom=0.1) is None
    assert diagram.unit_at(card.box.x + 1, card.box.y + 1) is None


def test_find_knows_cards_headers_and_links(diagram):
    assert diagram.find(("class", 2)).title == "class 2"
    assert diagram.find(("classes",)).title == "classes"
    assert diagram.find(diagram.links[0].key) is diagram.links[0]
    assert diagram.find(("class", 99)) is None
    with pytest.raises(UnknownName, match="99"):
        diagram.card(("class", 99))


def test_links_of_a_card_touch_it(diagram):
    key = diagram.cards[0].key
    found = diagram.links_of(key)
    assert found
    assert all(key in (link.source, link.sink) for link in found)
    assert key not in diagram.neighbours(key)


def test_the_paths_through_a_card_lead_from_it_to_the_classes(diagram):
    first = diagram.columns[0].cards[0]
    paths = diagram.paths(first)
    assert set(diagram.links_of(first)) <= set(paths)
    assert any(link.sink[0] == "class" for link in paths)
    assert all(link.source == first for link in paths if link.source[1] == first[1])


def test_a_difference_names_what_moved_changed_came_and_went(diagram):
    kept, moved, changed, gone, *_ = diagram.cards
    face = Face(changed.face.w, changed.face.h, (), "other")
    new = replace(kept.face, title="new")
    after = replace(
        diagram,
        columns=(),
        cards=(
            kept,
            type(kept)(moved.key, Box(0, 0, 1, 1), moved.face),
            type(kept)(changed.key, changed.box, face),
            type(kept)(("new",), kept.box, new),
        ),
    )
    before = replace(diagram, columns=(), cards=(kept, moved, changed, gone))
    found = difference(before, after)
    assert found.kept == {kept.key}
    assert found.moved == {moved.key}
    assert found.changed == {changed.key}
    assert found.removed == {gone.key}
    assert found.added == {("new",)}


def test_everything_is_added_to_nothing(diagram):
    assert len(difference(None, diagram).added) == len(diagram.cards) + len(diagram.columns)


def test_a_link_says_its_sign_and_whether_it_is_mixed():
    link = Link((), (), (), (), 3.0, 2.0, 1, 1)
    assert (link.ink.role, link.mixed, link.shares) == ("excite", True, (0.6, 0.4))
    assert replace(link, negative=9.0).ink.role == "inhibit"
    assert not replace(link, negative=0.5).mixed
