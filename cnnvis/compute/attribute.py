"""Why did a target answer as it did to one sample? One verb for every explanation method."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

import cnnvis
from cnnvis.compute.method import Learning, Method
from cnnvis.compute.probe import Probe, probe
from cnnvis.compute.score import checked
from cnnvis.errors import InvalidValue
from cnnvis.model.attribution import Attribution, Evidence, Vector
from cnnvis.model.dataset import Dataset
from cnnvis.model.network import Network
from cnnvis.model.target import Target
from cnnvis.progress import Progress, silent


def attribute(
    model: nn.Module,
    network: Network,
    sample: Any,
    target: Target,
    method: Method,
    *,
    index: int = -1,
    image: str = "",
    data: Dataset | None = None,
    rows: Sequence[int] | None = None,
    progress: Progress = silent,
) -> Attribution:
    """The evidence that a method finds for a target in one sample, with all that is needed to find it again.

    `sample` is what a data set gives, (input, label), or a bare input without batch axis (an array, a tensor, or a
    tuple or dict of several); `index` is its place in the data set, if any, else `image` may name it. `target` may be
    a class, a neuron, a cluster of any layer. `data`, or its samples `rows`, is what a method learns from that needs
    more than one sample, such as DLIME. The model is left as it was. Raises UnknownName or InvalidValue for a target
    or a parameter that does not fit the network.
    """
    checked(network, target)
    must_be_method(method)
    inputs = batch_of_one(sample, len(network.inputs))
    with probe(model, network) as opened:
        ready = prepared(opened, method, target, data, rows, progress)
        evidence = _named(ready(opened, inputs, target, progress), network, data)
    return Attribution(evidence, index, target, method.title, parameters(method), versions(), image)


def _named(evidence: Evidence, network: Network, data: Dataset | None) -> Evidence:
    """Evidence on the values of an input by the names of the data's features, which a network does not know."""
    features = data.features if data is not None else ()
    if not isinstance(evidence, Vector) or len(features) != len(evidence.features):
        return evidence
    own = [tuple(x.unit(i) for i in range(x.n_units)) for x in network.layers if x.role == "input"]
    return replace(evidence, features=tuple(features)) if evidence.features in own else evidence


def prepared(
    opened: Probe,
    method: Method,
    target: Target,
    data: Dataset | None,
    rows: Sequence[int] | None,
    progress: Progress,
) -> Method:
    """The method ready for a target: one that learns has learned from `data`. Raises InvalidValue where it cannot."""
    if not isinstance(method, Learning):
        return method
    if data is None:
        if any(f.metadata.get("state") and getattr(method, f.name) is None for f in _fields(method)):
            raise InvalidValue(f"{method.title} learns from other samples; give attribute the `data` to learn from.")
        return method
    return method.prepared(opened, data, range(len(data)) if rows is None else rows, target, progress)


def must_be_method(method: object) -> None:
    """Raises InvalidValue for anything else, such as the class of a method instead of one."""
    if isinstance(method, type) or not (callable(method) and hasattr(method, "title")):
        raise InvalidValue(f"attribute.method must be a method such as GradCam(); got {method!r}.")


def batch_of_one(sample: Any, n_inputs: int = 1) -> Any:
    """The input of a sample, (input, label) or bare, with a batch axis before it."""
    if isinstance(sample, Mapping):
        return {key: _batched(value) for key, value in sample.items()}
    labelled = isinstance(sample, (tuple, list)) and len(sample) == 2
    if n_inputs > 1:
        inside = sample[0] if labelled and isinstance(sample[0], (tuple, list)) else sample
        if not isinstance(inside, (tuple, list)) or len(inside) != n_inputs:
            raise InvalidValue(
                f"attribute.sample must hold the network's {n_inputs} inputs; got {type(inside).__name__}."
            )
        return tuple(_batched(x) for x in inside)
    inside = sample[0] if labelled else sample
    if isinstance(inside, (tuple, list)) and len(inside) == 1:
        inside = inside[0]
    return _batched(inside)


def _batched(value: Any) -> Tensor:
    if not isinstance(value, (Tensor, np.ndarray)):
        raise InvalidValue(
            "attribute.sample must be an array or a tensor, or (input, label) of a data set; "
            f"got {type(value).__name__}."
        )
    tensor = value.detach() if isinstance(value, Tensor) else torch.from_numpy(np.array(value))
    return tensor[None]


def parameters(method: Method) -> dict[str, Any]:
    """The parameters of a method by name: its fields, but not what it has learned."""
    return {f.name: getattr(method, f.name) for f in _fields(method) if not f.metadata.get("state")}


def _fields(method: Method) -> tuple[dataclasses.Field[Any], ...]:
    return dataclasses.fields(method) if dataclasses.is_dataclass(method) else ()


def versions() -> dict[str, str]:
    """The versions of what an explanation is computed with."""
    return {"cnnvis": cnnvis.__version__, **{name: version(name) for name in ("torch", "numpy")}}
