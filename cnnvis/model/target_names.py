"""What a target is called where people read it."""

from __future__ import annotations

from cnnvis.model.session import Session
from cnnvis.model.target import Target


def target_name(session: Session, target: Target) -> str:
    """A class by its name, a neuron as `layer:17`, a cluster by its title, anything else by its layer and number."""
    network = session.analysis.network
    name, units = target.layer, target.units
    place = f" at {', '.join(map(str, target.at))}" if target.at else ""
    if name == network.output and len(units) == 1 and units[0] < len(network.classes):
        return network.classes[units[0]] + place
    if len(units) == 1:
        return f"{name}:{units[0]}{place}"
    clusters = session.analysis.clusters.get(name)
    same = next((c for c in clusters if set(c.members) == set(units)), None) if clusters is not None else None
    if same is not None and target.weights is None:
        return f"{f'“{same.name}”' if same.name else same.title} in {name}{place}"
    what = "a direction of" if target.weights is not None else ""
    return f"{what} {len(units)} neurons of {name}{place}".strip()
