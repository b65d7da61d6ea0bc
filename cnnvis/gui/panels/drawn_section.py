"""The section on the images that were drawn for a neuron."""

from __future__ import annotations

from functools import partial

from cnnvis.gui.panels.face_view import FaceView
from cnnvis.gui.panels.page import WIDE, Page, Scene, command
from cnnvis.layout.drawn_strip import drawn_strip
from cnnvis.model.synthesis import WAYS
from cnnvis.workflow.icons import STEPS, undrawable

_TIP = (
    "Pictures made from noise to drive the neuron: the mean of its map, and how many times that of any real image.\n"
    "Least: before its rectifier, against the lowest of some real images."
)


def drawn_of(page: Page, scene: Scene, layer: str, unit: int) -> None:
    """What drives a neuron most and least, and several ways to drive it; a button where some are not drawn."""
    session = scene.session
    if undrawable(session):
        return
    steps = [icons.drawn(unit) if (icons := session.synthesis.of(layer, way)) is not None else 0 for way in WAYS]
    page.section("Drawn", _TIP)
    if any(steps):
        made = f"Images drawn for {layer}:{unit}"
        strip = partial(drawn_strip, session, layer, unit)
        view = FaceView(strip, scene.theme, WIDE, made, session.picture)
        view.setToolTip(_TIP)
        page.add(view)
    if min(steps) < STEPS:
        tip = "Draw what drives this neuron most and least, and four pictures that are unlike each other"
        words = "Draw what is missing" if any(steps) else "Draw what drives it"
        page.buttons(command(scene, words, "draw_unit", tip, layer, unit))
    if any(steps):
        seed = next(icons.seed for way in WAYS if (icons := session.synthesis.of(layer, way)) is not None)
        known = sorted({n for n in steps if n})
        long = f"{known[-1]} steps" if len(known) == 1 else f"{known[0]} to {known[-1]} steps"
        page.text(f"Feature visualization, {long}, seed {seed}", "small")
