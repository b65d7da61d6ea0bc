"""A subset of the samples: defined and shown, and recorded exactly where the network is at hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from cnnvis.errors import InvalidValue, UnknownName, did_you_mean
from cnnvis.model.activations import Activations
from cnnvis.model.session import Session
from cnnvis.model.subsets import Subset
from cnnvis.model.viewed import subset_rows
from cnnvis.progress import Progress, silent
from cnnvis.workflow.sources import Sources


def subset(
    session: Session,
    name: str,
    *,
    classes: Sequence[str | int] = (),
    samples: Sequence[int] = (),
    wrong: bool | None = None,
    below: float | None = None,
    cell: tuple[str | int, str | int] | None = None,
) -> Session:
    """The session with a subset of its samples, defined under a name and shown: drawings follow it.

    It holds the samples that meet all that is given: their label is one of `classes` (names or indices), they are
    among `samples` (indices of the data set), their prediction is (not) `wrong`, their confidence is `below` a number
    from 0 to 1, they lie in a `cell` (label, prediction) of the confusion matrix. The clusters stay as they are.
    `session.with_look(replace(session.look, subset=""))` shows all samples again.

    Raises InvalidValue where no sample meets it, or it needs labels and there are none; UnknownName for a class.
    """
    known = session.classes
    chosen = tuple(_class(c, known) for c in classes)
    place = None if cell is None else (_class(cell[0], known), _class(cell[1], known))
    made = Subset(name, chosen, tuple(int(i) for i in samples), wrong, below, place)
    must_hold(session, made)
    if made not in session.analysis.subsets:  # what was measured over another one of this name means nothing now
        session = session.with_measurements(session.measurements.without_subset(name))
    return replace(session, analysis=session.analysis.with_subset(made), look=replace(session.look, subset=name))


def must_hold(session: Session, wanted: Subset) -> NDArray[np.int64]:
    """The rows of a subset. Raises InvalidValue where there are none, or nothing is recorded yet."""
    found = session.activations
    if found is None:
        raise InvalidValue("The images must be read before some of them are chosen. Let the analysis end.")
    rows = wanted.rows(found.samples)
    if not len(rows):
        said = wanted.words(session.classes)
        raise InvalidValue(f"A subset must hold at least one image; none is “{said}”. The picture stays as it was.")
    return rows


def shown_indices(session: Session, activations: Activations) -> list[int] | None:
    """The samples of the subset that the look shows, by their indices in the data set; None for all."""
    rows = subset_rows(session)
    return None if rows is None else [int(i) for i in activations.samples.indices[rows]]


def _class(wanted: str | int, classes: Sequence[str]) -> int:
    if isinstance(wanted, str):
        if wanted not in classes:
            raise UnknownName(f"A class must be one of the network's; got {wanted!r}. {did_you_mean(wanted, classes)}")
        return list(classes).index(wanted)
    if classes and not 0 <= wanted < len(classes):
        raise UnknownName(f"A class must be one of 0 … {len(classes) - 1}; got {wanted}.")
    return int(wanted)


def record_subset(
    session: Session, sources: Sources, rows: NDArray[np.int64], *, progress: Progress = silent
) -> Activations:
    """The responses to the samples of some rows alone, as one pass over them finds them: with every peak's place.

    Costs one forward pass of these samples. `cnnvis.model.subset_responses.keep_exact` lets pictures use it.
    """
    from cnnvis.compute.record import record

    found = session.activations
    if found is None:
        raise InvalidValue("The images must be read before some of them are recorded. Let the analysis end.")
    plan = session.job.analysis if session.job is not None else None
    return record(
        sources.model,
        session.analysis.network,
        sources.data,
        layers=tuple(found.layers),
        device=plan.device if plan is not None else "auto",
        batch=plan.batch if plan is not None else None,
        indices=[int(i) for i in found.samples.indices[rows]],
        seed=found.seed,
        top=max((x.top_samples.shape[1] for x in found.layers.values()), default=9),
        progress=progress,
    )
