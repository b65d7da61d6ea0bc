"""A sheet on the screen: scrolled, zoomed, read under the pointer, its rows selected and dragged to another cluster."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace

from PySide6.QtCore import QEvent, QPointF, Qt, QTimer, Signal
from PySide6.QtGui import (
    QFocusEvent,
    QFontMetricsF,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QAbstractScrollArea, QApplication, QFrame, QToolTip, QWidget

from cnnvis.gui.panels.matrix_frame import HEAD, OUTSIDE, Frame, Zoom, framed
from cnnvis.gui.panels.matrix_paint import TEXT, Brush, Touch
from cnnvis.gui.panels.matrix_surface import Surface
from cnnvis.layout.sheet import Block, Sheet
from cnnvis.layout.theme import LIGHT, Theme
from cnnvis.painting.paint import font

_STEPS = {Qt.Key.Key_Up: (-1, 0), Qt.Key.Key_Down: (1, 0), Qt.Key.Key_Left: (0, -1), Qt.Key.Key_Right: (0, 1)}
_SHIFT, _CTRL = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier
_EDGE = 24
"""So near to the upper or lower border a drag scrolls."""


class _Glass(QWidget):
    """Lies over the cells and paints what the grid says."""

    def __init__(self, parent: QWidget, draw: Callable[[QPainter], None]) -> None:
        super().__init__(parent)
        self._draw = draw
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        self._draw(painter)
        painter.end()


class Grid(QAbstractScrollArea):
    """One sheet. `told` says what is under the pointer as (row, column), HEAD or OUTSIDE.

    `cell_picked` and `column_picked` follow a click or Return; `rows_picked` tells the selected rows; `span_picked` the
    group whose bracket was clicked; `rows_dropped` rows and the id of the cluster that they were dropped on.
    """

    told = Signal(int, int)
    cell_picked = Signal(int, int)
    column_picked = Signal(int)
    rows_picked = Signal(object)
    span_picked = Signal(int)
    rows_dropped = Signal(object, int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.viewport().setMouseTracking(True)
        self._sheet: Sheet | None = None
        self._theme = LIGHT
        self._zoom = Zoom()
        self._frame = Frame(0, 0, 1, 1, 16, 16, 0, 0)
        self._touch = Touch()
        self._anchor = 0
        self._pressed: tuple[tuple[int, int], QPointF] | None = None
        self._depth = 0
        self._surface = Surface(self.viewport())
        self._glass = _Glass(self.viewport(), self._paint)
        self._pull = QTimer(self)
        self._pull.setInterval(40)
        self._pull.timeout.connect(self._pulled)

    # What it shows

    @property
    def frame(self) -> Frame:
        """Where everything lies."""
        return self._frame

    @property
    def selected(self) -> tuple[int, ...]:
        """The selected rows, ascending."""
        return tuple(sorted(self._touch.selected))

    def show_sheet(self, sheet: Sheet, *, keep: bool = False) -> None:
        """Show a sheet; `keep` the place it is scrolled to."""
        self._sheet = sheet
        self._touch = Touch(chosen=self._touch.chosen if keep else frozenset())
        self._pressed = None
        if not keep:
            self._frame = replace(self._frame, x=0.0, y=0.0)
        self._lay_out()
        self._colour()

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self._colour()

    def set_zoom(self, zoom: Zoom) -> None:
        """Show cells larger or smaller."""
        self._zoom = zoom
        self._lay_out()

    @property
    def zoom(self) -> Zoom:
        return self._zoom

    def select(self, rows: Collection[int], *, reveal: bool = True) -> None:
        """Mark rows without telling anyone."""
        self._touch = replace(self._touch, selected=frozenset(rows))
        if rows and reveal:
            self._anchor = min(rows)
            if not set(rows) & set(self._frame.rows[1:-1]):
                self._scroll(self._frame.showing(min(rows), HEAD))
        self._glass.update()

    def choose_columns(self, columns: Collection[int]) -> None:
        """Mark columns without telling anyone."""
        self._touch = replace(self._touch, chosen=frozenset(columns))
        self._glass.update()

    def _colour(self) -> None:
        """Give the cells their colours."""
        if self._sheet is None or not self._sheet.values.size:
            return
        self._surface.show(self._theme.cells(self._sheet.levels, self._sheet.scale.ramp))
        self._place()

    def _lay_out(self) -> None:
        if self._sheet is None or self._depth > 1:  # scroll bars that come or go change the room, once
            return
        self._depth += 1
        measure = QFontMetricsF(font("", TEXT)).horizontalAdvance
        width, height = float(self.viewport().width()), float(self.viewport().height())
        self._frame = framed(self._sheet, width, height, measure, self._zoom, self._frame)
        far_x, far_y = self._frame.reach
        for bar, far, at, page, step in (
            (self.horizontalScrollBar(), far_x, self._frame.x, width - self._frame.left, self._frame.wide),
            (self.verticalScrollBar(), far_y, self._frame.y, height - self._frame.top, self._frame.high),
        ):
            bar.setPageStep(max(round(page), 1))
            bar.setSingleStep(max(round(step), 1))
            bar.setRange(0, round(far))
            bar.setValue(round(at))
        self._depth -= 1
        self._place()

    def _place(self) -> None:
        self._glass.resize(self.viewport().size())
        self._surface.place(self._frame)
        self._glass.update()

    def _scroll(self, frame: Frame) -> None:
        self.horizontalScrollBar().setValue(round(frame.x))
        self.verticalScrollBar().setValue(round(frame.y))

    def _paint(self, painter: QPainter) -> None:
        if self._sheet is not None:
            Brush(painter, self._sheet, self._frame, self._theme, self._touch).paint()

    def scrollContentsBy(self, dx: int, dy: int) -> None:
        self._frame = self._frame.scrolled(self.horizontalScrollBar().value(), self.verticalScrollBar().value())
        self._place()

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._lay_out()

    # The pointer

    def _at(self, where: QPointF) -> tuple[int, int]:
        return self._frame.at(where.x(), where.y())

    def _hover(self, place: tuple[int, int] | None) -> None:
        if place != self._touch.hovered:
            self._touch = replace(self._touch, hovered=place)
            self.told.emit(*(place if place is not None else (OUTSIDE, OUTSIDE)))
            self._glass.update()

    def _span_at(self, where: QPointF) -> int | None:
        """The group whose bracket lies at a point."""
        row, column = self._at(where)
        if self._sheet is None or row != HEAD or where.y() > self._frame.bracket:
            return None
        return next((g for g, first, last in self._sheet.spans if first <= column < last), None)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        where = event.position()
        place = self._at(where)
        if self._pressed is not None and event.buttons() & Qt.MouseButton.LeftButton:
            self._drag(where)
            return
        self._hover(place if OUTSIDE not in place else None)
        hand = OUTSIDE not in place and place != (HEAD, HEAD)
        self.viewport().setCursor(Qt.CursorShape.PointingHandCursor if hand else Qt.CursorShape.ArrowCursor)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._pressed = (self._at(event.position()), event.position())
            if self._touch.current is not None:
                self._touch = replace(self._touch, current=None)
                self._glass.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        pressed, self._pressed = self._pressed, None
        if event.button() != Qt.MouseButton.LeftButton or pressed is None or self._sheet is None:
            return
        if self._touch.carried:
            self._drop()
        elif self._at(event.position()) == pressed[0]:
            span = self._span_at(event.position())
            if span is not None:
                self.span_picked.emit(span)
            else:
                self._pick(pressed[0], event.modifiers())

    def leaveEvent(self, event: QEvent) -> None:
        self._hover(None)

    def _pick(self, place: tuple[int, int], keys: Qt.KeyboardModifier) -> None:
        row, column = place
        if OUTSIDE in place or place == (HEAD, HEAD):
            return
        if row == HEAD:
            self.column_picked.emit(column)
            return
        if keys & _SHIFT:
            low, high = sorted((self._anchor, row))
            self._select(frozenset(range(low, high + 1)))
        elif keys & _CTRL:
            self._anchor = row
            self._select(self._touch.selected ^ {row})
        else:
            self._anchor = row
            self._select(frozenset({row}))
            self.cell_picked.emit(row, column)

    def _select(self, rows: frozenset[int]) -> None:
        self._touch = replace(self._touch, selected=rows)
        self._glass.update()
        self.rows_picked.emit(tuple(sorted(rows)))

    def viewportEvent(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            QToolTip.showText(event.globalPos(), self._tip(QPointF(event.pos())), self)
            return True
        if event.type() == QEvent.Type.Leave:
            self._hover(None)
        return super().viewportEvent(event)

    def _tip(self, where: QPointF) -> str:
        row, column = self._at(where)
        if self._sheet is None or OUTSIDE in (row, column):
            return ""
        if self._span_at(where) is not None:
            return "Click to fold these classes"
        if row == HEAD:
            return self._sheet.columns[column].tip if column >= 0 else ""
        block = self._block(row)
        if column == HEAD and block is not None and where.x() < self._frame.titles:
            return f"{block.title}\nDrop neurons here to move them into this cluster"
        return self._sheet.rows[row].tip if column == HEAD else ""

    def wheelEvent(self, event: QWheelEvent) -> None:
        if event.modifiers() & _CTRL:
            self.set_zoom(self._zoom.by(event.angleDelta().y() / 120))
            event.accept()
        else:
            super().wheelEvent(event)

    # Dragging rows to another cluster

    def _block(self, row: int) -> Block | None:
        blocks = self._sheet.blocks if self._sheet is not None else ()
        return next((block for block in blocks if block.first <= row < block.last), None)

    def _movable(self) -> bool:
        return self._sheet is not None and len(self._sheet.blocks) > 1

    def _drag(self, where: QPointF) -> None:
        assert self._pressed is not None
        (row, _), start = self._pressed
        far = (where - start).manhattanLength() >= QApplication.startDragDistance()
        if not self._touch.carried:
            if not far or row < 0 or not self._movable():
                return
            if row not in self._touch.selected:
                self._touch = replace(self._touch, selected=frozenset({row}))
            n = len(self._touch.selected)
            assert self._sheet is not None
            carried = self._sheet.rows[row].text if n == 1 else f"{n} neurons"
            self._touch = replace(self._touch, carried=carried, hovered=None, current=None)
            self._pull.start()
            self.viewport().setCursor(Qt.CursorShape.ClosedHandCursor)
        self._carry(where)

    def _carry(self, where: QPointF) -> None:
        row = self._at(where)[0]
        block = self._block(row) if row >= 0 else None
        if block is not None and all(block.first <= r < block.last for r in self._touch.selected):
            block = None
        self._touch = replace(self._touch, target=block, pointer=(where.x(), where.y()))
        self._glass.update()

    def _pulled(self) -> None:
        """Scroll while rows are held at the border."""
        y = self._touch.pointer[1]
        bar = self.verticalScrollBar()
        if y < self._frame.top + _EDGE:
            bar.setValue(bar.value() - 12)
        elif y > self._frame.height - _EDGE:
            bar.setValue(bar.value() + 12)
        self._carry(QPointF(*self._touch.pointer))

    def _drop(self) -> None:
        target, rows = self._touch.target, self.selected
        self._let_go()
        if target is not None and target.id >= 0:
            self.rows_dropped.emit(rows, target.id)

    def _let_go(self) -> None:
        self._pull.stop()
        self._pressed = None
        self._touch = replace(self._touch, carried="", target=None)
        self.viewport().setCursor(Qt.CursorShape.ArrowCursor)
        self._glass.update()

    # The keyboard

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key, keys = Qt.Key(event.key()), event.modifiers()
        n_rows, n_columns = self._frame.n_rows, self._frame.n_columns
        row, column = self._touch.current or (min(self._touch.selected, default=0), 0)
        page = max(len(self._frame.rows) - 2, 1)
        if self._sheet is None or not n_rows or not n_columns:
            super().keyPressEvent(event)
        elif key == Qt.Key.Key_Escape and (self._touch.carried or self._touch.selected):
            self._let_go()
            self._select(frozenset())
        elif key in _STEPS and self._touch.current is None and not keys & _SHIFT:
            self._go(row, column, keys)
        elif key in _STEPS:
            down, right = _STEPS[key]
            self._go(min(max(row + down, HEAD), n_rows - 1), min(max(column + right, 0), n_columns - 1), keys)
        elif key in (Qt.Key.Key_PageUp, Qt.Key.Key_PageDown):
            far = page if key == Qt.Key.Key_PageDown else -page
            self._go(min(max(row + far, 0), n_rows - 1), column, keys)
        elif key in (Qt.Key.Key_Home, Qt.Key.Key_End):
            end = key == Qt.Key.Key_End
            if keys & _CTRL:
                row = n_rows - 1 if end else 0
            self._go(row, n_columns - 1 if end else 0, keys)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self._pick((row, column), keys & _CTRL)
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Minus):
            self.set_zoom(self._zoom.by(1 if key == Qt.Key.Key_Plus else -1))
        else:
            super().keyPressEvent(event)

    def _go(self, row: int, column: int, keys: Qt.KeyboardModifier) -> None:
        self._touch = replace(self._touch, current=(row, column))
        self._scroll(self._frame.showing(row, column))
        if keys & _SHIFT and row >= 0:
            low, high = sorted((self._anchor, row))
            self._select(frozenset(range(low, high + 1)))
        elif row >= 0:
            self._anchor = row
        self.told.emit(row, column)
        self._glass.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self._touch = replace(self._touch, current=None)
        self._glass.update()
        super().focusOutEvent(event)
