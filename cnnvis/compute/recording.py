"""What a recording knows while it runs: the statistics, the table of samples and the groups, from batch to batch."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from cnnvis.compute.batches import Batch
from cnnvis.compute.grouping import Grouping, LabelForm, grouping, label_form, quantiles, renumbering
from cnnvis.compute.pooled import PooledFile, Scratch
from cnnvis.compute.statistics import Slot, Tally
from cnnvis.compute.sums import GroupSums
from cnnvis.compute.table import Scoring, Table, ends_in_probabilities, ranked, scoring, skipped_note
from cnnvis.errors import InvalidValue
from cnnvis.model.activations import Activations, frozen
from cnnvis.model.dataset import Dataset
from cnnvis.model.network import Network


class Recording:
    """Takes staged batches in order and gives, at any time, the recording so far."""

    def __init__(
        self,
        network: Network,
        data: Dataset,
        indices: NDArray[np.int64],
        slots: tuple[Slot, ...],
        *,
        top: int,
        folder: str | os.PathLike[str] | None,
        seed: int,
    ) -> None:
        self._network = network
        self._data = data
        self._seed = seed
        self._indices = indices
        self._renumber = renumbering(network, data)
        self._known = _known_labels(data, self._renumber)
        self.tally = Tally(slots, top)
        self._table = Table(data, indices)
        self._pooled = PooledFile(len(indices), {s.layer: s.stop - s.start for s in slots}, folder)
        self._scratch: Scratch | None = None
        self._groups: Grouping | None = None
        self._scoring: Scoring = "raw"
        self._probabilities = ends_in_probabilities(network)
        self._last = 0

    def begin(self, batch: Batch) -> None:
        """Notes what cannot be read; decides on the groups when the first samples have come."""
        for row, reason in batch.skipped:
            self._table.skip(row, reason)
        if self._groups is None and len(batch):
            self._decide(batch)

    def _decide(self, batch: Batch) -> None:
        form: LabelForm = label_form(batch.labels if self._known is None else self._known)
        self._groups = grouping(self._network, self._data, form, self._known)
        self._scoring = scoring(self._network, form)
        self.tally.groups = GroupSums(len(self._groups), self.tally.n_units)
        n_outputs = self._network[self._network.output].n_units
        self._table.expect(form, self._known, 2 if self._scoring == "binary" else n_outputs)
        if self._groups.waits:
            self._scratch = Scratch(self.tally.n_units)

    def count(self, piece: Batch, outputs: NDArray[np.float32]) -> None:
        """Counts a staged piece of a batch for good."""
        assert self._groups is not None
        rows = piece.rows
        if self._known is None:
            self._table.label(rows, piece.labels, self._renumber, self._groups)
        found, scores = ranked(outputs, self._scoring, self._probabilities)
        self._table.fill(rows, found, scores)
        pooled = self.tally.commit(self._indices[rows])
        self._pooled.write(rows, pooled)
        self.tally.groups.add(pooled, self._groups.members(self._table.labels[rows], found[:, 0]))
        if self._scratch is not None:
            self._scratch.add(pooled)

    def so_far(self) -> Activations | None:
        """The recording as it stands, or None before the first batch."""
        if self._groups is None:
            return None
        pooled = self._pooled.arrays()
        layers = {slot.layer: self.tally.responses(slot, pooled[slot.layer]) for slot in self.tally.slots}
        return Activations(
            self._groups.names,
            self._groups.kind,
            frozen(self.tally.groups.counts.copy()),
            layers,
            self._table.samples(),
            self._data,
            self._seed,
            self._notes(),
        )

    def finish(self) -> Activations:
        """The whole recording."""
        if self._groups is None:
            first = self._table.skipped[0]
            raise InvalidValue(
                f"A data set must hold at least one image that can be read; none of {len(self._indices)} can, "
                f"the first one, {first.name}, because {first.reason.rstrip('.')}."
            )
        if self._scratch is not None:
            self._regroup(self._scratch)
        found = self.so_far()
        assert found is not None
        return found

    def _regroup(self, scratch: Scratch) -> None:
        """Cuts quantiles of the label or of the output, now that all are known, and sums over them."""
        table = self._table
        floats = np.issubdtype(table.labels.dtype, np.floating)
        values = (table.labels if floats else table.scores[:, 0])[table.read]
        self._groups = quantiles(values)
        sums = GroupSums(len(self._groups), self.tally.n_units)
        start = 0
        for part in scratch.parts():
            sums.add(part, self._groups.of_values(values[start : start + len(part)]))
            start += len(part)
        self.tally.groups = sums

    def _notes(self) -> tuple[str, ...]:
        notes = []
        if self._table.skipped:
            notes.append(skipped_note(len(self._table.skipped), len(self._indices)))
        read = int(self._table.read.sum())
        for slot in self.tally.slots:
            faulty = self.tally.faulty[slot.layer]
            if faulty:
                notes.append(
                    f"{slot.layer}: {faulty:,} of {read * (slot.stop - slot.start):,} responses hold NaN or infinite "
                    "values; they count as 0 and enter no list of strongest images."
                )
        return tuple(notes)

    def close(self) -> None:
        """Lets go of the files; recordings given before stay valid."""
        self._pooled.close()
        if self._scratch is not None:
            self._scratch.close()


class Showing:
    """Hands out recordings that are not finished: the first one at once, later ones now and then."""

    def __init__(self, show: Callable[[Activations], None] | None, every: float = 2.0) -> None:
        self._show = show
        self._every = every
        self._next = 0.0

    def __call__(self, recording: Recording, always: bool = False) -> None:
        """Shows the state if it is time, or in any case."""
        start = time.monotonic()
        if self._show is None or (start < self._next and not always):
            return
        found = recording.so_far()
        if found is not None:
            self._show(found)
            end = time.monotonic()
            # Not more than a tenth of the time goes into it, however large the network.
            self._next = end + max(self._every, 9 * (end - start))


def _known_labels(data: Dataset, renumber: NDArray[np.int64] | None) -> NDArray[np.generic] | None:
    found = data.labels
    if found is None:
        return None
    labels = np.asarray(found)
    if labels.ndim not in (1, 2) or len(labels) != len(data) or labels.dtype.kind not in "biuf":
        raise InvalidValue(
            f"The labels of a data set must be {len(data)} numbers or rows of 0/1; "
            f"got {labels.dtype} of shape {labels.shape}."
        )
    if labels.dtype.kind == "b":
        labels = labels.astype(np.int64)
    if renumber is None:
        return labels
    return np.where(labels >= 0, renumber[np.maximum(labels, 0)], -1)
