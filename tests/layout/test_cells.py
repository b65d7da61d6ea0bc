"""A grid of colours as one mark."""

import numpy as np
import pytest

from cnnvis.layout.diagram import Box, Card, Cells, Diagram, Face
from cnnvis.layout.marks import levels_of
from cnnvis.layout.svg import svg
from cnnvis.layout.theme import DARK, LIGHT

VALUES = np.array([[0.0, 0.5, 1.0], [-1.0, np.nan, 2.0]])


def grid(**fields):
    return Cells(Box(10, 20, 60, 40), levels_of(VALUES), (2, 3), **fields)


def test_levels_are_shares_of_the_strongest_value():
    assert grid().grid.tolist() == [[0, 64, 127], [-127, -128, 127]]


def test_equal_cells_are_equal():
    assert grid() == grid()
    assert grid() != grid(gap=1.0)


def test_a_row_stands_for_its_neuron():
    cells = grid(units=(7, 9))
    assert cells.unit_at(11, 21) == 7
    assert cells.unit_at(69, 59) == 9
    assert cells.unit_at(9, 21) == -1


def test_a_cell_stands_for_its_neuron_where_each_has_one():
    cells = grid(units=(0, 1, 2, 3, 4, -1))
    assert [cells.unit_at(*(getattr(cells.place(1, c), a) + 5 for a in "xy")) for c in range(3)] == [3, 4, -1]


def test_a_picture_knows_the_neuron_of_a_cell():
    face = Face(80, 80, (grid(units=(7, 9)),), "")
    diagram = Diagram((), (Card(("cluster", "conv", 1), Box(100, 0, 80, 80), face),), (), 200, 100)
    assert diagram.unit_at(120, 50) == ("unit", "conv", 9)
    assert diagram.unit_at(105, 50) is None


def test_cells_with_gaps_fill_their_box():
    cells = grid(gap=2.0)
    assert cells.place(0, 0).x == cells.box.x
    assert cells.place(1, 2).right == pytest.approx(cells.box.right)
    assert cells.place(1, 2).bottom == pytest.approx(cells.box.bottom)
    assert cells.place(0, 1).x - cells.place(0, 0).right == pytest.approx(2.0)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda t: t.name)
def test_strong_values_have_the_full_colour_of_their_sign(theme):
    colours = theme.cells(grid().grid, "effect")
    assert tuple(colours[0, 2]) == theme.roles["excite"]
    assert tuple(colours[1, 0]) == theme.roles["inhibit"]
    assert tuple(colours[1, 1]) == theme.roles["faint"]


@pytest.mark.parametrize("gap", [0.0, 1.0])
def test_a_notebook_shows_cells(gap):
    face = Face(80, 80, (grid(gap=gap),), "", framed=False)
    text = svg(Diagram((), (Card(("cluster", "conv", 1), Box(0, 0, 80, 80), face),), (), 80, 80))
    assert ("<image" in text) == (gap == 0)
    assert text.count("<rect") == (7 if gap else 1)
