"""Telling the files apart that a user can open."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from cnnvis.errors import InvalidValue, UnreadableFile

Kind = Literal["session", "job", "figure"]


def checked_kind(path: Path) -> Kind:
    """Whether a file is a session, a job or a figure, by its suffix. Raises where it is missing or neither."""
    if not path.exists():
        raise UnreadableFile(f"{path} must exist; there is no such file. Check the path.")
    if path.suffix == ".cnnvis":
        return "session"
    if path.suffix == ".toml":
        return "job"
    if path.suffix.lower() in (".svg", ".pdf", ".png"):
        return "figure"
    raise InvalidValue(
        f"The file to open must be a session (.cnnvis), a job (.toml) or a figure; got {path.name}. "
        "For weights, name them in a job file: File ▸ New analysis writes one."
    )
