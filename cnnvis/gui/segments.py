"""A row of quiet buttons of which one is pressed: the choices of a panel."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QSizePolicy, QToolButton, QWidget


class Segments(QWidget):
    """Some choices, each (name in code, words, tooltip); `changed` tells the name that the user chose."""

    changed = Signal(str)

    def __init__(self, choices: Sequence[tuple[str, str, str]]) -> None:
        super().__init__()
        self.setObjectName("choices")
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        self._names = [name for name, _, _ in choices]
        self._group = QButtonGroup(self)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        for place, (_, words, tip) in enumerate(choices):
            one = QToolButton()
            one.setText(words)
            one.setToolTip(tip)
            one.setCheckable(True)
            one.setProperty("segment", "first" if place == 0 else "last" if place == len(choices) - 1 else "middle")
            self._group.addButton(one, place)
            row.addWidget(one)
        self._group.idClicked.connect(lambda place: self.changed.emit(self._names[place]))
        self.choose(self._names[0])

    @property
    def chosen(self) -> str:
        """The name of the pressed one."""
        return self._names[self._group.checkedId()]

    def choose(self, name: str) -> None:
        """Show one as chosen without telling anyone."""
        self._group.button(self._names.index(name)).setChecked(True)

    def allow(self, name: str, allowed: bool, tip: str) -> None:
        """Let one be chosen or not; the tooltip says why."""
        one = self._group.button(self._names.index(name))
        one.setEnabled(allowed)
        one.setToolTip(tip)
