"""A choice among many things: any part of a name finds it."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt, QTimer
from PySide6.QtWidgets import QComboBox, QCompleter

from cnnvis.gui.parts import ElidedBox

MANY = 24
"""Of more than so many a name is typed rather than looked for."""


def framed(completer: QCompleter) -> None:
    """Dress the list of a completer like other lists that drop down."""
    popup = completer.popup()
    if popup is not None:
        popup.setObjectName("completions")


class Picker(ElidedBox):
    """A list that is also typed into where it is long. Enter takes the first name that has the text in it."""

    def __init__(self) -> None:
        super().__init__()
        self.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.currentIndexChanged.connect(self._begin)

    def fit(self) -> None:
        """Let names be typed where there are many, once the list is filled."""
        typed, place = self.count() > MANY, self.currentIndex()
        if typed == self.isEditable():
            return
        self.setEditable(typed)
        line, completer = self.lineEdit(), self.completer()
        if not typed or line is None or completer is None:
            return
        completer.setFilterMode(Qt.MatchFlag.MatchContains)
        completer.setCompletionMode(QCompleter.CompletionMode.PopupCompletion)
        completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        completer.setMaxVisibleItems(12)
        framed(completer)
        line.setPlaceholderText("Any part of a name")
        line.setAcceptDrops(False)  # a file that is dropped here is to be opened, not its path to be written
        line.installEventFilter(self)
        line.returnPressed.connect(self._take)
        line.editingFinished.connect(self._restore)
        self.setCurrentIndex(place)
        self._begin()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        line = self.lineEdit()
        if event.type() in (QEvent.Type.FocusIn, QEvent.Type.MouseButtonRelease) and line is not None:
            QTimer.singleShot(0, line, self._select)  # after the click has put the cursor somewhere
        return super().eventFilter(watched, event)

    def _select(self) -> None:
        """What is typed next takes the place of the name that stands there."""
        line = self.lineEdit()
        if line is not None and line.text() == self.itemText(self.currentIndex()) and not line.hasSelectedText():
            line.selectAll()

    def _begin(self) -> None:
        """A long name is read from its beginning."""
        line = self.lineEdit()
        if line is not None:
            line.setCursorPosition(0)

    def _take(self) -> None:
        text = self.currentText().strip().lower()
        if not text or text == self.itemText(self.currentIndex()).lower():
            return
        named = [k for k in range(self.count()) if text in self.itemText(k).lower()]
        exact = [k for k in named if text == self.itemText(k).lower()]
        place = next(iter(exact or named), None)
        if place is not None:
            self.setCurrentIndex(place)
            self.activated.emit(place)

    def _restore(self) -> None:
        """What was typed and not taken is no choice."""
        self.setEditText(self.itemText(self.currentIndex()))
        self._begin()
