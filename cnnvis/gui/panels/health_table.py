"""The health of all layers in one table: sort by a column, click a row to go to its layer."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QStackedWidget,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from cnnvis.gui.jobs import Jobs
from cnnvis.gui.panels.page import number, percent
from cnnvis.gui.parts import button, label
from cnnvis.layout.diagram import Diagram, Key
from cnnvis.model.measurements import Health, LayerHealth
from cnnvis.model.session import Session
from cnnvis.model.viewed import shown_subset, viewed
from cnnvis.progress import Progress


@dataclass(frozen=True, slots=True)
class Column:
    """One number of each layer: its title, how it was computed, and its value as a text."""

    title: str
    tip: str
    value: Callable[[LayerHealth], float]
    text: Callable[[float], str] = number
    rare: bool = False

    def shown(self, value: float) -> bool:
        """Whether a value is worth a column."""
        return not math.isnan(value) and (value > 0 or not self.rare)


def _count(n: float) -> str:
    return f"{n:,.0f}"


COLUMNS = (
    Column("dead", "Share of neurons that never fire, over the images that are shown", lambda x: x.dead, percent),
    Column("saturated", "Share of neurons at a bound of their activation", lambda x: x.saturated, percent),
    Column("mean", "Mean response over neurons and images", lambda x: x.mean),
    Column("spread", "Mean over neurons of the standard deviation over images", lambda x: x.spread),
    Column("negative", "Share of the weights that are negative", lambda x: x.negative, percent),
    Column("‖w‖", "Euclidean norm of the weights", lambda x: x.norm),
    Column("‖g‖", "Norm of the gradient of the mean loss with respect to the weights", lambda x: x.gradient),
    Column("‖g‖/‖w‖", "A step of gradient descent with rate 1, beside the weights", lambda x: x.ratio),
    Column("‖g‖·‖w‖", "Sensitivity of the loss to relative changes; comparable", lambda x: x.gradient * x.norm),
    Column("NaN, Inf", "Values that are no numbers", lambda x: float(x.n_nan + x.n_inf), _count, True),
    Column("moved", "‖ΔW‖/‖W‖ since the second checkpoint", lambda x: x.change, percent),
)


class HealthTable(QStackedWidget):
    """A table over all layers, or the offer to measure."""

    chosen = Signal(object)
    requested = Signal(str, object)

    def __init__(self, jobs: Jobs, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setContentsMargins(12, 0, 8, 8)
        self._jobs = jobs
        self._session: Session | None = None
        self._basis: tuple[object, ...] = (None,)
        self.table = QTableWidget(0, 1 + len(COLUMNS))
        self._dress()
        self.table.sortByColumn(0, Qt.SortOrder.AscendingOrder)
        offer = QWidget()
        box = QVBoxLayout(offer)
        box.setContentsMargins(16, 8, 16, 16)
        box.addWidget(label("Health is not measured yet.", "muted"))
        ask = button("Measure health", lambda: self.requested.emit("measure_health", ()), "main")
        ask.setToolTip("Gradients over 64 images; takes seconds")
        box.addWidget(ask, 0, Qt.AlignmentFlag.AlignLeft)
        box.addStretch(1)
        self.addWidget(offer)
        self.addWidget(self._page())

    def _page(self) -> QWidget:
        """The table, and above it a line on the subset that is shown."""
        page = QWidget()
        box = QVBoxLayout(page)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(4)
        self._over = QWidget()
        line = QHBoxLayout(self._over)
        line.setContentsMargins(4, 0, 0, 0)
        self._words = label("", "small")
        self._gradients = button("Measure gradients", lambda: self.requested.emit("measure_health", ()))
        self._gradients.setToolTip("Over 64 of these images; takes seconds")
        line.addWidget(self._words)
        line.addWidget(self._gradients)
        line.addStretch(1)
        box.addWidget(self._over)
        box.addWidget(self.table)
        return page

    def _dress(self) -> None:
        table = self.table
        head = QTableWidgetItem("layer")
        head.setTextAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        head.setToolTip("In the order of the network; click a row to go there, a title to sort")
        table.setHorizontalHeaderItem(0, head)
        for place, column in enumerate(COLUMNS, 1):
            head = QTableWidgetItem(column.title)
            head.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            head.setToolTip(column.tip)
            table.setHorizontalHeaderItem(place, head)
        table.verticalHeader().hide()
        table.verticalHeader().setDefaultSectionSize(22)
        table.setShowGrid(False)
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        table.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        table.horizontalHeader().setMinimumSectionSize(64)
        table.horizontalHeader().setStretchLastSection(False)
        table.horizontalHeader().setHighlightSections(False)
        table.setAccessibleName("Health of all layers")
        table.cellClicked.connect(lambda row, column: self._choose(row))
        table.cellActivated.connect(lambda row, column: self._choose(row))

    def _choose(self, row: int) -> None:
        cell = self.table.item(row, 0)
        if cell is not None:
            self.chosen.emit(("column", cell.text()))

    def show_session(self, session: Session | None, diagram: Diagram | None) -> None:
        """Show another health; the order that the user has chosen stays."""
        self._session = session
        self._follow()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._follow()

    def _follow(self) -> None:
        """Read the health of what is shown: of a subset in the background, once somebody looks at it."""
        session = self._session
        shown = viewed(session) if session is not None else None
        health = shown.measurements.health if shown is not None else None
        subset = shown_subset(shown) if shown is not None else ""
        self.setCurrentIndex(0 if health is None else 1)
        if session is None or shown is None or health is None or not subset:
            self._put((health,), health)
            return
        part = session.measurements.over(subset).health
        basis = (session.measurements.health, part, shown.activations, subset)
        if not self.isVisible() or _same(basis, self._basis):
            return

        def work(progress: Progress) -> Health:
            return replace(health, layers=dict(health.layers))

        def done(found: Health) -> None:
            if session is self._session:
                self._put(basis, found)

        self._jobs.start(("health", id(self)), work, done, lambda error: self._put((None,), None))

    def _put(self, basis: tuple[object, ...], health: Health | None) -> None:
        if _same(basis, self._basis):
            return
        self._basis = basis
        subset = health.subset if health is not None else ""
        missing = health is not None and not health.n_samples
        self._words.setText(f"over “{subset}”" + ("; gradients are not measured over it yet" if missing else ""))
        self._gradients.setVisible(missing)
        self._over.setVisible(bool(subset))
        self._fill(health)

    def _fill(self, health: Health | None) -> None:
        table = self.table
        table.setSortingEnabled(False)
        layers = list(health.layers.values()) if health is not None else []
        table.setRowCount(len(layers))
        for row, one in enumerate(layers):
            table.setItem(row, 0, Cell(one.layer, float(row), left=True))
            for place, column in enumerate(COLUMNS, 1):
                value = column.value(one)
                table.setItem(row, place, Cell(column.text(value), value))
        for place, column in enumerate(COLUMNS, 1):
            table.setColumnHidden(place, not any(column.shown(column.value(one)) for one in layers))
        table.setSortingEnabled(True)

    def show_selection(self, key: Key | None) -> None:
        """Mark the row of the layer that is selected, or of which something is."""
        layer = str(key[1]) if key is not None and key[0] in ("column", "cluster", "unit") else ""
        rows = [row for row in range(self.table.rowCount()) if self._layer(row) == layer]
        if rows:
            self.table.selectRow(rows[0])
        else:
            self.table.clearSelection()

    def _layer(self, row: int) -> str:
        cell = self.table.item(row, 0)
        return cell.text() if cell is not None else ""


def _same(one: tuple[object, ...], other: tuple[object, ...]) -> bool:
    """Whether two tables are read from the very same values."""
    return len(one) == len(other) and all(a is b for a, b in zip(one, other))


class Cell(QTableWidgetItem):
    """Sorted by its value, not by its text; what means nothing for a layer comes last in either order."""

    def __init__(self, text: str, value: float, left: bool = False) -> None:
        super().__init__(text)
        self.value = value
        side = Qt.AlignmentFlag.AlignLeft if left else Qt.AlignmentFlag.AlignRight
        self.setTextAlignment(side | Qt.AlignmentFlag.AlignVCenter)

    def __lt__(self, other: QTableWidgetItem) -> bool:
        if not isinstance(other, Cell):
            return super().__lt__(other)
        if math.isnan(self.value) or math.isnan(other.value):
            mine, others = math.isnan(self.value), math.isnan(other.value)
            return mine != others and mine == self._descending()  # Qt sorts downwards by asking the other way round
        return self.value < other.value

    def _descending(self) -> bool:
        table = self.tableWidget()
        order = table.horizontalHeader().sortIndicatorOrder() if table is not None else Qt.SortOrder.AscendingOrder
        return order == Qt.SortOrder.DescendingOrder
