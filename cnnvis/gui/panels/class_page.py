"""The pages of a class and of one sample."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QPixmap
from PySide6.QtWidgets import QLabel, QPushButton

from cnnvis.gui.panels.charts import Bar, Bars
from cnnvis.gui.panels.cluster_page import edges
from cnnvis.gui.panels.health_section import findings_of
from cnnvis.gui.panels.page import Page, Scene, command, percent
from cnnvis.gui.panels.patches import Patches, Row, Shot
from cnnvis.gui.panels.rows import is_table, unusual_features
from cnnvis.layout.diagram import Ink, Key
from cnnvis.model.activations import Samples
from cnnvis.model.gates import laid_path
from cnnvis.model.subsets import has_labels
from cnnvis.painting.crops import cropped, scaled
from cnnvis.workflow.paths import IMAGES

WIDE = 296
WRONG = 8


def class_page(scene: Scene, key: Key) -> Page:
    """What is known of a class: how often it is right, what it is taken for, and what drives it."""
    index = int(key[1])
    network = scene.session.analysis.network
    page = Page()
    found = scene.activations
    name = network.classes[index] if index < len(network.classes) else str(index)
    page.title(name, f"index {index} of {len(network.classes):,} classes")
    if found is None:
        return page.end()
    findings_of(page, scene, key)
    table = found.samples
    if table.labels.ndim == 1 and np.issubdtype(table.labels.dtype, np.integer):
        _confusions(page, scene, table, index)
    edges(page, scene, key)
    look = scene.session.look
    if look.facet == "contribution" and look.chosen == index and index in scene.session.measurements.contributions:
        tip = "Show on the cards what each neuron adds to the score of each image's own class again"
        page.buttons(command(scene, "Contribution to own class", "contribution_own", tip))
    else:
        tip = "Show on the cards what each neuron adds to the score of this class; measured over 500 images"
        page.buttons(command(scene, f"Contribution to {name}", "contribution_class", tip, index))
    last = [command(scene, "Explain", "explain_this", "What in an image speaks for this class?", key)]
    if has_labels(table) and (table.labels == index).any():
        tip = "Let patches, matrices, ranks and edges follow the images of this class alone"
        last.insert(0, command(scene, "Follow its images", "subset_class", tip, index))
        tip = "Where the evidence lies in all images of this class, and which kinds there are"
        last.append(command(scene, "Explain together", "explain_together", tip, name))
    page.buttons(*last)
    if len(scene.session.classes) == len(network.classes):
        page.buttons(_path(scene, index))
    return page.end()


def _path(scene: Scene, index: int) -> QPushButton:
    """Lays the path of the class over the picture, or takes it away."""
    laid, aim = laid_path(scene.session), (scene.session.analysis.network.output, (index,))
    if laid is not None and (laid[0].target.layer, laid[0].target.units) == aim and "images" in laid[1].facts:
        return command(scene, "Take its path away", "take_path", "Show the picture without it (Esc)")
    tip = f"Which neurons it needs: the mean critical path of up to {IMAGES} of its images that are told right"
    return command(scene, "Critical path", "class_path", tip, index)


def _confusions(page: Page, scene: Scene, table: Samples, index: int) -> None:
    classes = scene.session.classes
    mine = table.read & (table.labels == index)
    n = int(mine.sum())
    taken = table.read & (table.predictions == index) & (table.labels != index) & (table.labels >= 0)
    facts = [("Images", f"{n:,}", "Images of this class that could be read.")]
    if n:
        share = float(np.mean(table.predictions[mine] == index))
        facts.append(("Right", percent(share), f"The share of its {n:,} images that the network predicts right."))
    facts.append(("Wrongly said", f"{int(taken.sum()):,}", "Images of other classes that are taken for this one."))
    page.facts(facts)
    wrong = mine & (table.predictions != index)
    if not wrong.any():
        return
    page.section("Taken for", f"What its {int(wrong.sum()):,} wrongly predicted images are taken for.")
    kinds, counts = np.unique(table.predictions[wrong], return_counts=True)
    order = np.argsort(-counts, kind="stable")[:6]
    bars = [
        Bar(
            name=classes[int(kinds[k])] if kinds[k] < len(classes) else str(kinds[k]),
            value=float(counts[k]),
            text=str(int(counts[k])),
            tip=f"{int(counts[k])} of {scene.session.noun.count(n)}.",
            ink=Ink("inhibit"),
        )
        for k in order
    ]
    page.add(Bars(bars, scene.theme))
    sure = np.flatnonzero(wrong)
    sure = sure[np.argsort(-table.confidences[sure], kind="stable")]
    shots = [
        Shot(int(table.indices[r]), tip=f"{table.names[r]} · said {classes[int(table.predictions[r])]}")
        for r in sure[:64]
        if scene.session.picture(int(table.indices[r])) is not None
    ][:WRONG]
    if shots:
        page.section("Most surely wrong", "Its wrongly predicted images, the surest first.")
        rows = [Row(tuple(shots[k : k + 4])) for k in range(0, len(shots), 4)]
        page.add(Patches(scene.session, rows, scene.theme, scene.open_sample, 68))


def sample_page(scene: Scene, sample: int) -> Page:
    """One image whole, with what the data and the network say it is."""
    page = Page()
    found = scene.activations
    assert found is not None
    table = found.samples
    row = table.rows[sample]
    page.title(table.names[row].rsplit("/", 1)[-1], table.names[row])
    picture = scene.session.picture(sample)
    if is_table(scene):
        unusual_features(page, scene, sample)
    elif picture is not None:
        page.add(_whole(picture, page.devicePixelRatioF()))
    else:
        page.text("The image is not in this file. File ▸ Connect network brings it back.", "small")
    label = _label(table, scene.session.classes, row)
    if label:
        page.facts([("Label", label, "What the data say it is.")])
    page.section("Prediction", "The network's strongest answers and its confidence in each.")
    bars = []
    for k, score in zip(table.ranked[row].tolist(), table.scores[row].tolist()):
        if k < 0 or not np.isfinite(score):
            continue
        classes = scene.session.classes
        name = classes[k] if k < len(classes) else str(k)
        right = name == label
        bars.append(Bar(name, score, percent(score), f"{name}: {score:.4g}", Ink("accent" if right else "muted")))
    page.add(Bars(bars, scene.theme))
    if table.read[row] and not is_table(scene):
        buttons = [command(scene, "Lay over the picture", "lay_over", "Show what it drives", sample)]
        if scene.session.look.instance not in ("", table.names[row]):
            buttons.append(command(scene, "Compare", "compare", "Show how the image laid over differs", sample))
        buttons.append(command(scene, "Explain", "explain_this", "Why this class?", ("sample", sample)))
        page.buttons(*buttons)
    return page.end()


def _label(table: Samples, classes: tuple[str, ...], row: int) -> str:
    value = table.labels[row]
    if table.labels.ndim == 2:
        return ", ".join(classes[k] for k in np.flatnonzero(value) if k < len(classes))
    if np.issubdtype(table.labels.dtype, np.floating):
        return f"{float(value):.4g}" if np.isfinite(value) else ""
    return classes[int(value)] if 0 <= int(value) < len(classes) else ""


def _whole(picture: np.ndarray, ratio: float) -> QLabel:
    pixels = cropped(picture, None)
    h, w = pixels.shape[:2]
    scale = WIDE / max(h, w)
    image = scaled(pixels, round(w * scale * ratio), round(h * scale * ratio))
    image.setDevicePixelRatio(ratio)
    shown = QLabel()
    shown.setPixmap(QPixmap.fromImage(image))
    shown.setAlignment(Qt.AlignmentFlag.AlignHCenter)
    return shown
