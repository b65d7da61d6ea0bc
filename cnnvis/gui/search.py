"""The search box: what is typed is looked up in the background, what is found drops down below it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QPainter, QPalette
from PySide6.QtWidgets import (
    QFrame,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from cnnvis.errors import CnnvisError
from cnnvis.gui.desk import sentence
from cnnvis.gui.jobs import Jobs
from cnnvis.layout.diagram import Key
from cnnvis.model.query import Hint, hints
from cnnvis.model.search import Hit, search
from cnnvis.model.session import Session

SHOWN = 10
"""So many of what was found have a line of their own."""
WIDE, LINE = 440, 26


@dataclass(frozen=True, slots=True)
class Found:
    """What there is to say about a text: hits, hints how to go on, or a sentence where it makes no sense."""

    hits: tuple[Hit, ...] = ()
    hints: tuple[Hint, ...] = ()
    error: str = ""


def look_up(session: Session, text: str) -> Found:
    """What a text finds. A mistake is told only where nothing can be made of what was typed."""
    offered = hints(text, session.analysis.network.classes, most=4 if text.strip() else 9)
    try:
        return Found(search(session, text), offered)
    except CnnvisError as error:
        return Found((), offered, "" if offered else sentence(error))


@dataclass(frozen=True, slots=True)
class All:
    """All neurons or all images that were found, by their keys."""

    keys: tuple[Key, ...]


Picked = Hit | Hint | All


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the list: what stands on the left and on the right, and what it stands for; None: only to be read."""

    text: str
    right: str = ""
    what: Picked | None = None


def lines(found: Found) -> list[Line]:
    """What is listed: hits first, a line for all of them where they are neurons, then hints; else the sentence."""
    listed = [Line(hit.text, hit.reason or hit.kind, hit) for hit in found.hits[:SHOWN]]
    units, images = (tuple(hit.key for hit in found.hits if hit.key[0] == kind) for kind in ("unit", "sample"))
    if len(units) > 1 and len(units) == len(found.hits):
        listed.append(Line(f"Select all {len(units):,} neurons", "", All(units)))
    elif len(images) > 1:
        listed.append(Line(f"Follow these {len(images):,} images alone", "", All(images)))
    elif len(found.hits) > SHOWN:
        listed.append(Line(f"{len(found.hits) - SHOWN:,} more"))
    listed += [Line(hint.shown, hint.about, hint) for hint in found.hints]
    if not listed:
        listed.append(Line(found.error or "Nothing is found."))
    return listed


class Search(QLineEdit):
    """Type a name or a question; `chosen` tells the key that was picked, `all_chosen` those of all neurons found.

    `images_chosen` tells the indices of all images found.
    """

    chosen = Signal(object)
    all_chosen = Signal(object)
    images_chosen = Signal(object)

    def __init__(self, jobs: Jobs, session: Callable[[], Session | None]) -> None:
        super().__init__()
        self._jobs, self._session = jobs, session
        self._known: tuple[str, Found] | None = None
        self._eager = False
        self._popup: Popup | None = None
        self.setObjectName("search")
        self.setPlaceholderText("Search, or ask: selective:…")
        self.setToolTip("Layers, neurons, classes and clusters by name; selective:dog, dead, top 20 contribution:cat")
        self.setAccessibleName("Search")
        self.textEdited.connect(self._look)

    @property
    def popup(self) -> Popup:
        """The list below the field; it lies in the window, so that it never takes the focus."""
        if self._popup is None or self._popup.parentWidget() is not self.window():
            self._popup = Popup(self.window())
            self._popup.picked.connect(self._pick)
        return self._popup

    def _look(self, text: str) -> None:
        """Look a text up; the list follows."""
        self._eager = False
        session = self._session()
        if session is None:
            return

        def done(found: Found) -> None:
            self._known = (text, found)
            if text != self.text():
                return
            if self._eager:
                self._eager = False
                self._take(found)
            elif self.hasFocus():
                self._drop(found)

        def failed(error: BaseException) -> None:
            done(Found(error=sentence(error)))

        self._jobs.start("search", lambda progress: look_up(session, text), done, failed)

    def _drop(self, found: Found) -> None:
        corner = self.mapTo(self.window(), QPoint(self.width(), self.height() + 4))
        self.popup.show_lines(lines(found), corner)

    def _enter(self) -> None:
        """Go to what is marked, else to the first hit; waits where that is not known yet."""
        marked = self._popup.marked if self._popup is not None and self._popup.isVisible() else None
        if marked is not None:
            self._pick(marked)
        elif self._known is not None and self._known[0] == self.text():
            self._take(self._known[1])
        else:
            self._look(self.text())
            self._eager = True

    def _take(self, found: Found) -> None:
        if found.hits:
            self._pick(found.hits[0])
        else:
            self._drop(found)

    def _pick(self, what: object) -> None:
        if isinstance(what, Hint):
            self.setText(what.text)
            self._look(what.text)
            return
        self.popup.hide()
        if isinstance(what, Hit):
            self.chosen.emit(what.key)
        elif isinstance(what, All) and what.keys[0][0] == "unit":
            self.all_chosen.emit(what.keys)
        elif isinstance(what, All):
            self.images_chosen.emit(tuple(int(key[1]) for key in what.keys))

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        if event.reason() != Qt.FocusReason.ActiveWindowFocusReason:
            self._look(self.text())

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self._eager = False
        if self._popup is not None:
            self._popup.hide()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key, shown = event.key(), self._popup is not None and self._popup.isVisible()
        if key == Qt.Key.Key_Escape:
            if not shown or not self.text():
                self.clear()
                self.clearFocus()
            self.popup.hide()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._enter()
        elif key in (Qt.Key.Key_Down, Qt.Key.Key_Up) and shown:
            self.popup.step(1 if key == Qt.Key.Key_Down else -1)
        elif key == Qt.Key.Key_Right and shown and self.cursorPosition() == len(self.text()) and self._complete():
            pass
        else:
            super().keyPressEvent(event)

    def _complete(self) -> bool:
        """Put in the marked hint, or the first one; False where there is none."""
        marked = self.popup.marked
        offered = self._known[1].hints if self._known is not None and self._known[0] == self.text() else ()
        hint = marked if isinstance(marked, Hint) else (offered[0] if offered and self.text().strip() else None)
        if hint is not None:
            self._pick(hint)
        return hint is not None


