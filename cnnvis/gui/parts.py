"""Small widgets that the window is made of, dressed by the style sheet."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QComboBox,
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSizePolicy,
    QStyle,
    QStyleOptionComboBox,
    QStylePainter,
    QToolButton,
    QWidget,
)


def label(text: str, tone: str = "", parent: QWidget | None = None) -> QLabel:
    """A line of text in a tone: name, hero, muted, section or small."""
    found = QLabel(text, parent)
    found.setProperty("tone", tone)
    found.setTextFormat(Qt.TextFormat.PlainText)
    return found


def section(text: str) -> QLabel:
    """The title of a section, in small capitals."""
    return label(text.upper(), "section")


def button(text: str, act: Callable[[], object], tone: str = "", tip: str = "") -> QPushButton:
    """A button; `tone` "main" for the one that is meant to be pressed."""
    found = QPushButton(text)
    found.setProperty("tone", tone)
    found.setToolTip(tip)
    found.setAutoDefault(tone == "main")
    found.clicked.connect(lambda: act())
    return found


def inset(*boxes: QAbstractSpinBox) -> None:
    """Let numbers begin where other fields' text does: style sheets cannot pad the field inside a spin box."""
    for box in boxes:
        field = box.findChild(QLineEdit)
        if isinstance(field, QLineEdit):
            field.setTextMargins(9, 0, 0, 0)


def level(form: QFormLayout) -> None:
    """Let every label of a form be as high as its field: else it hangs at the top."""
    for row in range(form.rowCount()):
        item = form.itemAt(row, QFormLayout.ItemRole.FieldRole)
        field = item.widget() if item is not None else None
        if field is not None and form.labelForField(field) is not None:
            form.labelForField(field).setFixedHeight(field.sizeHint().height())


def line() -> QFrame:
    """A hairline."""
    found = QFrame()
    found.setObjectName("line")
    found.setFixedHeight(1)
    return found


class Elided(QLabel):
    """A label that is elided in the middle where it does not fit; the whole text is its tooltip.

    With a `mark` between its parts it first leaves out the last ones as a whole.
    """

    def __init__(self, text: str = "", tone: str = "", parent: QWidget | None = None, *, mark: str = "") -> None:
        super().__init__(text, parent)
        self._mark = mark
        self.setProperty("tone", tone)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)

    def minimumSizeHint(self) -> QSize:
        return QSize(24, super().minimumSizeHint().height())

    def fitting(self, width: int) -> str:
        """What is shown in so many pixels."""
        metrics, shown = QFontMetrics(self.font()), self.text()
        while self._mark and self._mark in shown and metrics.horizontalAdvance(shown) > width:
            shown = shown.rpartition(self._mark)[0]
        fits = metrics.horizontalAdvance(shown) <= width
        return shown if fits else metrics.elidedText(shown, Qt.TextElideMode.ElideMiddle, width)

    def paintEvent(self, event: QPaintEvent) -> None:
        text, shown = self.text(), self.fitting(self.width())
        self.setToolTip(text if shown != text else "")
        painter = QPainter(self)
        painter.setPen(self.palette().color(self.foregroundRole()))
        painter.drawText(self.rect(), int(self.alignment() | Qt.AlignmentFlag.AlignVCenter), shown)
        painter.end()


class ElidedBox(QComboBox):
    """A choice whose text is elided where it does not fit; the whole text is its tooltip."""

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, option = QStylePainter(self), QStyleOptionComboBox()
        self.initStyleOption(option)
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        area = self.style().subControlRect(
            QStyle.ComplexControl.CC_ComboBox, option, QStyle.SubControl.SC_ComboBoxEditField, self
        )
        text = self.currentText()
        option.currentText = self.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, area.width() - 4)
        self.setToolTip(text if option.currentText != text else "")
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)
        painter.end()


class PanelTitle(QWidget):
    """The title of a dock: small capitals, and a cross to close it."""

    def __init__(self, text: str, close: Callable[[], object]) -> None:
        super().__init__()
        self.setObjectName("panelTitle")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 12, 8, 4)
        row.addWidget(section(text))
        row.addStretch(1)
        cross = QToolButton()
        cross.setText("×")
        cross.setToolTip(f"Close {text.lower()}; View ▸ Panels brings it back")
        cross.setAccessibleName(f"Close {text.lower()}")
        cross.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        cross.clicked.connect(lambda: close())
        row.addWidget(cross)


class Pressable(QFrame):
    """A frame that is pressed like a button, by mouse or keyboard."""

    pressed = Signal()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self.rect().contains(event.position().toPoint()):
            self.pressed.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self.pressed.emit()
        else:
            super().keyPressEvent(event)


def duration(seconds: float) -> str:
    """So long, as a person would say it."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
