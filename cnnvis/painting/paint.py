"""Diagram → QPainter: one painter for the window, SVG, PDF and PNG."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QGuiApplication, QImage, QPainter, QPainterPath, QPen, QPolygonF

from cnnvis.layout.diagram import (
    ACCENT,
    EXCITE,
    FAINT,
    INHIBIT,
    Box,
    Card,
    Cells,
    Diagram,
    Face,
    Ink,
    Key,
    Label,
    Lines,
    Link,
    Patch,
    Pictures,
    Raster,
    Rect,
    seen,
)
from cnnvis.layout.rasters import Tints, composed, tints
from cnnvis.layout.theme import ASKED, DIMMED, QUIET, Theme
from cnnvis.painting.crops import cropped, fitted, gridded, rounded, scaled

_ALIGN = {"left": Qt.AlignmentFlag.AlignLeft, "centre": Qt.AlignmentFlag.AlignHCenter}
_ELIDE = {"middle": Qt.TextElideMode.ElideMiddle, "end": Qt.TextElideMode.ElideRight}


_SHOWS_BOTH = 2.0
"""The width from which a link has room for two colours; on a thinner one they would only turn grey."""
_DASH = 18.0
"""Pixels from one dash to the next."""


@dataclass(frozen=True)
class Manner:
    """How a diagram is painted, whatever it is painted on.

    `family` is the font's, "" the system's own. `zoom` (screen pixels per diagram pixel) says which marks are
    seen. `density` is device pixels per diagram pixel: how finely patches are resampled. `translucent` strokes
    links with true alpha; otherwise with opaque colours pre-blended with the canvas, which paint faster.
    """

    theme: Theme
    family: str = ""
    zoom: float = 1.0
    density: float = 1.0
    translucent: bool = False


class Tiles(Protocol):
    """Where painters get the pixels of a patch."""

    def __call__(self, patch: Patch, density: float) -> tuple[QImage, Box] | None:
        """The image of a patch at `density` pixels per diagram pixel and the box it fills; None while there is none."""
        ...


class DirectTiles:
    """Tiles made on the spot from the diagram's pictures; the last pictures and tiles are kept.

    Thread-safe as far as `pictures` is. Cost: a decode per new picture, about 0.2 ms per new tile.
    """

    def __init__(self, pictures: Pictures | None, keep: int = 256) -> None:
        self._picture = lru_cache(maxsize=keep)(pictures) if pictures is not None else None

    def __call__(self, patch: Patch, density: float) -> tuple[QImage, Box] | None:
        picture = self._picture(patch.sample) if self._picture is not None and patch.sample != -1 else None
        if picture is None or picture.ndim < 2:
            return None
        piece = cropped(picture, patch.crop)
        box = fitted(patch.box, *piece.shape[:2])
        tile = scaled(piece, round(box.w * density), round(box.h * density))
        return rounded(tile, patch.radius * density), box


def without_pictures(patch: Patch, density: float) -> tuple[QImage, Box] | None:
    """Tiles while there are none: painters leave faint places."""
    return None


def colour(theme: Theme, ink: Ink, over: str = "card") -> QColor:
    """The opaque colour of an ink."""
    return QColor(*theme.rgb(ink, over))


@lru_cache(maxsize=256)
def font(family: str, size: float, bold: bool = False) -> QFont:
    """A font sized in pixels, whose text scales linearly with the zoom."""
    found = QFont(family) if family else QFont(QGuiApplication.font())
    found.setPixelSize(max(round(size), 1))
    found.setWeight(QFont.Weight.Bold if bold else QFont.Weight.Normal)
    found.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
    return found


def rectangle(box: Box) -> QRectF:
    return QRectF(box.x, box.y, box.w, box.h)


def paint_rect(painter: QPainter, mark: Rect, theme: Theme) -> None:
    """A filled and/or outlined rectangle; outlines lie inside the box."""
    painter.setBrush(colour(theme, mark.fill) if mark.fill is not None else Qt.BrushStyle.NoBrush)
    area = rectangle(mark.box)
    if mark.stroke is not None:
        painter.setPen(QPen(colour(theme, mark.stroke), 1.0))
        area = area.adjusted(0.5, 0.5, -0.5, -0.5)
    else:
        painter.setPen(Qt.PenStyle.NoPen)
    if mark.radius > 0:
        painter.drawRoundedRect(area, mark.radius, mark.radius)
    else:
        painter.drawRect(area)


def paint_label(painter: QPainter, mark: Label, theme: Theme, family: str, over: str = "card") -> None:
    """One line of text, elided to its box."""
    if mark.upright:
        centre = rectangle(mark.box).center()
        painter.save()
        painter.translate(centre)
        painter.rotate(-90)
        painter.translate(-centre)
        paint_label(painter, mark.lying, theme, family, over)
        painter.restore()
        return
    face = font(family, mark.size, mark.bold)
    text = mark.text
    metrics = QFontMetricsF(face)
    if mark.elide in _ELIDE and metrics.horizontalAdvance(text) > mark.box.w:
        text = metrics.elidedText(text, _ELIDE[mark.elide], mark.box.w)
    painter.setFont(face)
    painter.setPen(colour(theme, mark.ink, over))
    align = _ALIGN.get(mark.align, Qt.AlignmentFlag.AlignRight) | Qt.AlignmentFlag.AlignVCenter
    # Without clipping to the box: ascenders of a tight box must not be cut.
    painter.drawText(rectangle(mark.box), int(align) | int(Qt.TextFlag.TextDontClip | Qt.TextFlag.TextSingleLine), text)


def paint_patch(painter: QPainter, mark: Patch, manner: Manner, tiles: Tiles) -> None:
    """A patch, or a faint place where there is no picture (yet)."""
    found = tiles(mark, manner.density)
    if found is None or found[1] != mark.box:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour(manner.theme, FAINT))
        painter.drawRoundedRect(rectangle(mark.box), mark.radius, mark.radius)
    if found is not None:
        whole = painter.opacity()
        painter.setOpacity(whole * mark.strength)
        painter.drawImage(rectangle(found[1]), found[0])
        painter.setOpacity(whole)


def paint_cells(painter: QPainter, mark: Cells, manner: Manner) -> None:
    """A grid of colours: cells that lie apart as rectangles, others as one image without seams between them."""
    colours = manner.theme.cells(mark.grid, mark.ramp)
    rows, columns = mark.shape
    pitch = min(mark.box.w / columns, mark.box.h / rows) * manner.zoom
    if mark.gap > 0 and pitch >= 4:  # from afar gaps would only be a pattern
        for row in range(rows):
            for column in range(columns):
                painter.fillRect(rectangle(mark.place(row, column)), QColor(*colours[row, column].tolist()))
        return
    wide, high = max(round(mark.box.w * manner.density), 1), max(round(mark.box.h * manner.density), 1)
    painter.drawImage(rectangle(mark.box), gridded(colours, wide, high))


def paint_raster(painter: QPainter, mark: Raster, manner: Manner) -> None:
    """A picture with a map over it, resampled to the pixels that it covers."""
    painter.drawImage(rectangle(mark.box), _raster(mark, tints(manner.theme), manner.density))


@lru_cache(maxsize=128)
def _raster(mark: Raster, colours: Tints, density: float) -> QImage:
    pixels = scaled(composed(mark, colours), round(mark.box.w * density), round(mark.box.h * density))
    return rounded(pixels, mark.radius * density)


def paint_lines(painter: QPainter, mark: Lines, manner: Manner) -> None:
    """Closed lines, a thin halo below them."""
    painter.setBrush(Qt.BrushStyle.NoBrush)
    shapes = [QPolygonF([QPointF(x + mark.box.x, y + mark.box.y) for x, y in path]) for path in mark.paths]
    for ink, width in ((Ink("card"), mark.width + 1.5), (mark.ink, mark.width)):
        pen = QPen(colour(manner.theme, ink), width)
        pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
        painter.setPen(pen)
        for shape in shapes:
            painter.drawPolygon(shape)


def paint_face(painter: QPainter, face: Face, manner: Manner, tiles: Tiles, selected: bool = False) -> None:
    """What stands on a card, at the painter's origin."""
    theme = manner.theme
    if face.framed:
        stroke = ACCENT if selected else Ink("border")
        paint_rect(painter, Rect(Box(0, 0, face.w, face.h), Ink("card"), stroke, 4.0), theme)
        if selected:
            paint_rect(painter, Rect(Box(0.5, 0.5, face.w - 1, face.h - 1), None, ACCENT, 3.5), theme)
    over = "card" if face.framed else "canvas"
    for mark in face.marks:
        if not seen(mark, manner.zoom):
            continue
        if isinstance(mark, Rect):
            paint_rect(painter, mark, theme)
        elif isinstance(mark, Label):
            paint_label(painter, mark, theme, manner.family, over)
        elif isinstance(mark, Cells):
            paint_cells(painter, mark, manner)
        elif isinstance(mark, Raster):
            paint_raster(painter, mark, manner)
        elif isinstance(mark, Lines):
            paint_lines(painter, mark, manner)
        else:
            paint_patch(painter, mark, manner, tiles)


