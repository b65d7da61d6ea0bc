"""A question to a network: why does a target answer so to one image? And the Python that asks it again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cnnvis.model.attribution import Attribution, question_key
from cnnvis.model.instances import find_instance
from cnnvis.model.session import Session
from cnnvis.model.target import Target
from cnnvis.model.target_names import target_name


@dataclass(frozen=True)
class Question:
    """What is asked: of which image (index of a sample, or a name), for which target, by which method.

    `method` is a title of `cnnvis.methods`, `parameters` its fields.
    """

    image: int | str
    target: Target
    method: str
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def key(self, session: Session) -> str:
        """The key of the explanation that answers it."""
        return question_key(self.method, self.parameters, self.target, *place_of(session, self.image))

    def answer(self, session: Session) -> Attribution | None:
        """What the session knows of it already."""
        key = self.key(session)
        return next((found for found in session.attributions if found.key == key), None)


def place_of(session: Session, image: int | str) -> tuple[int, str]:
    """The index in the data set and the name by which an explanation of an image is known; no network is needed."""
    if isinstance(image, int):
        return image, ""
    found = find_instance(session, image)
    return (found.sample, "") if found is not None and found.sample >= 0 else (-1, image)


def explanation_script(
    session: Session, found: Sequence[Attribution], source: str, name_of: Callable[[str], str]
) -> str:
    """Lines that load the session file `source` and explain the same again.

    `name_of` gives the class in `cnnvis.methods` of a method's title.
    """
    lines = [
        "import cnnvis as cv",
        "from cnnvis.workflow.sources import connect_sources",
        "",
        f"session = cv.load({source!r})",
        "network = session.analysis.network",
        "sources = connect_sources(session)  # runs the code that the session's job names",
    ]
    for one in found:
        lines += ["", *_lines(session, one, name_of(one.method))]
    return "\n".join([*lines, ""])


def _lines(session: Session, one: Attribution, method: str) -> list[str]:
    known = ", ".join(f"{name}={value!r}" for name, value in one.parameters.items() if value is not None)
    if isinstance(samples := one.evidence.facts.get("mean_of"), tuple) and one.sample < 0:
        return [
            f"# {one.method}: the mean of {len(samples)} images, for {target_name(session, one.target)}",
            f"target, method = {_target(one.target)}, cv.methods.{method}({known})",
            "found = cv.mean_path([",
            "    cv.attribute(sources.model, network, sources.data[i], target, method, index=i, data=sources.data)",
            f"    for i in {samples!r}",
            "])",
        ]
    if one.sample >= 0:
        sample, place = f"sources.data[{one.sample}]", f"index={one.sample}"
    else:
        # The session keeps the picture as the network saw it; the file may be elsewhere, or gone.
        sample, place = f"input_of(session, sources, {one.image!r})[0]", f"image={one.image!r}"
    return [
        *(["from cnnvis.workflow.explain import input_of", ""] if one.sample < 0 else []),
        f"# {one.method}: the evidence for {target_name(session, one.target)}",
        "found = cv.attribute(",
        f"    sources.model, network, {sample},",
        f"    {_target(one.target)},",
        f"    cv.methods.{method}({known}),",
        f"    {place}, data=sources.data,",
        ")",
    ]


def _target(target: Target) -> str:
    parts = [repr(target.layer), repr(target.units)]
    if target.at is not None:
        parts.append(f"at={target.at!r}")
    if target.reduce != "mean":
        parts.append(f"reduce={target.reduce!r}")
    if target.weights is not None:
        parts.append(f"weights={target.weights!r}")
    return f"cv.Target({', '.join(parts)})"
