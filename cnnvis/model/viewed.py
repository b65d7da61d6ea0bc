"""The session as its look shows it: what holds for the chosen subset, the edges of the chosen mode."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from cnnvis.errors import CnnvisError
from cnnvis.model.activations import Activations
from cnnvis.model.measurements import Edging
from cnnvis.model.session import Look, Session
from cnnvis.model.subset_health import health_over
from cnnvis.model.subset_responses import restricted


def edging(look: Look) -> Edging:
    """Which edges a look asks for; class mode without a class has those of weights × activation.

    One image has its own edges, whatever subset is shown around it.
    """
    subset = "" if look.instance else look.subset
    if look.mode == "class" and look.chosen is not None:
        return Edging("class", look.chosen, subset, look.instance)
    mode = "weights × activation" if look.mode == "class" else look.mode
    return Edging(mode, None, subset, look.instance)


def subset_rows(session: Session) -> NDArray[np.int64] | None:
    """The rows of the table that the look's subset shows; None for all samples.

    None also where the subset is gone (its definition was undone) or no sample meets it any more.
    """
    name, found = session.look.subset, session.activations
    subset = next((s for s in session.analysis.subsets if s.name == name), None)
    if subset is None or found is None:
        return None
    try:
        rows = subset.rows(found.samples)
    except CnnvisError:  # defined over other samples: of a job whose labels have gone since
        return None
    return rows if len(rows) else None


def shown_subset(session: Session) -> str:
    """The name of the subset that the look shows; "" for all samples."""
    return session.look.subset if subset_rows(session) is not None else ""


def viewed(session: Session) -> Session:
    """The session with what its look asks for in the place of what holds for all samples.

    Contributions are those over the subset alone, none where they were not measured; health follows as far as it is
    known (see `health_over`). Edges that were not measured yet stay as they are for all samples, of the same mode
    where that was measured. Layers whose single responses were dropped are missing from the responses to a subset.
    """
    rows = subset_rows(session)
    if rows is not None and session.activations is not None:
        session = _restricted(session, restricted(session.activations, rows))
    asked, known = edging(session.look), session.measurements.connections
    broader = (asked, replace(asked, instance="", subset=session.look.subset), replace(asked, instance="", subset=""))
    found = next((known[each] for each in broader if each in known), None)
    if found is not None and found is not session.connections:
        session = replace(session, connections=found)
    return session


def _restricted(session: Session, some: Activations) -> Session:
    """The session with responses and measurements over the samples of its look's subset."""
    measured, name = session.measurements, session.look.subset
    part = measured.over(name)
    health = health_over(session.analysis.network, some, measured.health, part.health, name)
    over = replace(measured, contributions=part.contributions, health=health)
    return replace(session, activations=some, measurements=over)
