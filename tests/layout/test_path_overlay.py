"""A path laid over the picture."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sessions import made_up_session

from cnnvis.layout.compose import draw
from cnnvis.layout.marks import Patch
from cnnvis.layout.overlay import LEAST, LEAST_OF_STILL
from cnnvis.model.attribution import Attribution, Gates
from cnnvis.model.session import Session
from cnnvis.model.target import Target


def laid() -> tuple[Session, Gates]:
    session = made_up_session()
    gates = Gates(
        {
            "conv1": np.array([1.0, 0.0, 0.0, 0.4, 0.0, 0.2], np.float32),  # clusters {0, 3}, {1, 4}, {2, 5}
            "conv2": np.array([0, 2.0, 0.3, 0, 0, 0, 0, 0, 0.4, 0, 0, 1.5], np.float32),  # 1 and 11 are open
        }
    )
    found = Attribution(gates, 7, Target("fc", (2,)), "Critical path", {}, {})
    return replace(session, attributions=(found,), look=replace(session.look, path=found.key, share=1.0)), gates


def test_cards_whose_gates_are_all_closed_step_back() -> None:
    session, _ = laid()
    assert draw(session).dimmed == {
        ("cluster", "conv1", 1),
        ("cluster", "conv1", 2),
        ("cluster", "conv2", 0),
    }


def test_patches_fade_as_their_gates_close() -> None:
    session, gates = laid()
    diagram = draw(session)
    seen = 0
    for card in diagram.cards:
        if card.key[0] == "cluster":
            values = gates.values[str(card.key[1])]
            least = LEAST_OF_STILL if card.key in diagram.dimmed else LEAST
            for mark in card.marks:
                if isinstance(mark, Patch):
                    assert mark.strength == pytest.approx(least + (1 - least) * values[mark.unit] / values.max())
                    seen += 1
    assert seen


def test_edges_between_open_cards_and_the_class_of_the_target_are_lit() -> None:
    session, _ = laid()
    diagram = draw(session)
    opened = {("cluster", "conv1", 0), ("cluster", "conv2", 1), ("cluster", "conv2", 2), ("class", 2)}
    expected = {link.key for link in diagram.strokes if link.source in opened and link.sink in opened}
    assert {link.key for link in diagram.path} == expected
    assert any(link.sink == ("class", 2) for link in diagram.path)


def test_a_card_and_the_caption_tell_of_the_path() -> None:
    session, _ = laid()
    diagram = draw(session)
    told = {card.key: card.tooltip for card in diagram.cards}
    assert "path: 1 of 2 gates open" in told["cluster", "conv1", 0]
    assert "path: closed" in told["cluster", "conv1", 1]
    assert "critical path of 7.png to class 2" in diagram.caption


def test_a_path_that_is_gone_lays_nothing_over() -> None:
    session, _ = laid()
    gone = replace(session, attributions=())
    plain = draw(session.with_look(replace(session.look, path="")))
    assert [c.face.marks for c in draw(gone).cards] == [c.face.marks for c in plain.cards]
    assert draw(gone).path == ()
