"""How well clusters are told apart, in one line that may come a moment later."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QLabel
from shiboken6 import isValid

from cnnvis.gui.panels.page import Page, Scene
from cnnvis.gui.parts import label
from cnnvis.gui.regrouping import rounded
from cnnvis.model.quality import Silhouettes

TIP = (
    "Silhouette (Rousseeuw, 1987): how much nearer neurons are to their own cluster than to the next one, by their\n"
    "profiles over the classes. 1: told apart well; 0: between two clusters; below 0: nearer to another one."
)


def of_cluster(page: Page, scene: Scene, layer: str, id: int) -> None:
    """The silhouette of a cluster beside that of its layer."""

    def words(found: Silhouettes) -> str:
        mine = found.clusters.get(id)
        return f"Silhouette {rounded(mine)}, of the layer {rounded(found.mean)}" if mine is not None else ""

    _line(page, scene, layer, words)


def of_layer(page: Page, scene: Scene, layer: str) -> None:
    """The mean silhouette of a layer."""
    _line(page, scene, layer, lambda found: f"Silhouette {rounded(found.mean)}")


def of_unit(page: Page, scene: Scene, layer: str, unit: int) -> None:
    """The silhouette of a neuron in its cluster."""

    def words(found: Silhouettes) -> str:
        mine = float(found.units[unit])
        return f"Silhouette {rounded(mine)} in its cluster" if mine == mine else ""

    _line(page, scene, layer, words)


def _line(page: Page, scene: Scene, layer: str, words: Callable[[Silhouettes], str]) -> None:
    line = label("Silhouette …", "small")
    line.setToolTip(TIP)
    page.add(line)
    scene.ask("rate", (layer, lambda found: _say(line, words(found) if found is not None else "")))


def _say(line: QLabel, text: str) -> None:
    if isValid(line):  # the user may have gone on to another page
        line.setText(text)
        line.setHidden(not text)