class Popup(QFrame):
    """The list of what was found. A child of the window that lies over everything; keys stay with the field."""

    picked = Signal(object)

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self.setObjectName("found")
        self.list = QListWidget()
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setItemDelegate(_Lines(self.list))
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setMouseTracking(True)
        self.list.itemClicked.connect(self._clicked)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        box = QVBoxLayout(self)
        box.setContentsMargins(4, 4, 4, 4)
        box.addWidget(self.list)
        self.hide()

    @property
    def marked(self) -> Picked | None:
        """What the marked line stands for."""
        item = self.list.currentItem()
        return _line(item).what if item is not None else None

    def show_lines(self, found: list[Line], corner: QPoint) -> None:
        """List what was found, below and left of a corner of the window."""
        self.list.clear()
        for one in found:
            item = QListWidgetItem(one.text)
            item.setData(Qt.ItemDataRole.UserRole, one)
            item.setToolTip("\n".join(filter(None, (one.text, one.right))) if one.what is not None else one.text)
            if one.what is None:
                item.setFlags(Qt.ItemFlag.NoItemFlags)
            self.list.addItem(item)
        wide = min(WIDE, self._window.width() - 16)
        metrics = self.fontMetrics()
        rows = [_rows(metrics.horizontalAdvance(one.text), wide) if one.what is None else 1 for one in found]
        self.resize(wide, min(sum(rows) * LINE + 10, self._window.height() - corner.y() - 8))
        self.move(max(corner.x() - wide, 8), corner.y())
        self.show()
        self.raise_()

    def step(self, by: int) -> None:
        """Mark the next line that can be picked; one step above the first marks none."""
        row, n = self.list.currentRow() + by, self.list.count()
        while 0 <= row < n and not self.list.item(row).flags():
            row += by
        if row < n:
            self.list.setCurrentRow(max(row, -1))

    def _clicked(self, item: QListWidgetItem) -> None:
        what = _line(item).what
        if what is not None:
            self.picked.emit(what)


def _line(item: QListWidgetItem | QModelIndex | QPersistentModelIndex) -> Line:
    found = item.data(Qt.ItemDataRole.UserRole)
    assert isinstance(found, Line)
    return found


def _rows(advance: int, wide: int) -> int:
    """How many lines a sentence takes."""
    return max(1, -(-advance // (wide - 32)))


class _Lines(QStyledItemDelegate):
    """A name on the left and, muted, the reason on the right; sentences take as many lines as they need."""

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        one = _line(index)
        rows = _rows(option.fontMetrics.horizontalAdvance(one.text), WIDE) if one.what is None else 1
        return QSize(WIDE - 24, rows * LINE)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        one = _line(index)
        area: QRect = option.rect.adjusted(8, 0, -8, 0)
        palette: QPalette = option.palette
        metrics = option.fontMetrics
        state = option.state
        if state & (QStyle.StateFlag.State_Selected | QStyle.StateFlag.State_MouseOver) and one.what is not None:
            wash = palette.color(QPalette.ColorRole.Highlight)
            wash.setAlphaF(0.14 if state & QStyle.StateFlag.State_Selected else 0.07)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(wash)
            painter.drawRoundedRect(option.rect, 4, 4)
        muted = palette.color(QPalette.ColorRole.PlaceholderText)
        left = int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft)
        if one.what is None:
            painter.setPen(muted)
            painter.drawText(area, left | int(Qt.TextFlag.TextWordWrap), one.text)
            return
        name = metrics.horizontalAdvance(one.text)
        room = max(area.width() - name - 16, area.width() // 3)
        right = metrics.elidedText(one.right, Qt.TextElideMode.ElideRight, room)
        painter.setPen(muted)
        painter.drawText(area, int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight), right)
        rest = area.width() - metrics.horizontalAdvance(right) - (16 if right else 0)
        role = QPalette.ColorRole.Link if isinstance(one.what, All) else QPalette.ColorRole.Text
        painter.setPen(palette.color(role))
        painter.drawText(area, left, metrics.elidedText(one.text, Qt.TextElideMode.ElideMiddle, rest))
