"""From words, as on a command line, to a question: which network, which image, which target, which method."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnnvis.errors import InvalidValue, UnknownName, did_you_mean
from cnnvis.model.job import Job, read_job
from cnnvis.model.nouns import ROW
from cnnvis.model.session import Session
from cnnvis.model.target import Target
from cnnvis.progress import Progress, silent
from cnnvis.workflow.analyze import analyze, bare, overridden
from cnnvis.workflow.explain import input_of
from cnnvis.workflow.instances import open_picture
from cnnvis.workflow.sources import Sources, connect_sources, connection_request, open_sources, traced

if TYPE_CHECKING:
    from cnnvis.compute.method import Method


def asked_session(
    path: Path, *, whole: bool, device: str = "auto", trust: bool = False, progress: Progress = silent
) -> tuple[Session, Sources]:
    """A session with its live network: of a session's file, or of a job, analysed where the `whole` is wanted.

    Of a job whose session nobody keeps only the network is traced. Raises InvalidValue where files of a session have
    changed since it was made and no `trust` is given.
    """
    if path.suffix.lower() == ".toml":
        job = overridden(read_job(path), device, None, None)
        sources = open_sources(job, progress=progress)
        if whole:
            return analyze(job, progress=progress, sources=sources), sources
        return _pictured(bare(job, traced(job, sources, progress)), sources), sources
    from cnnvis.storage.archive import load

    session = load(path)
    changed = connection_request(session).changed
    if changed and not trust:
        raise InvalidValue(
            f"The files of {path.name} must be those it was made with; {', '.join(Path(p).name for p in changed)} "
            "changed since. Give --trust to run it all the same."
        )
    sources = connect_sources(session, progress=progress)
    if session.job is not None:
        session = replace(session, job=overridden(session.job, device, None, None))
    return session, sources


def asked_job(path: Path, device: str = "auto") -> Job:
    """The job of a file, to be run on a device."""
    return overridden(read_job(path), device, None, None)


def _pictured(session: Session, sources: Sources) -> Session:
    return session if sources.data.kind == "table" else replace(session, pictures=sources.data.picture)


def asked_image(session: Session, sources: Sources, text: str) -> tuple[Session, int | str]:
    """The session and the image in it that a text means: an index, a sample's name, or the name of a picture file.

    A picture file is run through the network and kept in the session. Raises UnknownName, InvalidValue,
    UnreadableSample.
    """
    if text.isdigit():
        return session, int(text)
    if Path(text).is_file():
        found = open_picture(session, sources, text)
        return session.with_measurements(session.measurements.with_instance(found)), found.name
    names = [sources.data.name(i) for i in range(len(sources.data))]
    ends = [i for i, name in enumerate(names) if text in (name, Path(name).name)]
    if not ends:
        raise UnknownName(
            f"An image must be an index below {len(names):,}, the name of a sample or a picture file; got {text!r}. "
            f"{did_you_mean(text, names)}"
        )
    return session, ends[0]


def predicted(session: Session, sources: Sources, image: int | str) -> Target:
    """The class that the network says an image is."""
    from cnnvis.compute.devices import chosen, placed
    from cnnvis.compute.stratified import answer

    sample, _, _ = input_of(session, sources, image)
    device = session.job.analysis.device if session.job is not None else "auto"
    network = session.analysis.network
    return Target(network.output, (answer(placed(sources.model, chosen(device)), network, sample),))


def usual_method(session: Session) -> str:
    """The title of the method that is asked where none is named."""
    return "Input importance" if session.noun == ROW else "Grad-CAM"


def asked_method(name: str, settings: Sequence[str] = ()) -> Method:
    """The method of a title with `name=value` settings, such as "layer=features.12" or "n_samples=500".

    Raises UnknownName or InvalidValue.
    """
    from cnnvis.compute.methods import EVERY, by_title

    loose = {_loose(word): kind.title for kind in EVERY for word in (kind.title, kind.__name__)}
    values: dict[str, Any] = {}
    for setting in settings:
        key, equal, text = setting.partition("=")
        if not equal or not key:
            raise InvalidValue(f"A setting must be name=value, such as layer=features.12; got {setting!r}.")
        values[key.strip().replace("-", "_")] = _value(text.strip())
    return by_title(loose.get(_loose(name), name), values)


def _loose(name: str) -> str:
    """A title as people type it: "gradcam" is Grad-CAM."""
    return "".join(c for c in name.lower() if c.isalnum() or c in "×+")


def _value(text: str) -> Any:
    """A number, a truth value, none, a tuple of these or of names, or the text itself."""
    plain = {"true": True, "false": False, "none": None}
    if text.lower() in plain:
        return plain[text.lower()]
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return tuple(part.strip() for part in text.split(",")) if "," in text else text
