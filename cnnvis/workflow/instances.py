"""One image laid over the picture: a sample, a picture file, or the mean of a class."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np

from cnnvis.errors import InvalidValue
from cnnvis.model.activations import Activations
from cnnvis.model.dataset import Dataset
from cnnvis.model.instances import MEAN_OF, must_find_instance, sample_instance
from cnnvis.model.measurements import Edging, Instance
from cnnvis.model.session import Session
from cnnvis.model.subset_responses import restricted
from cnnvis.model.subsets import free_name
from cnnvis.progress import Progress, silent
from cnnvis.workflow.sources import Sources
from cnnvis.workflow.subsets import must_hold


def lay_over(session: Session, image: Instance | int | str, against: Instance | int | str | None = None) -> Session:
    """The session with one image laid over its picture, and where asked what it is compared with.

    An image is an `Instance` (see `cv.instance`), the index of a sample, the name of one, or "mean of" a class such
    as "mean of cat". Of samples nothing but their single responses is needed, no network. Raises UnknownName or
    InvalidValue where it is not known.
    """
    session, name = _kept(session, image)
    other = ""
    if against is not None:
        session, other = _kept(session, against)
    return session.with_look(replace(session.look, instance=name, against=other))


def _kept(session: Session, image: Instance | int | str) -> tuple[Session, str]:
    if isinstance(image, Instance):
        return session.with_measurements(session.measurements.with_instance(image)), image.name
    if isinstance(image, str):
        return session, must_find_instance(session, image).name
    if session.activations is None:
        raise InvalidValue("The images must be read before one is laid over the picture. Let the analysis end.")
    return session, sample_instance(session.activations, image, len(session.classes)).name


def open_picture(
    session: Session, sources: Sources, path: str | os.PathLike[str], *, progress: Progress = silent
) -> Instance:
    """What the network answers to a picture file, prepared as the job prepares its images.

    Costs one forward and one backward pass. Raises UnreadableSample where the file is no picture, InvalidValue where
    nobody knows how the data are prepared.
    """
    from cnnvis.sources.one_picture import one_picture

    progress(0, 0, "reading the image")
    file = Path(path)
    shape = session.analysis.network.inputs[0].shape if session.analysis.network.inputs else ()
    data = one_picture(sources.data, file, (shape[-2], shape[-1]) if len(shape) == 3 else None)
    taken = session.activations.samples.names if session.activations is not None else ()
    progress(0, 0, "running the network on the image")
    return _measured(session, sources, data, 0, free_name(file.name, taken))


def measured_sample(session: Session, sources: Sources, sample: int, *, progress: Progress = silent) -> Instance:
    """A sample of the data set as the network answers it, where its single responses were dropped."""
    progress(0, 0, "running the network on the image")
    found = _measured(session, sources, sources.data, sample, "")
    return replace(found, sample=sample)


def _measured(session: Session, sources: Sources, data: Dataset, index: int, name: str) -> Instance:
    from cnnvis.compute.instance import instance

    found = session.activations
    return instance(
        sources.model,
        session.analysis.network,
        data,
        index,
        layers=tuple(found.layers) if found is not None else None,
        several=found is not None and found.kind == "label",
        device=session.job.analysis.device if session.job is not None else "auto",
        name=name,
    )


def samples_behind(session: Session, sources: Sources, edging: Edging, *, progress: Progress = silent) -> Activations:
    """The samples over which edges are measured, with their data: all, those of a subset, or one image.

    Raises UnknownName for a subset or image that is gone, InvalidValue for the mean of a class, which has no edges of
    its own.
    """
    found = session.activations
    if found is None:
        raise InvalidValue("The images must be read before edges are measured. Let the analysis end.")
    if found.data is None:
        found = replace(found, data=sources.data)
    if edging.instance:
        if edging.instance.startswith(MEAN_OF) and edging.instance not in session.measurements.instances:
            raise InvalidValue(f"Edges must be those of one image; got the {edging.instance}.")
        image = must_find_instance(session, edging.instance)
        if image.sample >= 0:
            return restricted(found, np.array([found.samples.rows[image.sample]]))
        return _recorded(session, sources, image)
    if edging.subset:
        return restricted(found, must_hold(session, session.analysis.subset(edging.subset)))
    return found


def _recorded(session: Session, sources: Sources, image: Instance) -> Activations:
    from cnnvis.compute.record import record
    from cnnvis.sources.one_picture import shown_picture

    if image.picture is None:
        raise InvalidValue(f"The picture of {image.name} must be kept to measure more of it. Open its file again.")
    network = session.analysis.network
    data = shown_picture(sources.data, image.picture, image.name)
    return record(sources.model, network, data, layers=(session.analysis.groups[0].representative,), batch=2)
