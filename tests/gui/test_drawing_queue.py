"""Which neurons are drawn next."""

from __future__ import annotations

import numpy as np
from layout_sessions import a_session

from cnnvis.gui.steering import unit_boxes
from cnnvis.gui.studies.drawing_queue import FEW, MANY, Shelf, Wish, next_wish, outlook, work_of
from cnnvis.layout.marks import Box, Card, Face, Patch
from cnnvis.model.synthesis import Icons, Synthesis, Way
from cnnvis.workflow.icons import STEPS, drawing_cost

NETWORK = a_session((16, 64), 3).analysis.network
ONE, TWO = "layer1.conv2", "layer2.conv2"


def icons(layer: str, units: tuple[int, ...], steps: int, way: Way = "max") -> Icons:
    n = len(units)
    values = np.zeros((n, 4, 4, 3), np.uint8)
    return Icons(layer, units, values, np.zeros(n, np.float32), np.zeros(n, np.float32), steps, way)


def shelves(first: int = 2, second: int = 2) -> list[Shelf]:
    return [Shelf(TWO, tuple(range(12)), second), Shelf(ONE, tuple(range(3)), first)]


def test_all_that_is_seen_is_sketched_before_any_is_finished() -> None:
    known = Synthesis()
    asked: list[Wish] = []
    while (wish := next_wish(NETWORK, shelves(1, 1), known, ("max",))) is not None:
        asked.append(wish)
        found = icons(wish.layer, wish.units, 16 if wish.coarse else STEPS)
        old = known.of(wish.layer)
        known = known.with_icons(found if old is None else old.joined(found))
    assert [(w.layer, len(w.units), w.coarse) for w in asked] == [
        (ONE, 3, True),
        (TWO, 12, True),
        (ONE, 3, False),
        (TWO, FEW, False),
        (TWO, 12 - FEW, False),
    ]


def test_what_is_selected_comes_first_and_what_is_out_of_sight_last() -> None:
    seen = Synthesis().with_icons(icons(TWO, tuple(range(12)), 32))
    assert next_wish(NETWORK, shelves(1, 0), Synthesis(), ("max",)) == Wish(TWO, "max", tuple(range(12)), True)
    assert next_wish(NETWORK, shelves(2, 1), seen, ("max",)) == Wish(TWO, "max", tuple(range(FEW)))


def test_cards_of_one_layer_are_drawn_together_as_far_as_there_is_room() -> None:
    cards = [Shelf(TWO, tuple(range(20 * k, 20 * k + 20)), 1) for k in range(3)]
    found = next_wish(NETWORK, cards, Synthesis(), ("max",))
    assert found == Wish(TWO, "max", tuple(range(MANY)), True)
    several = next_wish(NETWORK, cards, Synthesis(), ("diverse",))
    assert several == Wish(TWO, "diverse", tuple(range(MANY // 4)), True)


def test_a_half_drawn_neuron_is_drawn_to_the_end() -> None:
    known = Synthesis().with_icons(icons(ONE, (0, 1, 2), STEPS)).with_icons(icons(TWO, tuple(range(12)), STEPS))
    assert next_wish(NETWORK, shelves(), known, ("max",)) is None
    assert next_wish(NETWORK, shelves(1), known, ("max", "min")) == Wish(ONE, "min", (0, 1, 2), True)
    stopped = known.with_icons(icons(ONE, (0, 1, 2), STEPS // 2))
    assert next_wish(NETWORK, shelves(), stopped, ("max",)) == Wish(ONE, "max", (0, 1, 2), near=False)


def test_the_outlook_counts_neurons_and_the_work_that_is_left() -> None:
    known = Synthesis().with_icons(icons(ONE, (0, 1, 2), STEPS))
    ahead = outlook(NETWORK, shelves(), known, ("max",), False)
    assert (ahead.done, ahead.total) == (3, 15)
    assert ahead.left == 12 * drawing_cost(NETWORK, TWO)
    assert outlook(NETWORK, shelves(), known, ("max", "min"), False).done == 0
    assert outlook(NETWORK, shelves(), known, ("max",), True).left < ahead.left
    assert work_of(NETWORK, Wish(TWO, "diverse", (0, 1))) == 8 * drawing_cost(NETWORK, TWO)


def test_later_layers_cost_more() -> None:
    assert drawing_cost(NETWORK, TWO) > drawing_cost(NETWORK, ONE)


def test_a_neuron_with_two_pictures_has_one_frame() -> None:
    boxes = ((Box(0, 0, 5, 10), 3), (Box(5, 0, 5, 10), 3), (Box(12, 0, 4, 4), 8))
    marks = tuple(Patch(box, -2, None, unit) for box, unit in boxes)
    card = Card(("cluster", ONE, 0), Box(100, 50, 40, 20), Face(40, 20, marks, "", framed=True))
    assert list(unit_boxes(card, 1.0)) == [(3, Box(100, 50, 10, 10)), (8, Box(112, 50, 4, 4))]
