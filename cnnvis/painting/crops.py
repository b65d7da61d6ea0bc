"""Patches: the piece of a picture that a painter needs, at exactly the pixels it will cover."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QImage, QPainter, QPainterPath

from cnnvis.layout.diagram import Box

Crop = tuple[int, int, int, int]


def image(array: NDArray[np.uint8]) -> QImage:
    """An image that owns its pixels, from (h, w, 3) RGB or (h, w, 4) RGBA uint8."""
    data = np.ascontiguousarray(array)
    h, w, depth = data.shape
    form = QImage.Format.Format_RGB888 if depth == 3 else QImage.Format.Format_RGBA8888
    return QImage(data.data, w, h, w * depth, form).copy()


def cropped(picture: NDArray[np.uint8], crop: Crop | None) -> NDArray[np.uint8]:
    """The piece of a picture (h, w, 3 or grey) inside (top, left, bottom, right), at least one pixel, as RGB."""
    if picture.ndim == 2 or picture.shape[2] == 1:
        picture = np.repeat(picture.reshape(*picture.shape[:2], 1), 3, axis=2)
    picture = picture[..., :3]
    if crop is None:
        return picture
    h, w = picture.shape[:2]
    top, left = min(max(crop[0], 0), h - 1), min(max(crop[1], 0), w - 1)
    return picture[top : max(crop[2], top + 1), left : max(crop[3], left + 1)]


def fitted(box: Box, h: int, w: int) -> Box:
    """The largest box of the proportions h : w inside `box`, centred."""
    scale = min(box.w / w, box.h / h)
    inner_w, inner_h = w * scale, h * scale
    # A crop that is all but square fills its box: a hairline of ground beside it would only look like a mistake.
    if min(inner_w / box.w, inner_h / box.h) > 0.94:
        return box
    return Box(box.x + (box.w - inner_w) / 2, box.y + (box.h - inner_h) / 2, inner_w, inner_h)


def scaled(piece: NDArray[np.uint8], width: int, height: int) -> QImage:
    """A picture resampled smoothly to width × height pixels: bicubic up, area-weighted Lanczos down."""
    from PIL import Image  # not at the top: a window is up before it needs it

    width, height = max(width, 1), max(height, 1)
    source = Image.fromarray(np.ascontiguousarray(piece))
    up = width >= source.width and height >= source.height
    kind = Image.Resampling.BICUBIC if up else Image.Resampling.LANCZOS
    return image(np.asarray(source.resize((width, height), kind)))


def gridded(colours: NDArray[np.uint8], width: int, height: int) -> QImage:
    """A grid of colours (rows, columns, 3) at width × height pixels: hard edges up, means of areas down."""
    from PIL import Image

    source = Image.fromarray(np.ascontiguousarray(colours))
    return image(np.asarray(source.resize((width, height), Image.Resampling.BOX)))


def rounded(picture: QImage, radius: float) -> QImage:
    """The same image with transparent, antialiased round corners of `radius` pixels."""
    if radius < 0.5:
        return picture
    out = QImage(picture.size(), QImage.Format.Format_ARGB32_Premultiplied)
    out.fill(Qt.GlobalColor.transparent)
    shape = QPainterPath()
    shape.addRoundedRect(QRectF(0, 0, picture.width(), picture.height()), radius, radius)
    painter = QPainter(out)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.fillPath(shape, Qt.GlobalColor.black)
    painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_SourceIn)
    painter.drawImage(0, 0, picture)
    painter.end()
    return out
