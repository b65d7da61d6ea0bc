"""Which image is asked about: found by name, taken from a list, or stepped through."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QStringListModel, Qt, Signal
from PySide6.QtWidgets import (
    QCompleter,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from cnnvis.gui.instance_bar import picture_of, picture_pixmap
from cnnvis.gui.parts import Elided, ElidedBox
from cnnvis.gui.picker import framed
from cnnvis.model.activations import Samples
from cnnvis.model.instances import find_instance, predicted
from cnnvis.model.session import Session
from cnnvis.model.subsets import has_labels
from cnnvis.model.viewed import subset_rows

SIDE = 48
LISTS = (
    ("all", "All images", "Every image in the order of the data"),
    ("wrong", "Surely wrong", "Those that are predicted wrong, the surest first"),
    ("subset", "The subset shown", "Those of the subset that the picture follows"),
)

OPEN = "open"


class ImagePicker(QWidget):
    """A picture, its name, and ways to another one. `changed` when the user has chosen one."""

    changed = Signal()
    requested = Signal(str, object)

    def __init__(self) -> None:
        super().__init__()
        self._session: Session | None = None
        self.image: int | str | None = None
        self._thumb = QLabel()
        self._thumb.setFixedSize(SIDE, SIDE)
        self._name, self._said = Elided("", ""), Elided("", "small")
        self.search = QLineEdit()
        self.search.setPlaceholderText("Find by name")
        self.search.setAccessibleName("Find an image by its name")
        self.search.setAcceptDrops(False)  # a file that is dropped here is to be opened, not its path to be written
        self._names = QStringListModel(self)
        self.list = ElidedBox()
        self._back, self._next = QToolButton(), QToolButton()
        self._kept = 0
        self._build()

    def _build(self) -> None:
        completer = QCompleter(self._names, self)
        completer.setFilterMode(Qt.MatchFlag.MatchContains)
        completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        completer.setMaxVisibleItems(10)
        framed(completer)
        completer.activated.connect(self._found)
        self.search.setCompleter(completer)
        self.search.returnPressed.connect(lambda: self._found(self.search.text()))
        self.list.setAccessibleName("Which images to step through")
        self.list.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.list.activated.connect(self._listed)
        for button, text, tip, step in (
            (self._back, "‹", "The image before in this list", -1),
            (self._next, "›", "The next image in this list", 1),
        ):
            button.setText(text)
            button.setToolTip(tip)
            button.setAccessibleName(tip)
            button.setProperty("framed", True)
            button.setStyleSheet("padding: 5px 7px;")
            button.clicked.connect(lambda checked=False, step=step: self.step(step))
        words, top, below = QVBoxLayout(), QHBoxLayout(), QHBoxLayout()
        words.setSpacing(2)
        words.addStretch(1)
        words.addWidget(self._name)
        words.addWidget(self._said)
        words.addStretch(1)
        for row in (top, below):
            row.setSpacing(4)
        top.addWidget(self._thumb)
        top.addSpacing(4)
        top.addLayout(words, 1)
        below.addWidget(self.list, 1)
        below.addWidget(self._back)
        below.addWidget(self._next)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(6)
        box.addLayout(top)
        box.addLayout(below)
        box.addWidget(self.search)

    def _fill_list(self, table: bool) -> None:
        """The lists that there are, and at the end a file to open."""
        before = self.list.currentData() or "all"
        self.list.clear()
        for name, title, tip in LISTS:
            if name == "wrong" and (self._table is None or not has_labels(self._table)):
                continue
            self.list.addItem(title.replace("images", "rows") if table else title, name)
            self.list.setItemData(self.list.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
        if not table:
            self.list.insertSeparator(self.list.count())
            self.list.addItem("Open a file…", OPEN)
        self.list.setCurrentIndex(max(self.list.findData(before), 0))
        self._kept = self.list.currentIndex()

    def _listed(self, place: int) -> None:
        if self.list.itemData(place) == OPEN:
            self.list.setCurrentIndex(self._kept)
            self.requested.emit("open_image", ())
        else:
            self._kept = place
            self._first()

    # What is shown

    def show_session(self, session: Session | None, table: bool) -> None:
        """Choose among the images of another session, or the rows of its table."""
        old = self._table
        self._session = session
        if self._table is not old:
            self._names.setStringList(list(self._table.names) if self._table is not None else [])
            rows = self._rows("all")
            self.image = int(self._table.indices[rows[0]]) if self._table is not None and len(rows) else None
        self._fill_list(table)
        self._show()

    def show_image(self, image: int | str | None) -> None:
        """Show another image without telling anyone."""
        self.image = image
        self._show()

    @property
    def _table(self) -> Samples | None:
        found = self._session.activations if self._session is not None else None
        return found.samples if found is not None else None

    @property
    def row(self) -> int | None:
        """The row of the image in the table of samples; None for one from elsewhere."""
        table = self._table
        if table is None or self.image is None:
            return None
        if isinstance(self.image, int):
            return table.rows.get(self.image)
        found = find_instance(self._session, self.image) if self._session is not None else None
        return table.rows.get(found.sample) if found is not None else None

    @property
    def said(self) -> int:
        """The class that the network predicts; −1 where it is not known."""
        table, row = self._table, self.row
        if table is not None and row is not None:
            return int(table.predictions[row])
        found = find_instance(self._session, str(self.image)) if self._session is not None else None
        return predicted(found) if found is not None else -1

    @property
    def label(self) -> int:
        """The class that the data say; −1 where there is none."""
        table, row = self._table, self.row
        if table is None or row is None or not has_labels(table):
            return -1
        return int(table.labels[row])

    def _show(self) -> None:
        session, image = self._session, self.image
        picture = None
        if session is not None and isinstance(image, int):
            picture = session.picture(image)
        elif session is not None and image is not None:
            found = find_instance(session, str(image))
            picture = picture_of(session, found) if found is not None else None
        self._thumb.setVisible(picture is not None)
        if picture is not None:
            self._thumb.setPixmap(picture_pixmap(picture, SIDE, self.devicePixelRatioF()))
        self._name.setText(self.name.rsplit("/", 1)[-1])
        self._said.setText(self._words())
        rows = self._rows(self.list.currentData())
        for button in (self._back, self._next):
            button.setEnabled(len(rows) > 1)

    @property
    def name(self) -> str:
        """The whole name of the image."""
        table, row = self._table, self.row
        if table is not None and row is not None:
            return table.names[row]
        return str(self.image) if self.image is not None else ""

    def _words(self) -> str:
        classes = self._session.classes if self._session is not None else ()

        def word(k: int) -> str:
            return classes[k] if 0 <= k < len(classes) else ""

        said, label = word(self.said), word(self.label)
        if not said:
            return label
        return said if said == label else f"said {said}, is {label}" if label else f"said {said}"

    # What the user does

    def step(self, by: int) -> None:
        """Go on in the list."""
        rows, table = self._rows(self.list.currentData()), self._table
        if table is None or not len(rows):
            return
        here = np.flatnonzero(rows == self.row) if self.row is not None else np.empty(0, int)
        place = (int(here[0]) + by) % len(rows) if len(here) else 0
        self._take(int(table.indices[rows[place]]))

    def following(self, n: int) -> tuple[int | str, ...]:
        """This image and the next ones of the list, n in all where there are so many."""
        rows, table = self._rows(self.list.currentData()), self._table
        if self.image is None or table is None:
            return ()
        here = np.flatnonzero(rows == self.row) if self.row is not None else np.empty(0, int)
        first = int(here[0]) + 1 if len(here) else 0
        others = [int(table.indices[rows[k % len(rows)]]) for k in range(first, first + len(rows))]
        return (self.image, *[x for x in others if x != self.image][: n - 1])

    def _first(self) -> None:
        rows, table = self._rows(self.list.currentData()), self._table
        if table is not None and len(rows):
            self._take(int(table.indices[rows[0]]))

    def _found(self, text: str) -> None:
        table = self._table
        if table is None or not text:
            return
        fitting = (i for i, name in enumerate(table.names) if text.lower() in name.lower() and table.read[i])
        row = table.names.index(text) if text in table.names else next(fitting, None)
        if row is not None:
            self.search.clear()
            self._take(int(table.indices[row]))

    def _take(self, image: int) -> None:
        self.show_image(image)
        self.changed.emit()

    def _rows(self, kind: str) -> np.ndarray:
        """The rows of the table that a list holds, in its order."""
        table, session = self._table, self._session
        if table is None or session is None:
            return np.empty(0, np.int64)
        read = np.flatnonzero(table.read)
        if kind == "wrong" and has_labels(table):
            wrong = read[(table.predictions[read] != table.labels[read]) & (table.labels[read] >= 0)]
            return np.asarray(wrong[np.argsort(-table.confidences[wrong], kind="stable")])
        if kind == "subset":
            rows = subset_rows(session)
            return read if rows is None else np.asarray(rows)
        return read
