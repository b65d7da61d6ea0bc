"""The session as its look shows it: the responses to the chosen subset, the edges of the chosen mode."""

from __future__ import annotations

from dataclasses import replace

from cnnvis.model.measurements import Edging
from cnnvis.model.session import Look, Session


def edging(look: Look) -> Edging:
    """Which edges a look asks for; class mode without a class has those of weights × activation."""
    if look.mode == "class" and look.chosen is not None:
        return Edging("class", look.chosen, look.subset, look.instance)
    mode = "weights × activation" if look.mode == "class" else look.mode
    return Edging(mode, None, look.subset, look.instance)


def viewed(session: Session) -> Session:
    """The session with what its look asks for in the place of what holds for all samples.

    What was not measured yet stays as it is for all samples.
    """
    asked = edging(session.look)
    found = session.measurements.connections.get(asked)
    if found is not None and found is not session.connections:
        session = replace(session, connections=found)
    return session
