"""What the network takes for what: labels × predictions, with the most frequent mistakes beside them."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent, QShowEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QHeaderView,
    QStackedWidget,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from cnnvis.errors import CnnvisError
from cnnvis.gui.jobs import Jobs
from cnnvis.gui.panels.charts import ScaleBar
from cnnvis.gui.panels.matrix_grid import Grid
from cnnvis.gui.parts import Elided, label, section
from cnnvis.gui.segments import Segments
from cnnvis.layout.confusion import UNLABELLED, ConfusionMatrix, confusion_diagram, confusion_matrix
from cnnvis.layout.diagram import Diagram, Key
from cnnvis.layout.theme import LIGHT, Theme
from cnnvis.model.activations import Samples
from cnnvis.model.session import Look, Session
from cnnvis.progress import Progress

LISTED = 50
ROOMY = 560
"""From this width on the mistakes are listed beside the matrix."""
_READ = "Point at a cell to read it, click to follow it."
_WORDS = (
    ("counts", "Counts", "How many images of the class in the row are taken for the class in the column"),
    ("shares", "Percent", "Percent of the images of the class in the row"),
)


class ConfusionPanel(QWidget):
    """The confusion of all samples; nothing is computed while it is closed."""

    chosen = Signal(object)
    requested = Signal(str, object)

    def __init__(self, jobs: Jobs) -> None:
        super().__init__()
        self._jobs = jobs
        self._session: Session | None = None
        self._found: ConfusionMatrix | None = None
        self._shown: tuple[Samples | None, Look] | None = None
        self._theme = LIGHT
        self._title = Elided("", "muted", mark=" · ")
        self._kinds = Segments(_WORDS)
        self.grid = Grid()
        self.grid.setAccessibleName("Labels × predictions")
        self.pairs = QTableWidget(0, 2)
        self._side = QWidget()
        self._readout = Elided("", "small")
        self._scale = ScaleBar()
        self._hint = label(UNLABELLED, "muted")
        self._pages = QStackedWidget()
        self._build()
        self._wire()

    def _build(self) -> None:
        head, foot, middle = QHBoxLayout(), QHBoxLayout(), QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(self._title, 1)
        head.addWidget(self._kinds)
        foot.setSpacing(16)
        foot.addWidget(self._readout, 1)
        foot.addWidget(self._scale)
        self._dress_pairs()
        side = QVBoxLayout(self._side)
        side.setContentsMargins(0, 0, 0, 0)
        side.setSpacing(4)
        title = section("Most confused")
        title.setToolTip("Label, what it is taken for, and how many of the label's images are.")
        side.addWidget(title)
        side.addWidget(self.pairs, 1)
        middle.setContentsMargins(0, 0, 0, 0)
        middle.setSpacing(16)
        middle.addWidget(self.grid, 1)
        middle.addWidget(self._side)
        body = QWidget()
        body.setLayout(middle)
        self._hint.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._hint.setWordWrap(True)
        self._pages.addWidget(self._hint)
        self._pages.addWidget(body)
        box = QVBoxLayout(self)
        box.setContentsMargins(16, 0, 16, 8)
        self.setMinimumWidth(320)
        box.setSpacing(8)
        box.addLayout(head)
        box.addWidget(self._pages, 1)
        box.addLayout(foot)

    def _dress_pairs(self) -> None:
        table = self.pairs
        table.setFixedWidth(176)
        table.setShowGrid(False)
        table.setWordWrap(False)
        table.setAccessibleName("Most confused classes")
        table.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        table.setSelectionBehavior(QTableWidget.SelectionBehavior.SelectRows)
        table.setSelectionMode(QTableWidget.SelectionMode.SingleSelection)
        table.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        table.verticalHeader().hide()
        table.verticalHeader().setDefaultSectionSize(24)
        table.horizontalHeader().hide()
        table.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        table.horizontalHeader().setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)

    def _wire(self) -> None:
        self._kinds.changed.connect(lambda kind: self._put())
        self.grid.told.connect(self._tell)
        self.grid.cell_picked.connect(self._pick)
        self.grid.column_picked.connect(self._pick_column)
        self.grid.span_picked.connect(lambda group: self.requested.emit("unfold", (group,)))
        self.pairs.cellClicked.connect(lambda row, column: self._pick_pair(row))
        self.pairs.cellActivated.connect(lambda row, column: self._pick_pair(row))

    def sizeHint(self) -> QSize:
        return QSize(560, 320)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Where there is little room the matrix has it."""
        self._side.setVisible(event.size().width() >= ROOMY)
        self._scale.be_terse(event.size().width() < ROOMY)
        super().resizeEvent(event)

    # What the window tells

    def set_theme(self, theme: Theme) -> None:
        """Paint in another theme."""
        self._theme = theme
        self.grid.set_theme(theme)
        if self._found is not None:
            self._put()

    def show_session(self, session: Session | None, diagram: Diagram | None) -> None:
        """Show another session; an edit changes nothing here."""
        self._session = session
        if session is None:
            self._found = self._shown = None
        self._show()

    def show_selection(self, key: Key | None) -> None:
        """Mark the class that is selected."""
        chosen = int(key[1]) if key is not None and key[0] == "class" else -1
        columns = self._found.columns if self._found is not None else ()
        self.grid.choose_columns({j for j, column in enumerate(columns) if chosen in column.classes})

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._show()

    # What is shown

    def _show(self) -> None:
        session = self._session
        if session is None or not self.isVisible():
            return
        samples = session.activations.samples if session.activations is not None else None
        wanted = (samples, Look(order=session.look.order, unfolded=session.look.unfolded))
        if self._shown is not None and self._shown[0] is samples and self._shown[1] == wanted[1]:
            return
        self._shown = wanted

        def work(progress: Progress) -> ConfusionMatrix:
            return confusion_matrix(session)

        def done(found: ConfusionMatrix) -> None:
            if self._shown == wanted:
                self._found = found
                self._list()
                self._put()

        def failed(error: BaseException) -> None:
            self._found = None
            known = isinstance(error, CnnvisError)
            self._hint.setText(str(error) if known else "The confusion matrix could not be made.")
            self._title.setText("")
            self._readout.setText("")
            self._scale.show_scale(None, self._theme)
            self._pages.setCurrentIndex(0)

        self._jobs.start(("confusion", id(self)), work, done, failed)

    def _put(self) -> None:
        found = self._found
        if found is None:
            return
        n, right = found.confusion.n_samples, found.confusion.n_right
        self._title.setText(f"{right:,} of {n:,} right · {100 * right / n:.1f} %")
        sheet = found.sheet(shares=self._kinds.chosen == "shares")
        self.grid.show_sheet(sheet, keep=True)
        self._scale.show_scale(sheet.scale, self._theme)
        self._readout.setText(_READ)
        self._pages.setCurrentIndex(1)

    def _list(self) -> None:
        assert self._found is not None
        confusion, table = self._found.confusion, self.pairs
        found = confusion.mistakes(LISTED)
        table.setRowCount(len(found))
        for row, mistake in enumerate(found):
            names = QTableWidgetItem(f"{confusion.classes[mistake.label]} → {confusion.classes[mistake.prediction]}")
            names.setData(Qt.ItemDataRole.UserRole, (mistake.label, mistake.prediction))
            names.setToolTip(confusion.sentence(mistake.label, mistake.prediction))
            count = QTableWidgetItem(f"{mistake.count:,}")
            count.setToolTip(names.toolTip())
            count.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            table.setItem(row, 0, names)
            table.setItem(row, 1, count)

    # What the user does

    def _tell(self, row: int, column: int) -> None:
        found = self._found
        if found is None:
            return
        if row >= 0 and column >= 0:
            self._readout.setText(found.reading(row, column))
        elif column >= 0:
            self._readout.setText(f"predicted as {found.columns[column].title}: {int(found.counts[:, column].sum()):,}")
        elif row >= 0:
            self._readout.setText(f"{found.rows[row].title}: {found.noun.count(found.of[row])}")
        else:
            self._readout.setText(_READ)

    def _pick(self, row: int, column: int) -> None:
        """The samples of a cell, or the classes of a group."""
        found = self._found
        if found is None:
            return
        if column < 0:
            self._choose(found.rows[row].classes, found.rows[row].group)
            return
        cell = found.cell(row, column)
        if cell is not None and found.counts[row, column]:
            self.requested.emit("subset_cell", cell)
        elif cell is None:
            for column_ in {found.rows[row], found.columns[column]}:
                if len(column_.classes) > 1 and column_.group >= 0:
                    self.requested.emit("unfold", (column_.group,))

    def _pick_column(self, column: int) -> None:
        if self._found is not None:
            head = self._found.columns[column]
            self._choose(head.classes, head.group)

    def _choose(self, classes: tuple[int, ...], group: int) -> None:
        if len(classes) == 1:
            self.chosen.emit(("class", classes[0]))
        elif group >= 0:
            self.requested.emit("unfold", (group,))

    def _pick_pair(self, row: int) -> None:
        item = self.pairs.item(row, 0)
        if item is not None:
            self.requested.emit("subset_cell", tuple(item.data(Qt.ItemDataRole.UserRole)))

    # What others take

    def table(self) -> tuple[tuple[str, ...], list[list[str | int | float]]]:
        """What is shown as names of columns and rows; empty where nothing is."""
        return self._found.table() if self._found is not None else ((), [])

    def diagram(self) -> Diagram | None:
        """What is shown as a picture to export; None where nothing is."""
        if self._found is None or self._session is None:
            return None
        return confusion_diagram(self._session, shares=self._kinds.chosen == "shares")
