"""Which of the kept pixmaps of a card is shown."""

from __future__ import annotations

import pytest
from pictures import face
from pytestqt.qtbot import QtBot

from cnnvis.gui.faces import FaceStore
from cnnvis.gui.jobs import Jobs
from cnnvis.layout.diagram import Face
from cnnvis.layout.theme import LIGHT


@pytest.fixture
def store(jobs: Jobs, qtbot: QtBot) -> FaceStore:
    return FaceStore(jobs, LIGHT)


def painted(store: FaceStore, jobs: Jobs, qtbot: QtBot, found: Face, *zooms: float) -> None:
    for zoom in zooms:
        store.request([found], zoom, zoom)
        qtbot.waitUntil(lambda: jobs.idle)


@pytest.mark.parametrize("zoom", [0.15, 0.3, 1.0])
def test_a_card_painted_for_just_this_zoom_is_shown(store: FaceStore, jobs: Jobs, qtbot: QtBot, zoom: float) -> None:
    card = face("cat", 3)
    painted(store, jobs, qtbot, card, 0.3, 0.15, 1.0)
    shown = store.best(card, zoom)
    assert shown is not None
    assert shown.width() == round(card.w * zoom)


def test_else_one_that_need_not_be_enlarged(store: FaceStore, jobs: Jobs, qtbot: QtBot) -> None:
    card = face("cat", 3)
    painted(store, jobs, qtbot, card, 0.5, 1.0)
    small, large = store.best(card, 0.6), store.best(card, 2.0)
    assert small is not None
    assert large is not None
    assert small.width() == large.width() == round(card.w)
