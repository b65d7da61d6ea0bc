"""All panels of the window: what each is called, and on which side of the picture it lies."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from cnnvis.gui.docks import BELOW, LEFT, RIGHT
from cnnvis.gui.jobs import Jobs
from cnnvis.gui.panels.confusion import ConfusionPanel
from cnnvis.gui.panels.details import Details
from cnnvis.gui.panels.explain import ExplainPanel
from cnnvis.gui.panels.findings import Findings
from cnnvis.gui.panels.health_table import HealthTable
from cnnvis.gui.panels.history import History
from cnnvis.gui.panels.matrix import MatrixPanel
from cnnvis.gui.panels.outline import Outline
from cnnvis.gui.panels.together import TogetherPanel
from cnnvis.layout.diagram import Key

Place = tuple[str, str, QWidget, Qt.DockWidgetArea]
"""Name in code, title, panel, side."""


def every_panel(jobs: Jobs, selection: Callable[[], tuple[Key, ...]]) -> tuple[Place, ...]:
    """New panels; `selection` tells all that is selected."""
    details, findings = Details(jobs, selection), Findings(jobs)
    findings.arrived.connect(details.refresh)
    return (
        ("network", "Network", Outline(jobs), LEFT),
        ("findings", "Findings", findings, LEFT),
        ("details", "Details", details, RIGHT),
        ("history", "History", History(jobs), RIGHT),
        ("matrix", "Matrix", MatrixPanel(jobs, selection), BELOW),
        ("confusion", "Confusion", ConfusionPanel(jobs), BELOW),
        ("explain", "Explain", ExplainPanel(jobs), BELOW),
        ("together", "Together", TogetherPanel(jobs), BELOW),
        ("health", "Health of all layers", HealthTable(jobs), BELOW),
    )
