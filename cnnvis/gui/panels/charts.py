"""Bars, matrices and histograms of the details panel, each reading its values on hover."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QHelpEvent, QImage, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QToolTip, QVBoxLayout, QWidget

from cnnvis.gui.parts import label
from cnnvis.layout.diagram import Ink
from cnnvis.layout.sheet import Scale
from cnnvis.layout.theme import LIGHT, Theme, blend
from cnnvis.model.nouns import Noun
from cnnvis.painting.paint import colour, font

ROW = 17
LEFT = 88
_NAMES = 0.4
"""The share of the width that long names may take."""
RAMP = 96
"""The width of the bar that explains shades."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: its name, its value, what stands right of it, and what hovering it tells.

    `tick` is a second value to compare with, drawn as a line across the bar.
    """

    name: str
    value: float
    text: str
    tip: str
    ink: Ink
    act: Callable[[], None] | None = None
    tick: float | None = None


class Bars(QWidget):
    """Horizontal bars from a common zero; negative ones go left of it."""

    def __init__(self, bars: Sequence[Bar], theme: Theme) -> None:
        super().__init__()
        self._bars, self._theme = tuple(bars), theme
        self.setFixedHeight(max(ROW * len(self._bars), 1))
        self.setMouseTracking(True)
        self.setAccessibleName("; ".join(f"{b.name} {b.text}" for b in self._bars))

    def reword(self, noun: Noun) -> None:
        """Let what the pointer reads say what the network was shown."""
        self._bars = tuple(replace(bar, tip=noun.say(bar.tip)) for bar in self._bars)

    def _at(self, y: float) -> Bar | None:
        row = int(y // ROW)
        return self._bars[row] if 0 <= row < len(self._bars) else None

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        values = np.array([v for b in self._bars for v in (b.value, b.tick) if v is not None], float)
        values = values[np.isfinite(values)]
        low, high = min(values.min(initial=0.0), 0.0), max(values.max(initial=0.0), 0.0)
        metrics = painter.fontMetrics()
        right = max((metrics.horizontalAdvance(b.text) for b in self._bars), default=0) + 8
        longest = max((metrics.horizontalAdvance(b.name) for b in self._bars), default=0) + 8
        left = max(min(longest, int(_NAMES * self.width())), LEFT)
        room = max(self.width() - left - right, 16)
        scale = room / ((high - low) or 1.0)
        zero = left - low * scale
        text, muted = (colour(self._theme, Ink(role)) for role in ("text", "muted"))
        centre = Qt.AlignmentFlag.AlignVCenter
        for row, bar in enumerate(self._bars):
            top = ROW * row
            name = metrics.elidedText(bar.name, Qt.TextElideMode.ElideMiddle, left - 8)
            painter.setPen(text)
            painter.drawText(QRectF(0, top, left - 8, ROW), int(centre), name)
            painter.setPen(muted)
            box = QRectF(self.width() - right, top, right, ROW)
            painter.drawText(box, int(centre | Qt.AlignmentFlag.AlignRight), bar.text)
            if np.isfinite(bar.value):
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(colour(self._theme, bar.ink))
                end = zero + bar.value * scale
                box = QRectF(min(zero, end), top + 4, max(abs(end - zero), 1.0), 9)
                painter.drawRoundedRect(box, 2, 2)
            if bar.tick is not None and np.isfinite(bar.tick):
                place = min(max(zero + bar.tick * scale, left), left + room)
                painter.fillRect(QRectF(place - 1, top + 2, 2, 13), text)
        painter.end()

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent):
            bar = self._at(event.pos().y())
            QToolTip.showText(event.globalPos(), bar.tip if bar is not None else "", self)
            return True
        return super().event(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        bar = self._at(event.position().y())
        if bar is not None and bar.act is not None:
            bar.act()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        bar = self._at(event.position().y())
        known = bar is not None and bar.act is not None
        self.setCursor(Qt.CursorShape.PointingHandCursor if known else Qt.CursorShape.ArrowCursor)


def heat(theme: Theme, values: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Signed values as colours, (…, 3) uint8: from the ground to blue above 0 and to orange below it; NaN is faint."""
    top = float(np.nanmax(np.abs(values))) if np.isfinite(values).any() else 1.0
    share = np.clip(np.abs(np.nan_to_num(values)) / (top or 1.0), 0, 1)[..., None]
    ground = np.array(blend(theme.roles["excite"], theme.roles["card"], 0.06), float)
    above, below = (np.array(theme.roles[role], float) for role in ("excite", "inhibit"))
    full = np.where(np.nan_to_num(values)[..., None] >= 0, above, below)
    mixed = ground + (full - ground) * share
    mixed = np.where(np.isnan(values)[..., None], np.array(theme.roles["faint"], float), mixed)
    return np.rint(mixed).astype(np.uint8)


