"""The page of an edge: what it means in the present mode, how strong it is, and which neurons it runs between."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from cnnvis.gui.panels.page import Page, Scene, number
from cnnvis.layout.diagram import Key, Link
from cnnvis.layout.edge_words import aim, over
from cnnvis.model.connections import Connections
from cnnvis.model.session import Session
from cnnvis.model.viewed import viewed

PAIRS = 8
"""So many pairs of neurons are listed."""


def edge_page(scene: Scene, link: Link) -> Page:
    """What is known of an edge between two cards."""
    session = viewed(scene.session)
    ends = [scene.diagram.card(end) for end in (link.source, link.sink)]
    network, found = session.analysis.network, session.connections
    name = aim(network, found) if found is not None else ""
    page = Page()
    page.title(f"{ends[0].title} → {ends[1].title}", _below(session, name))
    tip = _tip(found, name)
    speaks = (f"For {name}", f"Against {name}") if name else ("Excites", "Inhibits")
    page.facts(
        [
            (speaks[0], f"+{number(link.positive)}", tip),
            (speaks[1], f"−{number(link.negative)}", tip),
            ("Strength", f"{100 * link.strength:.0f} %", "Of the strongest edge between these two columns."),
        ]
    )
    page.links(
        [
            ("From " + ends[0].title, "", "Show where it comes from", lambda: scene.choose(link.source)),
            ("To " + ends[1].title, "", "Show where it goes", lambda: scene.choose(link.sink)),
        ]
    )
    _pairs(page, scene, session, link)
    return page.end()


def _below(session: Session, name: str) -> str:
    found = session.connections
    if found is None:
        return "an edge between two clusters"
    what = f"what flows through it to {name}" if name else f"by {found.mode}"
    where = over(session) or f"{found.probe} image{'' if found.probe == 1 else 's'}"
    return f"{what} · {where}"


def _tip(found: Connections | None, name: str) -> str:
    if name:
        return f"The part of the score of {name} that flows from the source's neurons through the sink's, by sign."
    if found is not None and found.mode == "weights":
        return "The mean slope of the sink's neurons by the source's, whatever these respond; summed by sign."
    return "Mean effect of the source's neurons on the sink's: response × its derivative, summed by sign."


def _pairs(page: Page, scene: Scene, session: Session, link: Link) -> None:
    """The strongest effects of single neurons on single neurons within the edge."""
    found, sides = session.connections, [_units(session, link.source), _units(session, link.sink)]
    if found is None:
        return
    pair = next(((a, b) for a in sides[0] for b in sides[1] if (a, b) in found.matrices), None)
    if pair is None:
        return
    rows, columns = sides[0][pair[0]], sides[1][pair[1]]
    block = np.nan_to_num(found.between(*pair)[np.ix_(rows, columns)].astype(np.float64)) * found.scales[pair]
    order = np.argsort(-np.abs(block), axis=None, kind="stable")[:PAIRS]
    lines: list[tuple[str, str, str, Callable[[], None]]] = []
    for i, j in zip(*np.unravel_index(order, block.shape)):
        if block[i, j]:
            source: Key = ("unit", pair[0], int(rows[i]))
            value = number(abs(block[i, j]))
            text = f":{rows[i]} → {_unit(session, pair[1], int(columns[j]))}"
            sign = "+" if block[i, j] > 0 else "−"
            lines.append((text, f"{sign}{value}", f"Select {pair[0]}:{rows[i]}", partial(scene.choose, source)))
    if lines:
        page.section("Strongest pairs", "Single neurons of the one cluster and of the other, by size of the effect.")
        page.text(f"{pair[0]} → {pair[1]}", "small")
        page.links(lines)


def _units(session: Session, key: Key) -> dict[str, Sequence[int]]:
    """The neurons of a card, by the layers under which their connections may be known."""
    if key[0] == "class" and isinstance(key[1], int):
        return dict.fromkeys(session.analysis.network.class_layers, (key[1],))
    clusters = session.analysis.clusters.get(str(key[1])) if key[0] == "cluster" else None
    known = clusters is not None and any(c.id == key[2] for c in clusters)
    return {str(key[1]): clusters[int(key[2])].members} if clusters is not None and known else {}


def _unit(session: Session, layer: str, unit: int) -> str:
    network = session.analysis.network
    if layer in network.class_layers and unit < len(network.classes):
        return network.classes[unit]
    return f":{unit}"
