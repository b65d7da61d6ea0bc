"""What the keys of a job file may be: small checks that bring a value into its one form."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cnnvis.errors import InvalidValue, did_you_mean

Check = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Rule:
    """What a key must be, in words, and the check that says so: it returns the value's one form or raises InvalidValue.

    The error's text is a hint, which may be empty.
    """

    must: str
    check: Check
    optional: bool = False

    def convert(self, value: Any) -> Any:
        return None if self.optional and value is None else self.check(value)


def text(value: Any, *, empty: bool = False) -> str:
    if not isinstance(value, str) or "\0" in value or not (empty or value.strip()):
        raise InvalidValue("")
    return value


def texts(value: Any, *, digest: bool = False) -> tuple[str, ...]:
    """A list of texts; one alone stands for a list of one."""
    found = (value,) if isinstance(value, str) else value
    if not isinstance(found, list | tuple):
        raise InvalidValue("")
    for entry in found:
        text(entry)
        if digest and not re.fullmatch(r"[0-9a-fA-F]{64}", entry):
            raise InvalidValue("")
    return tuple(entry.lower() if digest else entry for entry in found)


def boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise InvalidValue("")
    return value


def whole(least: int) -> Callable[[Any], int]:
    """A whole number that is not below `least`; true and false are none."""

    def check(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise InvalidValue("")
        return value

    return check


def numbers(check: Callable[[Any], int], *, least: int) -> Check:
    """A list of such numbers, at least so many."""

    def check_all(value: Any) -> tuple[int, ...]:
        if not isinstance(value, list | tuple) or len(value) < least:
            raise InvalidValue("")
        return tuple(check(entry) for entry in value)

    return check_all


def number_list(*, positive: bool = False) -> Check:
    """A list of finite numbers; one alone stands for a list of one."""

    def check(value: Any) -> tuple[float, ...]:
        found = value if isinstance(value, list | tuple) else (value,)
        if not found:
            raise InvalidValue("")
        for entry in found:
            if isinstance(entry, bool) or not isinstance(entry, int | float) or not math.isfinite(entry):
                raise InvalidValue("")
            if positive and entry <= 0:
                raise InvalidValue("")
        return tuple(float(entry) for entry in found)

    return check


def choice(*names: str) -> Check:
    """One of the names."""

    def check(value: Any) -> str:
        if value not in names:
            raise InvalidValue(did_you_mean(value, names) if isinstance(value, str) else "")
        return str(value)

    return check


def pairs(value: Any) -> tuple[tuple[str, Any], ...]:
    """A table of plain values, as sorted pairs."""
    found = dict(value) if isinstance(value, Mapping | tuple) else None
    if found is None or not all(isinstance(v, str | int | float | bool) for v in found.values()):
        raise InvalidValue("")
    return tuple(sorted((text(key), entry) for key, entry in found.items()))
