"""What deserves a look, raised by the program itself, the gravest first; `docs/findings.md` says how each is judged."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from cnnvis.model.activations import Activations
from cnnvis.model.findings.classes import FEWEST, Confusion, confused, never_said, unanswered
from cnnvis.model.findings.finding import ALARM, WARNING, Finding, Kind, Level
from cnnvis.model.findings.places import fixed_places
from cnnvis.model.findings.regions import shortcuts
from cnnvis.model.findings.responses import dead, duplicates
from cnnvis.model.findings.weights import from_health, sensitivities
from cnnvis.model.nouns import IMAGE, Noun
from cnnvis.model.session import Session

__all__ = [
    "ALARM", "FEWEST", "WARNING", "Finding", "Kind", "Level", "enough", "findings", "last_layer", "sensitivities",
]  # fmt: skip

_GRAVE_NOTES = ("Accuracy is at chance", "The classes seem to be in another order")


def findings(session: Session) -> tuple[Finding, ...]:
    """Findings about a session, the gravest first; none while nothing is recorded.

    What is read from responses needs at least five images of each class (see `enough`), what is read from gradients
    and weights a measured health, what is read from maps an explanation of a class's images together. Costs up to a
    second for wide layers: correlations of all pairs of neurons.
    """
    activations, network = session.activations, session.analysis.network
    if activations is None:
        return ()
    found = [_noted(note) for note in activations.notes]
    if enough(activations):
        found += dead(activations, network) + duplicates(activations, network)
        layer = last_layer(session)
        if layer is not None:
            found += shortcuts(session, layer) + unanswered(activations, network, layer)
        table = Confusion.of(activations, network)
        if table is not None:
            found += never_said(table, network) + confused(table, network)
    found += fixed_places(session)
    if session.measurements.health is not None:
        found += from_health(session.measurements.health, network)
    said = (_said(one, activations.noun) for one in found)
    return tuple(sorted(said, key=lambda finding: -finding.severity))


def _said(finding: Finding, noun: Noun) -> Finding:
    """A finding in the words for what the network was shown."""
    if noun == IMAGE:
        return finding
    say = noun.say
    return replace(finding, text=say(finding.text), detail=say(finding.detail), cause=say(finding.cause))


def enough(activations: Activations) -> bool:
    """Whether there are at least five images of each class that has any; of all together where there are no classes."""
    counts = activations.counts[activations.counts > 0]
    if activations.kind in ("class", "label"):
        return bool(len(counts)) and float(np.median(counts)) >= FEWEST
    return activations.n_samples >= FEWEST


def last_layer(session: Session) -> str | None:
    """The representative nearest to the classes that is none of them itself: what they are told from."""
    network, activations = session.analysis.network, session.activations
    if activations is None:
        return None
    names = dict.fromkeys(group.representative for group in session.analysis.groups)
    hidden = [name for name in names if name in activations.layers and name not in network.class_layers]
    return max(hidden, key=network.index) if hidden else None


def _noted(note: str) -> Finding:
    """A note of the analysis as a finding: its first sentence, and the rest as the detail."""
    first, stop, rest = note.partition(". ")
    severity = 0.96 if note.startswith(_GRAVE_NOTES) else 0.3
    detail, cause = ("", rest) if rest.startswith("Usual causes") else (rest, "")
    return Finding(first + stop.strip(), detail, cause=cause, severity=severity)
