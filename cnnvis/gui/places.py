"""Where the window keeps what outlives it: settings, recent files, autosaves, the log."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import platformdirs
from PySide6.QtCore import QSettings

_MOST_RECENT = 10


@dataclass(frozen=True, slots=True)
class Places:
    """The folders of one user; tests use temporary ones."""

    config: Path
    state: Path
    log: Path

    @classmethod
    def of_user(cls) -> Places:
        """The folders that the system has for this."""
        name = "cnnvis"
        return cls(
            Path(platformdirs.user_config_dir(name, False)),
            Path(platformdirs.user_state_dir(name, False)),
            Path(platformdirs.user_log_dir(name, False)),
        )

    @classmethod
    def inside(cls, folder: Path) -> Places:
        """All three inside one folder."""
        return cls(folder / "config", folder / "state", folder / "log")

    @property
    def log_file(self) -> Path:
        return self.log / "cnnvis.log"

    @property
    def autosaves(self) -> Path:
        return self.state / "autosave"


class Settings:
    """What the user chose, in an ini file. Strings, numbers and lists of strings only."""

    def __init__(self, places: Places) -> None:
        places.config.mkdir(parents=True, exist_ok=True)
        self._store = QSettings(str(places.config / "cnnvis.ini"), QSettings.Format.IniFormat)

    def text(self, name: str, default: str = "") -> str:
        value = self._store.value(name, default)
        return str(value) if value is not None else default

    def number(self, name: str, default: int) -> int:
        try:
            return int(self.text(name, str(default)))
        except ValueError:
            return default

    def flag(self, name: str, default: bool) -> bool:
        return self.text(name, str(default)).lower() == "true"

    def put(self, name: str, value: str | int | bool) -> None:
        self._store.setValue(name, str(value))

    def blob(self, name: str) -> bytes:
        """A blob kept as hex; b"" where there is none."""
        try:
            return bytes.fromhex(self.text(name))
        except ValueError:
            return b""

    def put_blob(self, name: str, value: bytes) -> None:
        self._store.setValue(name, value.hex())

    def recent(self) -> tuple[Path, ...]:
        """The files last opened or saved that still exist, newest first."""
        names = self.text("recent").split("\n")
        return tuple(path for name in names if name and (path := Path(name)).is_file())

    def remember(self, path: Path) -> None:
        """Put a file at the head of the recent ones."""
        here = path.resolve()
        others = [p for p in self.recent() if p != here]
        self._store.setValue("recent", "\n".join(str(p) for p in [here, *others][:_MOST_RECENT]))

    def sync(self) -> None:
        """Write to disk now."""
        self._store.sync()
