"""How strongly the units of neighbouring drawn layers drive each other.

The edges of Liu, Shi, Li, Li, Zhu, Liu, "Towards Better Analysis of Deep Convolutional Neural Networks", 2017
(arXiv 1604.07043), which takes the weights between adjacent layers. We differ: what a source unit adds to the
mean-pooled response of a sink unit, first-order, over a probe of images (`cnnvis.compute.effects`), so that any
layers may lie between and weights count only where they are used.

Mode "class" asks what flows from the source through the sink to one class: the attribution between hidden layers of
Olah, Satyanarayan, Johnson, Carter, Schubert, Ye, Mordvintsev, "The Building Blocks of Interpretability", 2018, unit
by unit. It takes the place of the counts of strongest pairs in Hohman, Park, Robinson, Chau, "Summit: Scaling Deep
Learning Interpretability by Visualizing Activation and Attribution Summarizations", 2020 (arXiv 1904.02323): signed,
and in the units of the logit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from cnnvis.compute.batches import batches
from cnnvis.compute.devices import chosen, placed
from cnnvis.compute.effects import Segment, effects
from cnnvis.compute.probe import Probe, probe
from cnnvis.compute.routes import find_routes
from cnnvis.compute.sampling import chosen_samples
from cnnvis.compute.score import slopes_at
from cnnvis.errors import InvalidValue, NotConnected
from cnnvis.model.activations import Activations, frozen
from cnnvis.model.connections import Connections, Mode
from cnnvis.model.dataset import Dataset
from cnnvis.model.groups import Group, layer_groups, neighbours
from cnnvis.model.network import Layer, Network
from cnnvis.model.target import Target
from cnnvis.progress import Progress, silent

Pair = tuple[str, str]

AT_ONCE = 2**25
"""How many numbers the responses of the representatives to one batch may take."""


def connect(
    model: nn.Module,
    network: Network,
    activations: Activations,
    *,
    pairs: Sequence[Pair] | None = None,
    groups: Sequence[Group] | None = None,
    mode: Mode = "weights × activation",
    target: int | None = None,
    indices: Sequence[int] | None = None,
    probe_samples: int = 16,
    seed: int = 0,
    device: str = "auto",
    progress: Progress = silent,
) -> Connections:
    """For each pair of neighbouring drawn layers the signed effect of every source unit on every sink unit.

    The effect is Σ over places of the source's map times the slope of the sink's mean-pooled response, averaged over
    `probe_samples` samples that the network has read, drawn by `seed` and balanced over the classes; mode "weights"
    leaves the map out and keeps the slope. Ways that pass another representative belong to other pairs.

    Mode "class" gives instead the part of the logit of class `target` that flows from the source unit through the
    sink unit, over samples of that class (over all, where it has none). Summed over the sinks it is the source's
    contribution to the logit.

    indices: only these samples of the data set are drawn from: a subset, or one image.
    pairs: names of drawn layers (source, sink); by default the representatives of neighbouring `groups` (by default
    the network's own modules). Exact by a closed form where one convolution or linear layer lies between; else it
    costs about one backward pass of the segment per sink unit.

    Raises NotConnected where `activations` have no data set, UnknownName for a layer, InvalidValue for a pair that
    does not run forward between layers with units, a class that the network does not have, or where no sample is left.
    """
    aim = _checked(network, mode, target, probe_samples)
    if pairs is None:
        pairs = neighbours(layer_groups(network) if groups is None else groups, network)
    joined = _by_sink(network, pairs)
    data = activations.data
    if data is None:
        raise NotConnected("The data set must be connected to compute connections; only its results are here.")
    drawn = chosen_samples(activations, probe_samples, seed, among=indices, of=target)
    with torch.inference_mode(False), torch.enable_grad(), probe(placed(model, chosen(device)), network) as p:
        sums, n_read = _summed(p, data, drawn, _segments(p, joined), mode, aim, progress)
    return _connections(mode, target, pairs, sums, network, n_read)


def _checked(network: Network, mode: str, target: int | None, probe_samples: int) -> Target | None:
    """What mode "class" aims at; None for the other modes."""
    if mode not in get_args(Mode):
        raise InvalidValue(f"connect.mode must be one of {', '.join(map(repr, get_args(Mode)))}; got {mode!r}.")
    if probe_samples < 1:
        raise InvalidValue(f"connect.probe_samples must be 1 or more; got {probe_samples}.")
    if mode != "class":
        if target is not None:
            raise InvalidValue(f"connect.target must be left out in mode {mode!r}; got {target}. Use mode 'class'.")
        return None
    n = network[network.output].n_units
    if target is None or not 0 <= target < n:
        raise InvalidValue(f"connect.target must be the index of one of {n:,} classes in mode 'class'; got {target}.")
    return Target(network.output, (target,))


def _by_sink(network: Network, pairs: Sequence[Pair]) -> dict[str, list[Layer]]:
    """For each sink its sources. Raises where a pair does not run forward between layers with units."""
    found: dict[str, list[Layer]] = {}
    for source, sink in dict.fromkeys(pairs):
        one, other = network[source], network[sink]
        if one.unit_axis is None or other.unit_axis is None or not one.n_units or not other.n_units:
            raise InvalidValue(f"connect.pairs must join layers with units; got {source} → {sink}.")
        if one.response == other.response or other.response not in network.reaches([one.response]):
            raise InvalidValue(f"connect.pairs must run forward; no way leads from {source} to {sink}.")
        found.setdefault(other.name, []).append(one)
    return found


def _segments(p: Probe, joined: Mapping[str, Sequence[Layer]]) -> list[Segment]:
    network = p.network
    ends = {network[sink].response for sink in joined}
    ends |= {source.response for sources in joined.values() for source in sources}
    found = []
    for name, all_sources in joined.items():
        sink = network[name]
        stops = _stops(network, sink.response, ends)
        sources = tuple(s for s in all_sources if s.response in stops)
        routes = find_routes(p.model, network, sink.response, [s.response for s in sources], stops)
        found.append(Segment(sink, sources, routes, stops))
    return found


def _stops(network: Network, sink: str, ends: set[str]) -> tuple[str, ...]:
    """The nodes of `ends` that are met first on the ways back from the sink."""
    seen, todo = {sink}, [sink]
    found: set[str] = set()
    while todo:
        for source in network.sources(todo.pop()):
            if source in ends:
                found.add(source)
            elif source not in seen:
                seen.add(source)
                todo.append(source)
    return tuple(sorted(found, key=network.index))


def _summed(
    p: Probe,
    data: Dataset,
    drawn: NDArray[np.int64],
    segments: Sequence[Segment],
    mode: Mode,
    aim: Target | None,
    progress: Progress,
) -> tuple[dict[Pair, Tensor], int]:
    """The effects of every pair, summed over the drawn samples that can be read, and how many these are."""
    size = _batch_size([p.network[stop] for s in segments for stop in s.stops], len(drawn))
    report = _Report(progress, sum(s.sink.n_units for s in segments), len(drawn))
    sums: dict[Pair, Tensor] = {}
    n_read = 0
    with closing(batches(data, drawn, size)) as reader:
        for batch in reader:
            if len(batch):
                report.begins(len(batch))
                _add(p, batch.inputs, segments, mode, aim, report, sums)
                n_read += len(batch)
            report.finished(batch.done)
    return sums, n_read


def _add(
    p: Probe,
    inputs: tuple[Tensor, ...],
    segments: Sequence[Segment],
    mode: Mode,
    aim: Target | None,
    report: _Report,
    sums: dict[Pair, Tensor],
) -> None:
    """Adds what one batch contributes to the effects of every pair."""
    sinks = [s.sink for s in segments if s.sources]
    behind = {name: found[1] for name, found in slopes_at(p, inputs, sinks, aim).items()} if aim and sinks else {}
    stops = tuple(dict.fromkeys(stop for s in segments for stop in s.stops))
    known = p.run(inputs, keep=stops, stop_after=stops).values if stops else {}
    for segment in segments:
        if not segment.sources:
            report(segment.sink.n_units)
            continue
        own = {stop: known[stop] for stop in segment.stops}
        sink = segment.sink.name
        for source, found in effects(p, inputs, own, segment, mode, report, behind.get(sink)).items():
            pair = source, sink
            sums[pair] = found if pair not in sums else sums[pair] + found


class _Report:
    """Counts sink units times samples towards the progress."""

    def __init__(self, progress: Progress, n_units: int, n_samples: int) -> None:
        self.progress, self.n_units, self.n_samples = progress, n_units, n_samples
        self.before = self.units = self.batch = 0
        progress(0, n_units * n_samples, "connecting neurons")

    def begins(self, n: int) -> None:
        """A batch of n samples is next."""
        self.batch, self.units = n, 0

    def __call__(self, n_units: int) -> None:
        self.units += n_units
        done = self.before * self.n_units + min(self.units, self.n_units) * self.batch
        self.progress(done, self.n_units * self.n_samples, "connecting neurons")

    def finished(self, n_samples: int) -> None:
        """So many samples are done with."""
        self.before, self.batch = n_samples, 0
        self(0)


def _batch_size(layers: Sequence[Layer], n_samples: int) -> int:
    one = sum(int(np.prod(layer.shape)) for layer in layers)
    size = max(1, min(n_samples, AT_ONCE // max(one, 1)))
    return size + 1 if 1 < size < n_samples and n_samples % size == 1 else size  # some networks drop an axis of one


def _connections(
    mode: Mode,
    target: int | None,
    pairs: Sequence[Pair],
    sums: Mapping[Pair, Tensor],
    network: Network,
    n_read: int,
) -> Connections:
    if not n_read:
        raise InvalidValue("Connections must be measured on at least one image that can be read; got none.")
    matrices: dict[Pair, NDArray[np.float16]] = {}
    scales: dict[Pair, float] = {}
    for pair in dict.fromkeys(pairs):
        if pair in sums:
            found = np.nan_to_num(sums[pair].numpy() / n_read)
        else:
            found = np.zeros((network[pair[0]].n_units, network[pair[1]].n_units))
        scale = float(np.abs(found).max(initial=0.0)) or 1.0
        matrices[pair] = frozen((found / scale).astype(np.float16))
        scales[pair] = scale
    return Connections(mode, matrices, scales, target, n_read)
