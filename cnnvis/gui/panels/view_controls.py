"""How explanations are looked at: the buttons above and below the maps of the Explain panel."""

from __future__ import annotations

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QSlider, QToolButton

from cnnvis.gui.segments import Segments
from cnnvis.layout.displays import Setting

_MANNERS = (
    ("overlay", "Overlay", "The map over the image in greys: the stronger the evidence, the more of its colour"),
    ("contour", "Contour", "Lines around the evidence over the image in its colours, at 25, 50 and 75 % of the scale"),
    ("beside", "Beside", "The map alone, beside the image"),
)
_GRIDS = (
    ("methods", "Image", "All methods that were asked about this image and target"),
    ("images", "Method", "All images that this method was asked about"),
)


class ViewControls(QObject):
    """The widgets, and the setting that they stand for; `changed` when it is another."""

    changed = Signal()

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.manner, self.grid = Segments(_MANNERS), Segments(_GRIDS)
        self.opacity = QSlider(Qt.Orientation.Horizontal)
        self.opacity.setRange(0, 100)
        self.opacity.setValue(80)
        self.opacity.setFixedWidth(56)
        self.opacity.setToolTip("How strongly the map lies over the image")
        self.opacity.setAccessibleName("Opacity of the map")
        self.one_scale = _toggle("One scale", "The same colours mean the same numbers in all maps")
        self.apart = _toggle("Apart", "What speaks for and what against, each in a picture of its own")
        self.trust = _toggle("Trust", "How far the chosen map can be trusted, in words and numbers")
        for signal in (self.manner.changed, self.grid.changed, self.opacity.valueChanged):
            signal.connect(lambda _: self._tell())
        for toggle in (self.one_scale, self.apart):
            toggle.toggled.connect(lambda _: self._tell())

    def _tell(self) -> None:
        self.opacity.setEnabled(self.manner.chosen == "overlay")
        self.changed.emit()

    def setting(self, side: float) -> Setting:
        """How maps of a size are shown."""
        return Setting(
            self.manner.chosen,  # type: ignore[arg-type]  # the names of the segments are the manners
            self.opacity.value() / 100,
            self.one_scale.isChecked(),
            self.apart.isChecked(),
            side,
        )


def _toggle(text: str, tip: str) -> QToolButton:
    found = QToolButton()
    found.setProperty("choice", "true")
    found.setText(text)
    found.setToolTip(tip)
    found.setCheckable(True)
    return found
