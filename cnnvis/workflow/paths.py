"""The critical path of a class: what the network needs for several images that it tells right."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cnnvis.errors import InvalidValue
from cnnvis.model.attribution import Attribution
from cnnvis.model.gates import mean_name, mean_path
from cnnvis.model.question import Question
from cnnvis.model.session import Session
from cnnvis.model.target import Target
from cnnvis.progress import Progress, silent
from cnnvis.workflow.explain import explain
from cnnvis.workflow.methods import made
from cnnvis.workflow.sources import Sources

METHOD = "Critical path"
IMAGES = 16
"""The mean is of so many images at most."""


def images_of_path(session: Session, index: int, most: int = IMAGES) -> tuple[int, ...]:
    """The samples over which the path of a class is the mean: drawn by the seed from its own that are told right.

    A path is that of the network's own answer, so that those of mistakes would lead elsewhere. Without labels, those
    that are taken for the class. Raises InvalidValue where there are none.
    """
    found = session.activations
    if found is None:
        raise InvalidValue("The images must be read before the path of a class is found. Let the analysis end.")
    table = found.samples
    mine: NDArray[np.bool_] = table.read & (table.predictions == index)
    if table.labels.ndim == 1 and np.issubdtype(table.labels.dtype, np.integer) and (table.labels >= 0).any():
        mine = mine & (table.labels == index)
    rows = np.flatnonzero(mine)
    if not len(rows):
        name = session.classes[index] if index < len(session.classes) else str(index)
        raise InvalidValue(f"A path needs an image of {name} that the network tells right; there is none.")
    drawn = np.random.default_rng([found.seed, index]).choice(rows, min(most, len(rows)), replace=False)
    return tuple(int(table.indices[r]) for r in np.sort(drawn))


def known_path(session: Session, index: int) -> Attribution | None:
    """The path of a class where the session has it already."""
    target = Target(session.analysis.network.output, (index,))
    name = mean_name([str(sample) for sample in images_of_path(session, index)])
    asked = (METHOD, target, name)
    return next((found for found in session.attributions if (found.method, found.target, found.image) == asked), None)


def class_path(session: Session, sources: Sources, index: int, *, progress: Progress = silent) -> Attribution:
    """The mean critical path of up to 16 images of a class; those that the session has are not asked for again."""
    from cnnvis.compute.attribute import parameters

    samples = images_of_path(session, index)
    target, method = Target(session.analysis.network.output, (index,)), made(METHOD, {})
    paths = []
    for k, sample in enumerate(samples):
        part = _Part(progress, k, len(samples))
        known = Question(sample, target, METHOD, parameters(method)).answer(session)
        paths.append(known or explain(session, sources, sample, target, method, progress=part))
    return mean_path(paths)


class _Part:
    """The progress of one image of several."""

    def __init__(self, progress: Progress, k: int, n: int) -> None:
        self._progress, self._k, self._n = progress, k, n

    def __call__(self, done: int, total: int, what: str = "") -> None:
        told = f"{what}, image {self._k + 1} of {self._n}" if what else what
        self._progress(self._k * total + done, self._n * total, told)
