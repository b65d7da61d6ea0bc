"""The names of classes: read from a job or a file, and found again in folder names and labels."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from cnnvis.errors import InvalidValue, UnknownName, UnreadableFile, did_you_mean

_WNID = re.compile(r"n\d{8}")


@dataclass(frozen=True)
class ClassNames:
    """The classes in the network's order: a class is its index, and names may repeat.

    `wnids` are WordNet's ids in the same order, or () where they are not known.
    """

    names: tuple[str, ...]
    wnids: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.names)

    @cached_property
    def _found(self) -> dict[str, int]:
        """From every spelling that means one class only to its index; WordNet's ids and whole names come first."""
        found = {wnid.casefold(): index for index, wnid in enumerate(self.wnids)}
        for shape in (_plain, _first_synonym):
            counts = Counter(shape(name) for name in self.names)
            for index, name in enumerate(self.names):
                if counts[shape(name)] == 1:
                    found.setdefault(shape(name), index)
        return found

    def index(self, name: str) -> int | None:
        """The class of a folder's or label's name, or None.

        Capitals, underscores and hyphens do not matter; "017.Cardinal" is found as "cardinal".
        """
        bare = re.sub(r"^\d+[._\-\s]+(?=\D)", "", name)
        for spelling in (name.strip().casefold(), _plain(name), _plain(bare), _first_synonym(name)):
            if spelling in self._found:
                return self._found[spelling]
        return None

    def must_find(self, name: str, whose: str) -> int:
        """The class of that name. Raises `UnknownName` beginning with `whose`, and naming the nearest."""
        found = self.index(name)
        if found is not None:
            return found
        alike = [i for i, known in enumerate(self.names) if _plain(known) == _plain(name)]
        if alike:
            places = " and ".join(map(str, alike))
            raise UnknownName(
                f"{whose} must mean one class; {name!r} is the name of classes {places}. Use the WordNet id."
            )
        near = did_you_mean(name.replace("_", " "), dict.fromkeys((*self.names, *self.wnids)))
        raise UnknownName(f"{whose} must be a class of the network; got {name!r}. {near}".rstrip())


def _plain(name: str) -> str:
    return re.sub(r"[\s_\-]+", " ", name).strip().casefold()


def _first_synonym(name: str) -> str:
    return _plain(name.split(",")[0])


def read_classes(value: Sequence[str] | str | None, folder: Path | str = ".") -> tuple[str, ...]:
    """The names of the classes: `value` itself, or read from the .txt or .json file that it names; () for None.

    Raises as `read_class_names`.
    """
    return read_class_names(value, folder).names


def read_class_names(value: Sequence[str] | str | None, folder: Path | str = ".") -> ClassNames:
    """The classes with their WordNet ids where the file has them.

    A .txt has one name a line; a .json a list of names, or of {"wnid", "name"}, or a mapping such as
    {"0": ["n01440764", "tench"]}, {"0": "tench"} or {"tench": 0}.

    Raises `UnreadableFile` where the file is missing or torn, `InvalidValue` where it holds something else.
    """
    if value is None:
        return ClassNames(())
    if not isinstance(value, str):
        return ClassNames(tuple(value))
    path = Path(folder) / Path(value).expanduser()
    try:
        content = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise UnreadableFile(f"The classes must be a text file in utf-8; {path.name} is not.") from None
    except OSError as error:
        near = did_you_mean(path.name, [p.name for p in path.parent.glob("*.[tj]*")]) if path.parent.is_dir() else ""
        why = f"{path} cannot be read ({error.strerror or error})"
        raise UnreadableFile(f"The classes must be a list, or a .txt or .json file; {why}. {near}".rstrip()) from error
    pairs = _of_json(content, path.name) if path.suffix.lower() == ".json" else _of_lines(content)
    if not pairs:
        raise InvalidValue(f"The classes of {path.name} must be at least one; got none.")
    wnids = tuple(wnid for wnid, _ in pairs)
    return ClassNames(tuple(name for _, name in pairs), wnids if all(wnids) else ())


def _of_lines(content: str) -> list[tuple[str, str]]:
    lines = [line.strip() for line in content.strip().splitlines()]
    numbered = [re.match(r"(\d+)[\s:,.]+(\S.*)", line) for line in lines]
    if lines and all(match and int(match[1]) == index for index, match in enumerate(numbered)):
        lines = [match[2] for match in numbered if match]
    found = []
    for line in lines:
        match = re.fullmatch(rf"({_WNID.pattern})(?:[\s:,]+(.*))?", line)
        found.append((match[1], match[2] or match[1]) if match else ("", line))
    return found


def _of_json(content: str, file: str) -> list[tuple[str, str]]:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise UnreadableFile(f"The classes of {file} must be json; {error}.") from None
    if isinstance(found, Mapping) and isinstance(found.get("id2label"), Mapping):
        found = found["id2label"]
    if isinstance(found, Mapping):
        found = _in_order(found, file)
    if not isinstance(found, list):
        raise _not_classes(file, found)
    return [_pair(entry, file) for entry in found]


def _in_order(found: Mapping[str, Any], file: str) -> list[Any]:
    """The entries of a mapping from index to name, or from name to index."""
    by_name = {value: key for key, value in found.items() if type(value) is int}
    by_index = {int(key): value for key, value in found.items() if re.fullmatch(r"\d+", key)}
    table: Mapping[int, Any] = by_index if len(by_index) == len(found) else by_name
    if len(table) != len(found) or sorted(table) != list(range(len(table))):
        raise InvalidValue(f"The classes of {file} must have every index from 0 to {len(found) - 1} once.")
    return [table[index] for index in range(len(table))]


def _pair(entry: Any, file: str) -> tuple[str, str]:
    if isinstance(entry, str):
        return "", entry
    if isinstance(entry, Mapping) and isinstance(entry.get("name"), str):
        return str(entry.get("wnid", "")), entry["name"]
    if isinstance(entry, list) and len(entry) == 2 and all(isinstance(part, str) for part in entry):
        return entry[0], entry[1]
    raise _not_classes(file, entry)


def _not_classes(file: str, found: Any) -> InvalidValue:
    return InvalidValue(
        f"The classes of {file} must be names, or entries with 'wnid' and 'name'; got {str(found)[:60]!r}."
    )