@lru_cache(maxsize=8192)
def curve(points: tuple[tuple[float, float], ...]) -> QPainterPath:
    """A chain of cubic Béziers."""
    path = QPainterPath(QPointF(*points[0]))
    for k in range(1, len(points) - 2, 3):
        path.cubicTo(*(QPointF(*p) for p in points[k : k + 3]))
    return path


def paint_link(painter: QPainter, link: Link, manner: Manner, share: float = QUIET, width: float | None = None) -> None:
    """A link at `share` of its colour; one that stands out and both excites and inhibits is dashed with the other."""
    path = curve(link.points)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    pen = QPen(_tint(manner, link.ink, share), link.width if width is None else width)
    pen.setCapStyle(Qt.PenCapStyle.FlatCap)
    painter.setPen(pen)
    painter.drawPath(path)
    if link.mixed and share > 0.5 and link.width >= _SHOWS_BOTH and link.key[0] == "link":  # a bundle's box says it
        minor = min(link.shares)
        pen.setColor(_tint(manner, INHIBIT if link.ink == EXCITE else EXCITE, share))
        pen.setDashPattern([_DASH * minor / link.width, _DASH * (1 - minor) / link.width])
        painter.setPen(pen)
        painter.drawPath(path)


def _tint(manner: Manner, ink: Ink, share: float) -> QColor:
    if not manner.translucent or share > 0.5:
        return QColor(*manner.theme.quiet(ink, share))
    tint = colour(manner.theme, ink)
    tint.setAlphaF(share)
    return tint


