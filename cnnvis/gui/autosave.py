"""Copies of unsaved work, so that a crash loses two minutes at most."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

MINUTES = 2


@dataclass(frozen=True, slots=True)
class Autosaves:
    """The folder of autosaves; each running window writes one file named by its process."""

    folder: Path

    @property
    def mine(self) -> Path:
        """The file of this process; its folder exists."""
        self.folder.mkdir(parents=True, exist_ok=True)
        return self.folder / f"{os.getpid()}.cnnvis"

    def orphans(self) -> tuple[Path, ...]:
        """Files of processes that have ended without cleaning up, newest first."""
        if not self.folder.is_dir():
            return ()
        found = [path for path in self.folder.glob("*.cnnvis") if path.stem.isdigit() and not _alive(int(path.stem))]
        return tuple(sorted(found, key=lambda path: -path.stat().st_mtime))

    def discard(self, path: Path | None = None) -> None:
        """Remove a file, this process's own where none is named."""
        (path or self.folder / f"{os.getpid()}.cnnvis").unlink(missing_ok=True)


def _alive(pid: int) -> bool:
    """Whether a process of this machine runs."""
    if pid == os.getpid():
        return True
    if os.name == "nt":
        import ctypes

        handle = ctypes.windll.kernel32.OpenProcess(0x1000, False, pid)  # type: ignore[attr-defined,unused-ignore]
        if handle:
            ctypes.windll.kernel32.CloseHandle(handle)  # type: ignore[attr-defined,unused-ignore]
        return bool(handle)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
