"""Edit ▸ Recluster: another clusterer, or another number of clusters, for one layer."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QComboBox, QDialog, QFormLayout, QHBoxLayout, QSpinBox, QVBoxLayout, QWidget

from cnnvis.gui.parts import button, inset, label
from cnnvis.model.analysis import Recipe
from cnnvis.model.job import CLUSTERERS

WITH_K = ("KMeans", "AgglomerativeClustering")
_WORDS = {
    "KMeans": "K-Means: round clusters of similar size",
    "MeanShift": "Mean shift: finds their number itself",
    "AgglomerativeClustering": "Agglomerative: merges what is most alike",
    "HDBSCAN": "HDBSCAN: dense groups, the rest apart",
}


class Recluster(QDialog):
    """A small form; `recipe` is what it says."""

    def __init__(self, layer: str, n_units: int, old: Recipe, n_locked: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Recluster")
        self._old = old
        self.clusterer, self.k, self.seed = QComboBox(), QSpinBox(), QSpinBox()
        for name in CLUSTERERS:
            self.clusterer.addItem(_WORDS.get(name, name), name)
        self.clusterer.setCurrentIndex(max(self.clusterer.findData(old.clusterer), 0))
        self.k.setRange(1, max(n_units, 2))
        self.k.setSpecialValueText("by the layer's size")
        self.k.setValue(old.k or 1)
        self.seed.setRange(0, 2**31 - 1)
        self.seed.setValue(old.seed)
        self.magnitude = QCheckBox("Tell strong neurons from weak ones")
        self.magnitude.setToolTip("Else only what a neuron prefers counts, not how strongly it responds")
        self.magnitude.setChecked(old.magnitude)
        inset(self.k, self.seed)
        form = QFormLayout()
        form.setSpacing(10)
        form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        form.addRow("Clusterer", self.clusterer)
        form.addRow("Clusters", self.k)
        form.addRow("Seed", self.seed)
        form.addRow("", self.magnitude)
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        buttons.addWidget(button("Cancel", self.reject))
        buttons.addWidget(button("Cluster", self.accept, "main"))
        box = QVBoxLayout(self)
        box.setContentsMargins(24, 20, 24, 16)
        box.setSpacing(12)
        box.addWidget(label(layer, "name"))
        locked = f" {n_locked} locked clusters keep their members." if n_locked > 1 else ""
        locked = " One locked cluster keeps its members." if n_locked == 1 else locked
        box.addWidget(label(f"{n_units:,} neurons.{locked}", "muted"))
        box.addLayout(form)
        box.addSpacing(8)
        box.addLayout(buttons)
        self.clusterer.currentIndexChanged.connect(self._fit)
        self._fit()

    def _fit(self) -> None:
        self.k.setEnabled(self.clusterer.currentData() in WITH_K)

    def recipe(self) -> Recipe:
        """What the form says."""
        name = str(self.clusterer.currentData())
        k = self.k.value() if name in WITH_K and self.k.value() > 1 else None
        parameters = self._old.parameters if name == self._old.clusterer else ()
        return Recipe(name, k, parameters, self.seed.value(), self.magnitude.isChecked())
