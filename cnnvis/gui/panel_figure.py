"""A panel as a figure: painted by its own widgets, whole and in the light theme, its text as text."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QPoint, QRect, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QRegion
from PySide6.QtWidgets import QApplication, QScrollArea, QWidget

from cnnvis.errors import InvalidValue
from cnnvis.gui import palette
from cnnvis.layout.theme import LIGHT, Theme
from cnnvis.painting import paper

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
        data = _printed(widget, size, caption, suffix)
    finally:
        if isinstance(panel, QScrollArea):
            panel.setWidgetResizable(True)
        _dress(panel, theme)
    paper.write(path, data)
    return path


def _printed(widget: QWidget, size: QSize, caption: str, suffix: str) -> bytes:
    def paint_it(painter: QPainter) -> None:
        _paint(painter, widget, size, caption)

    width, height = size.width(), size.height()
    if suffix == ".svg":
        return paper.svg(width, height, paint_it)
    if suffix == ".pdf":
        return paper.pdf(width, height, paint_it)
    return paper.png(paper.image(width * _DENSITY, height * _DENSITY, (_DENSITY, _DENSITY), paint_it))


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
