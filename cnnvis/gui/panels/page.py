"""What every page of the details panel is made from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QPushButton, QToolButton, QVBoxLayout, QWidget

from cnnvis.gui.parts import Elided, button, label, section
from cnnvis.layout.diagram import Diagram, Key
from cnnvis.layout.readings import Reading, read
from cnnvis.layout.theme import Theme
from cnnvis.model.activations import Activations
from cnnvis.model.session import Session

WIDE = 280
"""Pixels of what a page holds before it is laid out."""


@dataclass(frozen=True, eq=False)
class Scene:
    """What a page shows and whom it tells: `choose` a key of the picture, `ask` a command, `open_sample` an image.

    `whole` is the session over all its images, where `session` follows a subset or other edges. `selection` is all
    that is selected; a page is about the first of it.
    """

    session: Session
    diagram: Diagram
    theme: Theme
    choose: Callable[[Key], None]
    ask: Callable[[str, tuple[object, ...]], None]
    open_sample: Callable[[int], None]
    whole: Session | None = None
    selection: tuple[Key, ...] = ()

    @property
    def activations(self) -> Activations | None:
        return self.session.activations

    def reading(self, layer: str) -> Reading | None:
        """The responses of a layer as the cards read them; None where it is not recorded."""
        found = self.session.activations
        if found is None or layer not in found.layers:
            return None
        network = self.session.analysis.network
        shape = network.inputs[0].shape if network.inputs else ()
        extent = (shape[-2], shape[-1]) if len(shape) == 3 else None
        return read(found, network[layer], extent)


class Page(QWidget):
    """A column of sections with 16 px at the sides and 8 px between things."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("page")
        self.box = QVBoxLayout(self)
        self.box.setContentsMargins(16, 4, 16, 16)
        self.box.setSpacing(8)

    def title(self, text: str, below: str) -> None:
        """The name of what is shown and one muted line about it."""
        top = QVBoxLayout()
        top.setSpacing(2)
        top.addWidget(Elided(text, "name"))
        if below:
            top.addWidget(Elided(below, "small"))
        self.box.addLayout(top)

    def section(self, text: str, tip: str = "") -> QLabel:
        """A title in small capitals; the tooltip says how what follows was computed."""
        self.box.addSpacing(4)
        found = section(text)
        found.setToolTip(tip)
        self.box.addWidget(found)
        return found

    def add(self, widget: QWidget) -> None:
        self.box.addWidget(widget)

    def text(self, text: str, tone: str = "muted") -> QLabel:
        """A paragraph."""
        found = label(text, tone)
        found.setWordWrap(True)
        found.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.box.addWidget(found)
        return found

    def facts(self, rows: Sequence[tuple[str, str, str]]) -> None:
        """Names on the left, values on the right, each with a tooltip that says how it was computed."""
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(3)
        grid.setColumnStretch(1, 1)
        for row, (name, value, tip) in enumerate(rows):
            left, right = label(name, "muted"), label(value)
            right.setAlignment(Qt.AlignmentFlag.AlignRight)
            right.setWordWrap(True)
            left.setToolTip(tip)
            right.setToolTip(tip)
            grid.addWidget(left, row, 0)
            grid.addWidget(right, row, 1)
        self.box.addLayout(grid)

    def links(self, rows: Sequence[tuple[str, str, str, Callable[[], None]]]) -> None:
        """Lines to click: a text on the left, a number on the right, a tooltip."""
        column = QVBoxLayout()
        column.setSpacing(0)
        for text, number, tip, act in rows:
            column.addWidget(_Line(text, number, tip, act))
        self.box.addLayout(column)

    def buttons(self, *found: QPushButton) -> None:
        """A row of buttons of one width."""
        row = QHBoxLayout()
        row.setSpacing(8)
        for one in found:
            one.setMinimumWidth(0)
            one.setStyleSheet("padding-left: 4px; padding-right: 4px;")
            row.addWidget(one, 1)
        self.box.addSpacing(4)
        self.box.addLayout(row)

    def end(self) -> Page:
        self.box.addStretch(1)
        return self


class _Line(QToolButton):
    """One line that can be clicked or reached by the keyboard."""

    def __init__(self, text: str, number: str, tip: str, act: Callable[[], None]) -> None:
        super().__init__()
        self.setToolTip(tip)
        self.setAccessibleName(f"{text} {number}")
        self.clicked.connect(lambda: act())
        row = QHBoxLayout(self)
        row.setContentsMargins(4, 2, 4, 2)
        left, right = Elided(text), label(number, "muted")
        for part in (left, right):
            part.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        row.addWidget(left, 1)
        row.addWidget(right)
        self.setFixedHeight(24)
        self.setSizePolicy(left.sizePolicy().Policy.Expanding, left.sizePolicy().Policy.Fixed)


def command(scene: Scene, text: str, verb: str, tip: str = "", *arguments: object) -> QPushButton:
    """A button that gives a command of the window."""
    return button(text, lambda: scene.ask(verb, arguments), tip=tip)


def number(value: float) -> str:
    """Three figures, with a true minus."""
    if value != value:
        return "–"
    figures = f"{value:#.3g}" if 1e-4 <= abs(value) < 100 else f"{value:.3g}"
    return figures.replace("-", "−")


def both_signs(positive: float, negative: float) -> str:
    """What excites and what inhibits side by side; only one of them where the other is nothing."""
    parts = [f"{sign}{number(value)}" for sign, value in (("+", positive), ("−", negative)) if value]
    return "  ".join(parts) or "0"


def percent(share: float) -> str:
    """A share as a percentage; "<1 %" where it is small but not nothing."""
    if share != share:
        return "–"
    if 0 < share < 0.01:
        return "<1 %"
    return f"{100 * share:.0f} %"
