"""A panel as a figure: painted by its own widgets, whole and in the light theme, its text as text."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QBuffer, QIODevice, QMarginsF, QPoint, QRect, QRectF, QSize, QSizeF, Qt
from PySide6.QtGui import QColor, QFontMetrics, QImage, QPageSize, QPainter, QPdfWriter, QRegion
from PySide6.QtSvg import QSvgGenerator
from PySide6.QtWidgets import QApplication, QScrollArea, QWidget

from cnnvis.errors import InvalidValue, UnreadableFile
from cnnvis.gui import palette
from cnnvis.layout.theme import LIGHT, Theme

_DENSITY = 3
_MARGIN = 16
_FLAGS = int(Qt.TextFlag.TextWordWrap)


def write_panel(panel: QWidget, path: Path, caption: str, theme: Theme) -> Path:
    """The path of a figure of a panel, as svg, pdf or png by the suffix, with a caption below.

    All of it is printed, also what is scrolled out of sight; in the light theme whatever `theme` the window has.
    Raises InvalidValue for another suffix, UnreadableFile where it cannot be written.
    """
    suffix = path.suffix.lower()
    if suffix not in (".svg", ".pdf", ".png"):
        raise InvalidValue(f"A figure's file must end in .svg, .pdf or .png; got {path.name!r}.")
    _dress(panel, LIGHT)
    try:
        widget = _inside(panel)
        height = QFontMetrics(widget.font()).boundingRect(QRect(0, 0, widget.width(), 10**6), _FLAGS, caption).height()
        size = QSize(widget.width() + 2 * _MARGIN, widget.height() + height + 3 * _MARGIN)
        data = {".svg": _svg, ".pdf": _pdf, ".png": _png}[suffix](widget, size, caption)
    finally:
        if isinstance(panel, QScrollArea):
            panel.setWidgetResizable(True)
        _dress(panel, theme)
    try:
        path.write_bytes(data)
    except OSError as error:
        why = error.strerror or str(error)
        raise UnreadableFile(f"A figure must be written to a folder that allows it; got {path}: {why}.") from error
    return path


def _dress(panel: QWidget, theme: Theme) -> None:
    application = QApplication.instance()
    if isinstance(application, QApplication):
        palette.apply(application, theme)
    if hasattr(panel, "set_theme"):
        panel.set_theme(theme)


def _inside(panel: QWidget) -> QWidget:
    """What a panel scrolls, as high as what is in it; the panel itself where it scrolls nothing."""
    inner = panel.widget() if isinstance(panel, QScrollArea) else None
    if inner is None or not isinstance(panel, QScrollArea):
        return panel
    panel.setWidgetResizable(False)  # else it would stay as high as what is seen of it
    inner.ensurePolished()
    height = inner.heightForWidth(inner.width())
    inner.resize(inner.width(), height if height > 0 else inner.sizeHint().height())
    return inner


def _paint(painter: QPainter, widget: QWidget, size: QSize, caption: str) -> None:
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setRenderHint(QPainter.RenderHint.LosslessImageRendering)
    painter.fillRect(QRect(QPoint(), size), QColor("white"))
    painter.save()
    painter.translate(_MARGIN, _MARGIN)
    widget.render(painter, QPoint(), QRegion(), QWidget.RenderFlag.DrawChildren)
    painter.restore()
    painter.setFont(widget.font())
    painter.setPen(QColor(*LIGHT.roles["muted"]))
    area = QRect(_MARGIN, widget.height() + 2 * _MARGIN, widget.width(), size.height())
    painter.drawText(area, _FLAGS, caption)


def _svg(widget: QWidget, size: QSize, caption: str) -> bytes:
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    generator = QSvgGenerator()
    generator.setOutputDevice(buffer)
    generator.setResolution(96)
    generator.setSize(size)
    generator.setViewBox(QRectF(0, 0, size.width(), size.height()))
    painter = QPainter(generator)
    try:
        _paint(painter, widget, size, caption)
    finally:
        painter.end()
    return bytes(buffer.data().data())


def _pdf(widget: QWidget, size: QSize, caption: str) -> bytes:
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    writer = QPdfWriter(buffer)
    writer.setCreator("cnnvis")
    points = QSizeF(size.width() * 0.75, size.height() * 0.75)
    writer.setPageSize(QPageSize(points, QPageSize.Unit.Point, "", QPageSize.SizeMatchPolicy.ExactMatch))
    writer.setPageMargins(QMarginsF(0, 0, 0, 0))
    writer.setResolution(1200)
    painter = QPainter(writer)
    try:
        painter.scale(1200 / 96, 1200 / 96)
        _paint(painter, widget, size, caption)
    finally:
        painter.end()
    return bytes(buffer.data().data())


def _png(widget: QWidget, size: QSize, caption: str) -> bytes:
    image = QImage(size * _DENSITY, QImage.Format.Format_RGB32)
    painter = QPainter(image)
    try:
        painter.scale(_DENSITY, _DENSITY)
        _paint(painter, widget, size, caption)
    finally:
        painter.end()
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    image.save(buffer, "PNG")  # type: ignore[call-overload]
    return bytes(buffer.data().data())
