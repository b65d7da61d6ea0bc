"""How healthy each layer of a network is: responses, weights and gradients in numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from cnnvis.compute.batches import batches
from cnnvis.compute.bounds import Bounds, bounds_of
from cnnvis.compute.devices import chosen, placed
from cnnvis.compute.losses import Loss, Measured, loss_of
from cnnvis.compute.nodes import unwrapped
from cnnvis.compute.probe import Probe, probe
from cnnvis.compute.record import recorded
from cnnvis.compute.sampling import chosen_samples, wanted_samples
from cnnvis.errors import InvalidValue, NotConnected
from cnnvis.model.activations import Activations, frozen
from cnnvis.model.measurements import Health, LayerHealth
from cnnvis.model.network import Layer, Network
from cnnvis.model.subset_responses import restricted
from cnnvis.progress import Progress, silent

WHAT = "measuring health"

AT_ONCE = 2**26
"""How many numbers the values of all nodes may take in one batch; backward keeps them all."""

STUCK = 0.95
"""A unit is saturated where this share of its values lies at a bound of its activation."""

State = Mapping[str, Tensor]


def diagnose(
    model: nn.Module,
    network: Network,
    activations: Activations,
    *,
    samples: int = 64,
    loss: Loss = "by task",
    before: nn.Module | State | None = None,
    compared: str = "",
    indices: Sequence[int] | None = None,
    subset: str = "",
    seed: int = 0,
    device: str = "auto",
    progress: Progress = silent,
) -> Health:
    """The health of every layer that `record` knows: responses, weights and gradients in numbers.

    Dead share, mean and spread are read from `activations`, so over all samples. The rest is measured on `samples`
    of them, drawn by `seed` and balanced over the classes: saturation, bad values, and the gradients of the mean
    `loss` over them (see `LayerHealth`); the network is in evaluation mode. `indices` restricts both to some samples
    of the data set, named `subset`; layers without pooled responses then have no dead share, mean and spread. `before`
    is another checkpoint of the same architecture, a model or a state dict, and `compared` what it is called: each
    layer then also knows how far its weights have moved since. Costs a forward and a backward pass for each of the
    samples, and a copy of the gradients. The model is as before afterwards, also after an exception or a cancel.

    Raises NotConnected without a data set, InvalidValue for a loss that the labels do not suit, samples that were not
    recorded or cannot be read, or a second checkpoint of another architecture; ModelFailure where the network fails.
    """
    if samples < 1:
        raise InvalidValue(f"diagnose.samples must be 1 or more; got {samples}.")
    if (data := activations.data) is None:
        raise NotConnected("The data set must be connected to measure gradients; only its results are here.")
    moved, measure = _moved(model, before, compared), loss_of(network, activations.samples, loss)
    drawn = chosen_samples(activations, samples, seed, among=wanted_samples(activations, indices).tolist())
    layers = [network[slot.layer] for slot in recorded(network)]
    progress(0, len(drawn), WHAT)
    with probe(placed(model, chosen(device)), network) as p, torch.inference_mode(False), torch.enable_grad():
        sums = _Sums({x.name: bounds_of(p.model, network, x) for x in layers})
        with closing(batches(data, drawn, _batch_size(network, len(drawn)))) as reader:
            for batch in reader:
                if len(batch):
                    rows = np.array([activations.samples.rows[int(drawn[r])] for r in batch.rows])
                    _add(p, batch.inputs, rows, layers, measure, sums)
                progress(batch.done, len(drawn), WHAT)
        if not sums.n:
            raise InvalidValue("diagnose.samples must hold at least one image that can be read; got none.")
        parameters = dict(p.model.named_parameters())
        seen = activations if indices is None else _part(activations, indices)
        found = {x.name: _health(x, seen, sums, parameters, moved) for x in layers}
    return Health(found, sums.n, compared if before is not None else "", subset)


def _part(activations: Activations, indices: Sequence[int]) -> Activations:
    """The responses to some samples alone."""
    return restricted(activations, np.array(sorted({activations.samples.rows[int(i)] for i in indices}), np.int64))


def _batch_size(network: Network, n_samples: int) -> int:
    one = sum(math.prod(layer.shape) for layer in network.layers)
    size = max(1, min(n_samples, AT_ONCE // max(one, 1)))
    return size + 1 if 1 < size < n_samples and n_samples % size == 1 else size  # some networks drop an axis of one


@dataclass(eq=False)
class _Sums:
    """What adds up from batch to batch."""

    bounds: Mapping[str, Bounds | None]
    n: int = 0
    weights: dict[str, Tensor] = field(default_factory=dict)
    of_layer: dict[str, tuple[str, ...]] = field(default_factory=dict)
    squares: dict[str, Tensor] = field(default_factory=dict)
    stuck: dict[str, Tensor] = field(default_factory=dict)
    seen: dict[str, int] = field(default_factory=dict)
    n_nan: dict[str, int] = field(default_factory=dict)
    n_inf: dict[str, int] = field(default_factory=dict)

    def look(self, layer: Layer, value: Tensor) -> None:
        """Count bad values and those at a bound."""
        units = _by_unit(value, layer)
        self.n_nan[layer.name] = self.n_nan.get(layer.name, 0) + int(units.isnan().sum())
        self.n_inf[layer.name] = self.n_inf.get(layer.name, 0) + int(units.isinf().sum())
        bounds = self.bounds[layer.name]
        if bounds is not None:
            _accumulate(self.stuck, layer.name, bounds.reached(units).sum(1))
            self.seen[layer.name] = self.seen.get(layer.name, 0) + units.shape[1]


def _add(
    p: Probe,
    inputs: Sequence[Tensor],
    rows: NDArray[np.int64],
    layers: Sequence[Layer],
    measure: Measured,
    sums: _Sums,
) -> None:
    """Adds what one batch says: its gradients, and how its responses lie."""
    nodes = {x.name: x.response for x in layers}
    output = p.network[p.network.output].response
    run = p.run(tuple(inputs), grad=(*nodes.values(), output), weights=True)
    own = {name: leaf for parameters in run.weights.values() for name, leaf in parameters.items()}
    asked = [*(run.leaves[node] for node in nodes.values()), *own.values()]
    total = measure(run.leaves[output], rows)
    found = torch.autograd.grad(total, asked, allow_unused=True) if total.requires_grad else (None,) * len(asked)
    for layer, slope in zip(layers, found):
        if slope is not None:
            _accumulate(sums.squares, layer.name, _by_unit(slope, layer).double().square().sum(1))
        sums.look(layer, run.leaves[nodes[layer.name]].detach())
    for name, gradient in zip(own, found[len(layers) :]):
        if gradient is not None:
            _accumulate(sums.weights, name, gradient)
    sums.of_layer = {x.name: tuple(run.weights.get(x.name, ())) for x in layers}
    sums.n += len(rows)


def _accumulate(sums: dict[str, Tensor], name: str, value: Tensor) -> None:
    sums[name] = value if name not in sums else sums[name] + value


def _by_unit(value: Tensor, layer: Layer) -> Tensor:
    """The values of each unit, (n_units, samples × places)."""
    assert layer.unit_axis is not None
    value = value.reshape(-1, *layer.shape)  # a network may have dropped the axis of a single sample
    return value.movedim(layer.unit_axis % len(layer.shape) + 1, 0).flatten(1)


def _health(
    layer: Layer,
    activations: Activations,
    sums: _Sums,
    parameters: Mapping[str, Tensor],
    moved: Mapping[str, tuple[float, float]],
) -> LayerHealth:
    name, nan = layer.name, float("nan")
    known = name in activations.layers
    fired = activations[name].fired if known else np.zeros(0)
    weights = _matrices({n: parameters[n].detach().double() for n in sums.of_layer[name]})
    norm = _norm(weights.values()) if weights else nan
    gradients = {n: sums.weights[n].double() / sums.n for n in weights if n in sums.weights}
    gradient = _norm(gradients.values()) if gradients else nan
    negative, mass = _signs(weights)
    squares = sums.squares.get(name)
    bad = list(weights.values())
    return LayerHealth(
        layer=name,
        dead=float((fired == 0).mean()) if known and layer.rectified and len(fired) else nan,
        mean=float(activations.mean(name).mean()) if known else nan,
        spread=float(activations.spread(name).mean()) if known else nan,
        saturated=_saturated(sums, name),
        negative=negative,
        negative_mass=mass,
        norm=norm,
        gradient=gradient,
        ratio=gradient / norm if norm > 0 else nan,
        unit_gradients=frozen(
            (squares / sums.n).sqrt().cpu().numpy() if squares is not None else np.full(layer.n_units, nan)
        ),
        n_nan=sums.n_nan[name] + sum(int(w.isnan().sum()) for w in bad),
        n_inf=sums.n_inf[name] + sum(int(w.isinf().sum()) for w in bad),
        change=_change([moved[n] for n in weights if n in moved]),
    )


def _matrices(found: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights proper: those with two axes or more; scales and biases where there are no others."""
    matrices = {name: w for name, w in found.items() if w.dim() > 1}
    return matrices or dict(found)


