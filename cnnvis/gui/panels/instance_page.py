"""The page of one image: what the network says of it, and what stands out in every layer."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from cnnvis.gui.instance_bar import class_means, picture_of, picture_pixmap, short
from cnnvis.gui.panels.charts import Bar, Bars
from cnnvis.gui.panels.page import Page, Scene, command, number, percent
from cnnvis.gui.parts import Elided
from cnnvis.layout.diagram import Ink
from cnnvis.model.instances import MEAN_OF, Overlay, find_instance, overlay_of, predicted, ranked_scores
from cnnvis.model.measurements import Instance

WIDE, HALF = 240, 116
EACH = 3
"""So many neurons of a layer are named."""


def instance_page(scene: Scene, name: str) -> Page | None:
    """What is known of an image; None where it is gone."""
    session = scene.session
    instance = find_instance(session, name)
    if instance is None or session.activations is None:
        return None
    laid = overlay_of(session)
    over = laid if laid is not None and laid.instance.name == name else Overlay(session.activations, instance)
    page = Page()
    page.title(short(instance), "laid over the picture" if laid is over else instance.name)
    _pictures(page, scene, over)
    _label(page, scene, instance)
    _prediction(page, scene, over)
    if laid is over:
        page.section("Compare with", "The difference of the two takes the place of the distance from the usual.")
        page.add(_compare(scene))
    _strongest(page, scene, over)
    _contributions(page, scene, instance)
    if laid is over:
        first = command(scene, "Take away", "take_away", "Show the picture without it (Esc)")
    else:
        first = command(scene, "Lay over the picture", "lay_over", "Show what it drives", name)
    why = () if name.startswith(MEAN_OF) else (command(scene, "Explain", "explain_this", "Why?", ("instance", name)),)
    page.buttons(first, *why)
    return page.end()


def _pictures(page: Page, scene: Scene, over: Overlay) -> None:
    shown = [i for i in (over.instance, over.against) if i is not None]
    pictures = [(i, picture) for i in shown if (picture := picture_of(scene.session, i)) is not None]
    if not pictures:
        return
    row = QHBoxLayout()
    row.setSpacing(8)
    side = WIDE if len(pictures) == 1 else HALF
    for instance, picture in pictures:
        column = QVBoxLayout()
        column.setSpacing(2)
        image = QLabel()
        image.setPixmap(picture_pixmap(picture, side, page.devicePixelRatioF()))
        image.setAlignment(Qt.AlignmentFlag.AlignLeft if len(pictures) > 1 else Qt.AlignmentFlag.AlignHCenter)
        column.addWidget(image)
        if len(pictures) > 1:
            column.addWidget(Elided(short(instance), "small"))
        row.addLayout(column)
    page.box.addLayout(row)


def _label(page: Page, scene: Scene, instance: Instance) -> None:
    found, classes = scene.activations, scene.session.classes
    row = found.samples.rows.get(instance.sample) if found is not None else None
    if found is None or row is None or found.kind != "class":
        return
    label = int(found.samples.labels[row])
    if 0 <= label < len(classes):
        page.facts([("Label", classes[label], "What the data say it is.")])


def _prediction(page: Page, scene: Scene, over: Overlay) -> None:
    classes = scene.session.classes
    best: dict[int, float] = {}
    for side in (over.instance, over.against):
        for k, score in ranked_scores(side) if side is not None else ():
            best[k] = max(score, best.get(k, 0.0))
    ranked = sorted(best, key=lambda k: -best[k])[:5]
    bars = []
    for k in ranked:
        name = classes[k] if k < len(classes) else str(k)
        mine, score = float(over.instance.scores[k]), over.score(k)
        if over.against is None:
            text, tip = _sure(mine), f"{name}: {mine:.4g}"
        else:
            other = float(over.against.scores[k]) if k < len(over.against.scores) else 0.0
            text = f"{_sure(mine)} − {_sure(other)}"
            tip = f"{name}: {mine:.4g} here, {other:.4g} for {short(over.against)}"
            if not mine or not other:
                tip += "\n–: not among the five strongest answers; no others are kept"
        ink = Ink("muted") if over.against is None else Ink("excite" if score >= 0 else "inhibit")
        bars.append(Bar(name, score, text, tip, ink, _chooser(scene, ("class", k))))
    if bars:
        tip = "The network's strongest answers and its confidence in each."
        page.section("Prediction" if over.against is None else "Predictions, the difference", tip)
        page.add(Bars(bars, scene.theme))


def _sure(confidence: float) -> str:
    """A confidence; 0 stands for one that was not kept."""
    return percent(confidence) if confidence else "–"


def _chooser(scene: Scene, key: tuple[str | int, ...]) -> Callable[[], None] | None:
    return partial(scene.choose, key) if key in scene.diagram else None


def _compare(scene: Scene) -> QWidget:
    session = scene.session
    box = QComboBox()
    box.setAccessibleName("Compare with")
    means = class_means(session.activations) if session.activations is not None else []
    opened = [name for name in session.measurements.instances if name != session.look.instance]
    names = ["", *means, *opened]
    if session.look.against not in names:
        names.append(session.look.against)
    for name in names:
        box.addItem(name.rsplit("/", 1)[-1] if name not in means else name, name)
    box.setItemText(0, "Nothing")
    box.setCurrentIndex(names.index(session.look.against))
    box.setMaxVisibleItems(16)
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    box.activated.connect(lambda place: scene.ask("compare", (names[place],)))
    return box


def _strongest(page: Page, scene: Scene, over: Overlay) -> None:
    """For each column of the picture the neurons that stand out most."""
    what = "neurons that differ most" if over.signed else "neurons above their usual response"
    layers = [c.layer for c in scene.diagram.columns if c.layer and over.covers(c.layer)]
    if not layers:
        page.text("What the layers answered to this image is not in the file.", "small")
        return
    tip = "In standard deviations of each neuron's response over all images."
    page.section("What stands out", f"The {what}. {tip}")
    rows: list[tuple[str, str, str, Callable[[], None]]] = []
    network = scene.session.analysis.network
    for layer in layers:
        levels = over.levels(layer)
        for unit in over.strongest(layer, EACH):
            value = float(levels[unit])
            if value <= 0 and not over.signed:
                continue
            name = network[layer].unit(unit)
            shown = f"{'+' if value > 0 else '−'}{abs(value):.1f} σ"
            told = f"{name}: responds by {abs(value):.2f} of its standard deviations {'more' if value > 0 else 'less'}"
            rows.append((name, shown, told, partial(scene.choose, ("unit", layer, unit))))
    page.links(rows)


def _contributions(page: Page, scene: Scene, instance: Instance) -> None:
    """The neurons that add most to the predicted class, where that was measured."""
    classes, k = scene.session.classes, predicted(instance)
    layers = [c.layer for c in scene.diagram.columns if c.layer in instance.contributions]
    if not layers or not 0 <= k < len(classes):
        return
    tip = "First-order effect on its logit: response × slope, summed over the map."
    page.section(f"Adds most to {classes[k]}", tip)
    rows: list[tuple[str, str, str, Callable[[], None]]] = []
    for layer in layers[-3:]:
        values = instance.contributions[layer]
        for unit in np.argsort(-values, kind="stable")[:EACH].tolist():
            if values[unit] > 0:
                name, value = scene.session.analysis.network[layer].unit(unit), float(values[unit])
                told = f"{name} adds {value:.4g} to the logit of {classes[k]}"
                rows.append((name, f"+{number(value)}", told, partial(scene.choose, ("unit", layer, unit))))
    page.links(rows)
