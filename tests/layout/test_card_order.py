"""The order of the cards of a column: it stays while things are edited, in the look of what was drawn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from layout_sessions import a_session
from sessions import made_up_session

from cnnvis.layout.compose import draw
from cnnvis.layout.diagram import Diagram
from cnnvis.model.groups import Group
from cnnvis.model.partition import Partition
from cnnvis.model.session import Look, Session

Order = dict[str, tuple[int, ...]]


def order(diagram: Diagram) -> Order:
    """The clusters of each column of the picture, from top to bottom."""
    return {column.layer: tuple(key[-1] for key in column.cards) for column in diagram.columns if column.layer}


def split(session: Session, layer: str, unit: int) -> Session:
    clusters = session.analysis.clusters[layer]
    found = clusters.split(clusters.cluster_of(unit).id, [unit])
    return session.with_analysis(session.analysis.with_clusters(layer, found))


def worked_on() -> Diagram:
    """The picture after some edits, each drawn from the last: its cards stand as no fresh drawing would put them."""
    session = made_up_session((8, 16, 16))
    diagram = draw(session)
    for layer, unit in (("conv1", 1), ("conv2", 3), ("conv3", 4), ("conv2", 5)):
        session = split(session, layer, unit)
        diagram = draw(session, previous=diagram)
    assert order(diagram) != order(draw(session))
    assert diagram.session is not None
    return diagram


def seen(diagram: Diagram) -> Session:
    assert diagram.session is not None
    return diagram.session


@pytest.mark.parametrize(
    "make",
    [
        worked_on,
        lambda: draw(a_session((16, 32, 64), 10, shortcut=True)),
        lambda: draw(a_session((12,) * 12, 10, look=Look(share=0.0))),
    ],
    ids=["edited", "a shortcut", "few edges"],
)
def test_what_was_drawn_is_drawn_again_in_the_same_order(make: Callable[[], Diagram]) -> None:
    diagram = make()
    again = draw(seen(diagram))
    assert order(again) == order(diagram)
    assert [(card.key, card.box) for card in again.cards] == [(card.key, card.box) for card in diagram.cards]


def test_the_previous_picture_goes_before_the_look() -> None:
    diagram = worked_on()
    session = seen(diagram)
    turned = tuple((layer, ids[::-1]) for layer, ids in session.look.cards)
    again = draw(session.with_look(replace(session.look, cards=turned)), previous=diagram)
    assert order(again) == order(diagram)


def test_cards_that_an_edit_leaves_keep_the_order_of_the_look() -> None:
    diagram = worked_on()
    after = draw(split(seen(diagram), "conv3", 7))
    old, new = order(diagram), order(after)
    assert len(new["conv3"]) == len(old["conv3"]) + 1
    assert {layer: tuple(id for id in new[layer] if id in old[layer]) for layer in new} == old


def test_a_layer_that_was_clustered_again_finds_its_order_and_the_others_keep_theirs() -> None:
    diagram = worked_on()
    session = seen(diagram)
    fresh = Partition.from_labels([i % 7 for i in range(16)])
    fresh = Partition(tuple(replace(cluster, id=cluster.id + 100) for cluster in fresh))
    after = draw(session.with_analysis(session.analysis.with_clusters("conv2", fresh)))
    old, new = order(diagram), order(after)
    assert sorted(new["conv2"]) == [cluster.id for cluster in fresh]
    assert (new["conv1"], new["conv3"]) == (old["conv1"], old["conv3"])
    assert order(draw(seen(after))) == new


def test_a_folded_group_unfolds_in_the_order_it_had() -> None:
    session = made_up_session((8, 16, 16))
    groups = session.analysis.groups
    joined = (Group(0, "both", ("conv1", "conv2"), "conv2"), *groups[2:])
    session = session.with_analysis(replace(session.analysis, groups=joined))
    unfolded = draw(session, look=Look(expanded=frozenset({"both"}), cards=(("conv1", (2, 0, 1)),)))
    assert order(unfolded)["conv1"] == (2, 0, 1)
    folded = draw(session, previous=unfolded)
    assert "conv1" not in order(folded)
    assert order(draw(session, look=Look(expanded=frozenset({"both"})), previous=folded))["conv1"] == (2, 0, 1)


def test_an_order_is_found_once_the_edges_are_known() -> None:
    session = made_up_session((8, 16, 16), seed=3)
    waiting = draw(replace(session, connections=None))
    assert seen(waiting).look.cards == ()
    found = draw(session, previous=waiting)
    assert order(found) == order(draw(session))
    assert order(found) != order(waiting)


@pytest.mark.parametrize(
    "cards",
    [
        (("gone", (0, 1, 2)),),
        (("conv1", (-1, 99, 10**30)),),
        (("conv1", ()), ("conv1", ())),
        (("fc", (3, 2, 1, 0)),),
    ],
)
def test_an_order_of_what_is_not_there_is_as_none(cards: tuple[tuple[str, tuple[int, ...]], ...]) -> None:
    session = made_up_session()
    assert order(draw(session, look=Look(cards=cards))) == order(draw(session))


def test_cards_named_twice_or_not_at_all_stand_once() -> None:
    session = made_up_session()
    found = order(draw(session, look=Look(cards=(("conv1", (2, 2, 0, 2)), ("conv1", (2, 0, 9))))))
    assert sorted(found["conv1"]) == [0, 1, 2]
    assert found["conv1"].index(2) < found["conv1"].index(0)
