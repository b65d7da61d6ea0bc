"""The menus under the right mouse button, and the colours that a cluster may be marked with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPixmap
from PySide6.QtWidgets import QMenu, QWidget

from cnnvis.gui.actions import Actions
from cnnvis.gui.facet_switch import WORDS
from cnnvis.layout.diagram import Key
from cnnvis.layout.theme import CLUSTER_COLOURS

_BESIDE = ("fit", "collapse_all", "", "export", "copy_figure")
_CLASS = ("explain_this", "explain_together", "", *_BESIDE)
_BUNDLE = ("expand", "bundles_auto", "bundles_on", "bundles_off")
_CLUSTER = (
    "expand",
    "facet_card",
    "",
    "rename",
    "note",
    "colour",
    "lock",
    "",
    "merge",
    "split",
    "",
    "recluster",
    "knock_out",
    "explain_this",
)
_LAYER = ("expand", "note", "recluster", "knock_out", "", "represent", "join_groups", "split_group")
_UNIT = ("gather", "move", "pin", "note", "", *(verb for verb in _CLUSTER if verb != "note"))
_VERBS = {"class": _CLASS, "bundle": _BUNDLE, "cluster": _CLUSTER, "column": _LAYER, "unit": _UNIT}


def pop_up(window: QWidget, actions: Actions, key: Key | None, where: QPoint) -> None:
    """Show what can be done with a key of the picture, or with all of it."""
    menu = QMenu(window)
    menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    for verb in _VERBS.get(str(key[0]), _BESIDE) if key is not None else _BESIDE:
        if not verb:
            menu.addSeparator()
        else:
            menu.addAction(actions.menus[verb].menuAction() if verb in actions.menus else actions[verb])
    menu.popup(where)


def fill(menus: Mapping[str, QMenu], run: Callable[[str, tuple[str]], None]) -> None:
    """Offer the facets that a card may show by itself, and the colours of clusters, each with its swatch."""
    for facet, (words, tip) in WORDS.items():
        menus["facet_card"].addAction(words, partial(run, "facet_card", (facet,))).setToolTip(tip)
    for name, colour in CLUSTER_COLOURS.items():
        menus["colour"].addAction(_swatch(colour), name, partial(run, "colour", (colour,)))
    menus["colour"].addSeparator()
    menus["colour"].addAction("None", partial(run, "colour", ("",)))


def _swatch(colour: str) -> QIcon:
    found = QPixmap(32, 32)
    found.fill(Qt.GlobalColor.transparent)
    painter = QPainter(found)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(colour))
    painter.drawRoundedRect(4, 4, 24, 24, 6, 6)
    painter.end()
    return QIcon(found)
