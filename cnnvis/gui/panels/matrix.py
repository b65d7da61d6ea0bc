"""The large matrix: the neurons of what is selected × the classes; read, selected, regrouped."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import QPoint, QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QMenu, QStackedWidget, QToolButton, QVBoxLayout, QWidget

from cnnvis.errors import CnnvisError
from cnnvis.gui.jobs import Jobs
from cnnvis.gui.panels.charts import ScaleBar
from cnnvis.gui.panels.matrix_frame import Zoom
from cnnvis.gui.panels.matrix_grid import Grid
from cnnvis.gui.parts import Elided, button, label
from cnnvis.gui.segments import Segments
from cnnvis.layout.diagram import Diagram, Key
from cnnvis.layout.matrix import KINDS, Kind, Matrix, matrix, matrix_diagram
from cnnvis.layout.theme import LIGHT, Theme
from cnnvis.model.activations import Activations
from cnnvis.model.session import Session
from cnnvis.model.viewed import viewed
from cnnvis.progress import Progress

HINT = "Select a layer or a cluster to see its neurons × classes."
ROOMY = 560
"""From this width on the layer is named beside the switches."""
NARROW = 480
"""Below this width only the switch between readings is left."""
_WORDS = (
    ("responses", "Responses", "The mean response of each neuron to each class"),
    ("selectivity", "Selectivity", "How many standard deviations a neuron answers a class more than its own mean"),
    ("contribution", "Contribution", "The mean effect of each neuron on the logit of the images' own class"),
)


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose neurons are shown: those of a layer, or of some of its clusters by id."""

    layer: str
    clusters: tuple[int, ...] = ()


