"""What is said of images that were drawn for neurons: below a figure, and beside each of them."""

from __future__ import annotations

import numpy as np

from cnnvis.model.session import DRAWN, Session
from cnnvis.model.synthesis import Icons, Way

_SHOWN: dict[tuple[Way, ...], str] = {
    ("max",): "to drive their neurons most",
    ("min",): "to drive their neurons least, before their rectifier",
    ("max", "min"): "to drive their neurons most, in the left half, and least (before their rectifier) in the right",
    ("diverse",): "to drive their neurons, several for each and unlike each other",
}


def drawn_words(session: Session) -> str:
    """What the cards' drawn images are and how they were made; "" where the cards show real ones alone."""
    layers = {group.representative for group in session.analysis.groups}
    ways = DRAWN[session.look.source]
    found = {way: _icons(session, way, layers) for way in ways}
    if not any(found.values()):
        return ""
    shown = _SHOWN[tuple(way for way in ways if found[way])]
    every = [icons for way in ways for icons in found[way]]
    steps = np.concatenate([np.asarray(icons.steps) for icons in every])
    seeds = sorted({icons.seed for icons in every})
    least, most = int(steps.min()), int(steps.max())
    how = f"{least:,} steps" if least == most else f"{least:,} to {most:,} steps"
    how += f", seed {seeds[0]}" if len(seeds) == 1 else f", seeds {', '.join(map(str, seeds))}"
    words = f"with images drawn from noise {shown} (feature visualization, {how})"
    share = _beyond(found[ways[0]])
    if share is not None:
        which = "of the left halves go" if len(ways) > 1 else "of them drive their neuron"
        words += f"; {share} {which} further than any real image"
    return words


def _icons(session: Session, way: Way, layers: set[str]) -> list[Icons]:
    expanded = session.look.expanded
    shown = layers.union(*(g.layers for g in session.analysis.groups if g.name in expanded))
    return [icons for (layer, kind), icons in session.synthesis.icons.items() if kind == way and layer in shown]


def _beyond(found: list[Icons]) -> str | None:
    """The share of images beyond any real one, where that is known of each."""
    known = [np.isfinite(np.repeat(icons.strongest, icons.copies)) for icons in found]
    n = sum(int(k.sum()) for k in known)
    if not n:
        return None
    further = sum(icons.beyond * int(k.sum()) for icons, k in zip(found, known) if k.any())
    return f"{100 * further / n:.0f} %"


def ratio_words(drive: float, real: float, way: Way) -> str:
    """How far an image drives its neuron against the strongest real one: "3.1×", or a value where that says nothing."""
    if not np.isfinite(drive):
        return ""
    alike = real < 0 and drive < 0 if way == "min" else real > 0 and drive > 0
    if np.isfinite(real) and alike:
        ratio = drive / real
        return f"{ratio:.1f}×" if ratio < 99.5 else f"{ratio:,.0f}×"
    return f"{drive:.2g}".replace("-", "−")
