"""Measures the health of all layers, alone or against a second checkpoint."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from cnnvis.gui.studies.study import Study, definition, shown_definition
from cnnvis.model.measurements import Health
from cnnvis.model.session import Session
from cnnvis.model.subsets import Subset
from cnnvis.progress import Progress
from cnnvis.workflow.health import measured_health, with_health

if TYPE_CHECKING:
    from cnnvis.workflow.sources import Sources

TOPIC = "health"


class HealthStudy(Study):
    """Keeps the health in the session; findings and pages follow."""

    _asked: frozenset[Subset | None] = frozenset()
    """The subsets over which it was measured by itself: whoever stops it does not want it at every step."""

    @property
    def verbs(self) -> Mapping[str, Callable[..., object]]:
        return {"measure_health": self.measure_health}

    def measure_health(self, before: Path | None = None) -> None:
        """Measure gradients, saturation and weights; with a second checkpoint also how far each layer has moved.

        They are measured over the subset that is shown; over all samples as well where that was not done yet, because
        findings stand on all of them.
        """
        session = self.desk.session
        if session is None:
            return
        subset = shown_definition(session)
        everywhere = subset is None or before is not None or session.measurements.health is None

        def work(session: Session, sources: Sources, progress: Progress) -> tuple[Health, ...]:
            whole = session.with_look(replace(session.look, subset=""))
            wanted = [*([whole] if everywhere else []), *([session] if subset is not None else [])]
            return tuple(measured_health(each, sources, before=before, progress=progress) for each in wanted)

        def keep(session: Session, found: tuple[Health, ...]) -> Session:
            for health in found:
                if not health.subset or definition(session, health.subset) == subset:
                    session = with_health(session, health)
            return session

        if self.services.sources is not None:
            self._asked |= {subset}
        what = "Measuring health" if subset is None else f"Measuring health over “{subset.name}”"
        self.measure(TOPIC, what, work, keep)

    def follow(self, session: Session) -> None:
        """Measure gradients over a subset once cards show health, where they are known over all samples."""
        look, subset, measured = session.look, shown_definition(session), session.measurements
        shown = look.facet == "health" or any(facet == "health" for _, _, facet in look.facets)
        if not shown or subset is None or subset in self._asked or self.services.sources is None:
            return
        wanted = measured.health is not None and measured.over(subset.name).health is None
        if wanted and all(self.jobs.running(topic) is None for topic in ("analysis", TOPIC)):
            self.measure_health()

    def leave(self) -> None:
        """Forget what was asked for."""
        self._asked = frozenset()
