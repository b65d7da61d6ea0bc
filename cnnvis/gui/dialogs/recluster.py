"""Edit ▸ Recluster: another clusterer, its parameters, another number of clusters; for one layer or all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QComboBox,
    QDialog,
    QFormLayout,
    QHBoxLayout,
    QRadioButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from cnnvis.gui.dialogs.parameters import PARAMETERS, Field
from cnnvis.gui.parts import button, inset, label, level, line
from cnnvis.gui.regrouping import Preview, Reclustering
from cnnvis.model.analysis import Analysis, Recipe
from cnnvis.model.job import CLUSTERERS

WITH_K = ("KMeans", "AgglomerativeClustering")
_WORDS = {
    "KMeans": "K-Means: round clusters of similar size",
    "MeanShift": "Mean shift: finds their number itself",
    "AgglomerativeClustering": "Agglomerative: merges what is most alike",
    "HDBSCAN": "HDBSCAN: dense groups, the rest apart",
}
_PAUSE_MS = 250
Try = Callable[[Reclustering, Callable[[Preview], None]], None]


class Recluster(QDialog):
    """A form; `wish` is what it says. `try_out` works out what would come of it, in the background."""

    def __init__(
        self, layer: str, analysis: Analysis, try_out: Try | None = None, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Recluster")
        self._layer, self._analysis, self._try = layer, analysis, try_out
        self._old = old = analysis.recipe(layer)
        self._fields: dict[str, Field] = {}
        self.clusterer, self.k, self.seed = QComboBox(), QSpinBox(), QSpinBox()
        for name in CLUSTERERS:
            self.clusterer.addItem(_WORDS.get(name, name), name)
        if self.clusterer.findData(old.clusterer) < 0:
            self.clusterer.addItem(old.clusterer, old.clusterer)
        self.clusterer.setCurrentIndex(self.clusterer.findData(old.clusterer))
        self.k.setRange(1, max(analysis.network[layer].n_units, 2))
        self.k.setSpecialValueText("by the layer's size")
        self.k.setValue(old.k or 1)
        self.seed.setRange(0, 2**31 - 1)
        self.seed.setValue(old.seed)
        self.magnitude = QCheckBox("Tell strong neurons from weak ones")
        self.magnitude.setToolTip("Else only what a neuron prefers counts, not how strongly it responds")
        self.magnitude.setChecked(old.magnitude)
        self.keep = QCheckBox()
        self.keep.setChecked(True)
        self.one, self.all = QRadioButton(f"{layer} only"), QRadioButton("All layers")
        self.all.setToolTip("Layers that nobody has opened yet are clustered like this when they are")
        self.one.setChecked(True)
        self._preview = label(" ", "muted")
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(_PAUSE_MS)
        self._pause.timeout.connect(self._try_out)
        self._build()
        self._connect()
        self._fit()

    def _build(self) -> None:
        inset(self.k, self.seed)
        self._form = form = QFormLayout()
        form.setSpacing(8)
        form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        form.addRow("Clusterer", self.clusterer)
        form.addRow("Clusters", self.k)
        form.addRow("Seed", self.seed)
        form.addRow("", self.magnitude)
        scope, group = QHBoxLayout(), QButtonGroup(self)
        scope.setSpacing(16)
        for one in (self.one, self.all):
            group.addButton(one)
            scope.addWidget(one)
        scope.addStretch(1)
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        buttons.addWidget(button("Cancel", self.reject))
        buttons.addWidget(button("Cluster", self.accept, "main"))
        box = QVBoxLayout(self)
        box.setContentsMargins(24, 24, 24, 16)
        box.setSpacing(8)
        box.addWidget(label(self._layer, "name"))
        box.addWidget(label(self._size(), "muted"))
        box.addSpacing(8)
        box.addLayout(form)
        box.addWidget(line())
        box.addLayout(scope)
        box.addWidget(self.keep)
        box.addWidget(line())
        box.addWidget(self._preview)
        box.addSpacing(8)
        box.addLayout(buttons)
        self.setMinimumWidth(448)

    def _connect(self) -> None:
        self.clusterer.currentIndexChanged.connect(self._fit)
        self.k.valueChanged.connect(self._changed)
        self.seed.valueChanged.connect(self._changed)
        self.magnitude.toggled.connect(self._changed)
        self.keep.toggled.connect(self._changed)
        self.one.toggled.connect(self._say_locked)

    def _size(self) -> str:
        n = self._analysis.network[self._layer].n_units
        by_hand = ", changed by hand" if self._layer in self._analysis.edited else ""
        return f"{n:,} neuron{'' if n == 1 else 's'}, now by {str(self._old).removesuffix('()')}{by_hand}"

    @property
    def _name(self) -> str:
        return str(self.clusterer.currentData())

    def _fit(self) -> None:
        """Show the fields of the chosen clusterer."""
        self.k.setEnabled(self._name in WITH_K or (self._name == self._old.clusterer and self._old.k is not None))
        self._form.setRowVisible(self.k, self.k.isEnabled())
        for name in self._fields:
            self._form.removeRow(self._fields[name].widget)
        given = dict(self._old.parameters) if self._name == self._old.clusterer else {}
        self._fields = {p.name: Field(p, given.get(p.name)) for p in PARAMETERS.get(self._name, ())}
        for place, field in enumerate(self._fields.values()):
            self._form.insertRow(2 + place, field.parameter.words, field.widget)
            field.changed.connect(self._changed)
        level(self._form)
        self._say_locked()

    def _say_locked(self) -> None:
        layers = [self._layer] if self.one.isChecked() else list(self._analysis.clusters)
        n = sum(c.locked for name in layers for c in self._analysis.clusters.get(name, ()))
        self.keep.setVisible(n > 0)
        self.keep.setText("Keep the locked cluster" if n == 1 else f"Keep the {n} locked clusters")
        self._changed()

    # What comes of it

    def _changed(self) -> None:
        if self._try is not None:
            self._preview.setText("Trying …")
            self._pause.start()

    def _try_out(self) -> None:
        wish = self.wish()
        if self._try is not None:
            self._try(Reclustering(wish.recipe, (self._layer,), wish.keep_locked), self._show)

    def _show(self, found: Preview) -> None:
        self._preview.setText(found.words if self.one.isChecked() else f"{self._layer}: {found.words}")

    def recipe(self) -> Recipe:
        """The clusterer and its parameters as the form says."""
        same = self._name == self._old.clusterer
        k = self.k.value() if self.k.isEnabled() and self.k.value() > 1 else None
        given: dict[str, Any] = dict(self._old.parameters) if same else {}
        for name, field in self._fields.items():
            given.pop(name, None)
            if field.value is not None:
                given[name] = field.value
        return Recipe(self._name, k, tuple(sorted(given.items())), self.seed.value(), self.magnitude.isChecked())

    def wish(self) -> Reclustering:
        """What the form says."""
        layers = (self._layer,) if self.one.isChecked() else ()
        return Reclustering(self.recipe(), layers, self.keep.isChecked() or not self.keep.isVisibleTo(self))
