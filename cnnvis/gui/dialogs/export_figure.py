"""File ▸ Export figure: what of the picture, in which style, how wide; with a preview of exactly that."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QPixmap
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from cnnvis.errors import CnnvisError
from cnnvis.gui.parts import button, inset, label, level
from cnnvis.layout.diagram import Box, Diagram, Key
from cnnvis.painting.figure import export, picture
from cnnvis.painting.style import style, styles

_PREVIEW = 460


@dataclass(frozen=True)
class Parts:
    """What of a diagram can be printed: all of it, what the window shows, what is selected."""

    view: Box | None
    selection: Box | None
    asked: frozenset[Key] = frozenset()


@dataclass(frozen=True, slots=True)
class Subject:
    """Something that can be printed: its name and what makes its diagram."""

    title: str
    make: Callable[[], Diagram]


class ExportFigure(QDialog):
    """Choose and preview a figure; `write` writes it."""

    def __init__(
        self, subjects: tuple[Subject, ...], parts: Parts, last: str, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Export figure")
        self._parts = parts
        self._made: dict[int, Diagram] = {}
        self._subjects = subjects
        self.subject, self.part, self.style_ = QComboBox(), QComboBox(), QComboBox()
        self.subject.addItems([subject.title for subject in subjects])
        whole: tuple[str, Box | None] = ("Whole picture", None)
        for text, box in (whole, ("What the window shows", parts.view), ("Selection", parts.selection)):
            if box is not None or not self.part.count():
                self.part.addItem(text, box)
        for name in sorted(styles(), key=lambda found: style(found).width):
            self.style_.addItem(style(name).title or name, name)
        self.style_.setCurrentIndex(max(self.style_.findData(last), 0))
        self.width_, self.dpi = QDoubleSpinBox(), QSpinBox()
        self.width_.setRange(0, 2000)
        self.width_.setDecimals(1)
        self.width_.setSuffix(" mm")
        self.width_.setSpecialValueText("as in the style")
        self.dpi.setRange(72, 1200)
        self.dpi.setValue(300)
        self.dpi.setSuffix(" dpi")
        self.dpi.setToolTip("Pixels of a png, and of the pictures inside an svg or pdf")
        self.legend, self.caption, self.lit = QCheckBox("Legend"), QCheckBox("Caption"), QCheckBox("Selected edges")
        self.legend.setChecked(True)
        self.view = QCheckBox("Opens again in cnnvis")
        self.view.setChecked(True)
        self.view.setToolTip("The file carries the view: clusters with their names, subsets and what is shown")
        self.lit.setEnabled(bool(parts.asked))
        self._preview, self._size = QLabel(), label("", "small")
        self._wait = QTimer(self)
        self._wait.setSingleShot(True)
        self._wait.setInterval(80)
        self._wait.timeout.connect(self._show)
        self._lay_out()
        self._show()

    def _lay_out(self) -> None:
        inset(self.width_, self.dpi)
        form = QFormLayout()
        form.setSpacing(10)
        form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        form.addRow("Figure", self.subject)
        form.addRow("Part", self.part)
        form.addRow("Style", self.style_)
        form.addRow("Width", self.width_)
        form.addRow("Resolution", self.dpi)
        for box in (self.legend, self.caption, self.lit):
            form.addRow("", box)
            box.toggled.connect(self._wait.start)
        form.addRow("", self.view)
        level(form)
        self.subject.currentIndexChanged.connect(self._choose)
        self.part.currentIndexChanged.connect(self._wait.start)
        self.style_.currentIndexChanged.connect(self._wait.start)
        self.width_.valueChanged.connect(self._wait.start)
        self._preview.setFixedSize(_PREVIEW, _PREVIEW)
        self._preview.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._preview.setStyleSheet("background: #ffffff; border: 1px solid #c8cdd4;")
        self._preview.setAccessibleName("Preview")
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        buttons.addWidget(button("Cancel", self.reject))
        buttons.addWidget(button("Export…", self.accept, "main"))
        left = QVBoxLayout()
        left.addLayout(form)
        left.addStretch(1)
        left.addLayout(buttons)
        right = QVBoxLayout()
        right.addWidget(self._preview)
        right.addWidget(self._size)
        row = QHBoxLayout(self)
        row.setContentsMargins(24, 24, 24, 16)
        row.setSpacing(24)
        row.addLayout(left, 1)
        row.addLayout(right)

    @property
    def diagram(self) -> Diagram:
        """What is printed."""
        index = self.subject.currentIndex()
        if index not in self._made:
            self._made[index] = self._subjects[index].make()
        return self._made[index]

    def _choose(self, index: int) -> None:
        """Parts are those of the picture as it is shown; another figure is printed whole."""
        shown = index == 0
        self.part.setEnabled(shown)
        self.lit.setEnabled(shown and bool(self._parts.asked))
        if not shown:
            self.part.setCurrentIndex(0)
        self._wait.start()

    @property
    def chosen_style(self) -> str:
        return str(self.style_.currentData())

    def _width(self) -> float | None:
        return self.width_.value() if self.width_.value() >= 10 else None

    def _asked(self) -> frozenset[Key]:
        return self._parts.asked if self.lit.isChecked() and self.lit.isEnabled() else frozenset()

    def _show(self) -> None:
        """The figure itself, small."""
        try:
            found = picture(
                self.diagram,
                style=self.chosen_style,
                width_mm=self._width(),
                dpi=120,
                box=self.part.currentData(),
                asked=self._asked(),
                legend=self.legend.isChecked(),
                caption=self.caption.isChecked(),
            )
        except CnnvisError as error:
            self._size.setText(str(error))
            return
        self._size.setText(f"{found.width() / 120 * 25.4:.0f} × {found.height() / 120 * 25.4:.0f} mm")
        ratio = self.devicePixelRatioF()
        side = round((_PREVIEW - 8) * ratio)
        modes = Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
        pixmap = QPixmap.fromImage(found).scaled(side, side, *modes)
        pixmap.setDevicePixelRatio(ratio)
        self._preview.setPixmap(pixmap)

    def write(self, path: Path) -> Path:
        """The figure as chosen, in a file. Raises as `export` does."""
        return export(
            self.diagram,
            path,
            style=self.chosen_style,
            width_mm=self._width(),
            dpi=self.dpi.value(),
            box=self.part.currentData(),
            asked=self._asked(),
            legend=self.legend.isChecked(),
            caption=self.caption.isChecked(),
            view=self.view.isChecked(),
        )
