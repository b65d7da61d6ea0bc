"""What neurons contribute and what becomes of the answers without them, for a session with its network at hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from cnnvis.errors import InvalidValue, ModelFailure
from cnnvis.model.activations import Activations
from cnnvis.model.measurements import Ablation, Contributions, Fill
from cnnvis.model.session import Session
from cnnvis.model.viewed import shown_subset
from cnnvis.progress import Progress, silent
from cnnvis.workflow.sources import Sources
from cnnvis.workflow.subsets import shown_indices

if TYPE_CHECKING:
    from cnnvis.compute.replay import Cache

AIMED = 500
"""So many samples, balanced over the classes, tell the contributions to one class."""


def contributions(
    session: Session, sources: Sources, target: int | None = None, *, progress: Progress = silent
) -> Contributions:
    """The contributions of all recorded layers to each sample's own class, or to one, over the subset that is shown.

    Those to one class are measured over 500 samples, drawn by the job's seed and balanced over the classes. The look
    says which subset is shown; without one they are over all samples. Costs about a forward and a backward pass of
    each sample. Raises as `contribute`.
    """
    from cnnvis.compute.contribute import contribute

    plan = session.job.analysis if session.job is not None else None
    activations = _recorded(session, sources)
    return contribute(
        sources.model,
        session.analysis.network,
        activations,
        target=target,
        samples=None if target is None else AIMED,
        indices=shown_indices(session, activations),
        subset=shown_subset(session),
        seed=plan.seed if plan is not None else 0,
        device=plan.device if plan is not None else "auto",
        progress=progress,
    )


def knock_out(
    session: Session,
    sources: Sources,
    silenced: Mapping[str, Sequence[int]],
    fill: Fill = "zero",
    *,
    cache: Cache | None = None,
    progress: Progress = silent,
) -> Session:
    """The session, now knowing what becomes of its answers without some units, over the subset that its look shows.

    The contributions to the own class over these samples, which foretell it, are measured as well where they are
    missing; a network that cannot be differentiated goes without. Raises as `ablate`.
    """
    from cnnvis.compute.ablate import ablate, checked

    activations = _recorded(session, sources)
    checked(session.analysis.network, silenced)
    session, subset = _foretelling(session, sources, progress), shown_subset(session)
    plan = session.job.analysis if session.job is not None else None
    found = ablate(
        sources.model,
        session.analysis.network,
        activations,
        silenced,
        fill=fill,
        contributions=session.measurements.over(subset).contributions.get(None),
        indices=shown_indices(session, activations),
        subset=subset,
        cache=cache,
        device=plan.device if plan is not None else "auto",
        progress=progress,
    )
    return with_ablation(session, found)


def with_contributions(session: Session, found: Contributions) -> Session:
    """The session, now knowing these contributions."""
    return session.with_measurements(session.measurements.with_contributions(found))


def with_ablation(session: Session, found: Ablation) -> Session:
    """The session, now knowing this knock-out; it is the newest."""
    return session.with_measurements(session.measurements.with_ablation(found))


def _foretelling(session: Session, sources: Sources, progress: Progress) -> Session:
    if None in session.measurements.over(shown_subset(session)).contributions:
        return session
    try:
        return with_contributions(session, contributions(session, sources, progress=progress))
    except ModelFailure:  # it cannot be differentiated; what is asked for needs no derivative
        return session


def _recorded(session: Session, sources: Sources) -> Activations:
    found = session.activations
    if found is None:
        raise InvalidValue("The responses must be recorded before neurons are knocked out. Let the analysis end.")
    return found if found.data is not None else replace(found, data=sources.data)
