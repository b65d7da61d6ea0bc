"""A text file for others, written beside its place and moved there in one step."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO


@contextmanager
def placed(target: Path) -> Iterator[TextIO]:
    """A file to write, UTF-8; an older one at its place stays whole until this one is. Raises OSError."""
    beside = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        # A name from a hostile file may hold half a surrogate pair, which UTF-8 has no bytes for.
        with open(beside, "w", newline="", encoding="utf-8", errors="replace") as file:
            yield file
        os.replace(beside, target)
    finally:
        beside.unlink(missing_ok=True)
