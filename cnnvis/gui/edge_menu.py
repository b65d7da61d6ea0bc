"""The menu of the edges in the top bar: what they measure, which signs, how many, and whether they are bundled."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QButtonGroup,
    QComboBox,
    QHBoxLayout,
    QMenu,
    QRadioButton,
    QSlider,
    QToolButton,
    QVBoxLayout,
    QWidget,
    QWidgetAction,
)

from cnnvis.gui.menus import COMMANDS
from cnnvis.gui.parts import label, section
from cnnvis.gui.picker import Picker
from cnnvis.gui.segments import Segments
from cnnvis.layout.columns import has_classes
from cnnvis.model.connections import Mode
from cnnvis.model.session import Look, Session

MODES: tuple[tuple[Mode, str, str], ...] = (
    ("weights × activation", "edges_activation", "Weights × activation"),
    ("weights", "edges_weights", "Weights"),
    ("class", "edges_class", "For a class"),
)
"""Each mode with its command and its words."""
SIGNS = (
    ("both", "Both", "Edges of both signs"),
    ("positive", "Exciting", "Blue edges alone; the share is counted among them"),
    ("negative", "Inhibiting", "Orange edges alone; the share is counted among them"),
)
BUNDLES = (
    ("auto", "Auto", "Bundle the edges beside columns of 16 clusters and more"),
    ("on", "All", "Bundle the edges of every lane"),
    ("off", "None", "Draw every edge by itself"),
)
COMMAND_OF: dict[Mode, str] = {mode: verb for mode, verb, *_ in MODES}
WIDTH = 272
_SHORT = 14


class EdgeMenu(QToolButton):
    """Says which edges are shown and lets the user choose. `requested` tells a command and its arguments."""

    requested = Signal(str, object)

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("framed", True)
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.setToolTip("Which edges are drawn, and how many")
        self._look = Look()
        self._classes: tuple[str, ...] = ()
        self._modes = QButtonGroup(self)
        self._class = Picker()
        self._signs, self._bundles = Segments(SIGNS), Segments(BUNDLES)
        self._share = label("", "small")
        self._slider = QSlider(Qt.Orientation.Horizontal)
        self._wait = QTimer(self)
        self._wait.setSingleShot(True)
        self._wait.setInterval(60)
        self._build()
        self._connect()
        self.show_look(None)

    def _build(self) -> None:
        self._slider.setRange(0, 100)
        self._slider.setPageStep(5)
        self._slider.setAccessibleName("Share of edges")
        self._slider.setToolTip("The share of the strongest edges; each cluster keeps its strongest ones always")
        self._class.setAccessibleName("Class that edges lead to")
        self._class.setMinimumContentsLength(8)
        self._class.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        body = QWidget()
        body.setFixedWidth(WIDTH)
        box = QVBoxLayout(body)
        box.setContentsMargins(16, 12, 16, 16)
        box.setSpacing(8)
        box.addWidget(section("Edges show"))
        for place, (mode, verb, words) in enumerate(MODES):
            one = QRadioButton(words)
            one.setToolTip(COMMANDS[verb].tip)
            self._modes.addButton(one, place)
            row = QHBoxLayout()
            row.addWidget(one)
            if mode == "class":
                row.addWidget(self._class, 1)
            box.addLayout(row)
        box.addSpacing(4)
        box.addWidget(section("Signs"))
        box.addWidget(self._signs, 0, Qt.AlignmentFlag.AlignLeft)
        box.addSpacing(4)
        row = QHBoxLayout()
        row.addWidget(section("Strongest shown"), 1)
        row.addWidget(self._share)
        box.addLayout(row)
        box.addWidget(self._slider)
        box.addSpacing(4)
        box.addWidget(section("Bundles"))
        box.addWidget(self._bundles, 0, Qt.AlignmentFlag.AlignLeft)
        action = QWidgetAction(self)
        action.setDefaultWidget(body)
        menu = QMenu(self)
        menu.addAction(action)
        self.setMenu(menu)

    def _connect(self) -> None:
        self._modes.idClicked.connect(lambda place: self.requested.emit(MODES[place][1], ()))
        self._class.activated.connect(lambda index: self.requested.emit("edges_class", (index,)))
        self._signs.changed.connect(lambda name: self.requested.emit("edge_signs", (name,)))
        self._bundles.changed.connect(lambda name: self.requested.emit(f"bundles_{name}", ()))
        self._slider.valueChanged.connect(self._slid)
        self._wait.timeout.connect(lambda: self.requested.emit("edges", (self._slider.value() / 100,)))

    def show_look(self, session: Session | None) -> None:
        """Show what is chosen without telling anyone."""
        self._look = session.look if session is not None else Look()
        network = session.analysis.network if session is not None else None
        self._fill(network.classes if network is not None and has_classes(network) else ())
        for place, (mode, *_) in enumerate(MODES):
            one = self._modes.button(place)
            one.setChecked(mode == self._look.mode)
            one.setEnabled(mode != "class" or bool(self._classes))
        self._signs.choose(self._look.signs)
        self._bundles.choose(self._look.bundles)
        if not self._wait.isActive():
            self._slider.blockSignals(True)
            self._slider.setValue(round(100 * self._look.share))
            self._slider.blockSignals(False)
        self._say()

    def _fill(self, classes: tuple[str, ...]) -> None:
        if classes != self._classes:
            self._classes = classes
            self._class.clear()
            self._class.addItems(list(classes))
            self._class.fit()
        self._class.setEnabled(bool(classes))
        self._class.setCurrentIndex(-1 if self._look.chosen is None else self._look.chosen)

    def _slid(self) -> None:
        self._say()
        self._wait.start()

    def _say(self) -> None:
        share = f"{self._slider.value()} %"
        self._share.setText(share)
        parts = [f"top {share}"]
        if self._look.mode == "weights":
            parts.insert(0, "weights")
        elif self._look.mode == "class" and self._look.chosen is not None and self._look.chosen < len(self._classes):
            name = self._classes[self._look.chosen]
            parts.insert(0, name if len(name) <= _SHORT else f"{name[: _SHORT - 1].rstrip()}…")
        if self._look.signs != "both":
            parts.append({"positive": "exciting", "negative": "inhibiting"}[self._look.signs])
        self.setText(f"Edges  {' · '.join(parts)}  ▾")
