"""Sanity check: does the map change when the network forgets what it learned?

The weights of a copy of the network are drawn anew from the top down, in `stages` stages, each on top of those before
(cascading), and the method is run again after each. The score is |ρ| at the end, the mean over `draws` fresh networks:
ρ is Spearman's correlation of |φ| with the original. A map that stays shows the image, not what the network makes of
it. For methods that cost few passes and learn nothing each stage is also randomised alone.

Each tensor of weights is drawn from a normal distribution with its own mean and spread, so that responses neither die
nor explode. Running statistics of BatchNorm stay. The user's network is never touched; the copy and the weights drawn
take twice its size in memory.

Adebayo, Gilmer, Muelly, Goodfellow, Hardt, Kim, "Sanity Checks for Saliency Maps", 2018 (arXiv 1810.03292). We differ:
stages instead of layers, own spreads instead of the initial distribution, and several draws, for one alone can be alike
by chance.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

import numpy as np
import torch
from torch import nn

from cnnvis.compute.probe import probe
from cnnvis.compute.scorecard.case import Bill, Case, Found, passes
from cnnvis.compute.scorecard.parts import rank_correlation
from cnnvis.errors import InvalidValue, ModelFailure
from cnnvis.model.network import Network
from cnnvis.progress import Progress, silent

Weights = Mapping[str, torch.Tensor]

_CHEAP = 4.0
"""In forward passes: for methods up to here every stage is also randomised alone."""


@dataclass(frozen=True, slots=True)
class Randomisation:
    """Likeness of the map to those of random weights: at most `stages` stages, the last in `draws` draws.

    `each`: for methods of few passes, each stage alone as well.
    """

    stages: int = 6
    draws: int = 3
    each: bool = True

    name: ClassVar[str] = "randomisation"

    def fits(self, case: Case) -> bool:
        return any(p.is_floating_point() for p in case.probe.model.parameters())

    def bill(self, case: Case) -> Bill:
        n = len(stages(case.probe.model, case.network, self.stages))
        return Bill(networks=n - 1 + self.draws + (n if self._alone(case) else 0), draws=self.draws)

    def _alone(self, case: Case) -> bool:
        return self.each and case.prepare is None and passes(case.ready.cost(case.network)) <= _CHEAP

    def __call__(self, case: Case, progress: Progress = silent) -> Found:
        groups = stages(case.probe.model, case.network, self.stages)
        total, done = self.bill(case).networks, 0
        what = "drawing the weights anew"
        model = copied(case.probe.model)
        original = {name: p.detach() for name, p in case.probe.model.named_parameters()}
        every = [name for group in groups for name in group]

        def run(values: Weights, names: Sequence[str]) -> float:
            nonlocal done
            progress(done, total, what)
            put(model, values, names)
            done += 1
            return _likeness(case, model)

        weights = drawn(case.probe.model, case.seed * 1009)
        curve = [run(weights, group) for group in groups]
        alone = []
        if self._alone(case):
            put(model, original, every)
            for group in groups:
                alone.append(run(weights, group))
                put(model, original, group)
        last = [curve[-1]]
        for draw in range(1, self.draws):
            last.append(run(drawn(case.probe.model, case.seed * 1009 + draw), every))
        curve[-1] = _mean(last)
        found = Found({"randomised": _mean(last)}, facts={"stages": [", ".join(_short(g)) for g in groups]})
        steps = np.arange(1, len(groups) + 1, dtype=np.float64)
        found.curves["randomised"] = np.stack([steps, np.array(curve)])
        if alone:
            found.scores["randomised/each"] = _mean(alone)
            found.curves["randomised/each"] = np.stack([steps, np.array(alone)])
        progress(total, total, what)
        return found


def _mean(values: Sequence[float]) -> float:
    """The mean of those that are known; NaN where none is."""
    known = [v for v in values if np.isfinite(v)]
    return float(np.mean(known)) if known else float("nan")


def _likeness(case: Case, model: nn.Module) -> float:
    """|Spearman| of the sizes of the evidence; NaN where the method finds nothing to say of random weights."""
    with probe(model, case.network) as opened:
        method = case.prepare(case.method, opened) if case.prepare is not None else case.ready
        try:
            values = case.again(method, probe=opened)
        except InvalidValue:  # such as responses that are not finite: a map that is not there is not alike
            return float("nan")
    return abs(rank_correlation(np.abs(values), np.abs(case.values)))


def copied(model: nn.Module) -> nn.Module:
    """A copy of a network with weights of its own. Raises ModelFailure where it cannot be copied."""
    try:
        with torch.inference_mode(False):
            return copy.deepcopy(model)
    except (RuntimeError, TypeError, AttributeError, NotImplementedError) as error:
        raise ModelFailure(
            f"The network must be able to be copied for random weights; {type(model).__name__} is not: {error}. "
            "Leave the measure 'randomisation' out."
        ) from error


def stages(model: nn.Module, network: Network, most: int) -> tuple[tuple[str, ...], ...]:
    """The names of all parameters in at most `most` groups, those nearest to the output first.

    Parameters that belong to no layer of the graph come last.
    """
    modules = dict(model.named_modules())
    own: dict[str, list[str]] = {}
    seen: set[str] = set()
    for layer in reversed(network.layers):
        module = modules.get(layer.module)
        if module is None or layer.module in own or layer.role == "input":
            continue
        names = [f"{layer.module}.{n}" if layer.module else n for n, _ in module.named_parameters(recurse=False)]
        deep = [f"{layer.module}.{n}" if layer.module else n for n, _ in module.named_parameters()]
        names = [n for n in (deep if "/" not in layer.name else names) if n not in seen]
        if names:
            own[layer.module] = names
            seen.update(names)
    rest = [name for name, _ in model.named_parameters() if name not in seen]
    blocks = [*own.values(), *([rest] if rest else [])]
    n = min(most, len(blocks))
    cuts = np.rint(np.linspace(0, len(blocks), n + 1)).astype(int)
    return tuple(tuple(name for block in blocks[a:b] for name in block) for a, b in pairwise(cuts.tolist()))


def _short(names: Sequence[str]) -> list[str]:
    """The modules of parameters, each once."""
    return list(dict.fromkeys(name.rpartition(".")[0] or name for name in names))


def drawn(model: nn.Module, seed: int) -> Weights:
    """All parameters of a network drawn anew; the same draw for the same seed."""
    generator = torch.Generator().manual_seed(seed)
    found = {}
    with torch.inference_mode(False), torch.no_grad():
        for name, parameter in model.named_parameters():
            fresh, values = torch.randn(parameter.shape, generator=generator), parameter.detach()
            if values.is_floating_point():
                spread = values.float().std(correction=0) if values.numel() > 1 else values.float().abs().mean()
                values = (values.float().mean() + spread * fresh.to(values.device)).to(values.dtype)
            found[name] = values
    return found


def put(model: nn.Module, weights: Weights, names: Sequence[str]) -> None:
    """Gives a copy of a network these of the weights."""
    own = dict(model.named_parameters())
    with torch.inference_mode(False), torch.no_grad():
        for name in names:
            own[name].copy_(weights[name])