def _norm(tensors: Iterable[Tensor]) -> float:
    return math.sqrt(sum(float(t.double().square().sum()) for t in tensors))


def _signs(weights: Mapping[str, Tensor]) -> tuple[float, float]:
    """The share of weights below zero, and the share of Σ|w| that they hold."""
    n = sum(w.numel() for w in weights.values())
    mass = sum(float(w.abs().sum()) for w in weights.values())
    below = sum(int((w < 0).sum()) for w in weights.values())
    held = sum(float(-w.clamp(max=0).sum()) for w in weights.values())
    return (below / n if n else float("nan")), (held / mass if mass > 0 else float("nan"))


def _saturated(sums: _Sums, name: str) -> float:
    if name not in sums.stuck:
        return float("nan")
    share = sums.stuck[name].double() / max(sums.seen[name], 1)
    return float((share >= STUCK).double().mean())


def _change(pairs: Sequence[tuple[float, float]]) -> float:
    """‖ΔW‖ / ‖W‖ of several weights together, from their squares."""
    if not pairs or not sum(old for _, old in pairs):
        return float("nan")
    return math.sqrt(sum(new for new, _ in pairs) / sum(old for _, old in pairs))


def _moved(model: nn.Module, before: nn.Module | State | None, name: str) -> dict[str, tuple[float, float]]:
    """For each parameter the squares of ‖W − W₀‖ and ‖W₀‖. Raises InvalidValue for another architecture."""
    if before is None:
        return {}
    old = dict(unwrapped(before).state_dict()) if isinstance(before, nn.Module) else dict(before)
    now = {key: p.detach() for key, p in unwrapped(model).named_parameters()}
    odd = [key for key in now if key not in old or old[key].shape != now[key].shape]
    if odd:
        what = f"has no {odd[0]}" if odd[0] not in old else f"holds {odd[0]} in another shape"
        more = f" and differs in {len(odd) - 1} more" if len(odd) > 1 else ""
        raise InvalidValue(
            f"The second checkpoint must be of the same architecture; {name or 'it'} {what}{more}. "
            "Take an earlier or later checkpoint of this very network."
        )
    found = {}
    for key, parameter in now.items():
        base = old[key].to(parameter.device).double()
        found[key] = (float((parameter.double() - base).square().sum()), float(base.square().sum()))
    return found
