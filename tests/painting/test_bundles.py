"""Bundles on paper: the same boxes and curves as in the window."""

from __future__ import annotations

from dataclasses import replace

import pytest
from layout_sessions import a_session
from PySide6.QtGui import QImage

from cnnvis.layout.compose import draw
from cnnvis.layout.diagram import EXCITE, INHIBIT, Bundle, Diagram
from cnnvis.layout.theme import ASKED, PRINT, Rgb
from cnnvis.model.session import Look
from cnnvis.painting.figure import everything, picture

ON = Look(bundles="on", share=0.5)


@pytest.fixture(scope="module")
def bundled() -> Diagram:
    return draw(a_session((40, 60), 10, clusters=9, look=ON))


def painted(diagram: Diagram, asked: frozenset = frozenset()) -> QImage:
    return picture(diagram, dpi=96, legend=False, caption=False, width_mm=0, asked=asked)


def pixel(image: QImage, diagram: Diagram, x: float, y: float) -> Rgb:
    """The colour at a point of the diagram, in a figure in which its pixels are pixels."""
    part = everything(diagram)
    margin = (image.width() - part.w) / 2
    found = image.pixelColor(round(x - part.x + margin), round(y - part.y + margin))
    return found.red(), found.green(), found.blue()


def middle(bundle: Bundle, share: float) -> tuple[float, float]:
    box = bundle.card.box
    return box.x + box.w / 2, box.y + share * box.h


def test_a_box_shows_the_shares_of_the_two_signs(bundled: Diagram) -> None:
    image = painted(bundled)
    for bundle in bundled.bundles:
        assert pixel(image, bundled, *middle(bundle, 0.25)) == PRINT.rgb(EXCITE)
        assert pixel(image, bundled, *middle(bundle, 0.75)) == PRINT.rgb(INHIBIT)


def test_the_curves_of_a_bundle_stand_out_when_it_is_asked_for(bundled: Diagram) -> None:
    bundle = max(bundled.bundles, key=lambda found: max(c.width for c in found.curves))
    curve = max((c for c in bundle.curves if c.sink == bundle.key), key=lambda c: c.width)
    x, y = curve.points[-1]
    near = x - 3, y
    quiet, loud = painted(bundled), painted(bundled, frozenset([bundle.key]))
    colour = PRINT.quiet(curve.ink, ASKED)
    distance = [sum(abs(a - b) for a, b in zip(pixel(i, bundled, *near), colour)) for i in (quiet, loud)]
    assert distance[1] < 30 < distance[0]


def test_on_paper_an_expanded_bundle_leaves_no_mark(bundled: Diagram) -> None:
    key = bundled.bundles[0].key
    session = bundled.session
    assert session is not None
    expanded = draw(session, look=replace(ON, unbundled=frozenset([key[1:]])))
    without = replace(expanded, bundles=tuple(b for b in expanded.bundles if b.key != key))
    assert painted(expanded) == painted(without)
