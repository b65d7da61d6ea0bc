"""One sentence over the picture: what happened, what can be done, and details to copy."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QFontDatabase, QGuiApplication
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QPlainTextEdit,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from cnnvis.gui.parts import button, label
from cnnvis.gui.view import Notice


class NoticeBar(QFrame):
    """Hidden while there is nothing to say. It never blocks: the session goes on below it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("notice")
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self._notice: Notice | None = None
        self._text = label("")
        self._text.setWordWrap(True)
        self._text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._offers = QHBoxLayout()
        self._more = button("Details", self._toggle)
        self._more.setCheckable(True)
        self._copy = button("Copy", self._copy_details, tip="Copy sentence and details")
        cross = QToolButton()
        cross.setText("×")
        cross.setToolTip("Dismiss")
        cross.setAccessibleName("Dismiss")
        cross.clicked.connect(lambda: self.show_notice(None))
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self._text, 1)
        row.addLayout(self._offers)
        for widget in (self._more, self._copy, cross):
            row.addWidget(widget)
        self._details = QPlainTextEdit()
        self._details.setReadOnly(True)
        self._details.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self._details.setFixedHeight(160)
        self._details.setAccessibleName("Details")
        box = QVBoxLayout(self)
        box.setContentsMargins(16, 8, 12, 8)
        box.addLayout(row)
        box.addWidget(self._details)
        self.hide()

    @property
    def notice(self) -> Notice | None:
        return self._notice

    def show_notice(self, notice: Notice | None) -> None:
        """Say something, or nothing."""
        self._notice = notice
        while (item := self._offers.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.deleteLater()
        self._details.hide()
        self._more.setChecked(False)
        self.setVisible(notice is not None)
        if notice is None:
            return
        self._text.setText(notice.text)
        self._details.setPlainText(notice.details)
        self._more.setVisible(bool(notice.details))
        self._copy.setVisible(bool(notice.details))
        for offer in notice.offers:
            made: QPushButton = button(offer.text, offer.act)
            self._offers.addWidget(made)
        self.setProperty("kind", notice.kind)
        self.style().unpolish(self)
        self.style().polish(self)

    def _toggle(self) -> None:
        self._details.setVisible(self._more.isChecked())

    def _copy_details(self) -> None:
        if self._notice is not None:
            QGuiApplication.clipboard().setText(f"{self._notice.text}\n\n{self._notice.details}")
