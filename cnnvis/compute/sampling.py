"""Which samples of a recording are measured."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cnnvis.errors import InvalidValue
from cnnvis.model.activations import Activations


def chosen_samples(
    activations: Activations, n: int, seed: int, *, among: Sequence[int] | None = None, of: int | None = None
) -> NDArray[np.int64]:
    """Indices of up to n samples that the network has read, ascending: as many of each class as can be, by seed.

    Classes are the labels where every sample has one, else what the network said. `among`: only these indices of the
    data set; `of`: those of one class, where it has any.
    """
    table = activations.samples
    rows = np.flatnonzero(table.read)
    if among is not None:
        rows = rows[np.isin(table.indices[rows], np.asarray(among, np.int64))]
    labels = table.labels
    known = labels.ndim == 1 and np.issubdtype(labels.dtype, np.integer) and bool((labels[rows] >= 0).all())
    kinds = (labels if known else table.predictions)[rows]
    if of is not None and (kinds == of).any():
        rows, kinds = rows[kinds == of], kinds[kinds == of]
    rng = np.random.default_rng(seed)
    mixed = rng.permutation(len(rows))
    _, kind = np.unique(kinds[mixed], return_inverse=True)
    by_kind = np.argsort(kind, kind="stable")
    starts = np.searchsorted(kind[by_kind], np.arange(kind.max(initial=0) + 1))
    turn = np.empty(len(rows), np.int64)
    turn[by_kind] = np.arange(len(rows)) - starts[kind[by_kind]]
    order = np.lexsort((rng.permutation(kind.max(initial=0) + 1)[kind], turn))
    return np.asarray(np.sort(table.indices[rows[mixed[order[:n]]]]))


def wanted_samples(activations: Activations, indices: Sequence[int] | None) -> NDArray[np.int64]:
    """Indices of the samples to measure, ascending; all that were recorded where None are given.

    Raises InvalidValue for none at all, and for one that was not recorded.
    """
    table = activations.samples
    known = table.indices[table.read]
    if indices is None:
        return known
    wanted = np.unique(np.asarray(indices, np.int64))
    if not len(wanted):
        raise InvalidValue("The images to measure must be at least one; got none. Choose a subset that holds some.")
    strange = np.setdiff1d(wanted, known)
    if len(strange):
        raise InvalidValue(f"The images to measure must be recorded ones; got {strange[0]}, which is not.")
    return wanted
