"""Small parts of the window keep what matters readable."""

from __future__ import annotations

from PySide6.QtGui import QFontMetrics
from pytestqt.qtbot import QtBot

from cnnvis.gui.instance_bar import LISTED, shelved
from cnnvis.gui.parts import Elided
from cnnvis.gui.regrouping import rounded
from cnnvis.model.instances import MEAN_OF

FACTS = "500 images · 2 skipped · accuracy 62.0 %"


def test_a_line_of_facts_leaves_out_whole_ones_before_letters(qtbot: QtBot) -> None:
    line = Elided(FACTS, mark=" · ")
    qtbot.addWidget(line)
    advance = QFontMetrics(line.font()).horizontalAdvance
    assert line.fitting(advance(FACTS)) == FACTS
    assert line.fitting(advance(FACTS) - 4) == "500 images · 2 skipped"
    assert line.fitting(advance("500 images") + 2) == "500 images"


def test_many_class_means_are_offered_by_their_first_letters() -> None:
    few = [f"{MEAN_OF}{name}" for name in ("zebra", "ant")]
    assert shelved(few) == {"": few}
    many = [f"{MEAN_OF}{letter}{k}" for letter in "bA" for k in range(LISTED)]
    found = shelved(many)
    assert list(found) == ["A", "B"]
    assert sorted(name for names in found.values() for name in names) == sorted(many)


def test_a_silhouette_of_all_but_nothing_has_no_sign() -> None:
    assert rounded(-0.001) == rounded(0.001) == "0.00"
    assert rounded(-0.126) == "−0.13"
