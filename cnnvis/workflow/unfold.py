"""Edges between layers that were folded away: measured when a group is expanded."""

from __future__ import annotations

from dataclasses import replace

from cnnvis.layout.columns import shown_layers
from cnnvis.model.connections import Connections
from cnnvis.model.groups import Group, neighbours
from cnnvis.model.session import Session
from cnnvis.progress import Progress, silent
from cnnvis.workflow.sources import Sources

Pair = tuple[str, str]


def missing_pairs(session: Session) -> tuple[Pair, ...]:
    """The pairs of neighbouring shown layers whose connections are not known yet."""
    analysis, known = session.analysis, session.connections
    layers = [
        layer.name
        for group in analysis.groups
        for layer in shown_layers(analysis, group, session.activations, group.name in session.look.expanded)
    ]
    each = tuple(Group(i, name, (name,), name) for i, name in enumerate(layers))
    have = set(known.pairs) if known is not None else set()
    return tuple(pair for pair in neighbours(each, analysis.network) if pair not in have)


def joined(session: Session, sources: Sources, *, progress: Progress = silent) -> Connections | None:
    """The session's connections with those between all layers that its look shows. None where nothing is recorded.

    Costs about one backward pass of the segment for each sink unit of a missing pair; nothing where none is missing.
    """
    found, known = session.activations, session.connections
    if found is None:
        return None
    pairs = missing_pairs(session)
    if not pairs:
        return known
    from cnnvis.compute.connect import connect

    if found.data is None:
        found = replace(found, data=sources.data)
    plan = session.job.analysis if session.job is not None else None
    new = connect(
        sources.model,
        session.analysis.network,
        found,
        pairs=pairs,
        seed=plan.seed if plan is not None else 0,
        device=plan.device if plan is not None else "auto",
        probe_samples=plan.probe_images if plan is not None else 16,
        progress=progress,
    )
    if known is None:
        return new
    return replace(known, matrices={**known.matrices, **new.matrices}, scales={**known.scales, **new.scales})
