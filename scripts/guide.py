"""Makes the pictures of docs/guide.md: the diagnosis of the demo's broken and shortcut networks, step by step.

Every step is done in the real window with a live analysis of the demo, so a picture shows what a reader will see.
"""

from __future__ import annotations

import argparse

from PySide6.QtCore import QPoint
from PySide6.QtWidgets import QLabel, QScrollArea
from tour import Tour, tour

from cnnvis.gui.panels.details import Details
from cnnvis.gui.panels.findings import Findings
from cnnvis.layout.diagram import Key


def findings(found: Tour) -> Findings:
    """The panel of findings."""
    panel = found.window.panels["findings"]
    assert isinstance(panel, Findings)
    return panel


def scroll_to(found: Tour, title: str) -> None:
    """Scroll the details until a section stands on top."""
    details = found.window.panels["details"]
    assert isinstance(details, Details)
    found.settle()
    place = next((found for found in details.findChildren(QLabel) if found.text() == title.upper()), None)
    assert place is not None, f"The details must have a section {title}."
    inner = QScrollArea.widget(details)
    details.verticalScrollBar().setValue(place.mapTo(inner, QPoint()).y() - 8)


def broken(found: Tour) -> None:
    """Why does the network guess? A dead layer."""
    found.shot("guide-start")
    found.do("demo", "broken")
    findings(found).cards[0].unfold(True)
    found.shot("guide-broken-1-findings")
    findings(found).cards[0].pressed.emit()
    found.shot("guide-broken-2-layer")
    found.do("facet_health")
    found.shot("guide-broken-3-health")
    found.do("health")
    found.shot("guide-broken-4-table")


def shortcut(found: Tour) -> None:
    """Is it right for the right reason? A tag in the corner."""
    found.do("demo", "shortcut")
    found.shot("guide-shortcut-1-picture")
    findings(found).cards[0].pressed.emit()
    found.shot("guide-shortcut-2-neuron")
    cluster = home(found)
    found.do("facet_contribution")
    found.choose(cluster)
    found.shot("guide-shortcut-3-contribution")
    found.do("facet_features")
    findings(found).cards[0].all.click()
    found.do("knock_out")
    scroll_to(found, "Knock-out")
    found.shot("guide-shortcut-4-knock-out")
    found.do("confusion")
    found.shot("guide-shortcut-5-confusion")


def home(found: Tour) -> Key:
    """The card of the selected neuron."""
    kind, layer, unit = found.window.controller.selection[0]
    assert kind == "unit"
    return ("cluster", layer, found.session.analysis.clusters[str(layer)].cluster_of(int(unit)).id)


STORIES = {"broken": broken, "shortcut": shortcut}


def main() -> None:
    """Make all pictures, or those of one story."""
    parser = argparse.ArgumentParser(description="Make the pictures of the guide.")
    parser.add_argument("--story", choices=[*STORIES, "all"], default="all")
    chosen = parser.parse_args().story
    for name, story in STORIES.items():
        if chosen in (name, "all"):
            with tour() as found:
                story(found)
            print(f"{name}: done")


if __name__ == "__main__":
    main()
