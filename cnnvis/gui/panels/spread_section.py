"""The section on how the responses of a neuron are spread over the images of each class."""

from __future__ import annotations

from weakref import WeakKeyDictionary

import numpy as np

from cnnvis.gui.panels.face_view import FaceView
from cnnvis.gui.panels.page import WIDE, Page, Scene
from cnnvis.gui.studies.study import not_kept
from cnnvis.layout.faces import COLOURED_CLASSES
from cnnvis.layout.ridges import hidden_classes, ridge_strip
from cnnvis.model.activations import Activations
from cnnvis.model.distributions import Distributions, distributions
from cnnvis.model.network import Network

_KNOWN: WeakKeyDictionary[Activations, dict[tuple[str, int], Distributions]] = WeakKeyDictionary()
ENOUGH = 5
"""Of fewer images nothing is said by how they are spread."""
FEW = f"Most classes have fewer than {ENOUGH} images: too few to show how the responses to them are spread."
_TIP = (
    "A row for each class: the higher, the more of its images are answered so (height: square root of their share).\n"
    "Thick lines hold the middle half of the images, ticks are medians; silent: the share answered with 0 or less."
)


def spread(activations: Activations, network: Network, layer: str, unit: int) -> Distributions | None:
    """The spread of one neuron's responses, found once; None where single responses were dropped."""
    if activations[layer].pooled is None:
        return None
    known = _KNOWN.setdefault(activations, {})
    if (layer, unit) not in known:
        if len(known) > 32:
            known.clear()
        known[layer, unit] = distributions(activations, network, layer, (unit,))
    return known[layer, unit]


def spread_of(page: Page, scene: Scene, layer: str, unit: int) -> None:
    """The responses of a neuron, image by image, as a ridge for each class; a sentence where they were not kept."""
    activations = scene.activations
    if activations is None or layer not in activations.layers:
        return
    page.section("Spread by class", _TIP)
    found = spread(activations, scene.session.analysis.network, layer, unit)
    if found is None:
        page.text(not_kept((layer,)).text, "small")
        return
    counts = found.counts[found.counts > 0]
    if not len(counts) or float(np.median(counts)) < ENOUGH:
        page.text(scene.session.noun.say(FEW), "small")
        return
    coloured = len(found.groups) <= COLOURED_CLASSES
    name = f"Responses of {layer}:{unit} by class"
    page.add(FaceView(lambda width: ridge_strip(found, unit, coloured, width), scene.theme, WIDE, name))
    rest = hidden_classes(found)
    if rest:
        page.text(rest, "small")
