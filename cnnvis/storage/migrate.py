"""Session files of older formats, brought up to date by pure functions of their manifest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from cnnvis.errors import UnreadableFile

Manifest = dict[str, Any]

STEPS: Mapping[int, Callable[[Manifest], Manifest]] = {}
"""From the manifest of a version to that of the next one."""


def migrated(manifest: Manifest, newest: int, name: str) -> Manifest:
    """The manifest in the newest format. Raises UnreadableFile where it was written by a newer program."""
    version = manifest.get("version")
    if not isinstance(version, int) or version < 1:
        raise UnreadableFile(f"{name} must state its format version; got {version!r}. It is not a session file.")
    if version > newest:
        raise UnreadableFile(
            f"{name} must be of format {newest} or older; it was written in format {version} by a newer cnnvis "
            f"({manifest.get('cnnvis', 'unknown')}). Update cnnvis to open it."
        )
    while version < newest:
        manifest = STEPS[version](manifest)
        version += 1
    return manifest
