"""The network as an outline: groups, their layers, and how many neurons each has."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtWidgets import QHeaderView, QLineEdit, QTreeWidget, QTreeWidgetItem, QVBoxLayout, QWidget

from cnnvis.gui.jobs import Jobs
from cnnvis.layout.columns import n_layers
from cnnvis.layout.diagram import Diagram, Key
from cnnvis.model.network import Network
from cnnvis.model.session import Session

_KEY = Qt.ItemDataRole.UserRole


class Outline(QWidget):
    """A tree of groups and layers with a filter."""

    chosen = Signal(object)
    requested = Signal(str, object)

    def __init__(self, jobs: Jobs, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._network: Network | None = None
        self._groups: object = None
        self._filter = QLineEdit()
        self._filter.setPlaceholderText("Filter layers")
        self._filter.setClearButtonEnabled(True)
        self._filter.textChanged.connect(self._narrow)
        self._tree = QTreeWidget()
        self._tree.setHeaderHidden(True)
        self._tree.setColumnCount(2)
        self._tree.setIndentation(14)
        self._tree.setUniformRowHeights(True)
        self._tree.setAccessibleName("Layers of the network")
        self._tree.header().setStretchLastSection(False)
        self._tree.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self._tree.header().setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        self._tree.itemClicked.connect(lambda item, column: self.chosen.emit(item.data(0, _KEY)))
        self._tree.itemActivated.connect(lambda item, column: self.chosen.emit(item.data(0, _KEY)))
        self._tree.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self._tree.customContextMenuRequested.connect(self._offer)
        box = QVBoxLayout(self)
        box.setContentsMargins(8, 0, 8, 8)
        box.addWidget(self._filter)
        box.addWidget(self._tree)

    def _offer(self, where: QPoint) -> None:
        """The menu of a layer."""
        item = self._tree.itemAt(where)
        if item is not None:
            self.requested.emit("select", ((item.data(0, _KEY),),))
            self.requested.emit("menu", (item.data(0, _KEY), self._tree.viewport().mapToGlobal(where)))

    def show_session(self, session: Session | None, diagram: Diagram | None) -> None:
        """Show another network; nothing happens while network and groups are the same."""
        if session is None:
            self._network = self._groups = None
            self._tree.clear()
            return
        if session.analysis.network is self._network and session.analysis.groups is self._groups:
            return
        self._network, self._groups = session.analysis.network, session.analysis.groups
        self._tree.clear()
        for group in session.analysis.groups:
            name = group.name if len(group.layers) > 1 else group.representative
            parent = self._item(name, group.representative, self._network)
            self._tree.addTopLevelItem(parent)
            if len(group.layers) > 1:
                parent.setText(1, n_layers(group, self._network))
                for layer in group.layers:
                    parent.addChild(self._item(layer, layer, self._network))
        self._narrow(self._filter.text())

    def _item(self, text: str, layer: str, network: Network) -> QTreeWidgetItem:
        item = QTreeWidgetItem([text, f"{network[layer].n_units:,}"])
        item.setData(0, _KEY, ("column", layer))
        item.setToolTip(0, f"{layer} · {network[layer].kind}")
        item.setTextAlignment(1, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        return item

    def show_selection(self, key: Key | None) -> None:
        """Mark the layer of what is selected: in an open group its own line, else that of the group."""
        layer = str(key[1]) if key is not None and key[0] in ("cluster", "unit", "column") else ""
        found: QTreeWidgetItem | None = None
        for item in self._items():
            parent = item.parent()
            if layer and item.data(0, _KEY) == ("column", layer):
                found = item if parent is None or parent.isExpanded() else parent
        if found is None:
            self._tree.clearSelection()
        else:
            self._tree.setCurrentItem(found)

    def _items(self) -> list[QTreeWidgetItem]:
        found: list[QTreeWidgetItem | None] = []
        for i in range(self._tree.topLevelItemCount()):
            top = self._tree.topLevelItem(i)
            if top is not None:
                found += [top, *(top.child(k) for k in range(top.childCount()))]
        return [item for item in found if item is not None]

    def _narrow(self, text: str) -> None:
        words = text.lower().split()
        for item in reversed(self._items()):
            hit = all(word in item.text(0).lower() for word in words)
            children = [item.child(k) for k in range(item.childCount())]
            below = any(child is not None and not child.isHidden() for child in children)
            item.setHidden(not hit and not below)
            if words and below:
                item.setExpanded(True)
