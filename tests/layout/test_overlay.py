"""What an image changes on the cards, and the way it takes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sessions import made_up_session

from cnnvis.layout.compose import draw
from cnnvis.layout.marks import Box, Label, Patch, Rect
from cnnvis.layout.overlay import LEAST, LEAST_OF_STILL, STILL, gauge, level_of
from cnnvis.model.connections import Connections
from cnnvis.model.instances import LIVELY, overlay_of
from cnnvis.model.measurements import Edging
from cnnvis.model.session import Session
from cnnvis.workflow.instances import lay_over
from cnnvis.workflow.subsets import subset


def laid(against: str | None = None) -> Session:
    return lay_over(made_up_session(), 7, against)


def patches(session: Session) -> list[Patch]:
    return [m for card in draw(session).cards for m in card.marks if isinstance(m, Patch)]


def test_patches_of_neurons_that_do_not_stand_out_fade() -> None:
    session = laid()
    overlay = overlay_of(session)
    assert overlay is not None
    diagram = draw(session)
    for card in diagram.cards:
        if card.key[0] == "cluster":
            levels = overlay.levels(str(card.key[1]))
            least = LEAST_OF_STILL if card.key in diagram.dimmed else LEAST
            for mark in card.marks:
                if isinstance(mark, Patch):
                    share = min(max(levels[mark.unit] / LIVELY, 0), 1)
                    assert mark.strength == pytest.approx(least + (1 - least) * share)
    assert all(patch.strength == 1.0 for patch in patches(made_up_session()))


def test_cards_that_do_not_stand_out_step_back() -> None:
    session = laid()
    overlay = overlay_of(session)
    assert overlay is not None
    expected = {
        ("cluster", layer, c.id)
        for layer in ("conv1", "conv2")
        for c in session.analysis.clusters[layer]
        if level_of(overlay.levels(layer), c) < STILL
    }
    assert draw(session).dimmed == expected != set()
    assert draw(made_up_session()).dimmed == frozenset()


def test_a_card_tells_its_level_in_words() -> None:
    card = next(c for c in draw(laid("mean of class 1")).cards if c.key[0] == "cluster")
    assert "7.png: " in card.tooltip
    assert "mean of class 1" in card.tooltip


def test_a_comparison_frames_patches_by_sign() -> None:
    session = laid("mean of class 1")
    overlay = overlay_of(session)
    assert overlay is not None
    found = {"excite": set(), "inhibit": set()}  # type: ignore[var-annotated]
    for card in draw(session).cards:
        units = [m for m in card.marks if isinstance(m, Patch)]
        for mark in card.marks:
            if isinstance(mark, Rect) and mark.stroke is not None and mark.stroke.role in found:
                patch = min(units, key=lambda p: abs(p.box.x - mark.box.x) + abs(p.box.y - mark.box.y))
                found[mark.stroke.role].add(overlay.levels(str(card.key[1]))[patch.unit] > 0)
    assert found == {"excite": {True}, "inhibit": {False}}


def test_classes_show_the_confidence_of_the_image() -> None:
    cards = {card.key: card for card in draw(laid()).cards}
    texts = {m.text for m in cards["class", 0].marks if isinstance(m, Label)}
    assert "60 %" in texts
    cards = {card.key: card for card in draw(laid("8.png")).cards}
    assert "±0 %" in {m.text for m in cards["class", 0].marks if isinstance(m, Label)}


def test_a_gauge_is_full_at_its_end_and_signed_from_the_middle() -> None:
    box = Box(0, 0, 100, 4)
    assert gauge(LIVELY, box, False, (0, 1))[-1].box.w == 100
    assert gauge(LIVELY / 2, box, False, (0, 1))[-1].box.w == 50
    assert len(gauge(-1.0, box, False, (0, 1))) == 1
    left, right = gauge(-LIVELY, box, True, (0, 1))[1].box, gauge(LIVELY / 2, box, True, (0, 1))[1].box
    assert (left.x, left.w) == (0, 50)
    assert (right.x, right.w) == (50, 25)


def test_the_strongest_path_is_lit_once_the_edges_of_the_image_are_known() -> None:
    session = laid()
    assert draw(session).path == ()
    assert session.connections is not None
    strong = {pair: np.full(m.shape, 0.01, np.float16) for pair, m in session.connections.matrices.items()}
    strong["conv1", "conv2"][[1, 4]] = 0.5  # cluster 1 holds units 1 and 4
    strong["conv2", "fc"][2::3, 0] = 0.5  # cluster 2; the image is taken for class 0
    own = Connections("weights × activation", strong, dict.fromkeys(strong, 1.0))
    session = session.with_measurements(session.measurements.with_connections(Edging(instance="7.png"), own))
    path = draw(session).path
    assert [(link.source, link.sink) for link in path] == [
        (("cluster", "conv2", 2), ("class", 0)),
        (("cluster", "conv1", 1), ("cluster", "conv2", 2)),
    ]


def test_an_image_outside_the_subset_can_be_laid_over_it() -> None:
    session = subset(laid(), "others", classes=[0])
    assert overlay_of(session) is not None
    assert any(patch.strength < 1 for patch in patches(session))


def test_nothing_is_laid_over_when_the_image_is_gone() -> None:
    session = made_up_session()
    gone = session.with_look(replace(session.look, instance="gone.png"))
    assert [c.face.marks for c in draw(gone).cards] == [c.face.marks for c in draw(session).cards]


def test_of_many_classes_those_that_the_image_is_taken_for_have_a_card() -> None:
    session = made_up_session(classes=60, n=60)
    assert session.activations is not None
    ranked = np.array(session.activations.samples.ranked)
    ranked[7] = [57, 41, 59, 3, 4]
    samples = replace(session.activations.samples, ranked=ranked)
    session = replace(session, activations=replace(session.activations, samples=samples))
    shown = {card.key[1] for card in draw(lay_over(session, 7)).cards if card.key[0] == "class"}
    assert {57, 41, 59} <= shown
    assert not {57, 41, 59} <= {card.key[1] for card in draw(session).cards if card.key[0] == "class"}
