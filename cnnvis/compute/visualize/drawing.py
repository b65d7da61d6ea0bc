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
from torch.nn import functional

from cnnvis.compute.batches import batches
from cnnvis.compute.probe import Probe
from cnnvis.compute.routes import upstream
from cnnvis.compute.score import checked, score
from cnnvis.compute.subject import Subject
from cnnvis.compute.visualize.downward import downward, unrectified
from cnnvis.compute.visualize.normalise import Normalisation, shown
from cnnvis.compute.visualize.objectives import Objective, Seen, diversity, node_of, of_targets
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
    """How images are drawn: `copies` for each target, their size (h, w), and the space and motions of the climb.

    `shown`: the size that they are enlarged to when they are looked at, where it is another.
    """

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
    shown: tuple[int, int] | None = None


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
            raw = downward(network, self._wanted)
            signs = 1.0 - 2.0 * torch.from_numpy(self._down).to(self._probe.device, torch.float32)
            found = Objective(lambda seen: raw(seen) * signs, raw.layers)
        if brush.diversity > 0 and copies > 1:
            alike = diversity(with_a_plane(network, self._wanted[0].layer), copies)
            found = _less_alike(found, alike, brush.diversity)
        return found

    @property
    def pictures(self) -> NDArray[np.uint8]:
        """The images as they are, (n, h, w, 3) RGB."""
        images, size = self.optimisation.images, self._brush.shown
        if size is not None:
            images = functional.interpolate(images, size=size, mode="bilinear", align_corners=False)
        return shown(images)

    @property
    def drive(self) -> NDArray[np.float32]:
        """The value of its target for each image, unmoved, (n,): before its rectifier for those driven down."""
        images, copies = self.optimisation.images, self._brush.copies
        step = max(_BATCH // copies, 1)
        found = []
        for start in range(0, len(self._wanted), step):  # copies of a target lie together
            some = self._wanted[start : start + step]
            inputs = self._brush.normalisation(images[start * copies : (start + step) * copies])
            found.append(values(self._probe, self._about, inputs, some))
            if self._brush.toward != "max":
                raw = values(self._probe, self._about, inputs, some, down=True)
                down = self._down[start * copies : (start + step) * copies]
                found[-1] = np.where(down, raw, found[-1])
        return np.concatenate(found).astype(np.float32)

    @property
    def _down(self) -> NDArray[np.bool_]:
        """Which images drive their target down."""
        toward = self._brush.toward
        of_targets_ = [toward == "min" or (toward == "both" and i % 2 == 1) for i in range(len(self._wanted))]
        return np.repeat(np.array(of_targets_), self._brush.copies)


def values(
    probe: Probe, about: Subject, inputs: Tensor, targets: Sequence[Target], *, down: bool = False
) -> NDArray[np.float64]:
    """The value of each input's own target, of as many inputs for each target; nothing is differentiated.

    `down`: before its rectifier, where one cuts how far down it is.
    """
    objective = (downward if down else of_targets)(probe.network, targets)
    nodes = {name: node_of(probe.network, name) for name in objective.layers}
    kept = tuple(dict.fromkeys(nodes.values()))
    run = probe.run(about.put(inputs), keep=kept, stop_after=kept)
    seen = Seen(probe.network, inputs, {name: run.values[node] for name, node in nodes.items()})
    with torch.no_grad():
        found: NDArray[np.float64] = objective(seen).double().cpu().numpy()
    return found


def strongest(
    probe: Probe,
    data: Dataset,
    rows: Sequence[int],
    targets: Sequence[Target],
    progress: Progress = silent,
    *,
    down: bool = False,
) -> NDArray[np.float64]:
    """How far the strongest of some real samples drives each target, (targets,); −inf where none could be read.

    `down`: how far down any of them does, before the rectifier; ∞ where none could be read.
    """
    network = probe.network
    places = [unrectified(network, t) if down else (t.layer, t) for t in targets]
    nodes = tuple(dict.fromkeys(node_of(network, name) for name, _ in places))
    best, further = (np.full(len(targets), np.inf), min) if down else (np.full(len(targets), -np.inf), max)
    with closing(batches(data, np.asarray(rows, np.int64), _BATCH)) as reader:
        for batch in reader:
            progress(batch.done, len(rows), "running the network on real images")
            if not len(batch):
                continue
            inputs = batch.inputs if len(batch.inputs) > 1 else batch.inputs[0]
            responses = probe.run(inputs, keep=nodes, stop_after=nodes).values
            for i, (name, target) in enumerate(places):
                found = score(responses[node_of(network, name)], network[target.layer], target)
                best[i] = further(best[i], float(found.min() if down else found.max()))
    return best


def _less_alike(one: Objective, alike: Objective, weight: float) -> Objective:
    """An objective less a penalty that is measured in the objective's own size, whatever a network's scale."""

    def of(seen: Seen) -> Tensor:
        value = one(seen)
        return value - weight * value.detach().abs() * alike(seen)

    return Objective(of, tuple(dict.fromkeys((*one.layers, *alike.layers))))


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
