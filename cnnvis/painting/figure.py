"""Figures for papers and slides: the diagram as SVG, PDF or PNG, painted by the painter of the window."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QImage, QPainter

from cnnvis.errors import InvalidValue, did_you_mean
from cnnvis.layout.diagram import Box, Diagram, Entry, Ink, Key
from cnnvis.model.views import packed, view_of
from cnnvis.painting import paper
from cnnvis.painting.embed import in_png, in_svg, in_xmp
from cnnvis.painting.fonts import painting_application
from cnnvis.painting.paint import DirectTiles, Manner, colour, extent, font, paint, prepare
from cnnvis.painting.style import Style
from cnnvis.painting.style import style as named_style

PX = 96 / 25.4
"""CSS pixels per millimetre."""
SUFFIXES = (".svg", ".pdf", ".png")
PRINTED = 2.0
"""Print is read at so many times less the size than what is on a screen: the smallest words have 2.6 points."""
_MOST_PIXELS = 400_000_000


@dataclass(frozen=True)
class Page:
    """A figure laid out, in CSS pixels: the part of the diagram at `scale`, the legend and the caption below it."""

    style: Style
    part: Box
    scale: float
    width: float
    height: float
    margin: float
    legend: tuple[tuple[float, float, Entry], ...]
    caption_top: float
    cut: bool


def export(
    diagram: Diagram,
    path: str | Path,
    *,
    style: str = "screen",
    width_mm: float | None = None,
    dpi: float = 300,
    box: Box | None = None,
    asked: frozenset[Key] = frozenset(),
    legend: bool | None = None,
    caption: bool | None = None,
    view: bool = True,
) -> Path:
    """The path of a figure written as SVG, PDF or PNG, by the suffix.

    `style` names a figure style or a toml file; `width_mm` overrides its width. `box` is the part of the diagram,
    in its pixels; None: all of it. Links of the cards `asked` stand out. `legend` and `caption` override the
    style. With `view` the file carries the view that made it and opens again when it is dropped onto the window;
    it names clusters and subsets, but neither notes nor paths. Patches are resampled to `dpi`. Text stays text in
    SVG and PDF. Main thread only. Cost: about 0.3 s per 1,000 patches.
    Raises InvalidValue, UnknownName or UnreadableFile.
    """
    target = Path(path)
    if target.suffix.lower() not in SUFFIXES:
        hint = did_you_mean(target.suffix, SUFFIXES)
        raise InvalidValue(f"A figure's file must end in .svg, .pdf or .png; got {target.name!r}. {hint}")
    chosen = _chosen(style, width_mm, legend, caption)
    _check(chosen, dpi, box)
    painting_application()
    page = lay_out(diagram, chosen, box)
    write = {".svg": _svg, ".pdf": _pdf, ".png": _png}[target.suffix.lower()]
    line = packed(view_of(diagram.session)) if view and diagram.session is not None else ""
    paper.write(target, write(diagram, page, dpi, asked, line))
    return target


def picture(
    diagram: Diagram,
    *,
    style: str = "screen",
    width_mm: float | None = None,
    dpi: float = 192,
    box: Box | None = None,
    asked: frozenset[Key] = frozenset(),
    legend: bool | None = None,
    caption: bool | None = None,
) -> QImage:
    """A figure as an image, for the clipboard or a preview; see `export`."""
    chosen = _chosen(style, width_mm, legend, caption)
    _check(chosen, dpi, box)
    painting_application()
    return _image(diagram, lay_out(diagram, chosen, box), dpi, asked)


def _chosen(style: str, width_mm: float | None, legend: bool | None, caption: bool | None) -> Style:
    """A style with what stands in for its own values."""
    found = named_style(style)
    return replace(
        found,
        width=found.width if width_mm is None else float(width_mm),
        legend=found.legend if legend is None else legend,
        caption=found.caption if caption is None else caption,
    )


def _check(style: Style, dpi: float, box: Box | None) -> None:
    if not (style.width == 0 or 10 <= style.width <= 5000):
        raise InvalidValue(f"A figure's width must be 10 to 5000 mm; got {style.width:g}.")
    if not 10 <= dpi <= 2400:
        raise InvalidValue(f"A figure's resolution must be 10 to 2400 dpi; got {dpi:g}.")
    if box is not None and not (box.w > 0 and box.h > 0):
        raise InvalidValue(f"A figure's part must have an area; got {box.w:g} × {box.h:g}. Leave it out to print all.")


def lay_out(diagram: Diagram, style: Style, box: Box | None) -> Page:
    """Where everything lies on the page."""
    part = box if box is not None else everything(diagram)
    margin = style.margin * PX
    width = style.width * PX if style.width else part.w + 2 * margin
    scale = (width - 2 * margin) / part.w
    bottom = margin + part.h * scale
    legend: list[tuple[float, float, Entry]] = []
    line = points(style.text)
    if style.legend and diagram.legend:
        metrics = QFontMetricsF(font(style.font, line))
        x, y = margin, bottom + line
        for entry in diagram.legend:
            wide = metrics.horizontalAdvance(entry.text) + 2.2 * line
            if x > margin and x + wide > width - margin:
                x, y = margin, y + 1.6 * line
            legend.append((x, y, entry))
            x += wide + 1.4 * line
        bottom = y + 1.3 * line
    top = bottom + 0.6 * line
    if style.caption and diagram.caption:
        bottom = top + _caption_height(diagram.caption, style, width - 2 * margin)
    return Page(style, part, scale, width, bottom + margin, margin, tuple(legend), top, box is not None)


def everything(diagram: Diagram) -> Box:
    """The smallest box around all cards and links: paper is too dear for an empty border."""
    boxes = [card.box for card in (*diagram.cards, *diagram.heads)]
    boxes += [bundle.card.box for bundle in diagram.bundles if not bundle.expanded]
    boxes += [extent(link) for link in diagram.strokes]
    if not boxes:
        return Box(0, 0, max(diagram.width, 1.0), max(diagram.height, 1.0))
    left, top = min(box.x for box in boxes), min(box.y for box in boxes)
    right, bottom = max(box.right for box in boxes), max(box.bottom for box in boxes)
    return Box(left, top, right - left, bottom - top).grown(1.0)


def legible(diagram: Diagram, scale: float) -> float:
    """The zoom of the window that shows what can be read in print at a scale; of a sheet without columns, all."""
    return max(scale, min(1.0, PRINTED * scale)) if diagram.columns else max(scale, 1.0)


def points(size: float) -> float:
    """CSS pixels of a size in points."""
    return size * 96 / 72


def _caption_height(text: str, style: Style, width: float) -> float:
    flags = int(Qt.TextFlag.TextWordWrap)
    metrics = QFontMetricsF(font(style.font, points(style.text)))
    return metrics.boundingRect(QRectF(0, 0, width, 1e6), flags, text).height()


def _paint(painter: QPainter, diagram: Diagram, page: Page, density: float, asked: frozenset[Key]) -> None:
    """Everything, in CSS pixels; `density` is device pixels per CSS pixel."""
    style, part = page.style, page.part
    prepare(painter)
    painter.setFont(font(style.font, points(style.text)))  # else an SVG names the system's font
    painter.fillRect(QRectF(0, 0, page.width, page.height), colour(style.colours, Ink("canvas")))
    manner = Manner(
        style.colours,
        family=style.font,
        zoom=style.detail or legible(diagram, page.scale),
        density=page.scale * density,
        translucent=True,
    )
    painter.save()
    painter.translate(page.margin, page.margin)
    if page.cut:
        painter.setClipRect(QRectF(0, 0, part.w * page.scale, part.h * page.scale))
    painter.scale(page.scale, page.scale)
    painter.translate(-part.x, -part.y)
    paint(painter, diagram, manner, DirectTiles(diagram.pictures), part, asked, style.edges)
    painter.restore()
    _paint_legend(painter, page)
    if style.caption and diagram.caption:
        painter.setFont(font(style.font, points(style.text)))
        painter.setPen(colour(style.colours, Ink("text")))
        area = QRectF(page.margin, page.caption_top, page.width - 2 * page.margin, page.height)
        painter.drawText(area, int(Qt.TextFlag.TextWordWrap), diagram.caption)


def _paint_legend(painter: QPainter, page: Page) -> None:
    style = page.style
    line = points(style.text)
    face = font(style.font, line)
    for x, y, entry in page.legend:
        mark = colour(style.colours, entry.ink, "canvas")
        thick = line * (0.25 if entry.shape == "line" else 0.8)
        painter.fillRect(QRectF(x, y + (line - thick) / 2, line * (1.5 if entry.shape == "line" else 0.8), thick), mark)
        painter.setFont(face)
        painter.setPen(colour(style.colours, Ink("text")))
        left = x + line * (2.0 if entry.shape == "line" else 1.2)
        flags = int(Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextDontClip)
        painter.drawText(QRectF(left, y, page.width, line), flags, entry.text)


def _svg(diagram: Diagram, page: Page, dpi: float, asked: frozenset[Key], line: str) -> bytes:
    def paint_it(painter: QPainter) -> None:
        _paint(painter, diagram, page, dpi / 96, asked)

    text = paper.svg(page.width, page.height, paint_it, description=diagram.caption).decode("utf-8")
    # The generator rounds the size to whole pixels; the width in mm must be exact.
    size = f'width="{page.width / PX:.4f}mm" height="{page.height / PX:.4f}mm"'
    data = re.sub(r'width="[^"]*mm"\s+height="[^"]*mm"', size, text, count=1).encode("utf-8")
    return in_svg(data, line) if line else data


def _pdf(diagram: Diagram, page: Page, dpi: float, asked: frozenset[Key], line: str) -> bytes:
    def paint_it(painter: QPainter) -> None:
        _paint(painter, diagram, page, dpi / 96, asked)

    title, xmp = diagram.caption.split("\n")[0][:120], in_xmp(line) if line else b""
    return _exact(paper.pdf(page.width, page.height, paint_it, title, xmp), page.width * 0.75, page.height * 0.75)


def _exact(pdf: bytes, width: float, height: float) -> bytes:
    """The same document with its page to the hundredth of a point: Qt rounds it to whole ones."""

    def box(found: re.Match[bytes]) -> bytes:
        top = float(found[1])  # where the painter's origin lies
        exact = f"/MediaBox [0 {max(top - height, 0):.3f} {width:.3f} {top:.0f}]".encode()
        # As long as before, else every offset of the cross-reference table would be wrong.
        return exact.ljust(len(found[0])) if len(exact) <= len(found[0]) else found[0]

    return re.sub(rb"/MediaBox \[0 0 [\d.]+ ([\d.]+)\]", box, pdf, count=1)


def _png(diagram: Diagram, page: Page, dpi: float, asked: frozenset[Key], line: str) -> bytes:
    data = paper.png(_image(diagram, page, dpi, asked))
    return in_png(data, line) if line else data


def _image(diagram: Diagram, page: Page, dpi: float, asked: frozenset[Key]) -> QImage:
    density = dpi / 96
    width, height = round(page.width * density), round(page.height * density)
    if width * height > _MOST_PIXELS or max(width, height) > 32_000:
        raise InvalidValue(f"A figure of {width:,} × {height:,} pixels is too large. Choose a lower dpi or width.")

    def paint_it(painter: QPainter) -> None:
        _paint(painter, diagram, page, density, asked)

    image = paper.image(width, height, (width / page.width, height / page.height), paint_it)
    image.setDotsPerMeterX(round(dpi / 0.0254))
    image.setDotsPerMeterY(round(dpi / 0.0254))
    return image
