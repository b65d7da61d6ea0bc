"""Figures that cnnvis exported, opened as views; and the sessions they were made from, found by identity."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from cnnvis.errors import CnnvisError, UnreadableFile
from cnnvis.model.views import View, unpacked
from cnnvis.storage.archive import describe

SUFFIXES = (".svg", ".pdf", ".png")
_LARGEST = 512 * 2**20


def read_view(path: str | os.PathLike[str]) -> View | None:
    """The view inside a figure; None where the file is no figure of cnnvis. Nothing of it is run.

    Raises UnreadableFile where the file cannot be read, or its view is damaged or newer.
    """
    source = Path(path)
    if source.suffix.lower() not in SUFFIXES:
        return None
    try:
        with open(source, "rb") as file:
            data = file.read(_LARGEST + 1)
    except OSError as error:
        raise UnreadableFile(f"{source.name} must be a file that can be read; {error.strerror or error}.") from error
    return unpacked(data) if len(data) <= _LARGEST else None


def find_session(identity: str, places: Iterable[Path]) -> Path | None:
    """The first session file with an identity among `places`: files, and folders whose files are looked at."""
    for place in places:
        files = sorted(place.glob("*.cnnvis")) if place.is_dir() else [place]
        for path in files:
            try:
                if path.is_file() and describe(path).get("identity") == identity:
                    return path
            except CnnvisError:
                continue  # a broken file is not the one that is looked for
    return None
