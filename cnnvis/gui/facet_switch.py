"""Which facet the cards show: one of four, in a row."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QToolButton, QWidget

from cnnvis.model.session import FACETS, Facet

WORDS: dict[Facet, tuple[str, str]] = {
    "features": ("Features", "What drives each neuron most"),
    "activations": ("Activations", "How each neuron answers to each class"),
    "contribution": ("Contribution", "What each neuron adds to the score of each class"),
    "health": ("Health", "Dead, saturated and barely trained neurons"),
}


class FacetSwitch(QWidget):
    """Four buttons of which one is pressed; `changed` tells the facet that the user chose."""

    changed = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("segments")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        self._group = QButtonGroup(self)
        for place, facet in enumerate(FACETS):
            text, tip = WORDS[facet]
            one = QToolButton()
            one.setText(text)
            one.setToolTip(tip)
            one.setCheckable(True)
            one.setProperty("segment", "first" if place == 0 else "last" if place == len(FACETS) - 1 else "middle")
            self._group.addButton(one, place)
            row.addWidget(one)
        self._group.idClicked.connect(lambda place: self.changed.emit(FACETS[place]))
        self.set_facet("features")

    def set_facet(self, facet: Facet) -> None:
        """Show a facet as chosen without telling anyone."""
        self._group.button(FACETS.index(facet)).setChecked(True)
