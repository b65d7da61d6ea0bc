"""Paths through a network: gates of one explanation, and the mean of those of several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnvis.errors import InvalidValue
from cnnvis.model.attribution import Attribution, Gates
from cnnvis.model.session import Session

OPEN = 0.5
"""A gate is open where it is above this share of the widest of its layer."""


def open_units(gates: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which gates of a layer are open, (n_units,)."""
    widest = float(gates.max(initial=0.0))
    return np.asarray((gates > OPEN * widest) & (gates > 0))


def opened(gates: Mapping[str, NDArray[np.float32]]) -> float:
    """The share of all gates that are open."""
    n = sum(len(values) for values in gates.values())
    return sum(int(open_units(values).sum()) for values in gates.values()) / max(n, 1)


def laid_path(session: Session) -> tuple[Attribution, Gates] | None:
    """The explanation whose gates the look of a session lays over the picture; None where there is none."""
    for found in session.attributions if session.look.path else ():
        if found.key == session.look.path and isinstance(found.evidence, Gates):
            return found, found.evidence
    return None


def path_said(session: Session, found: Attribution) -> str:
    """What an explanation with gates is about, in words: the path of 7.png to dog."""
    network, table = session.analysis.network, session.activations
    units = found.target.units
    name = f"{found.target.layer}:{units[0]}" if len(units) == 1 else f"{len(units)} neurons of {found.target.layer}"
    if found.target.layer in network and network.hosts[found.target.layer] in network.class_layers and len(units) == 1:
        name = session.classes[units[0]] if units[0] < len(session.classes) else name
    image = found.image
    if not image and table is not None and found.sample in table.samples.rows:
        image = table.samples.names[table.samples.rows[found.sample]].rsplit("/", 1)[-1]
    images = found.evidence.facts.get("images")
    image = f"{images} images" if images else image or f"sample {found.sample}"
    mean = "mean " if images else ""
    return f"{mean}{found.method[:1].lower()}{found.method[1:]} of {image} to {name}"


def mean_path(found: Sequence[Attribution]) -> Attribution:
    """The path of a class: the mean of the gates of several images that were asked the same.

    It says in its facts of how many images it is the mean. Raises InvalidValue where the explanations are none, are no
    gates, or differ in target, method or parameters.
    """
    if not found:
        raise InvalidValue("A mean path must be of one explanation or more; got none.")
    first = found[0]
    if any(
        (x.target, x.method, dict(x.parameters)) != (first.target, first.method, dict(first.parameters)) for x in found
    ):
        raise InvalidValue("A mean path must be of explanations of one target by one method; got several.")
    gates = [x.evidence for x in found if isinstance(x.evidence, Gates)]
    if len(gates) < len(found):
        raise InvalidValue(f"A mean path must be of gates, such as Critical path gives; got those of {first.method}.")
    shared = set.intersection(*(set(g.values) for g in gates))
    values = {
        name: np.mean([g.values[name] for g in gates], axis=0).astype(np.float32)
        for name in gates[0].values
        if name in shared
    }
    facts: dict[str, Any] = {"images": len(found), "open": opened(values)}
    if all(x.sample >= 0 for x in found):
        facts["mean_of"] = tuple(x.sample for x in found)
    return replace(first, evidence=Gates(values, facts), sample=-1, image=mean_name([_called(x) for x in found]))


def mean_name(names: Sequence[str]) -> str:
    """What the mean of several images is called: the same for the same images."""
    return f"mean of {len(names)} images: {', '.join(sorted(names))}"


def _called(one: Attribution) -> str:
    return one.image or str(one.sample)


def without_path(session: Session, key: str) -> Session:
    """The session with an explanation's path taken from the picture, where it lies there."""
    return session.with_look(replace(session.look, path="")) if key and session.look.path == key else session
