"""What lies on the canvas: an item per card, one for all links, one for those that are asked for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPainterPath, QPen, QPixmap
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from cnnvis.gui.faces import FaceStore
from cnnvis.gui.ghost import washed
from cnnvis.gui.jobs import Jobs
from cnnvis.gui.steering import unit_boxes
from cnnvis.layout.diagram import ACCENT, EXCITE, INHIBIT, Box, Card, Ink, Link
from cnnvis.layout.theme import ASKED, DIMMED, QUIET
from cnnvis.painting.paint import Manner, colour, curve, extent, paint_links, prepare
from cnnvis.progress import Progress

_BELOW, _ABOVE, _CARDS = 0.0, 1.0, 2.0
_QUIETER = 0.45
_AIR = 6.0
_RIM = _AIR + 3.0
_FEW = 160
"""So many links keep their width even while they move."""
_SPARE = 80.0
"""Screen pixels by which a painted image may reach less far beyond what is seen before it is painted anew."""
_HAIRS = 600
"""So many hairlines are painted in a frame at most; they take about 10 ms."""


def zoom_of(painter: QPainter) -> float:
    """Screen pixels per diagram pixel."""
    return painter.worldTransform().m11()


def as_box(area: QRectF) -> Box:
    return Box(area.x(), area.y(), area.width(), area.height())


class CardItem(QGraphicsItem):
    """A card: blits the store's pixmap; until there is one, what it showed before, else a draft without patches."""

    def __init__(self, card: Card, store: FaceStore) -> None:
        super().__init__()
        self.card = card
        self._store = store
        self._selected = False
        self._target = False
        self._units: frozenset[int] = frozenset()
        self._dimmed = False
        self._stale: QPixmap | None = None
        self.setPos(card.box.x, card.box.y)
        self.setZValue(_CARDS)
        self.setAcceptedMouseButtons(Qt.MouseButton.NoButton)

    def show_card(self, card: Card) -> None:
        """Show another face; the place is up to the animation."""
        if (card.box.w, card.box.h) != (self.card.box.w, self.card.box.h):
            self.prepareGeometryChange()
            self._stale = None
        elif card.face is not self.card.face:
            # Better its old face for a moment than a card whose patches flicker.
            self._stale = self._store.best(self.card.face, 1.0) or self._stale
        self.card = card
        self.update()

    def mark(self, selected: bool, target: bool = False, units: frozenset[int] = frozenset()) -> None:
        """Outline the card as selected, or as where a drag would end, and the selected neurons on it."""
        if (selected, target, units) != (self._selected, self._target, self._units):
            self._selected, self._target, self._units = selected, target, units
            self.update()

    def dim(self, dimmed: bool) -> None:
        """Let the card step back, or forward again."""
        if dimmed != self._dimmed:
            self._dimmed = dimmed
            self.update()

    def boundingRect(self) -> QRectF:
        return QRectF(-_RIM, -_RIM, self.card.box.w + 2 * _RIM, self.card.box.h + 2 * _RIM)

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        zoom = zoom_of(painter)
        ratio = widget.devicePixelRatioF() if widget is not None else 1.0
        pixmap = self._store.best(self.card.face, zoom * ratio)
        if pixmap is not None:
            self._stale = None
        else:
            pixmap = self._stale or self._store.draft(self.card.face, zoom, zoom * ratio)
        whole = painter.opacity()
        if self._dimmed:
            painter.setOpacity(whole * DIMMED)
        self._blit(painter, pixmap, zoom, ratio)
        painter.setOpacity(whole)
        if self._selected or self._target:
            self._outline(painter, zoom)

    def _blit(self, painter: QPainter, pixmap: QPixmap, zoom: float, ratio: float) -> None:
        box = self.card.box
        exact = abs(pixmap.width() - box.w * zoom * ratio) < 1.0
        if not exact:
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawPixmap(QRectF(0, 0, box.w, box.h), pixmap, QRectF(pixmap.rect()))
            return
        # On whole device pixels: a pixmap between them would be resampled and look soft.
        where = painter.worldTransform().map(QPointF(0, 0))
        painter.save()
        painter.resetTransform()
        pixmap.setDevicePixelRatio(ratio)
        painter.drawPixmap(QPointF(round(where.x() * ratio) / ratio, round(where.y() * ratio) / ratio), pixmap)
        painter.restore()

    def _outline(self, painter: QPainter, zoom: float) -> None:
        box, theme = self.card.box, self._store.manner.theme
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        accent = colour(theme, ACCENT)
        painter.setPen(QPen(accent, (3.0 if self._target else 2.0) / zoom))
        painter.setBrush(washed(theme) if self._target else Qt.BrushStyle.NoBrush)
        # The words of a column's title begin at its very edge: a frame around them needs air.
        side, top = (0.0, 0.0) if self.card.face.framed else (_AIR, 2.0)
        painter.drawRoundedRect(QRectF(-side, -top, box.w + 2 * side, box.h + 2 * top), 4, 4)
        if self._units:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(accent, 2.0 / zoom))
            for unit, place in unit_boxes(self.card, zoom):
                if unit in self._units:
                    painter.drawRoundedRect(QRectF(place.x - box.x, place.y - box.y, place.w, place.h), 2, 2)


