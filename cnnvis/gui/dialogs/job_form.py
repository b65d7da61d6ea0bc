"""The fields of a job as a form."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QSizePolicy,
    QSpinBox,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from cnnvis.errors import InvalidValue
from cnnvis.model.job import CLUSTERERS, AnalysisPlan, DataSource, Job, NetworkSource

NORMALISATIONS: dict[str, tuple[tuple[float, ...], tuple[float, ...]] | None] = {
    "ImageNet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "0.5 and 0.5": ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
    "0 to 1": None,
    "Own values": None,
}
GROUPS = {"Modules": "modules", "Runs between poolings": "runs", "Every layer": "layers"}


class PathField(QWidget):
    """A line for a path or a name, with a button that browses."""

    changed = Signal()

    def __init__(self, hint: str, browse: Callable[[QWidget], str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.line = QLineEdit()
        self.line.setPlaceholderText(hint)
        self.line.textChanged.connect(self.changed)
        button = QToolButton()
        button.setText("Browse…")
        button.setProperty("framed", True)
        button.clicked.connect(lambda: self._browsed(browse(self)))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self.line, 1)
        row.addWidget(button)
        self.setFocusProxy(self.line)

    def _browsed(self, found: str) -> None:
        if found:
            self.line.setText(found)

    def text(self) -> str:
        return self.line.text().strip()

    def set_text(self, text: str) -> None:
        self.line.setText(text)


def _file(filter_: str) -> Callable[[QWidget], str]:
    return lambda parent: QFileDialog.getOpenFileName(parent, "Choose a file", "", filter_)[0]


def _code(parent: QWidget) -> str:
    found = _file("Python (*.py)")(parent)
    return f"{found}:" if found else ""


def _folder_or_file(parent: QWidget) -> str:
    """A file first; where that is given up, a folder."""
    found = _file("Data (*.zip *.csv *.npz);;All files (*)")(parent)
    return found or QFileDialog.getExistingDirectory(parent, "Choose a folder of images")


def _section(text: str) -> QLabel:
    label = QLabel(text.upper())
    label.setProperty("tone", "section")
    return label


def _combo(items: tuple[str, ...] | list[str]) -> QComboBox:
    box = QComboBox()
    box.addItems(list(items))
    return box


def _number(least: int, most: int, special: str = "") -> QSpinBox:
    """A whole number; `special` is shown at the least value and means "none"."""
    box = QSpinBox()
    box.setRange(least, most)
    box.lineEdit().setTextMargins(8, 0, 8, 0)
    if special:
        box.setSpecialValueText(special)
    return box


def numbers(text: str, what: str) -> tuple[float, ...]:
    """The numbers of "0.5, 0.5" or "3 × 32 × 32". Raises InvalidValue."""
    cleaned = text.replace("×", ",").replace("x", ",").replace(";", ",").strip(" [](),")
    try:
        return tuple(float(part) for part in cleaned.split(",") if part.strip())
    except ValueError:
        raise InvalidValue(f"{what} must be numbers with commas between them; got {text!r}.") from None


class JobForm(QWidget):
    """Everything that a job file says, in three short sections."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._network()
        self._data()
        self._analysis()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        for title, rows in (
            ("Network", self._network_rows),
            ("Data", self._data_rows),
            ("Analysis", self._analysis_rows),
        ):
            column.addWidget(_section(title))
            form = QFormLayout()
            form.setHorizontalSpacing(16)
            form.setVerticalSpacing(8)
            form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
            for text, widget, tip in rows:
                widget.setToolTip(tip)
                widget.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
                label = QLabel(text)
                label.setFixedSize(88, widget.sizeHint().height())
                label.setBuddy(widget)
                form.addRow(label, widget)
            column.addLayout(form)
            column.addSpacing(8)
        column.addStretch(1)
        self._own_values()

    def _network(self) -> None:
        self.factory = PathField("zoo.py:resnet20 or torchvision:resnet18", _code)
        self.weights = PathField("weights.safetensors or .pt", _file("Weights (*.safetensors *.pt *.pth *.ckpt *.bin)"))
        self.before = PathField(
            "another checkpoint, to compare with", _file("Weights (*.safetensors *.pt *.pth *.ckpt *.bin)")
        )
        self.classes = PathField("names with commas, or a .txt or .json file", _file("Class names (*.txt *.json)"))
        self.input = QLineEdit()
        self.input.setPlaceholderText("3, 224, 224")
        self._network_rows: tuple[tuple[str, QWidget, str], ...] = (
            ("Factory", self.factory, "The function that makes the network: file.py:function, or a library's name"),
            ("Weights", self.weights, "The trained weights; empty for those the factory gives"),
            ("Compare", self.before, "A second checkpoint of this network: how far has each layer moved since?"),
            ("Classes", self.classes, "Their order is that of the network's output; empty for the data's own"),
            ("Input", self.input, "Channels, height and width of one image"),
        )
        for field in (self.factory, self.weights, self.before, self.classes):
            field.changed.connect(self.changed)
        self.input.textChanged.connect(self.changed)

    def _data(self) -> None:
        self.source = PathField("folder, .zip, .csv or .npz", _folder_or_file)
        self.kind = _combo(["Images", "Table"])
        self.inside = QLineEdit()
        self.inside.setPlaceholderText("test")
        self.per_class = _number(0, 1_000_000, "all")
        self.resize_to = _number(0, 10_000, "as the input")
        self.crop = _number(0, 10_000, "none")
        self.channels = _combo(["rgb", "bgr", "grey"])
        self.normalisation = _combo(list(NORMALISATIONS))
        self.mean, self.std = QLineEdit(), QLineEdit()
        self.mean.setPlaceholderText("0.485, 0.456, 0.406")
        self.std.setPlaceholderText("0.229, 0.224, 0.225")
        self._data_rows: tuple[tuple[str, QWidget, str], ...] = (
            ("Source", self.source, "A folder or zip with one sub-folder for each class, or a table"),
            ("Kind", self.kind, "Images, or rows of a table"),
            ("Inside", self.inside, "A sub-folder of the source, such as test"),
            ("Per class", self.per_class, "At most so many images of each class"),
            ("Resize", self.resize_to, "The shorter side in pixels, before the crop"),
            ("Crop", self.crop, "The side of the square cut from the centre, in pixels"),
            ("Channels", self.channels, "The order in which the network was trained"),
            ("Normalised", self.normalisation, "Mean and standard deviation of each channel, of values from 0 to 1"),
            ("Mean", self.mean, "One number for each channel"),
            ("Deviation", self.std, "One number for each channel"),
        )
        self.source.changed.connect(self.changed)
        for line in (self.inside, self.mean, self.std):
            line.textChanged.connect(self.changed)
        for number in (self.per_class, self.resize_to, self.crop):
            number.valueChanged.connect(self.changed)
        for box in (self.kind, self.channels, self.normalisation):
            box.currentIndexChanged.connect(self.changed)
        self.normalisation.currentIndexChanged.connect(self._own_values)

    def _analysis(self) -> None:
        self.groups = _combo(list(GROUPS))
        self.clusterer = _combo(list(CLUSTERERS))
        self.k = _number(0, 1000, "by the layer's size")
        self.seed = _number(0, 2**31 - 1)
        self._analysis_rows: tuple[tuple[str, QWidget, str], ...] = (
            ("Columns", self.groups, "Which layers form a column of the picture"),
            ("Clusterer", self.clusterer, "How the neurons of a layer are grouped"),
            ("Clusters", self.k, "So many in each layer, where the clusterer takes a number"),
            ("Seed", self.seed, "The same seed gives the same picture"),
        )
        for box in (self.groups, self.clusterer):
            box.currentIndexChanged.connect(self.changed)
        for number in (self.k, self.seed):
            number.valueChanged.connect(self.changed)

    def _own_values(self) -> None:
        own = self.normalisation.currentText() == "Own values"
        self.mean.setEnabled(own)
        self.std.setEnabled(own)

    def job(self, folder: Path) -> Job:
        """The job that the form describes; paths inside `folder` become relative to it. Raises InvalidValue."""
        shape = tuple(int(n) for n in numbers(self.input.text(), "Input"))
        classes = self.classes.text()
        named = tuple(c.strip() for c in classes.split(",") if c.strip()) if "," in classes else None
        mean, std = self._normalised()
        network = NetworkSource(
            factory=_inside(self.factory.text(), folder),
            weights=_inside(self.weights.text(), folder) or None,
            before=_inside(self.before.text(), folder) or None,
            classes=named or _inside(classes, folder) or None,
            input=shape,
        )
        data = DataSource(
            source=_inside(self.source.text(), folder),
            kind="table" if self.kind.currentText() == "Table" else "images",
            inside=self.inside.text().strip() or None,
            per_class=self.per_class.value() or None,
            resize=self.resize_to.value() or None,
            crop=self.crop.value() or None,  # type: ignore[arg-type]  # one number is a square
            channels=self.channels.currentText(),  # type: ignore[arg-type]
            mean=mean,
            std=std,
        )
        plan = AnalysisPlan(
            seed=self.seed.value(),
            groups=GROUPS[self.groups.currentText()],  # type: ignore[arg-type]
            clusterer=self.clusterer.currentText(),
            k=self.k.value() or None,
        )
        return Job(network, data, plan, folder)

    def _normalised(self) -> tuple[tuple[float, ...] | None, tuple[float, ...] | None]:
        chosen = self.normalisation.currentText()
        if chosen == "Own values":
            return numbers(self.mean.text(), "Mean") or None, numbers(self.std.text(), "Deviation") or None
        found = NORMALISATIONS[chosen]
        return found if found is not None else (None, None)

    def show_job(self, job: Job) -> None:
        """Fill the form from a job."""
        network, data, plan = job.network, job.data, job.analysis
        self.factory.set_text(network.factory)
        self.weights.set_text(network.weights or "")
        self.before.set_text(network.before or "")
        classes = network.classes
        self.classes.set_text(classes if isinstance(classes, str) else ", ".join(classes or ()))
        self.input.setText(", ".join(map(str, network.input)))
        self.source.set_text(data.source)
        self.kind.setCurrentIndex(int(data.kind == "table"))
        self.inside.setText(data.inside or "")
        self.per_class.setValue(data.per_class or 0)
        self.resize_to.setValue(data.resize or 0)
        self.crop.setValue(data.crop[0] if data.crop else 0)
        self.channels.setCurrentText(data.channels)
        self._show_normalisation(data)
        self.groups.setCurrentText(next(k for k, v in GROUPS.items() if v == plan.groups))
        self.clusterer.setCurrentText(plan.clusterer)
        self.k.setValue(plan.k or 0)
        self.seed.setValue(plan.seed)

    def _show_normalisation(self, data: DataSource) -> None:
        if data.mean is None or data.std is None:
            self.normalisation.setCurrentText("0 to 1")
            return
        known = next((k for k, v in NORMALISATIONS.items() if v == (data.mean, data.std)), "Own values")
        self.normalisation.setCurrentText(known)
        self.mean.setText(", ".join(f"{m:g}" for m in data.mean))
        self.std.setText(", ".join(f"{s:g}" for s in data.std))


def _inside(text: str, folder: Path) -> str:
    """A path inside the folder relative to it; anything else, and names that are no paths, as they are."""
    place, colon, name = text.rpartition(":") if text.count(":") and not os.path.exists(text) else (text, "", "")
    path = Path(place)
    if path.is_absolute() and path.is_relative_to(folder):
        return f"{path.relative_to(folder)}{colon}{name}"
    return text
