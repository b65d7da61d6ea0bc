"""Where the program's own files are: inside an installed package, or beside it in a checkout."""

from __future__ import annotations

from pathlib import Path


def resource(*parts: str) -> Path:
    """The path of a file or folder under `resources/`.

    Raises FileNotFoundError where the installation lacks it.
    """
    here = Path(__file__).resolve().parent
    for root in (here / "resources", here.parent / "resources"):
        path = root.joinpath(*parts)
        if path.exists():
            return path
    raise FileNotFoundError(f"resources/{'/'.join(parts)} is missing from this installation. Reinstall cnnvis.")
