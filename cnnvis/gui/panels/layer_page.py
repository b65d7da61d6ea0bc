"""The page of a layer: what it is, what is folded in, how healthy it is, and its clusters."""

from __future__ import annotations

import numpy as np

from cnnvis.gui.panels.contribution_section import contribution
from cnnvis.gui.panels.health_section import findings_of, health_of_layer
from cnnvis.gui.panels.knock_out_section import knock_out
from cnnvis.gui.panels.page import Page, Scene, command, number, percent
from cnnvis.gui.panels.separation import of_layer
from cnnvis.layout.diagram import Key
from cnnvis.layout.readings import Reading
from cnnvis.model.network import Layer


def layer_page(scene: Scene, name: str) -> Page:
    """What is known of a drawn layer."""
    analysis = scene.session.analysis
    layer = analysis.network[name]
    page = Page()
    group = next((g for g in analysis.groups if name in g.layers), None)
    role = ""
    if group is not None:
        role = f"stands for {group.name}" if group.representative == name else f"in {group.name}"
    page.title(layer.name, role)
    note = analysis.notes.get(name, "")
    if note:
        page.text(note, "plain")
    findings_of(page, scene, ("column", name))
    page.section("Layer", "Read from the trace of one run of the network.")
    page.facts(_facts(layer))
    reading = scene.reading(name)
    health_of_layer(page, scene, name, _responses(reading) if reading is not None else [])
    if reading is not None:
        units = ((name, tuple(range(layer.n_units))),)
        contribution(page, scene, units)
        knock_out(page, scene, units)
    _clusters(page, scene, name)
    page.buttons(
        command(scene, "Expand", "expand", "Show every layer of this column"),
        command(scene, "Note…", "note", "Write a note on the layer"),
        command(scene, "Recluster…", "recluster", "Choose another clusterer for this layer"),
    )
    if group is not None and len(group.layers) > 1:
        page.buttons(
            command(scene, "Show instead…", "represent", "Choose the layer that stands for this group"),
            command(scene, "Split group…", "split_group", "Show the group as two columns"),
            command(scene, "Join next", "join_groups", "Show this and the next group as one column"),
        )
    return page.end()


def _sides(values: tuple[int, ...]) -> str:
    return "×".join(map(str, values))


def _facts(layer: Layer) -> list[tuple[str, str, str]]:
    rows = [
        ("Kind", layer.kind, "The module's class, or the operation."),
        ("Output", _sides(layer.shape), "The shape of its output for one image."),
        ("Neurons", f"{layer.n_units:,}", "Feature maps of a convolution, units of a linear layer."),
        ("Parameters", f"{layer.parameters:,}", "Weights and biases, those folded in included."),
    ]
    if layer.kernel:
        rows.append(("Kernel", _sides(layer.kernel), "In places of the layer's input."))
    if layer.stride:
        rows.append(("Stride", _sides(layer.stride), "In places of the layer's input."))
    if layer.field is not None:
        seen = _sides(tuple(round(s) for s in layer.field.size))
        rows.append(("Sees", f"{seen} px", "The theoretical receptive field of one place, in pixels of the input."))
    if layer.folds:
        tip = "Shown as part of this layer; its response is the last one's."
        rows.append(("Folded in", ", ".join(layer.folds), tip))
    if layer.source:
        rows.append(("Module", layer.source, "The class of the module it belongs to."))
    return rows


def _responses(reading: Reading) -> list[tuple[str, str, str]]:
    found, name = reading.activations, reading.layer.name
    mean, spread = found.mean(name), found.spread(name)
    rows = [
        ("Mean", number(float(np.mean(mean))), "Mean over neurons and images."),
        ("Spread", number(float(np.mean(spread))), "Mean over neurons of the standard deviation over images."),
    ]
    if reading.layer.rectified:
        dead = int(reading.dead.sum())
        share = percent(dead / max(reading.layer.n_units, 1))
        rows.append(("Never fire", f"{dead} ({share})", "Neurons whose map is ≤ 0 everywhere on every image."))
    return rows


def _clusters(page: Page, scene: Scene, name: str) -> None:
    clusters = scene.session.analysis.clusters.get(name)
    if clusters is None or len(clusters) > 64 or name == scene.session.analysis.network.output:
        return
    recipe = scene.session.analysis.recipe(name)
    by_hand = " · changed by hand" if name in scene.session.analysis.edited else ""
    page.section("Clusters", f"Made by {recipe}, seed {recipe.seed}{by_hand}.")
    rows = []
    for cluster in clusters:
        key: Key = ("cluster", name, cluster.id)
        size = f"{len(cluster)}" if cluster.name else ""
        rows.append((cluster.title, size, f"{len(cluster)} neurons", lambda key=key: scene.choose(key)))
    of_layer(page, scene, name)
    page.links(rows)