def tiles(colours: NDArray[np.uint8], ground: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Each colour of a (rows, columns, 3) grid as a tile with a thin gap; without gaps where there are many."""
    rows, columns, _ = colours.shape
    if rows > 40 or columns > 60:
        return colours
    high, wide = 12, max(round(296 / columns), 3)
    out = np.repeat(np.repeat(colours, high, axis=0), wide, axis=1)
    out[high - 1 :: high] = ground
    out[:, wide - 1 :: wide] = ground
    return out


def _canvas(width: float, height: float, *, downwards: bool) -> tuple[Any, Any]:
    """A pyqtgraph view without axes, menu or mouse, and its box from (0, 0) to (width, height)."""
    import pyqtgraph as pg  # not at the top: the window is up before anybody looks at a chart

    plot = pg.GraphicsView(background=None)
    view = pg.ViewBox(enableMenu=False, enableMouse=False, invertY=downwards, defaultPadding=0)
    plot.setCentralItem(view)
    view.setRange(QRectF(0, 0, width, height), padding=0)
    return plot, view


def _put_image(view: Any, pixels: NDArray[np.uint8], shape: tuple[int, ...]) -> None:
    import pyqtgraph as pg

    item = pg.ImageItem(pixels, axisOrder="row-major")
    item.setRect(QRectF(0, 0, shape[1], shape[0]))
    view.addItem(item, ignoreBounds=True)


def _put_bars(view: Any, counts: NDArray[np.int64], colour_: QColor) -> None:
    import pyqtgraph as pg

    item = pg.BarGraphItem(x=np.arange(len(counts)) + 0.5, height=counts, width=0.85, brush=colour_, pen=None)
    view.addItem(item, ignoreBounds=True)


def plain_view(parent: QWidget) -> Any:
    """An empty pyqtgraph view in the pixels of the screen, inside a widget to which it leaves mouse and keyboard."""
    import pyqtgraph as pg

    view = pg.GraphicsView(parent, background=None)
    view.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    view.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
    return view


def image_item() -> Any:
    """A pyqtgraph image without pixels, whose rows run downwards."""
    import pyqtgraph as pg

    return pg.ImageItem(axisOrder="row-major")


class ScaleBar(QWidget):
    """Which shade stands for which value: a bar from the lowest to the highest, with what it measures before it."""

    def __init__(self) -> None:
        super().__init__()
        self._scale: Scale | None = None
        self._theme = LIGHT
        self._terse = False
        self.setFixedHeight(16)

    def be_terse(self, terse: bool) -> None:
        """Leave out what is measured, where there is little room; the tooltip says it."""
        if terse != self._terse:
            self._terse = terse
            self.updateGeometry()
            self.update()

    def show_scale(self, scale: Scale | None, theme: Theme) -> None:
        """Show another scale; None: nothing."""
        self._scale, self._theme = scale, theme
        self.setAccessibleName(scale.what if scale is not None else "")
        self.setToolTip(self.accessibleName())
        self.updateGeometry()
        self.update()

    def _words(self) -> tuple[str, str, str]:
        assert self._scale is not None
        steps = self._scale.steps
        what = "" if self._terse else self._scale.what
        return what, steps[0][1] if self._scale.signed else "0", steps[-1][1]

    def sizeHint(self) -> QSize:
        if self._scale is None:
            return QSize(0, 16)
        metrics = QFontMetrics(font("", 11))
        return QSize(sum(metrics.horizontalAdvance(word) for word in self._words()) + RAMP + 32, 16)

    def minimumSizeHint(self) -> QSize:
        return QSize(0, 16)

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._scale is None:
            return
        painter = QPainter(self)
        painter.setFont(font("", 11))
        painter.setPen(colour(self._theme, Ink("muted")))
        metrics = painter.fontMetrics()
        what, low, high = self._words()
        centre = int(Qt.AlignmentFlag.AlignVCenter)
        x = self.width()
        x -= metrics.horizontalAdvance(high)
        painter.drawText(QRectF(x, 0, self.width() - x + 1, 16), centre, high)
        x -= RAMP + 6
        levels = np.arange(-127 if self._scale.signed else 0, 128, dtype=np.int8)[None]
        pixels = np.ascontiguousarray(self._theme.cells(levels, self._scale.ramp))
        image = QImage(pixels.data, pixels.shape[1], 1, 3 * pixels.shape[1], QImage.Format.Format_RGB888)
        painter.drawImage(QRectF(x, 4, RAMP, 8), image)
        x -= metrics.horizontalAdvance(low) + 6
        painter.drawText(QRectF(x, 0, RAMP, 16), centre, low)
        room = x - 12
        if room > 24:
            text = metrics.elidedText(what, Qt.TextElideMode.ElideRight, room)
            painter.drawText(QRectF(0, 0, room, 16), centre | int(Qt.AlignmentFlag.AlignRight), text)
        painter.end()


class Matrix(QWidget):
    """Rows × columns as colours; hovering reads a value, clicking chooses its row."""

    def __init__(
        self,
        values: NDArray[np.float64],
        rows: Sequence[str],
        columns: Sequence[str],
        theme: Theme,
        what: str,
        choose_row: Callable[[int], None],
    ) -> None:
        super().__init__()
        self._values, self._rows, self._columns = values, rows, columns
        self._choose = choose_row
        self._plot, self._view = _canvas(values.shape[1], values.shape[0], downwards=True)
        _put_image(self._view, tiles(heat(theme, values), theme.roles["card"]), values.shape)
        self._plot.setFixedHeight(int(np.clip(len(values) * 12, 24, 240)))
        self._readout = label(" ", "small")
        self._readout.setToolTip(what)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(2)
        box.addWidget(self._plot)
        box.addWidget(self._readout)
        self._plot.scene().sigMouseMoved.connect(self._moved)
        self._plot.scene().sigMouseClicked.connect(self._clicked)

    def read(self, x: float, y: float) -> str:
        """What stands at a place of the matrix, in words."""
        row, column = int(np.floor(y)), int(np.floor(x))
        if not (0 <= row < len(self._rows) and 0 <= column < len(self._columns)):
            return " "
        value = self._values[row, column]
        shown = "none read" if np.isnan(value) else f"{value:.3g}"
        return f"{self._rows[row]} · {self._columns[column]} · {shown}"

    def _place(self, point: object) -> tuple[float, float]:
        found = self._view.mapSceneToView(point)
        return found.x(), found.y()

    def _moved(self, point: object) -> None:
        self._readout.setText(self.read(*self._place(point)))

    def _clicked(self, event: object) -> None:
        _, y = self._place(event.scenePos())  # type: ignore[attr-defined]
        if 0 <= int(y) < len(self._rows):
            self._choose(int(y))


class Histogram(QWidget):
    """Counts in bins, as bars; hovering reads one."""

    def __init__(self, counts: NDArray[np.int64], names: Sequence[str], theme: Theme, ends: tuple[str, str]) -> None:
        super().__init__()
        self._names, self._counts = names, counts
        self._plot, self._view = _canvas(len(counts), float(max(counts.max(initial=0), 1)), downwards=False)
        _put_bars(self._view, counts, QColor(*blend(theme.roles["accent"], theme.roles["card"], 0.7)))
        self._plot.setFixedHeight(56)
        self._readout = label(f"{ends[0]} … {ends[1]}", "small")
        self._rest = self._readout.text()
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(2)
        box.addWidget(self._plot)
        box.addWidget(self._readout)
        self._plot.scene().sigMouseMoved.connect(self._moved)

    def read(self, x: float) -> str:
        """The bin at a place, in words."""
        k = int(np.floor(x))
        return f"{self._names[k]}: {int(self._counts[k]):,}" if 0 <= k < len(self._counts) else self._rest

    def _moved(self, point: object) -> None:
        self._readout.setText(self.read(self._view.mapSceneToView(point).x()))
