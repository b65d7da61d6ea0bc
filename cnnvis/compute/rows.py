"""The rows of a table that a method learns from, and the value of a target for changed rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from cnnvis.compute.evaluations import Evaluations, Value
from cnnvis.compute.probe import Probe
from cnnvis.compute.subject import subject
from cnnvis.errors import InvalidValue, UnreadableSample
from cnnvis.model.dataset import Dataset
from cnnvis.model.network import Network
from cnnvis.model.target import Target
from cnnvis.progress import Progress, silent

Floats = NDArray[np.float64]
Predict = Callable[[Floats], Floats]
"""The target's value (n,) for rows (n, p) in the units of the network's input."""

_BATCH = 4096


@dataclass(frozen=True, eq=False, slots=True)
class Rows:
    """Rows (n, p) as the network takes them, and the names of their p features."""

    values: Floats
    features: tuple[str, ...]


def read_rows(
    method: str,
    network: Network,
    data: Dataset,
    rows: Sequence[int],
    target: Target,
    progress: Progress = silent,
) -> Rows:
    """The samples `rows` of a table; those that cannot be read are left out.

    Raises InvalidValue where they are no rows of numbers, fewer than two, or none is of the class to explain.
    """
    place = next((i for i, layer in enumerate(network.inputs) if len(layer.shape) == 1), 0)
    found, labels = [], []
    for done, index in enumerate(rows):
        if done % 1024 == 0:
            progress(done, len(rows), "reading rows")
        try:
            inputs, label = data[index]
        except UnreadableSample:
            continue
        found.append(np.asarray(inputs[place] if isinstance(inputs, (tuple, list)) else inputs, np.float64))
        labels.append(label)
    if len(found) < 2 or found[0].ndim != 1:
        form = f"samples of the form {found[0].shape}" if found and found[0].ndim != 1 else f"{len(found)} to read"
        raise InvalidValue(f"{method} must learn from at least two rows of a table; got {form}. Give it more rows.")
    must_have_class(method, network, labels, target)
    values = np.stack(found)
    named = len(data.features) == values.shape[1]
    return Rows(values, data.features if named else tuple(f"x{i}" for i in range(values.shape[1])))


def must_have_class(method: str, network: Network, labels: Sequence[Any], target: Target) -> None:
    """Raises InvalidValue where the target is a class, the samples have classes, and none has this one."""
    wanted = class_of(network, target)
    known = [int(label) for label in labels if isinstance(label, (int, np.integer)) and label >= 0]
    if wanted is None or not known or wanted in known:
        return
    name = network.classes[wanted] if wanted < len(network.classes) else str(wanted)
    raise InvalidValue(
        f"{method} must learn from samples of the class to explain; none of the {len(labels):,} is of {name!r}. "
        "Add some, or explain another class."
    )


def class_of(network: Network, target: Target) -> int | None:
    """The class that a target is, or None where it is another thing."""
    is_class = network.hosts[target.layer] == network.hosts[network.output] and len(target.units) == 1
    return target.units[0] if is_class else None


def asked(
    probe: Probe, inputs: Any, target: Target, value: Value, total: int, progress: Progress
) -> tuple[Floats, Predict]:
    """The row (p,) to explain, and what gives the target's value for changed rows. `inputs` is a batch of one."""
    about = subject(probe, inputs, picture=False)
    ask = Evaluations(
        probe, about, target, value=value, total=total, what="changing the row", progress=progress, batch=_BATCH
    )

    def predict(rows: Floats) -> Floats:
        return ask(torch.from_numpy(np.ascontiguousarray(rows)).to(about.x))

    return about.x[0].double().cpu().numpy(), predict


def must_fit(method: str, known: Rows, row: Floats) -> None:
    """Raises InvalidValue where a method has learned from rows of another width."""
    if known.values.shape[1] != len(row):
        raise InvalidValue(
            f"{method} must have learned from rows of {len(row)} features; got {known.values.shape[1]}. "
            "Prepare it with data of this network."
        )
