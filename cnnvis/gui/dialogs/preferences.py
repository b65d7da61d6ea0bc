"""File ▸ Preferences: where and with how much the program computes."""

from __future__ import annotations

import os

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QDialog, QFormLayout, QHBoxLayout, QSpinBox, QVBoxLayout, QWidget

from cnnvis.gui.parts import button, inset, label, level
from cnnvis.gui.places import Settings

DEVICES = (("auto", "Automatic"), ("cpu", "CPU"), ("cuda", "NVIDIA GPU (CUDA)"), ("mps", "Apple GPU (MPS)"))


class Preferences(QDialog):
    """A form over the settings; `keep` writes them."""

    def __init__(self, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Preferences")
        self._settings = settings
        self.device, self.threads, self.budget = QComboBox(), QSpinBox(), QSpinBox()
        for name, words in DEVICES:
            self.device.addItem(words, name)
        self.device.setCurrentIndex(max(self.device.findData(settings.text("device", "auto")), 0))
        self.threads.setRange(0, os.cpu_count() or 1)
        self.threads.setSpecialValueText("as many as there are")
        self.threads.setValue(settings.number("threads", 0))
        self.threads.setToolTip("Counts from the next start of the program")
        self.budget.setRange(20, 10_000)
        self.budget.setSuffix(" MB")
        self.budget.setValue(settings.number("session_mb", 300))
        self.budget.setToolTip("Responses and pictures that a session keeps at most, where a job does not say")
        inset(self.threads, self.budget)
        form = QFormLayout()
        form.setSpacing(10)
        form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        form.addRow("Compute on", self.device)
        form.addRow("Threads", self.threads)
        form.addRow("Size of a session", self.budget)
        level(form)
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        buttons.addWidget(button("Cancel", self.reject))
        buttons.addWidget(button("Save", self.accept, "main"))
        box = QVBoxLayout(self)
        box.setContentsMargins(24, 20, 24, 16)
        box.setSpacing(16)
        box.addLayout(form)
        box.addWidget(label("Device and size count from the next analysis, threads from the next start.", "small"))
        box.addLayout(buttons)

    def keep(self) -> None:
        """Write what the form says."""
        self._settings.put("device", str(self.device.currentData()))
        self._settings.put("threads", self.threads.value())
        self._settings.put("session_mb", self.budget.value())
        self._settings.sync()
