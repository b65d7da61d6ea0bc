"""The slim bar over the picture: what this is, which images, facet and edges, and where to look for something."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QWidget

from cnnvis.gui.edge_menu import EdgeMenu
from cnnvis.gui.facet_switch import FacetSwitch
from cnnvis.gui.jobs import Jobs
from cnnvis.gui.parts import Elided
from cnnvis.gui.search import Search
from cnnvis.gui.subset_menu import SubsetMenu
from cnnvis.layout.diagram import Key
from cnnvis.model.session import Session

HEIGHT = 44
_NARROW, _WIDE = 120, 232
_SUMMED_UP = 1100
"""In a window narrower than this the summary would leave no room for the name."""


class TopBar(QWidget):
    """Name and summary on the left; images, facet, edges and search on the right."""

    def __init__(
        self, jobs: Jobs, session: Callable[[], Session | None], selection: Callable[[], tuple[Key, ...]]
    ) -> None:
        super().__init__()
        self.setObjectName("topBar")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFixedHeight(HEIGHT)
        self._name, self._summary = Elided("", "name"), Elided("", "muted", mark=" · ")
        self.subsets, self.facets, self.edges = SubsetMenu(selection), FacetSwitch(), EdgeMenu()
        self.search = Search(jobs, session)
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 0, 16, 0)
        row.setSpacing(12)
        row.addWidget(self._name)
        row.addWidget(self._summary, 1)
        for control in self._controls:
            row.addWidget(control)

    @property
    def _controls(self) -> tuple[QWidget, ...]:
        return self.subsets, self.facets, self.edges, self.search

    def resizeEvent(self, event: QResizeEvent) -> None:
        """In a narrow window the search makes room for the name of what is open."""
        wide = event.size().width()
        self.search.setFixedWidth(min(max(wide // 7, _NARROW), _WIDE))
        self._summary.setVisible(wide >= _SUMMED_UP)
        super().resizeEvent(event)

    def show_words(self, name: str, summary: str) -> None:
        """Say what is open."""
        self._name.setText(name)
        self._summary.setText(summary)

    def set_open(self, is_open: bool) -> None:
        """Controls of a picture are there only while there is one."""
        for control in self._controls:
            control.setVisible(is_open)
