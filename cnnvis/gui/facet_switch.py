"""Which facet the cards show: one of four, in a row."""

from __future__ import annotations

from cnnvis.gui.segments import Segments
from cnnvis.model.session import FACETS, Facet

WORDS: dict[Facet, tuple[str, str]] = {
    "features": ("Features", "What drives each neuron most"),
    "activations": ("Activations", "How each neuron answers to each class"),
    "contribution": ("Contribution", "What each neuron adds to the score of each class"),
    "health": ("Health", "Dead, saturated and barely trained neurons"),
}


class FacetSwitch(Segments):
    """The facets to choose from, dressed for the top bar."""

    def __init__(self) -> None:
        super().__init__([(facet, *WORDS[facet]) for facet in FACETS])
        self.setObjectName("segments")