class MatrixPanel(QWidget):
    """Neurons × classes of what is selected; nothing is computed while it is closed.

    `selection` tells all that is selected: a panel alone is told the first key only.
    """

    chosen = Signal(object)
    requested = Signal(str, object)

    def __init__(self, jobs: Jobs, selection: Callable[[], tuple[Key, ...]] = tuple) -> None:
        super().__init__()
        self._jobs, self._selection = jobs, selection
        self._session: Session | None = None
        self._subject: Subject | None = None
        self._matrix: Matrix | None = None
        self._shown: tuple[Session, Subject, Kind] | None = None
        self._seen: Activations | None = None
        self._theme = LIGHT
        self._title = Elided("", "muted")
        self._kinds = Segments(_WORDS)
        self._own = _toggle("Own order", "Order the classes by these neurons alone, not as everywhere in the network")
        self._whole = _toggle("Fit rows", "Show all rows at once; Ctrl+wheel makes cells larger or smaller")
        self.grid = Grid()
        self.grid.setAccessibleName("Neurons × classes")
        self._readout = Elided("", "small", mark=". ")
        self._scale = ScaleBar()
        self._hint = label(HINT, "muted")
        self._measure = button("Measure contributions", lambda: self.requested.emit("contribute", ()))
        self._pages = QStackedWidget()
        self._build()
        self._wire()

    def _build(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(self._title, 1)
        for widget in (self._kinds, self._own, self._whole):
            head.addWidget(widget)
        foot = QHBoxLayout()
        foot.setSpacing(16)
        foot.addWidget(self._readout, 1)
        foot.addWidget(self._scale)
        empty = QWidget()
        column = QVBoxLayout(empty)
        self._hint.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._hint.setWordWrap(True)
        column.addStretch(1)
        column.addWidget(self._hint)
        column.addWidget(self._measure, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(1)
        self._pages.addWidget(empty)
        self._pages.addWidget(self.grid)
        box = QVBoxLayout(self)
        box.setContentsMargins(16, 0, 16, 8)
        self.setMinimumWidth(360)
        box.setSpacing(8)
        box.addLayout(head)
        box.addWidget(self._pages, 1)
        box.addLayout(foot)
        self._say(HINT)

    def _wire(self) -> None:
        grid = self.grid
        self._kinds.changed.connect(lambda kind: self._show())
        self._own.clicked.connect(lambda on: self.requested.emit("class_order", ("local" if on else "network",)))
        self._whole.clicked.connect(lambda on: grid.set_zoom(Zoom(whole=on)))
        grid.told.connect(self._tell)
        grid.rows_picked.connect(self._pick_rows)
        grid.column_picked.connect(self._pick_column)
        grid.span_picked.connect(lambda group: self.requested.emit("unfold", (group,)))
        grid.rows_dropped.connect(self._drop)
        grid.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        grid.customContextMenuRequested.connect(self._menu)

    def sizeHint(self) -> QSize:
        return QSize(640, 320)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Where there is little room the switches have it."""
        wide = event.size().width()
        self._title.setVisible(wide >= ROOMY or wide < NARROW)
        self._scale.be_terse(wide < ROOMY)
        for toggle in (self._own, self._whole):
            toggle.setVisible(wide >= NARROW)
        super().resizeEvent(event)

    # What the window tells

    def set_theme(self, theme: Theme) -> None:
        """Paint in another theme."""
        self._theme = theme
        self.grid.set_theme(theme)
        self._scale.show_scale(self._matrix.sheet().scale if self._matrix is not None else None, theme)

    def show_session(self, session: Session | None, diagram: Diagram | None) -> None:
        """Show the same neurons in another state of the session."""
        self._session = session
        if session is None:
            self._subject = self._matrix = self._shown = None
            self._say(HINT)
            return
        self._own.setChecked(session.look.order == "local")
        self._follow()

    def show_selection(self, key: Key | None) -> None:
        """Show the neurons of what is selected; of a neuron that is shown already only its row."""
        self._follow()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._follow()

    def _follow(self) -> None:
        if self._session is None or not self.isVisible():
            return
        subject = subject_of(self._selection(), self._session, self._subject)
        if subject != self._subject or self._shown is None or not self._same(self._shown[0]):
            self._subject = subject
            self._show()
        else:
            self._mark()

    def _same(self, other: Session) -> bool:
        """Whether another session looks the same here."""
        now = self._session
        assert now is not None
        look, before = now.look, other.look
        seen = (look.order, look.unfolded, look.subset, look.chosen)
        return (
            viewed(now).activations is self._seen
            and now.activations is other.activations
            and now.analysis is other.analysis
            and now.measurements is other.measurements
            and seen == (before.order, before.unfolded, before.subset, before.chosen)
        )

    # What is shown

    @property
    def layer(self) -> str:
        """The layer of the neurons that are shown; "" while there are none."""
        return self._matrix.layer.name if self._matrix is not None else ""

    @property
    def kind(self) -> Kind:
        return next(kind for kind in KINDS if kind == self._kinds.chosen)

    def _target(self) -> int | None:
        """The chosen class, where the contributions to it were measured."""
        assert self._session is not None
        wanted = self._session.look.chosen
        return wanted if wanted in viewed(self._session).measurements.contributions else None

    def _show(self) -> None:
        """Compute the matrix in the background and show it."""
        session, subject, kind = self._session, self._subject, self.kind
        if session is None or not self.isVisible():
            return
        if subject is None:
            self._say(HINT)
            return
        target = self._target() if kind == "contribution" else None
        self._seen = viewed(session).activations

        def work(progress: Progress) -> Matrix:
            return matrix(session, subject.layer, subject.clusters, kind, target)

        def done(found: Matrix) -> None:
            if session is self._session and subject == self._subject and kind == self.kind:
                self._put(found, (session, subject, kind))

        def failed(error: BaseException) -> None:
            self._shown = (session, subject, kind)
            known = isinstance(error, CnnvisError)
            self._say(str(error) if known else "The matrix could not be made.", measure=kind == "contribution")

        self._jobs.start(("matrix", id(self)), work, done, failed)

    def _put(self, found: Matrix, shown: tuple[Session, Subject, Kind]) -> None:
        before, self._shown, self._matrix = self._shown, shown, found
        sheet = found.sheet()
        named = found.clusters[0][0].name if shown[1].clusters and len(found.clusters) == 1 else ""
        self._title.setText(" · ".join(part for part in (found.layer.name, named) if part))
        self._title.setToolTip(self._rest())
        self.grid.show_sheet(sheet, keep=before is not None and before[1:] == shown[1:])
        self._scale.show_scale(sheet.scale, self._theme)
        self._readout.setText(self._rest())
        self._pages.setCurrentWidget(self.grid)
        self._mark()

    def _rest(self) -> str:
        """What is shown, in words, while nobody points at anything."""
        found = self._matrix
        if found is None:
            return ""
        n, k, classes = len(found.units), len(found.clusters), sum(len(c.classes) for c in found.columns)
        words = f"{n:,} neuron{'' if n == 1 else 's'} × {classes:,} classes"
        if k < 2:
            return f"{words}. Point at a cell to read it."
        return f"{words} in {k} clusters. Point to read; drag rows onto another cluster to move them."

    def _say(self, sentence: str, *, measure: bool = False) -> None:
        """One sentence in the place of the matrix."""
        self._matrix = None
        self._hint.setText(sentence)
        self._measure.setVisible(measure)
        self._title.setText(self._subject.layer if self._subject is not None else "")
        self._readout.setText("")
        self._scale.show_scale(None, self._theme)
        self._pages.setCurrentIndex(0)

    def _mark(self) -> None:
        """Mark what is selected in the rows and columns."""
        found = self._matrix
        if found is None:
            return
        keys = self._selection()
        units = {key[2] for key in keys if key[0] == "unit" and key[1] == found.layer.name}
        classes = {int(key[1]) for key in keys if key[0] == "class"}
        self.grid.select({row for row, unit in enumerate(found.units.tolist()) if unit in units})
        self.grid.choose_columns({j for j, c in enumerate(found.columns) if classes & set(c.classes)})

    # What the user does

    def _tell(self, row: int, column: int) -> None:
        found = self._matrix
        if found is None:
            return
        if row >= 0 and column >= 0:
            self._readout.setText(found.reading(row, column))
        elif row >= 0:
            self._readout.setText(f"{found.layer.unit(int(found.units[row]))} · click to select")
        elif column >= 0:
            head = found.columns[column]
            self._readout.setText(f"{head.title} · n = {head.n:,}")
        else:
            self._readout.setText(self._rest())

    def _pick_rows(self, rows: tuple[int, ...]) -> None:
        if self._matrix is None:
            return
        keys = tuple(("unit", self._matrix.layer.name, int(self._matrix.units[row])) for row in rows)
        if len(keys) == 1:
            self.chosen.emit(keys[0])
        elif keys:
            self.requested.emit("select", (keys,))

    def _pick_column(self, column: int) -> None:
        if self._matrix is None:
            return
        head = self._matrix.columns[column]
        if len(head.classes) > 1:
            self.requested.emit("unfold", (head.group,))
        elif head.classes:
            self.chosen.emit(("class", head.classes[0]))
        else:
            self.requested.emit("show_subset", (head.title,))

    def _drop(self, rows: tuple[int, ...], cluster: int) -> None:
        if self._matrix is not None:
            units = tuple(int(self._matrix.units[row]) for row in rows)
            self.requested.emit("move", (self._matrix.layer.name, units, cluster))

    def _menu(self, where: QPoint) -> None:
        """Move the selected rows without dragging."""
        found, rows = self._matrix, self.grid.selected
        partition = self._session.analysis.clusters.get(found.layer.name) if self._session and found else None
        if found is None or partition is None or not rows:
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        n = len(rows)
        to = menu.addMenu(f"Move {n} neurons to" if n > 1 else f"Move :{found.units[rows[0]]} to")
        for cluster in partition:
            to.addAction(f"{cluster.title} · {cluster.id}", partial(self._drop, rows, cluster.id))
        menu.popup(self.grid.viewport().mapToGlobal(where))

    # What others take

    def table(self) -> tuple[tuple[str, ...], list[list[str | int | float]]]:
        """What is shown as names of columns and rows; empty where nothing is."""
        return self._matrix.table() if self._matrix is not None else ((), [])

    def diagram(self) -> Diagram | None:
        """What is shown as a picture to export; None where nothing is."""
        if self._shown is None or self._matrix is None:
            return None
        session, subject, kind = self._shown
        return matrix_diagram(session, subject.layer, subject.clusters, kind, self._matrix.target)


def _toggle(text: str, tip: str) -> QToolButton:
    found = QToolButton()
    found.setText(text)
    found.setToolTip(tip)
    found.setCheckable(True)
    found.setProperty("choice", True)
    return found


def subject_of(keys: tuple[Key, ...], session: Session, shown: Subject | None) -> Subject | None:
    """Whose neurons to show for what is selected.

    Clusters of the first one's layer; of a neuron its cluster, unless it is shown already; a layer. For anything else
    what is shown stays; at first it is the last group's layer.
    """
    analysis = session.analysis
    key = keys[0] if keys else None
    if key is not None and key[0] == "cluster":
        layer = str(key[1])
        return Subject(layer, tuple(sorted(int(k[2]) for k in keys if k[0] == "cluster" and k[1] == layer)))
    if key is not None and key[0] == "unit" and str(key[1]) in analysis.clusters:
        layer, unit = str(key[1]), int(key[2])
        partition = analysis.clusters[layer]
        if shown is not None and shown.layer == layer:
            members = {u for c in partition if c.id in shown.clusters for u in c.members}
            if not shown.clusters or unit in members:
                return _kept(shown, session)
        return Subject(layer, (partition.cluster_of(unit).id,))
    known = session.activations.layers if session.activations is not None else ()
    if key is not None and key[0] == "column" and str(key[1]) in known:
        return Subject(str(key[1]))
    return _kept(shown, session) if shown is not None else _first(session)


def _kept(shown: Subject, session: Session) -> Subject | None:
    """What was shown, as far as it is still there."""
    if session.activations is None or shown.layer not in session.activations.layers:
        return _first(session)
    partition = session.analysis.clusters.get(shown.layer, ())
    return Subject(shown.layer, tuple(i for i in shown.clusters if i in {c.id for c in partition}))


def _first(session: Session) -> Subject | None:
    """The deepest group's layer that is not the output."""
    known = session.activations.layers if session.activations is not None else ()
    output = session.analysis.network.output
    found = [g.representative for g in session.analysis.groups if g.representative in known]
    hidden = [name for name in found if name != output]
    return Subject((hidden or found)[-1]) if found else None
