"""Session files of older formats, brought up to date by pure functions of their json entries."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from cnnvis.errors import UnreadableFile

Upgrade = Callable[[Any], Any]
"""From an entry of one format to the same entry of the next."""


def _with(**added: Any) -> Upgrade:
    return lambda entry: {**added, **entry}


STEPS: Mapping[int, Mapping[str, Upgrade]] = MappingProxyType(
    {
        1: {
            "manifest.json": lambda entry: {**entry, "version": 2, "identity": ""},
            "analysis.json": _with(subsets=[]),
            "look.json": _with(
                facet="features",
                facets=[],
                packing="rows",
                order="network",
                unfolded=[],
                mode="weights × activation",
                signs="both",
                bundles="auto",
                unbundled=[],
                moved=[],
                subset="",
                instance="",
                against="",
            ),
        },
    }
)
"""For each version what turns its entries into those of the next one; entries that are not named stay."""


def checked_version(manifest: Mapping[str, Any], newest: int, name: str) -> int:
    """The format of a file. Raises UnreadableFile where it was written by a newer program."""
    version = manifest.get("version")
    if not isinstance(version, int) or version < 1:
        raise UnreadableFile(f"{name} must state its format version; got {version!r}. It is not a session file.")
    if version > newest:
        raise UnreadableFile(
            f"{name} must be of format {newest} or older; it was written in format {version} by a newer cnnvis "
            f"({manifest.get('cnnvis', 'unknown')}). Update cnnvis to open it."
        )
    return version


def migrated(name: str, entry: Any, version: int, newest: int) -> Any:
    """A json entry of a file of format `version` as the newest format has it."""
    for step in range(version, newest):
        upgrade = STEPS[step].get(name)
        entry = entry if upgrade is None else upgrade(entry)
    return entry
