"""The page of a cluster: its neurons' patches, its answer to each class, its members, its strongest edges."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import pairwise

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QMenu, QTableWidget, QTableWidgetItem, QToolButton

from cnnvis.gui.facet_switch import WORDS
from cnnvis.gui.panels.charts import Histogram, Matrix
from cnnvis.gui.panels.contribution_section import contribution
from cnnvis.gui.panels.health_section import findings_of, health_of_units
from cnnvis.gui.panels.knock_out_section import knock_out
from cnnvis.gui.panels.page import Page, Scene, both_signs, command, number, percent
from cnnvis.gui.panels.patches import Patches, Row, Shot
from cnnvis.gui.panels.profile import hidden, profile
from cnnvis.gui.panels.rows import is_table, strongest_rows
from cnnvis.gui.panels.separation import of_cluster
from cnnvis.layout.diagram import Key, Link
from cnnvis.layout.readings import Reading
from cnnvis.model.activations import histogram_edges
from cnnvis.model.features import profiles
from cnnvis.model.partition import Cluster

ROWS = 4
ACROSS = 4
EDGES = 5


def cluster_page(scene: Scene, key: Key) -> Page:
    """What is known of a cluster."""
    layer, id = str(key[1]), int(key[2])
    analysis = scene.session.analysis
    cluster = analysis.clusters[layer][id]
    page = Page()
    state = " · locked" if cluster.locked else ""
    page.title(cluster.title, f"{layer} · {len(cluster)} of {analysis.network[layer].n_units} neurons{state}")
    if cluster.note:
        page.text(cluster.note, "plain")
    of_cluster(page, scene, layer, id)
    page.add(_facet(scene, layer, id))
    findings_of(page, scene, key)
    reading = scene.reading(layer)
    if reading is not None:
        _exemplars(page, scene, reading, cluster)
        page.section("Response by class", f"Mean response of the {len(cluster)} neurons, pooled over the map.")
        values = reading.by_class(cluster)
        page.add(profile(scene, values, f"Mean response of {len(cluster)} neurons, pooled over their maps,"))
        rest = hidden(scene, values)
        if rest:
            page.text(rest, "small")
        contribution(page, scene, ((layer, cluster.members),))
        health_of_units(page, scene, layer, cluster.members)
        _matrix(page, scene, reading, cluster)
        knock_out(page, scene, ((layer, cluster.members),))
        _histogram(page, scene, reading, cluster)
    edges(page, scene, key)
    if reading is not None:
        _members(page, scene, reading, cluster)
    page.buttons(
        command(scene, "Rename…", "rename", "Give the cluster a name (F2)"),
        command(scene, "Split", "split", "Let the clusterer divide the cluster in two"),
        command(scene, "Merge…", "merge", "Make this and another cluster one"),
    )
    page.buttons(
        command(scene, "Recluster…", "recluster", "Choose another clusterer for this layer"),
        command(scene, "Explain", "explain_this", "What in an image speaks for this cluster? (Ctrl+Shift+E)", key),
    )
    return page.end()


def _facet(scene: Scene, layer: str, id: int) -> QToolButton:
    """What the card of this cluster shows, whatever the others do."""
    found = QToolButton()
    found.setProperty("choice", "true")
    found.setText(f"On its card: {WORDS[scene.session.look.facet_of(layer, id)][0].lower()}  ▾")
    found.setToolTip("What the card of this cluster shows, whatever the others show")
    found.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
    menu = QMenu(found)
    for facet, (words, _) in WORDS.items():
        menu.addAction(words, partial(scene.ask, "facet_of", (layer, id, facet)))
    found.setMenu(menu)
    return found


def _choose_unit(scene: Scene, layer: str, unit: int) -> Callable[[], None]:
    return lambda: scene.choose(("unit", layer, unit))


def shots(scene: Scene, reading: Reading, unit: int, n: int, framed: bool = False) -> tuple[Shot, ...]:
    """The n strongest samples of a unit: cropped to what it sees, or whole with that framed."""
    found = reading.activations[reading.layer.name]
    samples = reading.activations.samples
    out = []
    for k in range(min(n, found.top_samples.shape[1])):
        sample = int(found.top_samples[unit, k])
        if sample < 0:
            break
        row, column = (int(v) for v in found.top_places[unit, k])
        crop = reading.crop(row, column)
        place = samples.rows.get(sample)
        name = samples.names[place] if place is not None else str(sample)
        tip = f"{name} · peak {float(found.top_values[unit, k]):.3g}"
        out.append(Shot(sample, None if framed else crop, crop if framed else None, tip))
    return tuple(out)


def _exemplars(page: Page, scene: Scene, reading: Reading, cluster: Cluster) -> None:
    if is_table(scene):
        strongest_rows(page, scene, reading, reading.ranked(cluster)[: 2 * ROWS], 1)
        return
    rows = [
        Row(shots(scene, reading, unit, ACROSS), f":{unit}", _choose_unit(scene, reading.layer.name, unit))
        for unit in reading.ranked(cluster)[:ROWS]
    ]
    if all(shot.sample < 0 for row in rows for shot in row.shots) or scene.session.activations is None:
        return
    patches = Patches(scene.session, rows, scene.theme, scene.open_sample)
    if any(row.shots for row in rows) and patches.missing < sum(len(row.shots) for row in rows):
        patches.setToolTip("The strongest images of the cluster's representative neurons, cropped to what they see.")
        page.add(patches)
    elif any(row.shots for row in rows):
        page.text("The images are not in this file. File ▸ Connect network brings them back.", "small")


def _matrix(page: Page, scene: Scene, reading: Reading, cluster: Cluster) -> None:
    found = reading.activations
    present = np.flatnonzero(found.counts > 0)
    units = reading.ranked(cluster)
    if len(present) < 2 or len(units) < 2:
        return
    rows = profiles(found, reading.layer.name)[list(units)]
    if len(present) > 50:
        strongest = np.sort(np.argsort(-np.abs(rows).max(0), kind="stable")[:50])
        rows, present = rows[:, strongest], present[strongest]
    what = "Selectivity: mean response to a class less the neuron's own mean, scaled to unit length."
    page.section("Neurons × classes", what)
    layer = reading.layer
    page.add(
        Matrix(
            rows,
            [layer.unit(u) for u in units],
            [found.groups[g] for g in present],
            scene.theme,
            what,
            lambda row: scene.choose(("unit", layer.name, units[row])),
        )
    )


def _histogram(page: Page, scene: Scene, reading: Reading, cluster: Cluster) -> None:
    counts = reading.activations[reading.layer.name].histogram[list(cluster.members)].sum(0)
    edges_ = histogram_edges()
    used = np.flatnonzero(counts)
    if not len(used):
        return
    low, high = int(used[0]), int(used[-1]) + 1
    words = [np.format_float_positional(edge, 2, fractional=False, trim="-") for edge in edges_]
    names = ["≤ 0.0001", *(f"{a} – {b}" for a, b in pairwise(words)), f"> {words[-1]}"]
    page.section("Responses", "How often the pooled responses of these neurons fall into each of 32 logarithmic bins.")
    page.add(Histogram(counts[low:high], names[low:high], scene.theme, (names[low], names[high - 1])))


def edges(page: Page, scene: Scene, key: Key) -> None:
    """The strongest edges into and out of a card."""
    found = scene.diagram.links_of(key)
    for title, chosen, end in (
        ("Strongest edges in", [x for x in found if x.sink == key], "source"),
        ("Strongest edges out", [x for x in found if x.source == key], "sink"),
    ):
        if not chosen:
            continue
        page.section(title, "Mean effect of the one on the other: response × its derivative, over some of the images.")
        rows = []
        for link in sorted(chosen, key=lambda x: -(x.positive + x.negative))[:EDGES]:
            other: Key = getattr(link, end)
            rows.append((_name(scene, other), _effect(link), _tip(link), _chooser(scene, other)))
        page.links(rows)


def _chooser(scene: Scene, key: Key) -> Callable[[], None]:
    return lambda: scene.choose(key)


def _name(scene: Scene, key: Key) -> str:
    card = scene.diagram.find(key)
    title = getattr(card, "title", "") or str(key[-1])
    return f"{title} · {key[1]}" if key[0] == "cluster" else str(title)


def _effect(link: Link) -> str:
    return both_signs(link.positive, link.negative)


def _tip(link: Link) -> str:
    return f"Excites by {link.positive:.3g}, inhibits by {link.negative:.3g} (sums over the neurons of both)."


class _Cell(QTableWidgetItem):
    """Sorted by its value, not by its text."""

    def __init__(self, text: str, value: float) -> None:
        super().__init__(text)
        self.value = value
        self.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)

    def __lt__(self, other: QTableWidgetItem) -> bool:
        return self.value < other.value if isinstance(other, _Cell) else super().__lt__(other)


def _members(page: Page, scene: Scene, reading: Reading, cluster: Cluster) -> None:
    found, layer = reading.activations, reading.layer
    mean, spread = found.mean(layer.name), found.spread(layer.name)
    fires = 1.0 - found.dead_fraction(layer.name)
    page.section("Members", "Click a column to sort, a row to see the neuron.")
    table = QTableWidget(len(cluster), 4)
    tips = (
        "The neuron's number in its layer.",
        f"Mean response over {found.n_samples:,} images, pooled over the map.",
        f"Standard deviation of the pooled response over {found.n_samples:,} images.",
        "The share of images on which its map is above 0 somewhere.",
    )
    for column, (title, tip) in enumerate(zip(("neuron", "mean", "spread", "fires on"), tips)):
        head = QTableWidgetItem(title)
        head.setToolTip(tip)
        table.setHorizontalHeaderItem(column, head)
    for row, unit in enumerate(reading.ranked(cluster)):
        values = (float(unit), float(mean[unit]), float(spread[unit]), float(fires[unit]))
        texts = (f":{unit}", number(values[1]), number(values[2]), percent(values[3]))
        for column, (text, value) in enumerate(zip(texts, values)):
            table.setItem(row, column, _Cell(text, value))
    table.setSortingEnabled(True)
    table.sortByColumn(1, Qt.SortOrder.DescendingOrder)
    table.verticalHeader().hide()
    table.verticalHeader().setDefaultSectionSize(22)
    table.setShowGrid(False)
    table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.setFixedHeight(30 + 22 * min(len(cluster), 10))

    def chosen(row: int, column: int) -> None:
        cell = table.item(row, 0)
        if isinstance(cell, _Cell):
            scene.choose(("unit", layer.name, int(cell.value)))

    table.cellClicked.connect(chosen)
    page.add(table)
