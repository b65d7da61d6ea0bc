"""The page of a subset: what it asks for, how many images it holds, of which classes, and some of them."""

from __future__ import annotations

import numpy as np

from cnnvis.errors import CnnvisError
from cnnvis.gui.panels.charts import Bar, Bars
from cnnvis.gui.panels.page import Page, Scene, command, percent
from cnnvis.gui.panels.patches import Patches, Row, Shot
from cnnvis.layout.diagram import Ink
from cnnvis.model.subset_responses import part_of
from cnnvis.model.subsets import has_labels

CLASSES = 12
IMAGES, ACROSS, SIDE = 24, 4, 70


def subset_page(scene: Scene, name: str) -> Page | None:
    """What is known of a subset of all images; None where it is gone."""
    session, found = scene.session, scene.activations
    subset = next((s for s in session.analysis.subsets if s.name == name), None)
    if subset is None or found is None:
        return None
    try:
        rows = subset.rows(found.samples)
    except CnnvisError:
        return None
    classes = session.classes
    page = Page()
    page.title(name, "a subset of the images")
    table = part_of(found.samples, rows)
    share = len(rows) / max(found.n_samples, 1)
    facts = [
        ("Asks for", subset.words(classes), "All of this must be met."),
        ("Images", f"{len(rows):,} · {percent(share)}", f"Of {found.n_samples:,} that were read."),
    ]
    if table.accuracy is not None:
        facts.append(("Right", percent(table.accuracy), "The share that the network predicts right."))
    page.facts(facts)
    if has_labels(table):
        counts = np.bincount(table.labels[table.labels >= 0], minlength=len(classes))
        order = [int(k) for k in np.argsort(-counts, kind="stable")[:CLASSES] if counts[k]]
        coloured = len(classes) <= CLASSES
        bars = [
            Bar(
                classes[k] if k < len(classes) else str(k),
                float(counts[k]),
                f"{int(counts[k]):,}",
                f"{session.noun.count(counts[k])} of this class",
                Ink("class", k) if coloured else Ink("muted"),
            )
            for k in order
        ]
        page.section("Classes", "How many images of each class it holds.")
        page.add(Bars(bars, scene.theme))
    shots = [Shot(int(i), tip=n) for i, n in zip(table.indices.tolist(), table.names)]
    shots = [s for s in shots[: 4 * IMAGES] if session.picture(s.sample) is not None][:IMAGES]
    if shots:
        page.section("Images", "The first of them; a click opens one.")
        lines = [Row(tuple(shots[k : k + ACROSS])) for k in range(0, len(shots), ACROSS)]
        page.add(Patches(session, lines, scene.theme, scene.open_sample, SIDE))
    page.buttons(
        command(scene, "All images", "show_subset", "Let the picture follow all images again", ""),
        command(scene, "Explain together", "explain_together", "One explanation of all of them", name),
        command(scene, "Remove", "subset_remove", "Forget this subset; undo brings it back", name),
    )
    return page.end()