class _Strokes(QGraphicsItem):
    """Links painted straight to the screen, culled by box."""

    def __init__(self, store: FaceStore) -> None:
        super().__init__()
        self._store = store
        self._links: tuple[Link, ...] = ()
        self._boxes = np.empty((0, 4))
        self._bounds = QRectF()
        self.setFlag(QGraphicsItem.GraphicsItemFlag.ItemUsesExtendedStyleOption)
        self.setAcceptedMouseButtons(Qt.MouseButton.NoButton)

    @property
    def links(self) -> tuple[Link, ...]:
        return self._links

    def set_links(self, links: Iterable[Link]) -> None:
        self.prepareGeometryChange()
        self._links = tuple(links)
        boxes = (extent(link) for link in self._links)
        self._boxes = np.array([(b.x, b.y, b.right, b.bottom) for b in boxes]).reshape(-1, 4)
        if len(self._boxes):
            (left, top), (right, bottom) = self._boxes[:, :2].min(0), self._boxes[:, 2:].max(0)
            self._bounds = QRectF(QPointF(left, top), QPointF(right, bottom))
        else:
            self._bounds = QRectF()
        self.update()

    def boundingRect(self) -> QRectF:
        return self._bounds

    def inside(self, area: QRectF) -> list[Link]:
        left, top, right, bottom = self._boxes.T
        hit = (left < area.right()) & (right > area.left()) & (top < area.bottom()) & (bottom > area.top())
        return [self._links[k] for k in np.flatnonzero(hit)]


class AskedLinks(_Strokes):
    """The links of what is selected or hovered, over the quiet ones."""

    def __init__(self, store: FaceStore) -> None:
        super().__init__(store)
        self.setZValue(_ABOVE)

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        prepare(painter)
        paint_links(painter, self.inside(option.exposedRect), self._store.manner, ASKED)


