"""Where files lie: in a folder or in a zip, listed and read by name. Nothing is ever extracted."""

from __future__ import annotations

import os
import re
import threading
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Protocol

from cnnvis.errors import UnreadableFile, UnreadableSample

LARGEST = 1 << 30
"""A file of more bytes is no picture."""


class Store(Protocol):
    """A place of files. Safe to read from several threads, and picklable."""

    @property
    def path(self) -> Path: ...

    def names(self) -> list[str]:
        """All files, as paths with forward slashes, in any order; without hidden files and what systems leave."""
        ...

    def read(self, name: str) -> bytes:
        """The bytes of one file. Raises `UnreadableSample`."""
        ...


def open_store(path: Path) -> Store:
    """The files of a folder or zip. Raises `UnreadableFile` where it is neither."""
    if path.is_dir():
        return FolderStore(path)
    if not path.exists():
        raise UnreadableFile(f"The data must be a folder or file that exists; {path} does not. Check the path.")
    return ZipStore(path)


def natural(name: str) -> tuple[str, str]:
    """A key that sorts "2.png" before "10.png", folder by folder."""
    return _NUMBER.sub(lambda found: found[0].rjust(20, "0"), name.casefold()).replace("/", "\0"), name


_NUMBER = re.compile(r"[0-9]+")


def _wanted(name: str) -> bool:
    """Whether no part of the path is hidden or left there by a system."""
    if "/." in name or name.startswith((".", "__MACOSX/")) or "/__MACOSX/" in name:
        return False
    return name.rpartition("/")[2].casefold() not in ("thumbs.db", "desktop.ini")


class FolderStore:
    """The files of a folder; links are followed, once each."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def names(self) -> list[str]:
        try:
            return list(self._walk("", frozenset()))
        except OSError as error:
            raise UnreadableFile(f"The folder {self.path} must be readable; {error}.") from error

    def _walk(self, inside: str, above: frozenset[str]) -> Iterator[str]:
        here = os.path.realpath(self.path / inside)
        if here in above:  # a link to a folder that it lies in
            return
        with os.scandir(self.path / inside) as entries:
            for entry in entries:
                name = f"{inside}{entry.name}"
                if not _wanted(entry.name):
                    continue
                if entry.is_dir():
                    yield from self._walk(name + "/", above | {here})
                else:
                    yield name

    def read(self, name: str) -> bytes:
        path = self.path / name
        try:
            if path.stat().st_size > LARGEST:
                raise UnreadableSample(f"{name} has {path.stat().st_size >> 20} MB, too much for a picture.")
            return path.read_bytes()
        except OSError as error:
            raise UnreadableSample(f"{name} cannot be read: {error.strerror or error}.") from error


class ZipStore:
    """The files of a zip, read in place. One reader for all threads; a forked process opens its own."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._archive: zipfile.ZipFile | None = None
        self._process = 0

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["path"])  # type: ignore[misc]  # a fresh lock, and no open file

    def _opened(self) -> zipfile.ZipFile:
        if self._archive is None or self._process != os.getpid():
            self._archive = zipfile.ZipFile(self.path)
            self._process = os.getpid()
        return self._archive

    def names(self) -> list[str]:
        try:
            with self._lock:
                infos = self._opened().infolist()
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
            raise UnreadableFile(
                f"{self.path.name} must be a folder, a zip or a csv; it is torn or something else ({error}). "
                "Copy or pack it again."
            ) from error
        return list(dict.fromkeys(info.filename for info in infos if not info.is_dir() and _wanted(info.filename)))

    def read(self, name: str) -> bytes:
        try:
            with self._lock:
                info = self._opened().getinfo(name)
                if info.file_size > LARGEST:
                    raise UnreadableSample(f"{name} has {info.file_size >> 20} MB, too much for a picture.")
                return self._archive.read(info)  # type: ignore[union-attr]
        except UnreadableSample:
            raise
        except Exception as error:
            # zlib, lzma, a wrong sum, a password, an unknown method, a missing entry: each raises its own
            said = "it is encrypted" if "encrypted" in str(error) else f"{type(error).__name__}: {error}"
            raise UnreadableSample(f"{name} cannot be read from {self.path.name}: {said}.") from error


class ListedStore:
    """Files named in a list, relative to a folder or absolute."""

    def __init__(self, path: Path, listed: Iterable[str]) -> None:
        self.path = path
        self._listed = list(listed)

    def names(self) -> list[str]:
        return self._listed

    def read(self, name: str) -> bytes:
        return FolderStore(self.path).read(name)