def paint_links(
    painter: QPainter, links: Iterable[Link], manner: Manner, share: float = QUIET, width: float | None = None
) -> None:
    """Links from weak to strong, so that the strong ones lie on top."""
    for link in sorted(links, key=lambda found: found.strength):
        paint_link(painter, link, manner, share, width)


def prepare(painter: QPainter) -> None:
    """The hints without which edges are jagged and images in a PDF are lossy."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setRenderHint(QPainter.RenderHint.TextAntialiasing)
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
    painter.setRenderHint(QPainter.RenderHint.LosslessImageRendering)


def paint_card(
    painter: QPainter, card: Card, manner: Manner, tiles: Tiles, selected: bool = False, dimmed: bool = False
) -> None:
    """A card at its place; `dimmed` lets it step back."""
    painter.save()
    if dimmed:
        painter.setOpacity(painter.opacity() * DIMMED)
    painter.translate(card.box.x, card.box.y)
    paint_face(painter, card.face, manner, tiles, selected)
    painter.restore()


def paint(
    painter: QPainter,
    diagram: Diagram,
    manner: Manner,
    tiles: Tiles,
    box: Box | None = None,
    asked: frozenset[Key] = frozenset(),
    share: float = QUIET,
) -> None:
    """The whole diagram, or what of it lies in `box`, in diagram pixels; links of what is `asked` for stand out.

    The hollow marks of expanded bundles are left out: there is nothing to click on paper.
    """
    prepare(painter)
    loud = {link.key: link for link in (*diagram.path, *(x for key in asked for x in diagram.lit(key)))}
    for links, strength in ((diagram.strokes, share), (loud.values(), ASKED)):
        seen_ = (link for link in links if box is None or extent(link).overlaps(box))
        paint_links(painter, (link for link in seen_ if strength == ASKED or link.key not in loud), manner, strength)
    boxes = (bundle.card for bundle in diagram.bundles if not bundle.expanded)
    for card in (*diagram.heads, *diagram.cards, *boxes):
        if box is None or card.box.overlaps(box):
            paint_card(painter, card, manner, tiles, card.key in asked, card.key in diagram.dimmed)


def extent(link: Link) -> Box:
    """A box that holds a link with its width."""
    return _extent(link.points, link.width)


@lru_cache(maxsize=8192)
def _extent(points: tuple[tuple[float, float], ...], width: float) -> Box:
    xs, ys = zip(*points)
    return Box(min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)).grown(width / 2 + 1)
