"""A diagram as SVG text, without any toolkit: for notebooks and for a look at a picture where there is no window."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable
from html import escape
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cnnvis.errors import UnreadableSample
from cnnvis.layout.marks import (
    BORDER,
    CARD,
    EXCITE,
    FAINT,
    INHIBIT,
    Box,
    Bundle,
    Card,
    Cells,
    Ink,
    Key,
    Label,
    Lines,
    Link,
    Mark,
    Patch,
    Pictures,
    Raster,
    Rect,
    seen,
)
from cnnvis.layout.rasters import composed, tints
from cnnvis.layout.theme import DIMMED, LIGHT, QUIET, Theme

FAMILY = "system-ui, 'Segoe UI', 'Helvetica Neue', 'DejaVu Sans', sans-serif"

_NARROW = set("iIjl.,:;'|!·()[]{}/\\ ft-r1")
_WIDE = set("mwMW@%—…")


class Drawing(Protocol):
    """What is needed of a diagram."""

    @property
    def heads(self) -> tuple[Card, ...]: ...
    @property
    def cards(self) -> tuple[Card, ...]: ...
    @property
    def strokes(self) -> tuple[Link, ...]: ...
    @property
    def bundles(self) -> tuple[Bundle, ...]: ...
    @property
    def dimmed(self) -> frozenset[Key]: ...
    @property
    def width(self) -> float: ...
    @property
    def height(self) -> float: ...
    @property
    def caption(self) -> str: ...
    @property
    def pictures(self) -> Pictures | None: ...


def svg(diagram: Drawing, *, theme: Theme = LIGHT, zoom: float = 1.0) -> str:
    """The diagram as one SVG document, patches embedded as PNG; `zoom` picks the level of detail.

    A sample whose picture is missing or unreadable leaves an empty place. Costs about 1 ms per patch, most of it
    for reading pictures.
    """
    width, height = diagram.width, diagram.height
    patches = _Patches(diagram.pictures, theme)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_n(width * zoom)}" height="{_n(height * zoom)}" '
        f'viewBox="0 0 {_n(width)} {_n(height)}" font-family="{FAMILY}">',
        f"<title>{_text(diagram.caption or 'Diagram')}</title>",
        f'<rect width="{_n(width)}" height="{_n(height)}" fill="{theme.hex(Ink("canvas"))}"/>',
        *(_link(link, theme) for link in diagram.strokes),
    ]
    boxes = (bundle.card for bundle in diagram.bundles if not bundle.expanded)
    for card in (*diagram.heads, *diagram.cards, *boxes):
        parts += _card(card, theme, zoom, patches, card.key in diagram.dimmed)
    parts.append("</svg>")
    return "\n".join(parts)


def _card(card: Card, theme: Theme, zoom: float, patches: _Patches, dimmed: bool) -> Iterable[str]:
    faded = f' opacity="{_n(DIMMED)}"' if dimmed else ""
    yield f'<g transform="translate({_n(card.box.x)} {_n(card.box.y)})"{faded}>'
    if card.tooltip:
        yield f"<title>{_text(card.tooltip)}</title>"
    if card.face.framed:
        frame = Box(0.5, 0.5, card.box.w - 1, card.box.h - 1)
        yield _rect(Rect(frame, CARD, BORDER, 4.0), theme)
    for mark in card.face.marks:
        if seen(mark, zoom):
            yield _mark(mark, theme, patches)
    yield "</g>"


def _mark(mark: Mark, theme: Theme, patches: _Patches) -> str:
    if isinstance(mark, Rect):
        return _rect(mark, theme)
    if isinstance(mark, Label):
        return _label(mark, theme)
    if isinstance(mark, Cells):
        return _cells(mark, theme)
    if isinstance(mark, Raster):
        pixels = _png(composed(mark, tints(theme)), mark.box)
        return f'<image {_at(mark.box)} preserveAspectRatio="none" href="{pixels}"/>'
    if isinstance(mark, Lines):
        return _lines(mark, theme)
    return patches.draw(mark)


def _lines(lines: Lines, theme: Theme) -> str:
    """One path for the halo and one for the lines."""
    left, top = lines.box.x, lines.box.y
    path = "".join("M" + " ".join(f"{_n(x + left)} {_n(y + top)}" for x, y in way) + "Z" for way in lines.paths)
    strokes = ((CARD, lines.width + 1.5), (lines.ink, lines.width))
    return "".join(
        f'<path d="{path}" fill="none" stroke="{theme.hex(ink)}" stroke-width="{_n(width)}" stroke-linejoin="round"/>'
        for ink, width in strokes
    )


def _cells(cells: Cells, theme: Theme) -> str:
    """A rectangle for each cell where they lie apart, else one picture of a pixel for each."""
    colours = theme.cells(cells.grid, cells.ramp)
    if cells.gap > 0:
        rows, columns = cells.shape
        spots = ((r, c) for r in range(rows) for c in range(columns))
        return "".join(f'<rect {_at(cells.place(r, c))} fill="#{bytes(colours[r, c]).hex()}"/>' for r, c in spots)
    return (
        f'<image {_at(cells.box)} preserveAspectRatio="none" image-rendering="pixelated" '
        f'href="{_png(colours, cells.box)}"/>'
    )


def _rect(rect: Rect, theme: Theme) -> str:
    fill = theme.hex(rect.fill) if rect.fill is not None else "none"
    stroke = f' stroke="{theme.hex(rect.stroke)}"' if rect.stroke is not None else ""
    radius = f' rx="{_n(rect.radius)}"' if rect.radius else ""
    return f'<rect {_at(rect.box)}{radius} fill="{fill}"{stroke}/>'


def _label(label: Label, theme: Theme) -> str:
    turn = ""
    if label.upright:
        turn = f' transform="rotate(-90 {_n(label.box.x + label.box.w / 2)} {_n(label.box.middle)})"'
        label = label.lying
    box, anchor = label.box, {"left": "start", "centre": "middle", "right": "end"}[label.align]
    x = {"left": box.x, "centre": box.x + box.w / 2, "right": box.right}[label.align]
    weight = ' font-weight="600"' if label.bold else ""
    return (
        f'<text x="{_n(x)}" y="{_n(box.middle + 0.36 * label.size)}" font-size="{_n(label.size)}" '
        f'text-anchor="{anchor}"{weight}{turn} fill="{theme.hex(label.ink)}">{_text(elided(label))}</text>'
    )


def text_width(text: str, size: float, bold: bool) -> float:
    """The width of a text in a wide sans-serif face, estimated without a font; rather too wide than too narrow."""
    units = sum(
        0.38 if c in _NARROW else 0.95 if c in _WIDE else 0.7 if c.isupper() else 1.0 if ord(c) > 0x2E80 else 0.62
        for c in text
    )
    return units * size * (1.1 if bold else 1.0)


def elided(label: Label) -> str:
    """The text of a label cut to its box by the label's own rule, by estimated widths."""
    text = label.text
    if label.elide == "none" or text_width(text, label.size, label.bold) <= label.box.w:
        return text
    keep = len(text) - 1
    while keep > 1:
        front = keep - keep // 2 if label.elide == "middle" else keep
        short = text[:front].rstrip() + "…" + (text[len(text) - keep // 2 :] if label.elide == "middle" else "")
        if text_width(short, label.size, label.bold) <= label.box.w:
            return short
        keep -= 1
    return text[:1] + "…"


def _link(link: Link, theme: Theme) -> str:
    (x, y), rest = link.points[0], link.points[1:]
    path = f"M{_n(x)} {_n(y)}C" + " ".join(f"{_n(a)} {_n(b)}" for a, b in rest)
    colour = _hex(theme.quiet(link.ink))
    line = f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="{_n(link.width)}"/>'
    if not link.mixed:
        return line
    other = INHIBIT if link.ink == EXCITE else EXCITE
    inner = link.width * min(link.shares)
    colour = _hex(theme.quiet(other, 1.5 * QUIET))
    return line + f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="{_n(inner)}"/>'


class _Patches:
    """Patches as embedded pictures; each picture is read once."""

    def __init__(self, pictures: Pictures | None, theme: Theme) -> None:
        self._pictures = pictures
        self._theme = theme
        self._known: dict[int, NDArray[np.uint8] | None] = {}
        self._clips: set[str] = set()

    def draw(self, patch: Patch) -> str:
        picture = self._picture(patch.sample)
        if picture is None:
            return _rect(Rect(patch.box, FAINT, radius=patch.radius), self._theme)
        if patch.crop is not None:
            top, left, bottom, right = patch.crop
            picture = picture[top:bottom, left:right]
        # Named after its shape: two pictures in one notebook then cannot clip each other wrongly.
        name = "clip-" + "-".join(_n(v) for v in (patch.box.x, patch.box.y, patch.box.w, patch.box.h, patch.radius))
        clip = f'<clipPath id="{name}"><rect {_at(patch.box)} rx="{_n(patch.radius)}"/></clipPath>'
        if name in self._clips:
            clip = ""
        self._clips.add(name)
        faded = f' opacity="{_n(patch.strength)}"' if patch.strength < 1 else ""
        return (
            f'{clip}<image {_at(patch.box)}{faded} clip-path="url(#{name})" preserveAspectRatio="xMidYMid slice" '
            f'href="{_png(picture, patch.box)}"/>'
        )

    def _picture(self, sample: int) -> NDArray[np.uint8] | None:
        if sample not in self._known:
            try:
                self._known[sample] = self._pictures(sample) if self._pictures is not None else None
            except UnreadableSample:  # the file was there when it was analysed and is not now
                self._known[sample] = None
        return self._known[sample]


def _png(picture: NDArray[np.uint8], box: Box) -> str:
    """A data URI; a large picture is reduced to four times the size it is shown at, no more is seen in print."""
    from PIL import Image  # a window that only paints does not need it

    image = Image.fromarray(np.ascontiguousarray(picture))
    limit = 4 * max(box.w, box.h)
    if min(image.size) > limit:
        scale = limit / min(image.size)
        image = image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.BOX)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def _at(box: Box) -> str:
    return f'x="{_n(box.x)}" y="{_n(box.y)}" width="{_n(box.w)}" height="{_n(box.h)}"'


def _n(value: float) -> str:
    """A number with at most two decimals."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _hex(rgb: tuple[int, int, int]) -> str:
    return "#{:02x}{:02x}{:02x}".format(*rgb)


def _text(text: str) -> str:
    """Text that is valid XML whatever a name holds: markup is escaped, control characters become spaces."""
    clean = "".join(c if c.isprintable() or c == "\n" else " " for c in text)
    return escape(clean.encode("utf-8", "replace").decode(), quote=False)
