"""The panels around the picture: each in a dock that closes, all of them away while there is no picture."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDockWidget, QMainWindow, QMenu, QWidget

from cnnvis.gui.parts import PanelTitle

LEFT, RIGHT = Qt.DockWidgetArea.LeftDockWidgetArea, Qt.DockWidgetArea.RightDockWidgetArea
BELOW = Qt.DockWidgetArea.BottomDockWidgetArea
ASIDE = ("history", "matrix", "confusion", "health", "explain", "together")
"""Panels that are closed until a command opens them."""
HIGH = {"explain": 368, "together": 440}
"""How high a panel below wants to be, where the window has room for it."""


class Docks:
    """The docks of a window by name; `menu` lists them."""

    def __init__(self, window: QMainWindow, menu: QMenu) -> None:
        self._window, self._menu = window, menu
        self._docks: dict[str, QDockWidget] = {}
        self._stowed: list[QDockWidget] | None = None
        window.setCorner(Qt.Corner.BottomLeftCorner, LEFT)  # panels below are as wide as the picture
        window.setCorner(Qt.Corner.BottomRightCorner, RIGHT)

    def __getitem__(self, name: str) -> QDockWidget:
        return self._docks[name]

    def add(self, name: str, title: str, panel: QWidget, area: Qt.DockWidgetArea) -> None:
        """Put a panel into a dock of its own."""
        dock = QDockWidget(title, self._window)
        dock.setObjectName(name)
        dock.setFeatures(QDockWidget.DockWidgetFeature.DockWidgetClosable)
        dock.setTitleBarWidget(PanelTitle(title, dock.close))
        dock.setWidget(panel)
        dock.setMinimumWidth(184 if area == LEFT else 280)
        self._window.addDockWidget(area, dock)
        self._docks[name] = dock
        self._menu.addAction(dock.toggleViewAction())

    def open(self, name: str) -> None:
        """Show a panel: one below beside those that are open there, behind a tab where they leave no room."""
        mine, below = self._docks[name], [self._docks[other] for other in self._open_in(BELOW) if other != name]
        if below and self._window.dockWidgetArea(mine) == BELOW:
            wide = sum(max(dock.minimumWidth(), dock.widget().minimumWidth()) for dock in (*below, mine))
            sides = [[self._docks[one].width() for one in self._open_in(area)] for area in (LEFT, RIGHT)]
            if wide > self._window.width() - sum(max(side, default=0) for side in sides):
                self._window.tabifyDockWidget(below[-1], mine)
            elif mine in self._window.tabifiedDockWidgets(below[-1]):
                self._window.splitDockWidget(below[-1], mine, Qt.Orientation.Horizontal)
        mine.show()
        mine.raise_()
        if name in HIGH and mine.height() < HIGH[name]:
            self.resize({name: min(HIGH[name], self._window.height() // 2)}, Qt.Orientation.Vertical)

    def _open_in(self, area: Qt.DockWidgetArea) -> list[str]:
        return [n for n, d in self._docks.items() if not d.isHidden() and self._window.dockWidgetArea(d) == area]

    def resize(self, sizes: dict[str, int], direction: Qt.Orientation) -> None:
        """Give some docks a size in pixels."""
        self._window.resizeDocks([self._docks[name] for name in sizes], list(sizes.values()), direction)

    def show(self, shown: bool) -> None:
        """Panels belong to a picture: the start page stands alone, and what was open comes back with the picture."""
        if shown == (self._stowed is None):
            return
        if shown:
            for dock in self._stowed or ():
                dock.show()
            self._stowed = None
        else:
            self._stowed = [dock for dock in self._docks.values() if not dock.isHidden()]
            for dock in self._stowed:
                dock.hide()
        for dock in self._docks.values():
            dock.toggleViewAction().setEnabled(shown)
