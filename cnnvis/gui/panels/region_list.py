"""Which neurons see a region that was marked in an image, layer by layer."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QScrollArea, QToolButton, QVBoxLayout, QWidget

from cnnvis.gui.panels.page import Page
from cnnvis.gui.parts import Elided, section
from cnnvis.gui.studies.explain import Region
from cnnvis.model.session import Session

WIDE = 152
NOBODY = "No neuron answers more here than elsewhere in the image."


class RegionList(QWidget):
    """Hidden while no region is marked."""

    chosen = Signal(object)
    closed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setFixedWidth(WIDE)
        title = section("Seen by")
        title.setToolTip("Neurons whose strongest place lies in the region, and how far they answer more there than "
                         "anywhere outside it, in standard deviations over all images.")  # fmt: skip
        cross = QToolButton()
        cross.setText("×")
        cross.setToolTip("Take the region away")
        cross.setAccessibleName("Take the region away")
        cross.clicked.connect(self.closed)
        head = QHBoxLayout()
        head.addWidget(title, 1)
        head.addWidget(cross)
        self._list = QScrollArea()
        self._list.setWidgetResizable(True)
        self._list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(head)
        column.addWidget(self._list, 1)
        self.hide()

    def show_region(self, region: Region | None, session: Session | None) -> None:
        """Name the neurons that see a region; None hides the list."""
        self.setVisible(region is not None and session is not None)
        if region is None or session is None:
            return
        page = Page()
        page.box.setContentsMargins(0, 0, 0, 0)
        if not region.units:
            page.text(NOBODY, "small")
        network = session.analysis.network
        for layer, units in region.units.items():
            page.box.addWidget(Elided(layer, "small"))
            rows = []
            for unit, lead in units:
                tip = f"{network[layer].unit(unit)} answers {lead:.2f} σ more in the region than anywhere outside it"
                rows.append((f":{unit}", f"+{lead:.1f} σ", tip, partial(self.chosen.emit, ("unit", layer, unit))))
            page.links(rows)
        page.box.setSpacing(2)
        self._list.setWidget(page.end())
