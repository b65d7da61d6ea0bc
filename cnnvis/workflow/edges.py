"""The edges that a picture shows, in any mode, for any class, over all samples, a subset or one image."""

from __future__ import annotations

from dataclasses import replace

from cnnvis.layout.columns import shown_layers
from cnnvis.model.connections import Connections
from cnnvis.model.groups import Group, neighbours
from cnnvis.model.instances import MEAN_OF, find_instance
from cnnvis.model.measurements import Edging
from cnnvis.model.session import Session
from cnnvis.model.viewed import edging
from cnnvis.progress import Progress, silent
from cnnvis.workflow.instances import samples_behind
from cnnvis.workflow.sources import Sources

Pair = tuple[str, str]


def edges(session: Session, sources: Sources, asked: Edging, *, progress: Progress = silent) -> Connections | None:
    """The connections of one way to look at them, between all layers that the session's look shows.

    What is known of them is kept, what is missing measured: about one backward pass of the segment for each sink unit
    of a missing pair. None where nothing is recorded. Raises as `connect`, and UnknownName or InvalidValue for a subset
    or image that is gone.
    """
    if session.activations is None:
        return None
    known, pairs = known_edges(session, asked), missing_pairs(session, asked)
    if not pairs and known is not None:
        return known
    from cnnvis.compute.connect import connect

    plan = session.job.analysis if session.job is not None else None
    new = connect(
        sources.model,
        session.analysis.network,
        samples_behind(session, sources, asked, progress=progress),
        pairs=pairs,
        mode=asked.mode,
        target=asked.target,
        seed=plan.seed if plan is not None else 0,
        device=plan.device if plan is not None else "auto",
        probe_samples=plan.probe_images if plan is not None else 16,
        progress=progress,
    )
    if known is None:
        return new
    return replace(known, matrices={**known.matrices, **new.matrices}, scales={**known.scales, **new.scales})


def followed(session: Session) -> Edging:
    """Which edges the session's look asks for, as far as there are any: the mean of a class has none of its own."""
    look = session.look
    asked, names = edging(look), [s.name for s in session.analysis.subsets]
    image = find_instance(session, asked.instance)
    if image is None or image.name.startswith(MEAN_OF):
        asked = replace(asked, instance="", subset=look.subset)
    return asked if asked.subset in names else replace(asked, subset="")


def known_edges(session: Session, asked: Edging) -> Connections | None:
    """What is known of the connections of one way to look at them."""
    return session.connections if asked == Edging() else session.measurements.connections.get(asked)


def with_edges(session: Session, asked: Edging, found: Connections) -> Session:
    """The session with the connections of one way to look at them."""
    if asked == Edging():
        return replace(session, connections=found)
    return session.with_measurements(session.measurements.with_connections(asked, found))


def missing_pairs(session: Session, asked: Edging) -> tuple[Pair, ...]:
    """The pairs of neighbouring shown layers whose connections are not known yet in one way to look at them."""
    analysis, known = session.analysis, known_edges(session, asked)
    layers = [
        layer.name
        for group in analysis.groups
        for layer in shown_layers(analysis, group, session.activations, group.name in session.look.expanded)
    ]
    each = tuple(Group(i, name, (name,), name) for i, name in enumerate(layers))
    have = set(known.pairs) if known is not None else set()
    return tuple(pair for pair in neighbours(each, analysis.network) if pair not in have)
