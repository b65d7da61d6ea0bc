"""What deserves a look, raised by the program itself: dead neurons, confused classes, what the analysis noticed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cnnvis.model.activations import Activations
from cnnvis.model.network import Network
from cnnvis.model.session import Session

FEWEST = 5
"""Fewer images say nothing."""
_DEAD_SHARE = 0.1
_MOST_PAIRS, _MOST_LAYERS = 3, 4


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence, a second line that says how it is known, and where it leads.

    `layer` names the layer and `target` a class of the output, −1 for none; a finding may have neither.
    """

    text: str
    detail: str = ""
    layer: str = ""
    target: int = -1


def findings(session: Session) -> tuple[Finding, ...]:
    """Findings about a session, the gravest first; none while nothing is recorded. Cost: milliseconds."""
    activations, network = session.activations, session.analysis.network
    if activations is None or activations.n_samples < FEWEST:
        return ()
    notes = tuple(Finding(*_halves(note)) for note in activations.notes)
    layers = dict.fromkeys(group.representative for group in session.analysis.groups)
    return (*notes, *_dead(activations, network, tuple(layers)), *_confused(activations, network))


def _halves(note: str) -> tuple[str, str]:
    """The first sentence of a note, and the rest."""
    first, stop, rest = note.partition(". ")
    return first + stop.strip(), rest


def _dead(activations: Activations, network: Network, layers: tuple[str, ...]) -> list[Finding]:
    """Layers behind a rectifier where at least a tenth of the neurons never fire, the worst first."""
    found = []
    for name in layers:
        layer = network[name]
        if not layer.rectified or name not in activations.layers:
            continue
        n_dead = int((activations[name].fired == 0).sum())
        share = n_dead / max(layer.n_units, 1)
        if n_dead and share >= _DEAD_SHARE:
            text = f"{name}: {n_dead:,} of {layer.n_units:,} neurons never fire"
            found.append((share, Finding(text, f"on any of {activations.n_samples:,} samples", name)))
    return [finding for _, finding in sorted(found, key=lambda pair: -pair[0])[:_MOST_LAYERS]]


def _confused(activations: Activations, network: Network) -> list[Finding]:
    """The pairs of classes that are taken for each other most, where that happens to a tenth of their samples."""
    samples, classes = activations.samples, network.classes
    labels = samples.labels
    if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer) or not classes:
        return []
    m = len(classes)
    known = samples.read & (labels >= 0) & (labels < m) & (samples.predictions >= 0) & (samples.predictions < m)
    counts = np.zeros((m, m), np.int64)
    np.add.at(counts, (labels[known], samples.predictions[known]), 1)
    of_class = counts.sum(1)
    both = np.triu(counts + counts.T, 1)
    asked = of_class[:, None] + of_class[None, :]
    both[(both < FEWEST) | (both < 0.1 * asked)] = 0
    found = []
    for place in np.argsort(-both, axis=None, kind="stable")[:_MOST_PAIRS]:
        a, b = divmod(int(place), m)
        if both[a, b]:
            detail = f"{both[a, b]:,} of {asked[a, b]:,} samples"
            found.append(Finding(f"{classes[a]} and {classes[b]} are confused", detail, network.output, a))
    return found
