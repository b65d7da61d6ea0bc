"""Tables: a neuron's strongest rows, told by their most unusual features."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from cnnvis.gui.panels.page import Page, Scene
from cnnvis.layout.readings import Reading, table
from cnnvis.model.nouns import ROW

TOLD = 3
"""So many features of a row are told."""
ABSENT = "The rows are not in this file. File ▸ Connect network brings them back."


def is_table(scene: Scene) -> bool:
    """Whether the samples are rows of a table."""
    return scene.session.noun == ROW


def strongest_rows(page: Page, scene: Scene, reading: Reading, units: Sequence[int], n: int) -> None:
    """For each unit its n strongest rows, each a line that opens the row."""
    rows = table(reading.activations)
    if rows is None:
        page.text(ABSENT, "small")
        return
    found = reading.activations[reading.layer.name]
    lines: list[tuple[str, str, str, Callable[[], None]]] = []
    for unit in units:
        for sample in found.top_samples[unit, :n].tolist():
            if sample >= 0:
                told = rows.unusual(sample, TOLD)
                tip = f"Row {sample}, one that drives neuron {unit} most: " + ", ".join(told)
                lines.append((", ".join(told), f":{unit}", tip, partial(scene.open_sample, sample)))
    page.links(lines)


def unusual_features(page: Page, scene: Scene, sample: int) -> None:
    """The features of a row that lie farthest from the mean."""
    found = scene.activations
    rows = table(found) if found is not None else None
    if rows is None:
        page.text(ABSENT, "small")
        return
    page.section("Most unusual features", "Those farthest from the mean of up to 500 rows, in standard deviations.")
    pairs = [told.rpartition(" ") for told in rows.unusual(sample, 10)]
    page.facts([(name, value, "The value as it stands in the table.") for name, _, value in pairs])
