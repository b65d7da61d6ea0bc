"""Findings about neurons that answer a class by one region of the image: the mark of a shortcut.

A neuron whose strongest images are nearly all of one class looks, in each of them, at the strongest place of its map.
Things stand anywhere, so these places scatter; a tag, a watermark or a border is always at the same one.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cnnvis.model.activations import Activations, Responses
from cnnvis.model.findings.chance import SURE, at_least
from cnnvis.model.findings.classes import FEWEST
from cnnvis.model.findings.finding import Finding, percent
from cnnvis.model.network import Network
from cnnvis.model.session import Session

MARGIN = 0.2
"""A place is at an edge of the image where it lies in this share of its side."""
NEARLY = 0.85
"""At least this share of a neuron's strongest images must be of the class, and of their peaks lie in the region."""
SIDES = 4
"""A map with fewer places along a side has no corners to speak of."""

_CAUSE = (
    "Usual cause: a shortcut. Something beside the thing – a tag, a watermark, a border – marks this class in the "
    "training images. Cover that region or move it: the prediction should not change."
)


@dataclass(frozen=True, eq=False)
class Lookout:
    """A neuron that answers one class by one place: the regions in which all its peaks lie, surely."""

    unit: int
    group: int
    regions: frozenset[str]
    n_images: int


def shortcuts(session: Session, layer: str) -> list[Finding]:
    """For each class the neurons of a layer that answer it by corners or one edge of the image alone.

    Both claims are tested (binomial, corrected for all that was tried): that the strongest images are of the class, and
    that their peaks lie in the region more often than its area and the peaks of other neurons explain. The neuron
    must speak for the class: by its measured contribution, else by its edge to the class where known.
    """
    activations, network = session.activations, session.analysis.network
    if activations is None or activations.kind != "class":
        return []
    found = lookouts(activations, network, layer)
    effect = _effects(session, layer)
    by_class: dict[int, list[Lookout]] = {}
    for one in found:
        if effect is None or effect[one.unit, one.group] > 0:
            by_class.setdefault(one.group, []).append(one)
    said = [_said(many, activations, layer, effect) for many in by_class.values()]
    return sorted(said, key=lambda finding: -finding.severity)


def _said(many: list[Lookout], activations: Activations, layer: str, effect: NDArray[np.float64] | None) -> Finding:
    """One sentence about the region that most of the neurons of a class share; the smaller one of equals."""
    group = many[0].group
    votes = Counter(name for one in many for name in one.regions)
    region = max(REGIONS, key=lambda name: (votes[name], -REGIONS.index(name)))
    many = [one for one in many if region in one.regions]
    if effect is not None:
        many.sort(key=lambda one: -effect[one.unit, group])
    first, name = many[0], activations.groups[group]
    who = f"{layer}:{first.unit} responds" if len(many) == 1 else f"{len(many)} neurons respond"
    share = _share(effect, [one.unit for one in many], group)
    they = "it carries" if len(many) == 1 else "together they carry"
    weight = f"; {they} {percent(share)} of what speaks for {name}" if share is not None else ""
    return Finding(
        f"{who} to {name} in {region} of the image only",
        f"all {first.n_images} strongest images of {layer}:{first.unit} peak there{weight}",
        layer,
        target=group,
        units=tuple(one.unit for one in many),
        cause=_CAUSE,
        severity=0.9 + 0.05 * min(1.0, share if share is not None else len(many) / 20),
        kind="shortcut",
    )


def _share(effect: NDArray[np.float64] | None, units: list[int], group: int) -> float | None:
    """What part of all that speaks for a class these units carry."""
    if effect is None:
        return None
    forward = np.maximum(effect[:, group], 0)
    return float(forward[units].sum() / forward.sum()) if forward.sum() > 0 else None


def _effects(session: Session, layer: str) -> NDArray[np.float64] | None:
    """The effect of each unit on the score of each class, (n_units, n_classes); None where it was not measured."""
    own = session.measurements.own
    if own is not None and layer in own:
        return np.nan_to_num(own.means(layer))
    edges, output = session.connections, session.analysis.network.hosts[session.analysis.network.output]
    if edges is None or (layer, output) not in edges.matrices:
        return None
    return edges.between(layer, output).astype(np.float64)


def lookouts(activations: Activations, network: Network, layer: str) -> list[Lookout]:
    """The neurons of a layer whose strongest images are of one class and peak in one region, surely."""
    responses, sides = activations[layer], network[layer].spatial
    if len(sides) != 2 or min(sides) < SIDES or responses.place is None:
        return []
    samples = activations.samples
    row = np.array([[samples.rows.get(int(i), -1) for i in best] for best in responses.top_samples])
    labels = np.where(row >= 0, samples.labels[row], -1)
    shown = (row >= 0) & (labels >= 0) & (responses.top_values > 0)
    group = np.array([_majority(labels[u][shown[u]]) for u in range(responses.n_units)])
    regions = _regions(responses, sides)
    found = []
    for unit in range(responses.n_units):
        mine = shown[unit] & (labels[unit] == group[unit])
        if not _selective(activations, int(group[unit]), int(mine.sum()), int(shown[unit].sum()), responses.n_units):
            continue
        others = shown & (group != group[unit])[:, None]
        names = frozenset(
            name
            for name, (inside, area) in regions.items()
            if _inside(inside, unit, mine, others, area) * responses.n_units * len(regions) <= SURE
        )
        if names:
            found.append(Lookout(unit, int(group[unit]), names, int(mine.sum())))
    return found


def _majority(labels: NDArray[np.int64]) -> int:
    return int(np.bincount(labels).argmax()) if len(labels) else -1


def _selective(activations: Activations, group: int, k: int, n: int, n_units: int) -> bool:
    """Whether k of a neuron's n strongest images being of one class is more than chance, and nearly all of them."""
    counts = activations.counts
    if group < 0 or counts[group] < FEWEST or n < FEWEST or k < NEARLY * n:
        return False
    return at_least(k, n, float(counts[group] / counts.sum())) * n_units * len(counts) <= SURE


def _inside(
    inside: NDArray[np.bool_], unit: int, mine: NDArray[np.bool_], others: NDArray[np.bool_], area: float
) -> float:
    """How likely by chance so many of a neuron's peaks lie in a region; 1 where not nearly all do."""
    hits, k = int((inside[unit] & mine).sum()), int(mine.sum())
    if hits < NEARLY * k:
        return 1.0
    elsewhere = (float(inside[others].sum()) + 1) / (float(others.sum()) + 2)
    return at_least(hits, k, max(area, elsewhere))


REGIONS = (
    "the top left corner", "the top right corner", "the bottom left corner", "the bottom right corner",
    "the top edge", "the bottom edge", "the left edge", "the right edge", "the corners",
)  # fmt: skip


def _regions(responses: Responses, sides: tuple[int, ...]) -> dict[str, tuple[NDArray[np.bool_], float]]:
    """For each region whether each peak lies in it, (n_units, k), and its share of the map's places."""
    near: list[tuple[NDArray[np.bool_], NDArray[np.bool_], float]] = []
    for axis, n in enumerate(sides):
        width = max(int(np.ceil(MARGIN * n)), 1)
        place = responses.top_places[..., axis]
        near.append((place < width, place >= n - width, width / n))
    (top, bottom, high), (left, right, wide) = near
    corner = high * wide
    places = (top & left, top & right, bottom & left, bottom & right, top, bottom, left, right)
    areas = (corner, corner, corner, corner, high, high, wide, wide)
    corners = ((top | bottom) & (left | right), 4 * corner)
    return dict(zip(REGIONS, (*zip(places, areas), corners)))
