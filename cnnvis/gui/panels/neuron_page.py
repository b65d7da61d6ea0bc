"""The page of one neuron: where it fires in its images, strongest and at random, and how it answers each class."""

from __future__ import annotations

import numpy as np

from cnnvis.gui.panels.cluster_page import shots
from cnnvis.gui.panels.contribution_section import contribution
from cnnvis.gui.panels.drawn_section import drawn_of
from cnnvis.gui.panels.health_section import findings_of, health_of_units
from cnnvis.gui.panels.knock_out_section import knock_out
from cnnvis.gui.panels.page import Page, Scene, command, number, percent
from cnnvis.gui.panels.patches import Patches, Row, Shot
from cnnvis.gui.panels.profile import hidden, profile
from cnnvis.gui.panels.rows import is_table, strongest_rows
from cnnvis.gui.panels.separation import of_unit
from cnnvis.gui.panels.spread_section import spread_of
from cnnvis.layout.diagram import Key
from cnnvis.layout.readings import Reading

ACROSS = 3
SIDE = 94


def neuron_page(scene: Scene, key: Key) -> Page:
    """What is known of a neuron."""
    layer, unit = str(key[1]), int(key[2])
    analysis = scene.session.analysis
    page = Page()
    clusters = analysis.clusters.get(layer)
    cluster = clusters.cluster_of(unit) if clusters is not None else None
    page.title(f"{layer}:{unit}", f"in “{cluster.title}”" if cluster is not None else "not clustered yet")
    note = analysis.notes.get(f"{layer}:{unit}", "")
    if note:
        page.text(note, "plain")
    reading = scene.reading(layer)
    if reading is None:
        page.text("This layer is not recorded. Name it in the job's `layers` to see its responses.")
        return page.end()
    if cluster is not None:
        of_unit(page, scene, layer, unit)
    findings_of(page, scene, key)
    _facts(page, reading, unit)
    health_of_units(page, scene, layer, (unit,))
    if is_table(scene):
        page.section("Strongest rows", "The rows with the highest response, told by their most unusual features.")
        strongest_rows(page, scene, reading, (unit,), 9)
    else:
        _strongest(page, scene, reading, unit)
        drawn_of(page, scene, layer, unit)
        _others(page, scene, reading, unit)
    page.section("Response by class", "Mean response over the images of each class, pooled over the map.")
    values = reading.activations.means(layer)[unit]
    page.add(profile(scene, values, "Mean response, pooled over the map,"))
    rest = hidden(scene, values)
    if rest:
        page.text(rest, "small")
    spread_of(page, scene, layer, unit)
    contribution(page, scene, ((layer, (unit,)),))
    knock_out(page, scene, ((layer, (unit,)),))
    page.buttons(
        command(scene, "Move to…", "move", "Move the selected neurons to another cluster"),
        command(scene, "New cluster", "gather", "Make a cluster of the selected neurons"),
    )
    page.buttons(
        command(scene, "Pin", "pin", "Let it represent its cluster, or no more"),
        command(scene, "Note…", "note", "Write a note on the neuron"),
        command(scene, "Explain", "explain_this", "What in an image speaks for this neuron? (Ctrl+Shift+E)", key),
    )
    return page.end()


def _facts(page: Page, reading: Reading, unit: int) -> None:
    found, name = reading.activations, reading.layer.name
    n = f"{found.n_samples:,} images"
    fires = float(1.0 - found.dead_fraction(name)[unit])
    rows = [
        ("Mean response", number(float(found.mean(name)[unit])), f"Pooled over the map, mean over {n}."),
        ("Spread", number(float(found.spread(name)[unit])), f"Standard deviation of the pooled response over {n}."),
        ("Fires on", percent(fires), "The share of images on which its map is above 0 somewhere."),
    ]
    if reading.layer.rectified and fires == 0:
        rows.append(("State", "never fires", f"Its map is ≤ 0 everywhere on all {n}."))
    page.facts(rows)


def _pictures(page: Page, scene: Scene, title: str, tip: str, found: tuple[Shot, ...]) -> None:
    if not found:
        return
    rows = [Row(found[k : k + ACROSS]) for k in range(0, len(found), ACROSS)]
    patches = Patches(scene.session, rows, scene.theme, scene.open_sample, side=SIDE)
    if patches.missing == len(found):
        return
    page.section(title, tip)
    page.add(patches)


def _strongest(page: Page, scene: Scene, reading: Reading, unit: int) -> None:
    found = shots(scene, reading, unit, 9, framed=True)
    tip = "The images with the highest peak of its map; the frame is what the peak's place sees of the image."
    _pictures(page, scene, "Strongest images", tip, found)


def _others(page: Page, scene: Scene, reading: Reading, unit: int) -> None:
    """Nine samples at random of the upper half: the strongest alone flatter a neuron."""
    pooled = reading.activations[reading.layer.name].pooled
    samples = reading.activations.samples
    if pooled is None or not samples.read.any():
        return
    values = np.asarray(pooled[:, unit], np.float32)
    rows = np.flatnonzero(samples.read)
    upper = rows[values[rows] >= np.median(values[rows])]
    if not len(upper):
        return
    rng = np.random.default_rng([reading.activations.seed, unit])
    chosen = rng.choice(upper, min(9, len(upper)), replace=False)
    chosen = chosen[np.argsort(-values[chosen], kind="stable")]
    found = tuple(
        Shot(int(samples.indices[r]), tip=f"{samples.names[r]} · pooled {float(values[r]):.3g}")
        for r in chosen
        if scene.session.picture(int(samples.indices[r])) is not None
    )
    tip = "Nine images drawn at random (seeded) from the half that it answers more: the strongest alone flatter it."
    _pictures(page, scene, "At random, upper half", tip, found)
