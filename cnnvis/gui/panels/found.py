"""The findings of a session, judged once and remembered as long as what they were read from."""

from __future__ import annotations

from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from cnnvis.layout.diagram import Key
from cnnvis.model.activations import Activations
from cnnvis.model.findings import Finding, findings, last_layer
from cnnvis.model.measurements import Contributions, Health
from cnnvis.model.network import Network
from cnnvis.model.session import Session
from cnnvis.model.together import GroupExplanation


@dataclass(frozen=True, eq=False, slots=True)
class Basis:
    """What findings depend on, besides the responses; an edit by hand and an unfolded column change nothing of it."""

    layer: str | None
    health: Health | None
    own: Contributions | None
    edges: NDArray[np.float16] | None
    groups: tuple[GroupExplanation, ...]

    @classmethod
    def of(cls, session: Session) -> Basis:
        layer, network = last_layer(session), session.analysis.network
        edges = session.connections.matrices if session.connections is not None else {}
        measured = session.measurements
        to_classes = edges.get((layer, network.hosts[network.output])) if layer is not None else None
        return cls(layer, measured.health, measured.own, to_classes, tuple(measured.groups.values()))

    def same(self, other: Basis) -> bool:
        """Whether the very same values stand behind both."""
        mine, others = (self.health, self.own, self.edges), (other.health, other.own, other.edges)
        same = self.layer == other.layer and self.groups == other.groups  # groups are equal where they are the same
        return same and all(a is b for a, b in zip(mine, others))


_FOUND: WeakKeyDictionary[Activations, tuple[Basis, tuple[Finding, ...]]] = WeakKeyDictionary()


def judged(session: Session) -> tuple[Finding, ...]:
    """The findings, the gravest first. Up to a second for wide layers, so call it in the background."""
    found = remembered(session)
    if found is None:
        found = findings(session)
        if session.activations is not None:
            _FOUND[session.activations] = (Basis.of(session), found)
    return found


def remembered(session: Session | None) -> tuple[Finding, ...] | None:
    """The findings where they are known already, else None. Costs nothing."""
    if session is None or session.activations is None:
        return ()
    known = _FOUND.get(session.activations)
    return known[1] if known is not None and known[0].same(Basis.of(session)) else None


def key_of(finding: Finding, network: Network) -> Key | None:
    """Where a finding leads: the neuron to look at first, else the class, else the layer."""
    if finding.units and finding.layer:
        return ("unit", finding.layer, finding.units[0])
    if finding.target >= 0 and finding.layer == network.output:
        return ("class", finding.target)
    return ("column", finding.layer) if finding.layer else None


def concerning(session: Session, key: Key) -> tuple[Finding, ...]:
    """Those of the remembered findings that are about a layer, a cluster, a neuron or a class."""
    known = remembered(session) or ()
    network = session.analysis.network
    if key[0] == "class":
        return tuple(f for f in known if f.target == key[1])
    about = [f for f in known if f.layer == key[1] and (f.target < 0 or f.layer != network.output)]
    if key[0] == "column":
        return tuple(about)
    if key[0] == "unit":
        return tuple(f for f in about if key[2] in f.units)
    clusters = session.analysis.clusters.get(str(key[1]))
    members = set(clusters[int(key[2])].members) if clusters is not None and key[0] == "cluster" else set()
    return tuple(f for f in about if members.intersection(f.units))
