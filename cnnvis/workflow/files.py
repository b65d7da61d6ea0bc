"""Telling the files apart that a user can open."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from cnnvis.errors import InvalidValue, UnreadableFile

Kind = Literal["session", "job"]


def checked_kind(path: Path) -> Kind:
    """Whether a file is a session or a job, by its suffix. Raises where it is missing or neither."""
    if not path.exists():
        raise UnreadableFile(f"{path} must exist; there is no such file. Check the path.")
    if path.suffix == ".cnnvis":
        return "session"
    if path.suffix == ".toml":
        return "job"
    raise InvalidValue(
        f"The file to open must be a session (.cnnvis) or a job (.toml); got {path.name}. "
        "For weights, name them in a job file: File ▸ New analysis writes one."
    )
