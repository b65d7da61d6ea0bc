"""Images for targets of one layer, on their way from noise; and how strongly real images drive the same targets."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cnnvis.compute.batches import batches
from cnnvis.compute.probe import Probe
from cnnvis.compute.routes import upstream
from cnnvis.compute.score import checked, score
from cnnvis.compute.subject import Subject
from cnnvis.compute.visualize.normalise import Normalisation, shown
from cnnvis.compute.visualize.objectives import Objective, Seen, diversity, of_targets, own
from cnnvis.compute.visualize.optimise import Climb, Optimisation
from cnnvis.compute.visualize.parameterise import Space, parameters
from cnnvis.compute.visualize.transforms import Wobble, canvas
from cnnvis.errors import InvalidValue
from cnnvis.model.dataset import Dataset
from cnnvis.model.network import Layer, Network
from cnnvis.model.target import Target
from cnnvis.progress import Progress, silent

Toward = Literal["max", "min", "both"]
_BATCH = 16


@dataclass(frozen=True, slots=True)
class Brush:
    """How images are drawn: `copies` for each target, their size (h, w), and the space and motions of the climb."""

    size: tuple[int, int]
    normalisation: Normalisation
    copies: int = 1
    toward: Toward = "max"
    diversity: float = 0.0
    space: Space = "fourier"
    decorrelate: bool = True
    motion: float = 1.0
    rate: float = 0.05
    seed: int = 0


class Drawing:
    """Images for several targets of one layer in one batch: of each target its copies, and then the next.

    Toward "both" the copies that drive a target up are followed by as many that drive it down.
    """

    def __init__(self, probe: Probe, about: Subject, targets: Sequence[Target], brush: Brush) -> None:
        for target in targets:
            checked(probe.network, target)
        self._probe, self._about, self._brush = probe, about, brush
        twice = 2 if brush.toward == "both" else 1
        self._wanted = tuple(t for t in targets for _ in range(twice))
        generator = torch.Generator().manual_seed(brush.seed)
        wobble = Wobble().times(brush.motion) if brush.motion > 0 else None
        climb = Climb(brush.rate, wobble, seed=brush.seed, size=brush.size)
        objective = self._objective(probe.network)
        with torch.inference_mode(False):
            start = parameters(
                brush.space,
                brush.copies,
                len(self._wanted),
                brush.normalisation.planes,
                brush.size if wobble is None else canvas(brush.size),
                generator,
                decorrelate=brush.decorrelate,
                device=probe.device,
            )
            self.optimisation = Optimisation(probe, about, start, brush.normalisation, objective, climb)

    def _objective(self, network: Network) -> Objective:
        brush, copies = self._brush, self._brush.copies
        if brush.toward == "max":
            found = of_targets(network, self._wanted)
        else:
            raw = of_targets(network, self._wanted, before_rectifier(network, self._wanted[0].layer))
            down = [brush.toward == "min" or i % 2 == 1 for i in range(len(self._wanted)) for _ in range(copies)]
            signs = 1.0 - 2.0 * torch.tensor(down, dtype=torch.float32, device=self._probe.device)
            found = Objective(lambda seen: raw(seen) * signs, raw.layers)
        if brush.diversity > 0 and copies > 1:
            alike = diversity(with_a_plane(network, self._wanted[0].layer), copies)
            found = _less_alike(found, alike, brush.diversity)
        return found

    @property
    def pictures(self) -> NDArray[np.uint8]:
        """The images as they are, (n, h, w, 3) RGB."""
        return shown(self.optimisation.images)

    @property
    def drive(self) -> NDArray[np.float32]:
        """The value of its target for each image, unmoved, (n,)."""
        images, copies = self.optimisation.images, self._brush.copies
        step = max(_BATCH // copies, 1)
        found = []
        for start in range(0, len(self._wanted), step):  # copies of a target lie together
            some = self._wanted[start : start + step]
            inputs = self._brush.normalisation(images[start * copies : (start + step) * copies])
            found.append(values(self._probe, self._about, inputs, some))
        return np.concatenate(found).astype(np.float32)


def values(probe: Probe, about: Subject, inputs: Tensor, targets: Sequence[Target]) -> NDArray[np.float64]:
    """The value of each input's own target, of as many inputs for each target; nothing is differentiated."""
    node = probe.network[targets[0].layer].response
    run = probe.run(about.put(inputs), keep=(node,), stop_after=(node,))
    seen = Seen(probe.network, inputs, {targets[0].layer: run.values[node]})
    with torch.no_grad():
        found: NDArray[np.float64] = of_targets(probe.network, targets)(seen).double().cpu().numpy()
    return found


def strongest(
    probe: Probe, data: Dataset, rows: Sequence[int], targets: Sequence[Target], progress: Progress = silent
) -> NDArray[np.float64]:
    """How far the strongest of some real samples drives each target, (targets,); −inf where none could be read."""
    node = probe.network[targets[0].layer].response
    layer = probe.network[targets[0].layer]
    best = np.full(len(targets), -np.inf)
    with closing(batches(data, np.asarray(rows, np.int64), _BATCH)) as reader:
        for batch in reader:
            progress(batch.done, len(rows), "running the network on real images")
            if not len(batch):
                continue
            inputs = batch.inputs if len(batch.inputs) > 1 else batch.inputs[0]
            response = probe.run(inputs, keep=(node,), stop_after=(node,)).values[node]
            for i, target in enumerate(targets):
                best[i] = max(best[i], float(score(response, layer, target).max()))
    return best


def _less_alike(one: Objective, alike: Objective, weight: float) -> Objective:
    """An objective less a penalty that is measured in the objective's own size, whatever a network's scale."""

    def of(seen: Seen) -> Tensor:
        value = one(seen)
        return value - weight * value.detach().abs() * alike(seen)

    return Objective(of, tuple(dict.fromkeys((*one.layers, *alike.layers))))


def before_rectifier(network: Network, layer: str) -> str:
    """What an objective calls the value that a layer's rectifier cuts, so that it can be driven down too."""
    nodes = (layer, *network[layer].folds)
    cut = len(nodes) > 1 and network[nodes[-1]].kind.lower() in ("relu", "relu6")
    return own(nodes[-2]) if cut else layer


def with_a_plane(network: Network, layer: str) -> str:
    """The layer itself where it has a plane, else the last one before it that has. Raises InvalidValue for none."""
    if _has_a_plane(network[layer]):
        return network[layer].name
    above = upstream(network, network[layer].response)
    fitting = [x.name for x in network.drawn if x.response in above and x.role != "input" and _has_a_plane(x)]
    if not fitting:
        raise InvalidValue(f"A layer with a plane must lead to {layer}; none does. Take another target or network.")
    return fitting[-1]


def _has_a_plane(layer: Layer) -> bool:
    return layer.unit_axis is not None and len(layer.spatial) == 2 and layer.spatial != (1, 1)
