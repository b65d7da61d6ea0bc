"""The steps of the document; a click goes to any of them."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QListWidget, QListWidgetItem, QMenu, QVBoxLayout, QWidget

from cnnvis.gui.jobs import Jobs
from cnnvis.gui.parts import button
from cnnvis.layout.diagram import Diagram, Key
from cnnvis.model.document import Document
from cnnvis.model.session import Session


class History(QWidget):
    """A list of the states, the present one in bold, undone ones below it."""

    chosen = Signal(object)
    requested = Signal(str, object)

    def __init__(self, jobs: Jobs, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._list = QListWidget()
        self._list.setAccessibleName("History")
        self._list.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self._list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._list.itemActivated.connect(lambda item: self._go(self._list.row(item)))
        self._list.itemClicked.connect(lambda item: self._go(self._list.row(item)))
        self._list.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self._list.customContextMenuRequested.connect(self._offer)
        self._copy = button("Copy as Python", lambda: self.requested.emit("copy_python", ()))
        self._copy.setToolTip("The script that redoes all steps up to the present one")
        box = QVBoxLayout(self)
        box.setContentsMargins(8, 0, 8, 8)
        box.setSpacing(8)
        box.addWidget(self._list)
        box.addWidget(self._copy)

    def _offer(self, where: QPoint) -> None:
        """The menu of one step."""
        row = self._list.row(item) if (item := self._list.itemAt(where)) is not None else -1
        if row < 0:
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction("Go to this step", lambda: self._go(row))
        line = menu.addAction("Copy this step as Python", lambda: self.requested.emit("copy_python", (row,)))
        line.setEnabled(row > 0)
        menu.popup(self._list.viewport().mapToGlobal(where))

    def _go(self, index: int) -> None:
        self.requested.emit("go_to", (index,))

    def show_document(self, document: Document | None) -> None:
        """Show the states of a document."""
        self._list.clear()
        self._copy.setEnabled(document is not None and document.index > 0)
        if document is None:
            return
        for index, step in enumerate(document.history):
            item = QListWidgetItem(step.label[:1].upper() + step.label[1:])
            item.setToolTip("\n".join(part for part in (item.text(), step.python) if part))
            if index == document.index:
                face = QFont(item.font())
                face.setBold(True)
                item.setFont(face)
            self._list.addItem(item)
        self._list.setCurrentRow(document.index)

    def show_session(self, session: Session | None, diagram: Diagram | None) -> None:
        """The history follows the document."""

    def show_selection(self, key: Key | None) -> None:
        """The history does not follow the selection."""
