"""The form for a subset: classes, right or wrong, confidence, single images; what meets it is seen at once."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtGui import QIcon, QPixmap
from PySide6.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QDialog,
    QHBoxLayout,
    QLineEdit,
    QListView,
    QListWidget,
    QListWidgetItem,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from cnnvis.gui.parts import button, inset, label, section
from cnnvis.gui.segments import Segments
from cnnvis.gui.wording import reword
from cnnvis.model.session import Session
from cnnvis.model.subsets import Subset, free_name, has_labels
from cnnvis.painting.crops import cropped, scaled

MOST = 120
"""So many images are shown."""
SIDE = 56
_KINDS = (
    ("any", "Any", "Right or wrong"),
    ("right", "Right", "Predicted right"),
    ("wrong", "Wrong", "Predicted wrong"),
)
_INDEX = Qt.ItemDataRole.UserRole


class NewSubset(QDialog):
    """`wanted` tells the subset that the user defined."""

    wanted = Signal(object)

    def __init__(self, session: Session, samples: tuple[int, ...] = (), parent: QWidget | None = None) -> None:
        super().__init__(parent)
        assert session.activations is not None
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("New subset")
        self._session, self._table = session, session.activations.samples
        self._labelled = has_labels(self._table)
        self._wait = QTimer(self)
        self._wait.setSingleShot(True)
        self._wait.setInterval(150)
        self._wait.timeout.connect(self._show_images)
        self._name = QLineEdit()
        self._filter, self._classes = QLineEdit(), QListWidget()
        self._kind = Segments(_KINDS)
        self._kind.setParent(self)
        self._kind.setVisible(self._labelled)
        self._unsure, self._below = QCheckBox("Confidence below"), QSpinBox()
        self._images = QListWidget()
        self._count = label("", "muted")
        self._show = button("Show subset", self._accept, "main")
        self._build()
        self._chosen = set(samples)
        self._changed()
        self._show_images()
        reword(self, session.noun)

    # How it is built

    def _build(self) -> None:
        sides = QHBoxLayout()
        sides.setSpacing(24)
        sides.addWidget(self._left())
        sides.addLayout(self._right(), 1)
        last = QHBoxLayout()
        last.addWidget(self._count, 1)
        last.addWidget(button("Cancel", self.reject))
        last.addWidget(self._show)
        box = QVBoxLayout(self)
        box.setContentsMargins(24, 16, 24, 16)
        box.setSpacing(16)
        box.addLayout(sides, 1)
        box.addLayout(last)
        self._name.textEdited.connect(self._changed)
        self._kind.changed.connect(self._changed)
        self._unsure.toggled.connect(self._below.setEnabled)
        self._unsure.toggled.connect(self._changed)
        self._below.valueChanged.connect(self._changed)
        self.resize(760, 560)

    def _left(self) -> QWidget:
        """What is asked for."""
        column = QWidget()
        column.setFixedWidth(256)
        left = QVBoxLayout(column)
        left.setContentsMargins(0, 0, 0, 0)
        left.setSpacing(8)
        left.addWidget(section("Name"))
        left.addWidget(self._name)
        if self._labelled:
            self._build_classes(left)
            left.addWidget(section("Prediction"))
            row = QHBoxLayout()
            row.addWidget(self._kind)
            row.addStretch(1)
            left.addLayout(row)
        left.addWidget(section("Confidence"))
        self._below.setRange(1, 100)
        self._below.setValue(50)
        self._below.setSuffix(" %")
        self._below.setEnabled(False)
        inset(self._below)
        row = QHBoxLayout()
        row.addWidget(self._unsure)
        row.addWidget(self._below, 1)
        left.addLayout(row)
        if not self._labelled:
            said = label("The images have no labels: choose by confidence, or single images.", "small")
            said.setWordWrap(True)
            left.addWidget(said)
            left.addStretch(1)
        return column

    def _right(self) -> QVBoxLayout:
        """The images that meet it."""
        right = QVBoxLayout()
        right.setSpacing(8)
        right.addWidget(section("Images that meet it"))
        self._set_up_images()
        right.addWidget(self._images, 1)
        right.addWidget(label("Click one, or several with Ctrl or Shift, to take only these.", "small"))
        return right

    def _build_classes(self, left: QVBoxLayout) -> None:
        left.addWidget(section("Classes"))
        names = self._session.classes
        self._filter.setPlaceholderText("Filter classes")
        self._filter.textEdited.connect(self._sift)
        if len(names) > 12:
            left.addWidget(self._filter)
        counts = np.bincount(self._table.labels[self._table.read & (self._table.labels >= 0)], minlength=len(names))
        for index, name in enumerate(names):
            item = QListWidgetItem(name)
            item.setData(_INDEX, index)
            item.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsUserCheckable)
            item.setCheckState(Qt.CheckState.Unchecked)
            item.setToolTip(f"{int(counts[index]):,} images")
            if counts[index]:
                self._classes.addItem(item)
        self._classes.setObjectName("framedList")
        self._classes.itemChanged.connect(self._changed)
        left.addWidget(self._classes, 1)

    def _set_up_images(self) -> None:
        grid = self._images
        grid.setObjectName("framedList")
        grid.setViewMode(QListView.ViewMode.IconMode)
        grid.setIconSize(QSize(SIDE, SIDE))
        grid.setGridSize(QSize(SIDE + 8, SIDE + 8))
        grid.setResizeMode(QListView.ResizeMode.Adjust)
        grid.setMovement(QListView.Movement.Static)
        grid.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        grid.setUniformItemSizes(True)
        grid.itemSelectionChanged.connect(self._picked)

    # What it says

    @property
    def subset(self) -> Subset:
        """What is asked for as the form stands."""
        made = self._conditions()
        name = self._name.text().strip() or made.words(self._session.classes)
        return made.named(free_name(name, [s.name for s in self._session.analysis.subsets]))

    def _conditions(self, chosen: bool = True) -> Subset:
        wrong = {"any": None, "right": False, "wrong": True}[self._kind.chosen] if self._labelled else None
        below = self._below.value() / 100 if self._unsure.isChecked() else None
        samples = tuple(sorted(self._chosen)) if chosen else ()
        return Subset("new", self._checked(), samples, wrong, below)

    def _checked(self) -> tuple[int, ...]:
        items = (self._classes.item(row) for row in range(self._classes.count()))
        return tuple(int(item.data(_INDEX)) for item in items if item.checkState() == Qt.CheckState.Checked)

    def _changed(self, *_: object) -> None:
        """Count what meets the form; the images follow in a moment."""
        n = len(self._conditions().rows(self._table))
        said = f"{n:,} of {self._session.noun.count(self._table.read.sum())}"
        self._count.setText(said if n else f"No {self._session.noun.one} meets all of this. Choose it wider.")
        self._show.setEnabled(n > 0)
        words = self._conditions().words(self._session.classes)
        self._name.setPlaceholderText(words)
        self._wait.start()

    def _sift(self, text: str) -> None:
        for row in range(self._classes.count()):
            item = self._classes.item(row)
            item.setHidden(text.lower() not in item.text().lower())

    def _show_images(self) -> None:
        """Small pictures of what meets the conditions, the least sure first where confidence is asked for."""
        rows = self._conditions(chosen=False).rows(self._table)
        if self._unsure.isChecked():
            rows = rows[np.argsort(self._table.confidences[rows], kind="stable")]
        mine = [r for r in rows if int(self._table.indices[r]) in self._chosen]
        others = [r for r in rows if int(self._table.indices[r]) not in self._chosen]
        self._images.blockSignals(True)
        self._images.clear()
        for row in [*mine, *_spread(others, MOST - len(mine))]:
            self._add(int(row))
        self._images.blockSignals(False)
        self._chosen &= {int(self._table.indices[r]) for r in rows}

    def _add(self, row: int) -> None:
        index = int(self._table.indices[row])
        picture = self._session.picture(index)
        if picture is None or picture.ndim != 3:
            return
        piece = cropped(picture, None)
        scale = SIDE * self.devicePixelRatioF() / max(piece.shape[:2])
        image = scaled(piece, max(round(piece.shape[1] * scale), 1), max(round(piece.shape[0] * scale), 1))
        item = QListWidgetItem(QIcon(QPixmap.fromImage(image)), "")
        item.setData(_INDEX, index)
        item.setToolTip(self._table.names[row])
        self._images.addItem(item)
        item.setSelected(index in self._chosen)

    def _picked(self) -> None:
        self._chosen = {int(item.data(_INDEX)) for item in self._images.selectedItems()}
        n = len(self._conditions().rows(self._table))
        self._count.setText(f"{n:,} of {self._session.noun.count(self._table.read.sum())}")
        self._show.setEnabled(n > 0)

    def _accept(self) -> None:
        self.wanted.emit(self.subset)
        self.accept()


def _spread(rows: list[int], most: int) -> list[int]:
    """At most so many of some rows, evenly drawn, so that not only the first class is seen."""
    if len(rows) <= most:
        return rows
    return [rows[int(k)] for k in np.unique(np.linspace(0, len(rows) - 1, max(most, 1)).astype(int))]
