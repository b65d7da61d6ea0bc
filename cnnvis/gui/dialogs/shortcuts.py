"""Help ▸ Shortcuts: every key in one table."""

from __future__ import annotations

from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QDialog, QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from cnnvis.gui.menus import MENUS
from cnnvis.gui.parts import button, label, section

KEYS = 88
IN_THE_PICTURE = (
    ("Arrows", "Go to the next card"),
    ("Enter", "Expand or collapse"),
    ("+  −", "Zoom"),
    ("0", "Fit"),
    ("Esc", "Select nothing, end a drag"),
    ("Ctrl+click", "Add to the selection"),
    ("Shift+drag", "Rubber band: clusters, or neurons inside a card"),
    ("Shift+hover", "Light whole paths"),
    ("Drag a patch", "Move the selected neurons"),
    ("Drag a card", "Merge the selected clusters"),
    ("Drag between headers", "Move the boundary of two groups"),
    ("Space+drag", "Pan; also beside cards or with the middle button"),
)


class Shortcuts(QDialog):
    """The keys of each menu, two menus to a column, and those of the picture: narrow enough for a small screen."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Shortcuts")
        tables = []
        for title, commands in MENUS:
            rows = [(_shown(c.shortcut), _plain(c.text)) for c in commands if c is not None and c.shortcut]
            if len(rows) > 1:
                tables.append(_table(_plain(title), rows))
        columns = QHBoxLayout()
        columns.setSpacing(40)
        pairs = [tables[i : i + 2] for i in range(0, len(tables), 2)]
        for pair in (*pairs, [_table("In the picture", list(IN_THE_PICTURE))]):
            column = QVBoxLayout()
            column.setSpacing(24)
            for table in pair:
                column.addLayout(table)
            column.addStretch(1)
            columns.addLayout(column)
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        buttons.addWidget(button("Close", self.accept, "main"))
        box = QVBoxLayout(self)
        box.setContentsMargins(24, 24, 24, 16)
        box.setSpacing(24)
        box.addLayout(columns)
        box.addLayout(buttons)


def _plain(text: str) -> str:
    return text.replace("&", "").rstrip("…")


def _shown(keys: str) -> str:
    """As the system writes it: ⌘N on a Mac."""
    return QKeySequence(keys).toString(QKeySequence.SequenceFormat.NativeText)


def _table(title: str, rows: list[tuple[str, str]]) -> QVBoxLayout:
    grid = QGridLayout()
    grid.setHorizontalSpacing(16)
    grid.setVerticalSpacing(6)
    grid.setColumnMinimumWidth(0, KEYS)
    grid.setColumnStretch(1, 1)
    for row, (keys, words) in enumerate(rows):
        grid.addWidget(label(keys, "muted"), row, 0)
        grid.addWidget(label(words), row, 1)
    column = QVBoxLayout()
    column.setSpacing(8)
    column.addWidget(section(title))
    column.addLayout(grid)
    return column
