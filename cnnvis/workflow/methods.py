"""The explanation methods as a form needs them: words, parameters and cost, read from their dataclasses."""

from __future__ import annotations

import re
import types
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from typing import TYPE_CHECKING, Any, Literal, Union, get_args, get_origin, get_type_hints

from cnnvis.errors import InvalidValue
from cnnvis.model.network import Network
from cnnvis.model.session import Session

if TYPE_CHECKING:
    from cnnvis.compute.method import Method

Kind = Literal["choice", "whole", "number", "yes", "text", "numbers"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a method: a field of its dataclass. `optional`: None is a value, and means what `tip` says.

    `several`: it may be one or a tuple of more.
    """

    name: str
    kind: Kind
    default: Any
    tip: str = ""
    choices: tuple[str, ...] = ()
    optional: bool = False
    several: bool = False

    @property
    def words(self) -> str:
        """What it is called in a form."""
        return self.name[:1].upper() + self.name[1:].replace("_", " ")


@dataclass(frozen=True, slots=True)
class Offered:
    """A method that can be chosen. `name` is its class in `cnnvis.methods`, `says` one sentence about what it gives."""

    name: str
    title: str
    family: str
    takes: str
    says: str
    paper: str
    parameters: tuple[Parameter, ...] = ()

    @property
    def defaults(self) -> dict[str, Any]:
        """Its parameters as they are where nobody changes them."""
        return {p.name: p.default for p in self.parameters}


def offered(takes: Literal["picture", "row"] = "picture") -> tuple[Offered, ...]:
    """Every method that explains pictures, or rows of a table. Loads torch."""
    from cnnvis.compute.methods import EVERY

    return tuple(_read(kind) for kind in EVERY if kind.takes in (takes, "any"))


def made(title: str, parameters: Mapping[str, Any]) -> Method:
    """The method of a title with its parameters. Loads torch. Raises UnknownName or InvalidValue."""
    from cnnvis.compute.methods import by_title

    return by_title(title, parameters)


def passes(network: Network, title: str, parameters: Mapping[str, Any]) -> float:
    """What a method costs for one sample, in forward passes of the network."""
    return made(title, parameters).cost(network).passes


def seconds(session: Session, cost: float) -> float | None:
    """About how long so many passes take here, from the rate of the analysis; None where that is not known."""
    rate = session.provenance.get("images_per_second")
    return cost / float(rate) if isinstance(rate, (int, float)) and rate > 0 else None


def _read(kind: type[Method]) -> Offered:
    text = " ".join((kind.__doc__ or "").split())
    sentences = re.split(r"(?<=[.;!]) +(?=[A-Z`])", text)
    hints = get_type_hints(kind)
    parameters = tuple(
        _parameter(f.name, hints[f.name], None if f.default is MISSING else f.default, sentences)
        for f in fields(kind)  # type: ignore[arg-type]  # a method is a dataclass
        if not f.metadata.get("state")
    )
    says = sentences[0].rstrip(";") if sentences else ""
    return Offered(kind.__name__, kind.title, kind.family, kind.takes, says, kind.paper, parameters)


def _parameter(name: str, hint: Any, default: Any, sentences: list[str]) -> Parameter:
    """A field as a form asks for it; its tip are the sentences of the class that name it."""
    optional = several = False
    if get_origin(hint) in (Union, types.UnionType):
        parts = get_args(hint)
        optional, several = type(None) in parts, str in parts and any(get_origin(part) is tuple for part in parts)
        hint = next((part for part in parts if part is not type(None)), str)
    tip = " ".join(s for s in sentences if f"`{name}`" in s).replace("`", "")
    kinds: dict[Any, Kind] = {bool: "yes", int: "whole", float: "number", str: "text"}
    if get_origin(hint) is Literal:
        return Parameter(name, "choice", default, tip, tuple(map(str, get_args(hint))), optional)
    if get_origin(hint) is tuple:
        return Parameter(name, "numbers", default, tip, (), optional)
    return Parameter(name, kinds.get(hint, "text"), default, tip, (), optional, several)


def read_numbers(text: str, words: str) -> tuple[Any, ...] | None:
    """The parts of "3, 5" or "conv1, conv2": whole numbers, numbers or names; None for nothing. Raises InvalidValue."""
    parts = [part.strip() for part in text.replace("×", ",").replace(";", ",").split(",") if part.strip()]
    if not parts:
        return None
    for kind in (int, float):
        try:
            return tuple(kind(part) for part in parts)
        except ValueError:
            continue
    if any(part[:1].isdigit() for part in parts):
        raise InvalidValue(f"{words} must be numbers or names with commas between them; got {text!r}.")
    return tuple(parts)
