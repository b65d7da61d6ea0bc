"""Why did a target answer as it did to one sample? One verb for every explanation method."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

import cnnvis
from cnnvis.compute.probe import Probe, probe
from cnnvis.compute.score import checked
from cnnvis.errors import InvalidValue
from cnnvis.model.attribution import Attribution, Evidence
from cnnvis.model.network import Network
from cnnvis.model.target import Target
from cnnvis.progress import Progress, silent


class Method(Protocol):
    """An explanation method: a frozen dataclass whose fields are its parameters; calling it is the paper."""

    @property
    def title(self) -> str: ...
    @property
    def paper(self) -> str: ...

    def __call__(self, probe: Probe, inputs: Any, target: Target, progress: Progress = ...) -> Evidence:
        """The evidence for one sample; `inputs` is a batch of one."""
        ...


def attribute(
    model: nn.Module,
    network: Network,
    sample: Any,
    target: Target,
    method: Method,
    *,
    index: int = -1,
    progress: Progress = silent,
) -> Attribution:
    """The evidence that a method finds for a target in one sample, with all that is needed to find it again.

    `sample` is what a data set gives, (input, label), or a bare input without batch axis (an array, a tensor, or a
    tuple or dict of several); `index` is its place in the data set, if any. `target` may be a class, a neuron, a
    cluster of any layer. The model is left as it was. Raises UnknownName or InvalidValue for a target or a parameter
    that does not fit the network.
    """
    checked(network, target)
    if isinstance(method, type) or not (callable(method) and hasattr(method, "title")):
        raise InvalidValue(f"attribute.method must be a method such as GradCam(); got {method!r}.")
    inputs = batch_of_one(sample, len(network.inputs))
    with probe(model, network) as opened:
        evidence = method(opened, inputs, target, progress)
    return Attribution(evidence, index, target, method.title, _parameters(method), _versions())


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


def _parameters(method: Method) -> dict[str, Any]:
    if not dataclasses.is_dataclass(method):
        return {}
    return {field.name: getattr(method, field.name) for field in dataclasses.fields(method)}


def _versions() -> dict[str, str]:
    return {"cnnvis": cnnvis.__version__, **{name: version(name) for name in ("torch", "numpy")}}