class QuietLinks(_Strokes):
    """All links. At rest an image painted in the background with true width and alpha; thin and opaque beside it.

    Seven hundred wide, translucent curves take a tenth of a second: too long for a frame, short enough for a thread.
    """

    def __init__(self, store: FaceStore, jobs: Jobs) -> None:
        super().__init__(store)
        self._jobs = jobs
        self._layer: QPixmap | None = None
        self._area, self._scale = QRectF(), (0.0, 0.0)
        self._fresh: tuple[Link, ...] = ()
        self._dimmed = False
        self.setZValue(_BELOW)

    def set_links(self, links: Iterable[Link]) -> None:
        self._layer = None
        self._fresh = ()
        super().set_links(links)

    def exchange(self, links: Iterable[Link]) -> None:
        """Other links, of which most are where they were: these stay as they are painted until all are painted anew."""
        links = tuple(links)
        known = set(self.links)
        fresh = tuple(link for link in links if link not in known)
        layer = self._layer if len(fresh) <= _FEW else None
        self.set_links(links)
        self._layer, self._fresh = layer, fresh if layer is not None else ()

    def forget(self) -> None:
        """The colours have changed."""
        self._layer = None
        self.update()

    def dim(self, dimmed: bool) -> None:
        """Step back while others are asked for."""
        if dimmed != self._dimmed:
            self._dimmed = dimmed
            self.update()

    def render(self, area: QRectF, zoom: float, ratio: float) -> None:
        """Have the links inside an area painted finely for a zoom, in the background, unless most of it is."""
        rim = _SPARE / zoom
        needed = area.adjusted(rim, rim, -rim, -rim).intersected(self._bounds)
        if self._layer is not None and self._scale == (zoom, ratio) and not self._fresh and self._area.contains(needed):
            return
        links = self.inside(area)
        manner = replace(self._store.manner, zoom=zoom, density=zoom * ratio, translucent=True)

        def work(progress: Progress) -> QImage:
            return links_image(links, manner, area, progress)

        def done(image: QImage) -> None:
            self._layer, self._area, self._scale, self._fresh = QPixmap.fromImage(image), area, (zoom, ratio), ()
            self.update()

        def failed(error: BaseException) -> None:
            """Cancelled: a newer view is being painted."""

        self._jobs.start(("links", id(self)), work, done, failed, lane="paint")

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        prepare(painter)
        exposed = option.exposedRect
        if self._dimmed:
            painter.setOpacity(painter.opacity() * _QUIETER)
        if self._layer is None:
            self._paint_plainly(painter, exposed)
            return
        if not self._area.contains(exposed.intersected(self._bounds)):
            painter.save()
            outside = _minus(exposed, self._area)
            for strip in outside:
                painter.setClipRect(strip)
                self._paint_plainly(painter, strip)
            painter.restore()
        shown = exposed.intersected(self._area)
        if not shown.isEmpty():
            scale = self._layer.width() / self._area.width()
            origin = shown.topLeft() - self._area.topLeft()
            part = QRectF(origin.x() * scale, origin.y() * scale, shown.width() * scale, shown.height() * scale)
            painter.drawPixmap(shown, self._layer, part)
        if self._fresh:
            paint_links(painter, self._fresh, self._store.manner, QUIET)

    def _paint_plainly(self, painter: QPainter, exposed: QRectF) -> None:
        """A few links as they are; many as hairlines, one path for each sign: that takes a third of the time.

        Of very many only the strongest: the image that is being painted will have them all.
        """
        links = self.inside(exposed)
        if len(self._links) <= _FEW:
            paint_links(painter, links, self._store.manner, QUIET)
            return
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for ink, path in _hairs(links[-_HAIRS:]).items():
            pen = QPen(QColor(*self._store.manner.theme.quiet(ink, QUIET)), 1.0)
            pen.setCosmetic(True)
            painter.setPen(pen)
            painter.drawPath(path)


def _hairs(links: Iterable[Link]) -> dict[Ink, QPainterPath]:
    """All links of each sign as one path."""
    found = {EXCITE: QPainterPath(), INHIBIT: QPainterPath()}
    for link in links:
        found[link.ink].addPath(curve(link.points))
    return found


def links_image(links: list[Link], manner: Manner, area: QRectF, progress: Progress) -> QImage:
    """Links on a transparent image of an area; may be called in any thread. Raises Cancelled."""
    width, height = max(round(area.width() * manner.density), 1), max(round(area.height() * manner.density), 1)
    image = QImage(width, height, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    try:
        prepare(painter)
        painter.scale(width / area.width(), height / area.height())
        painter.translate(-area.topLeft())
        for start in range(0, len(ordered := sorted(links, key=lambda link: link.strength)), 32):
            progress(start, len(ordered), "Painting edges")
            paint_links(painter, ordered[start : start + 32], manner, QUIET)
    finally:
        painter.end()
    return image


def _minus(area: QRectF, hole: QRectF) -> list[QRectF]:
    """What is left of an area around a hole, as at most four strips."""
    hole = hole.intersected(area)
    if hole.isEmpty():
        return [area]
    left, right, top, bottom = area.left(), area.right(), hole.top(), hole.bottom()
    strips = [
        QRectF(left, area.top(), area.width(), top - area.top()),
        QRectF(left, bottom, area.width(), area.bottom() - bottom),
        QRectF(left, top, hole.left() - left, bottom - top),
        QRectF(hole.right(), top, right - hole.right(), bottom - top),
    ]
    return [strip for strip in strips if strip.width() > 0 and strip.height() > 0]
