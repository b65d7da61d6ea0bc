"""The parameters of clusterers that a form asks for, and the field of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QComboBox, QDoubleSpinBox, QSpinBox, QWidget

from cnnvis.gui.parts import inset


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter: its name in code, its words, and one of several values, or a number from `low` to `high`.

    `free` says what happens where the form leaves it open.
    """

    name: str
    words: str
    free: str
    tip: str
    choices: tuple[str, ...] = ()
    low: float = 0.0
    high: float = 0.0
    whole: bool = True


PARAMETERS: Mapping[str, tuple[Parameter, ...]] = {
    "KMeans": (Parameter("n_init", "Starts", "one", "The best of so many random starts is taken", (), 2, 100),),
    "MeanShift": (
        Parameter(
            "bandwidth", "Bandwidth", "estimated", "How far a cluster reaches", (), 0.05, 10, False
        ),
    ),
    "AgglomerativeClustering": (
        Parameter(
            "linkage", "Linkage", "ward", "How far apart two clusters are", ("complete", "average", "single")
        ),
    ),
    "HDBSCAN": (
        Parameter("min_cluster_size", "Smallest cluster", "5", "Fewer neurons are no cluster", (), 2, 1000),
        Parameter("min_samples", "Neighbours", "as the smallest", "How many make a place dense", (), 1, 1000),
    ),
}


class Field(QObject):
    """The widget of a parameter; `value` is None where it is left open."""

    changed = Signal()

    def __init__(self, parameter: Parameter, value: object = None) -> None:
        super().__init__()
        self.parameter = parameter
        self.widget: QWidget
        if parameter.choices:
            self._box = box = QComboBox()
            box.addItem(parameter.free, None)
            for choice in parameter.choices:
                box.addItem(choice, choice)
            box.setCurrentIndex(max(box.findData(value), 0))
            box.currentIndexChanged.connect(self.changed)
            self.widget = box
        else:
            self._spin = spin = QSpinBox() if parameter.whole else QDoubleSpinBox()
            step = 1 if parameter.whole else 0.05
            self._open = parameter.low - step
            spin.setSingleStep(step)  # type: ignore[arg-type]
            spin.setRange(self._open, parameter.high)  # type: ignore[arg-type]
            spin.setSpecialValueText(parameter.free)
            spin.setValue(value if isinstance(value, (int, float)) else self._open)  # type: ignore[arg-type]
            spin.valueChanged.connect(self.changed)
            inset(spin)
            self.widget = spin
        self.widget.setToolTip(parameter.tip)

    @property
    def value(self) -> int | float | str | None:
        """What was chosen."""
        if self.parameter.choices:
            found = self._box.currentData()
            return None if found is None else str(found)
        return self._spin.value() if self._spin.value() >= self.parameter.low - 1e-9 else None
