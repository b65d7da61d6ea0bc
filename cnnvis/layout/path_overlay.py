"""A path laid over the picture: how far the gates of each card's neurons are open, and the edges between open cards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from cnnvis.layout.columns import Content
from cnnvis.layout.marks import Face, Key, Link
from cnnvis.layout.overlay import laid_face
from cnnvis.model.gates import laid_path, open_units
from cnnvis.model.instances import LIVELY
from cnnvis.model.partition import Cluster
from cnnvis.model.session import Session

Laid = tuple[list[Content], frozenset[Key], frozenset[Key]]


def path_laid(session: Session, columns: Sequence[Content]) -> Laid | None:
    """The columns with the look's path on their cards, the keys of cards that step back, and of those that are open.

    On a card a bar says how far the gates of its neurons are open, patches fade as theirs close, and a card steps back
    that has no open gate. A class is open that the path leads to. None where the look has no path.
    """
    found = laid_path(session)
    if found is None:
        return None
    attribution, gates = found
    network = session.analysis.network
    of_class = network.hosts.get(attribution.target.layer) in network.class_layers
    goals = {("class", unit) for unit in attribution.target.units} if of_class else set[Key]()
    changed, closed, opened = [], set[Key](), set[Key](goals)
    for column in columns:
        cards: list[tuple[Key, Face]] = []
        for key, face in column.cards:
            if key[0] == "cluster" and column.partition is not None and column.layer in gates.values:
                cluster = column.partition[int(key[2])]
                values = np.asarray(gates.values[column.layer])
                face, kept = _face(face, cluster, values)
                (opened if kept else closed).add(key)
            cards.append((key, face))
        changed.append(replace(column, cards=tuple(cards)))
    return changed, frozenset(closed), frozenset(opened)


def _face(face: Face, cluster: Cluster, gates: NDArray[np.float32]) -> tuple[Face, bool]:
    """A cluster's face under the gates of its layer, and whether one of its own is open."""
    members = list(cluster.members)
    widest = float(gates.max(initial=0.0))
    shares = np.clip(gates / widest, 0.0, 1.0) if widest > 0 else np.zeros(len(gates))
    n_open = int(open_units(gates)[members].sum())
    told = f"path: {n_open:,} of {len(members):,} gates open" if n_open else "path: closed"
    level = LIVELY * float(shares[members].mean())
    return laid_face(face, LIVELY * shares.astype(np.float64), level, False, n_open > 0, told), n_open > 0


def path_links(links: Sequence[Link], opened: frozenset[Key]) -> tuple[Link, ...]:
    """The edges whose both ends are open."""
    return tuple(link for link in links if link.source in opened and link.sink in opened)
