"""The parameters of an explanation method as a form, made from what the method says of itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QLabel,
    QLineEdit,
    QMenu,
    QSizePolicy,
    QSpinBox,
    QWidget,
)

from cnnvis.errors import CnnvisError
from cnnvis.gui.parts import ElidedBox, inset, label, level
from cnnvis.workflow.methods import Offered, Parameter, read_numbers

AUTO = "auto"
_MOST = 1_000_000
_NAMED = 96


class Ticks(ElidedBox):
    """One of several names, or more of them; none is what the method takes by itself. `changed` when it is another."""

    changed = Signal()

    def __init__(self, names: Sequence[str], value: Any) -> None:
        super().__init__()
        chosen = {value} if isinstance(value, str) else set(value or ())
        self.choices = QMenu(self)
        for name in names:
            action = self.choices.addAction(name)
            action.setCheckable(True)
            action.setChecked(name in chosen)
            action.toggled.connect(self._tell)
        self.addItem("")
        self._say()

    def showPopup(self) -> None:
        self.choices.popup(self.mapToGlobal(self.rect().bottomLeft()))

    @property
    def value(self) -> str | tuple[str, ...] | None:
        """The name that is ticked, several, or None for none."""
        found = tuple(action.text() for action in self.choices.actions() if action.isChecked())
        return None if not found else found[0] if len(found) == 1 else found

    def _tell(self) -> None:
        self._say()
        self.changed.emit()

    def _say(self) -> None:
        found = self.value
        self.setItemText(0, AUTO if found is None else found if isinstance(found, str) else f"{len(found)} layers")


class MethodForm(QWidget):
    """One row for each parameter; `values` are what the user chose. `changed` when one is."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._fields: dict[str, tuple[Parameter, QWidget]] = {}
        self._form = QFormLayout(self)
        self._form.setContentsMargins(0, 0, 0, 0)
        self._form.setHorizontalSpacing(8)
        self._form.setVerticalSpacing(4)
        self._form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)

    def show_method(self, method: Offered, layers: Sequence[str], values: Mapping[str, Any]) -> None:
        """Ask for the parameters of another method, filled with values; `layers` are those that can be named."""
        while self._form.rowCount():
            self._form.removeRow(0)
        self._fields = {}
        for parameter in method.parameters:
            field = self._field(parameter, layers, values.get(parameter.name, parameter.default))
            field.setToolTip(parameter.tip)
            field.setAccessibleName(parameter.words)
            field.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
            self._fields[parameter.name] = (parameter, field)
            self._form.addRow(_name(parameter), field)
        level(self._form)

    def _field(self, parameter: Parameter, layers: Sequence[str], value: Any) -> QWidget:
        if parameter.kind == "yes":
            box = QCheckBox()
            box.setChecked(bool(value))
            box.toggled.connect(self.changed)
            return box
        if parameter.several and layers:
            ticks = Ticks(layers, value)
            ticks.changed.connect(self.changed)
            return ticks
        if parameter.kind == "choice" or (parameter.name == "layer" and layers):
            return self._combo(parameter, parameter.choices or tuple(layers), value)
        if parameter.kind in ("whole", "number"):
            return self._spin(parameter, value)
        line = QLineEdit(", ".join(map(str, value)) if isinstance(value, (tuple, list)) else str(value or ""))
        line.setPlaceholderText(AUTO if parameter.optional else "")
        line.editingFinished.connect(self.changed)
        return line

    def _combo(self, parameter: Parameter, choices: Sequence[str], value: Any) -> QComboBox:
        box = QComboBox()
        if parameter.optional:
            box.addItem(AUTO, None)
        for choice in choices:
            box.addItem(choice, choice)
        box.setCurrentIndex(max(box.findData(value), 0))
        box.setMaxVisibleItems(16)
        box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        box.currentIndexChanged.connect(self.changed)
        return box

    def _spin(self, parameter: Parameter, value: Any) -> QWidget:
        least = -1 if parameter.optional else 0
        if parameter.kind == "whole":
            whole = QSpinBox()
            whole.setRange(least, _MOST)
            whole.setSpecialValueText(AUTO if parameter.optional else "")
            whole.setValue(least if value is None else int(value))
            whole.setKeyboardTracking(False)
            whole.valueChanged.connect(self.changed)
            inset(whole)
            return whole
        number = QDoubleSpinBox()
        number.setDecimals(4)
        number.setRange(least if parameter.optional else -_MOST, _MOST)
        number.setSingleStep(0.05)
        number.setSpecialValueText(AUTO if parameter.optional else "")
        number.setValue(least if value is None else float(value))
        number.setKeyboardTracking(False)
        number.valueChanged.connect(self.changed)
        inset(number)
        return number

    @property
    def values(self) -> dict[str, Any]:
        """What was chosen, by parameter. Raises InvalidValue for a text that cannot be read."""
        return {name: _value(parameter, field) for name, (parameter, field) in self._fields.items()}

    @property
    def problem(self) -> str:
        """What is wrong with what was typed; "" where nothing is."""
        try:
            self.values  # noqa: B018 - asked for its error alone
        except CnnvisError as error:
            return str(error)
        return ""


def _name(parameter: Parameter) -> QLabel:
    found = label(parameter.words, "muted")
    found.setToolTip(parameter.tip)
    found.setFixedWidth(_NAMED)
    found.setWordWrap(False)
    found.setAlignment(Qt.AlignmentFlag.AlignVCenter)
    return found


def _value(parameter: Parameter, field: QWidget) -> Any:
    if isinstance(field, QCheckBox):
        return field.isChecked()
    if isinstance(field, Ticks):
        return field.value
    if isinstance(field, QComboBox):
        found = field.currentData()
        whole = isinstance(parameter.default, int) and isinstance(found, str)
        return int(found) if whole and found.lstrip("-").isdigit() else found
    if isinstance(field, (QSpinBox, QDoubleSpinBox)):
        return None if parameter.optional and field.value() < 0 else field.value()
    assert isinstance(field, QLineEdit)
    text = field.text().strip()
    if parameter.kind == "numbers":
        return read_numbers(text, parameter.words)
    return text or (None if parameter.optional else "")
