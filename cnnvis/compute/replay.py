"""The same samples again, with some units changed: only what lies behind them is computed anew.

What the rest of a network gave is known from a first run (`Probe.run(given=…)`), so a replay is bit-identical to a full
run with the same change. A `Cache` keeps those values on disk: the next replay from there or from deeper on needs no
first run.
"""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Callable, Collection, Mapping
from os import PathLike
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor, nn

from cnnvis.compute.batches import Inputs
from cnnvis.compute.probe import Change, Probe, Run
from cnnvis.model.network import Network

BUDGET = 2**31
"""Bytes that a cache takes on disk at most, if nothing else is said; never more than half of what is free."""


class Cache:
    """Values of nodes, batch by batch, in a folder of its own that goes when the cache is closed.

    `budget`: bytes; where they do not suffice, values that were not asked for the longest go first, and what still
    does not fit is computed again each time. `folder`: where the cache's own folder is made, by default the system's
    for temporary files. One thread at a time.
    """

    def __init__(self, budget: int = BUDGET, folder: str | PathLike[str] | None = None) -> None:
        self._folder = tempfile.mkdtemp(prefix="cnnvis-replay-", dir=folder)
        self._removed = weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        self.budget = min(budget, shutil.disk_usage(self._folder).free // 2)
        self.used = 0
        self._model: nn.Module | None = None
        self._data: object = None
        self._state: list[tuple[int, int | None]] = []
        self._files: dict[tuple[str, str], tuple[Path, int]] = {}
        self._clock = 0
        self._last: dict[str, int] = {}

    def __enter__(self) -> Cache:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Remove everything from the disk; the cache stays usable and empty of use."""
        self._files.clear()
        self._removed()
        self.used = self.budget = 0

    def belongs(self, model: nn.Module, data: object) -> None:
        """Forget everything unless it came from this model, with these weights, and this data set."""
        tensors = (*model.parameters(), *model.buffers())
        state = [(id(t), None if t.is_inference() else t._version) for t in tensors]
        if self._model is not model or self._data is not data or self._state != state:
            self._clear()
        self._model, self._data, self._state = model, data, state

    def held(self, batch: str) -> frozenset[str]:
        """The nodes whose values to a batch are there."""
        return frozenset(node for key, node in self._files if key == batch)

    def get(self, batch: str, nodes: Collection[str], device: torch.device) -> dict[str, Tensor] | None:
        """The values of some nodes to a batch, all of which must be held; None where their files have gone."""
        self._touch(nodes)
        try:
            return {node: _read(self._files[batch, node][0], device) for node in nodes}
        except OSError:  # somebody has cleaned up the folder for temporary files
            for key in [key for key in self._files if key[0] == batch]:
                self.used -= self._files.pop(key)[1]
            return None

    def put(self, batch: str, values: Mapping[str, Tensor], beside: Collection[str] = ()) -> None:
        """Keep the values of some nodes to a batch: all of them, or none where there is no room beside other nodes."""
        self._touch(values)
        new = {node: value for node, value in values.items() if (batch, node) not in self._files}
        size = sum(value.numel() * value.element_size() for value in new.values())
        if not self._make_room(size, {*values, *beside}):
            return
        for node, value in new.items():
            self._clock += 1
            path = Path(self._folder) / f"{self._clock}.safetensors"
            try:
                _write(path, value)
            except OSError:  # the disk is full, whatever it said before
                path.unlink(missing_ok=True)
                self.budget = self.used
                return
            bytes_ = value.numel() * value.element_size()
            self._files[batch, node] = path, bytes_
            self.used += bytes_

    def _touch(self, nodes: Collection[str]) -> None:
        self._clock += 1
        self._last.update(dict.fromkeys(nodes, self._clock))

    def _make_room(self, size: int, spared: Collection[str]) -> bool:
        """Lets go of nodes until so many bytes are free; False where they never will be."""
        kept = sum(bytes_ for (_, node), (_, bytes_) in self._files.items() if node in spared)
        if kept + size > self.budget:
            return False
        while self.used + size > self.budget:
            others = {node for _, node in self._files if node not in spared}
            self._forget(min(others, key=lambda node: self._last.get(node, 0)))
        return True

    def _forget(self, node: str) -> None:
        for key in [key for key in self._files if key[1] == node]:
            path, bytes_ = self._files.pop(key)
            path.unlink(missing_ok=True)
            self.used -= bytes_

    def _clear(self) -> None:
        for node in {node for _, node in self._files}:
            self._forget(node)


def _write(path: Path, value: Tensor) -> None:
    """Keeps a tensor with the order of its axes in memory: with another one a kernel may round otherwise."""
    order = sorted(range(value.dim()), key=lambda axis: -value.stride()[axis])
    plain = value.detach().permute(order).contiguous().cpu()
    path.write_bytes(safetensors.torch.save({"value": plain, "order": torch.tensor(order, dtype=torch.int64)}))


def _read(path: Path, device: torch.device) -> Tensor:
    found = safetensors.torch.load_file(path, device=str(device))
    order = found["order"].tolist()
    back = sorted(range(len(order)), key=lambda axis: int(order[axis]))
    return found["value"].permute(back)


def starts(network: Network, changed: Collection[str]) -> tuple[str, ...]:
    """Of some changed nodes those that no other one feeds."""
    return tuple(
        node
        for node in sorted(set(changed), key=network.index)
        if not any(node in network.reaches([other]) for other in set(changed) - {node})
    )


def needed(
    network: Network, sink: str, changed: Collection[str], held: Collection[str] | None = None
) -> tuple[str, ...] | None:
    """The nodes whose former values suffice to compute the sink anew after a change, without what lies before them.

    held: nodes to choose from, None for any; None is returned where they do not suffice. The nearest are taken.
    """
    first = set(starts(network, changed))
    behind = network.reaches(first) - first
    seen, todo = {sink}, [sink]
    found: set[str] = set()
    while todo:
        name = todo.pop()
        if name not in behind and (held is None or name in held):
            found.add(name)
            continue
        if network[name].role == "input":
            return None
        for source in network.sources(name):
            if source not in seen:
                seen.add(source)
                todo.append(source)
    return tuple(sorted(found, key=network.index))


class Replay:
    """Runs batches as they are and with a change, and gives both values of one node."""

    def __init__(self, running: Probe, sink: str, changes: Mapping[str, Change], cache: Cache | None) -> None:
        self._running, self._sink, self._changes, self._cache = running, sink, changes, cache
        self._first = starts(running.network, changes)
        found = needed(running.network, sink, changes)
        assert found is not None
        self._frontier = found
        self._enough: dict[frozenset[str], tuple[str, ...] | None] = {}

    def __call__(self, inputs: Inputs, batch: str) -> tuple[Tensor, Tensor]:
        """The sink's value to some samples before and after the change; `batch` names just these samples."""
        given = inputs if len(inputs) > 1 else inputs[0]
        from_disk = self._known(batch)
        if from_disk is None:
            keep = dict.fromkeys((*self._frontier, self._sink))
            values = self._running.run(given, keep=tuple(keep), stop_after=tuple(keep)).values
            if self._cache is not None:
                self._cache.put(batch, values)
            known = {node: values[node] for node in self._frontier}
            return values[self._sink], self._again(given, known, self._changes).values[self._sink]
        before, known = from_disk
        return before, self._from_cache(given, known, batch)

    def _known(self, batch: str) -> tuple[Tensor, dict[str, Tensor]] | None:
        """What the cache knows of a batch, where it suffices."""
        if self._cache is None or self._sink not in (held := self._cache.held(batch)):
            return None
        if held not in self._enough:
            self._enough[held] = needed(self._running.network, self._sink, self._changes, held)
        nodes = self._enough[held]
        if nodes is None:
            return None
        found = self._cache.get(batch, {*nodes, self._sink}, self._running.device)
        if found is None:
            return None
        return found[self._sink], {node: found[node] for node in nodes}

    def _from_cache(self, given: object, known: dict[str, Tensor], batch: str) -> Tensor:
        """The sink after the change, from the cache, which then also learns what lies just before the change."""
        assert self._cache is not None
        missing = [node for node in self._frontier if node not in known]
        learned: dict[str, Tensor] = {}

        def noting(node: str, change: Change) -> Callable[[Tensor], Tensor]:
            def changed(value: Tensor) -> Tensor:
                learned[node] = value.clone()  # the network may go on in the same memory
                return change(value)

            return changed

        changes = {n: noting(n, c) if n in missing and n in self._first else c for n, c in self._changes.items()}
        others = tuple(node for node in missing if node not in self._first)
        values = self._again(given, known, changes, others).values
        if missing:
            self._cache.put(batch, learned | {node: values[node] for node in others}, (*known, self._sink))
        return values[self._sink]

    def _again(
        self, given: object, known: Mapping[str, Tensor], changes: Mapping[str, Change], keep: tuple[str, ...] = ()
    ) -> Run:
        ends = (*keep, self._sink)
        return self._running.run(given, given=known, replace=changes, keep=ends, stop_after=ends)
