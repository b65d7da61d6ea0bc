"""The slim bar over the picture: what this is, how many edges, and where to look for something."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QStringListModel, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QCompleter,
    QHBoxLayout,
    QLineEdit,
    QWidget,
)

from cnnvis.gui.edge_menu import EdgeMenu
from cnnvis.gui.facet_switch import FacetSwitch
from cnnvis.gui.parts import Elided
from cnnvis.gui.search import Hit
from cnnvis.layout.diagram import Key

HEIGHT = 44


class Search(QLineEdit):
    """Type a layer, neuron or class; Enter or a click goes there. `chosen` tells the key."""

    chosen = Signal(object)

    def __init__(self, find: Callable[[str], tuple[Hit, ...]]) -> None:
        super().__init__()
        self._find = find
        self._hits: dict[str, Key] = {}
        self.setObjectName("search")
        self.setPlaceholderText("Search layers, neurons, classes")
        self.setAccessibleName("Search")
        self.setFixedWidth(232)
        self._model = QStringListModel(self)
        completer = QCompleter(self._model, self)
        completer.setCompletionMode(QCompleter.CompletionMode.UnfilteredPopupCompletion)
        completer.setMaxVisibleItems(12)
        completer.activated.connect(self._go)
        self.setCompleter(completer)
        self.textEdited.connect(self._look)
        self.returnPressed.connect(self._first)

    def _look(self, text: str) -> None:
        self._hits = {f"{hit.text}   {hit.kind}": hit.key for hit in self._find(text)}
        self._model.setStringList(list(self._hits))
        if self._hits:
            self.completer().complete()
        else:
            self._hide()

    def _hide(self) -> None:
        popup = self.completer().popup()
        if popup is not None:
            popup.hide()

    def _first(self) -> None:
        if self.text() not in self._hits:
            self._look(self.text())
        if self._hits:
            self._go(next(iter(self._hits)))

    def _go(self, text: str) -> None:
        key = self._hits.get(text)
        if key is not None:
            self._hide()
            self.chosen.emit(key)
            name = text.rpartition("   ")[0] or text
            # After the completer, which writes its own line into the field.
            QTimer.singleShot(0, self, lambda: self.setText(name))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.clear()
            self.clearFocus()
        else:
            super().keyPressEvent(event)


class TopBar(QWidget):
    """Name and summary on the left, edges and search on the right."""

    def __init__(self, find: Callable[[str], tuple[Hit, ...]]) -> None:
        super().__init__()
        self.setObjectName("topBar")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFixedHeight(HEIGHT)
        self._name, self._summary = Elided("", "name"), Elided("", "muted")
        self.facets, self.edges, self.search = FacetSwitch(), EdgeMenu(), Search(find)
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 0, 16, 0)
        row.setSpacing(12)
        row.addWidget(self._name)
        row.addWidget(self._summary, 1)
        row.addWidget(self.facets)
        row.addWidget(self.edges)
        row.addWidget(self.search)

    def show_words(self, name: str, summary: str) -> None:
        """Say what is open."""
        self._name.setText(name)
        self._summary.setText(summary)

    def set_open(self, is_open: bool) -> None:
        """Controls of a picture are there only while there is one."""
        for control in (self.facets, self.edges, self.search):
            control.setVisible(is_open)
