"""A few samples that stand for many: as many of each class as may be, most of them predicted right and some wrong."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from cnnvis.compute.attribute import batch_of_one
from cnnvis.compute.devices import chosen, placed
from cnnvis.compute.probe import Probe, probe
from cnnvis.errors import InvalidValue, UnreadableSample
from cnnvis.model.dataset import Dataset
from cnnvis.model.network import Network
from cnnvis.progress import Progress, silent

WRONG = 0.2
_TRIED = 25


@dataclass(frozen=True, slots=True)
class Answered:
    """A sample with what the network says of it: the unit of the output, and whether that is the label."""

    index: int
    predicted: int
    right: bool


def stratified(
    model: nn.Module,
    network: Network,
    data: Dataset,
    n: int,
    *,
    seed: int = 0,
    device: str = "auto",
    progress: Progress = silent,
) -> tuple[Answered, ...]:
    """At most `n` samples, one in five of them predicted wrong where so many are found among 25 n, by index.

    Classes take turns; unlabelled samples count as right. The same for the same seed. Raises InvalidValue where nothing
    can be read.
    """
    order = turns(data.labels, len(data), seed)[: max(_TRIED * n, 50)]
    n_wrong = round(WRONG * n)
    right: list[Answered] = []
    wrong: list[Answered] = []
    with probe(placed(model, chosen(device)), network) as opened:
        for done, index in enumerate(order):
            progress(min(len(right), n - n_wrong) + min(len(wrong), n_wrong), n, "choosing images")
            found = _answer(opened, data, int(index))
            if found is not None:
                (right if found.right else wrong).append(found)
            enough = len(right) >= n - n_wrong and len(wrong) >= n_wrong
            if enough or (done + 1 == len(order)):
                break
    if not right and not wrong:
        raise InvalidValue("The data must hold samples that can be read; the first ones cannot. Check data.source.")
    few = min(len(wrong), n_wrong)
    kept = _even(right, n - few)
    return tuple(sorted((*kept, *wrong[: n - len(kept)]), key=lambda found: found.index))


def _even(found: list[Answered], n: int) -> list[Answered]:
    """The first n, no class with more than its share as long as others have some."""
    taken: Counter[int] = Counter()
    rank = []
    for place, one in enumerate(found):
        rank.append((taken[one.predicted], place, one))
        taken[one.predicted] += 1
    return [one for *_, one in sorted(rank, key=lambda r: r[:2])[:n]]


def turns(labels: NDArray[Any] | None, n: int, seed: int) -> NDArray[np.int64]:
    """All indices in random order, the classes taking turns."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(n)
    if labels is None or labels.ndim != 1 or len(labels) != n or labels.dtype.kind not in "iu":
        return order
    chance = rng.permutation(int(labels.max(initial=0)) + 2)
    seen: Counter[int] = Counter()
    keys = []
    for index in order.tolist():
        label = int(labels[index])
        keys.append((seen[label], int(chance[label + 1])))
        seen[label] += 1
    return np.asarray(order[sorted(range(n), key=keys.__getitem__)])


def _answer(opened: Probe, data: Dataset, index: int) -> Answered | None:
    """What the network says of a sample; None where it cannot be read."""
    try:
        value, label = data[index]
    except UnreadableSample:
        return None
    predicted, said = _said(opened, (value, label))
    labelled = label is not None and np.ndim(label) == 0 and float(label) == int(float(label)) and int(label) >= 0
    return Answered(index, predicted, not labelled or int(label) == said)


def answer(model: nn.Module, network: Network, sample: Any) -> int:
    """The unit of the output that is strongest for a sample; 0 where it has but one."""
    with probe(model, network) as opened:
        return _said(opened, sample)[0]


def _said(opened: Probe, sample: Any) -> tuple[int, int]:
    """The strongest unit of the output, and the class that is meant: of a single unit its sign says which of two."""
    network = opened.network
    output = network[network.output]
    node = output.response
    run = opened.run(batch_of_one(sample, len(network.inputs)), keep=(node,), stop_after=(node,))
    scores = run.values[node].float().reshape(1, *output.shape)
    axis = 1 + (output.unit_axis or 0) % max(len(output.shape), 1)
    units = scores.movedim(axis, 1).flatten(2).mean(2)[0] if scores.ndim > 2 else scores[0]
    best = int(units.argmax())
    return best, int(float(units[0]) > 0) if len(units) == 1 else best
