"""The health of a session's network, measured with it at hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from cnnvis.errors import InvalidValue
from cnnvis.model.activations import Activations
from cnnvis.model.measurements import Health
from cnnvis.model.session import Session
from cnnvis.model.viewed import shown_subset
from cnnvis.progress import Progress, silent
from cnnvis.workflow.sources import Sources
from cnnvis.workflow.subsets import shown_indices


def measured_health(
    session: Session, sources: Sources, *, before: Path | None = None, progress: Progress = silent
) -> Health:
    """The health of every layer; compared with the checkpoint `before`, else with the one that the job names.

    It is over the subset that the look shows, else over all samples. Costs a forward and a backward pass for each of
    64 samples. Raises a CnnvisError in one sentence where the second
    checkpoint cannot be read or is of another architecture.
    """
    from cnnvis.compute.diagnose import diagnose

    plan = session.job.analysis if session.job is not None else None
    other, name = sources.before, _name(session)
    if before is not None:
        from cnnvis.sources.networks import beside

        progress(0, 0, "opening the second checkpoint")
        other, name = beside(sources.model, before), before.name
    activations = _connected(session, sources)
    return diagnose(
        sources.model,
        session.analysis.network,
        activations,
        before=other,
        compared=name,
        indices=shown_indices(session, activations),
        subset=shown_subset(session),
        seed=plan.seed if plan is not None else 0,
        device=plan.device if plan is not None else "auto",
        progress=progress,
    )


def with_health(session: Session, health: Health) -> Session:
    """The session, now knowing this health."""
    return session.with_measurements(session.measurements.with_health(health))


def _connected(session: Session, sources: Sources) -> Activations:
    found = session.activations
    if found is None:
        raise InvalidValue("The responses must be recorded before health is measured. Let the analysis end.")
    return found if found.data is not None else replace(found, data=sources.data)


def _name(session: Session) -> str:
    before = session.job.network.before if session.job is not None else None
    return Path(before).name if before else ""
