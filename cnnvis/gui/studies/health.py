"""Measures the health of all layers, alone or against a second checkpoint."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from cnnvis.gui.studies.study import Study
from cnnvis.model.measurements import Health
from cnnvis.model.session import Session
from cnnvis.progress import Progress
from cnnvis.workflow.health import measured_health, with_health

if TYPE_CHECKING:
    from cnnvis.workflow.sources import Sources

TOPIC = "health"


class HealthStudy(Study):
    """Keeps the health in the session; findings and pages follow."""

    @property
    def verbs(self) -> Mapping[str, Callable[..., object]]:
        return {"measure_health": self.measure_health}

    def measure_health(self, before: Path | None = None) -> None:
        """Measure gradients, saturation and weights; with a second checkpoint also how far each layer has moved."""

        def work(session: Session, sources: Sources, progress: Progress) -> Health:
            return measured_health(session, sources, before=before, progress=progress)

        self.measure(TOPIC, "Measuring health", work, with_health)
