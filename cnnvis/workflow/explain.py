"""Why did a target answer so? A session's network asked about one image, and the answer kept in the session."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cnnvis.errors import InvalidValue, UnknownName, did_you_mean
from cnnvis.model.attribution import Attribution
from cnnvis.model.instances import must_find_instance
from cnnvis.model.seeing import Seeing
from cnnvis.model.session import Session
from cnnvis.model.target import Target
from cnnvis.progress import Progress, silent
from cnnvis.workflow.sources import Sources

if TYPE_CHECKING:
    from cnnvis.compute.method import Method


def explain(
    session: Session,
    sources: Sources,
    image: int | str,
    target: Target,
    method: Method,
    *,
    rows: Sequence[int] | None = None,
    progress: Progress = silent,
) -> Attribution:
    """The evidence that a method finds for a target in one image of a session.

    `image` is the index of a sample, or the name of a sample or of a picture that was opened. `rows`: the samples that
    a learning method learns from, by default all. Raises UnknownName or InvalidValue for what does not fit.
    """
    from cnnvis.compute.attribute import attribute
    from cnnvis.compute.devices import chosen, placed

    sample, index, name = input_of(session, sources, image)
    device = session.job.analysis.device if session.job is not None else "auto"
    return attribute(
        placed(sources.model, chosen(device)),
        session.analysis.network,
        sample,
        target,
        method,
        index=index,
        image=name,
        data=sources.data,
        rows=rows,
        progress=progress,
    )


def input_of(session: Session, sources: Sources, image: int | str) -> tuple[Any, int, str]:
    """What the network is given for an image, its index in the data set (−1: from elsewhere), and then its name."""
    if isinstance(image, int):
        if not 0 <= image < len(sources.data):
            raise InvalidValue(f"The image must be one of the {len(sources.data):,} of the data; got {image}.")
        return sources.data[image], image, ""
    found = must_find_instance(session, image)
    if found.sample >= 0:
        return sources.data[found.sample], found.sample, ""
    if found.picture is None:
        raise InvalidValue(f"The picture of {found.name} must be kept to explain it. Open its file again.")
    from cnnvis.sources.one_picture import shown_picture

    return shown_picture(sources.data, found.picture, found.name)[0], -1, found.name


def seeing(
    session: Session,
    sources: Sources,
    image: int | str,
    box: tuple[int, int, int, int],
    *,
    progress: Progress = silent,
) -> Seeing:
    """How every neuron answers inside a region of an image, (top, left, bottom, right) in pixels, and outside it."""
    from cnnvis.compute.devices import chosen, placed
    from cnnvis.compute.seeing import seeing as measured

    sample, _, _ = input_of(session, sources, image)
    device = session.job.analysis.device if session.job is not None else "auto"
    return measured(placed(sources.model, chosen(device)), session.analysis.network, sample, box, progress=progress)


def target_of(session: Session, text: str) -> Target:
    """A target from words: a class's name, a neuron `layer:17`, or a cluster `layer:#3`.

    Raises UnknownName where there is no such thing.
    """
    network = session.analysis.network
    if text in network.classes:
        return Target(network.output, (network.classes.index(text),))
    layer, _, rest = text.rpartition(":")
    if layer in network and rest.isdigit():
        return Target(layer, (int(rest),))
    if layer in network and rest.startswith("#") and rest[1:].isdigit() and layer in session.analysis.clusters:
        return Target(layer, session.analysis.clusters[layer][int(rest[1:])].members)
    known = [*network.classes, *(f"{x.name}:0" for x in network.drawn)]
    raise UnknownName(
        f"A target must be a class, a neuron such as layer:17 or a cluster such as layer:#3; got {text!r}. "
        f"{did_you_mean(text, known)}"
    )


def with_attribution(session: Session, found: Attribution) -> Session:
    """The session with one more explanation; one of the same question is replaced."""
    rest = tuple(a for a in session.attributions if a.key != found.key)
    return replace(session, attributions=(*rest, found))


def without_attribution(session: Session, key: str) -> Session:
    """The session without the explanation of a key."""
    return replace(session, attributions=tuple(a for a in session.attributions if a.key != key))
