"""What is painted around and over the cells of a sheet: names, clusters, groups, what is selected or dragged."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPen, QPolygonF

from cnnvis.gui.panels.matrix_frame import HEAD, PAD, Frame
from cnnvis.layout.marks import Ink
from cnnvis.layout.sheet import NUMBERED, Block, Head, Sheet
from cnnvis.layout.theme import Theme, blend
from cnnvis.painting.paint import colour, font, rectangle

TEXT = 11.0
_CENTRE = Qt.AlignmentFlag.AlignVCenter
_MIDDLE = Qt.TextElideMode.ElideMiddle


@dataclass(frozen=True, slots=True)
class Touch:
    """What is under the pointer or the keyboard, selected, or on its way: (row, column) and rows of the sheet."""

    hovered: tuple[int, int] | None = None
    current: tuple[int, int] | None = None
    selected: frozenset[int] = frozenset()
    chosen: frozenset[int] = frozenset()
    target: Block | None = None
    carried: str = ""
    pointer: tuple[float, float] = (0.0, 0.0)


class Brush:
    """Paints one sheet in one theme."""

    def __init__(self, painter: QPainter, sheet: Sheet, frame: Frame, theme: Theme, touch: Touch) -> None:
        self._p, self._sheet, self._frame, self._theme, self._touch = painter, sheet, frame, theme, touch
        self._font = font("", TEXT)
        self._metrics = QFontMetricsF(self._font)
        self._wash = QColor(*blend(theme.roles["accent"], theme.roles["card"], 0.14))

    def paint(self) -> None:
        """Everything but the cells themselves."""
        self._p.setFont(self._font)
        self._p.setRenderHint(QPainter.RenderHint.TextAntialiasing)
        self._gaps()
        self._numbers()
        self._columns()
        self._spans()
        self._rows()
        self._blocks()
        self._marks()

    def _colour(self, role: str) -> QColor:
        return colour(self._theme, Ink(role))

    def _clip(self, x: float, y: float, w: float, h: float) -> None:
        self._p.setClipRect(QRectF(x, y, w, h))

    # Over the cells

    def _gaps(self) -> None:
        """Thin lines between cells where these are large enough, thicker ones between clusters."""
        f, area = self._frame, self._frame.area
        self._clip(area.x, area.y, area.w, area.h)
        card = self._colour("card")
        if f.high >= 6:
            for row in f.rows:
                self._p.fillRect(QRectF(area.x, f.box(row, 0).bottom - 1, area.w, 1), card)
        if f.wide >= 6:
            for column in f.columns:
                self._p.fillRect(QRectF(f.box(0, column).right - 1, area.y, 1, area.h), card)
        for block in self._sheet.blocks[1:]:
            y = f.box(block.first, 0).y
            if area.y - 2 < y < area.bottom + 2:
                thick = 3.0 if f.high >= 6 else 1.0
                self._p.fillRect(QRectF(area.x, y - thick + (0 if thick < 2 else 1), area.w, thick), card)

    def _numbers(self) -> None:
        """The texts of the cells, where there is room."""
        f, sheet = self._frame, self._sheet
        if not sheet.texts or f.wide < NUMBERED or f.high < 14:
            return
        for row in f.rows:
            for column in f.columns:
                text = sheet.texts[row][column]
                if text:
                    self._p.setPen(colour(self._theme, sheet.text_ink(row, column)))
                    box = rectangle(f.box(row, column)).adjusted(0, 0, -1, -1)
                    self._p.drawText(box, int(Qt.AlignmentFlag.AlignCenter), text)

    # Around them

    def _columns(self) -> None:
        f, area = self._frame, self._frame.area
        self._clip(area.x, 0, f.width - area.x, f.top)
        folded = any(h.folded for h in self._sheet.columns)
        low = f.top - (14 if folded else 8 if any(h.ink is not None for h in self._sheet.columns) else 4)
        for column in f.columns:
            head = self._sheet.columns[column]
            x = f.box(0, column).x
            lit = self._touch.hovered is not None and self._touch.hovered[1] == column
            if column in self._touch.chosen:
                self._p.fillRect(QRectF(x, f.bracket + 2, f.wide - 1, f.top - f.bracket - 3), self._wash)
            self._pen(lit, column in self._touch.chosen)
            room = low - f.bracket - 4
            if f.upright:
                self._upright(self._named(head, room), QRectF(x, f.bracket + 4, f.wide - 1, room))
            else:
                text = self._named(head, f.wide - 4)
                flags = int(Qt.AlignmentFlag.AlignHCenter | _CENTRE)
                self._p.drawText(QRectF(x, f.bracket + 4, f.wide - 1, room), flags, text)
            self._foot(head, x, lit)
        self._p.setFont(self._font)

    def _foot(self, head: Head, x: float, lit: bool) -> None:
        """What stands between a name and its column: the colour of its class, or that it can be unfolded."""
        f = self._frame
        if head.ink is not None:
            self._p.fillRect(QRectF(x, f.top - 5, f.wide - 1, 3), colour(self._theme, head.ink))
        elif head.folded:
            self._arrow(x + (f.wide - 1) / 2, f.top - 8, lit, down=False)

    def _named(self, head: Head, room: float) -> str:
        return self._metrics.elidedText(head.fitting(room, self._metrics.horizontalAdvance), _MIDDLE, room)

    def _upright(self, text: str, box: QRectF) -> None:
        self._p.save()
        self._p.translate(box.center())
        self._p.rotate(-90)
        turned = QRectF(-box.height() / 2, -box.width() / 2, box.height(), box.width())
        self._p.drawText(turned, int(_CENTRE), text)
        self._p.restore()

    def _spans(self) -> None:
        """A bracket over the classes of each group that is unfolded; a click on it folds them."""
        f, area = self._frame, self._frame.area
        for _, first, last in self._sheet.spans:
            box = f.box(0, first, last_column=last)
            left, right = max(box.x, area.x), min(box.right - 1, area.right)
            if right - left < 8:
                continue
            self._clip(left, 0, right - left, f.bracket + 2)
            lit = self._touch.hovered is not None and self._touch.hovered[0] == HEAD
            lit = lit and self._touch.hovered is not None and first <= self._touch.hovered[1] < last
            self._p.fillRect(QRectF(left, f.bracket - 2, right - left, 1), self._colour("border"))
            self._arrow(left + 6, f.bracket / 2 - 1, lit, down=True)
            self._pen(lit, False)
            text = self._metrics.elidedText(f"{last - first} classes", Qt.TextElideMode.ElideRight, right - left - 16)
            self._p.drawText(QRectF(left + 14, 0, right - left - 14, f.bracket - 2), int(_CENTRE), text)
        self._p.setFont(self._font)

    def _arrow(self, x: float, y: float, lit: bool, *, down: bool) -> None:
        points = [(-3.5, -2.0), (3.5, -2.0), (0.0, 2.5)] if down else [(-2.0, -3.5), (-2.0, 3.5), (2.5, 0.0)]
        self._p.save()
        self._p.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._p.setPen(Qt.PenStyle.NoPen)
        self._p.setBrush(self._colour("accent" if lit else "muted"))
        self._p.drawPolygon(QPolygonF([QPointF(x + a, y + b) for a, b in points]))
        self._p.restore()

    def _rows(self) -> None:
        f, sheet = self._frame, self._sheet
        self._clip(0, f.top, f.left, f.area.h)
        left = PAD + (f.titles if sheet.blocks else 0.0)
        for row in f.rows:
            box = f.box(row, 0)
            selected = row in self._touch.selected
            lit = self._touch.hovered is not None and self._touch.hovered[0] == row
            if selected:
                self._p.fillRect(QRectF(left - 4, box.y, f.left - left + 4, max(f.high - 1, 1)), self._wash)
            if not f.named:
                continue
            self._pen(lit, selected)
            text = self._named(sheet.rows[row], f.left - left - PAD)
            area = QRectF(left, box.y, f.left - left - PAD, f.high - 1)
            self._p.drawText(area, int(Qt.AlignmentFlag.AlignRight | _CENTRE), text)
        self._p.setFont(self._font)

    def _blocks(self) -> None:
        """A bar beside the rows of each cluster, and its name where it begins or where it is first seen."""
        f = self._frame
        if not f.titles:
            return
        self._clip(0, f.top, f.left, f.area.h)
        self._p.setRenderHint(QPainter.RenderHint.Antialiasing)
        for block in self._sheet.blocks:
            box = f.box(block.first, 0, block.last)
            top, bottom = max(box.y, f.top), min(box.bottom, f.top + f.area.h)
            if bottom <= top:
                continue
            aimed = self._touch.target is not None and self._touch.target.id == block.id
            self._p.setPen(Qt.PenStyle.NoPen)
            self._p.setBrush(self._colour("accent") if aimed else colour(self._theme, block.ink))
            self._p.drawRoundedRect(QRectF(PAD, box.y + 1, 3, max(box.h - 4, 2)), 1.5, 1.5)
            if bottom - top < 13:
                continue
            self._p.setPen(self._colour("accent" if aimed else "text"))
            room = min(max(f.high, 15.0), bottom - top)
            text = self._metrics.elidedText(block.title, _MIDDLE, f.titles - 20)
            self._p.drawText(QRectF(PAD + 9, top, f.titles - 12, room - 1), int(_CENTRE), text)
        self._p.setRenderHint(QPainter.RenderHint.Antialiasing, False)

    def _pen(self, lit: bool, strong: bool) -> None:
        self._p.setPen(self._colour("text" if lit or strong else "muted"))
        face = self._font
        if strong:
            face = QFont(self._font)
            face.setWeight(QFont.Weight.DemiBold)
        self._p.setFont(face)

    # What the hand does

    def _marks(self) -> None:
        f, area, touch = self._frame, self._frame.area, self._touch
        self._clip(area.x - 1, area.y - 1, area.w + 2, area.h + 2)
        self._p.setBrush(Qt.BrushStyle.NoBrush)
        for first, last in _runs(sorted(touch.selected)):
            box = f.box(first, 0, last)
            self._outline(QRectF(area.x, box.y, area.w, box.h), "accent", 1.5)
        if touch.hovered is not None and min(touch.hovered) >= 0:
            self._outline(rectangle(f.box(*touch.hovered)), "text", 1.0)
        if touch.current is not None:
            self._current(touch.current)
        if touch.target is not None:
            box = f.box(touch.target.first, 0, touch.target.last)
            self._outline(QRectF(area.x, box.y, area.w, box.h), "accent", 2.0)
        self._p.setClipping(False)
        if touch.carried:
            self._carried()

    def _current(self, place: tuple[int, int]) -> None:
        """Where the keyboard is: a cell, or a name."""
        f = self._frame
        row, column = place
        if row == HEAD:
            self._p.setClipping(False)
            box = f.box(0, column)
            self._outline(QRectF(box.x, f.bracket + 1, f.wide, f.top - f.bracket - 1), "accent", 1.0)
        else:
            self._outline(rectangle(f.box(row, column)), "accent", 2.0)

    def _outline(self, box: QRectF, role: str, width: float) -> None:
        self._p.setPen(QPen(self._colour(role), width))
        self._p.drawRect(box.adjusted(0, 0, -1, -1))

    def _carried(self) -> None:
        """What is dragged, beside the pointer."""
        x, y = self._touch.pointer
        wide = self._metrics.horizontalAdvance(self._touch.carried) + 16
        box = QRectF(min(x + 12, self._frame.width - wide - 2), min(y + 8, self._frame.height - 24), wide, 22)
        self._p.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._p.setPen(QPen(self._colour("accent"), 1))
        self._p.setBrush(self._colour("card"))
        self._p.drawRoundedRect(box, 4, 4)
        self._p.setPen(self._colour("text"))
        self._p.drawText(box, int(Qt.AlignmentFlag.AlignCenter), self._touch.carried)


def _runs(rows: list[int]) -> list[tuple[int, int]]:
    """Neighbouring rows as (first, last + 1)."""
    found: list[tuple[int, int]] = []
    for row in rows:
        if found and found[-1][1] == row:
            found[-1] = (found[-1][0], row + 1)
        else:
            found.append((row, row + 1))
    return found
