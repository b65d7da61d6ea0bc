"""The part of the picture that matters for one class: its strongest influences and the cards that rank highest.

After Hohman, Park, Robinson, Chau, "Summit: Scaling Deep Learning Interpretability by Visualizing Activation and
Attribution Summarizations", 2020 (arXiv 1904.02323): of each node the strongest influences, nodes ranked by
personalised PageRank, the top of them drawn. We differ: nodes are clusters instead of single channels; an influence is
what flows from one cluster through the next to the class's logit (`cnnvis.compute.effects`), |w+| + |w−|, instead of a
count of images; the walk starts at a card as often as the card contributes to the logit, and goes against the stream.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cnnvis.layout.columns import Content
from cnnvis.layout.links import Lane, Matrix
from cnnvis.layout.marks import Key
from cnnvis.model.session import Session, Signs

Place = tuple[int, int]
"""Column and card."""

TOP = 5
"""So many influences on a card are kept."""
MASS = 2 / 3
"""The cards of a column that are kept hold this share of its rank."""
DAMPING = 0.85


@dataclass(frozen=True, slots=True, eq=False)
class Subgraph:
    """The cards that matter, the class among them, and for each lane which of its edges, (n_sources, n_sinks)."""

    cards: frozenset[Place]
    masks: tuple[NDArray[np.bool_], ...]


def for_class(session: Session, columns: Sequence[Content], lanes: Sequence[Lane]) -> Subgraph | None:
    """What matters for the class of a viewed session's edges; None where they are not for one that is shown."""
    connections = session.connections
    if connections is None or connections.mode != "class" or not columns:
        return None
    goal = next((i for i, (key, _) in enumerate(columns[-1].cards) if key == ("class", connections.target)), None)
    return subgraph(lanes, (len(columns) - 1, goal)) if goal is not None else None


def restricted(lanes: Sequence[Lane], matters: Subgraph | None, signs: Signs) -> list[Lane]:
    """The lanes with the edges of a sub-graph alone, and of these the parts of the signs that are shown."""
    found = []
    for k, lane in enumerate(lanes):
        mask = matters.masks[k] if matters is not None else np.ones(lane.positive.shape, bool)
        positive = np.where(mask & (signs != "negative"), lane.positive, 0.0)
        negative = np.where(mask & (signs != "positive"), lane.negative, 0.0)
        found.append(replace(lane, positive=positive, negative=negative))
    return found


def dimmed(columns: Sequence[Content], lanes: Sequence[Lane], matters: Subgraph | None) -> frozenset[Key]:
    """The keys of the cards outside a sub-graph, in the columns whose edges are known; none where there is none."""
    if matters is None:
        return frozenset()
    known = {end for lane in lanes for end in (lane.source, lane.sink)}
    places = ((k, i, key) for k in known for i, (key, _) in enumerate(columns[k].cards))
    return frozenset(key for k, i, key in places if (k, i) not in matters.cards)


def subgraph(lanes: Sequence[Lane], goal: Place, *, top: int = TOP, mass: float = MASS) -> Subgraph:
    """What leads to the card `goal`, given lanes whose edges are parts of its logit.

    Of the `top` strongest influences on a card those are followed that come from the highest-ranked cards of a
    column, which together hold `mass` of its rank; the strongest one always. So every card that is kept lies on a way
    of kept edges to the goal. Costs some milliseconds for a few hundred cards.
    """
    strongest = _strongest(lanes, top)
    leading = _leading(ranks(lanes, goal, top=top), mass)
    cards, todo = {goal}, [goal]
    masks = tuple(np.zeros(lane.positive.shape, bool) for lane in lanes)
    while todo:
        here = todo.pop()
        for place, (index, i, j) in enumerate(strongest.get(here, ())):
            there = lanes[index].source, i
            if place == 0 or there in leading:
                masks[index][i, j] = True
                if there not in cards:
                    cards.add(there)
                    todo.append(there)
    return Subgraph(frozenset(cards), masks)


def ranks(lanes: Sequence[Lane], goal: Place, *, top: int = TOP) -> dict[Place, float]:
    """The personalised PageRank of every card that a strongest influence touches, summing to 1."""
    import networkx

    graph = networkx.DiGraph()
    graph.add_node(goal)
    influences = [_influence(lane) for lane in lanes]
    for sink, found in _strongest(lanes, top).items():
        for index, i, j in found:
            graph.add_edge(sink, (lanes[index].source, i), influence=float(influences[index][i, j]))
    starts = {card: value for card, value in contributions(lanes, goal).items() if card in graph}
    starts = starts if sum(starts.values()) > 0 else {goal: 1.0}
    found = networkx.pagerank(
        graph, alpha=DAMPING, personalization=starts, weight="influence", max_iter=1000, tol=1e-12
    )
    return {place: float(rank) for place, rank in found.items()}


def contributions(lanes: Sequence[Lane], goal: Place) -> dict[Place, float]:
    """How much every card adds to the goal's logit or takes from it, ≥ 0: the sum of its edges; of the goal all."""
    sums: dict[Place, float] = {}
    for lane in lanes:
        net = _finite(lane.positive) - _finite(lane.negative)
        for i, value in enumerate(net.sum(1).tolist()):
            sums[lane.source, i] = sums.get((lane.source, i), 0.0) + value
        if lane.sink == goal[0]:
            sums[goal] = sums.get(goal, 0.0) + float(net[:, goal[1]].sum())
    return {place: abs(value) for place, value in sums.items()}


def _strongest(lanes: Sequence[Lane], top: int) -> dict[Place, list[tuple[int, int, int]]]:
    """For each card the `top` strongest influences on it, strongest first: the lane, the source and the sink in it."""
    into: dict[Place, list[tuple[float, int, int, int]]] = {}
    for index, lane in enumerate(lanes):
        values = _influence(lane)
        order = np.argsort(-values, axis=0, kind="stable")[:top]
        for j, best in enumerate(order.T.tolist()):
            into.setdefault((lane.sink, j), []).extend((-values[i, j], index, i, j) for i in best if values[i, j] > 0)
    return {place: [edge for _, *edge in sorted(found)[:top]] for place, found in into.items()}  # type: ignore[misc]


def _leading(rank: dict[Place, float], mass: float) -> frozenset[Place]:
    """The highest-ranked cards of each column that together hold `mass` of its rank, as few as can be."""
    found: list[Place] = []
    for column in {place[0] for place in rank}:
        ordered = sorted((p for p in rank if p[0] == column), key=lambda p: (-rank[p], p))
        held = np.cumsum([rank[p] for p in ordered])
        found += ordered[: int(np.searchsorted(held, mass * held[-1] * (1 - 1e-12))) + 1]
    return frozenset(found)


def _influence(lane: Lane) -> Matrix:
    return _finite(lane.positive) + _finite(lane.negative)


def _finite(part: Matrix) -> Matrix:
    return np.asarray(np.nan_to_num(part, nan=0.0, posinf=0.0))
