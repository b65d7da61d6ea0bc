"""Paper of three kinds, svg, pdf and png, on which anything is painted in CSS pixels; and its file, in one step."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QMarginsF, QRectF, QSize, QSizeF
from PySide6.QtGui import QColor, QImage, QPageSize, QPainter, QPdfWriter
from PySide6.QtSvg import QSvgGenerator

from cnnvis.errors import UnreadableFile

Paint = Callable[[QPainter], None]


def on(device: QSvgGenerator | QPdfWriter | QImage, scale: tuple[float, float], paint: Paint) -> None:
    """Paint on a device; a device that goes before its painter would take the process with it."""
    painter = QPainter(device)
    try:
        painter.scale(*scale)
        paint(painter)
    finally:
        painter.end()


def svg(width: float, height: float, paint: Paint, title: str = "cnnvis", description: str = "") -> bytes:
    """An SVG of so many CSS pixels, its text as text."""
    buffer = _buffer()
    generator = QSvgGenerator()
    generator.setOutputDevice(buffer)
    generator.setResolution(96)
    generator.setSize(QSize(math.ceil(width), math.ceil(height)))
    generator.setViewBox(QRectF(0, 0, width, height))
    generator.setTitle(title)
    generator.setDescription(description)
    on(generator, (1.0, 1.0), paint)
    return _bytes(buffer)


def pdf(width: float, height: float, paint: Paint, title: str = "", xmp: bytes = b"") -> bytes:
    """A PDF of one page of so many CSS pixels, its text as text, with a packet of metadata."""
    buffer = _buffer()
    writer = QPdfWriter(buffer)
    writer.setCreator("cnnvis")
    writer.setTitle(title)
    if xmp:
        writer.setDocumentXmpMetadata(QByteArray(xmp))
    size = QSizeF(width * 25.4 / 96, height * 25.4 / 96)
    writer.setPageSize(QPageSize(size, QPageSize.Unit.Millimeter, "", QPageSize.SizeMatchPolicy.ExactMatch))
    writer.setPageMargins(QMarginsF(0, 0, 0, 0))
    writer.setResolution(1200)
    on(writer, (1200 / 96, 1200 / 96), paint)
    return _bytes(buffer)


def image(width: int, height: int, scale: tuple[float, float], paint: Paint) -> QImage:
    """White paper of so many device pixels; `scale` is how many of them a CSS pixel takes."""
    found = QImage(width, height, QImage.Format.Format_RGB32)
    found.fill(QColor("white"))
    on(found, scale, paint)
    return found


def png(found: QImage) -> bytes:
    """An image as PNG."""
    buffer = _buffer()
    found.save(buffer, "PNG")  # type: ignore[call-overload]
    return _bytes(buffer)


def write(target: Path, data: bytes) -> None:
    """The file in one step: a full disk leaves the old figure whole. Raises UnreadableFile."""
    beside = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        try:
            beside.write_bytes(data)
            os.replace(beside, target)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        why = error.strerror or str(error)
        raise UnreadableFile(f"A figure must be written to a folder that allows it; got {target}: {why}.") from error


def _buffer() -> QBuffer:
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    return buffer


def _bytes(buffer: QBuffer) -> bytes:
    data: QByteArray = buffer.data()
    return bytes(data.data())
